"""A request as a Claude model takes it on the messages endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..conversation import Audio, File, HostedTool, Image, Part, Request, ToolChoice, Video
from ..errors import UnsupportedContentError, UnsupportedParameterError
from .fit_options import (
    Options,
    OptionStep,
    checked,
    fitted_effort,
    is_number,
    one_answer,
    raised_to_minimum,
    renamed,
    stepped,
)
from .fitting import Fitting
from .media import is_link, lift_media
from .messages import LEAST_BUDGET
from .responses import CHAT_ONLY
from .thinking_told import thinks

# --- options ------------------------------------------------------------------------------------------------------

# Options of chat completions that this endpoint has nothing for, and those that not every model lists.
_NOT_HERE = CHAT_ONLY - {"metadata", "n", "stop", "stop_sequences", "stream_options"}
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "top_a", "min_p", "repetition_penalty"})

# What sampling may be beside thinking: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
_BESIDE_THINKING: Mapping[str, Callable[[float], bool]] = {
    "temperature": lambda value: value == 1,
    "top_p": lambda value: value >= 0.95,
    "top_k": lambda _: False,
}


def fit_claude_options(request: Request, case: Fitting) -> Request:
    """Options that the endpoint has something for, with values that it takes."""
    return stepped(request, case, _OPTION_STEPS)


def _without_chat_only(options: Options, case: Fitting) -> Options:
    gone = {name for name in _SAMPLING & options.keys() if case.listed(name) is None} | (_NOT_HERE & options.keys())
    for name in sorted(gone):
        case.note(f"{name!r} is not a parameter of {case.asked} on the messages endpoint: it goes without it.")
    return {name: value for name, value in options.items() if name not in gone | {"stream_options"}}


def _with_room_to_think(options: Options, case: Fitting) -> Options:
    """Without effort where the answer may not be as long as the least that thinking takes."""
    most = options.get("max_tokens", options.get("max_completion_tokens"))
    if not is_number(most) or most > LEAST_BUDGET or not thinks({**options, "thinking": None}):
        return options
    case.note(f"{most} tokens leave {case.asked} no room to think, which takes more than {LEAST_BUDGET}: it does not.")
    return {name: value for name, value in options.items() if name not in ("reasoning", "reasoning_effort")}


def _sampled_beside_thinking(options: Options, case: Fitting) -> Options:
    if not thinks(options):
        return options
    gone = {name for name, fits in _BESIDE_THINKING.items() if is_number(options.get(name)) and not fits(options[name])}
    for name in sorted(gone):
        case.note(f"{name}={options[name]!r} is refused beside thinking: {case.asked} goes without it.")
    return {name: value for name, value in options.items() if name not in gone}


_OPTION_STEPS: tuple[OptionStep, ...] = (
    one_answer,
    _without_chat_only,
    renamed,
    fitted_effort,
    _with_room_to_think,
    _sampled_beside_thinking,
    raised_to_minimum,
    checked,
)


# --- tools --------------------------------------------------------------------------------------------------------

# Tools that the gateway runs for other models.
_FOREIGN = frozenset(
    {"code_interpreter", "computer_use_preview", "file_search", "image_generation", "local_shell", "mcp"}
    | {"web_search_preview", "web_search_preview_2025_03_11"}
)


def fit_claude_tools(request: Request, case: Fitting) -> Request:
    """Tools of this endpoint, and a choice of them that goes with thinking."""
    for tool in request.tools:
        if isinstance(tool, HostedTool) and tool.type in _FOREIGN:
            raise UnsupportedParameterError(
                f"A tool of type {tool.type!r} cannot go to {case.asked} on the messages endpoint: choose a model of "
                f"Responses."
            )
    if not _forced(request.tool_choice) or not thinks(request.options):
        return request
    case.note(f"A forced tool is refused beside thinking: it is left out, and {case.asked} is free not to call.")
    return replace(request, tool_choice=None)


def _forced(choice: ToolChoice | None) -> bool:
    if choice is None:
        return False
    raw: Any = (choice.item or {}).get("type")
    return choice.mode in ("required", "named", "hosted") or raw in ("any", "tool")


# --- messages -----------------------------------------------------------------------------------------------------


def fit_claude_messages(request: Request, case: Fitting) -> Request:
    """The media of answers in a user turn; raises for what the model does not take there."""
    for part in (part for turn in request.messages for part in turn.parts):
        _check(part, case)
    turns = lift_media(request.messages, roles=("assistant",))
    return request if turns == request.messages else replace(request, messages=turns)


def _check(part: Part, case: Fitting) -> None:
    if isinstance(part, Audio | Video):
        raise UnsupportedContentError(
            f"{type(part).__name__} content cannot go to {case.asked} on the messages endpoint: {_carrier(part, case)}."
        )
    if isinstance(part, Image | File) and "base64_images" in case.model.quirks and is_link(part):
        case.note(f"{case.asked} is documented to take base64 data only: {type(part).__name__} content goes as a link.")


_LISTED_AS: dict[type, str] = {Audio: "input_audio", Video: "video_url"}


def _carrier(part: Audio | Video, case: Fitting) -> str:
    listed = case.model.chat.user_parts if case.model.chat else frozenset[str]()
    if _LISTED_AS[type(part)] in listed:
        return "chat completions lists it for this model"
    return f"choose a model with {type(part).__name__.lower()} input"
