"""Tools, the choice of a tool and the form of the answer, as a model on chat completions takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..._utils.json_schema import DEFINITIONS, inline_schema_refs, is_recursive
from ...errors import UnsupportedParameterError
from ...models import ToolCapabilities
from ...types import HostedTool, Message, Request, ResponseFormat, Text, Tool, ToolChoice
from ..routing import messages_endpoint_blocker, thinking_only_on_messages
from ..shared.adapt_context import AdaptContext, Step


def adapt_tools(request: Request, case: AdaptContext) -> Request:
    """Tools and what goes with them."""
    if not request.tools:
        return request
    if case.chat.tools is None:
        case.unsupported_parameter("tools")
        return request
    for step in _STEPS:
        request = step(request, case)
    return request


# --- tools --------------------------------------------------------------------------------------------------------


def _tools(request: Request, case: AdaptContext) -> Request:
    shape = case.chat.tools or ToolCapabilities()
    tools = tuple(_tool(tool, shape, case) for tool in request.tools)
    return request if tools == request.tools else replace(request, tools=tools)


def _tool(tool: Tool | HostedTool, shape: ToolCapabilities, case: AdaptContext) -> Tool | HostedTool:
    if isinstance(tool, HostedTool):
        if not {tool.type, "*"} & shape.kinds:
            where = "the messages endpoint" if case.model.messages else "Responses"
            raise UnsupportedParameterError(
                f"A tool of type {tool.type!r} cannot go to {case.asked} on chat completions: use {where}."
            )
        return tool
    if tool.strict and not _takes_strict(shape):
        case.warn_or_raise(f"'strict' is not listed for the tools of {case.asked}: {tool.name!r} goes without it.")
    if shape.schema_keys is None or tool.parameters is None:
        return tool
    return replace(tool, parameters=_closed_schema(tool, tool.parameters, shape.schema_keys, case))


def _takes_strict(shape: ToolCapabilities) -> bool:
    listed = [keys for keys in (shape.function_keys, shape.tool_keys) if keys is not None]
    return shape.form != "anthropic" and (shape.function_keys is None or any("strict" in keys for keys in listed))


def _closed_schema(
    tool: Tool, schema: Mapping[str, Any], keys: frozenset[str], case: AdaptContext
) -> Mapping[str, Any]:
    """The schema with no other keys at its top: definitions are written where they are used."""
    if not keys.isdisjoint(DEFINITIONS):
        return {key: value for key, value in schema.items() if key in keys}
    if is_recursive(schema):
        case.warn_or_raise(
            f"{case.asked} takes no definitions in a schema, and that of {tool.name!r} contains itself: it is sent a "
            f"few levels deep."
        )
    return {key: value for key, value in inline_schema_refs(schema).items() if key in keys}


# --- the choice of a tool -----------------------------------------------------------------------------------------


def _tool_choice(request: Request, case: AdaptContext) -> Request:
    choice, forms = request.tool_choice, case.chat.tool_choice
    if choice is None or choice.mode == "raw":
        return request
    if choice.mode == "hosted":
        raise UnsupportedParameterError(f"tool_choice {choice.name!r} is for hosted tools: send it through Responses.")
    if "tool_choice_refused" in case.model.quirks:
        return _unforced(request, case, told=choice.mode in ("required", "named"))
    if forms & {"anthropic", "definition", _FORMS.get(choice.mode, choice.mode)}:
        return request
    if choice.mode == "named" and "required" in forms:
        return _only(request, choice)
    return _unforced(request, case, told=choice.mode != "auto")


_FORMS = {"named": "function"}


def _unforced(request: Request, case: AdaptContext, told: bool) -> Request:
    """Without a choice; where none was to be called, without tools."""
    if request.tool_choice == ToolChoice("none"):
        return replace(request, tools=(), tool_choice=None, parallel_tool_calls=None)
    if told:
        case.warn_or_raise(
            f"This tool_choice is refused by {case.asked}: it is left out, and the model is free not to call."
        )
    return replace(request, tool_choice=None)


def _only(request: Request, choice: ToolChoice) -> Request:
    """A tool is forced by name by having no other."""
    named = tuple(tool for tool in request.tools if isinstance(tool, Tool) and tool.name == choice.name)
    if not named:
        raise UnsupportedParameterError(f"tool_choice names {choice.name!r}, which is not among the tools.")
    return replace(request, tools=named, tool_choice=ToolChoice("required"))


# --- beside the tools ---------------------------------------------------------------------------------------------


def _parallel(request: Request, case: AdaptContext) -> Request:
    if request.parallel_tool_calls is not None and case.listed("parallel_tool_calls") is None:
        case.unsupported_parameter("parallel_tool_calls")
    return request


def _reasoning_with_tools(request: Request, case: AdaptContext) -> Request:
    given = {name for name in ("reasoning_effort", "reasoning") if request.options.get(name) is not None}
    if "no_reasoning_with_tools" not in case.model.quirks or not given or not _functions(request):
        return request
    case.warn_or_raise(
        f"{case.asked} refuses reasoning effort together with function tools on chat completions: it goes without. "
        f"Responses takes both."
    )
    return replace(request, options={key: value for key, value in request.options.items() if key not in given})


def _functions(request: Request) -> bool:
    return any(isinstance(tool, Tool) for tool in request.tools)


_STEPS: tuple[Step, ...] = (_tools, _tool_choice, _parallel, _reasoning_with_tools)


# --- the form of the answer ---------------------------------------------------------------------------------------


def adapt_response_format(request: Request, case: AdaptContext) -> Request:
    """The form as the model lists it: a schema becomes a request in words where only JSON mode is listed."""
    wanted, listed = request.response_format, case.chat.response_format
    if wanted is None or wanted.kind in listed:
        return request
    if wanted.kind == "text":
        return replace(request, response_format=None)
    if wanted.kind == "json_schema" and "json_object" in listed:
        case.warn_or_raise(
            f"{case.asked} lists no 'json_schema' format: it is asked for JSON, and told the schema in words."
        )
        return _in_words(request, wanted)
    case.unsupported_parameter("response_format")
    return request


def _in_words(request: Request, wanted: ResponseFormat) -> Request:
    schema = json.dumps(dict(wanted.schema or {}), ensure_ascii=False)
    told = Message("system", (Text(f"Answer with one JSON object that fits this JSON schema:\n{schema}"),))
    leading = next((i for i, turn in enumerate(request.messages) if turn.role not in ("system", "developer")), None)
    before, after = request.messages[:leading], request.messages[leading:] if leading is not None else ()
    return replace(request, messages=(*before, told, *after), response_format=ResponseFormat("json_object"))


def adapt_thinking(request: Request, case: AdaptContext) -> Request:
    """Thinking as the model does it on this endpoint."""
    if "thinking_streams_only" in case.model.quirks and not case.stream:
        return _silenced(request, case)
    if thinking_only_on_messages(case.model, request.options):
        found = messages_endpoint_blocker(request, case.model)
        where = f"the messages endpoint tells it, but cannot carry {found}" if found else "endpoint='messages' tells it"
        case.warn_or_raise(f"{case.asked} does not tell on chat completions what it thinks: {where}.")
    return request


def _silenced(request: Request, case: AdaptContext) -> Request:
    """With thinking off, since the model refuses a plain call otherwise."""
    if request.options.get("enable_thinking"):
        raise UnsupportedParameterError(f"{case.asked} thinks in streams only: stream the answer.")
    return replace(request, options={**request.options, "enable_thinking": False})
