"""One interface for the sync and the async client, so that a test covers both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from aimlapi_integrations.transport.retries import HTTPRequest, JSONResponse, RetryPolicy

KEY = "key-0123456789abcdef"
POST = HTTPRequest("POST", "/chat/completions", {"model": "m"})
AT_ONCE = RetryPolicy(max_retries=2, base=0)

Handler = Callable[[httpx.Request], httpx.Response]


class Sync:
    """The sync client."""

    def __init__(self, base_url: str = "http://127.0.0.1/v1", handler: Handler | None = None, **settings: Any) -> None:
        http_client = httpx.Client(transport=httpx.MockTransport(handler)) if handler else None
        self.http = HTTPClient(KEY, base_url, http_client=http_client, **{"retry": AT_ONCE, **settings})

    def send(self, request: HTTPRequest = POST) -> JSONResponse:
        with self.http:
            return self.http.send(request)

    def events(self, request: HTTPRequest = POST, limit: int | None = None) -> list[Any]:
        received = []
        with self.http, self.http.stream(request) as events:
            for event in events:
                received.append(event)
                if len(received) == limit:
                    break
        return received


class Async:
    """The async client, with an event loop per request."""

    def __init__(self, base_url: str = "http://127.0.0.1/v1", handler: Handler | None = None, **settings: Any) -> None:
        http_client = httpx.AsyncClient(transport=httpx.MockTransport(handler)) if handler else None
        self.http = AsyncHTTPClient(KEY, base_url, http_client=http_client, **{"retry": AT_ONCE, **settings})

    def send(self, request: HTTPRequest = POST) -> JSONResponse:
        return asyncio.run(self.http.send(request))

    def events(self, request: HTTPRequest = POST, limit: int | None = None) -> list[Any]:
        async def receive() -> list[Any]:
            received = []
            async with self.http.stream(request) as events:
                async for event in events:
                    received.append(event)
                    if len(received) == limit:
                        break
            return received

        return asyncio.run(receive())


both_clients = pytest.mark.parametrize("client_type", [Sync, Async])
