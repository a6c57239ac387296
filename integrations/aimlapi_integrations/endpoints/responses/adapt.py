"""A request as a model on the responses endpoint takes it."""

from __future__ import annotations

from dataclasses import replace

from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...models import ResponsesCapabilities
from ...types import File, HostedTool, Image, Message, Part, Request
from ..shared.adapt_context import AdaptContext
from ..shared.adapt_options import (
    Options,
    adapt_effort,
    apply_option_steps,
    drop_n,
    is_number,
    raise_to_minimum,
    validate_value,
)
from .encode import CHAT_ONLY_OPTIONS

_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")

# Names under which a model's table has what the options call otherwise; `text` is every model's.
_LISTED_AS = dict.fromkeys(_LENGTHS, "max_output_tokens") | {"reasoning_effort": "reasoning"}
_EVERYWHERE = frozenset({"text", "verbosity"})


# --- options ------------------------------------------------------------------------------------------------------


def adapt_responses_options(request: Request, case: AdaptContext) -> Request:
    """Options that the endpoint has something for, with values that it takes."""
    steps = (drop_n, _without_chat_only, adapt_effort, raise_to_minimum, _long_enough, _checked)
    return apply_option_steps(request, case, steps)


def _without_chat_only(options: Options, case: AdaptContext) -> Options:
    for name in sorted(CHAT_ONLY_OPTIONS & options.keys()):
        case.warn_or_raise(f"{name!r} is not a parameter of Responses: {case.asked} goes without it.")
    return {name: value for name, value in options.items() if name not in CHAT_ONLY_OPTIONS}


def _long_enough(options: Options, case: AdaptContext) -> Options:
    listed = case.listed("max_output_tokens")
    least = listed.minimum if listed else None
    changed = {}
    for name in _LENGTHS:
        if least is not None and is_number(options.get(name)) and 0 < options[name] < least:
            case.warn_or_raise(
                f"{name}={options[name]!r} is below what {case.asked} takes on Responses: it gets {least}."
            )
            changed[name] = least
    return {**options, **changed} if changed else options


def _checked(options: Options, case: AdaptContext) -> Options:
    for name, value in options.items():
        if name in _EVERYWHERE:
            continue
        listed = case.listed(_LISTED_AS.get(name, name))
        if listed is None:
            case.unsupported_parameter(name)
        elif name == "reasoning_effort":
            validate_value("reasoning", {"effort": value}, listed, case)
        else:
            validate_value(name, value, listed, case)
    return options


# --- tools --------------------------------------------------------------------------------------------------------


def adapt_responses_tools(request: Request, case: AdaptContext) -> Request:
    """Tools of types that the model takes there."""
    shape = case.responses
    if shape is None or not request.tools:
        return request
    for kind in dict.fromkeys(_kind(tool) for tool in request.tools):
        _check_kind(kind, shape, case)
    if request.parallel_tool_calls is None or case.listed("parallel_tool_calls") is not None:
        return request
    case.warn_or_raise(
        f"'parallel_tool_calls' is not a parameter that {case.asked} lists on Responses: it goes without it."
    )
    return replace(request, parallel_tool_calls=None)


def _kind(tool: object) -> str:
    return tool.type if isinstance(tool, HostedTool) else "function"


def _check_kind(kind: str, shape: ResponsesCapabilities, case: AdaptContext) -> None:
    if {kind, "*"} & shape.tools:
        return
    if kind == "function":
        raise UnsupportedParameterError(f"{case.asked} takes no function tools on Responses: choose another model.")
    case.warn_or_raise(f"A tool of type {kind!r} is not one that {case.asked} lists on Responses: it is sent as it is.")


# --- messages -----------------------------------------------------------------------------------------------------


def adapt_responses_messages(request: Request, case: AdaptContext) -> Request:
    """The same request; raises for calls and media that the model does not take there."""
    shape = case.responses
    if shape is not None:
        for turn in request.messages:
            _check_turn(turn, shape, case)
    return request


def _check_turn(turn: Message, shape: ResponsesCapabilities, case: AdaptContext) -> None:
    if "function_call" not in shape.items and (turn.role == "tool" or turn.tool_calls):
        raise UnsupportedContentError(
            f"{case.asked} takes no tool calls and no tool results on Responses: chat completions may carry them."
        )
    for part in turn.parts:
        _check_part(part, shape, case)


def _check_part(part: Part, shape: ResponsesCapabilities, case: AdaptContext) -> None:
    kind = {Image: "input_image", File: "input_file"}.get(type(part))
    if kind and kind not in shape.parts:
        where = "chat completions carries it" if _on_chat(part, case) else "choose another model"
        raise UnsupportedContentError(f"{type(part).__name__} content cannot go to {case.asked} on Responses: {where}.")


def _on_chat(part: Part, case: AdaptContext) -> bool:
    return bool(case.model.chat and {Image: "image_url", File: "file"}[type(part)] in case.model.chat.user_parts)
