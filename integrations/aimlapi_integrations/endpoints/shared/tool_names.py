"""Map tool names one to one to names that every model accepts, and back.

Every model accepts up to 64 ASCII letters, digits, `_`, and `-`, starting with a letter or `_`. Callers use others:
`jobs.start`, `mcp/files:read`, `Box[int]`, Cyrillic names, long names. Adapters pass these on unchanged; the mapped
names appear only on the wire, and are mapped back before a reply is decoded.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ...types import Delta, HostedTool, Json, Message, Request, ResponseFormat, Tool, ToolCall, ToolChoice
from .. import StreamDecoder

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


# --- streams ------------------------------------------------------------------------------------------------------


class RenamingDecoder:
    """A stream decoder that restores the caller's own tool names."""

    def __init__(self, decoder: StreamDecoder, own_names: Mapping[str, str]) -> None:
        self._decoder = decoder
        self._own_names = own_names

    @property
    def ended(self) -> bool:
        return self._decoder.ended

    @property
    def text(self) -> str:
        return self._decoder.text

    def feed(self, event: Json) -> Delta | None:
        return self._decoder.feed(restore_names(event, self._own_names))

    def close(self, finished: bool) -> Delta:
        return self._decoder.close(finished)
