"""The events of an Anthropic message -> `Delta`s, folded into one body for `messages_reply.decode` to read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ...errors import StreamError, error_from
from ...types import Delta, Fragment, HostedItem, Json, Part, Reasoning, Text, ToolCall
from ..shared import parsing
from ..shared.call_ids import CallIds
from ..shared.parsing import as_dict, as_str, dict_items
from ..shared.tool_call_accumulator import synthetic_id
from .decode import decode, decode_block, decode_citation, is_server_tool_block


class MessagesDecoder:
    """One stream's decoder: feed it every event, then close it.

    Blocks are kept in the order in which they begin. A piece that fits no block breaks the stream off: whatever were
    made of it would be said in the wrong place.
    """

    def __init__(self, model: str, headers: Mapping[str, str], taken: Collection[str] = ()) -> None:
        self._headers = headers
        self._body: Json = {"model": model}
        self._blocks: list[Json] = []
        self._places: dict[int, int] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._text: list[str] = []
        self._told: set[int] = set()
        self._ids = CallIds(taken)
        self._begun: list[Json] = []
        self._closed: set[int] = set()
        self._stopped = False
        self.ended = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def feed(self, event: Json) -> Delta | None:
        """What `event` adds; None where that is nothing, as with events that are not known."""
        if not isinstance(event, dict):
            raise _broken(f"an event is no object but {parsing.json_type(event)}")
        read = _EVENTS.get(str(event.get("type")))
        if event.get("error") or (read is None and parsing.has_error_fields(event)):
            raise error_from(200, self._headers, event)
        return read(self, event) if read else None

    def close(self, finished: bool) -> Delta:
        """The last delta, with the whole reply."""
        if not self._stopped and not (finished and self._blocks and self._called()):
            raise _broken("the connection ended before the answer did")
        places = range(len(self._blocks))
        late = tuple(fragment for place in places for fragment in self._hosted(place))
        for place in places:
            self._join(place)
        return Delta(late, reply=decode({**self._body, "content": self._blocks}, self._headers))

    def _called(self) -> bool:
        """Whether every call of the caller's tools has come with the whole of its arguments."""
        return all(
            ToolCall("", "", "".join(self._pieces.get((place, "input"), ()))).parsed() is not None
            for place, block in enumerate(self._blocks)
            if block["type"] == "tool_use"
        )

    # --- blocks and their places --------------------------------------------------------------------------------

    def _open(self, index: Any, block: Json) -> int:
        """The place of a block that begins, behind the others."""
        place = len(self._blocks)
        self._blocks.append(block)
        self._begun.append(dict(block))
        if type(index) is int:
            self._places[index] = place
        return place

    def _is_repeated(self, index: Any, block: Json) -> bool:
        """Whether the beginning of a block is told again: at the same index, or at none, before its first piece.

        Ids say nothing of that, since calls may share them; a block that has none is not known again.
        """
        place = self._places.get(index, -1) if type(index) is int else len(self._blocks) - 1
        if place < 0 or place in self._closed or (place, "input") in self._pieces:
            return False
        return bool(block.get("id")) and self._begun[place] == block

    def _place(self, index: Any, kind: str) -> int:
        """The place of the block that a delta or an end is of: the last one begun, where it does not say."""
        if type(index) is int and index in self._places:
            return self._places[index]
        if type(index) is int or not self._blocks:
            return self._open(index, {"type": kind})
        return len(self._blocks) - 1

    def _grow(self, place: int, field: str, piece: Any) -> str:
        """Arguments grow like text, and stay as they were written: nobody repairs what was cut off."""
        grown = as_str(piece) or ""
        self._pieces.setdefault((place, field), []).append(grown)
        return grown

    def _join(self, place: int) -> None:
        """Put the pieces of a block together: what a hosted tool was asked is an object there, not its text."""
        block = self._blocks[place]
        for field in [field for at, field in self._pieces if at == place]:
            begun = "" if field == "input" else as_str(block.get(field)) or ""
            grown = begun + "".join(self._pieces.pop((place, field)))
            block[field] = (ToolCall("", "", grown).parsed() or {}) if is_server_tool_block(block) else grown

    # --- events, by type ----------------------------------------------------------------------------------------

    def _start(self, event: Json) -> Delta:
        message = as_dict(event.get("message"))
        self._body.update({key: value for key, value in message.items() if key != "content"})
        return Delta(id=as_str(message.get("id")))

    def _block_start(self, event: Json) -> Delta | None:
        index, block = event.get("index"), dict(as_dict(event.get("content_block")))
        if not as_str(block.get("type")):
            raise _broken("a block has no type")
        if self._is_repeated(index, block):
            return None
        place = self._open(index, block)
        if is_server_tool_block(block):
            return None  # it is whole at its end
        spare_id = synthetic_id(as_str(self._body.get("id")), place)
        if block["type"] == "tool_use":
            block["id"] = self._ids.claim(as_str(block.get("id")) or spare_id)
        part = decode_block(block, True, spare_id)
        if isinstance(part, ToolCall):
            part = replace(part, arguments="")
        return self._said(place, part) if part not in (Text(""), Reasoning()) else None

    def _block_delta(self, event: Json) -> Delta | None:
        delta = as_dict(event.get("delta"))
        kind = delta.get("type")
        if not isinstance(kind, str):
            raise _broken("a delta has no type")
        if kind not in _DELTAS:
            return None
        of, read = _DELTAS[kind]
        place = self._place(event.get("index"), of)
        block = self._blocks[place]
        if is_server_tool_block(block):
            self._grow(place, "input", delta.get("partial_json"))
            return None
        if block["type"] != of or (of == "tool_use" and not block.get("id")):
            raise _broken(f"a {kind} has no block of its kind")
        if place < len(self._blocks) - 1 and (of != "tool_use" or place in self._closed):  # only calls are interleaved
            raise _broken(f"a {kind} came after the next block had begun")
        return self._said(place, read(self, place, block, delta))

    def _said(self, place: int, part: Part) -> Delta:
        if isinstance(part, Text):
            self._text.append(part.text)
        return Delta((Fragment(place, part),))

    def _block_stop(self, event: Json) -> Delta | None:
        index = event.get("index")
        place = self._places.get(index, -1) if type(index) is int else len(self._blocks) - 1
        self._closed.add(place)
        fragments = tuple(self._hosted(place)) if place >= 0 else ()
        return Delta(fragments) if fragments else None

    def _hosted(self, place: int) -> Iterator[Fragment]:
        """The item of a tool that the gateway ran, which is told whole and once."""
        if is_server_tool_block(self._blocks[place]) and place not in self._told:
            self._told.add(place)
            self._join(place)
            yield Fragment(place, HostedItem(self._blocks[place]))

    def _message_delta(self, event: Json) -> None:
        self._body.update({key: value for key, value in as_dict(event.get("delta")).items() if value is not None})
        if counts := as_dict(event.get("usage")):
            self._body["usage"] = {**as_dict(self._body.get("usage")), **counts}
        self._priced(event)
        self._stopped = self._stopped or bool(self._body.get("stop_reason"))

    def _stop(self, event: Json) -> None:
        self._stopped = self.ended = True
        self._priced(event)

    def _priced(self, event: Json) -> None:
        if event.get("meta"):
            self._body["meta"] = event["meta"]

    # --- deltas, by type ----------------------------------------------------------------------------------------

    def _text_delta(self, place: int, _: Json, delta: Json) -> Part:
        return Text(self._grow(place, "text", delta.get("text")))

    def _thinking_delta(self, place: int, _: Json, delta: Json) -> Part:
        return Reasoning(self._grow(place, "thinking", delta.get("thinking")))

    def _signature_delta(self, _: int, block: Json, delta: Json) -> Part:
        block["signature"] = delta.get("signature")
        return Reasoning(signature=as_str(delta.get("signature")))

    def _citations_delta(self, _: int, block: Json, delta: Json) -> Part:
        found = as_dict(delta.get("citation"))
        block["citations"] = [*dict_items(block.get("citations")), found]
        return Text("", (decode_citation(found),))

    def _json_delta(self, place: int, _: Json, delta: Json) -> Part:
        return ToolCall("", "", self._grow(place, "input", delta.get("partial_json")))


def _broken(what: str) -> StreamError:
    return StreamError(f"The stream broke off: {what}.")


_EVENTS: Mapping[str, Callable[[MessagesDecoder, Json], Delta | None]] = {
    "message_start": MessagesDecoder._start,
    "content_block_start": MessagesDecoder._block_start,
    "content_block_delta": MessagesDecoder._block_delta,
    "content_block_stop": MessagesDecoder._block_stop,
    "message_delta": MessagesDecoder._message_delta,
    "message_stop": MessagesDecoder._stop,
}

_Reader: TypeAlias = Callable[[MessagesDecoder, int, Json, Json], Part]

# The type of block that a delta is a piece of, and what reads it.
_DELTAS: Mapping[str, tuple[str, _Reader]] = {
    "text_delta": ("text", MessagesDecoder._text_delta),
    "thinking_delta": ("thinking", MessagesDecoder._thinking_delta),
    "signature_delta": ("thinking", MessagesDecoder._signature_delta),
    "citations_delta": ("text", MessagesDecoder._citations_delta),
    "input_json_delta": ("tool_use", MessagesDecoder._json_delta),
}
