"""Keeps the garbage collector from deadlocking on the lock of httpcore's connection pool.

httpcore's sync pool holds a `threading.Lock`, which is not reentrant (seen in httpcore 1.0.9,
https://github.com/encode/httpcore/blob/1.0.9/httpcore/_synchronization.py#L236, `ThreadLock`). A stream abandoned in a
reference cycle is closed by the garbage collector, in whichever thread that runs. If that thread is inside the pool,
closing the stream waits forever for a lock that its own thread holds.

So open streams are referenced here, out of the collector's reach, and a stream that is closed while its thread is
inside the pool is closed right after the thread leaves it. tests/transport/test_httpcore_internals.py fails if
httpcore's lock becomes reentrant, and with it this module unnecessary.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx

from .httpx_modules import httpx_classes


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
