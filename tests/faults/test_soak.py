"""100,000 calls with flat memory and sockets. It takes many minutes, so it runs only when asked for:

    FAULTS_SOAK=100000 pytest tests/faults/test_soak.py

Clients of each colour ask so often, plain and streamed in turn; some streams are left in the middle, some break off.
After a tenth of the calls the process has all that it needs: from there on it may come to hold 5,000 blocks of Python's
memory more (which is less than one in ten calls leaving one behind) and 8 MB in all, and no open file.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from aimlapi_integrations import APIError, AsyncClient, Client
from tests.faults.faults_stream import half, whole
from tests.support.call_matrix import KEY, QUESTION
from tests.support.fault_server import Act, Case, FaultServer, Hang, reply, stream, whole_stream
from tests.support.replies import MODEL, chat_body

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


class Held(NamedTuple):
    """What the process holds: blocks of Python's own memory, bytes in all, open files."""

    blocks: int
    resident: int
    files: int


def held() -> Held:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(sys.getallocatedblocks(), pages * resource.getpagesize(), len(list(FILES.iterdir())))


def assert_flat(before: Held, after: Held) -> None:
    assert after.blocks - before.blocks < 5_000
    assert after.resident - before.resident < 8_000_000
    assert after.files <= before.files


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
    ask_often(clients, cases, range(CALLS // 10))
    before = held()
    ask_often(clients, cases, range(CALLS // 10, CALLS))
    after = held()
    for client in clients:
        client.close()
    assert_flat(before, after)


def ask_often(clients: list[Client], cases: list[Case], calls: range) -> None:
    for call in calls:
        _ask(clients, call)
        cases[call % len(cases)].requests.clear()


async def test_async(server: FaultServer) -> None:
    cases = turning(server)
    clients = [AsyncClient(api_key=KEY, base_url=case.base_url, max_retries=0) for case in cases]
    await aask_often(clients, cases, range(0, CALLS // 10, len(clients)))
    before = held()
    await aask_often(clients, cases, range(CALLS // 10, CALLS, len(clients)))
    after = held()
    for client in clients:
        await client.aclose()
    assert_flat(before, after)


async def aask_often(clients: list[AsyncClient], cases: list[Case], firsts: range) -> None:
    """One call by each client at a time."""
    for first in firsts:
        await asyncio.gather(*(_aask(clients, first + place) for place in range(len(clients))))
        for case in cases:
            case.requests.clear()
