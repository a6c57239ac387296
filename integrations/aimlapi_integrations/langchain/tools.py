"""Tools and tool choices in every form that LangChain accepts -> the neutral types, and -> dicts in OpenAI's form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from langchain_core.utils.function_calling import convert_to_openai_tool

from .._utils.json_schema import to_strict_schema
from ..client.openai_format import parse_tool_choice
from ..types import HostedTool, Json, Tool, ToolChoice
from .schemas import BaseTool, function_schema, is_tool, kind_of, parse_tool_dict, supports_defaults

NeutralTool: TypeAlias = Tool | HostedTool
AnyTool: TypeAlias = NeutralTool | Mapping[str, Any] | type | Callable[..., Any] | BaseTool


def to_tool(tool: AnyTool, strict: bool | None = None) -> NeutralTool:
    """Convert one tool to the neutral form.

    Args:
        tool: a dict (a tool in OpenAI's, Anthropic's or Bedrock's form, a JSON schema with a title, a hosted tool), a
            pydantic or TypedDict class, a function, a LangChain tool, or a tool in the neutral form, returned as is.
        strict: whether the model must follow the schema exactly; None leaves `strict` as it is.

    Raises:
        ValueError: the value is not a tool.
    """
    match tool:
        case Tool() | HostedTool():
            return tool
        case Mapping():
            return _apply_strict(parse_tool_dict(tool), strict)
    if kind_of(tool) == "type":
        raise ValueError(f"{tool!r} is not a tool: pass a class, a function, a LangChain tool or a dict.")
    extras = getattr(tool, "extras", None) or {} if is_tool(tool) else {}
    if is_tool(tool) and (tool.metadata or {}).get("type") == "custom_tool":
        return HostedTool({**convert_to_openai_tool(tool), **extras})
    function = function_schema(tool)
    neutral = Tool(function["name"], function.get("description"), function.get("parameters"), extra=extras)
    return _apply_strict(neutral, strict, nullable=not supports_defaults(tool))


def _apply_strict(tool: NeutralTool, strict: bool | None, *, nullable: bool = True) -> NeutralTool:
    """Set `strict`. In a strict schema every property is required."""
    if strict is None or isinstance(tool, HostedTool):
        return tool
    parameters = tool.parameters
    if strict and parameters:
        parameters = to_strict_schema(dict(parameters), nullable=nullable)
    return replace(tool, strict=strict, parameters=parameters)


def to_tool_dict(tool: NeutralTool) -> Json:
    """Convert a tool to the dict that chat completions takes; a hosted tool is returned as is."""
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    fields = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    function = {name: value for name, value in fields.items() if value is not None}
    return {"type": "function", "function": function, **tool.extra}


class BoundTools(list[Json]):
    """The tools of a bound model: dicts in OpenAI's form, which core and LangSmith read, and the neutral tools.

    The neutral form is created once, so that calls of the bound model convert nothing. Where the dicts were edited
    after binding, the edited ones are converted.
    """

    def __init__(self, tools: Iterable[NeutralTool]) -> None:
        self._neutral = tuple(tools)
        super().__init__(map(to_tool_dict, self._neutral))
        self._unedited = [_copy_two_levels(tool) for tool in self]

    def to_neutral(self) -> tuple[NeutralTool, ...]:
        """Return the neutral tools."""
        # Cheap: unchanged values are identical objects. Schemas are shared with the neutral tools, edited or not.
        return self._neutral if self._unedited == self else tuple(map(to_tool, self))


def _copy_two_levels(tool: Json) -> Json:
    return {name: {**value} if isinstance(value, dict) else value for name, value in tool.items()}


def to_tools(tools: Iterable[AnyTool]) -> tuple[NeutralTool, ...]:
    """Convert the tools of a call to the neutral form; those of a bound model already are."""
    return tools.to_neutral() if isinstance(tools, BoundTools) else tuple(map(to_tool, tools))


def redact_tool(tool: Any) -> Any:
    """Redact the credentials in a tool, such as those of MCP servers."""
    if not isinstance(tool, Mapping):
        return tool
    return {name: "**REDACTED**" if name in ("headers", "authorization") else value for name, value in tool.items()}


# --- tool choice --------------------------------------------------------------------------------------------------

_MODES: dict[Any, str] = {"auto": "auto", "none": "none", "any": "required", "required": "required", True: "required"}


def to_tool_choice(choice: Any, tools: Sequence[NeutralTool]) -> ToolChoice | None:
    """Convert a tool choice to the neutral form; None without a choice, or without tools to choose from.

    Args:
        choice: `"auto"`, `"none"`, `"any"` or `"required"`, a bool, the name of a tool, the type of a hosted one, or a
            dict in OpenAI's or Anthropic's form. None and False leave the choice to the model.
        tools: the tools to choose from.

    Raises:
        ValueError: no tool has this name.
    """
    if choice is None or choice is False or not tools:
        return None
    if isinstance(choice, Mapping | ToolChoice):
        return parse_tool_choice(choice)
    named = choices_by_name(tools)
    if choice in named:
        return named[choice]
    if choice in _MODES:
        return parse_tool_choice(_MODES[choice])
    if any(isinstance(tool, HostedTool) and tool.type == choice for tool in tools):
        return ToolChoice("hosted", name=choice)
    modes = ", ".join(map(str, _MODES))
    raise ValueError(f"tool_choice={choice!r} is neither a mode ({modes}) nor one of {[*named]}.")


def choices_by_name(tools: Iterable[NeutralTool]) -> dict[str, ToolChoice]:
    """Return the choice of each tool that has a name: functions and custom tools."""
    choices: dict[str, ToolChoice] = {}
    for tool in tools:
        match tool:
            case Tool(name=name):
                choices[name] = ToolChoice("named", name=name)
            case HostedTool(item={"type": "custom", "custom": {"name": str(name)}}):
                choices[name] = ToolChoice("raw", item={"type": "custom", "custom": {"name": name}})
            case HostedTool(item={"type": "custom", "name": str(name)}):
                choices[name] = ToolChoice("raw", item={"type": "custom", "name": name})
    return choices


def to_tool_choice_dict(choice: ToolChoice | None) -> str | Json | None:
    """Convert a tool choice to the value that chat completions takes."""
    match choice:
        case None:
            return None
        case ToolChoice(mode="named", name=name):
            return {"type": "function", "function": {"name": name}}
        case ToolChoice(mode="hosted", name=kind):
            return {"type": kind}
        case ToolChoice(mode="raw", item=item):
            return dict(item or {})
    return choice.mode
