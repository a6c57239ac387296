"""What becomes of connections: left early, cancelled, abandoned, forked, copied, shared by threads and event loops."""

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

from .colours import KEY, POST, both_colours
from .fault_server import DONE, END, EVENT, HEAD, PLAIN, Answer, chunk, serving

WHOLE = HEAD + chunk(EVENT) + chunk(EVENT) + chunk(DONE) + END
HANGING = Answer([HEAD, chunk(EVENT), chunk(EVENT)], "hang")


@both_colours
@pytest.mark.parametrize("most", [1, 2])
def test_leaving_early_frees_the_connection(colour: Any, most: int):
    with serving(HANGING) as server:
        client = colour(server.base_url)
        assert len(client.events(most=most)) == most
        assert server.wait_until_closed()


def test_one_connection_serves_calls_and_finished_streams():
    with serving(WHOLE, PLAIN, WHOLE, PLAIN) as server, HTTPClient(KEY, server.base_url) as http:
        for _ in range(2):
            with http.stream(POST) as events:
                assert len(list(events)) == 2
                assert events.finished
            http.send(POST)
    assert server.connections == 1


async def test_one_connection_serves_calls_and_finished_streams_in_a_loop():
    with serving(WHOLE, PLAIN, WHOLE, PLAIN) as server:
        async with AsyncHTTPClient(KEY, server.base_url) as http:
            for _ in range(2):
                async with http.stream(POST) as events:
                    assert len([event async for event in events]) == 2
                await http.send(POST)
    assert server.connections == 1


async def test_cancelling_frees_the_connection_and_is_not_swallowed():
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


def test_an_error_in_the_callers_block_frees_the_connection():
    with serving(HANGING) as server, HTTPClient(KEY, server.base_url) as http:
        with pytest.raises(KeyError), http.stream(POST):
            raise KeyError
        assert server.wait_until_closed()


async def test_an_error_in_the_callers_async_block_frees_the_connection():
    with serving(HANGING) as server:
        async with AsyncHTTPClient(KEY, server.base_url) as http:
            with pytest.raises(KeyError):
                async with http.stream(POST):
                    raise KeyError
            assert await asyncio.to_thread(server.wait_until_closed)


def test_streams_abandoned_in_cycles_lock_nothing_up():
    """The collector may close them while this thread is just inside the pool, whose lock is no RLock."""

    class Cycle:
        pass

    with serving(HANGING) as server, HTTPClient(KEY, server.base_url) as http:

        def events() -> Any:
            with http.stream(POST) as found:
                yield from found

        threshold = gc.get_threshold()
        gc.set_threshold(5)
        try:
            for _ in range(30):
                cycle = Cycle()
                cycle.events, cycle.itself = events(), cycle  # type: ignore[attr-defined]
                next(cycle.events)  # type: ignore[attr-defined]
        finally:
            gc.set_threshold(*threshold)
        del cycle
        gc.collect()
        assert server.wait_until_closed()


@pytest.mark.parametrize("shared", [True, False], ids=["one client", "a client each, dropped"])
def test_twenty_event_loops_leave_no_socket(shared: bool):
    with serving(PLAIN) as server:
        kept = AsyncHTTPClient(KEY, server.base_url)

        async def main() -> None:
            http = kept if shared else AsyncHTTPClient(KEY, server.base_url)
            await asyncio.gather(http.send(POST), http.send(POST))

        for _ in range(20):
            asyncio.run(main())
        assert server.wait_until_closed()
    assert len(server.requests) == 40


def test_a_dropped_client_closes_while_its_loop_goes_on():
    with serving(PLAIN) as server:

        async def main() -> None:
            await AsyncHTTPClient(KEY, server.base_url).send(POST)
            gc.collect()
            assert await asyncio.to_thread(server.wait_until_closed)

        asyncio.run(main())


def test_threads_with_and_without_loops_share_clients():
    with serving(PLAIN) as server, HTTPClient(KEY, server.base_url) as http:
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_makes_a_connection_of_its_own():
    with serving(PLAIN) as server, HTTPClient(KEY, server.base_url) as http:
        http.send(POST)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: the server is one
            child = os.fork()
        if child == 0:
            try:
                http.send(POST)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        http.send(POST)
    assert (server.connections, len(server.requests)) == (2, 3)


def test_the_callers_client_is_used_as_it_is_and_stays_open():
    with serving(PLAIN) as server, httpx.Client(headers={"X-Mine": "1"}) as mine:
        with HTTPClient(KEY, server.base_url, http_client=mine) as http:
            http.send(POST)
        assert not mine.is_closed
    assert b"x-mine: 1" in server.requests[0].lower()


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda http: pickle.loads(pickle.dumps(http))])
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_copies_keep_the_configuration_and_connect_themselves(kind: Any, copied: Any):
    with serving(PLAIN) as server:
        http = kind(KEY, server.base_url, default_headers={"X-A": "1"}, max_retries=7)
        twin = copied(http)
        assert (twin.base_url, twin.retry.max_retries) == (http.base_url, 7)
        if kind is HTTPClient:
            with http, twin:
                http.send(POST)
                twin.send(POST)
        else:
            asyncio.run(twin.send(POST))
        assert b"x-a: 1" in server.requests[-1].lower()
        assert server.connections == len(server.requests)
