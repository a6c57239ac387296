"""Programs that end during an async stream: nothing is printed, and the connection is released."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations import AsyncClient
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from tests.support.chat_events import chunk as event
from tests.support.chat_events import sse
from tests.support.fault_server import DONE, END, HEAD, Stall, chunked, serving

MODEL = "gpt-4o"
WORDS = sse([event({"content": word}) for word in ("a ", "b ", "c ")]).removesuffix(DONE)
FINISH = sse([event(finish="stop")])
ANSWERS = {
    "silent": [HEAD, chunked(WORDS), Stall()],
    "whole": [HEAD + chunked(WORDS) + chunked(FINISH) + END],
}


class City(BaseModel):
    name: str


# --- streams: a function of the base URL gives them -------------------------------------------------------------------


async def of_client(base_url: str) -> Any:
    async def deltas() -> AsyncIterator[Any]:
        async with AsyncClient("k", base_url, max_retries=0).chat_stream("Hi", model=MODEL) as stream:
            async for delta in stream:
                yield delta

    return deltas()


def chat_model(base_url: str) -> ChatAIMLAPI:
    return ChatAIMLAPI(model=MODEL, api_key="k", base_url=base_url, max_retries=0)


async def of_chat_model(base_url: str) -> Any:
    return chat_model(base_url).astream("Hi")


async def of_structured_chat_model(base_url: str) -> Any:
    return chat_model(base_url).with_structured_output(City, include_raw=True).astream("Hi")


def llm(base_url: str) -> AIMLAPI:
    return AIMLAPI(model=MODEL, api_key="k", api_base=base_url, max_retries=0)


async def of_astream_chat(base_url: str) -> Any:
    return await llm(base_url).astream_chat([ChatMessage("Hi")])


async def of_astream_complete(base_url: str) -> Any:
    return await llm(base_url).astream_complete("Hi")


async def of_astream_chat_with_tools(base_url: str) -> Any:
    tool = FunctionTool.from_defaults(lambda text: text, name="echo", description="Echo a text.")
    return await llm(base_url).astream_chat_with_tools([tool], user_msg="Hi")


STREAMS = [
    of_client,
    of_chat_model,
    of_structured_chat_model,
    of_astream_chat,
    of_astream_complete,
    of_astream_chat_with_tools,
]

# --- ends: what a program does with the stream and with one that it holds on to ---------------------------------------


async def breaks(stream: Any, _: list[Any]) -> None:
    async for _ in stream:
        break


async def raises(stream: Any, _: list[Any]) -> None:
    with suppress(KeyError):
        async for _ in stream:
            raise KeyError


async def drops(stream: Any, _: list[Any]) -> None:
    await anext(stream)


async def holds_on(stream: Any, held: list[Any]) -> None:
    held.append(stream)
    await anext(stream)


async def closes(stream: Any, _: list[Any]) -> None:
    await anext(stream)
    await stream.aclose()


async def closes_in_another_task(stream: Any, _: list[Any]) -> None:
    await anext(stream)
    await asyncio.create_task(stream.aclose())


async def read_in_a_task(stream: Any) -> asyncio.Task[None]:
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in stream:
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    return task


async def cancels(stream: Any, _: list[Any]) -> None:
    task = await read_in_a_task(stream)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def leaves_a_task(stream: Any, held: list[Any]) -> None:
    held.append(await read_in_a_task(stream))


async def times_out(stream: Any, _: list[Any]) -> None:
    async def read() -> None:
        async for _ in stream:
            pass

    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(read(), 0.05)


ENDS = [breaks, raises, drops, holds_on, closes, closes_in_another_task, cancels, leaves_a_task, times_out]

OpenStream = Callable[[str], Awaitable[Any]]
End = Callable[[Any, list[Any]], Awaitable[None]]


@pytest.mark.parametrize(("answer", "debug"), [("silent", True), ("whole", False)])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("open_stream", STREAMS)
def test_process_that_exits_during_a_stream_prints_nothing(
    open_stream: OpenStream,
    end: End,
    answer: str,
    debug: bool,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    held: list[Any] = []

    async def program() -> None:
        await end(await open_stream(server.base_url), held)

    with serving(ANSWERS[answer]) as server:
        asyncio.run(program(), debug=debug)
        held.clear()
        gc.collect()
        assert server.wait_until_closed()
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not errors
    assert capfd.readouterr().err == ""
