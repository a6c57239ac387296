"""What httpcore's connection pools lack: an async pool with a constant cost per call, and a guard for the sync one.

httpcore's async pool scans all of its connections and queued requests for every call, and loses a connection slot for
good when a task is cancelled while it waits for the state lock of an HTTP/1.1 connection (seen in httpcore 1.0.9,
https://github.com/encode/httpcore/blob/1.0.9/httpcore/_async/http11.py):

- In `AsyncHTTP11Connection.handle_async_request`, before the state becomes ACTIVE: the connection stays NEW, which is
  neither idle nor closed, so the pool never reuses or removes it.
- In `AsyncHTTP11Connection._response_closed`, before the state becomes IDLE: the connection stays ACTIVE.

In `PooledTransport` each connection lives in an httpx transport of its own. A transport whose exchange didn't run to
its end is thrown away with its connection, which HTTP/1.1 couldn't reuse anyway.

httpcore's sync pool holds a `threading.Lock`, which is not reentrant (seen in httpcore 1.0.9,
https://github.com/encode/httpcore/blob/1.0.9/httpcore/_synchronization.py#L236, `ThreadLock`). A stream abandoned in a
reference cycle is closed by the garbage collector, in whichever thread that runs. If that thread is inside the pool,
closing the stream waits forever for a lock that its own thread holds.

So `GCGuard` references open streams, out of the collector's reach, and closes a stream whose thread is inside the pool
right after the thread leaves it. tests/transport/test_httpcore_internals.py fails if httpcore's lock becomes reentrant,
and with it the guard unnecessary.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import cast

import httpx

from .httpx_modules import httpx_classes

LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=512, keepalive_expiry=30)


class PooledTransport(httpx.AsyncBaseTransport):
    """A pool for one event loop.

    It lends out connections, most recently used first, and lets calls over the limit wait their turn.

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


# --- sync ---------------------------------------------------------------------------------------------------------


class _Depth(threading.local):
    value = 0


class GCGuard:
    """Enter it (`with`) around every call into a sync httpx client."""

    def __init__(self) -> None:
        self._depth = _Depth()
        self._deferred: deque[Callable[[], None]] = deque()
        self._open_streams: set[object] = set()

    def __enter__(self) -> None:
        self._depth.value += 1

    def __exit__(self, *_: object) -> None:
        self._depth.value -= 1
        if self._deferred:
            self._close_deferred()

    def next(self, chunks: Iterator[bytes]) -> bytes | None:
        """Return the next chunk of a response, None at its end. The same as `next` inside `with`, but cheaper."""
        depth = self._depth
        depth.value += 1
        try:
            return next(chunks, None)
        finally:
            depth.value -= 1
            if self._deferred:
                self._close_deferred()

    def _close_deferred(self) -> None:
        while self._deferred and not self._depth.value:
            with suppress(IndexError):  # another thread took it first
                self.close(self._deferred.popleft())

    def add(self, stream: object) -> None:
        """Keep an open stream from the garbage collector."""
        self._open_streams.add(stream)

    def remove(self, stream: object) -> None:
        """Let go of a closed stream."""
        self._open_streams.discard(stream)

    def close(self, close: Callable[[], None]) -> None:
        """Call `close` now, or as soon as this thread leaves the pool if the collector interrupted it there."""
        if self._depth.value:
            self._deferred.append(close)
            return
        with self, suppress(*httpx_classes(httpx.HTTPError), OSError):
            close()


GC_GUARD = GCGuard()
