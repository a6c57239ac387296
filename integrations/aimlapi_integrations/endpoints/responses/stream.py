"""What a stream has told of one part of a message: pieces, and the fields that are given once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ...errors import APIError, StreamError, error_from
from ...types import Citation, Delta, Fragment, HostedItem, Json, Part, Reasoning, Refusal, Reply, Text, ToolCall
from ..shared import parsing
from ..shared.call_ids import CallIds
from ..shared.parsing import as_dict, as_str, dict_items
from ..shared.tool_call_accumulator import synthetic_id
from .decode import (
    decode,
    decode_item,
    failed_response_error,
    get_status,
    output_items,
    reasoning_summary,
    reasoning_text,
)

# The field of a part that grows piece by piece, and those that are given once, with what stands for them elsewhere.
_GROWING: Mapping[type, str] = {Text: "text", Refusal: "text", Reasoning: "text", ToolCall: "arguments"}
_ONCE: Mapping[type, Mapping[str, Any]] = {
    Text: {"id": None},
    Refusal: {},
    Reasoning: {"id": None, "encrypted": None},
    ToolCall: {"id": "", "name": "", "item_id": None},
}


Comparable: TypeAlias = tuple[str, ...]


def answer(part: Part) -> Comparable | None:
    """What a part says to the user, in one form however it was written; None where that is nothing."""
    match part:
        case Text(text=text) | Refusal(text=text) if text.strip():
            return type(part).__name__, text.strip()
        case ToolCall(kind="custom"):
            return part.id, part.name, part.arguments
        case ToolCall():
            args = {} if part.arguments in ("", "null") else part.parsed()
            return part.id, part.name, part.arguments if args is None else json.dumps(args, sort_keys=True)
    return None


@dataclass(slots=True)
class PartState:
    """One part, at `position` in the message, as far as it was told."""

    position: int
    kind: type
    pieces: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    citations: list[Citation] = field(default_factory=list)

    def more(self, part: Part, whole: bool) -> Part | None:
        """What `part` adds to what was told; None where that is nothing. A `whole` part repeats its pieces."""
        if type(part) not in _GROWING:
            return self._all_at_once(part)
        growing, once = _GROWING[type(part)], _ONCE[type(part)]
        piece = self._rest(getattr(part, growing)) if whole else getattr(part, growing)
        fresh = {name for name in once if getattr(part, name) and name not in self.given}
        cited = self._uncited(part)
        if not (piece or fresh or cited):
            return None
        self.pieces.append(piece)
        self.given |= {name: getattr(part, name) for name in fresh}
        self.citations += cited
        changes: dict[str, Any] = {name: none for name, none in once.items() if name not in fresh}
        changes[growing] = piece
        if isinstance(part, Text):
            changes["citations"] = tuple(cited)
        return replace(part, **changes)

    def text(self) -> str:
        return "".join(self.pieces)

    def answer(self) -> Comparable | None:
        """As `answer`, of what was told."""
        given = {name: self.given.get(name, none) for name, none in _ONCE.get(self.kind, {}).items()}
        return answer(self.kind(**{_GROWING[self.kind]: self.text()}, **given)) if self.kind in _GROWING else None

    def body(self, place: str) -> Json:
        """What was told, as an entry of the list that a plain reply has at `place` of its item."""
        if self.kind is Text:
            return {
                "type": "output_text",
                "text": self.text(),
                "annotations": [dict(one.raw) for one in self.citations],
            }
        if self.kind is Refusal:
            return {"type": "refusal", "refusal": self.text()}
        return {"type": "summary_text" if place == "summary" else "reasoning_text", "text": self.text()}

    def _all_at_once(self, part: Part) -> Part | None:
        if "all" in self.given:
            return None
        self.given["all"] = True
        return part

    def _rest(self, whole: str) -> str:
        said = self.text()
        return whole[len(said) :] if whole.startswith(said) else ""

    def _uncited(self, part: Part) -> list[Citation]:
        return [one for one in part.citations if one not in self.citations] if isinstance(part, Text) else []


_At: TypeAlias = tuple[int, str, int]  # an item's position in the output, and the place of a part in the item


@dataclass(frozen=True, slots=True)
class _Growth:
    """A family of events: `.delta` has a piece of a part, `.done` the whole of it in the field named `done`."""

    item: str
    place: str
    number: str
    done: str
    part: Callable[[str, str | None], Part]


def _text(text: str, item_id: str | None) -> Part:
    return Text(text, id=item_id)


def _refusal(text: str, _: str | None) -> Part:
    return Refusal(text)


def _arguments(text: str, item_id: str | None) -> Part:
    return ToolCall("", "", text, item_id=item_id)


def _input(text: str, item_id: str | None) -> Part:
    return ToolCall("", "", text, "custom", item_id=item_id)


_GROWTH: Mapping[str, _Growth] = {
    "response.output_text": _Growth("message", "content", "content_index", "text", _text),
    "response.refusal": _Growth("message", "content", "content_index", "refusal", _refusal),
    "response.reasoning_text": _Growth("reasoning", "content", "content_index", "text", reasoning_text),
    "response.reasoning_summary_text": _Growth("reasoning", "summary", "summary_index", "text", reasoning_summary),
    "response.function_call_arguments": _Growth("function_call", "arguments", "", "arguments", _arguments),
    "response.custom_tool_call_input": _Growth("custom_tool_call", "input", "", "input", _input),
}


class ResponsesDecoder:
    """One stream's decoder: feed it every event, then close it. Events that are not known say nothing."""

    def __init__(self, model: str, headers: Mapping[str, str], taken: Collection[str] = ()) -> None:
        self._headers = headers
        self._body: Json = {"model": model}
        self._items: dict[int, Json] = {}
        self._whole: set[int] = set()
        self._places: dict[str, list[int]] = {}
        self._ids = CallIds(taken)
        self._call_ids: dict[int, str] = {}
        self._told: dict[_At, PartState] = {}
        self._text: list[str] = []
        self.ended = False

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def feed(self, event: Json) -> Delta | None:
        """What `event` adds; None where that is nothing."""
        if not isinstance(event, dict):
            raise self._broken(f"an event is no object but {parsing.json_type(event)}")
        kind = str(event.get("type"))
        if kind in ("error", "response.error") or ("response" not in event and _complains(event, kind)):
            raise self._reported(event)
        family, _, end = kind.rpartition(".")
        if family in _GROWTH and end in ("delta", "done"):
            fragments = tuple(self._grow(_GROWTH[family], event, end == "done"))
            return Delta(fragments) if fragments else None
        reply_id = self._keep(as_dict(event.get("response")))
        read = _EVENTS.get(kind)
        fragments = tuple(read(self, event)) if read else ()
        return Delta(fragments, id=reply_id) if fragments or reply_id else None

    def close(self, finished: bool) -> Delta:  # noqa: ARG002  # [DONE] ends the stream, not the response
        """The last delta, with the whole reply."""
        if not self.ended:
            raise self._broken("the connection ended before the response did")
        reply = decode(self._folded(), self._headers)
        if _answers(map(PartState.answer, self._told.values())) != _answers(map(answer, reply.message.parts)):
            raise self._broken("its pieces are not what the whole response says")
        return Delta(tuple(self._sources(reply)), reply=reply)

    # --- the response around the items ------------------------------------------------------------------------

    def _keep(self, response: Json) -> str | None:
        """Keeps what an event says of the response; its id, where that is new."""
        known = as_str(self._body.get("id"))
        self._body.update(response)
        return None if known else as_str(response.get("id"))

    def _end(self, event: Json) -> Iterator[Fragment]:
        """The response is there, whole or cut off: what was never told of it is now."""
        self.ended = True
        response = as_dict(event.get("response"))
        if response.get("status") not in ("completed", "incomplete", "failed", "cancelled"):
            cut = event["type"] == "response.incomplete"
            self._body["status"] = "incomplete" if cut else get_status({**response, "status": None})
        items = output_items(self._folded())
        if len(self._whole) < len(items):
            for place, item in zip(self._counterparts(items), items, strict=True):
                yield from self._tell_item(place, item)

    def _counterparts(self, items: Iterable[Json]) -> list[int]:
        """The positions of the items of the whole response among those told of, each its own."""
        used: list[int] = []
        for index, item in enumerate(items):
            places = (at for at in self._alike(index, item) if at not in used)
            used.append(next(places, max(index, *used) + 1 if index in used else index))
        return used

    def _alike(self, index: int, item: Json) -> Iterator[int]:
        """Where an item may have been told of: by id, else by position and type."""
        known = self._places.get(as_str(item.get("id")) or "", [])
        yield from (at for at in known if at == index)
        yield from known
        for at in (index, *sorted(self._items)):
            if at not in self._whole and self._items.get(at, item).get("type") == item.get("type"):
                yield at

    def _fail(self, event: Json) -> Iterator[Fragment]:
        response = as_dict(event.get("response"))
        raise self._with_partial(failed_response_error(as_dict(response.get("error")), response, self._headers))

    def _reported(self, event: Json) -> APIError:
        """An `error` event, its fields flat or in `error`; anything else that reports one is the gateway's own."""
        if event.get("type") not in ("error", "response.error"):
            return self._with_partial(error_from(200, self._headers, event))
        told = failed_response_error(as_dict(event.get("error")) or {**event, "type": None}, event, self._headers)
        told.response_id = as_str(self._body.get("id"))
        return self._with_partial(told)

    def _broken(self, what: str) -> StreamError:
        return StreamError(f"The stream broke off: {what}.", headers=self._headers, partial=self.text)

    def _with_partial(self, error: APIError) -> APIError:
        error.partial = self.text
        return error

    # --- the body that a plain call would have had ------------------------------------------------------------

    def _folded(self) -> Json:
        """The last response told of; its output as events built it, where the response says less."""
        said = dict_items(self._body.get("output"))
        items = dict(zip(self._counterparts(said), said, strict=True))
        if len(said) < len(self._items):
            items = {index: items.get(index) or self._built(index) for index in sorted(self._items)}
        return {**self._body, "output": [self._with_own_id(place, item) for place, item in items.items()]}

    def _with_own_id(self, place: int, item: Json) -> Json:
        """A call with the id that it is known by; one that has none gets it when the item is whole."""
        if item.get("type") not in ("function_call", "custom_tool_call"):
            return item
        if place not in self._call_ids:
            spare_id = as_str(item.get("id")) or synthetic_id(as_str(self._body.get("id")), place)
            self._call_ids[place] = self._ids.claim(as_str(item.get("call_id")) or spare_id)
        return {**item, "call_id": self._call_ids[place]}

    def _built(self, index: int) -> Json:
        """An item, out of its pieces where it was never told of as a whole."""
        item = dict(self._items[index])
        if index in self._whole:
            return item
        for at, told in sorted(self._told.items(), key=lambda entry: entry[0]):
            if at[0] != index or not told.pieces:
                continue
            if at[1] in ("arguments", "input"):
                item[at[1]] = told.text()
            else:
                item[at[1]] = [*(item.get(at[1]) or () if at[2] else ()), told.body(at[1])]
        return item

    def _sources(self, reply: Reply) -> Iterator[Fragment]:
        """Sources that the response names beside its output, which decoding put on the last text."""
        texts = [told for told in self._told.values() if told.kind is Text]
        if texts and reply.message.citations and not any(told.citations for told in texts):
            yield Fragment(texts[-1].position, Text("", reply.message.citations))

    # --- items and pieces of them -----------------------------------------------------------------------------

    def _place(self, event: Json, item_id: str | None) -> int:
        """An item's position in the output: by the index, where an item of this id is; else where the id is."""
        index = event.get("output_index")
        known = self._places.get(item_id or "", [])
        if known and index not in known:
            return known[-1]
        return self._put(index if type(index) is int else max(self._items, default=0), item_id)

    def _place_of_new(self, event: Json, item: Json) -> int:
        """The position of an item that begins, or whose beginning is told again: calls may share their ids."""
        index, item_id = event.get("output_index"), as_str(item.get("id"))
        known = self._places.get(item_id or "", [])
        if type(index) is not int:
            another = not known or (known[-1] in self._whole and str(item.get("type")).endswith("_call"))
            return self._put(max(self._items, default=-1) + 1, item_id) if another else known[-1]
        if known and index in self._items:
            return index if index in known else known[-1]
        return self._put(max(self._items) + 1 if index in self._items else index, item_id)

    def _put(self, index: int, item_id: str | None) -> int:
        if item_id and index not in self._places.setdefault(item_id, []):
            self._places[item_id].append(index)
        return index

    def _opened(self, event: Json) -> Iterator[Fragment]:
        """An item begins. Of what it holds, only a call's name is told: the rest may come again, in pieces."""
        item = as_dict(event.get("item"))
        item_id = as_str(item.get("id"))
        index = self._place_of_new(event, item)
        if as_str(item.get("call_id")):
            item = self._with_own_id(index, item)
        self._items[index] = {key: value for key, value in item.items() if key != "encrypted_content"}
        call_id, name = as_str(item.get("call_id")) or "", as_str(item.get("name")) or ""
        match item.get("type"):
            case "function_call":
                yield from self._tell((index, "arguments", 0), ToolCall(call_id, name, "", item_id=item_id))
            case "custom_tool_call":
                yield from self._tell((index, "input", 0), ToolCall(call_id, name, "", "custom", item_id=item_id))
            case "reasoning":  # as other items, it may be told of only at the end, and still comes first
                self._told.setdefault((index, "summary", 0), PartState(len(self._told), Reasoning))
            case kind if kind != "message":
                self._told.setdefault((index, "item", 0), PartState(len(self._told), HostedItem))

    def _done(self, event: Json) -> Iterator[Fragment]:
        item = as_dict(event.get("item"))
        yield from self._tell_item(self._place(event, as_str(item.get("id"))), item)

    def _tell_item(self, index: int, item: Json) -> Iterator[Fragment]:
        item = self._with_own_id(index, item)
        self._items[index] = item
        self._whole.add(index)
        cut = self._body.get("status") == "incomplete"
        spare_id = synthetic_id(as_str(self._body.get("id")), index)
        for (place, number), part in decode_item(item, spare_id, cut):
            yield from self._tell((index, place, number), part, whole=True)

    def _grow(self, growth: _Growth, event: Json, done: bool) -> Iterator[Fragment]:
        item_id = as_str(event.get("item_id"))
        index = self._place(event, item_id)
        at = (index, growth.place, parsing.as_count(event.get(growth.number)))
        text = parsing.parse_arguments(event.get(growth.done if done else "delta"))
        if not text:
            return
        told = self._told.get(at)
        if told and told.pieces and not done:  # the most frequent case of all
            yield self._piece(told, growth.part(text, None), text)
            return
        self._items.setdefault(index, {"type": growth.item, **({"id": item_id} if item_id else {})})
        yield from self._tell(at, growth.part(text, item_id), whole=done)

    def _cited(self, event: Json) -> Iterator[Fragment]:
        index = self._place(event, as_str(event.get("item_id")))
        at = (index, "content", parsing.as_count(event.get("content_index")))
        if note := as_dict(event.get("annotation")):
            yield from self._tell(at, Text("", (parsing.parse_annotation(note),)))

    def _piece(self, told: PartState, part: Part, text: str) -> Fragment:
        told.pieces.append(text)
        if isinstance(part, Text):
            self._text.append(text)
        return Fragment(told.position, part)

    def _tell(self, at: _At, part: Part, whole: bool = False) -> Iterator[Fragment]:
        told = self._told.get(at) or PartState(len(self._told), type(part))
        if piece := told.more(part, whole):
            self._told[at] = told
            if isinstance(piece, Text):
                self._text.append(piece.text)
            yield Fragment(told.position, piece)


def _answers(found: Iterable[Comparable | None]) -> list[Comparable]:
    """What is said, in an order that is the same whatever was told of first."""
    return sorted(filter(None, found))


def _complains(event: Json, kind: str) -> bool:
    """Whether an event that is none of the endpoint's says what went wrong."""
    return not kind.startswith("response.") and parsing.has_error_fields(event)


_EVENTS: Mapping[str, Callable[[ResponsesDecoder, Json], Iterator[Fragment]]] = {
    "response.output_item.added": ResponsesDecoder._opened,
    "response.output_item.done": ResponsesDecoder._done,
    "response.output_text.annotation.added": ResponsesDecoder._cited,
    "response.completed": ResponsesDecoder._end,
    "response.incomplete": ResponsesDecoder._end,
    "response.failed": ResponsesDecoder._fail,
    "response.cancelled": ResponsesDecoder._fail,
}
