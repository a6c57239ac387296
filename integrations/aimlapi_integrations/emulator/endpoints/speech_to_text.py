"""`/v1/stt/create` and `/v1/stt/{id}`: jobs that are queued, then generating, then completed.

The emulator hears nothing: the transcript names the recording and says that it is emulated, in the form that the
model's vendor has for it.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from ..model import LABEL
from ..model.usage import CREDITS_PER_USD
from ..store import GatewayState
from ..wire import JSON, GatewayError, parse_request
from ..wire.media import AssemblyAIRequest, DeepgramRequest, SpeechRequest, check_media_model_served, speech_family

SECOND_CREDITS = 200  # $0.0001 a second, an invented price of a realistic order
WORD_SECONDS = 0.4
MAX_JOBS = 1_000


@dataclass
class SpeechJob:
    """A job: the states that it reports before it ends, and what it reports then. It never ends if `endless`."""

    id: str
    outcome: JSON
    pending: list[str] = field(default_factory=lambda: ["queued", "generating"])
    endless: bool = False

    def report(self) -> JSON:
        if self.endless:
            return {"id": self.id, "status": "generating"}
        return {"id": self.id, "status": self.pending.pop(0)} if self.pending else {"id": self.id, **self.outcome}


def create_speech_job(state: GatewayState, http_request: Request, body: JSON) -> JSON:
    model = str(body.get("model"))
    check_media_model_served(model, "stt", any_model=state.options.any_model)
    request = parse_request(speech_family(model), body, strict=not http_request.state.is_form)
    fault = http_request.state.fault
    outcome = _failure() if fault == "job-failed" else _completed(request)
    job = SpeechJob(str(uuid.uuid4()), outcome, endless=fault == "job-endless")
    state.speech_jobs[job.id] = job
    for old in list(state.speech_jobs)[:-MAX_JOBS]:
        del state.speech_jobs[old]
    return {"generation_id": job.id}


def retrieve_speech_job(state: GatewayState, http_request: Request, _body: JSON) -> JSON:
    job: Any = state.speech_jobs.get(http_request.path_params["id"])
    if job is None:
        raise GatewayError(404, "Generation not found")
    report: JSON = job.report()
    return report


def _failure() -> JSON:
    return {
        "status": "error",
        "error": {"name": "UpstreamError", "message": "emulated: the recording can't be decoded"},
    }


def _completed(request: SpeechRequest) -> JSON:
    sentences = _sentences(request)
    words = [(word, index) for index, sentence in enumerate(sentences) for word in sentence.split()]
    duration = round(len(words) * WORD_SECONDS, 1)
    credits_used = max(1, int(duration * SECOND_CREDITS))
    return {
        "status": "completed",
        "result": _result(request, sentences, words, duration),
        "meta": {"usage": {"credits_used": credits_used, "usd_spent": credits_used / CREDITS_PER_USD}},
    }


def _sentences(request: SpeechRequest) -> list[str]:
    """Two sentences, one by each of two speakers."""
    file = request.audio or request.file or {}
    name = str(file.get("originalname") or (request.url or "").partition("?")[0].rpartition("/")[2] or "a recording")
    size = f" of {file['size']} bytes" if "size" in file else ""
    return [f"{LABEL} Nobody has listened to {name}{size}.", "This transcript is made up."]


def _result(request: SpeechRequest, sentences: list[str], words: list[tuple[str, int]], duration: float) -> JSON:
    match request:
        case DeepgramRequest():
            return _deepgram(request, sentences, words, duration)
        case AssemblyAIRequest():
            return _assemblyai(request, sentences, words, duration)
    usage = {"type": "tokens", "input_tokens": 10 * len(words), "output_tokens": len(words)}
    return {"text": " ".join(sentences), "usage": {**usage, "total_tokens": 11 * len(words)}}


def _deepgram(request: DeepgramRequest, sentences: list[str], words: list[tuple[str, int]], duration: float) -> JSON:
    timed = [
        {
            "word": re.sub(r"\W", "", word).lower(),
            "start": round(place * WORD_SECONDS, 1),
            "end": round((place + 1) * WORD_SECONDS, 1),
            "confidence": 0.99,
            "punctuated_word": word,
            **({"speaker": speaker} if request.diarize else {}),
        }
        for place, (word, speaker) in enumerate(words)
    ]
    alternative = {"transcript": " ".join(sentences), "confidence": 0.99, "words": timed}
    results: JSON = {"channels": [{"alternatives": [alternative]}]}
    if request.utterances:
        results["utterances"] = [
            {"start": start, "end": end, "confidence": 0.99, "channel": 0, "transcript": text, "speaker": speaker}
            for speaker, (text, start, end) in enumerate(_turns(sentences, 1.0))
        ]
    digest = hashlib.sha256(str(request.audio or request.url).encode()).hexdigest()
    metadata = {"request_id": str(uuid.uuid4()), "sha256": digest, "duration": duration, "channels": 1}
    return {"metadata": {**metadata, "models": [request.model]}, "results": results}


def _assemblyai(
    request: AssemblyAIRequest, sentences: list[str], words: list[tuple[str, int]], duration: float
) -> JSON:
    step = WORD_SECONDS * 1000
    timed = [
        {
            "text": word,
            "start": int(place * step),
            "end": int((place + 1) * step),
            "confidence": 0.99,
            "speaker": "AB"[speaker] if request.speaker_labels else None,
        }
        for place, (word, speaker) in enumerate(words)
    ]
    utterances = [
        {"text": text, "start": int(start), "end": int(end), "speaker": "AB"[speaker], "confidence": 0.99}
        for speaker, (text, start, end) in enumerate(_turns(sentences, 1000.0))
    ]
    return {
        "id": str(uuid.uuid4()),
        "language_model": "aimlapi-emulator",
        "language_code": request.language_code,
        "status": "completed",
        "text": " ".join(sentences),
        "words": timed,
        "utterances": utterances if request.speaker_labels else None,
        "audio_duration": duration,
    }


def _turns(sentences: list[str], unit: float) -> list[tuple[str, float, float]]:
    """Each sentence with its begin and end, in seconds times `unit`."""
    turns, start = [], 0.0
    for sentence in sentences:
        end = start + len(sentence.split()) * WORD_SECONDS
        turns.append((sentence, round(start * unit, 1), round(end * unit, 1)))
        start = end
    return turns
