"""Decode the events of a chat completions stream, and assemble the body that a plain reply would have."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..._utils.json import drop_none
from ...errors import APIError, StreamError, error_from
from ...models import Model, lookup
from ...types import Audio, Delta, Fragment, Json, Part, Reasoning, Refusal, Reply, Text
from ..shared import parsing
from ..shared.parsing import as_dict, as_str, dict_items
from ..shared.tool_call_accumulator import ToolCallAccumulator
from .decode import (
    REASONING_FIELDS,
    ThinkTagSplitter,
    decode,
    decode_images,
    find_image_parts,
    parse_reasoning_text,
    select_splitter,
)

# Body fields that later chunks may repeat as null or "": their last non-empty value is kept; of ids, the first.
_STICKY_FIELDS = ("id", "model", "usage", "meta", "provider", "service_tier", *parsing.RAW_FIELDS)
_FIRST_VALUE_FIELDS = ("id", "model")

# Message fields that arrive in one piece, and fields of objects that arrive in several.
_ATOMIC_FIELDS = ("extra_content", "encrypted_content")
_GROWING_FIELDS = ("text", "summary", "data", "transcript")


# Random characters that OpenAI adds to each event, so that its length doesn't reveal that of the text.
PADDING = "obfuscation"


class RepeatedFields:
    """The fields of an event with text, or with a piece of a tool call, that the following events repeat.

    Reading a field again with the same value changes nothing, so such an event adds its text or its piece and nothing
    else, and the decoder needs to read nothing else of it. Nearly all events are like that.

    Args:
        event: an event that has been read. If more than the text or the piece of its only choice can't be read twice,
            or if there is no event, no event repeats its fields.
    """

    __slots__ = ("_choice", "_delta", "_event", "_name")

    def __init__(self, event: Json | None = None) -> None:
        self._event: Json | None = None
        choices = dict_items(event.get("choices")) if event else []
        if event is None or len(choices) != 1:
            return
        choice, delta = choices[0], as_dict(choices[0].get("delta"))
        names = [name for name, value in delta.items() if value and name != "role"]
        if names not in (["content"], ["tool_calls"]) or choice.get("index") or choice.get("logprobs"):
            return
        self._name = names[0]
        self._event = {name: value for name, value in event.items() if name not in ("choices", PADDING)}
        self._choice = {name: value for name, value in choice.items() if name != "delta"}
        self._delta = {name: value for name, value in delta.items() if name != self._name}

    def get_addition(self, event: Json) -> str | Json | None:
        """Return the text, or the tool call, of an event that repeats all other fields; None for any other event."""
        if self._event is None:
            return None
        try:
            [choice] = event["choices"]
            delta = choice["delta"]
            addition = delta[self._name]
            if type(addition) is list:
                [addition] = addition
        except (KeyError, TypeError, ValueError):
            return None
        if type(addition) is not _ADDITIONS[self._name] or len(delta) != len(self._delta) + 1:
            return None
        size = len(event) - 1 if PADDING in event else len(event)
        if size != len(self._event) + 1 or not self._event.items() <= event.items():
            return None
        if len(choice) != len(self._choice) + 1 or not self._choice.items() <= choice.items():
            return None
        return addition if not self._delta or self._delta.items() <= delta.items() else None


_ADDITIONS = {"content": str, "tool_calls": dict}


class ChatDecoder:
    """Decodes one stream: call `feed` with every event, then `close`.

    Usage may arrive in any chunk, several times; finish reasons may repeat; `[DONE]` may be missing. The delta of
    `close` has what can only be sent whole.

    Args:
        model_id: the id in the request, for streams that don't name the model.
        headers: the response headers.
        taken: ids that the reply's tool calls must not have.
        model: the requested model; looked up if None.
    """

    ended = False  # usage and price may follow the finish reason, so only `[DONE]` or the connection ends the stream

    def __init__(
        self, model_id: str, headers: Mapping[str, str], taken: Collection[str] = (), model: Model | None = None
    ) -> None:
        self._model = model or lookup(model_id)
        self._headers = headers
        self._body: Json = {"model": model_id}
        self._sticky: Json = {}
        self._choice: Json = {}
        self._message: Json = {}
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._reasoning_field: str | None = None
        self._logprobs: list[Json] = []
        self._calls = ToolCallAccumulator(taken)
        self._positions: dict[Hashable, int] = {}
        self._splitter: ThinkTagSplitter | None = None
        self._has_emitted_id = False
        self._repeated = RepeatedFields()

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def feed(self, event: Json) -> Delta | None:
        """Return what `event` adds; None if that is nothing.

        Raises:
            APIError: the event reports an error, or does not fit the earlier ones.
        """
        if self._splitter is None and (addition := self._repeated.get_addition(event)):
            if isinstance(addition, str):
                self._text.append(addition)
                return Delta((Fragment(self._positions.setdefault("text", len(self._positions)), Text(addition)),))
            if not (added := self._calls.add(addition)):
                return None
            position, call = added
            return Delta((self._fragment(("call", position), call),))
        if not isinstance(event, dict):
            raise self._broken_stream(f"an event is not an object but {parsing.json_type(event)}")
        if event.get("error") or ("choices" not in event and parsing.has_error_fields(event)):
            raise self._reported_error(event)
        self._update_body(event)
        fragments: list[Fragment] = []
        for choice in dict_items(event.get("choices")):
            index = choice.get("index")
            if not index or not parsing.as_count(index):  # only the first choice is streamed
                self._read_choice(choice, fragments)
        self._repeated = RepeatedFields(event)
        reply_id = self._new_id()
        return Delta(tuple(fragments), id=reply_id) if fragments or reply_id else None

    def close(self, finished: bool) -> Delta:
        """Return the last delta, with the complete reply.

        Raises:
            StreamError: the stream ended too early.
        """
        if not self._choice.get("finish_reason") and not (finished and self._calls.is_complete()):
            raise self._broken_stream("the connection ended before the answer did")
        if not (self._choice or self._message or self._text or self._reasoning or self._calls):
            raise self._broken_stream("the stream held no answer")
        fragments = self._split_fragments(self._splitter.close()) if self._splitter else []
        for position, call in self._calls.add_missing_ids(as_str(self._sticky.get("id"))):
            fragments.append(self._fragment(("call", position), call))
        reply = decode(self._assemble_body(), self._headers, model=self._model)
        return Delta((*fragments, *self._final_fragments(reply)), reply=reply)

    def _final_fragments(self, reply: Reply) -> Iterator[Fragment]:
        """Emit what is only known at the end: signatures and details of the reasoning, sources of the whole reply."""
        for part in reply.message.parts:
            match part:
                case Reasoning() if replace(part, text="") != Reasoning():
                    yield self._fragment("reasoning", replace(part, text=""))
                case Text(citations=citations) if citations and "annotations" not in self._message:
                    yield self._fragment("text", Text("", citations))
                case _:
                    pass

    # --- the assembled body -----------------------------------------------------------------------------------

    def _update_body(self, event: Json) -> None:
        self._body.update(event)
        sticky = self._sticky
        for key in _STICKY_FIELDS:
            value = event.get(key)
            if value and (key not in sticky or key not in _FIRST_VALUE_FIELDS):
                sticky[key] = value

    def _new_id(self) -> str | None:
        """Return the id of the reply, once."""
        if self._has_emitted_id or "id" not in self._sticky:
            return None
        self._has_emitted_id = True
        return as_str(self._sticky["id"])

    def _assemble_body(self) -> Json:
        """Return the body that a plain reply would have."""
        message: Json = {"role": "assistant", "content": self.text, **self._message}
        if self._reasoning:
            message["reasoning_content"] = "".join(self._reasoning)
        if calls := self._calls.to_bodies():
            message["tool_calls"] = calls
        choice: Json = {"index": 0, **self._choice, "message": message}
        if self._logprobs:
            choice["logprobs"] = {"content": self._logprobs}
        body = {**self._body, **self._sticky, "object": "chat.completion", "choices": [choice]}
        return {name: value for name, value in body.items() if name != PADDING}

    def _broken_stream(self, what: str) -> StreamError:
        return StreamError(f"The stream broke off: {what}.", headers=self._headers)

    def _reported_error(self, event: Json) -> APIError:
        return error_from(200, self._headers, event)

    # --- one choice -------------------------------------------------------------------------------------------

    def _read_choice(self, choice: Json, fragments: list[Fragment]) -> None:
        if choice.get("finish_reason") == "error" or choice.get("error"):
            raise self._reported_error({"error": choice.get("error") or "the model's provider failed"})
        for key in ("finish_reason", "native_finish_reason"):
            if choice.get(key):
                self._choice[key] = choice[key]
        if choice.get("logprobs"):
            self._logprobs += dict_items(as_dict(choice["logprobs"]).get("content"))
        delta = choice.get("delta")
        if delta is None and not self._text:
            delta = choice.get("message")  # some models send a whole message instead of a delta
        if isinstance(delta, dict):
            self._read_delta(delta, fragments)

    def _read_delta(self, delta: Json, fragments: list[Fragment]) -> None:
        if len(delta) > 1 or "content" not in delta:
            self._read_other_fields(delta, fragments)
        if content := delta.get("content"):
            self._read_content(content, fragments)
        if calls := delta.get("tool_calls"):
            self._read_tool_calls(calls, fragments)

    def _read_other_fields(self, delta: Json, fragments: list[Fragment]) -> None:
        """Read all fields but text and tool calls; most deltas have none of them."""
        for key, value in delta.items():
            if not value:
                continue
            if key in _ATOMIC_FIELDS:
                self._message[key] = value
            elif key in _READERS:
                _READERS[key](self, value, fragments)
            elif key in REASONING_FIELDS:
                self._read_reasoning(key, value, fragments)

    def _fragment(self, key: Hashable, part: Part) -> Fragment:
        return Fragment(self._positions.setdefault(key, len(self._positions)), part)

    def _read_content(self, content: Any, fragments: list[Fragment]) -> None:
        if isinstance(content, list):
            self._read_images(find_image_parts(content), fragments)
        text = parsing.parse_text(content, "choices[].delta.content", self._body, self._headers)
        if not self._text:
            self._splitter = select_splitter(self._model, as_str(self._sticky.get("model")) or "")
        self._text.append(text)
        if self._splitter is None:
            fragments.append(self._fragment("text", Text(text)))
        else:
            fragments += self._split_fragments(self._splitter.feed(text))
            if self._splitter.is_done:
                self._splitter = None

    def _split_fragments(self, pieces: Iterable[tuple[str, str]]) -> list[Fragment]:
        return [
            self._fragment("reasoning", Reasoning(text)) if kind == "reasoning" else self._fragment("text", Text(text))
            for kind, text in pieces
            if kind == "text" or not self._reasoning  # a reasoning field takes precedence over tags
        ]

    def _read_reasoning(self, field: str, value: Any, fragments: list[Fragment]) -> None:
        """Read reasoning from the first field that has text: others repeat it, in the same chunk or a later one."""
        if field == "reasoning_details":
            self._merge_details(dict_items(value))
        text = parse_reasoning_text({field: value})
        if text and self._reasoning_field in (None, field):
            self._reasoning_field = field
            self._reasoning.append(text)
            fragments.append(self._fragment("reasoning", Reasoning(text)))

    def _merge_details(self, pieces: list[Json]) -> None:
        """Merge the pieces of each detail, which share type and index."""
        details: list[Json] = self._message.setdefault("reasoning_details", [])
        for piece in pieces:
            key = (piece.get("type"), piece.get("index"))
            detail = next((each for each in details if (each.get("type"), each.get("index")) == key), None)
            if detail is None:
                details.append(dict(piece))
            else:
                _merge_piece(detail, piece)

    # --- less common fields of a delta, by name ----------------------------------------------------------------

    def _read_refusal(self, refusal: Any, fragments: list[Fragment]) -> None:
        text = as_str(refusal) or ""
        self._message["refusal"] = self._message.get("refusal", "") + text
        fragments.append(self._fragment("refusal", Refusal(text)))

    def _read_tool_calls(self, entries: Any, fragments: list[Fragment]) -> None:
        for entry in parsing.require_dicts(entries, "choices[].delta.tool_calls", self._body, self._headers):
            if added := self._calls.add(entry):
                position, call = added
                fragments.append(self._fragment(("call", position), call))

    def _read_function_call(self, call: Any, fragments: list[Fragment]) -> None:
        if isinstance(call, dict):
            self._read_tool_calls([{"index": 0, "function": call}], fragments)

    def _read_annotations(self, value: Any, fragments: list[Fragment]) -> None:
        annotations = dict_items(value)
        self._message.setdefault("annotations", []).extend(annotations)
        fragments.append(self._fragment("text", Text("", tuple(map(parsing.parse_annotation, annotations)))))

    def _read_images(self, value: Any, fragments: list[Fragment]) -> None:
        images = self._message.setdefault("images", [])
        for item in dict_items(value):
            images.append(item)
            fragments.extend(self._fragment(("image", len(images)), part) for part in decode_images([item]))

    def _read_audio(self, value: Any, fragments: list[Fragment]) -> None:
        piece = as_dict(value)
        _merge_piece(self._message.setdefault("audio", {}), piece)
        part = Audio(data=as_str(piece.get("data")), transcript=as_str(piece.get("transcript")))
        fragments.append(self._fragment("audio", part))


_READERS = {
    "refusal": ChatDecoder._read_refusal,
    "function_call": ChatDecoder._read_function_call,
    "annotations": ChatDecoder._read_annotations,
    "images": ChatDecoder._read_images,
    "audio": ChatDecoder._read_audio,
}


def _merge_piece(target: Json, piece: Json) -> None:
    """Append the growing fields of a piece, and set its others."""
    for name, value in drop_none(piece).items():
        before = target.get(name)
        is_growing = name in _GROWING_FIELDS and isinstance(before, str) and isinstance(value, str)
        target[name] = before + value if is_growing else value
