"""Conversation <-> JSON, one module per endpoint: pure functions, no I/O, no framework.

Every module that carries a conversation has the face of `Endpoint`; a call is
`encode` -> send -> `decode`, or `encode` -> `stream_options` -> send -> `Decoder.feed` … `Decoder.close`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from ..models import Model
from ..types import Delta, Json, Reply, Request


class StreamDecoder(Protocol):
    """Turns the events of one stream into `Delta`s, and mends on the way what gateways do to streams."""

    def __init__(
        self, model_id: str, headers: Mapping[str, str], taken: Collection[str] = (), model: Model | None = None
    ) -> None: ...

    @property
    def ended(self) -> bool:
        """Whether an event has said that nothing comes after it."""

    def feed(self, event: Json) -> Delta | None:
        """What `event` adds; None where that is nothing. An event that reports an error is raised."""

    def close(self, finished: bool) -> Delta:
        """The last delta, with the whole reply. `finished`: the stream said `[DONE]`. StreamError if it was cut."""

    @property
    def text(self) -> str:
        """The text so far."""


class Endpoint(Protocol):
    """The face of an endpoint module."""

    @property
    def PATH(self) -> str:
        """Where it is, below the base URL."""

    @property
    def Decoder(self) -> type[StreamDecoder]:
        """Its stream decoder."""

    def encode(self, request: Request, model: Model | None = None) -> Json:
        """The body that asks for a plain reply."""

    def stream_options(self, body: Json, usage: bool, model: Model | None = None) -> Json:
        """The body that asks for the same as a stream, with its token usage where wanted."""

    def decode(
        self, body: Json, headers: Mapping[str, str], taken: Collection[str] = (), model: Model | None = None
    ) -> Reply:
        """The reply that a 2xx body holds, to a request of `model`. APIResponseError where it holds none.

        Its calls get ids of their own, none of them one of `taken`.
        """
