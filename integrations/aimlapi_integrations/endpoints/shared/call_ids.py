"""Ids of tool calls: every call has one of its own, in replies as in the history that is sent.

Vendors' adapters give parallel calls one id, the function's name or none at all. Nothing may be lost by that: ids are
made unique, and results are matched to calls in their order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ...errors import UnsupportedContentError
from ...models import lookup
from ...types import HostedItem, Message, Part, Request, ToolCall

_ANY = re.compile(r".+", re.DOTALL)
_SHORT = re.compile(r".{1,64}", re.DOTALL)
_CLAUDE = re.compile(r"[A-Za-z0-9_-]{1,64}")


class CallIds:
    """Gives out ids that are not taken.

    >>> ids = CallIds(["add"])
    >>> ids.claim("add"), ids.claim("add"), ids.claim("mul")
    ('add_2', 'add_3', 'mul')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._counts: Counter[str] = Counter()

    def claim(self, call_id: str) -> str:
        """The id itself, or with a number where it is taken."""
        claimed = call_id
        while claimed in self._taken:
            self._counts[call_id] += 1
            claimed = f"{call_id}_{self._counts[call_id] + 1}"
        self._taken.add(claimed)
        return claimed

    def claim_all(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """The parts of a reply, each call with an id of its own."""
        return tuple(_with_id(part, self.claim(part.id)) if isinstance(part, ToolCall) else part for part in parts)


def _with_id(call: ToolCall, call_id: str) -> ToolCall:
    return call if call.id == call_id else replace(call, id=call_id)


def ids_of(messages: Iterable[Message]) -> frozenset[str]:
    """The ids of all calls in a history, which those of a reply must differ from."""
    turns = [message.parts for message in messages if message.role == "assistant"]
    return frozenset([part.id for parts in turns for part in parts if type(part) is ToolCall])


def identify_calls(request: Request, endpoint: str) -> Request:
    """The request with an id of its own for every call in its history, and results that name the calls they answer.

    A result answers the first open call that has its id, of the latest turn first; where the id is empty or a
    function's name, the first open call of that function. A result whose call is not in the history stays as it is.

    Args:
        request: it is not changed, and is the very same where its ids are in order.
        endpoint: `chat_completions`, `responses` or `messages`.

    Raises:
        UnsupportedContentError: a result without an id that no open call can be meant by.
    """
    is_accepted = _accepted_ids(request.model, endpoint)
    if _are_identified(request.messages, is_accepted):
        return request
    history = _History(is_accepted)
    return replace(request, messages=tuple(map(history.identify, request.messages)))


def _accepted_ids(model: str, endpoint: str) -> Callable[[str], object]:
    """Claude takes few characters in ids, wherever it is served; Responses takes 64 of any."""
    if lookup(model).messages or endpoint == "messages":
        return _CLAUDE.fullmatch
    return (_SHORT if endpoint == "responses" else _ANY).fullmatch


def _are_identified(messages: Sequence[Message], is_accepted: Callable[[str], object]) -> bool:
    ids: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id not in ids:
                return False
        elif message.role == "assistant":
            for part in message.parts:
                if type(part) is ToolCall:
                    if part.id in ids or not is_accepted(part.id):
                        return False
                    ids.add(part.id)
    return True


class _History:
    """Goes through the messages of a history in their order.

    The calls of one turn are those of all assistant messages between other ones. Ids depend only on what came before,
    so that a history that grows keeps its beginning, which gateways cache.
    """

    def __init__(self, is_accepted: Callable[[str], object]) -> None:
        self._is_accepted = is_accepted
        self._ids = CallIds()
        self._open: list[list[tuple[ToolCall, str]]] = []  # by turn, the latest first: calls and their ids on the wire
        self._answered: dict[str, str] = {}
        self._in_turn = False

    def identify(self, message: Message) -> Message:
        """The message with ids that are unique in the history."""
        if message.role == "assistant":
            return self._identify_calls(message)
        self._in_turn = False
        return self._identify_result(message) if message.role == "tool" else message

    def _identify_calls(self, message: Message) -> Message:
        if not self._in_turn:
            self._open = [[], *filter(None, self._open)]
            self._in_turn = True
        parts = tuple(self._identify_call(part) if isinstance(part, ToolCall) else part for part in message.parts)
        return replace(message, parts=parts)

    def _identify_call(self, call: ToolCall) -> ToolCall:
        accepted = call.id if self._is_accepted(call.id) else re.sub(r"[^A-Za-z0-9_-]", "_", call.id)[:56]
        wire_id = self._ids.claim(accepted or "call")
        self._open[0].append((call, wire_id))
        return _with_id(call, wire_id)

    def _identify_result(self, message: Message) -> Message:
        wire_id = self._match(message.tool_call_id or "", message.name or None)
        if wire_id is not None:
            return replace(message, tool_call_id=wire_id)
        if message.tool_call_id or any(isinstance(part, HostedItem) for part in message.parts):
            return message
        of_name = f" of {message.name!r}" if message.name else ""
        raise UnsupportedContentError(
            f"A tool result has no id, and no call{of_name} is left that it could answer: set its tool_call_id."
        )

    def _match(self, call_id: str, name: str | None) -> str | None:
        for rule in _rules(call_id, name):
            for turn in self._open:
                for place, (call, wire_id) in enumerate(turn):
                    if rule(call):
                        del turn[place]
                        self._answered[call.id] = wire_id
                        return wire_id
        return self._answered.get(call_id) if call_id else None


def _rules(call_id: str, name: str | None) -> Iterator[Callable[[ToolCall], bool]]:
    """What tells the call that a result answers, the surest first."""
    if name:
        yield lambda call: call.id == call_id and call.name == name
    if call_id or not name:
        yield lambda call: call.id == call_id
    if call_id or name:
        yield lambda call: call.name == (call_id or name)
    else:
        yield lambda _: True
