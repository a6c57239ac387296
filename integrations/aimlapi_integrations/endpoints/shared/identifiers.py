"""Ids of tool calls and names of tools: made unique, and mapped to those that every model accepts.

Some models give parallel calls the same id, the function's name, or no id. To keep every call, in replies and in the
history that is sent, ids are made unique, and results are matched to calls in order.

Every model accepts tool names of up to 64 ASCII letters, digits, `_`, and `-`, starting with a letter or `_`. Callers
use others: `jobs.start`, `mcp/files:read`, `Box[int]`, Cyrillic names, long names. Adapters pass these on unchanged.
The mapped names, one for each name, appear only on the wire, and are mapped back before a reply is decoded.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from ...errors import UnsupportedContentError
from ...models import Model, lookup
from ...types import HostedItem, HostedTool, Message, Part, Request, ResponseFormat, Tool, ToolCall, ToolChoice

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


# --- names of tools -----------------------------------------------------------------------------------------------

_MAX_LENGTH = 64
_is_valid = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}").fullmatch

# The keys of a body, an event, a tool item, or a tool choice under which tool names occur.
_PARENT_KEYS = frozenset(
    {"choices", "message", "delta", "tool_calls", "function_call", "function", "custom"}
    | {"response", "output", "item", "content", "content_block", "tools", "tool_choice", "allowed_tools"}
)


def rename_tools(request: Request) -> tuple[Request, Mapping[str, str]]:
    """Replace the tool names that not every model accepts.

    Returns:
        The request, which is the same one if no name changes, and the caller's names by their wire names.

    >>> renamed, own_names = rename_tools(Request("gpt-4o", (), tools=(Tool("jobs.start"), Tool("jobs_stop"))))
    >>> [tool.name for tool in renamed.tools], own_names
    (['jobs_start', 'jobs_stop'], {'jobs_start': 'jobs.start'})
    """
    wire_names = map_names(_tool_names(request))
    response_format = _rename_format(request.response_format)
    if not wire_names and response_format is request.response_format:
        return request, {}
    renamed = replace(
        request,
        messages=tuple(_rename_message(message, wire_names) for message in request.messages),
        tools=tuple(_rename_tool(tool, wire_names) for tool in request.tools),
        tool_choice=_rename_choice(request.tool_choice, wire_names),
        response_format=response_format,
    )
    return renamed, {wire_name: name for name, wire_name in wire_names.items()}


def map_names(names: Iterable[str]) -> dict[str, str]:
    """Map the names that not every model accepts to wire names: one to one, and independent of their order.

    A wire name is a readable version of the name, with a hash if that alone is not unique.

    >>> map_names(["Box[int]", "add"])
    {'Box[int]': 'Box_int'}
    >>> map_names(["a.b", "a_b", "поиск"])
    {'a.b': 'a_b_2e7336dc', 'поиск': 'tool_d89cae10'}
    """
    all_names = set(names)
    invalid = sorted(name for name in all_names if not _is_valid(name))
    if not invalid:
        return {}
    taken = all_names.difference(invalid)
    readable = {name: _to_readable(name) for name in invalid}
    counts = Counter(readable.values())
    wire_names = {name: short for name, short in readable.items() if counts[short] == 1 and _is_free(short, taken)}
    taken |= set(wire_names.values())
    for name in invalid:
        if name not in wire_names:
            wire_names[name] = _add_hash(name, readable[name], taken)
            taken.add(wire_names[name])
    return wire_names


def restore_names(value: Any, own_names: Mapping[str, str]) -> Any:
    """Copy a body or an event with the caller's own tool names.

    >>> restore_names({"content": [{"type": "tool_use", "name": "a_b", "input": {"name": "a_b"}}]}, {"a_b": "a.b"})
    {'content': [{'type': 'tool_use', 'name': 'a.b', 'input': {'name': 'a_b'}}]}
    """
    if isinstance(value, list):
        return [restore_names(item, own_names) for item in value]
    if not isinstance(value, dict) or _is_mcp(value):
        return value
    return {key: _restore(key, inner, own_names) for key, inner in value.items()}


def _restore(key: str, value: Any, names: Mapping[str, str]) -> Any:
    if key == "name":
        return names.get(value, value) if isinstance(value, str) else value
    return restore_names(value, names) if key in _PARENT_KEYS else value


def _is_mcp(item: Mapping[str, Any]) -> bool:
    """Return whether an item belongs to an MCP server's tool, whose name the gateway needs unchanged."""
    return str(item.get("type", "")).startswith("mcp")


# --- making names -------------------------------------------------------------------------------------------------


def _to_readable(name: str) -> str:
    """Reduce a name to ASCII letters, digits, `_`, and `-`; empty if no letter or digit remains."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    short = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_")
    if not short.strip("_-"):
        return ""
    return short if _is_valid(short[:1]) else f"_{short}"


def _is_free(name: str, taken: Collection[str]) -> bool:
    return bool(_is_valid(name)) and name not in taken


def _add_hash(name: str, readable: str, taken: Collection[str]) -> str:
    """Append a hash of the whole name to its start and end."""
    digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    for length in (8, 16, 32, 48):
        room = _MAX_LENGTH - length - 1
        stem = readable or "tool"
        if len(stem) > room:
            stem = f"{stem[: room // 2]}_{stem[len(stem) - (room - 1 - room // 2) :]}"
        if _is_free(wire_name := f"{stem}_{digest[:length]}", taken):
            return wire_name
    raise AssertionError(f"No free name for the tool {name!r}.")


# --- names in a request -------------------------------------------------------------------------------------------


def _tool_names(request: Request) -> Iterator[str]:
    for tool in request.tools:
        if isinstance(tool, Tool):
            yield tool.name
        else:
            yield from _item_names(tool.item)
    choice = request.tool_choice
    if choice is not None and choice.mode == "named" and choice.name is not None:
        yield choice.name
    elif choice is not None and choice.item is not None:
        yield from _item_names(choice.item)
    yield from [message.name for message in request.messages if message.role == "tool" and message.name]
    turns = [message.parts for message in request.messages if message.role == "assistant"]
    yield from {part.name for parts in turns for part in parts if type(part) is ToolCall}


def _item_names(value: Any) -> Iterator[str]:
    """Yield the names in a tool item or a tool choice that is sent as is."""
    if isinstance(value, list):
        for item in value:
            yield from _item_names(item)
    elif isinstance(value, Mapping) and not _is_mcp(value):
        if isinstance(value.get("name"), str):
            yield value["name"]
        for key in _PARENT_KEYS & value.keys():
            yield from _item_names(value[key])


def _rename_message(message: Message, wire_names: Mapping[str, str]) -> Message:
    if message.role == "tool" and message.name:
        return replace(message, name=wire_names.get(message.name, message.name))
    if message.role != "assistant" or not any(call.name in wire_names for call in message.tool_calls):
        return message
    return replace(message, parts=tuple(_rename_call(part, wire_names) for part in message.parts))


def _rename_call(part: Any, wire_names: Mapping[str, str]) -> Any:
    if isinstance(part, ToolCall) and part.name in wire_names:
        return replace(part, name=wire_names[part.name])
    return part


def _rename_tool(tool: Tool | HostedTool, wire_names: Mapping[str, str]) -> Tool | HostedTool:
    if isinstance(tool, HostedTool):
        return HostedTool(restore_names(dict(tool.item), wire_names))
    return replace(tool, name=wire_names[tool.name]) if tool.name in wire_names else tool


def _rename_choice(choice: ToolChoice | None, wire_names: Mapping[str, str]) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.item is not None:
        return replace(choice, item=restore_names(dict(choice.item), wire_names))
    return replace(choice, name=wire_names.get(choice.name or "", choice.name)) if choice.mode == "named" else choice


def _rename_format(response_format: ResponseFormat | None) -> ResponseFormat | None:
    if response_format is None or _is_valid(response_format.name):
        return response_format
    return replace(response_format, name=map_names([response_format.name])[response_format.name])
