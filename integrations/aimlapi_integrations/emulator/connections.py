"""Closing and resetting connections, which ASGI has no word for."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, which also remembers the connection of each client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if self.client:
            _TRANSPORTS[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client:
            _TRANSPORTS.pop(self.client, None)
        super().connection_lost(exc)


class _Nothing(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends nothing: the connection is gone."""


DROP = _Nothing()


async def drop(request: Request) -> None:
    """Breaks the connection that a request came by, under this package's own server."""
    transport = _transport(request.scope)
    if transport is not None:
        transport.abort()
    await request.receive()


def reset(scope: Scope) -> None:
    """Resets the connection, so that the client meets an error and not an end."""
    transport = _transport(scope)
    if transport is not None:
        no_farewell = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_farewell)
        transport.abort()


def _transport(scope: Scope) -> asyncio.Transport | None:
    client: Any = scope.get("client")
    return _TRANSPORTS.get(tuple(client)) if client else None
