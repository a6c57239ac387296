"""One face for both colours of client, so that a test is written once."""

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
    """Calls from this thread."""

    def __init__(self, base_url: str = "http://127.0.0.1/v1", handler: Handler | None = None, **settings: Any) -> None:
        given = httpx.Client(transport=httpx.MockTransport(handler)) if handler else None
        self.http = HTTPClient(KEY, base_url, http_client=given, **{"retry": AT_ONCE, **settings})

    def send(self, call: HTTPRequest = POST) -> JSONResponse:
        with self.http:
            return self.http.send(call)

    def events(self, call: HTTPRequest = POST, most: int | None = None) -> list[Any]:
        found = []
        with self.http, self.http.stream(call) as events:
            for event in events:
                found.append(event)
                if len(found) == most:
                    break
        return found


class Async:
    """The same calls, each in an event loop of its own."""

    def __init__(self, base_url: str = "http://127.0.0.1/v1", handler: Handler | None = None, **settings: Any) -> None:
        given = httpx.AsyncClient(transport=httpx.MockTransport(handler)) if handler else None
        self.http = AsyncHTTPClient(KEY, base_url, http_client=given, **{"retry": AT_ONCE, **settings})

    def send(self, call: HTTPRequest = POST) -> JSONResponse:
        return asyncio.run(self.http.send(call))

    def events(self, call: HTTPRequest = POST, most: int | None = None) -> list[Any]:
        async def gathered() -> list[Any]:
            found = []
            async with self.http.stream(call) as events:
                async for event in events:
                    found.append(event)
                    if len(found) == most:
                        break
            return found

        return asyncio.run(gathered())


both_colours = pytest.mark.parametrize("colour", [Sync, Async])
