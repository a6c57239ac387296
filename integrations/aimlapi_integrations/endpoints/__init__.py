"""Conversation <-> JSON, one package for each endpoint: pure functions, no I/O, no framework.

A call is `adapt` -> `encode` -> send -> `decode`, or
`adapt` -> `encode` -> `stream_options` -> send -> `Decoder.feed` … `Decoder.close`.

`ENDPOINTS` is the registry of the endpoints that carry conversations. `get_endpoint` imports one, by its name, which is
also that of its package. Everything else gets endpoints from here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ..models import CHAT, MESSAGES, RESPONSES, Model
from ..types import Delta, Json, Reply, Request

__all__ = ["ENDPOINTS", "Endpoint", "StreamDecoder", "adapt", "get_endpoint", "name_of_reply"]


class StreamDecoder(Protocol):
    """Turns the events of one stream into `Delta`s and normalizes what gateways do to streams."""

    def __init__(
        self, model_id: str, headers: Mapping[str, str], taken: Collection[str] = (), model: Model | None = None
    ) -> None: ...

    @property
    def ended(self) -> bool:
        """Whether an event was the last one."""

    def feed(self, event: Json) -> Delta | None:
        """Return what `event` adds; None if that is nothing. An event that reports an error is raised."""

    def close(self, finished: bool) -> Delta:
        """Return the last delta, with the whole reply. StreamError if the stream was cut off.

        Args:
            finished: whether the stream ended with `[DONE]`.
        """

    @property
    def text(self) -> str:
        """The text so far."""


class Endpoint(Protocol):
    """The interface of an endpoint module."""

    @property
    def NAME(self) -> str:
        """Its name, as in the argument `endpoint`, in metadata and in `models`."""

    @property
    def PATH(self) -> str:
        """Its path below the base URL."""

    @property
    def ADAPT_STEPS(self) -> tuple[Callable[[Request, Any], Request], ...]:
        """The steps that adapt a request to a model on this endpoint, in order."""

    @property
    def Decoder(self) -> type[StreamDecoder]:
        """Its stream decoder."""

    def encode(self, request: Request, model: Model | None = None) -> Json:
        """Return the body that requests a plain response."""

    def stream_options(self, body: Json, usage: bool, model: Model | None = None) -> Json:
        """Return the body that requests the same as a stream, with its token usage if `usage`."""

    def decode(
        self, body: Json, headers: Mapping[str, str], taken: Collection[str] = (), model: Model | None = None
    ) -> Reply:
        """Return the reply in a 2xx body. APIResponseError if it has none.

        Args:
            taken: ids that the reply's tool calls must not have.
            model: the requested model.
        """


if TYPE_CHECKING:  # each one has the interface
    from . import chat_completions, messages, responses

    _ENDPOINTS: tuple[Endpoint, ...] = (chat_completions, responses, messages)

ENDPOINTS = (CHAT, RESPONSES, MESSAGES)
"""The names of the endpoints."""

_NAMES_BY_OBJECT = {"chat.completion": CHAT, "response": RESPONSES, "message": MESSAGES}


@cache
def get_endpoint(name: str) -> Endpoint:
    """Return the endpoint with this name, which the first call imports. KeyError if there is none."""
    if name not in ENDPOINTS:
        raise KeyError(name)
    endpoint: Endpoint = import_module(f".{name}", __name__)
    return endpoint


def name_of_reply(body: Mapping[str, Any]) -> str | None:
    """Return the name of the endpoint that returned `body`, a plain response or an accumulated stream; None if unknown.

    >>> name_of_reply({"object": "response"})
    'responses'
    """
    return _NAMES_BY_OBJECT.get(str(body.get("object") or body.get("type")))


def adapt(request: Request, endpoint: str = CHAT, *, strict: bool = False, stream: bool = False) -> Request:
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
    from .shared.adapt import get_context  # not before the first call

    ctx = get_context(request.model, endpoint, strict, stream)
    for step in get_endpoint(endpoint).ADAPT_STEPS:
        request = step(request, ctx)
    return request
