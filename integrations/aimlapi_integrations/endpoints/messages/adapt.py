"""A request as a Claude model takes it on the messages endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...types import Audio, File, HostedTool, Image, Part, Request, ToolChoice, Video
from ..responses.encode import CHAT_ONLY_OPTIONS
from ..routing import thinking_enabled
from ..shared.adapt_context import AdaptContext
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
from ..shared.media import is_link, lift_media
from .encode import MIN_THINKING_BUDGET

# --- options ------------------------------------------------------------------------------------------------------

# Options of chat completions that this endpoint has nothing for, and those that not every model lists.
_NOT_HERE = CHAT_ONLY_OPTIONS - {"metadata", "n", "stop", "stop_sequences", "stream_options"}
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "top_a", "min_p", "repetition_penalty"})

# What sampling may be beside thinking: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
_BESIDE_THINKING: Mapping[str, Callable[[float], bool]] = {
    "temperature": lambda value: value == 1,
    "top_p": lambda value: value >= 0.95,
    "top_k": lambda _: False,
}


def adapt_claude_options(request: Request, case: AdaptContext) -> Request:
    """Options that the endpoint has something for, with values that it takes."""
    return apply_option_steps(request, case, _OPTION_STEPS)


def _without_chat_only(options: Options, case: AdaptContext) -> Options:
    gone = {name for name in _SAMPLING & options.keys() if case.listed(name) is None} | (_NOT_HERE & options.keys())
    for name in sorted(gone):
        case.warn_or_raise(f"{name!r} is not a parameter of {case.asked} on the messages endpoint: it goes without it.")
    return {name: value for name, value in options.items() if name not in gone | {"stream_options"}}


def _with_room_to_think(options: Options, case: AdaptContext) -> Options:
    """Without effort where the answer may not be as long as the least that thinking takes."""
    most = options.get("max_tokens", options.get("max_completion_tokens"))
    if not is_number(most) or most > MIN_THINKING_BUDGET or not thinking_enabled({**options, "thinking": None}):
        return options
    case.warn_or_raise(
        f"{most} tokens leave {case.asked} no room to think, which takes more than {MIN_THINKING_BUDGET}: it does not."
    )
    return {name: value for name, value in options.items() if name not in ("reasoning", "reasoning_effort")}


def _sampled_beside_thinking(options: Options, case: AdaptContext) -> Options:
    if not thinking_enabled(options):
        return options
    gone = {name for name, fits in _BESIDE_THINKING.items() if is_number(options.get(name)) and not fits(options[name])}
    for name in sorted(gone):
        case.warn_or_raise(f"{name}={options[name]!r} is refused beside thinking: {case.asked} goes without it.")
    return {name: value for name, value in options.items() if name not in gone}


_OPTION_STEPS: tuple[OptionStep, ...] = (
    drop_n,
    _without_chat_only,
    rename_options,
    adapt_effort,
    _with_room_to_think,
    _sampled_beside_thinking,
    raise_to_minimum,
    validate_options,
)


# --- tools --------------------------------------------------------------------------------------------------------

# Tools that the gateway runs for other models.
_FOREIGN = frozenset(
    {"code_interpreter", "computer_use_preview", "file_search", "image_generation", "local_shell", "mcp"}
    | {"web_search_preview", "web_search_preview_2025_03_11"}
)


def adapt_claude_tools(request: Request, case: AdaptContext) -> Request:
    """Tools of this endpoint, and a choice of them that goes with thinking."""
    for tool in request.tools:
        if isinstance(tool, HostedTool) and tool.type in _FOREIGN:
            raise UnsupportedParameterError(
                f"A tool of type {tool.type!r} cannot go to {case.asked} on the messages endpoint: choose a model of "
                f"Responses."
            )
    if not _forced(request.tool_choice) or not thinking_enabled(request.options):
        return request
    case.warn_or_raise(
        f"A forced tool is refused beside thinking: it is left out, and {case.asked} is free not to call."
    )
    return replace(request, tool_choice=None)


def _forced(choice: ToolChoice | None) -> bool:
    if choice is None:
        return False
    raw: Any = (choice.item or {}).get("type")
    return choice.mode in ("required", "named", "hosted") or raw in ("any", "tool")


# --- messages -----------------------------------------------------------------------------------------------------


def adapt_claude_messages(request: Request, case: AdaptContext) -> Request:
    """The media of answers in a user turn; raises for what the model does not take there."""
    for part in (part for turn in request.messages for part in turn.parts):
        _check(part, case)
    turns = lift_media(request.messages, roles=("assistant",))
    return request if turns == request.messages else replace(request, messages=turns)


def _check(part: Part, case: AdaptContext) -> None:
    if isinstance(part, Audio | Video):
        raise UnsupportedContentError(
            f"{type(part).__name__} content cannot go to {case.asked} on the messages endpoint: {_carrier(part, case)}."
        )
    if isinstance(part, Image | File) and "base64_images" in case.model.quirks and is_link(part):
        case.warn_or_raise(
            f"{case.asked} is documented to take base64 data only: {type(part).__name__} content goes as a link."
        )


_LISTED_AS: dict[type, str] = {Audio: "input_audio", Video: "video_url"}


def _carrier(part: Audio | Video, case: AdaptContext) -> str:
    listed = case.model.chat.user_parts if case.model.chat else frozenset[str]()
    if _LISTED_AS[type(part)] in listed:
        return "chat completions lists it for this model"
    return f"choose a model with {type(part).__name__.lower()} input"
