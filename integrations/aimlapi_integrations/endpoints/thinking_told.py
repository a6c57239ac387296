"""Where the text of thinking is told: by Claude on the messages endpoint alone, if that carries the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..conversation import Audio, File, HostedItem, HostedTool, Image, Part, Request, ToolCall, Video
from ..models import CHAT, MESSAGES, Model
from .authorship import is_messages_block
from .media import is_link
from .reading import obj

# What the messages endpoint takes by another name, or does anyway.
_TRANSLATED = frozenset({"stop", "max_completion_tokens", "reasoning_effort", "reasoning", "stream_options"})


def told_elsewhere(model: Model, options: Mapping[str, Any]) -> bool:
    """Whether thinking is asked for, to be read, that the model tells on the messages endpoint only."""
    return "thinking_text_only_on_messages" in model.quirks and model.messages and thinking_wanted(options)


def thinking_wanted(options: Mapping[str, Any]) -> bool:
    """Whether thinking is asked for, by effort, by budget or by its name, and not to be left out of the answer.

    >>> thinking_wanted({"reasoning_effort": "low"}), thinking_wanted({"reasoning_effort": "none"})
    (True, False)
    """
    thinking, reasoning = obj(options.get("thinking")), obj(options.get("reasoning"))
    if thinking.get("display") == "omitted" or reasoning.get("exclude"):
        return False
    return thinks(options)


def thinks(options: Mapping[str, Any]) -> bool:
    """Whether thinking is asked for, to be read or not."""
    reasoning = obj(options.get("reasoning"))
    effort = options.get("reasoning_effort") or reasoning.get("effort") or "none"
    named = obj(options.get("thinking")).get("type", "disabled") != "disabled"
    return named or effort != "none" or "max_tokens" in reasoning


def obstacle(request: Request, model: Model) -> str | None:
    """What of a request with thinking the messages endpoint cannot carry, or would lose; None where nothing is."""
    if request.response_format and request.response_format.kind != "text":
        return "a response format"
    if request.tool_choice and request.tool_choice.mode not in ("auto", "none"):
        return "a forced tool"
    if any(isinstance(tool, HostedTool) for tool in request.tools):
        return "a tool that is no function"
    if request.extra_body:
        return "an extra_body"
    return _lost_option(request, model) or _lost_part(request, model)


def _lost_option(request: Request, model: Model) -> str | None:
    """The name of an option that counts on chat completions alone."""
    for name, value in request.options.items():
        if value is None or name in _TRANSLATED or (name, value) == ("n", 1):
            continue
        if name == "n" or (model.parameter(name, MESSAGES) is None and model.parameter(name, CHAT) is not None):
            return repr(name)
    return None


def _lost_part(request: Request, model: Model) -> str | None:
    parts = (part for message in request.messages for part in message.parts)
    return next((f"{type(part).__name__} content" for part in parts if _is_lost(part, model)), None)


def _is_lost(part: Part, model: Model) -> bool:
    match part:
        case Audio() | Video():
            return True
        case HostedItem():
            return not is_messages_block(part.type)
        case Image() | File():
            return bool(part.file_id) or ("base64_images" in model.quirks and is_link(part))
        case ToolCall():
            return part.kind != "function"
    return False
