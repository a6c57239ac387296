"""A request made to fit its model, before an endpoint writes it down.

What would be refused is changed where its meaning survives; what is not listed but harmless is sent and told as a
`ParameterWarning`; the rest raises before the call. Each adaptation is one function of a pipeline.
"""

from __future__ import annotations

from dataclasses import replace

from ..conversation import Request
from . import chat_completions, messages, responses
from .fit_claude import fit_claude_messages, fit_claude_options, fit_claude_tools
from .fit_history import history_step
from .fit_messages import fit_messages
from .fit_options import fit_options
from .fit_responses import fit_responses_messages, fit_responses_options, fit_responses_tools
from .fit_strict import fit_strict
from .fit_thinking import fit_thinking
from .fit_tools import fit_response_format, fit_tools
from .fitting import ContentWarning, ParameterWarning, Step, fitting
from .media import normalize_media

__all__ = ["ContentWarning", "ParameterWarning", "fit"]

_fit_chat_history = history_step(fit_messages, chat_completions.encode)
_fit_responses_history = history_step(fit_responses_messages, responses.encode)
_fit_claude_history = history_step(fit_claude_messages, messages.encode)

_STEPS: dict[str, tuple[Step, ...]] = {
    "chat_completions": (
        _fit_chat_history,
        fit_strict,
        fit_response_format,
        fit_tools,
        fit_options,
        fit_thinking,
        fit_messages,
    ),
    "responses": (
        _fit_responses_history,
        fit_strict,
        fit_responses_tools,
        fit_responses_options,
        fit_responses_messages,
    ),
    "messages": (_fit_claude_history, fit_strict, fit_claude_tools, fit_claude_options, fit_claude_messages),
}


def fit(request: Request, endpoint: str = "chat_completions", *, strict: bool = False, stream: bool = False) -> Request:
    """The request as its model takes it; the very same one where nothing has to change.

    Args:
        request: what is asked. It is not changed.
        endpoint: `chat_completions`, `responses` or `messages`.
        strict: raise where else a warning would tell of a parameter that is changed, dropped or not listed.
        stream: whether the answer is to be streamed.

    Raises:
        UnsupportedParameterError: a value out of the model's range, or a misfit where `strict`.
        UnsupportedContentError: a message that the model cannot take; the text says what can.

    >>> from aimlapi_integrations.conversation import Message, Text
    >>> asked = Request("gpt-4o", (Message("user", (Text("Hello"),)),), options={"max_tokens": 5})
    >>> fit(asked) is asked
    True
    """
    messages = normalize_media(request.messages)
    if messages is not request.messages:
        request = replace(request, messages=messages)
    case = fitting(request.model, endpoint, strict, stream)
    for step in _STEPS[endpoint]:
        request = step(request, case)
    return request
