"""A limit on requests per minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class RateLimiter:
    """Spaces requests evenly, so that no minute has more than `requests_per_minute` of them.

    It has the async method of LangChain's rate limiters, and can be a Ray actor as these can.

    Args:
        requests_per_minute: how many requests may start in any minute.
        clock: returns seconds that never go back.
        sleep: waits for a number of seconds.

    Raises:
        ValueError: `requests_per_minute` isn't above 0.

    Examples:
        >>> limiter = RateLimiter(requests_per_minute=600)
        >>> limiter.delay(), limiter.delay() > 0.09     # seconds until each request may start
        (0.0, True)
    """

    def __init__(
        self,
        requests_per_minute: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if not requests_per_minute > 0:
            raise ValueError(f"requests_per_minute={requests_per_minute!r}: expected a number above 0.")
        self._interval = 60 / requests_per_minute
        self._clock = clock
        self._sleep = sleep
        self._next = -float("inf")

    def delay(self) -> float:
        """Reserve the next start, and return the seconds until then."""
        now = self._clock()
        start = max(now, self._next)
        self._next = start + self._interval
        return start - now

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Wait until a request may start. With `blocking=False`, return whether it may start now."""
        if not blocking and self._clock() < self._next:
            return False
        delay = self.delay()
        if delay > 0:
            await self._sleep(delay)
        return True
