"""One instance in many threads, event loops and processes; nothing stays open."""

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
from tests.faults.faults_stream import full_bytes
from tests.faults.test_fault_table import GOOD
from tests.support.answers import answer_of
from tests.support.call_matrix import (
    QUESTION,
    CallMode,
    langchain_model,
    llama_index_model,
)
from tests.support.fault_server import KEY, Case, FaultServer, reply, whole_stream
from tests.support.replies import MODEL, chat_body

PLAIN = CallMode("", False, False, "chat")


def settings(case: Case) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": case.base_url}


class Caller:
    """One instance of a client, to be called sync and async."""

    def __init__(self, client: str, case: Case) -> None:
        self.client = client
        if client == "langchain":
            self.model: Any = langchain_model(PLAIN, settings(case))
        elif client == "llama_index":
            self.model = llama_index_model(PLAIN, settings(case))
        else:
            self.model, self.async_model = Client(**settings(case)), AsyncClient(**settings(case))

    def run_call(self) -> Any:
        if self.client == "langchain":
            return answer_of(self.model.invoke(QUESTION))
        if self.client == "llama_index":
            return answer_of(self.model.chat([ChatMessage(QUESTION)]))
        return answer_of(self.model.chat(QUESTION, model=MODEL))

    async def acall(self) -> Any:
        if self.client == "langchain":
            return answer_of(await self.model.ainvoke(QUESTION))
        if self.client == "llama_index":
            return answer_of(await self.model.achat([ChatMessage(QUESTION)]))
        return answer_of(await self.async_model.chat(QUESTION, model=MODEL))

    async def run_ten_calls(self) -> list[Any]:
        return await asyncio.gather(*(self.acall() for _ in range(10)))

    def close(self) -> None:
        if hasattr(self.model, "close"):
            self.model.close()


every_client = pytest.mark.parametrize("client", ["client", "langchain", "llama_index"])


@every_client
def test_client_shared_by_threads_answers_all_calls(server: FaultServer, client: str) -> None:
    case = server.case([reply(chat_body())])
    caller = Caller(client, case)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: caller.run_call(), range(80)))
    caller.close()
    assert answers == [GOOD] * 80
    assert len(case.requests) == 80


@every_client
def test_client_in_twenty_event_loops_answers_all_calls(server: FaultServer, client: str) -> None:
    case = server.case([reply(chat_body())])
    caller = Caller(client, case)
    for _ in range(20):
        assert asyncio.run(caller.run_ten_calls()) == [GOOD] * 10
    caller.close()
    assert len(case.requests) == 200


@every_client
def test_client_in_event_loops_of_threads_answers_all_calls(server: FaultServer, client: str) -> None:
    case = server.case([reply(chat_body())])
    caller = Caller(client, case)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: asyncio.run(caller.run_ten_calls()), range(8)))
    caller.close()
    assert answers == [[GOOD] * 10] * 8
    assert len(case.requests) == 80


_FORK_SCRIPT = """
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
def test_client_after_fork_opens_new_connections(server: FaultServer) -> None:
    case = server.case([reply(chat_body())])
    before = server.connections
    subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", _FORK_SCRIPT, case.base_url], check=True, timeout=60
    )
    assert len(case.requests) == 3
    assert server.connections - before == 2


@pytest.mark.parametrize("client", ["langchain", "llama_index"])
def test_model_pickled_while_in_use_can_be_called(server: FaultServer, client: str) -> None:
    case = server.case([reply(chat_body())])
    caller = Caller(client, case)
    assert caller.run_call() == GOOD
    copy = pickle.loads(pickle.dumps(caller.model))
    caller.close()
    caller.model = copy
    assert caller.run_call() == GOOD
    caller.close()


def create_model(client: str, case: Case) -> Any:
    """Create a model to be used as a context manager."""
    return langchain_model(PLAIN, settings(case)) if client == "langchain" else llama_index_model(PLAIN, settings(case))


@pytest.mark.parametrize("client", ["langchain", "llama_index"])
def test_model_as_context_manager_closes_its_connections(server: FaultServer, client: str) -> None:
    case, caller = server.case([reply(chat_body())]), Caller(client, server.case([reply(chat_body())]))
    before = server.connections
    for _ in range(2):
        with create_model(client, case) as caller.model:
            assert [caller.run_call(), caller.run_call()] == [GOOD] * 2
        assert caller.run_call() == GOOD  # by a new connection
        caller.close()
    assert server.connections - before == 4


@pytest.mark.parametrize("client", ["langchain", "llama_index"])
async def test_model_as_async_context_manager_closes_its_connections(server: FaultServer, client: str) -> None:
    case, caller = server.case([reply(chat_body())]), Caller(client, server.case([reply(chat_body())]))
    before = server.connections
    for _ in range(2):
        async with create_model(client, case) as caller.model:
            assert [await caller.acall(), await caller.acall()] == [GOOD] * 2
    assert server.connections - before == 2


_CLEANUP_SCRIPT = """
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


def test_streams_left_open_cause_no_resource_warnings(server: FaultServer) -> None:
    case = server.case(whole_stream(full_bytes("chat")))
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", _CLEANUP_SCRIPT, case.base_url]
    ran = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    told = [line for line in ran.stderr.splitlines() if "took" not in line]  # asyncio's notes of slow steps
    assert told == []
