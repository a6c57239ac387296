"""Adapt a request to a Claude model on the messages endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...types import Audio, File, HostedTool, Image, Part, Request, ToolChoice, Video
from ..responses.encode import CHAT_ONLY_OPTIONS
from ..shared.adapt_context import AdaptContext, AdaptStep
from ..shared.adapt_history import make_history_step
from ..shared.adapt_options import (
    Options,
    OptionStep,
    adapt_effort,
    apply_option_steps,
    drop_n,
    is_number,
    raise_to_minimum,
    rename_options,
    validate_options,
)
from ..shared.adapt_strict import adapt_strict
from ..shared.media import is_link, lift_media
from ..shared.parsing import as_dict
from ..shared.thinking import thinking_enabled
from .encode import BUDGETS, MIN_THINKING_BUDGET, encode

# --- options ------------------------------------------------------------------------------------------------------

# Options of chat completions that this endpoint lacks, and those that not every model lists.
_CHAT_ONLY = CHAT_ONLY_OPTIONS - {"metadata", "n", "stop", "stop_sequences", "stream_options"}
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "top_a", "min_p", "repetition_penalty"})

# The sampling that thinking allows: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
_ALLOWED_WITH_THINKING: Mapping[str, Callable[[float], bool]] = {
    "temperature": lambda value: value == 1,
    "top_p": lambda value: value >= 0.95,
    "top_k": lambda _: False,
}


def adapt_claude_options(request: Request, ctx: AdaptContext) -> Request:
    """Drop options that the endpoint lacks, and correct the values of the others."""
    return apply_option_steps(request, ctx, _OPTION_STEPS)


def _drop_chat_only(options: Options, ctx: AdaptContext) -> Options:
    unlisted = {name for name in _SAMPLING & options.keys() if ctx.parameter(name) is None}
    dropped = unlisted | (_CHAT_ONLY & options.keys())
    for name in sorted(dropped):
        ctx.warn_or_raise(
            f"{name!r} is not a parameter of {ctx.model_id} on the messages endpoint: it goes without it."
        )
    return {name: value for name, value in options.items() if name not in dropped | {"stream_options"}}


def _drop_effort_without_room(options: Options, ctx: AdaptContext) -> Options:
    """Drop the effort if `max_tokens` is no more than the minimum thinking budget."""
    limit = options.get("max_tokens", options.get("max_completion_tokens"))
    if "adaptive_thinking" in ctx.model.quirks or not is_number(limit) or limit > MIN_THINKING_BUDGET:
        return options
    if not thinking_enabled({**options, "thinking": None}):
        return options
    ctx.warn_or_raise(
        f"{limit} tokens leave {ctx.model_id} no room to think, which takes more than {MIN_THINKING_BUDGET}: it does "
        f"not."
    )
    return {name: value for name, value in options.items() if name not in ("reasoning", "reasoning_effort")}


def _drop_sampling_with_thinking(options: Options, ctx: AdaptContext) -> Options:
    if not thinking_enabled(options):
        return options
    dropped = {
        name
        for name, is_allowed in _ALLOWED_WITH_THINKING.items()
        if is_number(options.get(name)) and not is_allowed(options[name])
    }
    for name in sorted(dropped):
        ctx.warn_or_raise(f"{name}={options[name]!r} is refused with thinking: {ctx.model_id} goes without it.")
    return {name: value for name, value in options.items() if name not in dropped}


def _write_adaptive_thinking(options: Options, ctx: AdaptContext) -> Options:
    """Write effort as `output_config.effort` with adaptive thinking, for models that take no thinking budget."""
    reasoning = as_dict(options.get("reasoning"))
    effort = options.get("reasoning_effort") or reasoning.get("effort") or _effort_for_budget(reasoning)
    if "adaptive_thinking" not in ctx.model.quirks or effort is None:
        return options
    written = {name: value for name, value in options.items() if name not in ("reasoning", "reasoning_effort")}
    if effort == "none":
        return {"thinking": {"type": "disabled"}, **written}
    display = {"display": "omitted"} if reasoning.get("exclude") else {}
    output_config = {"effort": effort, **as_dict(options.get("output_config"))}
    return {"thinking": {"type": "adaptive", **display}, **written, "output_config": output_config}


def _effort_for_budget(reasoning: Mapping[str, Any]) -> str | None:
    """Return the lowest level of effort whose budget covers `reasoning.max_tokens`."""
    budget: Any = reasoning.get("max_tokens")
    if not is_number(budget):
        return None
    return next((level for level in ("low", "medium", "high") if BUDGETS[level] >= budget), "high")


_OPTION_STEPS: tuple[OptionStep, ...] = (
    drop_n,
    _drop_chat_only,
    rename_options,
    adapt_effort,
    _drop_effort_without_room,
    _drop_sampling_with_thinking,
    raise_to_minimum,
    validate_options,
    _write_adaptive_thinking,
)


# --- tools --------------------------------------------------------------------------------------------------------

# Types of tools that the gateway runs for other models.
_RESPONSES_TOOLS = frozenset(
    {"code_interpreter", "computer_use_preview", "file_search", "image_generation", "local_shell", "mcp"}
    | {"web_search_preview", "web_search_preview_2025_03_11"}
)


def adapt_claude_tools(request: Request, ctx: AdaptContext) -> Request:
    """Check the types of the tools, and drop a forced tool choice with thinking."""
    for tool in request.tools:
        if isinstance(tool, HostedTool) and tool.type in _RESPONSES_TOOLS:
            raise UnsupportedParameterError(
                f"A tool of type {tool.type!r} cannot go to {ctx.model_id} on the messages endpoint: choose a model of "
                f"Responses."
            )
    if not _is_forced(request.tool_choice):
        return request
    if "forced_tool_refused" in ctx.model.quirks:
        reason = "A forced tool is refused"
    elif thinking_enabled(request.options):
        reason = "A forced tool is refused with thinking"
    else:
        return request
    ctx.warn_or_raise(f"{reason}: it is left out, and {ctx.model_id} is free not to call.")
    return replace(request, tool_choice=None)


def _is_forced(choice: ToolChoice | None) -> bool:
    if choice is None:
        return False
    raw_type: Any = (choice.item or {}).get("type")
    return choice.mode in ("required", "named", "hosted") or raw_type in ("any", "tool")


# --- messages -----------------------------------------------------------------------------------------------------


def adapt_claude_messages(request: Request, ctx: AdaptContext) -> Request:
    """Move media of answers into user messages. Raise for what the model does not accept there."""
    for part in (part for message in request.messages for part in message.parts):
        _check_part(part, ctx)
    messages = lift_media(request.messages, roles=("assistant",))
    return request if messages == request.messages else replace(request, messages=messages)


def _check_part(part: Part, ctx: AdaptContext) -> None:
    if isinstance(part, Audio | Video):
        raise UnsupportedContentError(
            f"{type(part).__name__} content cannot go to {ctx.model_id} on the messages endpoint: "
            f"{_alternative(part, ctx)}."
        )
    if isinstance(part, Image | File) and "base64_images" in ctx.model.quirks and is_link(part):
        ctx.warn_or_raise(
            f"{ctx.model_id} is documented to take base64 data only: {type(part).__name__} content goes as a link."
        )


_CHAT_PARTS: dict[type, str] = {Audio: "input_audio", Video: "video_url"}


def _alternative(part: Audio | Video, ctx: AdaptContext) -> str:
    chat_parts = ctx.model.chat.user_parts if ctx.model.chat else frozenset[str]()
    if _CHAT_PARTS[type(part)] in chat_parts:
        return "chat completions lists it for this model"
    return f"choose a model with {type(part).__name__.lower()} input"


ADAPT_STEPS: tuple[AdaptStep, ...] = (
    make_history_step(adapt_claude_messages, encode),
    adapt_strict,
    adapt_claude_tools,
    adapt_claude_options,
    adapt_claude_messages,
)
