"""Adapt a request to its model before an endpoint encodes it.

What the model would refuse is changed where its meaning survives. What it does not list but the gateway drops is sent
with a `ParameterWarning`. Anything else raises before the call. Each adaptation is one step.
"""

from __future__ import annotations

from dataclasses import replace

from ...types import Request
from .. import ENDPOINTS
from .adapt_context import ContentWarning, ParameterWarning, get_context
from .media import normalize_media

__all__ = ["ContentWarning", "ParameterWarning", "adapt"]


def adapt(
    request: Request, endpoint: str = "chat_completions", *, strict: bool = False, stream: bool = False
) -> Request:
    """Return the request as its model accepts it; the same object if nothing has to change.

    Args:
        request: it is not changed.
        endpoint: `chat_completions`, `responses` or `messages`.
        strict: raise instead of warning that a parameter is changed, dropped or not listed.
        stream: whether the response is streamed.

    Raises:
        UnsupportedParameterError: a value out of the model's range, or any change if `strict`.
        UnsupportedContentError: a message that the model cannot accept. The text says what can.

    >>> from aimlapi_integrations.types import Message, Text
    >>> request = Request("gpt-4o", (Message("user", (Text("Hello"),)),), options={"max_tokens": 5})
    >>> adapt(request) is request
    True
    """
    messages = normalize_media(request.messages)
    if messages is not request.messages:
        request = replace(request, messages=messages)
    ctx = get_context(request.model, endpoint, strict, stream)
    for step in ENDPOINTS[endpoint].ADAPT_STEPS:
        request = step(request, ctx)
    return request
