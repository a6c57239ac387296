"""Tool calls put together from the pieces that streams carry.

By the vendor's schema every piece has an index, an id and a name; models in the wild leave out the index, give all
parallel calls the same one, repeat id and name in each piece, or send arguments as an object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ..conversation import Json, ToolCall
from ..errors import StreamError
from ..json_text import parse_lenient_json
from . import reading
from .reading import obj, string


def made_up_id(reply_id: str | None, position: int) -> str:
    """An id for a call that came without one, the same however the reply came."""
    return f"call_{reply_id or uuid4().hex}_{position}"


@dataclass(slots=True)
class _Call:
    position: int
    id: str = ""
    name: str = ""
    kind: str = ""
    arguments: list[str] = field(default_factory=list)
    extra: Json = field(default_factory=dict)

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


class ToolCallFold:
    """Sorts pieces to calls. `add` tells what a piece adds to which call; `bodies` gives the calls, whole."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    def add(self, piece: Json) -> tuple[int, ToolCall]:
        """The call's position, and the piece with id, name and extras only where they are new."""
        custom = obj(piece.get("custom"))
        function = obj(piece.get("function")) or custom
        arguments = reading.arguments(function.get("input" if custom else "arguments"))
        name = string(function.get("name")) or ""
        call = self._find(piece, name, arguments)
        call.keep_to("custom" if custom else "function" if function else "")
        call.arguments.append(arguments)
        return call.position, ToolCall(
            id=self._identify(call, string(piece.get("id")) or ""),
            name=_once(call, name),
            arguments=arguments,
            kind="custom" if custom else "function",
            extra=_extra(call, piece),
        )

    def unnamed(self, reply_id: str | None) -> list[tuple[int, ToolCall]]:
        """Gives an id to every call that came without one: it must have one to be answered."""
        nameless = [call for call in self._calls if not call.id]
        for call in nameless:
            call.id = made_up_id(reply_id, call.position)
        return [(call.position, ToolCall(id=call.id, name="", arguments="")) for call in nameless]

    def __bool__(self) -> bool:
        return bool(self._calls)

    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return all(call.complete() for call in self._calls)

    def bodies(self) -> list[Json]:
        return [call.body() for call in self._calls]

    def _find(self, piece: Json, name: str, arguments: str) -> _Call:
        index, call_id = piece.get("index"), string(piece.get("id"))
        at = self._by_index.get(index) if type(index) is int else None
        known = self._by_id.get(call_id or "")
        if known and (known is at or not _begins_another(known, name, arguments)):
            return known
        if type(index) is not int and self._calls:
            at = self._calls[-1]
        if at is None or (call_id and at.id) or _begins_another(at, name, arguments):
            at = self._open()
        if type(index) is int:
            self._by_index[index] = at
        return at

    def _open(self) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        return call

    def _identify(self, call: _Call, call_id: str) -> str:
        if not call_id or call.id:
            return ""
        call.id = call_id
        self._by_id[call_id] = call
        return call_id


def _begins_another(call: _Call, name: str, arguments: str) -> bool:
    """Whether a piece without an id of its own is another call's: it is named anew after a whole one."""
    return bool(name and call.name and (arguments or name != call.name) and call.complete())


def _once(call: _Call, name: str) -> str:
    if not name or call.name:
        return ""
    call.name = name
    return name


def _extra(call: _Call, piece: Json) -> dict[str, Any]:
    found = piece.get("extra_content")
    if not isinstance(found, dict) or call.extra:
        return {}
    call.extra = {"extra_content": found}
    return call.extra
