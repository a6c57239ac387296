"""A request made to fit its model, before an endpoint writes it down.

What would be refused is changed where its meaning survives; what is not listed but harmless is sent and told as a
`ParameterWarning`; the rest raises before the call. Each adaptation is one function of a pipeline.
"""

from __future__ import annotations

from dataclasses import replace

from ...types import Request
from .. import chat_completions, messages, responses
from ..chat_completions.adapt import adapt_messages, adapt_response_format, adapt_thinking, adapt_tools
from ..messages.adapt import adapt_claude_messages, adapt_claude_options, adapt_claude_tools
from ..responses.adapt import adapt_responses_messages, adapt_responses_options, adapt_responses_tools
from .adapt_context import ContentWarning, ParameterWarning, Step, get_context
from .adapt_history import make_history_step
from .adapt_options import adapt_options
from .adapt_strict import adapt_strict
from .media import normalize_media

__all__ = ["ContentWarning", "ParameterWarning", "adapt"]

_fit_chat_history = make_history_step(adapt_messages, chat_completions.encode)
_fit_responses_history = make_history_step(adapt_responses_messages, responses.encode)
_fit_claude_history = make_history_step(adapt_claude_messages, messages.encode)

_STEPS: dict[str, tuple[Step, ...]] = {
    "chat_completions": (
        _fit_chat_history,
        adapt_strict,
        adapt_response_format,
        adapt_tools,
        adapt_options,
        adapt_thinking,
        adapt_messages,
    ),
    "responses": (
        _fit_responses_history,
        adapt_strict,
        adapt_responses_tools,
        adapt_responses_options,
        adapt_responses_messages,
    ),
    "messages": (_fit_claude_history, adapt_strict, adapt_claude_tools, adapt_claude_options, adapt_claude_messages),
}


def adapt(
    request: Request, endpoint: str = "chat_completions", *, strict: bool = False, stream: bool = False
) -> Request:
    """The request as its model takes it; the very same one where nothing has to change.

    Args:
        request: what is asked. It is not changed.
        endpoint: `chat_completions`, `responses` or `messages`.
        strict: raise where else a warning would tell of a parameter that is changed, dropped or not listed.
        stream: whether the answer is to be streamed.

    Raises:
        UnsupportedParameterError: a value out of the model's range, or a misfit where `strict`.
        UnsupportedContentError: a message that the model cannot take; the text says what can.

    >>> from aimlapi_integrations.types import Message, Text
    >>> asked = Request("gpt-4o", (Message("user", (Text("Hello"),)),), options={"max_tokens": 5})
    >>> adapt(asked) is asked
    True
    """
    messages = normalize_media(request.messages)
    if messages is not request.messages:
        request = replace(request, messages=messages)
    case = get_context(request.model, endpoint, strict, stream)
    for step in _STEPS[endpoint]:
        request = step(request, case)
    return request
