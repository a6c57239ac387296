"""The events of a chat completions stream -> `Delta`s, folded into one body for `chat_reply.decode` to read."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...errors import StreamError, error_from
from ...types import Audio, Delta, Fragment, Json, Part, Reasoning, Refusal, Reply, Text
from ..shared import parsing
from ..shared.parsing import as_dict, as_str, dict_items
from ..shared.tool_call_accumulator import ToolCallAccumulator
from .decode import REASONING_FIELDS, decode, decode_images, image_parts, reasoning_text
from .think_tags import ThinkTagSplitter, select_splitter

# Fields whose last value is not the one to keep: later chunks repeat them as null or "".
_STICKY = ("id", "model", "usage", "meta", "provider", "service_tier", *parsing.RAW_FIELDS)


class ChatDecoder:
    """One stream's decoder: feed it every event, then close it.

    Usage may come in any chunk, more than once; finish reasons twice; the end with or without `[DONE]`. The delta of
    `close` has what may be said only once.
    """

    ended = False  # counts and price may follow the finish reason: `[DONE]` and the connection tell the end

    def __init__(self, model: str, headers: Mapping[str, str], taken: Collection[str] = ()) -> None:
        self._model = model
        self._headers = headers
        self._body: Json = {"model": model}
        self._kept: Json = {}
        self._choice: Json = {}
        self._message: Json = {}
        self._text: list[str] = []
        self._thought: list[str] = []
        self._logprobs: list[Json] = []
        self._calls = ToolCallAccumulator(taken)
        self._positions: dict[Hashable, int] = {}
        self._splitter: ThinkTagSplitter | None = None
        self._thinking: str | None = None
        self._said_id = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def feed(self, event: Json) -> Delta | None:
        """What `event` adds; None where that is nothing."""
        if not isinstance(event, dict):
            raise self._broken(f"an event is no object but {parsing.json_type(event)}")
        if event.get("error") or ("choices" not in event and parsing.has_error_fields(event)):
            raise self._reported(event)
        self._keep(event)
        fragments: list[Fragment] = []
        for choice in dict_items(event.get("choices")):
            index = choice.get("index")
            if not index or not parsing.as_count(index):  # others than the first answer are not streamed
                self._read_choice(choice, fragments)
        reply_id = self._first_id()
        return Delta(tuple(fragments), id=reply_id) if fragments or reply_id else None

    def close(self, finished: bool) -> Delta:
        """The last delta, with the whole reply."""
        if not self._choice.get("finish_reason") and not (finished and self._calls.complete()):
            raise self._broken("the connection ended before the answer did")
        if not (self._choice or self._message or self._text or self._thought or self._calls):
            raise self._broken("the stream held no answer")
        fragments = self._pieces(self._splitter.close()) if self._splitter else []
        for position, call in self._calls.unnamed(as_str(self._kept.get("id"))):
            fragments.append(self._fragment(("call", position), call))
        reply = decode(self._folded(), self._headers, requested=self._model)
        return Delta((*fragments, *self._once_whole(reply)), reply=reply)

    def _once_whole(self, reply: Reply) -> Iterator[Fragment]:
        """What cannot be told in pieces: signatures and details of the thinking, sources named beside the answer."""
        for part in reply.message.parts:
            match part:
                case Reasoning() if replace(part, text="") != Reasoning():
                    yield self._fragment("reasoning", replace(part, text=""))
                case Text(citations=citations) if citations and "annotations" not in self._message:
                    yield self._fragment("text", Text("", citations))
                case _:
                    pass

    # --- what is kept for the end -----------------------------------------------------------------------------

    def _keep(self, event: Json) -> None:
        self._body.update(event)
        kept = self._kept
        for key in _STICKY:
            value = event.get(key)
            if value and (key not in kept or key not in ("id", "model")):
                kept[key] = value

    def _first_id(self) -> str | None:
        if self._said_id or "id" not in self._kept:
            return None
        self._said_id = True
        return as_str(self._kept["id"])

    def _folded(self) -> Json:
        """The body that a plain call would have had."""
        message: Json = {"role": "assistant", "content": self.text, **self._message}
        if self._thought:
            message["reasoning_content"] = "".join(self._thought)
        if calls := self._calls.bodies():
            message["tool_calls"] = calls
        choice: Json = {"index": 0, **self._choice, "message": message}
        if self._logprobs:
            choice["logprobs"] = {"content": self._logprobs}
        return {**self._body, **self._kept, "object": "chat.completion", "choices": [choice]}

    def _broken(self, what: str) -> StreamError:
        return StreamError(f"The stream broke off: {what}.", headers=self._headers)

    def _reported(self, event: Json) -> Exception:
        return error_from(200, self._headers, event)

    # --- one choice -------------------------------------------------------------------------------------------

    def _read_choice(self, choice: Json, fragments: list[Fragment]) -> None:
        if choice.get("finish_reason") == "error" or choice.get("error"):
            raise self._reported({"error": choice.get("error") or "the model's provider failed"})
        for key in ("finish_reason", "native_finish_reason"):
            if choice.get(key):
                self._choice[key] = choice[key]
        if choice.get("logprobs"):
            self._logprobs += dict_items(as_dict(choice["logprobs"]).get("content"))
        delta = choice.get("delta")
        if delta is None and not self._text:
            delta = choice.get("message")  # a whole message where a piece was due
        if isinstance(delta, dict):
            self._read_delta(delta, fragments)

    def _read_delta(self, delta: Json, fragments: list[Fragment]) -> None:
        if len(delta) > 1 or "content" not in delta:
            self._read_beside(delta, fragments)
        if content := delta.get("content"):
            self._read_content(content, fragments)
        if calls := delta.get("tool_calls"):
            self._read_tool_calls(calls, fragments)

    def _read_beside(self, delta: Json, fragments: list[Fragment]) -> None:
        """Everything but text and tool calls, which most deltas hold nothing of."""
        for key, value in delta.items():
            if not value:
                continue
            if key in _WHOLE:
                self._message[key] = value
            elif key in _READERS:
                _READERS[key](self, value, fragments)
            elif key in REASONING_FIELDS:
                self._read_thinking(key, value, fragments)

    def _fragment(self, key: Hashable, part: Part) -> Fragment:
        return Fragment(self._positions.setdefault(key, len(self._positions)), part)

    def _read_content(self, content: Any, fragments: list[Fragment]) -> None:
        if isinstance(content, list):
            self._read_images(image_parts(content), fragments)
        text = parsing.parse_text(content, "choices[].delta.content", self._body, self._headers)
        if not self._text:
            self._splitter = select_splitter(self._model, as_str(self._kept.get("model")) or "")
        self._text.append(text)
        if self._splitter is None:
            fragments.append(self._fragment("text", Text(text)))
        else:
            fragments += self._pieces(self._splitter.feed(text))

    def _pieces(self, pieces: Iterable[tuple[str, str]]) -> list[Fragment]:
        return [
            self._fragment("reasoning", Reasoning(text)) if kind == "reasoning" else self._fragment("text", Text(text))
            for kind, text in pieces
            if kind == "text" or not self._thought  # thinking in a field of its own goes before that in tags
        ]

    def _read_thinking(self, field: str, value: Any, fragments: list[Fragment]) -> None:
        """Several fields may say the same, in one chunk or in turn: the first that spoke is the one to hear."""
        if field == "reasoning_details":
            self._fold_details(dict_items(value))
        thought = reasoning_text({field: value})
        if thought and self._thinking in (None, field):
            self._thinking = field
            self._thought.append(thought)
            fragments.append(self._fragment("reasoning", Reasoning(thought)))

    def _fold_details(self, details: list[Json]) -> None:
        """Pieces of one detail share type and index: its text grows, its other fields are set once they come."""
        folded: list[Json] = self._message.setdefault("reasoning_details", [])
        for piece in details:
            key = (piece.get("type"), piece.get("index"))
            known = next((one for one in folded if (one.get("type"), one.get("index")) == key), None)
            if known is None:
                folded.append(dict(piece))
            else:
                known.update({name: _grown(known, name, value) for name, value in piece.items() if value is not None})

    # --- the rarer fields of a delta, by name ------------------------------------------------------------------

    def _read_refusal(self, refusal: Any, fragments: list[Fragment]) -> None:
        words = as_str(refusal) or ""
        self._message["refusal"] = self._message.get("refusal", "") + words
        fragments.append(self._fragment("refusal", Refusal(words)))

    def _read_tool_calls(self, pieces: Any, fragments: list[Fragment]) -> None:
        for piece in parsing.require_dicts(pieces, "choices[].delta.tool_calls", self._body, self._headers):
            position, call = self._calls.add(piece)
            fragments.append(self._fragment(("call", position), call))

    def _read_function_call(self, call: Any, fragments: list[Fragment]) -> None:
        if isinstance(call, dict):
            self._read_tool_calls([{"index": 0, "function": call}], fragments)

    def _read_annotations(self, annotations: Any, fragments: list[Fragment]) -> None:
        found = dict_items(annotations)
        self._message.setdefault("annotations", []).extend(found)
        fragments.append(self._fragment("text", Text("", tuple(map(parsing.parse_annotation, found)))))

    def _read_images(self, found: Any, fragments: list[Fragment]) -> None:
        kept = self._message.setdefault("images", [])
        for item in dict_items(found):
            kept.append(item)
            fragments.extend(self._fragment(("image", len(kept)), part) for part in decode_images([item]))

    def _read_audio(self, audio: Any, fragments: list[Fragment]) -> None:
        piece, folded = as_dict(audio), self._message.setdefault("audio", {})
        folded.update({key: _grown(folded, key, value) for key, value in piece.items() if value is not None})
        part = Audio(data=as_str(piece.get("data")), transcript=as_str(piece.get("transcript")))
        fragments.append(self._fragment("audio", part))


_READERS = {
    "refusal": ChatDecoder._read_refusal,
    "function_call": ChatDecoder._read_function_call,
    "annotations": ChatDecoder._read_annotations,
    "images": ChatDecoder._read_images,
    "audio": ChatDecoder._read_audio,
}

# Fields of a message that come in one piece.
_WHOLE = ("extra_content", "encrypted_content")

_GROWING = ("text", "summary", "data", "transcript")


def _grown(known: Json, name: str, value: Any) -> Any:
    before = known.get(name)
    return before + value if name in _GROWING and isinstance(before, str) and isinstance(value, str) else value
