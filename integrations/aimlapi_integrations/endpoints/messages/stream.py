"""Decode the events of a streamed Anthropic message, and assemble the body that a plain reply would have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ..._utils.json import drop_none
from ...errors import StreamError, error_from
from ...models import Model
from ...types import Delta, Fragment, HostedItem, Json, Part, Reasoning, Text, ToolCall
from ..shared import parsing
from ..shared.identifiers import CallIds, synthetic_id
from ..shared.parsing import as_dict, as_str, dict_items
from .decode import decode, decode_block, decode_citation, is_server_tool_block


class MessagesDecoder:
    """Decodes one stream: call `feed` with every event, then `close`.

    Blocks keep the order in which they start. A delta that fits no block ends the stream with an error: its content
    would end up in the wrong place.

    Args:
        model_id: the id in the request, for streams that don't name the model.
        headers: the response headers.
        taken: ids that the reply's tool calls must not have.
        model: the requested model.
    """

    def __init__(
        self,
        model_id: str,
        headers: Mapping[str, str],
        taken: Collection[str] = (),
        model: Model | None = None,  # noqa: ARG002  # only chat completions needs it
    ) -> None:
        self._headers = headers
        self._body: Json = {"model": model_id}
        self._blocks: list[Json] = []
        self._positions: dict[int, int] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._text: list[str] = []
        self._emitted_items: set[int] = set()
        self._ids = CallIds(taken)
        self._initial_blocks: list[Json] = []
        self._blocks_of_start: list[Json] = []
        self._closed: set[int] = set()
        self._has_stopped = False
        self.ended = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def feed(self, event: Json) -> Delta | None:
        """Return what `event` adds; None if that is nothing, as for unknown events.

        Raises:
            APIError: the event reports an error, or does not fit the earlier ones.
        """
        if not isinstance(event, dict):
            raise _broken_stream(f"an event is not an object but {parsing.json_type(event)}")
        handler = _EVENTS.get(str(event.get("type")))
        if event.get("error") or (handler is None and parsing.has_error_fields(event)):
            raise error_from(200, self._headers, event)
        return handler(self, event) if handler else None

    def close(self, finished: bool) -> Delta:
        """Return the last delta, with the complete reply.

        Raises:
            StreamError: the stream ended too early.
        """
        if not self._has_stopped and not (finished and self._blocks and self._has_complete_calls()):
            raise _broken_stream("the connection ended before the answer did")
        remaining = [] if self._blocks else list(self._emit_blocks_of_start())
        positions = range(len(self._blocks))
        remaining += [fragment for position in positions for fragment in self._emit_server_tool(position)]
        for position in positions:
            self._join_pieces(position)
        return Delta(tuple(remaining), reply=decode({**self._body, "content": self._blocks}, self._headers))

    def _has_complete_calls(self) -> bool:
        """Return whether all arguments of all tool calls have arrived."""
        return all(
            ToolCall("", "", "".join(self._pieces.get((position, "input"), ()))).parsed() is not None
            for position, block in enumerate(self._blocks)
            if block["type"] == "tool_use"
        )

    # --- blocks and their positions -----------------------------------------------------------------------------

    def _open_block(self, index: Any, block: Json) -> int:
        """Append a block, and return its position."""
        position = len(self._blocks)
        self._blocks.append(block)
        self._initial_blocks.append(dict(block))
        if type(index) is int:
            self._positions[index] = position
        return position

    def _is_repeated_start(self, index: Any, block: Json) -> bool:
        """Return whether this block has started already: at the same index, or the last one, without a delta yet.

        The id alone is not enough, since calls may share one. A block without an id is never a repeated one.
        """
        position = self._positions.get(index, -1) if type(index) is int else len(self._blocks) - 1
        if position < 0 or position in self._closed or (position, "input") in self._pieces:
            return False
        return bool(block.get("id")) and self._initial_blocks[position] == block

    def _find_block(self, index: Any, kind: str) -> int:
        """Return the position of the block with this index, opening it if it is new; without one, of the last block."""
        if type(index) is int and index in self._positions:
            return self._positions[index]
        if type(index) is int or not self._blocks:
            return self._open_block(index, {"type": kind})
        return len(self._blocks) - 1

    def _add_piece(self, position: int, field: str, value: Any) -> str:
        """Store a piece of text or arguments as is, and return it."""
        piece = as_str(value) or ""
        self._pieces.setdefault((position, field), []).append(piece)
        return piece

    def _join_pieces(self, position: int) -> None:
        """Put the pieces of a block into its fields; the input of a server tool is parsed."""
        block = self._blocks[position]
        for field in [field for at, field in self._pieces if at == position]:
            initial, rest = block.get(field), "".join(self._pieces.pop((position, field)))
            if field != "input":
                block[field] = (as_str(initial) or "") + rest
            elif rest or not initial:  # else the start of the block has all of it
                block[field] = (ToolCall("", "", rest).parsed() or {}) if is_server_tool_block(block) else rest

    # --- events, by type ----------------------------------------------------------------------------------------

    def _on_message_start(self, event: Json) -> Delta:
        message = as_dict(event.get("message"))
        self._body.update({key: value for key, value in message.items() if key != "content"})
        self._blocks_of_start = dict_items(message.get("content"))
        return Delta(id=as_str(message.get("id")))

    def _emit_blocks_of_start(self) -> Iterator[Fragment]:
        """Emit the blocks that were in the message's start, in a stream without events for blocks."""
        for index, block in enumerate(self._blocks_of_start):
            if delta := self._on_block_start({"index": index, "content_block": block}):
                yield from delta.fragments

    def _on_block_start(self, event: Json) -> Delta | None:
        index, block = event.get("index"), dict(as_dict(event.get("content_block")))
        if not as_str(block.get("type")):
            raise _broken_stream("a block has no type")
        if self._is_repeated_start(index, block):
            return None
        position = self._open_block(index, block)
        if is_server_tool_block(block):
            return None  # emitted once it is complete
        fallback_id = synthetic_id(as_str(self._body.get("id")), position)
        if block["type"] == "tool_use":
            block["id"] = self._ids.claim(as_str(block.get("id")) or fallback_id)
        part = decode_block(block, True, fallback_id)
        if isinstance(part, ToolCall):
            part = replace(part, arguments="")
        return self._emit(position, part) if part not in (Text(""), Reasoning()) else None

    def _on_block_delta(self, event: Json) -> Delta | None:
        delta = as_dict(event.get("delta"))
        kind = delta.get("type")
        if not isinstance(kind, str):
            raise _broken_stream("a delta has no type")
        if kind not in _DELTAS:
            return None
        block_type, handler = _DELTAS[kind]
        position = self._find_block(event.get("index"), block_type)
        block = self._blocks[position]
        if is_server_tool_block(block):
            self._add_piece(position, "input", parsing.parse_arguments(delta.get("partial_json")))
            return None
        if block["type"] != block_type or (block_type == "tool_use" and not block.get("id")):
            raise _broken_stream(f"a {kind} has no block of its kind")
        is_interleaved_call = block_type == "tool_use" and position not in self._closed
        if position < len(self._blocks) - 1 and not is_interleaved_call:
            raise _broken_stream(f"a {kind} arrived after the next block had started")
        return self._emit(position, handler(self, position, block, delta))

    def _emit(self, position: int, part: Part) -> Delta:
        if isinstance(part, Text):
            self._text.append(part.text)
        return Delta((Fragment(position, part),))

    def _on_block_stop(self, event: Json) -> Delta | None:
        index = event.get("index")
        position = self._positions.get(index, -1) if type(index) is int else len(self._blocks) - 1
        self._closed.add(position)
        fragments = tuple(self._emit_server_tool(position)) if position >= 0 else ()
        return Delta(fragments) if fragments else None

    def _emit_server_tool(self, position: int) -> Iterator[Fragment]:
        """Emit a server tool's block, whole and once."""
        if is_server_tool_block(self._blocks[position]) and position not in self._emitted_items:
            self._emitted_items.add(position)
            self._join_pieces(position)
            yield Fragment(position, HostedItem(self._blocks[position]))

    def _on_message_delta(self, event: Json) -> None:
        self._body.update(drop_none(as_dict(event.get("delta"))))
        if usage := as_dict(event.get("usage")):
            self._body["usage"] = {**as_dict(self._body.get("usage")), **usage}
        self._store_meta(event)
        self._has_stopped = self._has_stopped or bool(self._body.get("stop_reason"))

    def _on_message_stop(self, event: Json) -> None:
        self._has_stopped = self.ended = True
        self._store_meta(event)

    def _store_meta(self, event: Json) -> None:
        if event.get("meta"):
            self._body["meta"] = event["meta"]

    # --- deltas, by type ----------------------------------------------------------------------------------------

    def _on_text_delta(self, position: int, _: Json, delta: Json) -> Part:
        return Text(self._add_piece(position, "text", delta.get("text")))

    def _on_thinking_delta(self, position: int, _: Json, delta: Json) -> Part:
        return Reasoning(self._add_piece(position, "thinking", delta.get("thinking")))

    def _on_signature_delta(self, _: int, block: Json, delta: Json) -> Part:
        block["signature"] = delta.get("signature")
        return Reasoning(signature=as_str(delta.get("signature")))

    def _on_citations_delta(self, _: int, block: Json, delta: Json) -> Part:
        citation = as_dict(delta.get("citation"))
        block["citations"] = [*dict_items(block.get("citations")), citation]
        return Text("", (decode_citation(citation),))

    def _on_input_delta(self, position: int, _: Json, delta: Json) -> Part:
        return ToolCall("", "", self._add_piece(position, "input", parsing.parse_arguments(delta.get("partial_json"))))


def _broken_stream(what: str) -> StreamError:
    return StreamError(f"The stream broke off: {what}.")


_EVENTS: Mapping[str, Callable[[MessagesDecoder, Json], Delta | None]] = {
    "message_start": MessagesDecoder._on_message_start,
    "content_block_start": MessagesDecoder._on_block_start,
    "content_block_delta": MessagesDecoder._on_block_delta,
    "content_block_stop": MessagesDecoder._on_block_stop,
    "message_delta": MessagesDecoder._on_message_delta,
    "message_stop": MessagesDecoder._on_message_stop,
}

_DeltaHandler: TypeAlias = Callable[[MessagesDecoder, int, Json, Json], Part]

# Each delta type's block type and handler.
_DELTAS: Mapping[str, tuple[str, _DeltaHandler]] = {
    "text_delta": ("text", MessagesDecoder._on_text_delta),
    "thinking_delta": ("thinking", MessagesDecoder._on_thinking_delta),
    "signature_delta": ("thinking", MessagesDecoder._on_signature_delta),
    "citations_delta": ("text", MessagesDecoder._on_citations_delta),
    "input_json_delta": ("tool_use", MessagesDecoder._on_input_delta),
}
