"""The clients: the only place that sends and sleeps; `event_stream.py` reads what is streamed.

>>> with HTTPClient("key", "https://api.aimlapi.com/v1") as http:                              # doctest: +SKIP
...     http.send(HTTPRequest("POST", "/chat/completions", {"model": "gpt-4o", "messages": [...]})).body
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from typing import Any, cast

import httpx
from pydantic import SecretStr

from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin
from .._utils.pickling import refuse_clients
from .base import BaseHTTPClient
from .direct import HTTP, connect, connect_async
from .event_stream import EventStream
from .gc_guard import GC_GUARD
from .per_loop_client import ClientPerLoop
from .response import check_status, is_success, parse_json_response, to_api_error
from .retries import HTTPRequest, JSONResponse, Outcome, Send, Sleep, send_with_retries


class HTTPClient(ContextManagerMixin, BaseHTTPClient):
    """Sends calls and reads their answers. Threads may share one; a fork makes connections of its own.

    Args:
        api_key, base_url: as `settings` resolves them; the key goes to this host only.
        timeout: seconds, (connect, read) or httpx.Timeout; the default waits 10 s to connect and 600 s to read.
        max_retries, retry: how often to try again, or a whole policy.
        chunk_timeout: seconds between two events of a stream; None or 0 for no limit.
        default_headers, default_query: sent with every call.
        limits: of the connections made here.
        http_client: used as it is, and never closed here.
        on_retry: called with a `RetryEvent` before each wait.
    """

    def __init__(self, *args: Any, http_client: httpx.Client | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._given = http_client
        self._disconnect()

    def _disconnect(self) -> None:
        self._own: HTTP | None = None
        self._closing: weakref.finalize[Any, Any] | None = None
        self._process = os.getpid()
        self._lock = threading.Lock()

    def send(self, call: HTTPRequest) -> JSONResponse:
        """The answer to a call. APIError where none comes, or one that is not 2xx or no JSON object."""
        return parse_json_response(self._exchange(call, stream=False), self.secret_of(call.headers), call.json_lines)

    @contextmanager
    def stream(self, call: HTTPRequest) -> Iterator[EventStream]:
        """The events of the answer; leaving the block frees the connection."""
        events = self.events(self._exchange(call, stream=True), call)
        GC_GUARD.hold(events)
        try:
            yield events
        finally:
            GC_GUARD.close(lambda: _closed(events))

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the connections that are our own."""
        closing, self._closing, self._own = self._closing, None, None
        if closing:
            closing()

    def _exchange(self, call: HTTPRequest, stream: bool) -> httpx.Response:
        secret = self.secret_of(call.headers)
        flow = send_with_retries(self.policy(call), self.on_retry, secret, repeatable=call.repeatable)
        step = next(flow)
        try:
            while True:
                match step:
                    case Sleep(seconds):
                        self.sleep(seconds)
                        step = next(flow)
                    case Send(left):
                        step = flow.send(self._attempt(call, stream, left, secret))
        except StopIteration as done:
            return cast(httpx.Response, done.value)

    def _attempt(self, call: HTTPRequest, stream: bool, left: float | None, secret: SecretStr) -> Outcome:
        http = self._http()
        request = self.request(call, left, self._given.build_request if self._given else httpx.Request)
        response: httpx.Response | None = None
        try:
            with GC_GUARD:
                response = http.send(request, stream=True, follow_redirects=False)
                if not (stream and is_success(response)):
                    _read_and_close(response)
        except httpx.HTTPError as problem:
            return to_api_error(problem, request, response, secret)
        return check_status(response, secret)

    def _http(self) -> HTTP:
        """The caller's client, or our own: made at the first call, and anew in a process that was forked off."""
        if self._given:
            return self._given
        if self._process != os.getpid():
            self._leave_to_parent()
        own = self._own
        if own is None:
            with self._lock:
                own = self._own = self._own or self._connect()
        return own

    def _connect(self) -> HTTP:
        client = connect(self.limits)
        self._closing = weakref.finalize(self, _close_in, os.getpid(), client)
        return client

    def _leave_to_parent(self) -> None:
        """Forget what a fork has copied: those sockets, and that lock, are the parent's."""
        if self._closing:
            self._closing.detach()
        _PARENTS.append(self._own)
        self._disconnect()

    def __getstate__(self) -> dict[str, Any]:
        refuse_clients(self, http_client=self._given)
        return self._configuration()

    def _configuration(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _CONNECTED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._disconnect()

    def __copy__(self) -> HTTPClient:
        return cast(HTTPClient, _twin(self))

    def __deepcopy__(self, _: dict[int, Any]) -> HTTPClient:
        return cast(HTTPClient, _twin(self))


_CONNECTED = ("_own", "_closing", "_process", "_lock")
_PARENTS: list[HTTP | None] = []


def _read_and_close(response: httpx.Response) -> None:
    try:
        response.read()
    finally:
        response.close()


def _closed(events: EventStream) -> None:
    try:
        events.close()
    finally:
        GC_GUARD.let_go(events)


def _close_in(process: int, client: HTTP) -> None:
    if process == os.getpid():
        client.close()


def _twin(client: Any) -> Any:
    """A copy with the same configuration, the same client of the caller's, and connections of its own."""
    twin = object.__new__(type(client))
    twin.__setstate__(client._configuration())
    return twin


class AsyncHTTPClient(AsyncContextManagerMixin, BaseHTTPClient):
    """The same, asynchronously: one client of its own for each event loop, closed with the loop.

    Args:
        http_client: an httpx.AsyncClient, used as it is, and never closed here. For very many calls at once, one on
            aiohttp is cheaper: `httpx.AsyncClient(transport=httpx_aiohttp.AiohttpTransport())`.
    """

    def __init__(self, *args: Any, http_client: httpx.AsyncClient | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._given = http_client
        self._own = self._per_loop()

    async def send(self, call: HTTPRequest) -> JSONResponse:
        """The answer to a call. APIError where none comes, or one that is not 2xx or no JSON object."""
        response = await self._exchange(call, stream=False)
        return parse_json_response(response, self.secret_of(call.headers), call.json_lines)

    def stream(self, call: HTTPRequest) -> AbstractAsyncContextManager[EventStream]:
        """The events of the answer; leaving the block frees the connection."""
        return _AsyncStream(self, call)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        """Close the connections that are our own."""
        await self._own.aclose()

    async def open(self, call: HTTPRequest) -> EventStream:
        """The events of the answer, to be closed by the caller."""
        return self.events(await self._exchange(call, stream=True), call)

    async def _exchange(self, call: HTTPRequest, stream: bool) -> httpx.Response:
        secret = self.secret_of(call.headers)
        flow = send_with_retries(self.policy(call), self.on_retry, secret, repeatable=call.repeatable)
        step = next(flow)
        try:
            while True:
                match step:
                    case Sleep(seconds):
                        await self.sleep(seconds)
                        step = next(flow)
                    case Send(left):
                        step = flow.send(await self._attempt(call, stream, left, secret))
        except StopIteration as done:
            return cast(httpx.Response, done.value)

    async def _attempt(self, call: HTTPRequest, stream: bool, left: float | None, secret: SecretStr) -> Outcome:
        http = self._given or await self._own.get()
        request = self.request(call, left, self._given.build_request if self._given else httpx.Request)
        response: httpx.Response | None = None
        try:
            response = await http.send(request, stream=True, follow_redirects=False)
            if not (stream and is_success(response)):
                await _aread_and_close(response)
        except httpx.HTTPError as problem:
            return to_api_error(problem, request, response, secret)
        return check_status(response, secret)

    def _per_loop(self) -> ClientPerLoop:
        return ClientPerLoop(partial(connect_async, self.limits))

    def __getstate__(self) -> dict[str, Any]:
        refuse_clients(self, http_client=self._given)
        return self._configuration()

    def _configuration(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_own"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._own = self._per_loop()

    def __copy__(self) -> AsyncHTTPClient:
        return cast(AsyncHTTPClient, _twin(self))

    def __deepcopy__(self, _: dict[int, Any]) -> AsyncHTTPClient:
        return cast(AsyncHTTPClient, _twin(self))


class _AsyncStream(AbstractAsyncContextManager[EventStream]):
    """A stream inside an `async with` block: see `EventStream.__aiter__` for why this is a class."""

    def __init__(self, client: AsyncHTTPClient, call: HTTPRequest) -> None:
        self._client = client
        self._call = call

    async def __aenter__(self) -> EventStream:
        self._events = await self._client.open(self._call)
        return self._events

    async def __aexit__(self, *_: object) -> None:
        await self._events.aclose()


async def _aread_and_close(response: httpx.Response) -> None:
    try:
        await response.aread()
    finally:
        await response.aclose()
