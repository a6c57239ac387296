"""Tool calls as `additional_kwargs` hold them, in the forms of all LlamaIndex integrations -> `ToolCall`s.

Each names the same four things differently: OpenAI's chat completions and Responses, Anthropic, Bedrock, Google,
Mistral, Cohere, Ollama; as dicts or as objects of their SDKs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from ..._utils.json import parse_json
from ...types import ToolCall

# Where a call is inside its entry, and what its fields are called; the first that is there counts.
_WRAPPERS = ("function", "custom", "function_call", "functionCall", "toolUse", "tool_use")
_IDS = ("call_id", "toolUseId", "tool_use_id", "tool_call_id", "tool_id", "id")
_NAMES = ("name", "tool_name")
_ARGUMENTS = ("arguments", "args", "input", "parameters", "tool_kwargs")

# The types that calls of the caller's tools have; other types are records of tools that a vendor ran itself.
_CALLS = ("function", "custom", "function_call", "custom_tool_call", "tool_use", "toolUse", "tool_call")


def read_calls(entries: Any, left_out: list[str] | None = None) -> list[ToolCall]:
    """Read the calls of one message; an id that is missing is empty.

    Args:
        entries: a list of calls, or None.
        left_out: gets the types of the entries that are no calls of the caller's tools.
    """
    calls: list[ToolCall] = []
    for entry in entries or ():
        call = read_call(entry)
        if call is not None:
            calls.append(call)
        elif left_out is not None:
            left_out.append(str(_get(entry, "type") or "a tool call without a name"))
    return calls


def read_call(entry: Any) -> ToolCall | None:
    """Read one call; None where it is no call of the caller's tools."""
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
    """The arguments of a call as text: JSON, or what a custom tool takes."""
    if isinstance(arguments, str):
        return arguments or ("" if is_custom else "{}")
    return json.dumps({} if arguments is None else arguments, ensure_ascii=False, default=_plain)


def is_json_of(text: str, arguments: Any) -> bool:
    """Whether `text` is JSON, without any slip, of these arguments."""
    try:
        return bool(parse_json(text) == arguments)
    except ValueError:
        return False


def result_id(kept: Mapping[str, Any]) -> str | None:
    """The id of the call that a tool's message answers, from its `additional_kwargs`."""
    call_id = _first(kept, ("tool_call_id", "call_id", "toolUseId", "tool_use_id"))
    return str(call_id) if call_id else None


def _first(entry: Any, names: Iterable[str]) -> Any:
    return next((value for name in names if (value := _get(entry, name)) is not None), None)


def _get(entry: Any, name: str) -> Any:
    """A field of a dict or of an object; None where it has none, or one that was not set."""
    value = entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)
    return None if callable(value) else value


def _plain(value: Any) -> Any:
    """What JSON has no form for, such as the mappings and lists of protocol buffers."""
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return dict(value)
        case Iterable() if not isinstance(value, bytes):
            return list(value)
    return str(value)
