"""One instance, used from many threads, event loops and processes; nothing is left open."""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage

from aimlapi_integrations import AsyncClient, Client
from tests.faults.faults_stream import whole
from tests.faults.test_fault_table import GOOD
from tests.support.call_matrix import (
    KEY,
    QUESTION,
    Way,
    langchain_model,
    llama_index_model,
    of_message,
    of_reply,
    of_response,
)
from tests.support.fault_server import Case, FaultServer, reply, whole_stream
from tests.support.replies import MODEL, chat_body

PLAIN = Way("", False, False, "chat")


def settings(case: Case) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": case.base_url}


class Asker:
    """One instance of each kind, asked sync and async."""

    def __init__(self, who: str, case: Case) -> None:
        self.who = who
        if who == "lc":
            self.model: Any = langchain_model(settings(case), PLAIN)
        elif who == "li":
            self.model = llama_index_model(settings(case), PLAIN)
        else:
            self.model, self.async_model = Client(**settings(case)), AsyncClient(**settings(case))

    def ask(self) -> Any:
        if self.who == "lc":
            return of_message(self.model.invoke(QUESTION))
        if self.who == "li":
            return of_response(self.model.chat([ChatMessage(QUESTION)]))
        return of_reply(self.model.chat(QUESTION, model=MODEL))

    async def aask(self) -> Any:
        if self.who == "lc":
            return of_message(await self.model.ainvoke(QUESTION))
        if self.who == "li":
            return of_response(await self.model.achat([ChatMessage(QUESTION)]))
        return of_reply(await self.async_model.chat(QUESTION, model=MODEL))

    async def ask_ten(self) -> list[Any]:
        return await asyncio.gather(*(self.aask() for _ in range(10)))

    def close(self) -> None:
        if hasattr(self.model, "close"):
            self.model.close()


each = pytest.mark.parametrize("who", ["bare", "lc", "li"])


@each
def test_threads(server: FaultServer, who: str) -> None:
    case = server.case([reply(chat_body())])
    asker = Asker(who, case)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: asker.ask(), range(80)))
    asker.close()
    assert answers == [GOOD] * 80
    assert len(case.requests) == 80


@each
def test_twenty_event_loops(server: FaultServer, who: str) -> None:
    case = server.case([reply(chat_body())])
    asker = Asker(who, case)
    for _ in range(20):
        assert asyncio.run(asker.ask_ten()) == [GOOD] * 10
    asker.close()
    assert len(case.requests) == 200


@each
def test_event_loops_in_threads(server: FaultServer, who: str) -> None:
    case = server.case([reply(chat_body())])
    asker = Asker(who, case)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: asyncio.run(asker.ask_ten()), range(8)))
    asker.close()
    assert answers == [[GOOD] * 10] * 8
    assert len(case.requests) == 80


_FORKED = """
import os, sys
from aimlapi_integrations import Client

client = Client(api_key="key", base_url=sys.argv[1])
assert client.chat("Hello", model="gpt-4o").text
child = os.fork()
if not child:
    assert client.chat("Hello", model="gpt-4o").text
    client.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert client.chat("Hello", model="gpt-4o").text
client.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_has_connections_of_its_own(server: FaultServer) -> None:
    case = server.case([reply(chat_body())])
    before = server.connections
    subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", _FORKED, case.base_url], check=True, timeout=60)
    assert len(case.requests) == 3
    assert server.connections - before == 2


@pytest.mark.parametrize("who", ["lc", "li"])
def test_a_pickle_of_a_model_in_use_can_be_asked(server: FaultServer, who: str) -> None:
    case = server.case([reply(chat_body())])
    asker = Asker(who, case)
    assert asker.ask() == GOOD
    copy = pickle.loads(pickle.dumps(asker.model))
    asker.close()
    asker.model = copy
    assert asker.ask() == GOOD
    asker.close()


def made(who: str, case: Case) -> Any:
    """An instance of each kind, sync and async, that is to be left with `with`."""
    return langchain_model(settings(case), PLAIN) if who == "lc" else llama_index_model(settings(case), PLAIN)


@pytest.mark.parametrize("who", ["lc", "li"])
def test_a_model_is_closed_with_its_block(server: FaultServer, who: str) -> None:
    case, asker = server.case([reply(chat_body())]), Asker(who, server.case([reply(chat_body())]))
    before = server.connections
    for _ in range(2):
        with made(who, case) as asker.model:
            assert [asker.ask(), asker.ask()] == [GOOD] * 2
        assert asker.ask() == GOOD  # by a new connection
        asker.close()
    assert server.connections - before == 4


@pytest.mark.parametrize("who", ["lc", "li"])
async def test_a_model_is_closed_with_its_async_block(server: FaultServer, who: str) -> None:
    case, asker = server.case([reply(chat_body())]), Asker(who, server.case([reply(chat_body())]))
    before = server.connections
    for _ in range(2):
        async with made(who, case) as asker.model:
            assert [await asker.aask(), await asker.aask()] == [GOOD] * 2
    assert server.connections - before == 2


_TIDY = """
import asyncio, gc, sys
from aimlapi_integrations import AsyncClient, Client

url = sys.argv[1]
with Client(api_key="key", base_url=url) as client:
    with client.chat_stream("Hello", model="gpt-4o") as deltas:
        next(deltas)


async def main():
    client = AsyncClient(api_key="key", base_url=url)
    async with client.chat_stream("Hello", model="gpt-4o") as deltas:
        async for delta in deltas:
            break
    forgotten = client.chat_stream("Hello", model="gpt-4o")
    await (await forgotten.__aenter__()).__anext__()


asyncio.run(main())
forgotten = Client(api_key="key", base_url=url)
with forgotten.chat_stream("Hello", model="gpt-4o") as deltas:
    next(deltas)
del forgotten, deltas
gc.collect()
"""


def test_no_resource_warnings(server: FaultServer) -> None:
    case = server.case(whole_stream(whole("chat")))
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", _TIDY, case.base_url]
    ran = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    told = [line for line in ran.stderr.splitlines() if "took" not in line]  # asyncio's notes of slow steps
    assert told == []
