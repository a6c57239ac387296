"""`/v1/stt`: submit a recording, poll the job, and parse the transcript in any vendor's format.

What each model accepts is in `models/media.json`. The gateway stores results for an hour.
https://docs.aimlapi.com/api-references/speech-models/speech-to-text
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ResponseFailedError, UnsupportedParameterError
from ..models.lookup import check_model
from ..models.media import speech_capabilities
from ..types import CallMetadata, Cost, Json, Usage
from .shared import parsing
from .shared.adapt import listed_options
from .shared.model_kinds import SPEECH_MODEL as DEFAULT_MODEL
from .shared.model_kinds import require_kind
from .shared.parsing import as_dict, as_str, dict_items
from .shared.paths import id_path
from .shared.sources import FormFile, MediaSource

CREATE_PATH = "/stt/create"

_PENDING = frozenset({"queued", "generating", "processing", "waiting", "active", "pending", "in_progress"})
_FAILED = frozenset({"error", "failed", "cancelled", "canceled"})
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…")


@dataclass(frozen=True, slots=True)
class Word:
    """A word: `start` and `end` are seconds from the beginning, `confidence` is 0 to 1."""

    text: str
    start: float
    end: float
    speaker: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech by one speaker: `start` and `end` are seconds from the beginning, None if unknown."""

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of a recording, or a job that hasn't ended.

    Attributes:
        text: all of it.
        segments: turns of the speakers where the model tells them apart, else sentences or the whole text.
        words: with their times, where the model reports them.
        model: the requested model, or the one that the result names.
        language: a code such as `en`, where the model names it.
        duration: seconds of the recording.
        id: of the job; its result can be retrieved for an hour.
        status: of the job, in the gateway's words.
        usage, cost, call_metadata: as of any reply.
    """

    text: str = ""
    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] = field(default=(), repr=False)
    model: str = ""
    language: str | None = None
    duration: float | None = None
    id: str = ""
    status: str = ""
    usage: Usage | None = None
    cost: Cost | None = None
    call_metadata: CallMetadata = field(default_factory=CallMetadata)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def done(self) -> bool:
        """Whether the job has ended."""
        return self.status not in _PENDING


@dataclass(frozen=True, slots=True)
class Submission:
    """What starts a job: the body, and the file if it isn't behind a URL."""

    body: Json
    files: tuple[FormFile, ...] = ()


# --- requests -----------------------------------------------------------------------------------------------------


def encode(
    source: MediaSource,
    model: str = DEFAULT_MODEL,
    *,
    language: str | None = None,
    speakers: bool = False,
    strict: bool = False,
    **options: Any,
) -> Submission:
    """Build the request that starts a job.

    Args:
        source: the recording.
        model: its id.
        language: a code such as `en`; None to let the model detect it.
        speakers: whether to tell speakers apart.
        strict: whether an option that the model doesn't list is an error instead of a warning.
        options: further fields, such as `punctuate` or `keyterm`.

    Raises:
        UnsupportedParameterError: the model doesn't take a language, can't tell speakers apart, or is known to be of
            another kind.

    >>> encode(MediaSource("", "a.mp3", url="https://example.com/a.mp3"), "aai/universal", language="en").body
    {'model': 'aai/universal', 'url': 'https://example.com/a.mp3', 'language_code': 'en'}
    """
    require_kind(check_model(model), "speech_to_text")
    accepted = speech_capabilities(model)
    if speakers and not accepted.speakers:
        raise UnsupportedParameterError(f"{model} doesn't tell speakers apart: use {DEFAULT_MODEL}.")
    if language is not None and accepted.language is None:
        raise UnsupportedParameterError(f"{model} detects the language by itself: leave out language={language!r}.")
    fields = {**({accepted.language: language} if accepted.language else {}), **(accepted.speakers if speakers else {})}
    listed = listed_options({**fields, **options}, accepted.parameters, model, strict=strict)
    if source.url:
        return Submission({"model": model, "url": source.url, **listed})
    return Submission({"model": model, **listed}, (FormFile(accepted.upload, source),))


def job_path(job_id: str) -> str:
    """The path of a job. ValueError if `job_id` isn't an id."""
    return f"/stt/{id_path(job_id, 'a transcription job')}"


def decode_submission(body: Json, headers: Mapping[str, str]) -> Transcript:
    """Parse the answer to a submission: a transcript that is still to come, with the id of the job.

    Raises:
        APIResponseError: it names no job.
    """
    job_id = as_str(body.get("generation_id")) or as_str(body.get("id"))
    if job_id is None:
        received = parsing.json_type(body.get("generation_id"))
        raise parsing.missing_list_error(f"generation_id: expected string, received {received}", body, headers)
    metadata = parsing.parse_call_metadata(body, headers)
    status = as_str(body.get("status")) or "queued"
    return Transcript(id=job_id, status=status, cost=parsing.parse_cost(body, headers), call_metadata=metadata)


# --- results ------------------------------------------------------------------------------------------------------


def decode(body: Json, headers: Mapping[str, str], job_id: str, model: str = "") -> Transcript:
    """Parse the state of a job, with its result if it has ended.

    Args:
        body: of the response.
        headers: for the price and the ids of the call.
        job_id: the id of the job.
        model: the requested model, if known.

    Raises:
        ResponseFailedError: the job failed.
        APIResponseError: the body is no state of a job.
    """
    result = as_dict(body.get("result")) or as_dict(body.get("output"))
    status = as_str(body.get("status")) or ("completed" if result else "")
    if status in _FAILED or as_str(result.get("status")) in _FAILED:
        raise _failure(body, result, headers, job_id)
    base = Transcript(id=job_id, status=status, model=model, raw=body)
    base = replace(base, call_metadata=parsing.parse_call_metadata(body, headers))
    if status in _PENDING:
        return base
    if not result:
        received = parsing.json_type(body.get("result"))
        raise parsing.missing_list_error(f"result: expected object, received {received}", body, headers)
    return replace(_read_result(result, base), cost=parsing.parse_cost(body, headers))


def _failure(body: Json, result: Json, headers: Mapping[str, str], job_id: str) -> ResponseFailedError:
    problem = body.get("error") or result.get("error")
    reason = as_str(as_dict(problem).get("message")) or as_str(problem) or "the gateway gives no reason"
    error = ResponseFailedError(
        f"Transcription job {job_id} failed: {reason}.",
        status=200,
        kind=as_str(as_dict(problem).get("name")),
        body=body,
        headers=headers,
    )
    error.response_id = job_id
    return error


def _read_result(result: Json, base: Transcript) -> Transcript:
    """Read a result by its vendor's form: Deepgram's has `results`, AssemblyAI's counts milliseconds."""
    if "results" in result:
        return _read_deepgram(result, base)
    return _read_flat(result, base, 0.001 if "audio_duration" in result or "language_model" in result else 1.0)


def _read_deepgram(result: Json, base: Transcript) -> Transcript:
    results, metadata = as_dict(result.get("results")), as_dict(result.get("metadata"))
    channels = results.get("channels")
    rows = dict_items(channels) if isinstance(channels, list) else [as_dict(channels)]
    best = [row for channel in rows for row in dict_items(channel.get("alternatives"))[:1]]
    text = "\n".join(filter(None, (as_str(row.get("transcript")) for row in best)))
    words = tuple(word for row in best for word in _words(row.get("words"), 1.0))
    turns = _segments(results.get("utterances"), 1.0) or tuple(_sentences(best)) or _group_words(words)
    duration = _seconds(metadata.get("duration"))
    language = next((as_str(channel.get("detected_language")) for channel in rows), None)
    names = metadata.get("models")
    model = base.model or (str(names[0]) if isinstance(names, list) and names else "")
    segments = turns or _whole(text, duration)
    return replace(base, text=text, segments=segments, words=words, language=language, duration=duration, model=model)


def _read_flat(result: Json, base: Transcript, unit: float) -> Transcript:
    text = as_str(result.get("text")) or ""
    words = tuple(_words(result.get("words"), unit))
    duration = _seconds(result.get("audio_duration") or result.get("duration"))
    duration = duration or _seconds(as_dict(result.get("usage")).get("seconds"))
    turns = _segments(result.get("utterances"), unit) or _segments(result.get("segments"), unit) or _group_words(words)
    usage = as_dict(result.get("usage"))
    return replace(
        base,
        text=text,
        segments=turns or _whole(text, duration),
        words=words,
        language=as_str(result.get("language_code")) or as_str(result.get("language")),
        duration=duration,
        usage=parsing.parse_usage(usage) if "total_tokens" in usage else None,
    )


def _whole(text: str, duration: float | None) -> tuple[Segment, ...]:
    return (Segment(text, 0.0 if duration else None, duration),) if text else ()


def _segments(rows: Any, unit: float) -> tuple[Segment, ...]:
    """Utterances of speakers, or segments. `unit` is what their times count, in seconds."""
    return tuple(
        Segment(text, _seconds(row.get("start"), unit), _seconds(row.get("end"), unit), _speaker(row))
        for row in dict_items(rows)
        if (text := (as_str(row.get("transcript")) or as_str(row.get("text")) or "").strip())
    )


def _sentences(alternatives: list[Json]) -> Iterator[Segment]:
    """Deepgram's paragraphs, sentence by sentence."""
    for row in alternatives:
        paragraphs = row.get("paragraphs")
        groups = dict_items(paragraphs) or [as_dict(paragraphs)]
        nested = [each.get("paragraphs") for each in groups]
        for paragraph in (item for each in nested for item in (dict_items(each) or [as_dict(each)])):
            for sentence in _segments(paragraph.get("sentences"), 1.0):
                yield replace(sentence, speaker=_speaker(paragraph))


def _words(rows: Any, unit: float) -> Iterator[Word]:
    for row in dict_items(rows):
        text = as_str(row.get("punctuated_word")) or as_str(row.get("word")) or as_str(row.get("text"))
        start, end = _seconds(row.get("start"), unit), _seconds(row.get("end"), unit)
        if text and start is not None and end is not None:
            yield Word(text, start, end, _speaker(row), _seconds(row.get("confidence")))


def _group_words(words: tuple[Word, ...]) -> tuple[Segment, ...]:
    """Sentences, which also end where the speaker changes."""
    groups: list[list[Word]] = []
    for word in words:
        last = groups[-1][-1] if groups else None
        if last is None or last.speaker != word.speaker or last.text.endswith(_SENTENCE_ENDS):
            groups.append([])
        groups[-1].append(word)
    return tuple(
        Segment(" ".join(word.text for word in group), group[0].start, group[-1].end, group[0].speaker)
        for group in groups
    )


def _seconds(value: Any, unit: float = 1.0) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return round(value * unit, 3) if is_number else None


def _speaker(row: Json) -> str | None:
    speaker = row.get("speaker")
    return None if speaker is None else str(speaker)
