"""Tool calls put together from the pieces that streams carry.

By the vendor's schema every piece has an index, an id and a name; models in the wild leave out the index, give all
parallel calls the same index, or the same id, repeat id and name in each piece, or send arguments as an object.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from ..._utils.json import parse_lenient_json
from ...errors import StreamError
from ...types import Json, ToolCall
from . import parsing
from .call_ids import CallIds
from .parsing import as_dict, as_str


def synthetic_id(reply_id: str | None, position: int) -> str:
    """An id for a call that came without one, the same however the reply came; as short as all endpoints take."""
    reply_id = reply_id or uuid4().hex
    return f"call_{reply_id if len(reply_id) <= 32 else sha256(reply_id.encode()).hexdigest()[:24]}_{position}"


@dataclass(slots=True)
class _Piece:
    """What one entry of a delta's `tool_calls` says."""

    index: int | None
    id: str
    name: str
    kind: str
    arguments: str
    extra: Json


def _read_piece(entry: Json) -> _Piece:
    custom = as_dict(entry.get("custom"))
    function = as_dict(entry.get("function")) or custom
    index, extra = entry.get("index"), entry.get("extra_content")
    return _Piece(
        index=index if type(index) is int else None,
        id=as_str(entry.get("id")) or "",
        name=as_str(function.get("name")) or "",
        kind="custom" if custom else "function" if function else "",
        arguments=parsing.parse_arguments(function.get("input" if custom else "arguments")),
        extra={"extra_content": extra} if isinstance(extra, dict) else {},
    )


@dataclass(slots=True)
class _Call:
    """A call as far as it has come.

    `read_id` is the id that its pieces have, `id` the one that it is known by. `announced` is a piece that named the
    call again after its end: it is the beginning of another call if arguments follow.
    """

    position: int
    read_id: str = ""
    id: str = ""
    name: str = ""
    kind: str = ""
    arguments: list[str] = field(default_factory=list)
    extra: Json = field(default_factory=dict)
    announced: _Piece | None = None

    def complete(self) -> bool:
        """Whether its arguments are a whole JSON value already."""
        if self.kind == "custom":
            return True
        try:
            parse_lenient_json("".join(self.arguments))
        except ValueError:
            return False
        return True

    def body(self) -> Json:
        """The call as a plain reply has it."""
        inner = {"name": self.name, "input" if self.kind == "custom" else "arguments": "".join(self.arguments)}
        kind = self.kind or "function"
        return {"id": self.id, "type": kind, kind: inner, **self.extra}

    def keep_to(self, kind: str) -> None:
        """What the call is: its first piece that says so tells. StreamError where another piece says otherwise."""
        if kind and self.kind not in ("", kind):
            raise StreamError(f"The stream broke off: a {self.kind} call goes on as a {kind} call.")
        self.kind = self.kind or kind

    def is_followed_by(self, piece: _Piece) -> bool:
        """Whether a piece is another call's, though it has the same index or id: it is named after the call's end."""
        return bool(piece.name and self.name and (piece.arguments or piece.name != self.name) and self.complete())

    def is_announced_by(self, piece: _Piece) -> bool:
        """Whether a piece names the call again after its end, which is a repetition or the beginning of another."""
        named = piece.name and piece.name == self.name and self.kind != "custom"
        return bool(named) and not piece.arguments and self.complete()


class ToolCallAccumulator:
    """Sorts pieces to calls. `add` tells what a piece adds to which call; `bodies` gives the calls, whole.

    Every call gets an id of its own, none of them one of `taken`.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._ids = CallIds(taken)

    def add(self, entry: Json) -> tuple[int, ToolCall]:
        """The call's position, and the piece with id, name and extras only where they are new."""
        piece = _read_piece(entry)
        call = self._find(piece)
        call.keep_to(piece.kind)
        call.arguments.append(piece.arguments)
        return call.position, ToolCall(
            id=self._identify(call, piece.id),
            name=_once(call, piece.name),
            arguments=piece.arguments,
            kind="custom" if piece.kind == "custom" else "function",
            extra=_extra(call, piece),
        )

    def unnamed(self, reply_id: str | None) -> list[tuple[int, ToolCall]]:
        """Gives an id to every call that came without one: it must have one to be answered."""
        nameless = [call for call in self._calls if not call.id]
        for call in nameless:
            call.id = self._ids.claim(synthetic_id(reply_id, call.position))
        return [(call.position, ToolCall(id=call.id, name="", arguments="")) for call in nameless]

    def __bool__(self) -> bool:
        return bool(self._calls)

    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return all(call.complete() for call in self._calls)

    def bodies(self) -> list[Json]:
        return [call.body() for call in self._calls]

    def _find(self, piece: _Piece) -> _Call:
        """The call that a piece is of; where it begins another, that one."""
        call = self._candidate(piece)
        if call and call.announced and piece.arguments.strip() and not piece.name:
            piece.name, piece.id = call.announced.name, piece.id or call.announced.id
        if call is None or call.is_followed_by(piece):
            if call:
                call.announced = None
            call = _Call(len(self._calls))
            self._calls.append(call)
        elif call.is_announced_by(piece):
            call.announced = piece
        if piece.index is not None:
            self._by_index[piece.index] = call
        return call

    def _candidate(self, piece: _Piece) -> _Call | None:
        """The call that the index says, before the id: ids may be shared by calls, as may indexes where ids are not."""
        by_id = self._by_id.get(piece.id)
        if piece.index is None:
            last = self._calls[-1] if self._calls else None
            return by_id or (None if piece.id and last and last.read_id else last)
        by_index = self._by_index.get(piece.index)
        if by_index is None:
            return None if piece.name else by_id
        return by_index if not piece.id or piece.id == by_index.read_id or not by_index.read_id else by_id

    def _identify(self, call: _Call, read_id: str) -> str:
        if not read_id or call.read_id:
            return ""
        call.read_id = read_id
        self._by_id[read_id] = call
        call.id = self._ids.claim(read_id)
        return call.id


def _once(call: _Call, name: str) -> str:
    if not name or call.name:
        return ""
    call.name = name
    return name


def _extra(call: _Call, piece: _Piece) -> dict[str, Any]:
    if not piece.extra or call.extra:
        return {}
    call.extra = piece.extra
    return call.extra
