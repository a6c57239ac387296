"""Adapt a request to what a Claude model accepts on the messages endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...types import Audio, File, HostedTool, Image, Part, Request, ToolChoice, Video
from ..responses.encode import CHAT_ONLY_OPTIONS
from ..shared.adapt import (
    AdaptContext,
    AdaptStep,
    Options,
    OptionStep,
    adapt_effort,
    adapt_strict,
    apply_option_steps,
    drop_n,
    is_number,
    raise_to_minimum,
    rename_options,
    thinking_enabled,
    validate_options,
)
from ..shared.adapt_history import make_history_step
from ..shared.media import is_link, lift_media
from ..shared.parsing import as_dict
from .encode import BUDGETS, MIN_THINKING_BUDGET, encode

# --- options ------------------------------------------------------------------------------------------------------

# Chat completions options without an equivalent here, and options that only some models list.
_UNSUPPORTED_OPTIONS = CHAT_ONLY_OPTIONS - {"metadata", "n", "stop", "stop_sequences", "stream_options"}
_SAMPLING_OPTIONS = frozenset({"temperature", "top_p", "top_k", "top_a", "min_p", "repetition_penalty"})

# Sampling values accepted with thinking: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
_ALLOWED_WITH_THINKING: Mapping[str, Callable[[float], bool]] = {
    "temperature": lambda value: value == 1,
    "top_p": lambda value: value >= 0.95,
    "top_k": lambda _: False,
}


def adapt_claude_options(request: Request, ctx: AdaptContext) -> Request:
    """Adapt the options and their values to what the endpoint and the model support."""
    return apply_option_steps(request, ctx, _OPTION_STEPS)


def _drop_unsupported(options: Options, ctx: AdaptContext) -> Options:
    unlisted = {name for name in _SAMPLING_OPTIONS & options.keys() if ctx.parameter(name) is None}
    unsupported = unlisted | (_UNSUPPORTED_OPTIONS & options.keys())
    for name in sorted(unsupported):
        ctx.warn_or_raise(
            f"{name!r} is not a parameter of {ctx.model_id} on the messages endpoint: it goes without it."
        )
    return {name: value for name, value in options.items() if name not in unsupported | {"stream_options"}}


def _drop_effort_without_room(options: Options, ctx: AdaptContext) -> Options:
    """Drop the reasoning effort if `max_tokens` is not above the minimum thinking budget."""
    max_tokens = options.get("max_tokens", options.get("max_completion_tokens"))
    has_room = not is_number(max_tokens) or max_tokens > MIN_THINKING_BUDGET
    if "adaptive_thinking" in ctx.model.quirks or has_room or not thinking_enabled({**options, "thinking": None}):
        return options
    ctx.warn_or_raise(
        f"{max_tokens} tokens are too few for {ctx.model_id} to think, which takes more than {MIN_THINKING_BUDGET}: "
        f"thinking is off."
    )
    return {name: value for name, value in options.items() if name not in ("reasoning", "reasoning_effort")}


def _drop_sampling_with_thinking(options: Options, ctx: AdaptContext) -> Options:
    if not thinking_enabled(options):
        return options
    numbers = {name: options[name] for name in _ALLOWED_WITH_THINKING if is_number(options.get(name))}
    rejected = {name for name, value in numbers.items() if not _ALLOWED_WITH_THINKING[name](value)}
    for name in sorted(rejected):
        ctx.warn_or_raise(f"{name}={options[name]!r} is refused with thinking: {ctx.model_id} goes without it.")
    return {name: value for name, value in options.items() if name not in rejected}


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
    _drop_unsupported,
    rename_options,
    adapt_effort,
    _drop_effort_without_room,
    _drop_sampling_with_thinking,
    raise_to_minimum,
    validate_options,
    _write_adaptive_thinking,
)


# --- tools --------------------------------------------------------------------------------------------------------

# Hosted tools of other models.
_FOREIGN_TOOLS = frozenset(
    {"code_interpreter", "computer_use_preview", "file_search", "image_generation", "local_shell", "mcp"}
    | {"web_search_preview", "web_search_preview_2025_03_11"}
)


def adapt_claude_tools(request: Request, ctx: AdaptContext) -> Request:
    """Check that the tools exist on this endpoint, and drop a tool choice that thinking doesn't allow."""
    for tool in request.tools:
        if isinstance(tool, HostedTool) and tool.type in _FOREIGN_TOOLS:
            raise UnsupportedParameterError(
                f"A tool of type {tool.type!r} cannot go to {ctx.model_id} on the messages endpoint: choose a model of "
                f"Responses."
            )
    if not _forces_call(request.tool_choice):
        return request
    if "forced_tool_refused" in ctx.model.quirks:
        reason = "A forced tool is refused"
    elif thinking_enabled(request.options):
        reason = "A forced tool is refused with thinking"
    else:
        return request
    ctx.warn_or_raise(f"{reason}: it is left out, and {ctx.model_id} is free not to call.")
    return replace(request, tool_choice=None)


def _forces_call(choice: ToolChoice | None) -> bool:
    if choice is None:
        return False
    raw_type: Any = (choice.item or {}).get("type")
    return choice.mode in ("required", "named", "hosted") or raw_type in ("any", "tool")


# --- messages -----------------------------------------------------------------------------------------------------


def adapt_claude_messages(request: Request, ctx: AdaptContext) -> Request:
    """Move the media of assistant turns to user turns, and check that the model supports all content."""
    for part in (part for turn in request.messages for part in turn.parts):
        _check_part(part, ctx)
    turns = lift_media(request.messages, roles=("assistant",))
    return request if turns == request.messages else replace(request, messages=turns)


def _check_part(part: Part, ctx: AdaptContext) -> None:
    if isinstance(part, Audio | Video):
        kind, hint = type(part).__name__, _suggest_model(part, ctx)
        raise UnsupportedContentError(f"{kind} content cannot go to {ctx.model_id} on the messages endpoint: {hint}.")
    if isinstance(part, Image | File) and "base64_images" in ctx.model.quirks and is_link(part):
        ctx.warn_or_raise(
            f"{ctx.model_id} is documented to take base64 data only: {type(part).__name__} content goes as a link."
        )


_CHAT_TYPES: dict[type, str] = {Audio: "input_audio", Video: "video_url"}


def _suggest_model(part: Audio | Video, ctx: AdaptContext) -> str:
    supported = ctx.model.chat.user_parts if ctx.model.chat else frozenset[str]()
    if _CHAT_TYPES[type(part)] in supported:
        return "chat completions lists it for this model"
    return f"choose a model with {type(part).__name__.lower()} input"


ADAPT_STEPS: tuple[AdaptStep, ...] = (
    make_history_step(adapt_claude_messages, encode),
    adapt_strict,
    adapt_claude_tools,
    adapt_claude_options,
    adapt_claude_messages,
)
