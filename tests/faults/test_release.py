"""Leaving a stream, however it is left, frees its connection at once and swallows no exception."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from aimlapi_integrations import AsyncClient, CallOptions, Client
from tests.faults.faults_stream import half, whole
from tests.support.call_matrix import KEY, QUESTION, WAYS, Way, endpoint_of, langchain_model, llama_index_model
from tests.support.fault_server import Case, FaultServer, Stall, stream, whole_stream
from tests.support.replies import MODEL

SYNC = [way for way in WAYS if way.streamed and not way.asynchronous]
ASYNC = [way for way in WAYS if way.streamed and way.asynchronous]


class MineError(Exception):
    """An exception of the caller's own."""


def settings(case: Case) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": case.base_url, "max_retries": 0}


def deltas(way: Way, case: Case) -> Iterator[Any]:
    """A stream as each framework gives it, as a generator."""
    if way.who == "lc":
        return langchain_model(settings(case), way).stream(QUESTION)
    if way.who == "li":
        told: Iterator[Any] = llama_index_model(settings(case), way).stream_chat([ChatMessage(QUESTION)])
        return told
    return _bare(way, case)


def _bare(way: Way, case: Case) -> Iterator[Any]:
    options = CallOptions(endpoint=endpoint_of(way))
    with Client(**settings(case)) as client, client.chat_stream(QUESTION, model=MODEL, call=options) as told:
        yield from told


async def adeltas(way: Way, case: Case) -> AsyncIterator[Any]:
    if way.who == "lc":
        told: Any = langchain_model(settings(case), way).astream(QUESTION)
    elif way.who == "li":
        told = await llama_index_model(settings(case), way).astream_chat([ChatMessage(QUESTION)])
    else:
        told = _abare(way, case)
    async with aclosing(told):
        async for delta in told:
            yield delta


async def _abare(way: Way, case: Case) -> AsyncIterator[Any]:
    options = CallOptions(endpoint=endpoint_of(way))
    client = AsyncClient(**settings(case))
    async with client, client.chat_stream(QUESTION, model=MODEL, call=options) as told:
        async for delta in told:
            yield delta


def _fail(told: Any) -> None:
    with closing(told):
        for _ in told:
            raise MineError


async def _afail(told: Any) -> None:
    async with aclosing(told):
        async for _ in told:
            raise MineError


def stalled(server: FaultServer, way: Way) -> Case:
    return server.case([*stream(half(way.endpoint)), Stall()])


@pytest.mark.parametrize("way", SYNC, ids=str)
def test_close(server: FaultServer, way: Way) -> None:
    case = stalled(server, way)
    told: Any = deltas(way, case)
    next(told)
    told.close()
    assert case.was_left()


@pytest.mark.parametrize("way", SYNC, ids=str)
def test_break(server: FaultServer, way: Way) -> None:
    case = stalled(server, way)
    for _ in deltas(way, case):
        break
    assert case.was_left()


@pytest.mark.parametrize("way", SYNC, ids=str)
def test_an_exception_of_the_callers(server: FaultServer, way: Way) -> None:
    case = stalled(server, way)
    with pytest.raises(MineError):
        _fail(deltas(way, case))
    assert case.was_left()


@pytest.mark.parametrize("way", ASYNC, ids=str)
async def test_aclose(server: FaultServer, way: Way) -> None:
    case = stalled(server, way)
    told: Any = adeltas(way, case)
    await anext(told)
    await told.aclose()
    assert await asyncio.to_thread(case.was_left)


@pytest.mark.parametrize("way", ASYNC, ids=str)
async def test_an_exception_of_the_callers_async(server: FaultServer, way: Way) -> None:
    case = stalled(server, way)
    with pytest.raises(MineError):
        await _afail(adeltas(way, case))
    assert await asyncio.to_thread(case.was_left)


async def _read_all(way: Way, case: Case, begun: asyncio.Event) -> None:
    async for _ in adeltas(way, case):
        begun.set()


@pytest.mark.parametrize("way", ASYNC, ids=str)
async def test_a_task_is_cancelled(server: FaultServer, way: Way) -> None:
    case, begun = stalled(server, way), asyncio.Event()
    task = asyncio.create_task(_read_all(way, case, begun))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(case.was_left)


@pytest.mark.parametrize("way", ASYNC, ids=str)
async def test_a_timeout_around_a_stream(server: FaultServer, way: Way) -> None:
    case, begun = stalled(server, way), asyncio.Event()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(_read_all(way, case, begun), 0.15)
    assert await asyncio.to_thread(case.was_left)


@pytest.mark.parametrize("way", [way for way in WAYS if way.asynchronous and not way.streamed], ids=str)
async def test_a_call_is_cancelled(server: FaultServer, way: Way) -> None:
    case = server.case([Stall()])
    task = asyncio.create_task(_ask(way, case))
    while not case.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(case.was_left)
    assert len(case.requests) == 1


async def _ask(way: Way, case: Case) -> Any:
    if way.who == "lc":
        return await langchain_model(settings(case), way).ainvoke(QUESTION)
    if way.who == "li":
        return await llama_index_model(settings(case), way).achat([ChatMessage(QUESTION)])
    async with AsyncClient(**settings(case)) as client:
        return await client.chat(QUESTION, model=MODEL, call=CallOptions(endpoint=endpoint_of(way)))


def test_a_stream_left_at_its_end_keeps_its_connection(server: FaultServer) -> None:
    case = server.case(whole_stream(whole("chat")))
    before = server.connections
    with Client(api_key=KEY, base_url=case.base_url) as client:
        for _ in range(5):
            with client.chat_stream(QUESTION, model=MODEL) as told:
                assert list(told)[-1].reply
    assert len(case.requests) == 5
    assert server.connections - before == 1


def test_a_stream_left_amid_leaves_the_client_whole(server: FaultServer) -> None:
    case = server.case([*stream(half("chat")), Stall()], whole_stream(whole("chat")))
    with Client(api_key=KEY, base_url=case.base_url) as client:
        with client.chat_stream(QUESTION, model=MODEL) as told, contextlib.suppress(StopIteration):
            next(told)
        with client.chat_stream(QUESTION, model=MODEL) as told:
            assert list(told)[-1].reply
    assert case.was_left()
