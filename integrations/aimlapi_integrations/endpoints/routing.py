"""Select the endpoint that carries a request."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import UnsupportedParameterError
from ..models import CHAT, MESSAGES, RESPONSES, Model, lookup
from ..types import Audio, File, HostedItem, HostedTool, Image, Message, Part, Request, Tool, ToolCall, Video
from . import ENDPOINTS, Endpoint, get_endpoint
from .shared.adapt import effort_requested
from .shared.authorship import is_claude_tool, is_foreign, is_messages_block, is_responses_item
from .shared.media import is_link
from .shared.model_kinds import describe_use, require_kind
from .shared.parsing import as_dict

# Options that only the Responses endpoint has. `store` is not one: chat completions carries the same conversation
# without it.
RESPONSES_OPTIONS = frozenset(
    {"background", "conversation", "include", "instructions", "previous_response_id", "prompt", "truncation"}
)


def select_endpoint(
    request: Request, *, endpoint: str | None = None, use_responses_api: bool | None = None
) -> Endpoint:
    """Return the requested endpoint, else that of the first rule that applies, else chat completions.

    Args:
        request: the model decides, then the content of the request.
        endpoint: `chat_completions`, `responses` or `messages`. It takes precedence.
        use_responses_api: True for Responses, False for chat completions.

    Raises:
        UnsupportedParameterError: the model is known not to be served on the requested endpoint, or to be no chat
            model. A model for images, OCR or speech is sent if you request an endpoint.
    """
    model = lookup(request.model)
    name = _requested_endpoint(endpoint, use_responses_api)
    if name is None:
        if not model.known:
            require_kind(request.model, "chat")
        name = _select_by_rules(request, model)
    _require_served(name, request.model, model)
    return get_endpoint(name)


def _requested_endpoint(endpoint: str | None, use_responses_api: bool | None) -> str | None:
    if endpoint is None:
        return {None: None, True: RESPONSES, False: CHAT}[use_responses_api]
    if endpoint not in ENDPOINTS:
        raise UnsupportedParameterError(f"endpoint={endpoint!r}: it is one of {', '.join(ENDPOINTS)}.")
    return endpoint


def _select_by_rules(request: Request, model: Model) -> str:
    rules = (rule for rule in _RULES if rule[0] in model.endpoints)
    return next((name for name, applies in rules if applies(request, model)), CHAT)


def _require_served(name: str, model_id: str, model: Model) -> None:
    if not model.known or name in model.endpoints:
        return
    served = [other for other in ENDPOINTS if other in model.endpoints]
    if served:
        raise UnsupportedParameterError(f"{model_id} is not served on {name}: choose {' or '.join(served)}.")
    raise UnsupportedParameterError(describe_use(model_id, "embeddings"))


# --- rules --------------------------------------------------------------------------------------------------------


def _served_only_on_responses(_: Request, model: Model) -> bool:
    return model.responses is not None and (model.chat is None or "responses_only" in model.quirks)


def _has_responses_option(request: Request, _: Model) -> bool:
    options = request.options
    return any(map(options.get, RESPONSES_OPTIONS)) or bool(as_dict(options.get("reasoning")).get("summary"))


def _has_responses_tool(request: Request, model: Model) -> bool:
    """Return whether a hosted tool is not one of the model's chat tools."""
    chat_tools = model.chat.tools.kinds if model.chat and model.chat.tools else frozenset[str]()
    return any(isinstance(tool, HostedTool) and tool.type not in chat_tools for tool in request.tools)


def _has_responses_item(request: Request, _: Model) -> bool:
    return any(_needs_responses(message, request.model) for message in request.messages)


def _has_claude_tool(request: Request, _: Model) -> bool:
    is_tool_of_claude = any(isinstance(tool, HostedTool) and is_claude_tool(tool.type) for tool in request.tools)
    return is_tool_of_claude or any(_needs_messages(message, request.model) for message in request.messages)


def _needs_messages(message: Message, model: str) -> bool:
    """Return whether a message has blocks of Claude's server tools that `model` may read."""
    if message.role != "assistant" or is_foreign(message.author, model):
        return False
    return any(isinstance(part, HostedItem) and is_messages_block(part.type) for part in message.parts)


def _needs_responses(message: Message, model: str) -> bool:
    """Return whether a message has items that only the Responses endpoint carries and that `model` may read."""
    items = [part for part in message.parts if isinstance(part, HostedItem)]
    if not items or message.role != "assistant":
        return bool(items)
    return not is_foreign(message.author, model) and any(is_responses_item(item.type) for item in items)


def _has_effort_with_tools(request: Request, model: Model) -> bool:
    """Return whether chat completions would refuse the reasoning effort because of function tools."""
    has_functions = any(isinstance(tool, Tool) for tool in request.tools)
    return "no_reasoning_with_tools" in model.quirks and has_functions and effort_requested(request.options)


def _has_effort_ignored_by_chat(request: Request, model: Model) -> bool:
    is_ignored = "effort_ignored" in model.quirks and effort_requested(request.options)
    return is_ignored and messages_endpoint_blocker(request, model) is None


# The first rule that applies decides. A rule counts only if the model is served on its endpoint; for an unknown model,
# if its family is.
_RULES: tuple[tuple[str, Callable[[Request, Model], bool]], ...] = (
    (RESPONSES, _served_only_on_responses),
    (MESSAGES, _has_claude_tool),
    (RESPONSES, _has_responses_option),
    (RESPONSES, _has_responses_tool),
    (RESPONSES, _has_responses_item),
    (RESPONSES, _has_effort_with_tools),
    (MESSAGES, _has_effort_ignored_by_chat),
)


# --- thinking on messages ---------------------------------------------------------------------------------------------

# Options that the messages endpoint has under another name, or does anyway.
_RENAMED = frozenset({"stop", "max_completion_tokens", "reasoning_effort", "reasoning", "stream_options"})


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
