"""100,000 calls with flat memory and sockets. It takes many minutes, so it runs only on request:

    FAULTS_SOAK=100000 pytest tests/faults/test_soak.py

The sync and the async client alternate plain and streamed calls; some streams are left early, some break off. After a
tenth of the calls, the process may grow by at most 5,000 blocks of Python's memory (less than one for ten calls), by
8 MB in total, and by no open file.
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
from tests.faults.faults_stream import full_bytes, half_bytes
from tests.support.call_matrix import QUESTION
from tests.support.fault_server import KEY, Act, Case, FaultServer, Hang, reply, stream, whole_stream
from tests.support.replies import MODEL, chat_body

CALLS = int(os.environ.get("FAULTS_SOAK", "0"))
FILES = Path("/proc/self/fd")

pytestmark = [
    pytest.mark.skipif(not CALLS, reason="runs with FAULTS_SOAK=100000"),
    pytest.mark.skipif(not FILES.exists(), reason="counts open files in /proc"),
]

RESPONSES: list[Act] = [
    *([reply(chat_body())], whole_stream(full_bytes("chat"))) * 9,
    [reply(chat_body())],
    [*stream(half_bytes("chat")), Hang()],
]


class ProcessUsage(NamedTuple):
    """Resources of the process: blocks of Python's memory, resident bytes, open files."""

    blocks: int
    resident: int
    files: int


def process_usage() -> ProcessUsage:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return ProcessUsage(sys.getallocatedblocks(), pages * resource.getpagesize(), len(list(FILES.iterdir())))


def assert_flat(before: ProcessUsage, after: ProcessUsage) -> None:
    assert after.blocks - before.blocks < 5_000
    assert after.resident - before.resident < 8_000_000
    assert after.files <= before.files


def serve_responses(server: FaultServer) -> list[Case]:
    return [server.case(act) for act in RESPONSES]


def _call(clients: list[Client], call: int) -> None:
    client = clients[call % len(clients)]
    with suppress(APIError):
        if call % 2 == 0:
            client.chat(QUESTION, model=MODEL)
            return
        with client.chat_stream(QUESTION, model=MODEL) as deltas:
            list(islice(deltas, 2 if call % 7 == 0 else None))


async def _acall(clients: list[AsyncClient], call: int) -> None:
    client = clients[call % len(clients)]
    with suppress(APIError):
        if call % 2 == 0:
            await client.chat(QUESTION, model=MODEL)
            return
        async with client.chat_stream(QUESTION, model=MODEL) as deltas:
            async for _ in deltas:
                if call % 7 == 0:
                    break


def test_sync_calls_keep_memory_and_files_constant(server: FaultServer) -> None:
    cases = serve_responses(server)
    clients = [Client(api_key=KEY, base_url=case.base_url, max_retries=0) for case in cases]
    call_repeatedly(clients, cases, range(CALLS // 10))
    before = process_usage()
    call_repeatedly(clients, cases, range(CALLS // 10, CALLS))
    after = process_usage()
    for client in clients:
        client.close()
    assert_flat(before, after)


def call_repeatedly(clients: list[Client], cases: list[Case], calls: range) -> None:
    for call in calls:
        _call(clients, call)
        cases[call % len(cases)].requests.clear()


async def test_async_calls_keep_memory_and_files_constant(server: FaultServer) -> None:
    cases = serve_responses(server)
    clients = [AsyncClient(api_key=KEY, base_url=case.base_url, max_retries=0) for case in cases]
    await acall_repeatedly(clients, cases, range(0, CALLS // 10, len(clients)))
    before = process_usage()
    await acall_repeatedly(clients, cases, range(CALLS // 10, CALLS, len(clients)))
    after = process_usage()
    for client in clients:
        await client.aclose()
    assert_flat(before, after)


async def acall_repeatedly(clients: list[AsyncClient], cases: list[Case], firsts: range) -> None:
    """Run one call of each client at a time."""
    for first in firsts:
        await asyncio.gather(*(_acall(clients, first + place) for place in range(len(clients))))
        for case in cases:
            case.requests.clear()
