"""Bulk work on Ray Data: two real workers of which one is killed, checkpoints in Parquet, one limit for all.

Run by `make ray`; skipped where Ray is not installed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

import pyarrow as pa
import pyarrow.parquet as pq
from langchain_core import rate_limiters
from langchain_core.rate_limiters import InMemoryRateLimiter
from ray.data import ActorPoolStrategy
from ray.data.checkpoint import CheckpointConfig

from aimlapi_integrations import AsyncClient, Reply
from aimlapi_integrations.bulk import Answers, Vectors
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings

# Warnings within Ray's own modules.
pytestmark = [pytest.mark.filterwarnings("ignore:::ray"), pytest.mark.filterwarnings("ignore::ResourceWarning")]

MODEL = "gpt-4o"
ROWS, BLOCK = 24, 4
QUESTIONS = [f"What is the square of {number}?" for number in range(ROWS)]
Call = Callable[[str], Awaitable[Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    """The gateway, and a cluster whose workers, unlike this process, have its URL and a key in their environment."""
    with Emulator() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIMLAPI_BASE_URL", server.base_url)
        environment.setenv("AIMLAPI_API_KEY", "the workers' key")
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # on Linux too: Ray listens on loopback only
        environment.setenv("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
        ray.init(num_cpus=4, include_dashboard=False, logging_level="error", log_to_driver=False)
        environment.delenv("AIMLAPI_API_KEY")
        yield server
        ray.shutdown()


@pytest.fixture
def gateway(server: Emulator) -> Emulator:
    server.reset()
    return server


@pytest.fixture
def observer() -> Any:
    return ray.remote(Observer).remote()


class Observer:
    """An actor that outlives the workers: reports when both are running, and which one is killed first."""

    def __init__(self) -> None:
        self._workers: set[int] = set()
        self._both = asyncio.Event()
        self._killed = False

    async def meet(self, worker: int) -> None:
        self._workers.add(worker)
        if len(self._workers) > 1:
            self._both.set()
        await self._both.wait()

    async def first(self) -> bool:
        killed, self._killed = self._killed, True
        return not killed


def run(folder: Path, worker: type, make: Callable[[], Call], texts: list[str], limiter: Any = None) -> None:
    """Run a job as docs/pages/bulk.md describes it."""
    pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), folder / "rows.parquet")
    rows = ray.data.read_parquet(str(folder / "rows.parquet"))
    rows.context.checkpoint_config = CheckpointConfig("id", str(folder / "done"), delete_checkpoint_on_success=False)
    rows.repartition(target_num_rows_per_block=BLOCK).map_batches(
        worker,
        fn_constructor_args=[make],
        fn_constructor_kwargs={"limiter": limiter},
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=2),
        num_cpus=0,
    ).write_parquet(str(folder / "written"))


def written(folder: Path) -> list[dict[str, Any]]:
    if not (folder / "written").exists():
        return []
    return sorted(pq.read_table(folder / "written").to_pylist(), key=lambda row: row["id"])


def finished_blocks(folder: Path) -> list[Path]:
    """Return the checkpoint's files, one for each finished block."""
    return [path for path in (folder / "done").glob("*.parquet") if not path.stem.endswith(".pending")]


def finished_questions(folder: Path) -> set[str]:
    """Return the questions whose rows are in the checkpoint."""
    return {QUESTIONS[row["id"]] for path in finished_blocks(folder) for row in pq.read_table(path).to_pylist()}


def count_prompts(gateway: Emulator) -> Counter[str]:
    return Counter(record.json["messages"][-1]["content"] for record in gateway.requests)


def expected_cost(gateway: Emulator) -> Decimal:
    """Return the emulator's price of all questions, once each."""
    replies = asyncio.run(_all(AsyncClient("any", gateway.base_url)))
    return sum((Decimal(reply.cost.usd) for reply in replies if reply.cost), Decimal(0))


async def _all(client: AsyncClient) -> list[Reply]:
    return await asyncio.gather(*(client.chat(question, model=MODEL) for question in QUESTIONS))


# --- a killed worker --------------------------------------------------------------------------------------------------


def kill_worker_during(block: list[str], observer: Any, folder: Path) -> Callable[[], Call]:
    """Return a factory whose call once kills its worker, after all other rows of the block got their replies.

    The worker's earlier blocks are in the checkpoint by then: Ray repeats a block too whose result is still on its way.
    """

    def make() -> Call:
        client, replied = AsyncClient(), set[str]()

        async def call(question: str) -> Reply:
            await observer.meet.remote(os.getpid())
            if question == block[0] and await observer.first.remote():
                while not replied >= set(block[1:]) or not finished_questions(folder) >= replied - set(block):
                    await asyncio.sleep(0.01)
                os.kill(os.getpid(), signal.SIGKILL)
            reply = await client.chat(question, model=MODEL)
            replied.add(question)
            return reply

        return call

    return make


def test_killed_worker_repeats_only_its_block(gateway, observer, tmp_path):
    block = QUESTIONS[8:12]
    run(tmp_path, Answers, kill_worker_during(block, observer, tmp_path), QUESTIONS)
    repeated = dict.fromkeys(block[1:], 2)
    assert count_prompts(gateway) == Counter(dict.fromkeys(QUESTIONS, 1)) | Counter(repeated)
    rows = written(tmp_path)
    assert [row["id"] for row in rows] == list(range(ROWS))
    assert all(row["text"] in row["answer"] and row["error"] is None for row in rows)
    assert {record.headers["authorization"] for record in gateway.requests} == {"Bearer the workers' key"}
    assert sum(row["cost_usd"] for row in rows) == expected_cost(gateway)
    summed = ray.data.read_parquet(str(tmp_path / "written")).sum(["cost_usd", "input_tokens"])
    assert summed["sum(cost_usd)"] == sum(row["cost_usd"] for row in rows)
    assert summed["sum(input_tokens)"] == sum(row["input_tokens"] for row in rows)


# --- a stopped job ----------------------------------------------------------------------------------------------------


def reject_once(folder: Path) -> Callable[[], Call]:
    """Return a factory whose call for one question fails once with 401, after a block is in the checkpoint."""

    def make() -> Call:
        client = AsyncClient()

        async def call(question: str) -> Reply:
            if question != QUESTIONS[-1]:
                return await client.chat(question, model=MODEL)
            while not finished_blocks(folder):
                await asyncio.sleep(0.01)
            return await client.chat(question, model=f"{MODEL}#fault=status-401;times=1")

        return call

    return make


def test_stopped_job_resumes_after_its_checkpoint(gateway, tmp_path):
    make = reject_once(tmp_path)
    with pytest.raises(ray.exceptions.RayTaskError, match="AuthenticationError"):
        run(tmp_path, Answers, make, QUESTIONS)
    finished = finished_questions(tmp_path)
    assert finished

    before = len(gateway.requests)
    run(tmp_path, Answers, make, QUESTIONS)
    again = {record.json["messages"][-1]["content"] for record in gateway.requests[before:]}
    assert again == set(QUESTIONS) - finished
    rows = written(tmp_path)
    assert [row["id"] for row in rows] == list(range(ROWS))
    assert sum(row["cost_usd"] for row in rows) == expected_cost(gateway)

    gateway.reset()
    run(tmp_path, Answers, make, QUESTIONS)
    assert not gateway.requests
    assert written(tmp_path) == rows


# --- one limit for all workers ----------------------------------------------------------------------------------------


class RecordingLimiter(InMemoryRateLimiter):
    """LangChain's limiter in an actor, with a clock that advances when it is read; records who called when."""

    def __init__(self) -> None:
        super().__init__(requests_per_second=5, check_every_n_seconds=0.001, max_bucket_size=2)
        self._now, self._granted, self._calls = 0.0, [], []
        vars(rate_limiters)["time"] = SimpleNamespace(monotonic=self._advance)

    def _advance(self) -> float:
        self._now += 0.01
        return self._now

    async def aacquire(self, *, blocking: bool = True) -> bool:
        had = await super().aacquire(blocking=blocking)
        self._granted.append(self._now)
        return had

    async def calls(self, worker: int) -> None:
        self._calls.append((worker, len(self._granted)))

    async def history(self) -> tuple[list[float], list[tuple[int, int]]]:
        return self._granted, self._calls


def test_rate_limit_applies_across_workers(gateway, observer, tmp_path):
    limiter = ray.remote(RecordingLimiter).options(name="limit", get_if_exists=True).remote()

    def make() -> Call:
        client = AsyncClient()

        async def call(question: str) -> Reply:
            await ray.get_actor("limit").calls.remote(os.getpid())
            await observer.meet.remote(os.getpid())
            return await client.chat(question, model=MODEL)

        return call

    run(tmp_path, Answers, make, QUESTIONS, limiter)
    granted, calls = ray.get(limiter.history.remote())
    assert len(granted) == len(calls) == len(gateway.requests) == ROWS
    assert len({worker for worker, _ in calls}) == 2
    assert all(permits > place for place, (_, permits) in enumerate(calls)), "a row was called without a permit"
    burst = 5 + 2  # what a second and a full bucket allow
    assert all(late - early >= 0.99 for early, late in zip(granted, granted[burst:], strict=False))


# --- embeddings -------------------------------------------------------------------------------------------------------


def test_vectors_belong_to_their_rows(gateway, tmp_path):
    texts = [f"The number {number}" for number in range(ROWS)]
    texts[5] = ""
    run(tmp_path, Vectors, lambda: AIMLAPIEmbeddings(dimensions=8).aembed_documents, texts)
    rows = written(tmp_path)
    assert [row["id"] for row in rows] == list(range(ROWS))
    assert "UnsupportedContentError" in rows[5]["error"]
    assert rows[5]["vector"] is None

    expected = asyncio.run(AsyncClient("any", gateway.base_url).embed(texts[:5] + texts[6:], dimensions=8))
    vectors = [row["vector"] for row in rows if row["error"] is None]
    assert vectors == pytest.approx([pytest.approx(vector, rel=1e-6) for vector in expected.vectors])
    assert sum(row["input_tokens"] for row in rows) == expected.usage.input
    halves = 2  # of the block with the empty text: its other half, and the text beside it
    assert len(gateway.requests) == ROWS // BLOCK - 1 + halves + 1
