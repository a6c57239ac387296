"""Keeps the garbage collector out of httpcore's connection pool while the pool's lock is held.

The lock is no RLock. A stream abandoned in a reference cycle is closed by the collector, in whatever thread that runs:
where it is one that is just inside the pool, closing waits for itself for ever. So open streams are held here, where
the collector leaves them alone, and one that it wants closed at such a moment is closed a moment later.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import httpx

from .httpx_modules import either


class _Depth(threading.local):
    value = 0


class GCGuard:
    """To be entered (`with`) around every call into an httpx client."""

    def __init__(self) -> None:
        self._depth = _Depth()
        self._late: deque[Callable[[], None]] = deque()
        self._held: set[object] = set()

    def __enter__(self) -> None:
        self._depth.value += 1

    def __exit__(self, *_: object) -> None:
        self._depth.value -= 1
        while self._late and not self._depth.value:
            with suppress(IndexError):  # another thread was faster
                self.close(self._late.popleft())

    def hold(self, stream: object) -> None:
        """Keep an open stream from the collector."""
        self._held.add(stream)

    def let_go(self, stream: object) -> None:
        """Forget a stream that is closed."""
        self._held.discard(stream)

    def close(self, close: Callable[[], None]) -> None:
        """Call `close` as soon as this thread is out of the pool: now, unless the collector brought us here."""
        if self._depth.value:
            self._late.append(close)
            return
        with self, suppress(*either(httpx.HTTPError), OSError):
            close()


GC_GUARD = GCGuard()
