"""A job in one process: an asyncio task per concurrent row, a file that a new run continues, and a rate limit."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sized
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from typing import Any

from ..costs import Ledger, Spending, track_costs
from ..types import Cost, Usage
from .files import RowFile, open_rows
from .rows import Row, Worker

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """What a run did.

    Attributes:
        rows: how many rows it processed.
        failed: how many of them have an error.
        skipped: how many rows were in the file already.
        spending: the tokens and the cost of this run, calls that failed included.
    """

    rows: int = 0
    failed: int = 0
    skipped: int = 0
    spending: Spending = field(default_factory=Spending)

    def __str__(self) -> str:
        skipped = f", {self.skipped:,} done before" if self.skipped else ""
        return f"{self.rows:,} rows, {self.failed:,} failed{skipped}; {self.spending}"


def process(rows: Iterable[Any], worker: Worker, path: str | os.PathLike[str], **options: Any) -> Report:
    """Process rows and append the results to a file. Run it again to continue.

    Blocks until the job ends; `aprocess` is the async version, and documents the arguments.

    Raises:
        RuntimeError: an event loop is running.

    Examples:
        >>> def create_chat():
        ...     return ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07").ainvoke
        >>> process(rows, Answers(create_chat), "answers.jsonl", concurrency=100)        # doctest: +SKIP
    """
    if _has_running_loop():
        raise RuntimeError("process() can't run in an event loop, such as a notebook's: await aprocess(…) instead.")
    return asyncio.run(aprocess(rows, worker, path, **options))


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def aprocess(
    rows: Iterable[Any],
    worker: Worker,
    path: str | os.PathLike[str],
    *,
    id_column: str = "index",
    concurrency: int = 64,
    requests_per_minute: float | None = None,
    max_cost_usd: Decimal | float | str | None = None,
    max_tokens_total: int | None = None,
    retry_errors: bool = False,
    show_progress_bar: bool = False,
) -> Report:
    """Process rows concurrently, and append each to a file as soon as it is finished.

    A row of the file has the columns of the input row, its `index` in the input, and those that `worker` adds. Finished
    rows are skipped by a new run; a process that is killed loses the rows that it was waiting for, and no others.

    Args:
        rows: dicts with the column of `worker`, or just its values; any iterable, read as needed. The same in each run.
        worker: `Answers(…)` or `Vectors(…)`.
        path: `….jsonl` for JSON Lines, `….parquet` for a folder of Parquet files (needs pyarrow).
        id_column: a column of unique ints or strings that identifies rows; by default their position in the input.
        concurrency: the number of requests at a time.
        requests_per_minute: requests are spaced to stay below it. Retries don't count.
        max_cost_usd: dollars for the whole file, earlier runs included.
        max_tokens_total: tokens for the whole file, earlier runs included.
        retry_errors: whether rows of earlier runs that have an error are processed again.
        show_progress_bar: whether to show a progress bar; needs `rich`.

    Returns:
        What this run did. `read_results(path)` returns the rows in order.

    Raises:
        AIMLAPIError: an error that every row would have, or BudgetExceededError. Rows that were being processed are
            finished and written first.
        TypeError, ValueError: a row has no id or can't be written to the file, or the file has another value for it.
            Rows before it are finished and written first.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency={concurrency!r}: expected a number from 1 up.")
    if requests_per_minute is not None:
        worker = worker.with_limiter(RateLimiter(requests_per_minute))
    with closing(open_rows(path, worker.columns)) as file, track_costs(max_cost_usd, max_tokens_total) as ledger:
        job = _Job(rows, worker, file, id_column, retry_errors)
        ledger_before = job.load(ledger)
        with _progress(show_progress_bar, rows, job.report) as job.on_progress:
            try:
                await job.run(concurrency)
            finally:
                job.report.spending = _difference(ledger.total, ledger_before)
    logger.info("bulk job: %s", job.report)
    return job.report


class _Job:
    """The state of a run, which its tasks share."""

    def __init__(self, rows: Iterable[Any], worker: Worker, file: RowFile, id_column: str, retry_errors: bool) -> None:
        self.report = Report()
        self.on_progress: Callable[[], None] = lambda: None
        self._worker = worker
        self._file = file
        self._id_column = id_column
        self._retry_errors = retry_errors
        self._done: dict[int | str, bytes] = {}  # digests of values, by id
        self._seen: set[int | str] = set()
        self._batches = self._pending_batches(rows)
        self._error: BaseException | None = None

    def load(self, ledger: Ledger) -> Spending:
        """Read the rows of earlier runs, add their spending to the ledger, and return it."""
        total = Spending()
        for row in self._file.read():
            total += _spending_of(row)
            if self._id_column not in row:
                raise ValueError(f"The file has a row without {self._id_column!r}: it is of another job.")
            if row.get("error") is not None and self._retry_errors:
                self._done.pop(row[self._id_column], None)
            else:
                self._done[row[self._id_column]] = _digest(row.get(self._worker.column))
        if total.calls:
            usage = Usage(total.input_tokens, total.output_tokens, total.input_tokens + total.output_tokens)
            ledger.add("earlier runs", usage, Cost(f"{total.usd:f}"))
        return ledger.total

    async def run(self, concurrency: int) -> None:
        """Process all rows.

        Raises:
            BaseException: the first error that is not a row's own, after the other tasks have finished their rows.
        """
        tasks = [asyncio.ensure_future(self._run_task()) for _ in range(concurrency)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._error is not None:
            raise self._error

    async def _run_task(self) -> None:
        try:
            while self._error is None and (batch := next(self._batches, None)):
                await self._process(batch)
        except Exception as error:  # noqa: BLE001  # raised by `run`, once the other tasks have ended
            self._error = self._error or error

    async def _process(self, batch: list[Row]) -> None:
        results = await self._worker.process([row[self._worker.column] for row in batch])
        finished = ({**row, **self._added(result)} for row, result in zip(batch, results, strict=True))
        self._file.append([self._file.encode(row) for row in finished])
        self.report.rows += len(results)
        self.report.failed += sum(result.get("error") is not None for result in results)
        self.on_progress()

    def _added(self, result: Row) -> Row:
        return {name: result.get(name) for name in self._worker.columns}

    # --- the input ----------------------------------------------------------------------------------------------------

    def _pending_batches(self, rows: Iterable[Any]) -> Iterator[list[Row]]:
        """Yield the rows that are not in the file, in batches of the worker's size."""
        pending = self._pending_rows(rows)
        while batch := list(islice(pending, self._worker.batch_size)):
            yield batch

    def _pending_rows(self, rows: Iterable[Any]) -> Iterator[Row]:
        for index, value in enumerate(rows):
            row = self._normalize(index, value)
            if self._is_done(row):
                self.report.skipped += 1
                self.on_progress()
            else:
                yield row

    def _normalize(self, index: int, value: Any) -> Row:
        """Return an input row with its index, if the file can hold it."""
        row = dict(value) if isinstance(value, Mapping) else {self._worker.column: value}
        if self._id_column == "index" and "index" in row:
            raise ValueError("The rows have a column 'index', which the file has for the position. Rename it.")
        row = {"index": index, **row}
        if self._worker.column not in row:
            raise ValueError(f"Row {index} has no column {self._worker.column!r}: its columns are {[*row]}.")
        try:
            self._file.encode(row)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Row {index} can't be written to the file: {error}") from error
        return row

    def _is_done(self, row: Row) -> bool:
        """Return whether the file has a row.

        Raises:
            TypeError: it has no id.
        ValueError: two rows have the same id, or the file has another value for it.
        """
        row_id = row.get(self._id_column)
        if not isinstance(row_id, (int, str)):
            raise TypeError(f"Row {row['index']}: expected an int or str as {self._id_column!r}, received {row_id!r}.")
        if self._id_column != "index":
            if row_id in self._seen:
                raise ValueError(f"Two rows have the same {self._id_column!r}: {row_id!r}.")
            self._seen.add(row_id)
        digest = self._done.get(row_id)
        if digest is not None and digest != _digest(row[self._worker.column]):
            raise ValueError(
                f"The file has another {self._worker.column!r} for the row with {self._id_column}={row_id!r}. Pass the "
                f"same rows in each run, or id_column if their order changes, or another file."
            )
        return digest is not None


def _digest(value: Any) -> bytes:
    return blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=8).digest()


def _spending_of(row: Row) -> Spending:
    """Return the spending of a stored row."""
    tokens_in, tokens_out = row.get("input_tokens") or 0, row.get("output_tokens") or 0
    return Spending(
        calls=1, input_tokens=tokens_in, output_tokens=tokens_out, usd=Decimal(str(row.get("cost_usd") or 0))
    )


def _difference(total: Spending, before: Spending) -> Spending:
    return Spending(*(getattr(total, name) - getattr(before, name) for name in Spending.__slots__))


# --- progress -----------------------------------------------------------------------------------------------------


@contextmanager
def _progress(shown: bool, rows: Iterable[Any], report: Report) -> Iterator[Callable[[], None]]:
    """Show a progress bar if `shown`, and return the function that updates it from the report.

    Raises:
        ImportError: `rich`, which draws it, is not installed.
    """
    if not shown:
        yield lambda: None
        return
    try:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError as error:
        raise ImportError('show_progress_bar needs rich: pip install "aimlapi-integrations[cli]"') from error
    total = len(rows) if isinstance(rows, Sized) else None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("rows", total=total)

        def update() -> None:
            failed = f", {report.failed:,} failed" if report.failed else ""
            bar.update(task, completed=report.rows + report.skipped, description=f"rows{failed}")

        yield update


# --- a limit on requests per minute -------------------------------------------------------------------------------


class RateLimiter:
    """Spaces requests evenly, so that no minute has more than `requests_per_minute` of them.

    It has the async method of LangChain's rate limiters, and can be a Ray actor as these can.

    Args:
        requests_per_minute: how many requests may start in any minute.
        clock: returns seconds that never go back.
        sleep: waits for a number of seconds.

    Raises:
        ValueError: `requests_per_minute` isn't above 0.

    Examples:
        >>> limiter = RateLimiter(requests_per_minute=600)
        >>> limiter.delay(), limiter.delay() > 0.09     # seconds until each request may start
        (0.0, True)
    """

    def __init__(
        self,
        requests_per_minute: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if not requests_per_minute > 0:
            raise ValueError(f"requests_per_minute={requests_per_minute!r}: expected a number above 0.")
        self._interval = 60 / requests_per_minute
        self._clock = clock
        self._sleep = sleep
        self._next = -float("inf")

    def delay(self) -> float:
        """Reserve the next start, and return the seconds until then."""
        now = self._clock()
        start = max(now, self._next)
        self._next = start + self._interval
        return start - now

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Wait until a request may start. With `blocking=False`, return whether it may start now."""
        if not blocking and self._clock() < self._next:
            return False
        delay = self.delay()
        if delay > 0:
            await self._sleep(delay)
        return True
