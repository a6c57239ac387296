"""Whether a request asks for thinking, and whether the messages endpoint can carry it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models import CHAT, MESSAGES, Model
from ...types import Audio, File, HostedItem, HostedTool, Image, Part, Request, ToolCall, Video
from .authorship import is_messages_block
from .media import is_link
from .parsing import as_dict

# Options that the messages endpoint has under another name, or does anyway.
_RENAMED = frozenset({"stop", "max_completion_tokens", "reasoning_effort", "reasoning", "stream_options"})


def thinking_enabled(options: Mapping[str, Any]) -> bool:
    """Return whether thinking is requested, by effort, budget or `thinking`.

    >>> thinking_enabled({"reasoning_effort": "low"}), thinking_enabled({"reasoning_effort": "none"})
    (True, False)
    """
    enabled = as_dict(options.get("thinking")).get("type", "disabled") != "disabled"
    return enabled or effort_requested(options)


def effort_requested(options: Mapping[str, Any]) -> bool:
    """Return whether reasoning is requested by a level of effort or by `reasoning.max_tokens`."""
    reasoning = as_dict(options.get("reasoning"))
    effort = options.get("reasoning_effort") or reasoning.get("effort") or "none"
    return effort != "none" or "max_tokens" in reasoning


def messages_endpoint_blocker(request: Request, model: Model) -> str | None:
    """Return what the messages endpoint cannot carry of a request with thinking, or would lose; None if nothing."""
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
    """Return the name of an option that has an effect only on chat completions."""
    for name, value in request.options.items():
        if value is None or name in _RENAMED or (name, value) == ("n", 1):
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
