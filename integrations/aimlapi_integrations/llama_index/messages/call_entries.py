"""Tool calls in `additional_kwargs`, in the forms of all LlamaIndex integrations -> `ToolCall`s.

The integrations for OpenAI's chat completions and Responses, Anthropic, Bedrock, Google, Mistral, Cohere and Ollama
name the same four fields differently, in dicts or in objects of their SDKs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from pydantic import BaseModel

from ..._utils.json import parse_json
from ...types import ToolCall

# Where a call is inside its entry, and the names of its fields. The first one that is present counts.
_WRAPPERS = ("function", "custom", "function_call", "functionCall", "toolUse", "tool_use")
_IDS = ("call_id", "toolUseId", "tool_use_id", "tool_call_id", "tool_id", "id")
_NAMES = ("name", "tool_name")
_ARGUMENTS = ("arguments", "args", "input", "parameters", "tool_kwargs")

# The types of calls of the caller's tools. Other types are records of tools that a vendor ran itself.
_CALLS = ("function", "custom", "function_call", "custom_tool_call", "tool_use", "toolUse", "tool_call")


def is_own_message(message: ChatMessage) -> bool:
    """Return whether this integration made a message: its blocks say which calls it has.

    Messages of other integrations may have calls in `additional_kwargs` alone.
    """
    return isinstance(message.additional_kwargs.get("author"), str)


def message_calls(message: ChatMessage) -> list[ToolCall]:
    """Read the calls of a message that has no blocks of them: none if its blocks were removed."""
    kwargs = message.additional_kwargs
    if is_own_message(message):
        return []
    calls = read_calls(kwargs.get("tool_calls"))
    if not calls and kwargs.get("function_call"):
        return read_calls([{"function": kwargs["function_call"]}])
    return calls


def read_calls(entries: Any, skipped: list[str] | None = None) -> list[ToolCall]:
    """Read the calls of one message. A missing ID is empty.

    Args:
        entries: a list of calls, or None.
        skipped: collects the types of the entries that are not calls of the caller's tools.
    """
    calls: list[ToolCall] = []
    for entry in entries or ():
        call = read_call(entry)
        if call is not None:
            calls.append(call)
        elif skipped is not None:
            skipped.append(str(_get(entry, "type") or "a tool call without a name"))
    return calls


def read_call(entry: Any) -> ToolCall | None:
    """Read one call. Return None if it is not a call of the caller's tools."""
    kind = _get(entry, "type")
    inner = _first(entry, _WRAPPERS) or entry
    name = _first(inner, _NAMES)
    if not isinstance(name, str) or (isinstance(kind, str) and kind not in _CALLS):
        return None
    is_custom = kind in ("custom", "custom_tool_call")
    extra = _get(entry, "extra_content")
    return ToolCall(
        id=str(_first(entry, _IDS) or _first(inner, _IDS) or ""),
        name=name,
        arguments=arguments_text(_first(inner, _ARGUMENTS), is_custom),
        kind="custom" if is_custom else "function",
        item_id=_get(entry, "item_id"),
        extra={"extra_content": extra} if extra else {},
    )


def arguments_text(arguments: Any, is_custom: bool = False) -> str:
    """Return the arguments of a call as text: JSON, or the plain input of a custom tool."""
    if isinstance(arguments, str):
        return arguments or ("" if is_custom else "{}")
    return json.dumps({} if arguments is None else arguments, ensure_ascii=False, default=_to_jsonable)


def is_json_of(text: str, arguments: Any) -> bool:
    """Return whether `text` is valid JSON of these arguments."""
    try:
        return bool(parse_json(text) == arguments)
    except ValueError:
        return False


def result_id(kwargs: Mapping[str, Any]) -> str | None:
    """Return the ID of the call that a tool message answers, from its `additional_kwargs`."""
    call_id = _first(kwargs, ("tool_call_id", "call_id", "toolUseId", "tool_use_id"))
    return str(call_id) if call_id else None


def _first(entry: Any, names: Iterable[str]) -> Any:
    return next((value for name in names if (value := _get(entry, name)) is not None), None)


def _get(entry: Any, name: str) -> Any:
    """Return a field of a dict or an object, or None if it isn't set."""
    value = entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)
    return None if callable(value) else value


def _to_jsonable(value: Any) -> Any:
    """Convert what JSON cannot represent, such as the mappings and lists of protocol buffers."""
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return dict(value)
        case Iterable() if not isinstance(value, bytes):
            return list(value)
    return str(value)
