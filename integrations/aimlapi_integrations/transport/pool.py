"""A connection pool for one event loop whose cost per call doesn't grow with the number of connections.

httpcore's own pool scans all of its connections and queued requests for every call, and loses a connection slot for
good when a task is cancelled while it waits for the state lock of an HTTP/1.1 connection (seen in httpcore 1.0.9,
https://github.com/encode/httpcore/blob/1.0.9/httpcore/_async/http11.py):

- In `AsyncHTTP11Connection.handle_async_request`, before the state becomes ACTIVE: the connection stays NEW, which is
  neither idle nor closed, so the pool never reuses or removes it.
- In `AsyncHTTP11Connection._response_closed`, before the state becomes IDLE: the connection stays ACTIVE.

Here each connection lives in an httpx transport of its own. A transport whose exchange didn't run to its end is thrown
away with its connection, which HTTP/1.1 couldn't reuse anyway.
"""

from __future__ import annotations

import asyncio
import math
import ssl
from collections import deque
from collections.abc import AsyncIterator
from time import monotonic
from typing import cast

import httpx

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=512, keepalive_expiry=30)


class PooledTransport(httpx.AsyncBaseTransport):
    """Lend out connections, most recently used first, and let calls over the limit wait their turn.

    Args:
        limits: bounds on all connections together; None in a field means no bound. The pool timeout of a request
            bounds its wait for a connection, in seconds.
        verify: as `httpx.AsyncHTTPTransport` takes it.
    """

    def __init__(self, limits: httpx.Limits = LIMITS, verify: ssl.SSLContext | bool = True) -> None:
        self._verify = verify
        self._max_connections = _or_infinite(limits.max_connections)
        self._max_idle = _or_infinite(limits.max_keepalive_connections)
        self._keepalive_expiry = limits.keepalive_expiry
        self._leased: set[httpx.AsyncHTTPTransport] = set()
        self._idle: deque[tuple[float, httpx.AsyncHTTPTransport]] = deque()  # the least recently used first
        self._waiters: deque[asyncio.Future[httpx.AsyncHTTPTransport]] = deque()
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = await self._acquire(request)
        try:
            response = await transport.handle_async_request(request)
        except BaseException:
            self.discard(transport)
            raise
        response.stream = _LeasedStream(cast(httpx.AsyncByteStream, response.stream), self, transport)
        return response

    async def aclose(self) -> None:
        """Close all connections, those in use as well."""
        for transport in [*self._leased, *(idle for _, idle in self._idle)]:
            self._close(transport)
        self._leased.clear()
        self._idle.clear()
        if self._closing:
            await asyncio.wait(set(self._closing))

    def release(self, transport: httpx.AsyncHTTPTransport) -> None:
        """Take back a transport whose connection can carry another request."""
        if transport not in self._leased:
            return
        if waiter := self._next_waiter():
            waiter.set_result(transport)
            return
        self._leased.discard(transport)
        self._idle.append((monotonic(), transport))
        if len(self._idle) > self._max_idle:
            self._close(self._idle.popleft()[1])

    def discard(self, transport: httpx.AsyncHTTPTransport) -> None:
        """Close a transport whose exchange was cut short, and give its place to the next waiting call."""
        if transport not in self._leased:
            return
        self._leased.discard(transport)
        self._close(transport)
        if waiter := self._next_waiter():
            waiter.set_result(self._lease())

    async def _acquire(self, request: httpx.Request) -> httpx.AsyncHTTPTransport:
        self._close_expired()
        if self._idle:
            return self._lease(self._idle.pop()[1])
        if len(self._leased) < self._max_connections:
            return self._lease()
        waiter: asyncio.Future[httpx.AsyncHTTPTransport] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await asyncio.wait((waiter,), timeout=request.extensions.get("timeout", {}).get("pool"))
        except asyncio.CancelledError:
            if waiter.done():
                self.release(waiter.result())
            raise
        finally:
            waiter.cancel()
        if waiter.cancelled():
            raise httpx.PoolTimeout("No connection became free in time.", request=request)
        return waiter.result()

    def _lease(self, transport: httpx.AsyncHTTPTransport | None = None) -> httpx.AsyncHTTPTransport:
        if transport is None:
            limits = httpx.Limits(max_connections=1, keepalive_expiry=self._keepalive_expiry)
            transport = httpx.AsyncHTTPTransport(verify=self._verify, limits=limits)
        self._leased.add(transport)
        return transport

    def _next_waiter(self) -> asyncio.Future[httpx.AsyncHTTPTransport] | None:
        """The call that has waited longest."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _close_expired(self) -> None:
        if self._keepalive_expiry is None:
            return
        oldest = monotonic() - self._keepalive_expiry
        while self._idle and self._idle[0][0] < oldest:
            self._close(self._idle.popleft()[1])

    def _close(self, transport: httpx.AsyncHTTPTransport) -> None:
        """Close in a task of its own: the running one may have been cancelled."""
        task = asyncio.get_running_loop().create_task(transport.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _or_infinite(limit: int | None) -> float:
    return math.inf if limit is None else limit


class _LeasedStream(httpx.AsyncByteStream):
    """The bytes of a response. Closing them returns the connection if they were read to their end."""

    def __init__(
        self, stream: httpx.AsyncByteStream, pool: PooledTransport, transport: httpx.AsyncHTTPTransport
    ) -> None:
        self._stream = stream
        self._pool = pool
        self._transport = transport
        self._complete = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk
        self._complete = True

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        except BaseException:
            self._pool.discard(self._transport)
            raise
        if self._complete:
            self._pool.release(self._transport)
        else:
            self._pool.discard(self._transport)
