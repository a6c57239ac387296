"""The async connection pool: its limits, its queue, and cancellation at every point of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from aimlapi_integrations.transport.client import AsyncHTTPClient
from aimlapi_integrations.transport.pool import PooledTransport
from tests.transport.clients import KEY, POST

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n"
BODY = b'{"ok": true}'


class Server:
    """Respond to requests once `gate` is open, and count connections."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Semaphore(0)
        self.accepted = self.open = self.most_open = self.requests = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0))
                self.requests += 1
                self.arrived.release()
                if b"/slow" not in head:
                    await self.gate.wait()
                    writer.write(HEAD + BODY)
                    await writer.drain()
        self.open -= 1
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, str]]:
    server = Server()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, backlog=500)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield server, f"http://127.0.0.1:{port}"
    finally:
        listening.close()


async def call(pool: httpx.AsyncBaseTransport, url: str, timeout: float = 20) -> bytes:
    request = httpx.Request("GET", url, extensions={"timeout": dict.fromkeys(("connect", "read", "pool"), timeout)})
    response = await pool.handle_async_request(request)
    response.request = request
    try:
        return await response.aread()
    finally:
        await response.aclose()


@pytest.mark.parametrize("limit", [1, 5, 33, 100])
async def test_connections_with_more_calls_than_the_limit_stay_within_it(limit: int):
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=limit, max_keepalive_connections=limit))
        server.gate.clear()
        calls = [asyncio.create_task(call(pool, url)) for _ in range(3 * limit)]
        for _ in range(limit):
            await server.arrived.acquire()
        assert server.open == limit
        server.gate.set()
        assert await asyncio.gather(*calls) == [BODY] * 3 * limit
        assert (server.most_open, server.accepted) == (limit, limit)
        await pool.aclose()


async def test_calls_one_after_another_use_one_connection():
    async with serving() as (server, url):
        pool = PooledTransport()
        for _ in range(20):
            await call(pool, url)
        assert server.accepted == 1
        await pool.aclose()


async def test_calls_while_one_hangs_share_the_other_connection():
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=2))
        slow = asyncio.create_task(call(pool, f"{url}/slow"))
        await server.arrived.acquire()
        assert await asyncio.gather(*(call(pool, url) for _ in range(10))) == [BODY] * 10
        assert server.accepted == 2
        slow.cancel()
        await asyncio.wait({slow})
        await pool.aclose()


async def test_call_without_a_free_connection_raises_pool_timeout():
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=1))
        slow = asyncio.create_task(call(pool, f"{url}/slow"))
        await server.arrived.acquire()
        with pytest.raises(httpx.PoolTimeout, match="free"):
            await call(pool, url, timeout=0.01)
        slow.cancel()
        await asyncio.wait({slow})
        assert await call(pool, url) == BODY
        await pool.aclose()


async def test_waiting_calls_are_served_in_order():
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=1))
        server.gate.clear()
        order: list[int] = []

        async def numbered(number: int) -> None:
            await call(pool, url)
            order.append(number)

        calls = [asyncio.create_task(numbered(number)) for number in range(8)]
        await server.arrived.acquire()
        server.gate.set()
        await asyncio.gather(*calls)
        assert order == list(range(8))
        await pool.aclose()


@pytest.mark.parametrize("cancellations", [1, 2, 3])
async def test_cancellation_after_any_step_loses_no_connection(cancellations: int):
    async with serving() as (_, url):
        for steps in range(40):
            pool = PooledTransport(httpx.Limits(max_connections=1))
            task = asyncio.create_task(call(pool, url))
            for _ in range(steps):
                await asyncio.sleep(0)
            for _ in range(cancellations):
                task.cancel()
                await asyncio.sleep(0)
            await asyncio.wait({task})
            assert await call(pool, url, timeout=5) == BODY, f"lost after {steps} steps"
            await pool.aclose()


async def test_client_after_1500_cancellations_still_answers():
    async with serving() as (server, url):
        http = AsyncHTTPClient(KEY, url, limits=httpx.Limits(max_connections=50, max_keepalive_connections=50))
        for batch in range(30):
            calls = [asyncio.create_task(http.send(POST)) for _ in range(50)]
            for _ in range(batch):
                await asyncio.sleep(0)
            for each in calls:
                each.cancel()
            await asyncio.wait(calls)
        answers = await asyncio.gather(*(http.send(POST) for _ in range(40)))
        assert [answer.body for answer in answers] == [{"ok": True}] * 40
        assert server.open <= 50
        await http.aclose()


async def test_cancelled_waiter_passes_its_connection_on():
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=1))
        server.gate.clear()
        first, second, third = (asyncio.create_task(call(pool, url)) for _ in range(3))
        await server.arrived.acquire()
        first.add_done_callback(lambda _: second.cancel())
        server.gate.set()
        assert await asyncio.gather(first, second, third, return_exceptions=True) is not None
        assert third.result() == BODY
        await pool.aclose()


@pytest.mark.parametrize(("keepalive", "idle"), [(0, 0), (3, 3), (None, 10)])
async def test_idle_connections_beyond_the_keepalive_limit_are_closed(keepalive: int | None, idle: int):
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=10, max_keepalive_connections=keepalive))
        server.gate.clear()
        calls = [asyncio.create_task(call(pool, url)) for _ in range(10)]
        for _ in range(10):
            await server.arrived.acquire()
        server.gate.set()
        await asyncio.gather(*calls)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(pool._idle) == idle
        await pool.aclose()


async def test_expired_idle_connections_are_replaced():
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=2, keepalive_expiry=0))
        await call(pool, url)
        await call(pool, url)
        assert server.accepted == 2
        await pool.aclose()


async def test_response_left_unread_is_closed_with_its_connection():
    async with serving() as (server, url):
        pool = PooledTransport(httpx.Limits(max_connections=1))
        response = await pool.handle_async_request(httpx.Request("GET", url))
        await response.aclose()
        await call(pool, url)
        assert server.accepted == 2
        await pool.aclose()
