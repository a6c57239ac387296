"""Closing a connection without a reply, which ASGI has no word for."""

from __future__ import annotations

import asyncio
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
    client: Any = request.scope.get("client")
    transport = _TRANSPORTS.get(tuple(client)) if client else None
    if transport is not None:
        transport.abort()
    await request.receive()
