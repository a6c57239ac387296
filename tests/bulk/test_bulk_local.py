"""Very many prompts in one process: order, resuming, failures, budgets, rate limits, memory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from aimlapi_integrations import AsyncClient, AuthenticationError, BudgetExceededError
from aimlapi_integrations.bulk import Answers, RateLimiter, Vectors, aprocess, process, read_results
from aimlapi_integrations.bulk.files import JSONLines
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

MODEL = "gpt-4o"
QUESTIONS = [f"What is the square of {number}?" for number in range(30)]


@pytest.fixture
def gateway(gateway: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, set as the gateway in the environment."""
    monkeypatch.setenv("AIMLAPI_BASE_URL", gateway.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "key")
    return gateway


@pytest.fixture(params=["jsonl", "parquet"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return tmp_path / f"answers.{request.param}"


def chat() -> Callable[[str], Awaitable[Any]]:
    client = AsyncClient(max_retries=0)
    return lambda text: client.chat(text, model=MODEL)


def returning(function: Callable[[Any], Any]) -> Callable[[], Callable[[Any], Awaitable[Any]]]:
    """Return a factory of an async function that returns the result of `function`."""

    async def call(value: Any) -> Any:
        return function(value)

    return lambda: call


def prompts(gateway: Emulator) -> Counter[str]:
    return Counter(record.json["messages"][-1]["content"] for record in gateway.requests)


# --- rows -------------------------------------------------------------------------------------------------------------

FACTORIES = {
    "client": chat,
    "LangChain": lambda: ChatAIMLAPI(model=MODEL).ainvoke,
    "LlamaIndex": lambda: AIMLAPI(model=MODEL).acomplete,
}


@pytest.mark.parametrize("make", FACTORIES.values(), ids=FACTORIES)
def test_rows_are_stored_with_answers_and_read_in_order(gateway: Emulator, path: Path, make: Any) -> None:
    rows = [{"id": f"q{number}", "text": question} for number, question in enumerate(QUESTIONS)]
    report = process(rows, Answers(make), path, concurrency=8)
    results = read_results(path)
    assert [row["id"] for row in results] == [f"q{number}" for number in range(30)]
    assert all(row["text"] in row["answer"] and row["error"] is None for row in results)
    assert (report.rows, report.failed, report.skipped) == (30, 0, 0)
    assert sum(Decimal(row["cost_usd"]) for row in results) == report.spending.usd > 0
    assert sum(row["output_tokens"] for row in results) == report.spending.output_tokens
    assert str(report).startswith("30 rows, 0 failed; $0.0")


def test_columns_are_those_of_ray(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    worker, path = Answers(returning(str.upper)), tmp_path / "answers.parquet"
    process([{"id": 1, "text": "a"}], worker, path)
    [row] = read_results(path)
    table = asyncio.run(_call(worker, pa.table({"id": [1], "text": ["a"]})))
    assert {name: value for name, value in row.items() if name != "index"} == table.to_pylist()[0]


async def _call(worker: Any, batch: Any) -> Any:
    return await worker(batch)


def test_values_without_columns_get_the_column_of_the_worker(tmp_path: Path) -> None:
    process(["a", "b"], Answers(returning(str.upper), "question"), tmp_path / "a.jsonl")
    results = read_results(tmp_path / "a.jsonl")
    assert [(row["index"], row["question"], row["answer"]) for row in results] == [(0, "a", "A"), (1, "b", "B")]


def test_concurrency_is_the_number_of_calls_at_a_time(tmp_path: Path) -> None:
    running: list[int] = []
    most = 0

    async def call(value: int) -> str:
        nonlocal most
        running.append(value)
        most = max(most, len(running))
        for _ in range(3):
            await asyncio.sleep(0)
        running.remove(value)
        return str(value)

    process(range(50), Answers(lambda: call), tmp_path / "a.jsonl", concurrency=7)
    assert most == 7


@pytest.mark.parametrize(
    ("rows", "options", "problem"),
    [
        ([{"question": "a"}], {}, "Row 0 has no column 'text'"),
        ([{"text": object()}], {}, "Row 0 can't be written to the file"),
        ([{"text": "a", "index": 3}], {}, "have a column 'index'"),
        ([{"text": "a"}], {"id_column": "id"}, "Row 0: expected an int or str as 'id'"),
        ([{"text": "a", "id": 1}, {"text": "b", "id": 1}], {"id_column": "id"}, "Two rows have the same 'id': 1"),
        ([], {"concurrency": 0}, "concurrency=0"),
        ([], {"requests_per_minute": 0}, "requests_per_minute=0"),
        ([], {"max_cost_usd": "much"}, "max_cost_usd"),
    ],
)
def test_unusable_input_raises_and_says_what_is_wrong(tmp_path: Path, rows: Any, options: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        process(rows, Answers(returning(str)), tmp_path / "a.jsonl", **options)


async def test_sync_function_in_an_event_loop_names_the_async_one(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="await aprocess"):
        process([], Answers(returning(str)), tmp_path / "a.jsonl")


def test_path_with_another_ending_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.jsonl or \.parquet"):
        process([], Answers(returning(str)), tmp_path / "a.csv")


# --- failures ---------------------------------------------------------------------------------------------------------


def failing(value: str) -> str:
    raise {"type": TypeError, "key": KeyError, "value": ValueError, "attribute": AttributeError}[value](value)


def sometimes_failing(value: Any) -> Any:
    return failing(value) if value in ("type", "key", "value", "attribute") else value


def test_any_exception_of_a_row_is_its_error(path: Path) -> None:
    values = ["fine", "type", "key", "value", "attribute", "also fine"]
    report = process(values, Answers(returning(sometimes_failing)), path, concurrency=2)
    results = read_results(path)
    assert [row["answer"] for row in results] == ["fine", None, None, None, None, "also fine"]
    errors = ["TypeError: type", "KeyError: 'key'", "ValueError: value", "AttributeError: attribute"]
    assert [row["error"] for row in results] == [None, *errors, None]
    assert report.failed == 4


def test_empty_value_is_an_error_of_its_row(gateway: Emulator, tmp_path: Path) -> None:
    process([None, "Hello", ""], Answers(chat), tmp_path / "a.jsonl")
    null, hello, empty = read_results(tmp_path / "a.jsonl")
    assert null["error"]
    assert "UnsupportedContentError" in empty["error"]
    assert hello["answer"] == "[emulated] You said: Hello"


def test_error_that_every_row_would_have_stops_after_the_rows_in_progress(gateway: Emulator, tmp_path: Path) -> None:
    client = AsyncClient(max_retries=0)

    async def call(text: str) -> Any:
        return await client.chat(text, model=MODEL if text != QUESTIONS[5] else f"{MODEL}#fault=status-401")

    with pytest.raises(AuthenticationError):
        process(QUESTIONS, Answers(lambda: call), tmp_path / "a.jsonl", concurrency=4)
    results = read_results(tmp_path / "a.jsonl")
    assert prompts(gateway) == Counter([QUESTIONS[5], *(row["text"] for row in results)])
    assert 5 <= len(results) < len(QUESTIONS)


def test_wrapped_error_that_every_row_would_have_stops_too(tmp_path: Path) -> None:
    def fail(value: str) -> str:
        raise RuntimeError("The workflow failed.") from AuthenticationError("Wrong key", status=401)

    with pytest.raises(RuntimeError, match="workflow"):
        process(QUESTIONS, Answers(returning(fail)), tmp_path / "a.jsonl")


@pytest.mark.parametrize("make", [lambda: str.upper, lambda: "no function"], ids=["not async", "not a function"])
def test_function_that_is_not_async_stops_the_job(tmp_path: Path, make: Any) -> None:
    with pytest.raises(TypeError, match="async"):
        process(["a"], Answers(make), tmp_path / "a.jsonl")


# --- running again ----------------------------------------------------------------------------------------------------


def test_second_run_sends_nothing(gateway: Emulator, path: Path) -> None:
    process(QUESTIONS, Answers(chat), path)
    before = read_results(path)
    gateway.reset()
    report = process(QUESTIONS, Answers(chat), path)
    assert not gateway.requests
    assert (report.rows, report.skipped, report.spending.usd) == (0, 30, 0)
    assert read_results(path) == before


def test_further_rows_are_added(path: Path) -> None:
    calls: list[str] = []
    worker = Answers(returning(lambda text: calls.append(text) or text))
    process(["a", "b"], worker, path)
    process(["a", "b", "c", "d"], worker, path)
    assert sorted(calls) == ["a", "b", "c", "d"]
    assert [row["answer"] for row in read_results(path)] == ["a", "b", "c", "d"]


def test_rows_with_ids_may_come_in_another_order(path: Path) -> None:
    calls: list[str] = []
    worker = Answers(returning(lambda text: calls.append(text) or text))
    rows = [{"id": text, "text": text} for text in "abcd"]
    process(rows[:2], worker, path, id_column="id")
    process(rows[::-1], worker, path, id_column="id")
    assert sorted(calls) == ["a", "b", "c", "d"]


def test_other_rows_in_the_same_file_are_rejected(path: Path) -> None:
    process(["a", "b"], Answers(returning(str)), path)
    with pytest.raises(ValueError, match="another 'text' for the row with index=1"):
        process(["a", "x"], Answers(returning(str)), path)


@pytest.mark.parametrize(("retry", "calls"), [(False, []), (True, ["key", "type"])])
def test_rows_with_errors_are_repeated_on_request(path: Path, retry: bool, calls: list[str]) -> None:
    values, called = ["fine", "type", "key"], []
    process(values, Answers(returning(sometimes_failing)), path)
    worker = Answers(returning(lambda text: called.append(text) or text))
    process(values, worker, path, retry_errors=retry)
    assert sorted(called) == calls
    assert [row["error"] is None for row in read_results(path)] == [True, retry, retry]


KILLED = """
import asyncio, os, signal, sys
from aimlapi_integrations import AsyncClient
from aimlapi_integrations.bulk import Answers, process

def make():
    client, calls = AsyncClient(max_retries=0), 0
    async def call(text):
        nonlocal calls
        calls += 1
        if calls == 15:
            os.kill(os.getpid(), signal.SIGKILL)
        return await client.chat(text, model="gpt-4o")
    return call

process((f"What is the square of {n}?" for n in range(30)), Answers(make), sys.argv[1], concurrency=4)
"""


def test_killed_process_repeats_only_the_calls_in_flight(gateway: Emulator, path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    stored = {row["text"] for row in read_results(path)}
    assert 14 - 3 <= len(stored) <= 14
    process(QUESTIONS, Answers(chat), path)
    sent = prompts(gateway)
    repeated = sent - Counter(QUESTIONS)
    assert sent.keys() == {*QUESTIONS}
    assert not repeated.keys() & stored
    assert repeated.total() <= 3  # in flight when the process was killed
    assert [row["index"] for row in read_results(path)] == list(range(30))


DAMAGED = [b'{"index": 1, "te', b'{"index": 1, "text": "b", "answer": "B", "error": null}', b"\0" * 100, b'"\xc3']


@pytest.mark.parametrize("end", DAMAGED)
def test_damaged_last_line_is_removed_and_its_row_repeated(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "a.jsonl"
    process(["a"], Answers(returning(str.upper)), path)
    whole = path.read_bytes()
    path.write_bytes(whole + end)
    assert [row["index"] for row in read_results(path)] == [0]
    process(["a", "b"], Answers(returning(str.upper)), path)
    assert path.read_bytes().startswith(whole)
    assert [row["answer"] for row in read_results(path)] == ["A", "B"]
    assert len(path.read_bytes().splitlines()) == 2


def test_long_damaged_line_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    process(["a"], Answers(returning(str)), path)
    whole = path.read_bytes()
    path.write_bytes(whole + b"x" * 300_000)
    process([], Answers(returning(str)), path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("line", [b"not JSON\n", b"[1]\n"])
def test_damaged_line_elsewhere_raises_with_its_number(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.jsonl"
    process(["a"], Answers(returning(str)), path)
    path.write_bytes(line + path.read_bytes())
    with pytest.raises(ValueError, match="line 1"):
        process(["a"], Answers(returning(str)), path)


def test_file_of_a_running_job_is_locked(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")

    def process_inside(value: str) -> str:
        process(["x"], Answers(returning(str)), tmp_path / "a.jsonl")
        return value

    async def call(value: str) -> str:
        return await asyncio.to_thread(process_inside, value)

    process(["a"], Answers(lambda: call), tmp_path / "a.jsonl")
    assert "Another job is writing" in read_results(tmp_path / "a.jsonl")[0]["error"]


def test_cancelled_job_keeps_finished_rows(tmp_path: Path) -> None:
    async def main() -> None:
        done, forever = asyncio.Event(), asyncio.Event()

        async def call(value: int) -> str:
            if value == 3:
                done.set()
                await forever.wait()
            return str(value)

        job = asyncio.create_task(aprocess(range(9), Answers(lambda: call), tmp_path / "a.jsonl", concurrency=1))
        await done.wait()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    asyncio.run(main())
    assert [row["index"] for row in read_results(tmp_path / "a.jsonl")] == [0, 1, 2]


# --- budgets ----------------------------------------------------------------------------------------------------------


def test_budget_covers_earlier_runs_and_stops_the_job(gateway: Emulator, path: Path) -> None:
    with pytest.raises(BudgetExceededError):
        process(QUESTIONS, Answers(chat), path, max_tokens_total=200, concurrency=2)
    first = read_results(path)
    spent = sum(row["input_tokens"] + row["output_tokens"] for row in first)
    most = max(row["input_tokens"] + row["output_tokens"] for row in first)
    assert 200 <= spent < 200 + 2 * most
    with pytest.raises(BudgetExceededError):
        process(QUESTIONS, Answers(chat), path, max_tokens_total=200)
    assert len(gateway.requests) == len(first)
    report = process(QUESTIONS, Answers(chat), path, max_cost_usd=1)
    assert report.skipped == len(first)
    assert len(gateway.requests) == 30


# --- rate limits ------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def test_requests_start_at_even_intervals(tmp_path: Path) -> None:
    clock, started = Clock(), []
    limiter = RateLimiter(120, clock=clock, sleep=clock.sleep)
    worker = Answers(returning(lambda value: started.append(clock.now) or "x"), limiter=limiter)
    process(range(240), worker, tmp_path / "a.jsonl", concurrency=1)
    assert started[:3] == [100.0, 100.5, 101.0]
    assert all(late - early == pytest.approx(0.5) for early, late in pairwise(started))


def test_concurrent_requests_reserve_their_starts() -> None:
    clock = Clock()
    limiter = RateLimiter(60, clock=clock)
    assert [limiter.delay() for _ in range(4)] == [0, 1, 2, 3]
    clock.now += 10
    assert [limiter.delay() for _ in range(2)] == [0, 1]


async def test_limiter_that_does_not_block_says_whether_a_request_may_start() -> None:
    clock = Clock()
    limiter = RateLimiter(60, clock=clock, sleep=clock.sleep)
    assert [await limiter.aacquire(blocking=False) for _ in range(2)] == [True, False]
    clock.now += 1
    assert await limiter.aacquire(blocking=False)
    assert clock.sleeps == []


def test_requests_per_minute_limits_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []

    async def aacquire(self: RateLimiter, *, blocking: bool = True) -> bool:
        delays.append(self.delay())
        return blocking

    monkeypatch.setattr(RateLimiter, "aacquire", aacquire)
    process(range(5), Answers(returning(str)), tmp_path / "a.jsonl", requests_per_minute=60)
    assert [round(delay) for delay in delays] == [0, 1, 2, 3, 4]


# --- very many --------------------------------------------------------------------------------------------------------


class Source:
    """Yields rows, and counts those that were read before they were finished."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read = self.finished = self.most_pending = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            self.read += 1
            self.most_pending = max(self.most_pending, self.read - self.finished)
            yield {"text": f"{number} " * 200}

    def finish(self, text: str) -> str:
        self.finished += 1
        return text


def test_five_thousand_rows_are_read_as_needed_in_bounded_memory(path: Path) -> None:
    source = Source(5000)
    tracemalloc.start()
    try:
        report = process(source, Answers(returning(source.finish)), path, concurrency=20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.rows == 5000
    assert source.most_pending <= 21
    assert peak < (4 if path.suffix == ".jsonl" else 12) * 2**20  # the texts alone have 10 MB
    assert [row["index"] for row in read_results(path)] == list(range(5000))


def test_progress_bar_shows_rows_and_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process(["fine", "key"], Answers(returning(sometimes_failing)), tmp_path / "a.jsonl", show_progress_bar=True)
    output = capsys.readouterr().out
    assert "rows, 1 failed" in output
    assert "2/2" in output


# --- vectors ----------------------------------------------------------------------------------------------------------


def embed() -> Callable[[list[str]], Awaitable[Any]]:
    client = AsyncClient(max_retries=0)
    return lambda texts: client.embed(texts, dimensions=4)


def test_vectors_are_embedded_in_batches_and_belong_to_their_rows(gateway: Emulator, path: Path) -> None:
    texts = [f"The number {number}" for number in range(25)]
    report = process(texts, Vectors(embed, batch_size=10), path, concurrency=2)
    assert sorted(len(_inputs(record.json)) for record in gateway.requests) == [5, 10, 10]
    expected = asyncio.run(AsyncClient().embed(texts, dimensions=4)).vectors
    results = read_results(path)
    assert [row["vector"] for row in results] == [pytest.approx(vector, rel=1e-6) for vector in expected]
    assert sum(Decimal(row["cost_usd"]) for row in results) == report.spending.usd


def _inputs(body: Any) -> list[str]:
    return [body["input"]] if isinstance(body["input"], str) else body["input"]


@pytest.mark.parametrize("bad", [0, 3, 7])
def test_text_that_cannot_be_embedded_is_named_and_costs_nothing(gateway: Emulator, tmp_path: Path, bad: int) -> None:
    texts = [f"The number {number}" for number in range(8)]
    texts[bad] = ""
    process(texts, Vectors(embed), tmp_path / "a.jsonl")
    results = read_results(tmp_path / "a.jsonl")
    assert [row["index"] for row in results if row["error"]] == [bad]
    assert results[bad]["error"].startswith("UnsupportedContentError: text is empty")
    assert (results[bad]["vector"], Decimal(results[bad]["cost_usd"])) == (None, 0)
    assert all(Decimal(row["cost_usd"]) > 0 for row in results if not row["error"])
    sent = [text for record in gateway.requests for text in _inputs(record.json)]
    assert sorted(sent) == sorted(text for text in texts if text)


def test_function_that_returns_too_few_vectors_fails_its_rows(tmp_path: Path) -> None:
    process(["a", "b"], Vectors(returning(lambda texts: [[0.5]])), tmp_path / "a.jsonl")
    results = read_results(tmp_path / "a.jsonl")
    assert {row["error"] for row in results} == {"ValueError: the function returned 1 vectors for 2 texts."}


def test_vectors_of_numpy_are_stored(path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    process(["a", "b"], Vectors(returning(lambda texts: numpy.ones((len(texts), 2), numpy.float32))), path)
    assert [row["vector"] for row in read_results(path)] == [[1.0, 1.0]] * 2


# --- Parquet ----------------------------------------------------------------------------------------------------------


def test_parquet_folder_has_files_of_one_schema(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    rows = [{"text": str(number), "note": None} for number in range(2500)]
    process(rows, Answers(returning(str)), path)
    parts = sorted(path.glob("*.parquet"))
    assert len(parts) == 3
    assert len({str(pq.read_schema(part)) for part in parts}) == 1
    assert pq.read_table(path).num_rows == 2500


def test_parquet_folder_after_a_crash_between_file_and_journal_has_each_row_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"

    def crash(self: JSONLines) -> None:
        raise OSError("crash")

    with monkeypatch.context() as patch:
        patch.setattr(JSONLines, "clear", crash)
        with pytest.raises(OSError, match="crash"):
            process(["a", "b"], Answers(returning(str)), path)
    assert (path / "_journal.jsonl").stat().st_size > 0
    assert [row["index"] for row in read_results(path)] == [0, 1]
    report = process(["a", "b", "c"], Answers(returning(str)), path)
    assert (report.rows, report.skipped) == (1, 2)
    assert sorted(pq.read_table(path)["index"].to_pylist()) == [0, 1, 2]


def test_row_with_other_columns_is_rejected_in_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="only some have 'note'"):
        process([{"text": "a"}, {"text": "b", "note": 1}], Answers(returning(str)), tmp_path / "a.parquet")


def test_parquet_without_pyarrow_names_what_to_install(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["pyarrow"] = None
from aimlapi_integrations.bulk import Answers, process
async def call(text): return text
process(["a"], Answers(lambda: call), {str(tmp_path / "a.jsonl")!r})
process(["a"], Answers(lambda: call), {str(tmp_path / "a.parquet")!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ})
    assert "ImportError: Parquet needs pyarrow: pip install pyarrow" in done.stderr
    assert len(read_results(tmp_path / "a.jsonl")) == 1
