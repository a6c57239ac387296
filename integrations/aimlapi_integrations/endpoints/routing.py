"""Which endpoint carries a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UnsupportedParameterError
from ..models import CHAT, MESSAGES, RESPONSES, Model, lookup
from ..types import Audio, File, HostedItem, HostedTool, Image, Part, Request, ToolCall, Video
from . import Endpoint, chat_completions, messages, responses
from .shared.authorship import is_messages_block, needs_responses
from .shared.media import is_link
from .shared.parsing import as_dict

ENDPOINTS: Mapping[str, Endpoint] = {
    "chat_completions": chat_completions,
    "responses": responses,
    "messages": messages,
}

_PATHS = {"chat_completions": CHAT, "responses": RESPONSES, "messages": MESSAGES}

# Options that only the responses endpoint has. `store` is not among them: chat completions carries the same
# conversation without it.
RESPONSES_OPTIONS = frozenset({"background", "include", "instructions", "previous_response_id", "prompt", "truncation"})


def select_endpoint(
    request: Request, *, endpoint: str | None = None, use_responses_api: bool | None = None
) -> Endpoint:
    """The endpoint for a request: the one asked for, else the one that alone will do, else chat completions.

    Args:
        request: the model decides, then what the request holds.
        endpoint: `chat_completions`, `responses` or `messages`; before all else.
        use_responses_api: True for responses, False for chat completions.

    Raises:
        UnsupportedParameterError: the model is known not to be served on the endpoint that was asked for, or on any
            that carries a conversation.
    """
    name = _asked(endpoint, use_responses_api) or _fitting(request)
    _check_served(name, request.model)
    return ENDPOINTS[name]


def _fitting(request: Request) -> str:
    if responses_required(request):
        return "responses"
    return "messages" if needs_messages_for_thinking(request) else "chat_completions"


def responses_required(request: Request) -> bool:
    """Whether the responses endpoint is the only one that carries all of a request."""
    model = lookup(request.model)
    if model.known and not model.responses:
        return False
    return (
        _responses_only_model(model)
        or any(request.options.get(name) for name in RESPONSES_OPTIONS)
        or bool(as_dict(request.options.get("reasoning")).get("summary"))
        or any(_hosted_there(tool, model) for tool in request.tools if isinstance(tool, HostedTool))
        or any(needs_responses(message, request.model) for message in request.messages)
    )


def needs_messages_for_thinking(request: Request) -> bool:
    """Whether thinking is wanted whose text the messages endpoint alone tells, and it carries all of the request."""
    model = lookup(request.model)
    return thinking_only_on_messages(model, request.options) and messages_endpoint_blocker(request, model) is None


def _asked(endpoint: str | None, use_responses_api: bool | None) -> str | None:
    if endpoint is None:
        return {None: None, True: "responses", False: "chat_completions"}[use_responses_api]
    if endpoint not in ENDPOINTS:
        raise UnsupportedParameterError(f"endpoint={endpoint!r}: it is one of {', '.join(ENDPOINTS)}.")
    return endpoint


def _check_served(name: str, asked: str) -> None:
    model = lookup(asked)
    served = [other for other, path in _PATHS.items() if path in model.endpoints]
    if not model.known or name in served:
        return
    if served:
        raise UnsupportedParameterError(f"{asked} is not served on {name}: choose {' or '.join(served)}.")
    raise UnsupportedParameterError(f"{asked} makes embeddings, and holds no conversation: choose another model.")


def _responses_only_model(model: Model) -> bool:
    return model.responses is not None and (model.chat is None or "responses_only" in model.quirks)


def _hosted_there(tool: HostedTool, model: Model) -> bool:
    """Whether a tool that is no plain function is one of the responses endpoint and not of the model's chat."""
    kinds = model.chat.tools.kinds if model.chat and model.chat.tools else frozenset[str]()
    return tool.type not in kinds


# What the messages endpoint takes by another name, or does anyway.
_TRANSLATED = frozenset({"stop", "max_completion_tokens", "reasoning_effort", "reasoning", "stream_options"})


def thinking_only_on_messages(model: Model, options: Mapping[str, Any]) -> bool:
    """Whether thinking is asked for, to be read, that the model tells on the messages endpoint only."""
    return "thinking_text_only_on_messages" in model.quirks and model.messages and thinking_requested(options)


def thinking_requested(options: Mapping[str, Any]) -> bool:
    """Whether thinking is asked for, by effort, by budget or by its name, and not to be left out of the answer.

    >>> thinking_requested({"reasoning_effort": "low"}), thinking_requested({"reasoning_effort": "none"})
    (True, False)
    """
    thinking, reasoning = as_dict(options.get("thinking")), as_dict(options.get("reasoning"))
    if thinking.get("display") == "omitted" or reasoning.get("exclude"):
        return False
    return thinking_enabled(options)


def thinking_enabled(options: Mapping[str, Any]) -> bool:
    """Whether thinking is asked for, to be read or not."""
    reasoning = as_dict(options.get("reasoning"))
    effort = options.get("reasoning_effort") or reasoning.get("effort") or "none"
    named = as_dict(options.get("thinking")).get("type", "disabled") != "disabled"
    return named or effort != "none" or "max_tokens" in reasoning


def messages_endpoint_blocker(request: Request, model: Model) -> str | None:
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
