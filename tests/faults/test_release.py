"""Leaving a stream in any way releases its connection at once and swallows no exception."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from aimlapi_integrations import AsyncClient, CallOptions, Client
from tests.faults.faults_stream import full_bytes, half_bytes
from tests.support.call_matrix import MODES, QUESTION, CallMode, endpoint_of, langchain_model, llama_index_model
from tests.support.fault_server import KEY, Case, FaultServer, Stall, stream, whole_stream
from tests.support.replies import MODEL

SYNC = [mode for mode in MODES if mode.streamed and not mode.is_async]
ASYNC = [mode for mode in MODES if mode.streamed and mode.is_async]


class CallerError(Exception):
    """An exception that the caller raises."""


def settings(case: Case) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": case.base_url, "max_retries": 0}


def deltas(mode: CallMode, case: Case) -> Iterator[Any]:
    """Return a framework's stream as a generator."""
    if mode.client == "langchain":
        return langchain_model(mode, settings(case)).stream(QUESTION)
    if mode.client == "llama_index":
        chunks: Iterator[Any] = llama_index_model(mode, settings(case)).stream_chat([ChatMessage(QUESTION)])
        return chunks
    return _client(mode, case)


def _client(mode: CallMode, case: Case) -> Iterator[Any]:
    options = CallOptions(endpoint=endpoint_of(mode))
    with (
        Client(**settings(case)) as client,
        client.chat_stream(QUESTION, model=MODEL, call=options) as chunks,
    ):
        yield from chunks


async def adeltas(mode: CallMode, case: Case) -> AsyncIterator[Any]:
    if mode.client == "langchain":
        chunks: Any = langchain_model(mode, settings(case)).astream(QUESTION)
    elif mode.client == "llama_index":
        chunks = await llama_index_model(mode, settings(case)).astream_chat([ChatMessage(QUESTION)])
    else:
        chunks = _aclient(mode, case)
    async with aclosing(chunks):
        async for delta in chunks:
            yield delta


async def _aclient(mode: CallMode, case: Case) -> AsyncIterator[Any]:
    options = CallOptions(endpoint=endpoint_of(mode))
    client = AsyncClient(**settings(case))
    async with client, client.chat_stream(QUESTION, model=MODEL, call=options) as chunks:
        async for delta in chunks:
            yield delta


def _fail(chunks: Any) -> None:
    with closing(chunks):
        for _ in chunks:
            raise CallerError


async def _afail(chunks: Any) -> None:
    async with aclosing(chunks):
        async for _ in chunks:
            raise CallerError


def stalled(server: FaultServer, mode: CallMode) -> Case:
    return server.case([*stream(half_bytes(mode.endpoint)), Stall()])


@pytest.mark.parametrize("mode", SYNC, ids=str)
def test_stream_close_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case = stalled(server, mode)
    chunks: Any = deltas(mode, case)
    next(chunks)
    chunks.close()
    assert case.wait_for_disconnect()


@pytest.mark.parametrize("mode", SYNC, ids=str)
def test_break_from_stream_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case = stalled(server, mode)
    for _ in deltas(mode, case):
        break
    assert case.wait_for_disconnect()


@pytest.mark.parametrize("mode", SYNC, ids=str)
def test_exception_in_stream_loop_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case = stalled(server, mode)
    with pytest.raises(CallerError):
        _fail(deltas(mode, case))
    assert case.wait_for_disconnect()


@pytest.mark.parametrize("mode", ASYNC, ids=str)
async def test_stream_aclose_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case = stalled(server, mode)
    chunks: Any = adeltas(mode, case)
    await anext(chunks)
    await chunks.aclose()
    assert await asyncio.to_thread(case.wait_for_disconnect)


@pytest.mark.parametrize("mode", ASYNC, ids=str)
async def test_exception_in_async_stream_loop_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case = stalled(server, mode)
    with pytest.raises(CallerError):
        await _afail(adeltas(mode, case))
    assert await asyncio.to_thread(case.wait_for_disconnect)


async def _read_all(mode: CallMode, case: Case, started: asyncio.Event) -> None:
    async for _ in adeltas(mode, case):
        started.set()


@pytest.mark.parametrize("mode", ASYNC, ids=str)
async def test_cancelled_task_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case, started = stalled(server, mode), asyncio.Event()
    task = asyncio.create_task(_read_all(mode, case, started))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(case.wait_for_disconnect)


@pytest.mark.parametrize("mode", ASYNC, ids=str)
async def test_timeout_around_stream_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case, started = stalled(server, mode), asyncio.Event()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(_read_all(mode, case, started), 0.15)
    assert await asyncio.to_thread(case.wait_for_disconnect)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.is_async and not mode.streamed], ids=str)
async def test_cancelled_call_releases_the_connection(server: FaultServer, mode: CallMode) -> None:
    case = server.case([Stall()])
    task = asyncio.create_task(_run(mode, case))
    while not case.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(case.wait_for_disconnect)
    assert len(case.requests) == 1


async def _run(mode: CallMode, case: Case) -> Any:
    if mode.client == "langchain":
        return await langchain_model(mode, settings(case)).ainvoke(QUESTION)
    if mode.client == "llama_index":
        return await llama_index_model(mode, settings(case)).achat([ChatMessage(QUESTION)])
    async with AsyncClient(**settings(case)) as client:
        return await client.chat(QUESTION, model=MODEL, call=CallOptions(endpoint=endpoint_of(mode)))


def test_stream_read_to_its_end_reuses_the_connection(server: FaultServer) -> None:
    case = server.case(whole_stream(full_bytes("chat")))
    before = server.connections
    with Client(api_key=KEY, base_url=case.base_url) as client:
        for _ in range(5):
            with client.chat_stream(QUESTION, model=MODEL) as chunks:
                assert list(chunks)[-1].reply
    assert len(case.requests) == 5
    assert server.connections - before == 1


def test_client_after_unfinished_stream_can_be_called(server: FaultServer) -> None:
    case = server.case([*stream(half_bytes("chat")), Stall()], whole_stream(full_bytes("chat")))
    with Client(api_key=KEY, base_url=case.base_url) as client:
        with client.chat_stream(QUESTION, model=MODEL) as chunks, contextlib.suppress(StopIteration):
            next(chunks)
        with client.chat_stream(QUESTION, model=MODEL) as chunks:
            assert list(chunks)[-1].reply
    assert case.wait_for_disconnect()
