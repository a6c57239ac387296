"""One async client per running event loop, closed with it.

An httpx.AsyncClient belongs to the loop it first ran in: used in another it fails, or sends twice. A client that is
merely forgotten leaves its socket open. So each loop gets its own, guarded by an async generator: `asyncio.run` closes
the generators of its loop at the end, and this one closes the client.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from .direct import AsyncHTTP


class ClientPerLoop:
    """Makes a client with `make` for each event loop that asks."""

    def __init__(self, make: Callable[[], AsyncHTTP]) -> None:
        self._make = make
        # Not weak: a client's sockets know their loop, so that a weak key would be kept alive by its own value.
        self._held: dict[asyncio.AbstractEventLoop, _Held] = {}
        weakref.finalize(self, _abandon, self._held).atexit = False

    async def get(self) -> AsyncHTTP:
        """The client of the running loop."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is None or held.client.is_closed:
            self._forget_closed()
            held = self._held[loop] = _Held(self._make(), loop)
            await held.begin()
        return held.client

    def _forget_closed(self) -> None:
        for loop in list(self._held):
            if loop.is_closed():
                self._held.pop(loop, None)
        for client, held in list(_HELD.items()):
            if held.loop.is_closed():
                _HELD.pop(client, None)

    async def aclose(self) -> None:
        """Close the clients: that of the running loop now, those of other loops when they get to it."""
        here = asyncio.get_running_loop()
        for loop in list(self._held):
            held = self._held.pop(loop, None)
            if held and loop is here:
                await held.end()
            elif held:
                held.end_soon()


class _Held:
    """A client and what closes it: once, whoever asks first, and nobody returns before that is done."""

    def __init__(self, client: AsyncHTTP, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop
        self._lock = asyncio.Lock()
        self._guard = _closing(client, self._lock)

    async def begin(self) -> None:
        _HELD[self.client] = self
        await self._guard.__anext__()

    async def end(self) -> None:
        async with self._lock:
            await self.client.aclose()
        with suppress(RuntimeError):  # the loop, which is ending, has it running
            await self._guard.aclose()

    def end_soon(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self._start_ending)

    def _start_ending(self) -> None:
        task = self.loop.create_task(self.end())
        _ENDING.add(task)
        task.add_done_callback(_ENDING.discard)


# Until its loop ends a guard is held here, not by whoever uses the client: one that is dropped in the last moments of
# `asyncio.run` would begin to close, and not come to the end of it.
_HELD: dict[AsyncHTTP, _Held] = {}
_ENDING: set[asyncio.Task[None]] = set()


def _abandon(held: dict[asyncio.AbstractEventLoop, _Held]) -> None:
    """What becomes of the clients that nobody can use any more."""
    for each in list(held.values()):
        each.end_soon()


async def _closing(client: AsyncHTTP, lock: asyncio.Lock) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        async with lock:
            await client.aclose()
        _HELD.pop(client, None)
