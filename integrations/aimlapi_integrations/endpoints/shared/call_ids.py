"""Ids of tool calls: every call has a unique one, in replies and in the history that is sent.

Some models give parallel calls the same id, the function's name, or no id. To keep every call, ids are made unique, and
results are matched to calls in order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from uuid import uuid4

from ...errors import UnsupportedContentError
from ...models import Model, lookup
from ...types import HostedItem, Message, Part, Request, ToolCall

_ANY = re.compile(r".+", re.DOTALL)
_SHORT = re.compile(r".{1,64}", re.DOTALL)
_CLAUDE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def synthetic_id(reply_id: str | None, position: int) -> str:
    """Make an id for a call without one: the same for a plain reply and a stream, and short enough for any endpoint."""
    reply_id = reply_id or uuid4().hex
    return f"call_{reply_id if len(reply_id) <= 32 else sha256(reply_id.encode()).hexdigest()[:24]}_{position}"


class CallIds:
    """Assigns unique ids.

    >>> ids = CallIds(["add"])
    >>> ids.claim("add"), ids.claim("add"), ids.claim("mul")
    ('add_2', 'add_3', 'mul')
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._counts: Counter[str] = Counter()

    def claim(self, call_id: str) -> str:
        """Reserve an id; append a number if it is already taken."""
        claimed = call_id
        while claimed in self._taken:
            self._counts[call_id] += 1
            claimed = f"{call_id}_{self._counts[call_id] + 1}"
        self._taken.add(claimed)
        return claimed

    def claim_all(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """Give each call among the parts of a reply a unique id."""
        return tuple(_with_id(part, self.claim(part.id)) if isinstance(part, ToolCall) else part for part in parts)


def _with_id(call: ToolCall, call_id: str) -> ToolCall:
    return call if call.id == call_id else replace(call, id=call_id)


def ids_of(messages: Iterable[Message]) -> frozenset[str]:
    """Collect the ids of all calls in a history, which the ids in a reply must differ from."""
    turns = [message.parts for message in messages if message.role == "assistant"]
    return frozenset([part.id for parts in turns for part in parts if type(part) is ToolCall])


def identify_calls(request: Request, endpoint: str, model: Model | None = None) -> Request:
    """Give every call in the history a unique id, and every result the id of its call.

    A result belongs to the first open call with its id, starting with the latest turn. If its id is empty or the name
    of a function, it belongs to the first open call of that function. A result without a call in the history is left
    unchanged.

    Args:
        request: returned as is if all its ids are unique and accepted.
        endpoint: `chat_completions`, `responses`, or `messages`.
        model: the model of the request; looked up if None.

    Raises:
        UnsupportedContentError: a result has no id, and there is no open call that it could belong to.
    """
    is_accepted = _accepted_ids(model or lookup(request.model), endpoint)
    if _has_valid_ids(request.messages, is_accepted):
        return request
    history = _History(is_accepted)
    return replace(request, messages=tuple(map(history.identify, request.messages)))


def _accepted_ids(model: Model, endpoint: str) -> Callable[[str], object]:
    """Return what checks ids: Claude accepts a limited character set on every endpoint, Responses any 64 characters."""
    if model.messages or endpoint == "messages":
        return _CLAUDE.fullmatch
    return (_SHORT if endpoint == "responses" else _ANY).fullmatch


def _has_valid_ids(messages: Sequence[Message], is_accepted: Callable[[str], object]) -> bool:
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
    """Processes the messages of a history in order.

    Consecutive assistant messages count as one turn. An id depends only on earlier messages, so the prefix of a growing
    history stays the same and remains cached by the gateway.
    """

    def __init__(self, is_accepted: Callable[[str], object]) -> None:
        self._is_accepted = is_accepted
        self._ids = CallIds()
        self._open: list[list[tuple[ToolCall, str]]] = []  # calls and their wire ids by turn, the latest turn first
        self._resolved: dict[str, str] = {}
        self._in_turn = False

    def identify(self, message: Message) -> Message:
        """Return the message with ids that are unique in the history."""
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
            f"A tool result has no id, and no open call{of_name} is left that it could belong to: set its tool_call_id."
        )

    def _match(self, call_id: str, name: str | None) -> str | None:
        for matches in _matchers(call_id, name):
            for turn in self._open:
                for position, (call, wire_id) in enumerate(turn):
                    if matches(call):
                        del turn[position]
                        self._resolved[call.id] = wire_id
                        return wire_id
        return self._resolved.get(call_id) if call_id else None


def _matchers(call_id: str, name: str | None) -> Iterator[Callable[[ToolCall], bool]]:
    """Yield the ways to recognize the call of a result, the most reliable first."""
    if name:
        yield lambda call: call.id == call_id and call.name == name
    if call_id or not name:
        yield lambda call: call.id == call_id
    if call_id or name:
        yield lambda call: call.name == (call_id or name)
    else:
        yield lambda _: True
