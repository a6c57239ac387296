"""Which endpoint carries a request."""

from __future__ import annotations

from collections.abc import Mapping

from ..conversation import HostedTool, Request
from ..errors import UnsupportedParameterError
from ..models import CHAT, MESSAGES, RESPONSES, Model, lookup
from . import Endpoint, chat_completions, messages, responses
from .authorship import needs_responses
from .reading import obj
from .thinking_told import obstacle, told_elsewhere

ENDPOINTS: Mapping[str, Endpoint] = {
    "chat_completions": chat_completions,
    "responses": responses,
    "messages": messages,
}

_PATHS = {"chat_completions": CHAT, "responses": RESPONSES, "messages": MESSAGES}

# Options that only the responses endpoint has. `store` is not among them: chat completions carries the same
# conversation without it.
RESPONSES_OPTIONS = frozenset({"background", "include", "instructions", "previous_response_id", "prompt", "truncation"})


def choose(request: Request, *, endpoint: str | None = None, use_responses_api: bool | None = None) -> Endpoint:
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
    if only_responses(request):
        return "responses"
    return "messages" if tells_thinking_on_messages(request) else "chat_completions"


def only_responses(request: Request) -> bool:
    """Whether the responses endpoint is the only one that carries all of a request."""
    model = lookup(request.model)
    if model.known and not model.responses:
        return False
    return (
        _responses_only_model(model)
        or any(request.options.get(name) for name in RESPONSES_OPTIONS)
        or bool(obj(request.options.get("reasoning")).get("summary"))
        or any(_hosted_there(tool, model) for tool in request.tools if isinstance(tool, HostedTool))
        or any(needs_responses(message, request.model) for message in request.messages)
    )


def tells_thinking_on_messages(request: Request) -> bool:
    """Whether thinking is wanted whose text the messages endpoint alone tells, and it carries all of the request."""
    model = lookup(request.model)
    return told_elsewhere(model, request.options) and obstacle(request, model) is None


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
