"""The HTTP clients, sync and async: only they send and sleep. `event_stream.py` reads streams.

>>> with HTTPClient("key", "https://api.aimlapi.com/v1") as http:                              # doctest: +SKIP
...     http.send(HTTPRequest("POST", "/chat/completions", {"model": "gpt-4o", "messages": [...]})).body
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, cast

import httpx
from pydantic import SecretStr

from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin, refuse_clients
from ..errors.parsing import redact_url
from ..version import __version__
from .direct import HTTP, ClientPerLoop, build_request, connect, connect_async
from .event_stream import EventStream
from .httpx_modules import AnyAsyncClient, AnyClient, check_http_client, httpx_classes, request_builder
from .pool import GC_GUARD, LIMITS
from .response import check_status, is_success, parse_json_response, to_api_error
from .retries import (
    HTTPRequest,
    JSONResponse,
    OnRetry,
    Outcome,
    RetryPolicy,
    Send,
    Sleep,
    Timeout,
    resolve_policy,
    send_with_retries,
)
from .timeouts import CHUNK, DEFAULT_TIMEOUT, cap_timeouts, parse_timeout
from .validation import (
    HiddenHeaders,
    SecretHeaders,
    authorization_header,
    check_base_url,
    check_headers,
    check_settings,
    key_in,
)

GATEWAY_HOST = "api.aimlapi.com"

# Names the caller for the gateway's statistics. Only the gateway gets these, and the caller's own headers win.
ATTRIBUTION = {
    "X-Title": "aimlapi-integrations",
    "X-AIMLAPI-Source": "agent/aimlapi-integrations",
}

_ACCEPT = "application/json, text/event-stream"

_parse_url = lru_cache(maxsize=256)(httpx.URL)

BuildRequest = Callable[..., httpx.Request]


class BaseHTTPClient:
    """Configuration of a client. See `HTTPClient` for the arguments."""

    def __init__(
        self,
        api_key: str | SecretStr,
        base_url: str | SecretStr,
        *,
        timeout: Timeout = None,
        max_retries: int = 2,
        retry: RetryPolicy | None = None,
        chunk_timeout: float | None = CHUNK,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, Any] | None = None,
        limits: httpx.Limits | None = None,
        on_retry: OnRetry | None = None,
    ) -> None:
        api_key = api_key if isinstance(api_key, SecretStr) else SecretStr(api_key)
        base_url = base_url if isinstance(base_url, SecretStr) else SecretStr(base_url)
        default_headers = SecretHeaders(default_headers or {})
        check_settings(default_headers=default_headers, chunk_timeout=chunk_timeout, limits=limits, on_retry=on_retry)
        self._base_url = SecretStr(base_url.get_secret_value().rstrip("/"))
        self.timeout = parse_timeout(timeout, DEFAULT_TIMEOUT)
        self.retry = resolve_policy(retry, max_retries)
        self.chunk_timeout = chunk_timeout
        self.limits = limits or LIMITS
        self.on_retry = on_retry
        self._query = SecretHeaders(default_query or {})
        host = check_base_url(self._base_url)
        # httpx would find the encoding again for each lookup, by decoding all headers.
        self._headers = HiddenHeaders(
            {"User-Agent": f"aimlapi-integrations/{__version__}", "Accept": _ACCEPT}, encoding="ascii"
        )
        self._headers.update(ATTRIBUTION if host == GATEWAY_HOST else {})
        self._headers.update(check_headers(default_headers))
        self._headers.setdefault("Authorization", authorization_header(api_key)["Authorization"])
        self._headers.setdefault("Host", _parse_url(self.base_url).netloc.decode("ascii"))
        self._json_headers = self._headers.copy()
        self._json_headers["Content-Type"] = "application/json"
        self._api_key = key_in(self._headers["Authorization"])

    @property
    def base_url(self) -> str:
        """The base URL, without a slash at its end."""
        return self._base_url.get_secret_value()

    def __repr__(self) -> str:
        shown = redact_url(self.base_url) if hasattr(self, "_base_url") else "…"  # … where the constructor raised
        return f"{type(self).__name__}(base_url={shown!r})"

    def api_key_for(self, headers: Mapping[str, str]) -> SecretStr:
        """Return the key of a request: that of its own `headers`, or the client's."""
        own = (value for name, value in headers.items() if name.lower() == "authorization")
        return next(map(key_in, own), self._api_key)

    def retry_policy(self, request: HTTPRequest) -> RetryPolicy:
        """Return the retry policy of a request."""
        return self.retry if request.max_retries is None else replace(self.retry, max_retries=request.max_retries)

    def event_stream(self, response: httpx.Response, request: HTTPRequest) -> EventStream:
        """Return the events of a response."""
        chunk_timeout = self.chunk_timeout if request.chunk_timeout is None else request.chunk_timeout
        return EventStream(response, chunk_timeout, self.api_key_for(request.headers))

    def build_request(
        self, request: HTTPRequest, remaining: float | None, build: BuildRequest = build_request
    ) -> httpx.Request:
        """Build the httpx request for one attempt.

        Args:
            request: what to send.
            remaining: the seconds that the attempt may take; None for no limit but its timeouts.
            build: `build_request` of the caller's httpx client, which adds that client's headers and cookies.
        """
        headers = self._headers if request.body is None or request.files else self._json_headers
        if request.headers:
            headers = headers.copy()
            headers.update(check_headers(request.headers))
        return build(
            request.method,
            self._url(request.path),
            params={**self._query, **request.query} or None,
            headers=headers,
            **request.content(),
            extensions={"timeout": self._timeouts(request, remaining)},
        )

    def _timeouts(self, request: HTTPRequest, remaining: float | None) -> dict[str, float | None]:
        if request.timeout is None and remaining is None:
            return self.timeout.as_dict()
        return cap_timeouts(parse_timeout(request.timeout, self.timeout), remaining)

    def _url(self, path: str) -> str | httpx.URL:
        """Return `path` below the base URL. A whole URL must be on the same server: no other gets the key."""
        if path.startswith("/"):
            return _parse_url(self.base_url + path)
        url, base_url = httpx.URL(path), httpx.URL(self.base_url)
        if (url.scheme, url.host, url.port) != (base_url.scheme, base_url.host, base_url.port):
            raise ValueError(f"{redact_url(path)!r} is not on the server of base_url={redact_url(self.base_url)!r}.")
        return path


class HTTPClient(ContextManagerMixin, BaseHTTPClient):
    """Sends requests and returns their responses. Threads can share a client; a forked process reconnects.

    Args:
        api_key: sent to the host of `base_url` only.
        base_url: the URL that paths are appended to.
        http_client: an httpx.Client or httpx2.Client of the caller's, which is used as it is and never closed.
        settings:
            timeout: seconds, (connect, read) or httpx.Timeout; by default 10 s to connect and 600 s to read.
            max_retries, retry: the number of retries, or a whole policy.
            chunk_timeout: seconds between two events of a stream; None or 0 for no limit.
            default_headers, default_query: sent with every request.
            limits: of the client's own connections.
            on_retry: called with a `RetryEvent` before each wait.

    Raises:
        TypeError: `http_client` is something else.
    """

    def __init__(
        self,
        api_key: str | SecretStr,
        base_url: str | SecretStr,
        *,
        http_client: AnyClient | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(api_key, base_url, **settings)
        self._caller_client = check_http_client(http_client, httpx.Client)
        self._build = request_builder(self._caller_client) if self._caller_client else build_request
        self._reset_connections()

    def _reset_connections(self) -> None:
        self._own_client: HTTP | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None
        self._process_id = os.getpid()
        self._lock = threading.Lock()

    def send(self, request: HTTPRequest) -> JSONResponse:
        """Send a request and return its response.

        Raises:
            APIError: no response came, or it isn't a 2xx with a JSON object.
        """
        response = self._send(request, stream=False)
        return parse_json_response(response, self.api_key_for(request.headers), lines=request.json_lines)

    @contextmanager
    def stream(self, request: HTTPRequest) -> Iterator[EventStream]:
        """Send a request and return the events of its response. Leaving the block frees the connection."""
        events = self.event_stream(self._send(request, stream=True), request)
        GC_GUARD.add(events)
        try:
            yield events
        finally:
            GC_GUARD.close(lambda: _close_stream(events))

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the client's own connections."""
        finalizer, self._finalizer, self._own_client = self._finalizer, None, None
        if finalizer:
            finalizer()

    def _send(self, request: HTTPRequest, stream: bool) -> httpx.Response:
        secret = self.api_key_for(request.headers)
        steps = send_with_retries(self.retry_policy(request), self.on_retry, secret, repeatable=request.repeatable)
        step = next(steps)
        try:
            while True:
                match step:
                    case Sleep(seconds):
                        self.sleep(seconds)
                        step = next(steps)
                    case Send(remaining):
                        step = steps.send(self._attempt(request, stream, remaining, secret))
        except StopIteration as stop:
            return cast(httpx.Response, stop.value)

    def _attempt(self, request: HTTPRequest, stream: bool, remaining: float | None, secret: SecretStr) -> Outcome:
        client = self._client()
        http_request = self.build_request(request, remaining, self._build)
        response: httpx.Response | None = None
        try:
            with GC_GUARD:
                response = client.send(http_request, stream=True, follow_redirects=False)
                if not (stream and is_success(response)):
                    _read_and_close(response)
        except httpx_classes(httpx.HTTPError) as error:
            return to_api_error(error, http_request, response, secret)
        return check_status(response, secret)

    def _client(self) -> HTTP:
        """Return the caller's client, or the own one: created for the first request, and again after a fork."""
        if self._caller_client:
            return self._caller_client
        if self._process_id != os.getpid():
            self._abandon_connections()
        client = self._own_client
        if client is None:
            with self._lock:
                client = self._own_client = self._own_client or self._connect()
        return client

    def _connect(self) -> HTTP:
        client = connect(self.limits)
        self._finalizer = weakref.finalize(self, _close_in_process, os.getpid(), client)
        return client

    def _abandon_connections(self) -> None:
        """Leave the sockets and the lock that a fork copied to the parent process."""
        if self._finalizer:
            self._finalizer.detach()
        _CLIENTS_OF_PARENT.append(self._own_client)
        self._reset_connections()

    def __getstate__(self) -> dict[str, Any]:
        refuse_clients(self, http_client=self._caller_client)
        return self._configuration()

    def _configuration(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _CONNECTION_STATE}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reset_connections()

    def __copy__(self) -> HTTPClient:
        return cast(HTTPClient, _copy_client(self))

    def __deepcopy__(self, _: dict[int, Any]) -> HTTPClient:
        return cast(HTTPClient, _copy_client(self))


_CONNECTION_STATE = ("_own_client", "_finalizer", "_process_id", "_lock")
_CLIENTS_OF_PARENT: list[HTTP | None] = []  # referenced, so that a forked process never closes their sockets


def _read_and_close(response: httpx.Response) -> None:
    try:
        response.read()
    finally:
        response.close()


def _close_stream(events: EventStream) -> None:
    try:
        events.close()
    finally:
        GC_GUARD.remove(events)


def _close_in_process(process_id: int, client: HTTP) -> None:
    if process_id == os.getpid():
        client.close()


def _copy_client(client: Any) -> Any:
    """Copy the configuration, with the same client of the caller's and new connections."""
    copied = object.__new__(type(client))
    copied.__setstate__(client._configuration())
    return copied


class AsyncHTTPClient(AsyncContextManagerMixin, BaseHTTPClient):
    """The async `HTTPClient`, with connections of its own for each event loop, which are closed with the loop.

    Args:
        api_key, base_url, settings: see `HTTPClient`.
        http_client: an httpx.AsyncClient or httpx2.AsyncClient of the caller's, which is used as it is and never
            closed. For very many concurrent requests, one on aiohttp is cheaper:
            `httpx.AsyncClient(transport=httpx_aiohttp.AiohttpTransport())`.
    """

    def __init__(
        self,
        api_key: str | SecretStr,
        base_url: str | SecretStr,
        *,
        http_client: AnyAsyncClient | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(api_key, base_url, **settings)
        self._caller_client = check_http_client(http_client, httpx.AsyncClient)
        self._build = request_builder(self._caller_client) if self._caller_client else build_request
        self._own_clients = self._client_per_loop()

    async def send(self, request: HTTPRequest) -> JSONResponse:
        """See `HTTPClient.send`."""
        response = await self._send(request, stream=False)
        return parse_json_response(response, self.api_key_for(request.headers), lines=request.json_lines)

    def stream(self, request: HTTPRequest) -> AbstractAsyncContextManager[EventStream]:
        """See `HTTPClient.stream`."""
        return _AsyncStream(self, request)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        """Close the client's own connections."""
        await self._own_clients.aclose()

    async def open_stream(self, request: HTTPRequest) -> EventStream:
        """Send a request and return the events of its response, which the caller has to close."""
        return self.event_stream(await self._send(request, stream=True), request)

    async def _send(self, request: HTTPRequest, stream: bool) -> httpx.Response:
        secret = self.api_key_for(request.headers)
        steps = send_with_retries(self.retry_policy(request), self.on_retry, secret, repeatable=request.repeatable)
        step = next(steps)
        try:
            while True:
                match step:
                    case Sleep(seconds):
                        await self.sleep(seconds)
                        step = next(steps)
                    case Send(remaining):
                        step = steps.send(await self._attempt(request, stream, remaining, secret))
        except StopIteration as stop:
            return cast(httpx.Response, stop.value)

    async def _attempt(self, request: HTTPRequest, stream: bool, remaining: float | None, secret: SecretStr) -> Outcome:
        client = self._caller_client or await self._own_clients.get()
        http_request = self.build_request(request, remaining, self._build)
        response: httpx.Response | None = None
        try:
            response = await client.send(http_request, stream=True, follow_redirects=False)
            if not (stream and is_success(response)):
                await _read_and_aclose(response)
        except httpx_classes(httpx.HTTPError) as error:
            return to_api_error(error, http_request, response, secret)
        return check_status(response, secret)

    def _client_per_loop(self) -> ClientPerLoop:
        return ClientPerLoop(partial(connect_async, self.limits))

    def __getstate__(self) -> dict[str, Any]:
        refuse_clients(self, http_client=self._caller_client)
        return self._configuration()

    def _configuration(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_own_clients"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._own_clients = self._client_per_loop()

    def __copy__(self) -> AsyncHTTPClient:
        return cast(AsyncHTTPClient, _copy_client(self))

    def __deepcopy__(self, _: dict[int, Any]) -> AsyncHTTPClient:
        return cast(AsyncHTTPClient, _copy_client(self))


class _AsyncStream(AbstractAsyncContextManager[EventStream]):
    """A stream in an `async with` block: a class for the reason given at `EventStream.__aiter__`."""

    def __init__(self, client: AsyncHTTPClient, request: HTTPRequest) -> None:
        self._client = client
        self._request = request

    async def __aenter__(self) -> EventStream:
        self._events = await self._client.open_stream(self._request)
        return self._events

    async def __aexit__(self, *_: object) -> None:
        await self._events.aclose()


async def _read_and_aclose(response: httpx.Response) -> None:
    try:
        await response.aread()
    finally:
        await response.aclose()
