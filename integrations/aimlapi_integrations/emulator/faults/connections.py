"""How a stream is sent, and how a connection breaks, which ASGI has no messages for."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..wire import Event, encode_event

# --- connections --------------------------------------------------------------------------------------------------

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which also remembers the transport of each client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if self.client:
            _TRANSPORTS[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client:
            _TRANSPORTS.pop(self.client, None)
        super().connection_lost(exc)


class _NoResponse(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing: the connection is closed."""


NO_RESPONSE = _NoResponse()


async def drop_connection(request: Request) -> None:
    """Close the connection of a request. Works only under this package's own server."""
    transport = _find_transport(request.scope)
    if transport is not None:
        transport.abort()
    await request.receive()


def reset_connection(scope: Scope) -> None:
    """Reset the connection, so that the client sees an error rather than the end of the stream."""
    transport = _find_transport(scope)
    if transport is not None:
        no_linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        transport.abort()


def _find_transport(scope: Scope) -> asyncio.Transport | None:
    client: Any = scope.get("client")
    return _TRANSPORTS.get(tuple(client)) if client else None


# --- streams ------------------------------------------------------------------------------------------------------

StreamEnd = Literal["complete", "cut", "reset", "stall"]
STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


@dataclass(frozen=True)
class Stream:
    """A stream to send.

    Attributes:
        chunks: its bytes, sent one after the other.
        end: how it ends: properly, with the connection closed too early (cut), with a reset, or never (stall).
        delay: seconds to wait before each chunk.
        headers: replace or add to the usual ones.
    """

    chunks: tuple[bytes, ...]
    end: StreamEnd = "complete"
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


def encode_stream(events: Iterable[Event]) -> Stream:
    return Stream(tuple(map(encode_event, events)))


class StreamResponse(Response):
    """Sends a `Stream` chunk by chunk, and stops when the client disconnects."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(headers={**STREAM_HEADERS, **stream.headers})
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(scope, send))
        disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await asyncio.wait({sending, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, disconnected):
                task.cancel()
            await asyncio.gather(sending, disconnected, return_exceptions=True)

    async def _send(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for chunk in self.stream.chunks:
            await asyncio.sleep(self.stream.delay)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        match self.stream.end:
            case "complete":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            case "stall":
                await asyncio.Event().wait()
            case "reset":
                reset_connection(scope)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
