"""Decode the events of a responses stream, and assemble the body that a plain reply would have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...errors import APIError, StreamError, error_from
from ...models import Model
from ...types import Delta, Fragment, HostedItem, Json, Part, Reasoning, Refusal, Reply, Text, ToolCall
from ..shared import parsing
from ..shared.identifiers import CallIds, synthetic_id
from ..shared.parsing import as_dict, as_str, dict_items
from .decode import (
    decode,
    decode_item,
    failed_response_error,
    get_output_items,
    get_status,
    reasoning_summary,
    reasoning_text,
)
from .part_state import PartState, has_other_content

# --- events that send a part in pieces ----------------------------------------------------------------------------

_EventKey: TypeAlias = tuple[Any, ...]
_MakePart: TypeAlias = Callable[[str, str | None], Part]
_PartKey: TypeAlias = tuple[int, str, int]  # the position of an item in the output, and a part's location in the item


@dataclass(frozen=True, slots=True)
class _PieceEvents:
    """A family of events: `.delta` has a piece of a part, `.done` the whole part in `done_field`."""

    item_type: str
    item_field: str
    index_field: str
    done_field: str
    make_part: _MakePart


def _make_text(text: str, item_id: str | None) -> Part:
    return Text(text, id=item_id)


def _make_refusal(text: str, _: str | None) -> Part:
    return Refusal(text)


def _make_call(text: str, item_id: str | None) -> Part:
    return ToolCall("", "", text, item_id=item_id)


def _make_custom_call(text: str, item_id: str | None) -> Part:
    return ToolCall("", "", text, "custom", item_id=item_id)


_PIECE_EVENTS: Mapping[str, _PieceEvents] = {
    "response.output_text": _PieceEvents("message", "content", "content_index", "text", _make_text),
    "response.refusal": _PieceEvents("message", "content", "content_index", "refusal", _make_refusal),
    "response.reasoning_text": _PieceEvents("reasoning", "content", "content_index", "text", reasoning_text),
    "response.reasoning_summary_text": _PieceEvents("reasoning", "summary", "summary_index", "text", reasoning_summary),
    "response.function_call_arguments": _PieceEvents("function_call", "arguments", "", "arguments", _make_call),
    "response.custom_tool_call_input": _PieceEvents("custom_tool_call", "input", "", "input", _make_custom_call),
}


def _event_key(event: Json) -> _EventKey:
    """Return the fields that determine which part an event with a piece belongs to."""
    get = event.get
    return get("type"), get("item_id"), get("output_index"), get("content_index"), get("summary_index")


class ResponsesDecoder:
    """Decodes one stream: call `feed` with every event, then `close`. Unknown events are ignored.

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
        self._items: dict[int, Json] = {}
        self._complete: set[int] = set()
        self._items_are_added = False
        self._positions: dict[str, list[int]] = {}
        self._ids = CallIds(taken)
        self._call_ids: dict[int, str] = {}
        self._parts: dict[_PartKey, PartState] = {}
        self._open_part: tuple[_EventKey, PartState, _MakePart] | None = None
        self._text: list[str] = []
        self.ended = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def feed(self, event: Json) -> Delta | None:
        """Return what `event` adds; None if that is nothing.

        Raises:
            APIError: the event reports an error, or is not an object.
        """
        if not isinstance(event, dict):
            raise self._broken_stream(f"an event is not an object but {parsing.json_type(event)}")
        if self._open_part and (fragment := self._continue_part(event, *self._open_part)):
            return Delta((fragment,))
        self._open_part = None
        kind = str(event.get("type"))
        if kind in ("error", "response.error") or ("response" not in event and _reports_error(event, kind)):
            raise self._reported_error(event)
        family, _, suffix = kind.rpartition(".")
        if family in _PIECE_EVENTS and suffix in ("delta", "done"):
            fragments = tuple(self._read_piece(_PIECE_EVENTS[family], event, suffix == "done"))
            return Delta(fragments) if fragments else None
        reply_id = self._update_body(as_dict(event.get("response")))
        handler = _EVENTS.get(kind)
        fragments = tuple(handler(self, event)) if handler else ()
        return Delta(fragments, id=reply_id) if fragments or reply_id else None

    def close(self, finished: bool) -> Delta:  # noqa: ARG002  # [DONE] ends the stream, not the response
        """Return the last delta, with the complete reply.

        Raises:
            StreamError: the stream ended too early, or its pieces differ from the complete response.
        """
        if not self.ended:
            raise self._broken_stream("the connection ended before the response did")
        reply = decode(self._assemble_body(), self._headers)
        if has_other_content(self._parts.values(), reply.message.parts):
            raise self._broken_stream("its pieces differ from the complete response")
        return Delta(tuple(self._emit_sources(reply)), reply=reply)

    # --- the response around the items ------------------------------------------------------------------------

    def _update_body(self, response: Json) -> str | None:
        """Merge the fields of a response into the body; return its id if it is new."""
        known_id = as_str(self._body.get("id"))
        self._body.update(response)
        return None if known_id else as_str(response.get("id"))

    def _on_end(self, event: Json) -> Iterator[Fragment]:
        """Emit what is still missing of a completed or incomplete response."""
        self.ended = True
        response = as_dict(event.get("response"))
        if response.get("status") not in ("completed", "incomplete", "failed", "cancelled"):
            is_incomplete = event["type"] == "response.incomplete"
            self._body["status"] = "incomplete" if is_incomplete else get_status({**response, "status": None})
        items = get_output_items(self._assemble_body())
        if len(self._complete) < len(items) or any(state.lacks_name() for state in self._parts.values()):
            for position, item in zip(self._match_positions(items), items, strict=True):
                yield from self._emit_item(position, item)

    def _match_positions(self, items: Iterable[Json]) -> list[int]:
        """Match the items of a whole response to the streamed ones; return a different position for each."""
        used: list[int] = []
        for index, item in enumerate(items):
            positions = (position for position in self._matching_positions(index, item) if position not in used)
            is_free = index not in used and self._items.get(index, item).get("type") == item.get("type")
            used.append(next(positions, index if is_free else max(index, *used, *self._items) + 1))
        return used

    def _matching_positions(self, index: int, item: Json) -> Iterator[int]:
        """Yield where an item may have been streamed: by id, else by position and type."""
        by_id = self._positions.get(as_str(item.get("id")) or "", [])
        yield from (position for position in by_id if position == index)
        yield from by_id
        for position in (index, *sorted(self._items)):
            is_same_type = self._items.get(position, item).get("type") == item.get("type")
            if position not in self._complete and is_same_type:
                yield position

    def _on_failure(self, event: Json) -> Iterator[Fragment]:
        response = as_dict(event.get("response"))
        raise self._with_partial(failed_response_error(as_dict(response.get("error")), response, self._headers))

    def _reported_error(self, event: Json) -> APIError:
        """Build the error for an `error` event, with its fields flat or in `error`, or for one of the gateway's own."""
        if event.get("type") not in ("error", "response.error"):
            return self._with_partial(error_from(200, self._headers, event))
        failure = failed_response_error(as_dict(event.get("error")) or {**event, "type": None}, event, self._headers)
        failure.response_id = as_str(self._body.get("id"))
        return self._with_partial(failure)

    def _broken_stream(self, what: str) -> StreamError:
        return StreamError(f"The stream broke off: {what}.", headers=self._headers, partial=self.text)

    def _with_partial(self, error: APIError) -> APIError:
        error.partial = self.text
        return error

    # --- the assembled body -----------------------------------------------------------------------------------

    def _assemble_body(self) -> Json:
        """Return the body of the last response event, with the output from other events if it has fewer items."""
        output = dict_items(self._body.get("output"))
        items = dict(zip(self._match_positions(output), output, strict=True))
        if len(output) < len(self._items):
            items = {position: items.get(position) or self._assemble_item(position) for position in sorted(self._items)}
        return {**self._body, "output": [self._set_call_id(position, item) for position, item in items.items()]}

    def _set_call_id(self, position: int, item: Json) -> Json:
        """Give a call its unique id."""
        if item.get("type") not in ("function_call", "custom_tool_call"):
            return item
        if position not in self._call_ids:
            fallback_id = as_str(item.get("id")) or synthetic_id(as_str(self._body.get("id")), position)
            self._call_ids[position] = self._ids.claim(as_str(item.get("call_id")) or fallback_id)
        return {**item, "call_id": self._call_ids[position]}

    def _assemble_item(self, position: int) -> Json:
        """Return an item; one that was not sent whole is assembled from its pieces."""
        item = dict(self._items[position])
        if position in self._complete:
            return item
        for (item_position, item_field, index), state in sorted(self._parts.items(), key=lambda entry: entry[0]):
            if item_position != position or not state.pieces:
                continue
            if item_field in ("arguments", "input"):
                item[item_field] = state.join_text()
            else:
                item[item_field] = [*(item.get(item_field) or () if index else ()), state.to_body(item_field)]
        return item

    def _emit_sources(self, reply: Reply) -> Iterator[Fragment]:
        """Emit the sources of the whole reply, which `decode` adds to the last text."""
        texts = [state for state in self._parts.values() if state.kind is Text]
        if texts and reply.message.citations and not any(state.citations for state in texts):
            yield Fragment(texts[-1].position, Text("", reply.message.citations))

    # --- positions of items -----------------------------------------------------------------------------------

    def _find_position(self, event: Json, item_id: str | None, item_type: Any) -> int:
        """Return an item's position: the index if an item with this id is there, else the position of that id.

        Without either, it is the last item, if this event can belong to it, or a new one that was never added.
        """
        index = event.get("output_index")
        by_id = self._positions.get(item_id or "", [])
        if by_id and index not in by_id:
            return by_id[-1]
        if type(index) is not int:
            last = max(self._items, default=-1)
            index = last if self._belongs_to(last, event, item_id, item_type) else last + 1
        return self._set_position(index, item_id)

    def _belongs_to(self, position: int, event: Json, item_id: str | None, item_type: Any) -> bool:
        """Return whether an event without an index, and with no known id, can belong to the item at `position`."""
        item = self._items.get(position, {})
        if item.get("type") != item_type:
            return False
        if position in self._complete:  # what repeats the end of a part belongs to it; anything else starts a new item
            return not item_id and str(event.get("type")).endswith(".done") and "item" not in event
        return self._items_are_added or not item_id or not item.get("id")

    def _find_new_position(self, event: Json, item: Json) -> int:
        """Return the position of an item that starts, or whose start is repeated. Calls may share their ids."""
        index, item_id = event.get("output_index"), as_str(item.get("id"))
        by_id = self._positions.get(item_id or "", [])
        if type(index) is not int:
            is_new = not by_id or (by_id[-1] in self._complete and str(item.get("type")).endswith("_call"))
            return self._set_position(max(self._items, default=-1) + 1, item_id) if is_new else by_id[-1]
        if by_id and index in self._items:
            return index if index in by_id else by_id[-1]
        return self._set_position(max(self._items) + 1 if index in self._items else index, item_id)

    def _set_position(self, position: int, item_id: str | None) -> int:
        if item_id and position not in self._positions.setdefault(item_id, []):
            self._positions[item_id].append(position)
        return position

    # --- items and pieces of them -----------------------------------------------------------------------------

    def _on_item_added(self, event: Json) -> Iterator[Fragment]:
        """Emit only the id and the name of a call: the other content of a new item may be repeated in pieces."""
        self._items_are_added = True
        item = as_dict(event.get("item"))
        item_id = as_str(item.get("id"))
        position = self._find_new_position(event, item)
        if as_str(item.get("call_id")):
            item = self._set_call_id(position, item)
        self._items[position] = {key: value for key, value in item.items() if key != "encrypted_content"}
        call_id, name = as_str(item.get("call_id")) or "", as_str(item.get("name")) or ""
        match item.get("type"):
            case "function_call":
                yield from self._emit((position, "arguments", 0), ToolCall(call_id, name, "", item_id=item_id))
            case "custom_tool_call":
                yield from self._emit((position, "input", 0), ToolCall(call_id, name, "", "custom", item_id=item_id))
            case "reasoning":  # like other items, it keeps its place even if its content only arrives at the end
                self._parts.setdefault((position, "summary", 0), PartState(len(self._parts), Reasoning))
            case kind if kind != "message":
                self._parts.setdefault((position, "item", 0), PartState(len(self._parts), HostedItem))

    def _on_item_done(self, event: Json) -> Iterator[Fragment]:
        item = as_dict(event.get("item"))
        position = self._find_position(event, as_str(item.get("id")), item.get("type"))
        yield from self._emit_item(position, item)

    def _emit_item(self, position: int, item: Json) -> Iterator[Fragment]:
        item = self._set_call_id(position, item)
        self._items[self._set_position(position, as_str(item.get("id")))] = item
        self._complete.add(position)
        is_cut = self._body.get("status") == "incomplete"
        fallback_id = synthetic_id(as_str(self._body.get("id")), position)
        for (item_field, index), part in decode_item(item, fallback_id, is_cut):
            yield from self._emit((position, item_field, index), part, is_whole=True)

    def _continue_part(self, event: Json, key: _EventKey, state: PartState, make_part: _MakePart) -> Fragment | None:
        """Read another piece of the part that the previous event had a piece of; None for any other event."""
        text = event.get("delta")
        if type(text) is not str or not text or _event_key(event) != key:
            return None
        return self._append_piece(state, make_part(text, None), text)

    def _read_piece(self, events: _PieceEvents, event: Json, is_done: bool) -> Iterator[Fragment]:
        item_id = as_str(event.get("item_id"))
        text = parsing.parse_arguments(event.get(events.done_field if is_done else "delta"))
        if not text:
            return
        part = events.make_part(text, item_id)
        key = self._find_part(event, events, type(part))
        state = self._parts.get(key)
        if is_done or not (state and state.pieces):
            yield from self._emit(key, part, is_whole=is_done)
        elif not (state.is_emitted_whole and text in state.join_text()):  # else its `.done` came first
            self._open_part = (_event_key(event), state, events.make_part)
            yield self._append_piece(state, events.make_part(text, None), text)

    def _find_part(self, event: Json, events: _PieceEvents, kind: type) -> _PartKey:
        """Return the key of the part that an event belongs to, and add its item if no event has.

        Where the index is left out, or is the same for parts of several kinds, it is the next part of this kind.
        """
        item_id = as_str(event.get("item_id"))
        position = self._find_position(event, item_id, events.item_type)
        self._items.setdefault(position, {"type": events.item_type, **({"id": item_id} if item_id else {})})
        index = parsing.as_count(event.get(events.index_field))
        while (state := self._parts.get((position, events.item_field, index))) and state.kind is not kind:
            index += 1
        return position, events.item_field, index

    def _append_piece(self, state: PartState, part: Part, text: str) -> Fragment:
        state.pieces.append(text)
        if isinstance(part, Text):
            self._text.append(text)
        return Fragment(state.position, part)

    def _on_annotation(self, event: Json) -> Iterator[Fragment]:
        if annotation := as_dict(event.get("annotation")):
            key = self._find_part(event, _PIECE_EVENTS["response.output_text"], Text)
            citations = (parsing.parse_annotation(annotation),)
            yield from self._emit(key, Text("", citations, id=as_str(event.get("item_id"))))

    def _emit(self, key: _PartKey, part: Part, is_whole: bool = False) -> Iterator[Fragment]:
        state = self._parts.get(key) or PartState(len(self._parts), type(part))
        if piece := state.diff(part, is_whole):
            self._parts[key] = state
            if isinstance(piece, Text):
                self._text.append(piece.text)
            yield Fragment(state.position, piece)


def _reports_error(event: Json, kind: str) -> bool:
    """Return whether an event that is not one of this endpoint reports an error."""
    return not kind.startswith("response.") and parsing.has_error_fields(event)


_EVENTS: Mapping[str, Callable[[ResponsesDecoder, Json], Iterator[Fragment]]] = {
    "response.output_item.added": ResponsesDecoder._on_item_added,
    "response.output_item.done": ResponsesDecoder._on_item_done,
    "response.output_text.annotation.added": ResponsesDecoder._on_annotation,
    "response.completed": ResponsesDecoder._on_end,
    "response.incomplete": ResponsesDecoder._on_end,
    "response.failed": ResponsesDecoder._on_failure,
    "response.cancelled": ResponsesDecoder._on_failure,
}
