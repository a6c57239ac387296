"""100,000 calls with flat memory and sockets. It takes many minutes, so it runs only when asked for:

    FAULTS_SOAK=100000 pytest tests/faults/test_soak.py

Clients of each colour ask so often, plain and streamed in turn; some streams are left in the middle, some break off.
After a tenth of the calls the process has all that it needs: from there on its memory may grow by no more than 2 MB in
Python objects, and its open files by none.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest

from aimlapi_integrations import APIError, AsyncClient, Client

from .asking import KEY, QUESTION
from .fault_server import Act, Case, FaultServer, Hang, reply, stream, whole_stream
from .faults_stream import half, whole
from .replies import MODEL, chat_body

CALLS = int(os.environ.get("FAULTS_SOAK", "0"))
FILES = Path("/proc/self/fd")

pytestmark = [
    pytest.mark.skipif(not CALLS, reason="asked for with FAULTS_SOAK=100000"),
    pytest.mark.skipif(not FILES.exists(), reason="counts open files in /proc"),
]

TURNS: list[Act] = [
    *([reply(chat_body())], whole_stream(whole("chat"))) * 9,
    [reply(chat_body())],
    [*stream(half("chat")), Hang()],
]


def measured() -> tuple[int, int]:
    gc.collect()
    return tracemalloc.get_traced_memory()[0], len(list(FILES.iterdir()))


def flat(before: tuple[int, int], after: tuple[int, int]) -> bool:
    return after[0] - before[0] < 2_000_000 and after[1] <= before[1]


def turning(server: FaultServer) -> list[Case]:
    return [server.case(act) for act in TURNS]


def _ask(clients: list[Client], call: int) -> None:
    client = clients[call % len(clients)]
    with suppress(APIError):
        if call % 2 == 0:
            client.chat(QUESTION, model=MODEL)
            return
        with client.chat_stream(QUESTION, model=MODEL) as deltas:
            list(islice(deltas, 2 if call % 7 == 0 else None))


async def _aask(clients: list[AsyncClient], call: int) -> None:
    client = clients[call % len(clients)]
    with suppress(APIError):
        if call % 2 == 0:
            await client.chat(QUESTION, model=MODEL)
            return
        async with client.chat_stream(QUESTION, model=MODEL) as deltas:
            async for _ in deltas:
                if call % 7 == 0:
                    break


def test_sync(server: FaultServer) -> None:
    cases = turning(server)
    clients = [Client(api_key=KEY, base_url=case.base_url, max_retries=0) for case in cases]
    tracemalloc.start()
    before = (0, 0)
    for call in range(CALLS):
        if call == CALLS // 10:
            before = measured()
        _ask(clients, call)
        cases[call % len(cases)].requests.clear()
    after = measured()
    tracemalloc.stop()
    for client in clients:
        client.close()
    assert flat(before, after), (before, after)


def test_async(server: FaultServer) -> None:
    cases = turning(server)
    clients = [AsyncClient(api_key=KEY, base_url=case.base_url, max_retries=0) for case in cases]

    async def run() -> tuple[tuple[int, int], tuple[int, int]]:
        before, width = (0, 0), len(clients)
        for first in range(0, CALLS, width):
            if before == (0, 0) and first >= CALLS // 10:
                before = measured()
            await asyncio.gather(*(_aask(clients, call) for call in range(first, first + width)))
            for case in cases:
                case.requests.clear()
        return before, measured()

    tracemalloc.start()
    before, after = asyncio.run(run())
    tracemalloc.stop()
    assert flat(before, after), (before, after)
