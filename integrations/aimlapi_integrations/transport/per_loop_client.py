"""One async client per running event loop, closed with the loop.

An httpx.AsyncClient belongs to the event loop in which it first ran: in another one it fails or sends twice. One that
is merely dropped leaves its socket open. So each loop gets its own client, held by an async generator: `asyncio.run`
closes the async generators of its loop at the end, and this one then closes the client.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from .direct import AsyncHTTP


class ClientPerLoop:
    """Creates a client with `create` for each event loop that needs one."""

    def __init__(self, create: Callable[[], AsyncHTTP]) -> None:
        self._create = create
        # Not a WeakKeyDictionary: a client's sockets refer to their loop, so each value would keep its key alive.
        self._clients: dict[asyncio.AbstractEventLoop, _LoopClient] = {}
        weakref.finalize(self, _close_all, self._clients).atexit = False

    async def get(self) -> AsyncHTTP:
        """Return the client of the running loop."""
        loop = asyncio.get_running_loop()
        entry = self._clients.get(loop)
        if entry is None or entry.client.is_closed:
            self._drop_closed_loops()
            entry = self._clients[loop] = _LoopClient(self._create(), loop)
            await entry.start()
        return entry.client

    def _drop_closed_loops(self) -> None:
        for loop in list(self._clients):
            if loop.is_closed():
                self._clients.pop(loop, None)
        for client, entry in list(_STARTED.items()):
            if entry.loop.is_closed():
                _STARTED.pop(client, None)

    async def aclose(self) -> None:
        """Close the clients: that of the running loop now, the others as soon as their loops can."""
        running_loop = asyncio.get_running_loop()
        for loop in list(self._clients):
            entry = self._clients.pop(loop, None)
            if entry and loop is running_loop:
                await entry.close()
            elif entry:
                entry.close_soon()


class _LoopClient:
    """A client and what closes it. Only the first of several closers does, and the others wait for it."""

    def __init__(self, client: AsyncHTTP, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop
        self._lock = asyncio.Lock()
        self._closer = _close_at_end(client, self._lock)

    async def start(self) -> None:
        _STARTED[self.client] = self
        await self._closer.__anext__()

    async def close(self) -> None:
        async with self._lock:
            await self.client.aclose()
        with suppress(RuntimeError):  # the loop is ending and already runs it
            await self._closer.aclose()

    def close_soon(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self._create_closing_task)

    def _create_closing_task(self) -> None:
        task = self.loop.create_task(self.close())
        _CLOSING_TASKS.add(task)
        task.add_done_callback(_CLOSING_TASKS.discard)


# References until the loop ends. If the user of a client held the only one and dropped it in the last moments of
# `asyncio.run`, closing would start there and not complete.
_STARTED: dict[AsyncHTTP, _LoopClient] = {}
_CLOSING_TASKS: set[asyncio.Task[None]] = set()


def _close_all(clients: dict[asyncio.AbstractEventLoop, _LoopClient]) -> None:
    """Close the clients of a `ClientPerLoop` that was garbage collected."""
    for entry in list(clients.values()):
        entry.close_soon()


async def _close_at_end(client: AsyncHTTP, lock: asyncio.Lock) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        async with lock:
            await client.aclose()
        _STARTED.pop(client, None)
