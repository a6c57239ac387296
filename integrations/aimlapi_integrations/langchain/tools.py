"""Every form of tool and of tool choice that LangChain knows -> the form of chat completions, and -> the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from .._utils.strict_schema import to_strict_schema
from ..client.openai_format import parse_tool as parse_tool
from ..types import HostedTool, Json, Tool, ToolChoice
from .schemas import function_schema, is_tool, kind_of, takes_defaults

AnyTool: TypeAlias = Mapping[str, Any] | type | Callable[..., Any] | BaseTool

_MARKS: tuple[str, ...] = ("cache_control", "defer_loading")
_FUNCTION_KEYS = ("type", "function", "name", "description", "parameters", "strict")


def to_tool_dict(tool: AnyTool, strict: bool | None = None) -> Json:
    """One tool as the dict that chat completions takes; a tool that the gateway runs itself, as it is.

    Args:
        tool: a dict (OpenAI's, Anthropic's or Bedrock's tool, a JSON schema with a title, a hosted tool), a pydantic or
            TypedDict class, a function, or a LangChain tool.
        strict: whether the model must keep to the schema exactly; None leaves it open.

    Raises:
        ValueError: it is no tool.
    """
    if isinstance(tool, Mapping):
        return _from_dict(dict(tool), strict)
    if kind_of(tool) == "type":
        raise ValueError(f"{tool!r} is not a tool: give a class, a function, a LangChain tool or a dict.")
    extras = getattr(tool, "extras", None) or {} if is_tool(tool) else {}
    if is_tool(tool) and (tool.metadata or {}).get("type") == "custom_tool":
        return {**convert_to_openai_tool(tool), **extras}
    told = {"type": "function", "function": function_schema(tool)}
    return {**_strictly(told, strict, nullable=not takes_defaults(tool)), **extras}


def _from_dict(tool: Json, strict: bool | None) -> Json:
    if is_hosted(tool):
        return tool
    further = {key: tool[key] for key in _MARKS if key in tool}
    if tool.get("type") == "function" and "function" not in tool:  # the flat form of Responses
        tool = {key: tool[key] for key in ("name", "description", "parameters", "strict") if tool.get(key) is not None}
    if isinstance(tool.get("function"), Mapping):
        further.update({key: value for key, value in tool.items() if key not in _FUNCTION_KEYS})
    return {**_strictly(convert_to_openai_tool(tool), strict), **further}


def is_hosted(tool: Mapping[str, Any]) -> bool:
    """Whether a dict is a tool that is no function of the caller's: its type is neither that nor a JSON type."""
    if "input_schema" in tool or "toolSpec" in tool:
        return False
    return isinstance(tool.get("type"), str) and tool["type"] not in ("function", "object")


def _strictly(tool: Json, strict: bool | None, *, nullable: bool = True) -> Json:
    """With `strict` as asked; a strict schema is one in which nothing may be left out."""
    if strict is None or tool.get("type") != "function":
        return tool
    function = {**tool["function"], "strict": strict}
    if strict and function.get("parameters"):
        function["parameters"] = to_strict_schema(function["parameters"], nullable=nullable)
    return {**tool, "function": function}


def to_tool(tool: AnyTool) -> Tool | HostedTool:
    """One tool in the vocabulary."""
    return parse_tool(to_tool_dict(tool))


# --- tool choice --------------------------------------------------------------------------------------------------

_MODES: dict[Any, str] = {"auto": "auto", "none": "none", "any": "required", "required": "required", True: "required"}


def to_tool_choice_dict(choice: Any, tools: Sequence[Mapping[str, Any]]) -> str | Json | None:
    """A tool choice as chat completions takes it; None for no choice.

    Args:
        choice: `"auto"`, `"none"`, `"any"` or `"required"`, a bool, the name of a tool, the type of a hosted one, or a
            dict in OpenAI's or Anthropic's form. None and False leave it to the model.
        tools: the tools that it is among.

    Raises:
        ValueError: a name that none of the tools has.
    """
    if choice is None or choice is False:
        return None
    if isinstance(choice, Mapping):
        return _choice_from_dict(dict(choice))
    names = choices_by_name(tools)
    if choice in names:
        return names[choice]
    if choice in _MODES:
        return _MODES[choice]
    if any(tool.get("type") == choice for tool in tools if is_hosted(tool)):
        return {"type": choice}
    raise ValueError(f"tool_choice={choice!r} is neither a mode ({', '.join(map(str, _MODES))}) nor one of {[*names]}.")


def choices_by_name(tools: Iterable[Mapping[str, Any]]) -> dict[str, Json]:
    """What chooses each of the tools that have names: functions and custom tools."""
    choices: dict[str, Json] = {}
    for tool in tools:
        match tool:
            case {"function": {"name": str(name)}}:
                choices[name] = {"type": "function", "function": {"name": name}}
            case {"type": "custom", "custom": {"name": str(name)}}:
                choices[name] = {"type": "custom", "custom": {"name": name}}
            case {"type": "custom", "name": str(name)}:
                choices[name] = {"type": "custom", "name": name}
    return choices


def _choice_from_dict(choice: Json) -> str | Json:
    match choice:
        case {"type": "tool", "name": name} | {"type": "function", "name": name}:
            return {"type": "function", "function": {"name": name}}
        case {"type": "any" | "auto" | "none" | "required" as mode}:
            return _MODES[mode]
        case {"function": {"name": name}} if "type" not in choice:
            return {"type": "function", "function": {"name": name}}
    return choice


def to_tool_choice(choice: Any, tools: Sequence[Mapping[str, Any]]) -> ToolChoice | None:
    """A tool choice in the vocabulary; None for no choice, or where there is nothing to choose from."""
    match to_tool_choice_dict(choice, tools) if tools else None:
        case None:
            return None
        case "auto" | "none" | "required" as mode:
            return ToolChoice(mode)
        case {"type": "function", "function": {"name": str(name)}}:
            return ToolChoice("named", name=name)
        case {"type": str(kind), **rest} if not rest:
            return ToolChoice("hosted", name=kind)
        case dict(item):
            return ToolChoice("raw", item=item)
    raise ValueError(f"tool_choice={choice!r} is no tool choice.")
