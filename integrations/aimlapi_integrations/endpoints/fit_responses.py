"""A request as a model on the responses endpoint takes it."""

from __future__ import annotations

from dataclasses import replace

from ..conversation import File, HostedTool, Image, Message, Part, Request
from ..errors import UnsupportedContentError, UnsupportedParameterError
from ..models import ResponsesShape
from .fit_options import Options, check_value, fitted_effort, is_number, one_answer, raised_to_minimum, stepped
from .fitting import Fitting
from .responses import CHAT_ONLY

_LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")

# Names under which a model's table has what the options call otherwise; `text` is every model's.
_LISTED_AS = dict.fromkeys(_LENGTHS, "max_output_tokens") | {"reasoning_effort": "reasoning"}
_EVERYWHERE = frozenset({"text", "verbosity"})


# --- options ------------------------------------------------------------------------------------------------------


def fit_responses_options(request: Request, case: Fitting) -> Request:
    """Options that the endpoint has something for, with values that it takes."""
    steps = (one_answer, _without_chat_only, fitted_effort, raised_to_minimum, _long_enough, _checked)
    return stepped(request, case, steps)


def _without_chat_only(options: Options, case: Fitting) -> Options:
    for name in sorted(CHAT_ONLY & options.keys()):
        case.note(f"{name!r} is not a parameter of Responses: {case.asked} goes without it.")
    return {name: value for name, value in options.items() if name not in CHAT_ONLY}


def _long_enough(options: Options, case: Fitting) -> Options:
    listed = case.listed("max_output_tokens")
    least = listed.minimum if listed else None
    changed = {}
    for name in _LENGTHS:
        if least is not None and is_number(options.get(name)) and 0 < options[name] < least:
            case.note(f"{name}={options[name]!r} is below what {case.asked} takes on Responses: it gets {least}.")
            changed[name] = least
    return {**options, **changed} if changed else options


def _checked(options: Options, case: Fitting) -> Options:
    for name, value in options.items():
        if name in _EVERYWHERE:
            continue
        listed = case.listed(_LISTED_AS.get(name, name))
        if listed is None:
            case.unlisted(name)
        elif name == "reasoning_effort":
            check_value("reasoning", {"effort": value}, listed, case)
        else:
            check_value(name, value, listed, case)
    return options


# --- tools --------------------------------------------------------------------------------------------------------


def fit_responses_tools(request: Request, case: Fitting) -> Request:
    """Tools of types that the model takes there."""
    shape = case.responses
    if shape is None or not request.tools:
        return request
    for kind in dict.fromkeys(_kind(tool) for tool in request.tools):
        _check_kind(kind, shape, case)
    if request.parallel_tool_calls is None or case.listed("parallel_tool_calls") is not None:
        return request
    case.note(f"'parallel_tool_calls' is not a parameter that {case.asked} lists on Responses: it goes without it.")
    return replace(request, parallel_tool_calls=None)


def _kind(tool: object) -> str:
    return tool.type if isinstance(tool, HostedTool) else "function"


def _check_kind(kind: str, shape: ResponsesShape, case: Fitting) -> None:
    if {kind, "*"} & shape.tools:
        return
    if kind == "function":
        raise UnsupportedParameterError(f"{case.asked} takes no function tools on Responses: choose another model.")
    case.note(f"A tool of type {kind!r} is not one that {case.asked} lists on Responses: it is sent as it is.")


# --- messages -----------------------------------------------------------------------------------------------------


def fit_responses_messages(request: Request, case: Fitting) -> Request:
    """The same request; raises for calls and media that the model does not take there."""
    shape = case.responses
    if shape is not None:
        for turn in request.messages:
            _check_turn(turn, shape, case)
    return request


def _check_turn(turn: Message, shape: ResponsesShape, case: Fitting) -> None:
    if "function_call" not in shape.items and (turn.role == "tool" or turn.tool_calls):
        raise UnsupportedContentError(
            f"{case.asked} takes no tool calls and no tool results on Responses: chat completions may carry them."
        )
    for part in turn.parts:
        _check_part(part, shape, case)


def _check_part(part: Part, shape: ResponsesShape, case: Fitting) -> None:
    kind = {Image: "input_image", File: "input_file"}.get(type(part))
    if kind and kind not in shape.parts:
        where = "chat completions carries it" if _on_chat(part, case) else "choose another model"
        raise UnsupportedContentError(f"{type(part).__name__} content cannot go to {case.asked} on Responses: {where}.")


def _on_chat(part: Part, case: Fitting) -> bool:
    return bool(case.model.chat and {Image: "image_url", File: "file"}[type(part)] in case.model.chat.user_parts)
