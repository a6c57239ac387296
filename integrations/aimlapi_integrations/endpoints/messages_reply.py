"""An Anthropic message, whole or in events -> `Reply`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..conversation import (
    Choice,
    Citation,
    Delta,
    FinishReason,
    Fragment,
    HostedItem,
    Json,
    Message,
    Part,
    Reasoning,
    Reply,
    Text,
    ToolCall,
    Usage,
)
from ..errors import StreamError, error_from
from . import reading
from .reading import obj, objects, string
from .tool_call_fold import made_up_id

FINISH_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def decode(body: Json, headers: Mapping[str, str]) -> Reply:
    """The reply that a 2xx body holds; APIResponseError, or the error it reports, where it holds none."""
    if not isinstance(body, dict):
        raise reading.unreadable(f"expected an object, received {reading.json_type(body)}", body, headers)
    held = isinstance(body.get("content"), list)
    if body.get("error") or body.get("type") == "error" or (not held and reading.complains(body)):
        raise error_from(200, headers, body)
    if not held:
        found = reading.json_type(body.get("content"))
        raise reading.unreadable(f"content: expected array, received {found}", body, headers)
    native = string(body.get("stop_reason"))
    reason = FINISH_REASONS.get(native or "")
    return Reply(
        model=string(body.get("model")) or "",
        choices=(Choice(Message("assistant", tuple(_parts(body, reason == "length"))), reason, native),),
        id=string(body.get("id")),
        usage=_usage(body.get("usage")),
        cost=reading.cost(body, headers),
        trail=reading.trail(body, headers),
        service_tier=string(obj(body.get("usage")).get("service_tier")),
        raw=body,
    )


def _parts(body: Json, cut: bool) -> Iterator[Part]:
    for index, block in enumerate(objects(body["content"])):
        yield _part(block, cut, made_up_id(string(body.get("id")), index))


def _usage(raw: Any) -> Usage | None:
    """Tokens read from and written to the cache are counted beside `input_tokens` here, not in it."""
    if not isinstance(raw, dict):
        return None
    cached = {
        "cache_read": reading.integer(raw.get("cache_read_input_tokens")),
        "cache_creation": reading.integer(raw.get("cache_creation_input_tokens")),
    }
    asked = reading.integer(raw.get("input_tokens")) + sum(cached.values())
    answered = reading.integer(raw.get("output_tokens"))
    return Usage(asked, answered, asked + answered, cached, raw=raw)


def _part(block: Json, cut: bool, spare_id: str) -> Part:
    match block.get("type"):
        case "text":
            return Text(string(block.get("text")) or "", tuple(map(_citation, objects(block.get("citations")))))
        case "thinking":
            return Reasoning(string(block.get("thinking")) or "", signature=string(block.get("signature")))
        case "redacted_thinking":
            return Reasoning(encrypted=string(block.get("data")))
        case "tool_use":
            arguments = reading.arguments(block.get("input")) or ("" if cut else "{}")
            return ToolCall(string(block.get("id")) or spare_id, string(block.get("name")) or "", arguments)
        case _:
            return HostedItem(block)  # a tool that the gateway ran, and its result


def _is_hosted(block: Json) -> bool:
    """Whether a block belongs to a tool that the gateway runs."""
    return block.get("type") not in ("text", "thinking", "redacted_thinking", "tool_use")


def _citation(raw: Json) -> Citation:
    return Citation(
        url=string(raw.get("url")),
        title=string(raw.get("title")) or string(raw.get("document_title")),
        quote=string(raw.get("cited_text")),
        raw=raw,
    )


class MessagesDecoder:
    """One stream's decoder: the events fold into the body that a plain call would have had."""

    def __init__(self, model: str, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._body: Json = {"model": model, "content": []}
        self._blocks: dict[int, Json] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._text: list[str] = []
        self._ended = False
        self.ended = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def feed(self, event: Json) -> Delta | None:
        """What `event` adds; None where that is nothing, as with events that are not known."""
        if not isinstance(event, dict):
            raise StreamError(f"The stream broke off: an event is no object but {reading.json_type(event)}.")
        read = _EVENTS.get(str(event.get("type")))
        if event.get("error") or (read is None and reading.complains(event)):
            raise error_from(200, self._headers, event)
        return read(self, event) if read else None

    def close(self, finished: bool) -> Delta:
        """The last delta, with the whole reply."""
        if not self._ended and not (finished and self._blocks):
            raise StreamError("The stream broke off: the connection ended before the answer did.")
        for index in self._blocks:
            self._join(index)
        body = {**self._body, "content": [self._blocks[index] for index in sorted(self._blocks)]}
        return Delta(reply=decode(body, self._headers))

    def _grow(self, index: int, field: str, piece: Any) -> str:
        """Arguments grow like text, and stay as they were written: nobody repairs what was cut off."""
        grown = string(piece) or ""
        self._pieces.setdefault((index, field), []).append(grown)
        return grown

    def _join(self, index: int) -> None:
        """Put the pieces of a block together: what a hosted tool was asked is an object there, not its text."""
        block = self._blocks[index]
        for field in [field for place, field in self._pieces if place == index]:
            grown = (string(block.get(field)) or "") + "".join(self._pieces.pop((index, field)))
            block[field] = (ToolCall("", "", grown).parsed() or {}) if _is_hosted(block) else grown

    def _start(self, event: Json) -> Delta:
        message = obj(event.get("message"))
        self._body.update({key: value for key, value in message.items() if key != "content"})
        return Delta(id=string(message.get("id")))

    def _block_start(self, event: Json) -> Delta | None:
        index, block = reading.integer(event.get("index")), dict(obj(event.get("content_block")))
        self._blocks[index] = block
        spare_id = made_up_id(string(self._body.get("id")), index)
        if block.get("type") == "tool_use":
            block["id"] = string(block.get("id")) or spare_id
            block["input"] = block.get("input") or ""  # it comes in pieces; an empty object would pass for a whole one
            return Delta((Fragment(index, ToolCall(block["id"], string(block.get("name")) or "", "")),))
        if _is_hosted(block):
            return None  # told whole, at its end
        part = _part(block, True, spare_id)
        if isinstance(part, Text):
            self._text.append(part.text)
        return Delta((Fragment(index, part),)) if part not in (Text(""), Reasoning()) else None

    def _block_delta(self, event: Json) -> Delta | None:
        index, delta = reading.integer(event.get("index")), obj(event.get("delta"))
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        read = _DELTAS.get(str(delta.get("type")))
        part = read(self, index, block, delta) if read else None
        return Delta((Fragment(index, part),)) if part else None

    def _block_stop(self, event: Json) -> Delta | None:
        index = reading.integer(event.get("index"))
        block = self._blocks.get(index, {"type": "text"})
        if not _is_hosted(block):
            return None
        self._join(index)
        return Delta((Fragment(index, HostedItem(block)),))

    def _text_delta(self, index: int, _: Json, delta: Json) -> Part:
        text = self._grow(index, "text", delta.get("text"))
        self._text.append(text)
        return Text(text)

    def _thinking_delta(self, index: int, _: Json, delta: Json) -> Part:
        return Reasoning(self._grow(index, "thinking", delta.get("thinking")))

    def _signature_delta(self, _: int, block: Json, delta: Json) -> Part:
        block["signature"] = delta.get("signature")
        return Reasoning(signature=string(delta.get("signature")))

    def _citations_delta(self, _: int, block: Json, delta: Json) -> Part:
        found = obj(delta.get("citation"))
        block["citations"] = [*objects(block.get("citations")), found]
        return Text("", (_citation(found),))

    def _json_delta(self, index: int, block: Json, delta: Json) -> Part | None:
        grown = self._grow(index, "input", delta.get("partial_json"))
        return None if _is_hosted(block) else ToolCall("", "", grown)

    def _message_delta(self, event: Json) -> None:
        self._body.update({key: value for key, value in obj(event.get("delta")).items() if value is not None})
        self._body["usage"] = {**obj(self._body.get("usage")), **obj(event.get("usage"))}
        if event.get("meta"):
            self._body["meta"] = event["meta"]
        self._ended = self._ended or bool(self._body.get("stop_reason"))

    def _stop(self, event: Json) -> None:
        self._ended = self.ended = True
        if event.get("meta"):
            self._body["meta"] = event["meta"]


_EVENTS: Mapping[str, Callable[[MessagesDecoder, Json], Delta | None]] = {
    "message_start": MessagesDecoder._start,
    "content_block_start": MessagesDecoder._block_start,
    "content_block_delta": MessagesDecoder._block_delta,
    "content_block_stop": MessagesDecoder._block_stop,
    "message_delta": MessagesDecoder._message_delta,
    "message_stop": MessagesDecoder._stop,
}
_DELTAS: Mapping[str, Callable[[MessagesDecoder, int, Json, Json], Part | None]] = {
    "text_delta": MessagesDecoder._text_delta,
    "thinking_delta": MessagesDecoder._thinking_delta,
    "signature_delta": MessagesDecoder._signature_delta,
    "citations_delta": MessagesDecoder._citations_delta,
    "input_json_delta": MessagesDecoder._json_delta,
}
