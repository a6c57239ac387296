"""Adapt tools, the tool choice and the response format to a model on chat completions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..._utils.json_schema import DEFINITIONS, inline_schema_refs, is_recursive
from ...errors import UnsupportedParameterError
from ...models import ToolCapabilities
from ...types import HostedTool, Message, Request, ResponseFormat, Text, Tool, ToolChoice
from ..shared.adapt_context import AdaptContext, AdaptStep
from ..shared.adapt_history import make_history_step
from ..shared.adapt_options import adapt_options
from ..shared.adapt_strict import adapt_strict
from ..shared.thinking import thinking_enabled
from .adapt_messages import adapt_messages
from .encode import encode


def adapt_tools(request: Request, ctx: AdaptContext) -> Request:
    """Adapt the tools and the options that go with them."""
    if not request.tools:
        return request
    if ctx.chat.tools is None:
        ctx.unsupported_parameter("tools")
        return request
    for step in _TOOL_STEPS:
        request = step(request, ctx)
    return request


# --- tools --------------------------------------------------------------------------------------------------------


def _adapt_each_tool(request: Request, ctx: AdaptContext) -> Request:
    capabilities = ctx.chat.tools or ToolCapabilities()
    tools = tuple(_adapt_tool(tool, capabilities, ctx) for tool in request.tools)
    return request if tools == request.tools else replace(request, tools=tools)


def _adapt_tool(tool: Tool | HostedTool, capabilities: ToolCapabilities, ctx: AdaptContext) -> Tool | HostedTool:
    if isinstance(tool, HostedTool):
        _require_kind(tool, capabilities, ctx)
        return tool
    if tool.strict and not _lists_strict(capabilities):
        ctx.warn_or_raise(f"'strict' is not listed for the tools of {ctx.model_id}: {tool.name!r} goes without it.")
    if capabilities.schema_keys is None or tool.parameters is None:
        return tool
    return replace(tool, parameters=_closed_schema(tool, tool.parameters, capabilities.schema_keys, ctx))


def _require_kind(tool: HostedTool, capabilities: ToolCapabilities, ctx: AdaptContext) -> None:
    if not {tool.type, "*"} & capabilities.kinds:
        where = "the messages endpoint" if ctx.model.messages else "Responses"
        raise UnsupportedParameterError(
            f"A tool of type {tool.type!r} cannot go to {ctx.model_id} on chat completions: use {where}."
        )


def _lists_strict(capabilities: ToolCapabilities) -> bool:
    keys = (capabilities.function_keys, capabilities.tool_keys)
    is_listed = capabilities.function_keys is None or any("strict" in listed for listed in keys if listed is not None)
    return capabilities.form != "anthropic" and is_listed


def _closed_schema(tool: Tool, schema: Mapping[str, Any], keys: frozenset[str], ctx: AdaptContext) -> Mapping[str, Any]:
    """Keep only `keys` at the top level of a schema. Definitions are inlined."""
    if not keys.isdisjoint(DEFINITIONS):
        return {key: value for key, value in schema.items() if key in keys}
    if is_recursive(schema):
        ctx.warn_or_raise(
            f"{ctx.model_id} takes no definitions in a schema, and that of {tool.name!r} contains itself: it is sent a "
            f"few levels deep."
        )
    return {key: value for key, value in inline_schema_refs(schema).items() if key in keys}


# --- tool choice --------------------------------------------------------------------------------------------------


def _adapt_tool_choice(request: Request, ctx: AdaptContext) -> Request:
    choice, forms = request.tool_choice, ctx.chat.tool_choice
    if choice is None or choice.mode == "raw":
        return request
    if choice.mode == "hosted":
        raise UnsupportedParameterError(f"tool_choice {choice.name!r} is for hosted tools: send it through Responses.")
    is_forced = choice.mode in ("required", "named")
    if "tool_choice_refused" in ctx.model.quirks or (is_forced and "forced_tool_refused" in ctx.model.quirks):
        return _drop_tool_choice(request, ctx, warn=is_forced)
    if choice.mode == "named" and "named_tool_refused" in ctx.model.quirks:
        return _keep_only_named(request, choice)
    if forms & {"anthropic", "definition", "function" if choice.mode == "named" else choice.mode}:
        return request
    if choice.mode == "named" and "required" in forms:
        return _keep_only_named(request, choice)
    return _drop_tool_choice(request, ctx, warn=choice.mode != "auto")


def _drop_tool_choice(request: Request, ctx: AdaptContext, warn: bool) -> Request:
    """Drop the tool choice. Drop the tools too if none was to be called."""
    if request.tool_choice == ToolChoice("none"):
        return replace(request, tools=(), tool_choice=None, parallel_tool_calls=None)
    if warn:
        ctx.warn_or_raise(
            f"This tool_choice is refused by {ctx.model_id}: it is left out, and the model is free not to call."
        )
    return replace(request, tool_choice=None)


def _keep_only_named(request: Request, choice: ToolChoice) -> Request:
    """Force a tool by name by sending no other."""
    named = tuple(tool for tool in request.tools if isinstance(tool, Tool) and tool.name == choice.name)
    if not named:
        raise UnsupportedParameterError(f"tool_choice names {choice.name!r}, which is not among the tools.")
    return replace(request, tools=named, tool_choice=ToolChoice("required"))


# --- options that go with tools -----------------------------------------------------------------------------------


def _check_parallel_calls(request: Request, ctx: AdaptContext) -> Request:
    if request.parallel_tool_calls is not None and ctx.parameter("parallel_tool_calls") is None:
        ctx.unsupported_parameter("parallel_tool_calls")
    return request


def _drop_effort_with_tools(request: Request, ctx: AdaptContext) -> Request:
    effort = {name for name in ("reasoning_effort", "reasoning") if request.options.get(name) is not None}
    has_functions = any(isinstance(tool, Tool) for tool in request.tools)
    if "no_reasoning_with_tools" not in ctx.model.quirks or not effort or not has_functions:
        return request
    ctx.warn_or_raise(
        f"{ctx.model_id} refuses reasoning effort together with function tools on chat completions: it goes without. "
        f"Responses takes both."
    )
    return replace(request, options={name: value for name, value in request.options.items() if name not in effort})


def _drop_thinking_with_forced_tool(request: Request, ctx: AdaptContext) -> Request:
    thinking = request.options.get("thinking")
    is_forced = request.tool_choice is not None and request.tool_choice.mode in ("required", "named")
    if (
        "no_forced_tool_with_thinking" not in ctx.model.quirks
        or not is_forced
        or not thinking_enabled({"thinking": thinking})
    ):
        return request
    ctx.warn_or_raise(f"{ctx.model_id} refuses a forced tool while it thinks: it goes without 'thinking'.")
    return replace(request, options={name: value for name, value in request.options.items() if name != "thinking"})


_TOOL_STEPS: tuple[AdaptStep, ...] = (
    _adapt_each_tool,
    _adapt_tool_choice,
    _check_parallel_calls,
    _drop_effort_with_tools,
    _drop_thinking_with_forced_tool,
)


# --- response format ----------------------------------------------------------------------------------------------


def adapt_response_format(request: Request, ctx: AdaptContext) -> Request:
    """Adapt the response format. A schema goes into a system message if only JSON mode is listed."""
    form, listed = request.response_format, ctx.chat.response_format
    if form is None or form.kind in listed:
        return request
    if form.kind == "text":
        return replace(request, response_format=None)
    if form.kind == "json_schema" and "json_object" in listed:
        ctx.warn_or_raise(
            f"{ctx.model_id} lists no 'json_schema' format: it gets JSON mode, and the schema in a system message."
        )
        return _with_schema_as_text(request, form)
    ctx.unsupported_parameter("response_format")
    return request


def _with_schema_as_text(request: Request, form: ResponseFormat) -> Request:
    schema = json.dumps(dict(form.schema or {}), ensure_ascii=False)
    system = Message("system", (Text(f"Answer with one JSON object that fits this JSON schema:\n{schema}"),))
    roles = [message.role for message in request.messages]
    index = next((i for i, role in enumerate(roles) if role not in ("system", "developer")), len(roles))
    messages = (*request.messages[:index], system, *request.messages[index:])
    return replace(request, messages=messages, response_format=ResponseFormat("json_object"))


# --- thinking -----------------------------------------------------------------------------------------------------


def adapt_thinking(request: Request, ctx: AdaptContext) -> Request:
    """Turn thinking off in a plain request to a model that thinks only in streams."""
    if "thinking_streams_only" not in ctx.model.quirks or ctx.stream:
        return request
    if request.options.get("enable_thinking"):
        raise UnsupportedParameterError(f"{ctx.model_id} thinks in streams only: stream the answer.")
    return replace(request, options={**request.options, "enable_thinking": False})


ADAPT_STEPS: tuple[AdaptStep, ...] = (
    make_history_step(adapt_messages, encode),
    adapt_strict,
    adapt_response_format,
    adapt_tools,
    adapt_options,
    adapt_thinking,
    adapt_messages,
)
