"""Adapt a request to what its model accepts on the responses endpoint."""

from __future__ import annotations

from dataclasses import replace

from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...models import ResponsesCapabilities
from ...types import File, HostedTool, Image, Message, Part, Request, Tool
from ..shared.adapt import (
    AdaptContext,
    AdaptStep,
    Options,
    adapt_effort,
    adapt_strict,
    apply_option_steps,
    drop_n,
    is_number,
    raise_to_minimum,
    validate_value,
)
from ..shared.adapt_history import make_history_step
from .encode import CHAT_ONLY_OPTIONS, encode

_LENGTH_OPTIONS = ("max_tokens", "max_completion_tokens", "max_output_tokens")

# Options that models list by another name, and those that every model supports.
_LISTED_AS = dict.fromkeys(_LENGTH_OPTIONS, "max_output_tokens") | {"reasoning_effort": "reasoning"}
_ALWAYS_SUPPORTED = frozenset({"text", "verbosity"})


# --- options ------------------------------------------------------------------------------------------------------


def adapt_responses_options(request: Request, ctx: AdaptContext) -> Request:
    """Adapt the options and their values to what the endpoint and the model support."""
    steps = (drop_n, _drop_chat_only, adapt_effort, raise_to_minimum, _raise_length, _check_listed)
    return apply_option_steps(request, ctx, steps)


def _drop_chat_only(options: Options, ctx: AdaptContext) -> Options:
    for name in sorted(CHAT_ONLY_OPTIONS & options.keys()):
        ctx.warn_or_raise(f"{name!r} is not a parameter of Responses: {ctx.model_id} goes without it.")
    return {name: value for name, value in options.items() if name not in CHAT_ONLY_OPTIONS}


def _raise_length(options: Options, ctx: AdaptContext) -> Options:
    """Raise a length limit that is below the model's minimum."""
    listed = ctx.parameter("max_output_tokens")
    minimum = listed.minimum if listed else None
    changes = {}
    for name in _LENGTH_OPTIONS:
        if minimum is not None and is_number(options.get(name)) and 0 < options[name] < minimum:
            ctx.warn_or_raise(
                f"{name}={options[name]!r} is below what {ctx.model_id} takes on Responses: it gets {minimum}."
            )
            changes[name] = minimum
    return {**options, **changes} if changes else options


def _check_listed(options: Options, ctx: AdaptContext) -> Options:
    for name, value in options.items():
        if name in _ALWAYS_SUPPORTED:
            continue
        listed = ctx.parameter(_LISTED_AS.get(name, name))
        if listed is None:
            ctx.unsupported_parameter(name)
        elif name == "reasoning_effort":
            validate_value("reasoning", {"effort": value}, listed, ctx)
        else:
            validate_value(name, value, listed, ctx)
    return options


# --- tools --------------------------------------------------------------------------------------------------------


def adapt_responses_tools(request: Request, ctx: AdaptContext) -> Request:
    """Check that the model supports the tools, and drop `parallel_tool_calls` if it isn't listed."""
    capabilities = ctx.responses
    if capabilities is None or not request.tools:
        return request
    for kind in dict.fromkeys(_get_tool_type(tool) for tool in request.tools):
        _check_tool_type(kind, capabilities, ctx)
    if request.parallel_tool_calls is None or ctx.parameter("parallel_tool_calls") is not None:
        return request
    ctx.warn_or_raise(
        f"'parallel_tool_calls' is not a parameter that {ctx.model_id} lists on Responses: it goes without it."
    )
    return replace(request, parallel_tool_calls=None)


def _get_tool_type(tool: Tool | HostedTool) -> str:
    return tool.type if isinstance(tool, HostedTool) else "function"


def _check_tool_type(kind: str, capabilities: ResponsesCapabilities, ctx: AdaptContext) -> None:
    if {kind, "*"} & capabilities.tools:
        return
    if kind == "function":
        raise UnsupportedParameterError(f"{ctx.model_id} takes no function tools on Responses: choose another model.")
    ctx.warn_or_raise(
        f"A tool of type {kind!r} is not one that {ctx.model_id} lists on Responses: it is sent as it is."
    )


# --- messages -----------------------------------------------------------------------------------------------------


def adapt_responses_messages(request: Request, ctx: AdaptContext) -> Request:
    """Check that the model supports the tool calls and the media; return the same request."""
    if (capabilities := ctx.responses) is not None:
        for turn in request.messages:
            _check_message(turn, capabilities, ctx)
    return request


def _check_message(message: Message, capabilities: ResponsesCapabilities, ctx: AdaptContext) -> None:
    if "function_call" not in capabilities.items and (message.role == "tool" or message.tool_calls):
        raise UnsupportedContentError(
            f"{ctx.model_id} takes no tool calls and no tool results on Responses: chat completions may carry them."
        )
    for part in message.parts:
        _check_part(part, capabilities, ctx)


def _check_part(part: Part, capabilities: ResponsesCapabilities, ctx: AdaptContext) -> None:
    kind = {Image: "input_image", File: "input_file"}.get(type(part))
    if kind and kind not in capabilities.parts:
        hint = "chat completions carries it" if _is_supported_on_chat(part, ctx) else "choose another model"
        raise UnsupportedContentError(
            f"{type(part).__name__} content cannot go to {ctx.model_id} on Responses: {hint}."
        )


def _is_supported_on_chat(part: Part, ctx: AdaptContext) -> bool:
    return bool(ctx.model.chat and {Image: "image_url", File: "file"}[type(part)] in ctx.model.chat.user_parts)


ADAPT_STEPS: tuple[AdaptStep, ...] = (
    make_history_step(adapt_responses_messages, encode),
    adapt_strict,
    adapt_responses_tools,
    adapt_responses_options,
    adapt_responses_messages,
)
