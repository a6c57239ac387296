"""Connections of streams left early, canceled calls, forks and copies, and of threads and event loops."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import pickle
import threading
import warnings
from typing import Any

import httpx
import pytest

from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from tests.support.fault_server import DONE, END, EVENT, HEAD, OK, Stall, chunked, serving
from tests.transport.clients import KEY, POST, both_clients

WHOLE = HEAD + chunked(EVENT) + chunked(EVENT) + chunked(DONE) + END
HANGING = [HEAD, chunked(EVENT), chunked(EVENT), Stall()]


@both_clients
@pytest.mark.parametrize("limit", [1, 2])
def test_stream_left_early_frees_its_connection(client_type: Any, limit: int):
    with serving(HANGING) as server:
        client = client_type(server.base_url)
        assert len(client.events(limit=limit)) == limit
        assert server.wait_until_closed()


def test_requests_and_finished_streams_share_one_connection():
    with serving(WHOLE, OK, WHOLE, OK) as server, HTTPClient(KEY, server.base_url) as http:
        for _ in range(2):
            with http.stream(POST) as events:
                assert len(list(events)) == 2
                assert events.finished
            http.send(POST)
    assert server.connections == 1


async def test_async_requests_and_finished_streams_share_one_connection():
    with serving(WHOLE, OK, WHOLE, OK) as server:
        async with AsyncHTTPClient(KEY, server.base_url) as http:
            for _ in range(2):
                async with http.stream(POST) as events:
                    assert len([event async for event in events]) == 2
                await http.send(POST)
    assert server.connections == 1


async def test_cancelled_stream_frees_its_connection_and_raises_cancelled_error():
    with serving(HANGING) as server:
        begun = asyncio.Event()
        async with AsyncHTTPClient(KEY, server.base_url) as http:

            async def read() -> None:
                async with http.stream(POST) as events:
                    async for _ in events:
                        begun.set()

            task = asyncio.create_task(read())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.wait_until_closed)


def test_error_in_a_stream_block_frees_the_connection():
    with serving(HANGING) as server, HTTPClient(KEY, server.base_url) as http:
        with pytest.raises(KeyError), http.stream(POST):
            raise KeyError
        assert server.wait_until_closed()


async def test_error_in_an_async_stream_block_frees_the_connection():
    with serving(HANGING) as server:
        async with AsyncHTTPClient(KEY, server.base_url) as http:
            with pytest.raises(KeyError):
                async with http.stream(POST):
                    raise KeyError
            assert await asyncio.to_thread(server.wait_until_closed)


def test_streams_abandoned_in_cycles_cause_no_deadlock():
    """The garbage collector can close them while this thread is inside the pool, whose lock isn't reentrant."""

    class Cycle:
        pass

    with serving(HANGING) as server, HTTPClient(KEY, server.base_url) as http:

        def events() -> Any:
            with http.stream(POST) as stream:
                yield from stream

        threshold = gc.get_threshold()
        gc.set_threshold(5)
        try:
            for _ in range(30):
                cycle = Cycle()
                cycle.events, cycle.self_reference = events(), cycle  # type: ignore[attr-defined]
                next(cycle.events)  # type: ignore[attr-defined]
        finally:
            gc.set_threshold(*threshold)
        del cycle
        gc.collect()
        assert server.wait_until_closed()


@pytest.mark.parametrize("shared", [True, False], ids=["shared client", "client per loop"])
def test_twenty_event_loops_leave_no_socket_open(shared: bool):
    with serving(OK) as server:
        shared_client = AsyncHTTPClient(KEY, server.base_url)

        async def main() -> None:
            http = shared_client if shared else AsyncHTTPClient(KEY, server.base_url)
            await asyncio.gather(http.send(POST), http.send(POST))

        for _ in range(20):
            asyncio.run(main())
        assert server.wait_until_closed()
    assert len(server.requests) == 40


def test_dropped_async_client_closes_while_its_loop_runs():
    with serving(OK) as server:

        async def main() -> None:
            await AsyncHTTPClient(KEY, server.base_url).send(POST)
            gc.collect()
            assert await asyncio.to_thread(server.wait_until_closed)

        asyncio.run(main())


def test_clients_shared_by_threads_serve_all_requests():
    with serving(OK) as server, HTTPClient(KEY, server.base_url) as http:
        loops = AsyncHTTPClient(KEY, server.base_url)
        calls = [lambda: http.send(POST), lambda: asyncio.run(loops.send(POST))] * 5
        threads = [threading.Thread(target=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        http.close()
        assert len(server.requests) == 10
        assert server.wait_until_closed()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is missing")
def test_client_after_a_fork_opens_its_own_connection():
    with serving(OK) as server, HTTPClient(KEY, server.base_url) as http:
        http.send(POST)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # about forking with threads: the server runs in one
            child = os.fork()
        if child == 0:
            try:
                http.send(POST)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        http.send(POST)
    assert (server.connections, len(server.requests)) == (2, 3)


def test_http_client_of_the_caller_is_used_and_stays_open():
    with serving(OK) as server, httpx.Client(headers={"X-Mine": "1"}) as caller_client:
        with HTTPClient(KEY, server.base_url, http_client=caller_client) as http:
            http.send(POST)
        assert not caller_client.is_closed
    assert server.requests[0].headers["x-mine"] == "1"


@pytest.mark.parametrize("copy_client", [copy.deepcopy, copy.copy, lambda http: pickle.loads(pickle.dumps(http))])
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_copied_client_keeps_its_configuration_and_opens_its_own_connection(kind: Any, copy_client: Any):
    with serving(OK) as server:
        http = kind(KEY, server.base_url, default_headers={"X-A": "1"}, max_retries=7)
        twin = copy_client(http)
        assert (twin.base_url, twin.retry.max_retries) == (http.base_url, 7)
        if kind is HTTPClient:
            with http, twin:
                http.send(POST)
                twin.send(POST)
        else:
            asyncio.run(twin.send(POST))
        assert server.requests[-1].headers["x-a"] == "1"
        assert server.connections == len(server.requests)
