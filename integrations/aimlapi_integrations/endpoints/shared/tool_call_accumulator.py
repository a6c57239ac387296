"""Assemble tool calls from the pieces in a chat completions stream.

By the documented schema every piece has an index, an id, and a name. Real models omit the index, give all parallel
calls the same index or the same id, repeat id and name in each piece, or send arguments as an object.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..._utils.json import parse_lenient_json
from ...errors import StreamError
from ...types import Json, ToolCall
from . import parsing
from .identifiers import CallIds, synthetic_id
from .parsing import as_dict, as_str


@dataclass(slots=True)
class _Piece:
    """One entry of a delta's `tool_calls`."""

    index: int | None
    id: str
    name: str
    kind: str
    arguments: str
    extra: Json


def _parse_piece(entry: Json) -> _Piece:
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
class _PartialCall:
    """A call as assembled so far.

    `wire_id` is the id in its pieces, `id` the unique id of the call. `pending_start` is a piece that repeated the
    call's name after the call was complete: if arguments follow, it is the start of another call.
    """

    position: int
    wire_id: str = ""
    id: str = ""
    name: str = ""
    kind: str = ""
    arguments: list[str] = field(default_factory=list)
    extra: Json = field(default_factory=dict)
    pending_start: _Piece | None = None

    def is_complete(self) -> bool:
        """Return whether the arguments so far are a complete JSON value."""
        if self.kind == "custom":
            return True
        try:
            parse_lenient_json("".join(self.arguments))
        except ValueError:
            return False
        return True

    def to_body(self) -> Json:
        """Return the call as in a plain reply."""
        inner = {"name": self.name, "input" if self.kind == "custom" else "arguments": "".join(self.arguments)}
        kind = self.kind or "function"
        return {"id": self.id, "type": kind, kind: inner, **self.extra}

    def set_kind(self, kind: str) -> None:
        """Set the kind from the first piece that has one.

        Raises:
            StreamError: another piece had a different kind.
        """
        if kind and self.kind not in ("", kind):
            raise StreamError(f"The stream broke off: a {self.kind} call goes on as a {kind} call.")
        self.kind = self.kind or kind

    def add_name(self, name: str) -> str:
        """Set the name from the first piece that has one; return it if it is new."""
        if not name or self.name:
            return ""
        self.name = name
        return name

    def add_extra(self, extra: Json) -> dict[str, Any]:
        """Set the extra fields from the first piece that has some; return them if they are new."""
        if not extra or self.extra:
            return {}
        self.extra = extra
        return extra

    def is_followed_by(self, piece: _Piece) -> bool:
        """Return whether a piece with the same index or id starts another call, since this one is complete."""
        starts_call = piece.name and self.name and (piece.arguments or piece.name != self.name)
        return bool(starts_call) and self.is_complete()

    def is_repeated_by(self, piece: _Piece) -> bool:
        """Return whether a piece only repeats the name of this complete call, and may be the start of another."""
        repeats_name = piece.name and piece.name == self.name and self.kind != "custom"
        return bool(repeats_name) and not piece.arguments and self.is_complete()


class ToolCallAccumulator:
    """Assigns pieces to calls and gives every call a unique id, none of them among `taken`."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._calls: list[_PartialCall] = []
        self._by_index: dict[int, _PartialCall] = {}
        self._by_id: dict[str, _PartialCall] = {}
        self._ids = CallIds(taken)

    def add(self, entry: Json) -> tuple[int, ToolCall] | None:
        """Add an entry of a delta's `tool_calls`.

        Returns:
            The position of its call, and what the entry adds: id, name, and extra fields only if they are new. None if
            the entry is empty.
        """
        if addition := self._add_arguments(entry):
            return addition
        if parsing.is_empty_call(entry):
            return None
        piece = _parse_piece(entry)
        call = self._select_call(piece)
        call.set_kind(piece.kind)
        call.arguments.append(piece.arguments)
        return call.position, ToolCall(
            id=self._identify(call, piece.id),
            name=call.add_name(piece.name),
            arguments=piece.arguments,
            kind="custom" if piece.kind == "custom" else "function",
            extra=call.add_extra(piece.extra),
        )

    def _add_arguments(self, entry: Json) -> tuple[int, ToolCall] | None:
        """Add an entry that has only an index and arguments, as most do; None for any other entry.

        Without an id and a name it belongs to the call with its index.
        """
        index, function = entry.get("index"), entry.get("function")
        if len(entry) != 2 or type(index) is not int or not isinstance(function, dict) or len(function) != 1:
            return None
        call, arguments = self._by_index.get(index), function.get("arguments")
        if call is None or call.pending_start or call.kind != "function" or type(arguments) is not str:
            return None
        call.arguments.append(arguments)
        return call.position, ToolCall("", "", arguments)

    def add_missing_ids(self, reply_id: str | None) -> list[tuple[int, ToolCall]]:
        """Give an id to every call without one, since results need it; return these calls with only their ids."""
        calls = [call for call in self._calls if not call.id]
        for call in calls:
            call.id = self._ids.claim(synthetic_id(reply_id, call.position))
        return [(call.position, ToolCall(id=call.id, name="", arguments="")) for call in calls]

    def __bool__(self) -> bool:
        return bool(self._calls)

    def is_complete(self) -> bool:
        """Return whether all calls are complete."""
        return all(call.is_complete() for call in self._calls)

    def to_bodies(self) -> list[Json]:
        """Return the calls as in a plain reply."""
        return [call.to_body() for call in self._calls]

    def _select_call(self, piece: _Piece) -> _PartialCall:
        """Return the call that a piece belongs to, which is a new one if it starts another call."""
        call = self._match_call(piece)
        if call and call.pending_start and piece.arguments.strip() and not piece.name:
            piece.name, piece.id = call.pending_start.name, piece.id or call.pending_start.id
        if call is None or call.is_followed_by(piece):
            if call:
                call.pending_start = None
            call = _PartialCall(len(self._calls))
            self._calls.append(call)
        elif call.is_repeated_by(piece):
            call.pending_start = piece
        if piece.index is not None:
            self._by_index[piece.index] = call
        return call

    def _match_call(self, piece: _Piece) -> _PartialCall | None:
        """Match by index first: calls may share an id, or an index if their ids differ."""
        by_id = self._by_id.get(piece.id)
        if piece.index is None:
            last = self._calls[-1] if self._calls else None
            return by_id or (None if piece.id and last and last.wire_id else last)
        by_index = self._by_index.get(piece.index)
        if by_index is None:
            return None if piece.name else by_id
        return by_index if not piece.id or piece.id == by_index.wire_id or not by_index.wire_id else by_id

    def _identify(self, call: _PartialCall, wire_id: str) -> str:
        if not wire_id or call.wire_id:
            return ""
        call.wire_id = wire_id
        self._by_id[wire_id] = call
        call.id = self._ids.claim(wire_id)
        return call.id
