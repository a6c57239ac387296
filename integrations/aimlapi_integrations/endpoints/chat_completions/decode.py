"""Decode a chat completions body of any model family into a `Reply`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Literal, TypeAlias

from pydantic_core import Url

from ...errors import error_from
from ...models import Model, lookup
from ...types import Audio, Choice, FinishReason, Image, Json, Message, Part, Reasoning, Refusal, Reply, Text, ToolCall
from ..shared import parsing
from ..shared.identifiers import CallIds, synthetic_id
from ..shared.media import is_data_url
from ..shared.parsing import as_dict, as_str, dict_items

FINISH_REASONS: Mapping[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "refusal": "content_filter",
}

# Fields with reasoning text; families that send several of them repeat the same text in each.
REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details")
_ALL_REASONING_FIELDS = frozenset((*REASONING_FIELDS, "extra_content", "encrypted_content"))


def decode(body: Json, headers: Mapping[str, str], taken: Collection[str] = (), model: Model | None = None) -> Reply:
    """Decode a 2xx body.

    Args:
        body: the JSON body.
        headers: the response headers.
        taken: ids that the reply's tool calls must not have.
        model: the requested model. It and the model named in the body determine how `<think>` is parsed.

    Raises:
        APIError: the body reports an error, or has no choices.
    """
    choices = _require_choices(body, headers)
    return Reply(
        model=parsing.parse_model(body, headers),
        choices=tuple(_decode_choice(each, body, headers, model, taken) for each in choices),
        id=as_str(body.get("id")),
        created=parsing.as_count(body.get("created")) or None,
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
        system_fingerprint=as_str(body.get("system_fingerprint")),
        service_tier=as_str(body.get("service_tier")),
        raw=body,
    )


def _require_choices(body: Any, headers: Mapping[str, str]) -> list[Json]:
    if not isinstance(body, dict):
        raise parsing.unreadable_error(f"expected an object, received {parsing.json_type(body)}", body, headers)
    choices = dict_items(body.get("choices"))
    if body.get("error") or (not choices and parsing.has_error_fields(body)):
        raise error_from(200, headers, body)
    if not choices:
        raise parsing.unreadable_error("choices: expected at least one, received none", body, headers)
    return choices


def _decode_choice(
    choice: Json, body: Json, headers: Mapping[str, str], model: Model | None, taken: Collection[str]
) -> Choice:
    if choice.get("finish_reason") == "error" or choice.get("error"):
        raise error_from(200, headers, {"error": choice.get("error") or "the model's provider failed"})
    raw_reason = as_str(choice.get("finish_reason"))
    finish_reason = FINISH_REASONS.get((raw_reason or "").lower())
    is_cut = finish_reason in ("length", "content_filter") or bool(raw_reason and not finish_reason)
    content = _require_message(choice, body, headers)
    calls = _decode_tool_calls(content, is_cut, body, headers, taken)
    parts = (*_decode_message(content, body, headers, model), *calls)
    message = Message("assistant", parts, author=parsing.parse_model(body, headers) or None)
    if (raw_reason or "").lower() == "malformed_function_call" and not (message.text or message.tool_calls):
        raise parsing.unreadable_error(
            "The model wrote a malformed function call, and the response has no content (finish reason "
            f"{raw_reason!r}): send the request again, or simplify the tools' schemas.",
            body,
            headers,
        )
    if finish_reason == "tool_calls" and not (message.text or message.tool_calls):
        raise parsing.unreadable_error(
            "choices[].message.tool_calls: expected at least one, received none", body, headers
        )
    return Choice(
        message=message,
        finish_reason=finish_reason,
        native_finish_reason=as_str(choice.get("native_finish_reason")) or raw_reason,
        logprobs=tuple(dict_items(as_dict(choice.get("logprobs")).get("content"))) or None,
    )


def _require_message(choice: Json, body: Json, headers: Mapping[str, str]) -> Json:
    """Return the message of a choice; an empty one if there is only a finish reason."""
    message = choice.get("message")
    if isinstance(message, dict) or (message is None and choice.get("finish_reason")):
        return as_dict(message)
    received = parsing.json_type(message)
    raise parsing.unreadable_error(f"choices[].message: expected object, received {received}", body, headers)


# --- the parts of a message ---------------------------------------------------------------------------------------


def _decode_message(message: Json, body: Json, headers: Mapping[str, str], model: Model | None) -> list[Part]:
    """Decode all parts but tool calls, in the order in which models write them: reasoning, text, media."""
    content = parsing.parse_text(message.get("content"), "choices[].message.content", body, headers)
    inline_reasoning, text = _split_think_tags(content, model, parsing.parse_model(body, headers))
    parts: list[Part] = [*_decode_reasoning(message, inline_reasoning), *_decode_text(text, message, body)]
    if refusal := as_str(message.get("refusal")):
        parts.append(Refusal(refusal))
    parts += decode_images(dict_items(message.get("images")) + find_image_parts(message.get("content")))
    if audio := as_dict(message.get("audio")):
        parts.append(_decode_audio(audio))
    return parts


def _split_think_tags(text: str, model: Model | None, reported_id: str) -> tuple[str, str]:
    """Split off the reasoning in think tags, which few texts have, and return it and the rest."""
    splitter = select_splitter(model, reported_id) if OPEN in text or CLOSE in text else None
    return splitter.split_all(text) if splitter else ("", text)


def _decode_tool_calls(
    message: Json, is_cut: bool, body: Json, headers: Mapping[str, str], taken: Collection[str]
) -> tuple[Part, ...]:
    """Decode the tool calls, with ids that differ from each other and from those that are taken."""
    calls = _require_calls(message, body, headers)
    if not calls:
        return ()
    reply_id, last = as_str(body.get("id")), len(calls) - 1
    return CallIds(taken).claim_all(
        _decode_tool_call(call, is_cut, synthetic_id(reply_id, index), index == last)
        for index, call in enumerate(calls)
    )


def _require_calls(message: Json, body: Json, headers: Mapping[str, str]) -> list[Json]:
    entries = parsing.require_dicts(message.get("tool_calls"), "choices[].message.tool_calls", body, headers)
    calls = [entry for entry in entries if not parsing.is_empty_call(entry)]
    legacy = as_dict(message.get("function_call"))
    return calls or ([{"function": legacy}] if legacy else [])


def _decode_text(text: str, message: Json, body: Json) -> list[Text]:
    annotations = dict_items(message.get("annotations"))
    citations = tuple(map(parsing.parse_annotation, annotations)) or parsing.parse_sources(body)
    return [Text(text, citations)] if text or citations else []


def _decode_reasoning(message: Json, inline: str) -> list[Reasoning]:
    """Decode the reasoning, once, from any of the fields that families use; `inline` is the one from the text."""
    if not inline and _ALL_REASONING_FIELDS.isdisjoint(message):
        return []
    details = tuple(dict_items(message.get("reasoning_details")))
    google = as_dict(as_dict(message.get("extra_content")).get("google"))
    part = Reasoning(
        text=parse_reasoning_text(message) or inline,
        signature=_first_detail(details, "signature") or as_str(google.get("thought_signature")),
        encrypted=_first_detail(details, "data") or as_str(message.get("encrypted_content")),
        details=details,
    )
    return [part] if part != Reasoning() else []


def parse_reasoning_text(message: Json) -> str:
    """Return the reasoning text of a message or a delta, from the first field that has some."""
    text = as_str(message.get("reasoning_content")) or as_str(message.get("reasoning"))
    return text or "".join(
        as_str(detail.get("text")) or as_str(detail.get("summary")) or ""
        for detail in dict_items(message.get("reasoning_details"))
    )


def _first_detail(details: tuple[Json, ...], key: str) -> str | None:
    return next((value for detail in details if (value := as_str(detail.get(key)))), None)


def _decode_tool_call(call: Json, is_cut: bool, fallback_id: str, is_last: bool) -> ToolCall:
    """Decode one call.

    If the reply was cut off, empty arguments are missing ones, not no arguments; and the input of the last call, if it
    is to a custom tool, may be incomplete.
    """
    custom = as_dict(call.get("custom"))
    function = as_dict(call.get("function")) or custom
    arguments = parsing.parse_arguments(function.get("input" if custom else "arguments"))
    if arguments in ("", "null") and not is_cut and not custom:
        arguments = "{}"
    return ToolCall(
        id=as_str(call.get("id")) or fallback_id,
        name=as_str(function.get("name")) or "",
        arguments=arguments,
        kind="custom" if custom else "function",
        extra={"extra_content": call["extra_content"]} if isinstance(call.get("extra_content"), dict) else {},
        cut=bool(custom) and is_cut and is_last,
    )


def decode_images(items: list[Json]) -> list[Image]:
    """Decode generated images; skip those without a valid URL."""
    targets = [item.get("image_url", item) for item in items]
    urls = [as_str(target) or as_str(as_dict(target).get("url")) for target in targets]
    return [Image(url=url) for url in urls if url and _is_valid_url(url)]


def _is_valid_url(url: str) -> bool:
    with suppress(ValueError):
        return is_data_url(url) or bool(Url(url))
    return False


def find_image_parts(content: Any) -> list[Json]:
    """Return the image parts of a `content` list."""
    return [part for part in dict_items(content) if part.get("type") in ("image_url", "image")]


def _decode_audio(audio: Json) -> Audio:
    return Audio(
        data=as_str(audio.get("data")),
        format=as_str(audio.get("format")),
        id=as_str(audio.get("id")),
        transcript=as_str(audio.get("transcript")),
    )


# --- `<think>` blocks ---------------------------------------------------------------------------------------------

# Some models write reasoning into their text, others only leave a stray closing tag. Known models that don't write tags
# may still write about them, even in their first word. The text of an unknown model is split only if it starts with
# `<think>`; later tags are text.

OPEN, CLOSE = "<think>", "</think>"

Piece: TypeAlias = tuple[Literal["reasoning", "text"], str]


def select_splitter(requested: Model | None, reported_id: str) -> ThinkTagSplitter | None:
    """Return a splitter for the text of one reply, plain or streamed; None if all of it is text.

    Args:
        requested: the model in the request, if known.
        reported_id: the model id in the reply, which may be a short form, or the model that a router chose.
    """
    models = [requested] if requested else []
    if reported_id and not (requested and requested.id == reported_id):
        models.append(lookup(reported_id))
    if any(not model.quirks.isdisjoint(("inline_think", "stray_think_end")) for model in models):
        return ThinkTagSplitter()
    return None if any(model.known for model in models) else ThinkTagSplitter(stray_end=False)


class ThinkTagSplitter:
    """Splits text, fed in pieces of any length, into reasoning and text.

    Args:
        stray_end: whether to drop an unopened closing tag at the very end.

    >>> ThinkTagSplitter().split_all("<think>Hm.</think>Hello")
    ('Hm.', 'Hello')
    """

    def __init__(self, stray_end: bool = True) -> None:
        self._stray_end = stray_end
        self._mode: Literal["start", "reasoning", "text"] = "start"
        self._pending = ""
        self._strip_start = True

    @property
    def is_done(self) -> bool:
        """Whether all further text is returned unchanged."""
        return self._mode == "text" and not (self._stray_end or self._strip_start or self._pending)

    def split_all(self, text: str) -> tuple[str, str]:
        """Split a complete text into its reasoning and the rest."""
        if OPEN not in text and CLOSE not in text:
            return "", text
        pieces = self.feed(text) + self.close()
        reasoning = "".join(piece for kind, piece in pieces if kind == "reasoning")
        return reasoning, "".join(piece for kind, piece in pieces if kind == "text")

    def feed(self, text: str) -> list[Piece]:
        """Return what is certain so far; text that may be the start of a tag stays pending."""
        self._pending += text
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def close(self) -> list[Piece]:
        """Return the pending text."""
        pending, self._pending = self._pending, ""
        if self._mode == "reasoning":
            pending = pending.rstrip()
        elif self._stray_end and pending.strip() == CLOSE:
            pending = ""
        return _piece("reasoning" if self._mode == "reasoning" else "text", pending)

    def _step(self, pieces: list[Piece]) -> bool:
        """Process the pending text up to the next decision; return False if that needs more text."""
        if self._mode == "start":
            return self._start()
        if self._strip_start:
            self._pending = self._pending.lstrip()
            self._strip_start = not self._pending
        return self._split_reasoning(pieces) if self._mode == "reasoning" else self._split_text(pieces)

    def _start(self) -> bool:
        start = self._pending.lstrip()
        if start.startswith(OPEN):
            self._mode, self._pending = "reasoning", start[len(OPEN) :]
            return True
        if OPEN.startswith(start):
            return False
        self._mode, self._strip_start = "text", False
        return True

    def _split_reasoning(self, pieces: list[Piece]) -> bool:
        reasoning, tag, self._pending = self._pending.partition(CLOSE)
        if tag:
            self._mode, self._strip_start = "text", True
        else:
            certain = len(reasoning) - _partial_tag_length(reasoning)
            self._pending = reasoning[len(reasoning[:certain].rstrip()) :]
            reasoning = reasoning[: len(reasoning) - len(self._pending)]
        pieces += _piece("reasoning", reasoning.rstrip() if tag else reasoning)
        return bool(tag)

    def _split_text(self, pieces: list[Piece]) -> bool:
        if not self._stray_end:
            pieces += _piece("text", self._pending)
            self._pending = ""
            return False
        text, tag, rest = self._pending.partition(CLOSE)
        if tag and rest.strip():
            self._pending = rest
            pieces += _piece("text", text + tag)
            return True
        self._pending = tag + rest if tag else text[len(text) - _partial_tag_length(text) :]
        pieces += _piece("text", text if tag else text[: len(text) - len(self._pending)])
        return False


def _piece(kind: Literal["reasoning", "text"], text: str) -> list[Piece]:
    return [(kind, text)] if text else []


def _partial_tag_length(text: str) -> int:
    """Return how many characters at the end of `text` may be the start of a closing tag."""
    return next((size for size in range(len(CLOSE) - 1, 0, -1) if text.endswith(CLOSE[:size])), 0)
