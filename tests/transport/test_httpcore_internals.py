"""What this package assumes about httpcore's internals. A failure means that httpcore has changed: see `_ADVICE`."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from httpcore._sync.connection_pool import ConnectionPool

from aimlapi_integrations.transport.client import HTTPClient
from tests.support.fault_server import DONE, END, EVENT, HEAD, Stall, chunked, serving

from .clients import KEY, POST
from .test_pool import call
from .test_pool import serving as pool_server

_ADVICE = {
    "read": "see ChunkDeadline in transport/timeouts.py",
    "leak": "see transport/pool.py: httpcore's own async pool may do now",
    "lock": "see GCGuard in transport/pool.py: the guard may be unnecessary now",
}
STREAM = HEAD + chunked(EVENT) + chunked(DONE) + END


def test_connection_of_a_response_reads_from_the_exposed_network_stream() -> None:
    with serving([HEAD, chunked(EVENT), Stall()]) as server, httpx.Client() as client:
        with client.stream("GET", server.base_url) as response:
            network_stream: Any = response.extensions["network_stream"]
            timeouts: list[float | None] = []

            def read(max_bytes: int, timeout: float | None = None) -> bytes:
                timeouts.append(timeout)
                return b""

            network_stream.read = read
            with pytest.raises(httpx.RemoteProtocolError):
                list(response.iter_raw())
        assert timeouts == [client.timeout.read], _ADVICE["read"]


def test_network_stream_of_a_response_allows_replacing_read() -> None:
    with serving(STREAM) as server, HTTPClient(KEY, server.base_url) as http, http.stream(POST) as events:
        assert events._deadline.enforced, _ADVICE["read"]
        assert list(events) == [{"a": 1}]


def test_released_deadline_restores_read_of_the_network_stream() -> None:
    with serving(STREAM) as server, HTTPClient(KEY, server.base_url) as http:
        with http.stream(POST) as events:
            network_stream = events._deadline._network_stream
            events._deadline.shorten(60)  # as a read without an event does
            assert "read" in vars(network_stream)
        assert "read" not in vars(network_stream)


def test_lock_of_the_sync_pool_is_not_reentrant() -> None:
    lock = ConnectionPool()._optional_thread_lock._lock
    assert isinstance(lock, type(threading.Lock())), _ADVICE["lock"]


async def test_pool_of_httpcore_loses_connections_on_cancellation() -> None:
    async with pool_server() as (server, url):
        assert [steps for steps in range(40) if await loses_connection(url, steps)], _ADVICE["leak"]
        while server.open:
            await asyncio.sleep(0)


async def loses_connection(url: str, steps: int) -> bool:
    """Cancel a request of httpx's own transport after some steps. Return whether its only connection is lost."""
    async with httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1)) as transport:
        task = asyncio.create_task(call(transport, url))
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait({task})
        try:
            await call(transport, url, timeout=0.2)
        except httpx.PoolTimeout:
            return True
        return False
