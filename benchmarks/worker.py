"""Measures one subject, in a process of its own.

    python -m benchmarks.worker SUBJECT ENDPOINT URL

Reads the number of a turn and the name of a scenario from each line, and prints a line of JSON for it. `cpu` and `wall`
are seconds per unit: a call, a chunk, an instance, a text, or an import. `growth` is the cost of a chunk of a long
stream as a multiple of one of a short stream. `error` is why a subject can't run the scenario.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from benchmarks.subjects import DRIVERS, SUBJECTS, Subject

Figures = dict[str, float]
TIME_LIMIT = 0.5  # seconds after which a slow subject doesn't repeat a scenario
REPEATED_FIRST = 20  # open streams before memory is measured


def measure(work: Callable[[], object], units: int = 1, times: int = 1) -> Figures:
    """Return the seconds per unit of `work`, which does so many units: the median of at most `times` repetitions."""
    gc.collect()
    start, seconds = time.perf_counter(), list[tuple[float, float]]()
    while len(seconds) < times and (not seconds or time.perf_counter() - start < TIME_LIMIT):
        seconds.append(measure_once(work))
    cpu, wall = zip(*seconds, strict=True)
    return {"cpu": statistics.median(cpu) / units, "wall": statistics.median(wall) / units}


def measure_once(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of processor time and of wall time that `work` takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


async def measure_tasks(tasks: list[Coroutine[Any, Any, object]], concurrency: int, units: int) -> Figures:
    """Return the seconds per unit of all tasks together."""
    semaphore = asyncio.Semaphore(concurrency)

    async def run(task: Coroutine[Any, Any, object]) -> None:
        async with semaphore:
            await task

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*map(run, tasks))
    return {"cpu": (time.process_time() - cpu) / units, "wall": (time.perf_counter() - wall) / units}


def vary_conditions(work: Callable[[], Figures], turn: int) -> Figures:
    """Measure `work` at another depth of the stack, and in another phase of the garbage collector, in each turn.

    CPython maps 16 KiB for frames whenever a call crosses the end of those it has, and unmaps them when it returns. The
    collector scans all objects whenever its counters are full. Where that happens is random, and costs up to a fifth of
    an import: https://github.com/python/cpython/issues/142183. The phase only matters for imports: `measure` collects.
    """
    for _ in range(turn % 10):
        gc.collect(1)
    return _call_deeper(work, turn * 9 // 2)  # 27 turns cover the 16 KiB


def _call_deeper(work: Callable[[], Figures], frames: int) -> Figures:
    return _call_deeper(work, frames - 1) if frames else work()


class Bench:
    """The scenarios, for a subject on one endpoint."""

    def __init__(self, subject: Subject, endpoint: str, base_url: str) -> None:
        self.subject, self.endpoint, self.base_url = subject, endpoint, base_url
        self._loop = asyncio.new_event_loop()

    def driver(self, model: str = "plain") -> Any:
        return self.subject.driver(self.base_url, self.endpoint, model)

    def import_and_construct(self) -> Figures:
        """Once, and without `measure`, which would end the collector's phase."""
        cpu, wall = measure_once(self._import_and_construct)
        return {"cpu": cpu, "wall": wall}

    def _import_and_construct(self) -> None:
        self.subject.make(self.base_url, self.endpoint, "plain")

    def second_instance(self) -> Figures:
        self._import_and_construct()
        return measure(self._import_and_construct, times=50)

    # --- one at a time --------------------------------------------------------------------------------------------

    def call(self) -> Figures:
        driver = self.driver()
        driver.call()
        return measure(driver.call, times=150)

    def chunk(self) -> Figures:
        return self._stream("text-500-1")

    def chunk_4(self) -> Figures:
        return self._stream("text-500-4")

    def chunk_16(self) -> Figures:
        return self._stream("text-500-16")

    def long_chunk(self) -> Figures:
        return self._stream("long-200-1")

    def tool_chunk(self) -> Figures:
        return self._stream("tools-500-1")

    def _stream(self, model: str, times: int = 6) -> Figures:
        driver = self.driver(model)
        _drain(self.driver("text-20-1").chunks())
        return measure(lambda: _drain(driver.chunks()), int(model.split("-")[1]), times)

    def chunk_20000(self) -> Figures:
        """Run short streams during each long one, so that `growth` shows its length and not the machine's drift."""
        self._stream("text-500-16")
        start, results = time.perf_counter(), list[Figures]()
        while len(results) < 4 and time.perf_counter() - start < 10 * TIME_LIMIT:
            results.append(self._long_stream())
        return {unit: statistics.median(figures[unit] for figures in results) for unit in results[0]}

    def _long_stream(self) -> Figures:
        """Read 20,000 chunks, 500 at a time, and after each of these pieces a stream of 500."""
        short, chunks = self.driver("text-500-16"), iter(self.driver("text-20000-16").chunks())
        pieces, streams = list[tuple[float, float]](), list[tuple[float, float]]()
        for _ in range(40):
            pieces.append(measure_once(lambda: _drain(islice(chunks, 500))))
            streams.append(measure_once(lambda: _drain(short.chunks())))
        pieces.append(measure_once(lambda: _drain(chunks)))
        (cpu, wall), (short_cpu, _) = map(_sum_columns, (pieces, streams))
        return {"cpu": cpu / 20_000, "wall": wall / 20_000, "growth": cpu / short_cpu}

    def first_chunk(self) -> Figures:
        """Return the time until the first chunk of a stream that pauses after its third event."""
        driver = self.driver("pause-20-1")
        _drain(self.driver("text-20-1").chunks())
        start = time.perf_counter()
        chunks = iter(driver.chunks())
        next(chunks)
        wall = time.perf_counter() - start
        _drain(chunks)
        return {"wall": wall}

    def embeddings(self) -> Figures:
        assert self.subject.embedding
        model, embed = self.subject.embedding(self.base_url), DRIVERS[self.subject.framework].embed
        texts = [f"Text number {number}" for number in range(2048)]
        assert len(embed(model, texts)) == len(texts)
        return measure(lambda: embed(model, texts), len(texts), times=2)

    # --- many at once ---------------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, Figures]) -> Figures:
        """Run everything in one event loop: some peers keep connections of a closed one, and would retry on them."""
        return self._loop.run_until_complete(work)

    def async_1(self) -> Figures:
        return self._run(self._calls(concurrency=1, count=200))

    def async_20(self) -> Figures:
        return self._run(self._calls(concurrency=20, count=200))

    def async_100(self) -> Figures:
        return self._run(self._calls(concurrency=100, count=600))

    def async_500(self) -> Figures:
        return self._run(self._calls(concurrency=500, count=1000))

    async def _calls(self, concurrency: int, count: int) -> Figures:
        driver = self.driver()
        await driver.acall()
        return await measure_tasks([driver.acall() for _ in range(count)], concurrency, count)

    def streams_1(self) -> Figures:
        return self._run(self._streams(concurrency=1, count=10, chunks=100))

    def streams_20(self) -> Figures:
        return self._run(self._streams(concurrency=20, count=60, chunks=20))

    def streams_200(self) -> Figures:
        return self._run(self._streams(concurrency=200, count=400, chunks=20))

    async def _streams(self, concurrency: int, count: int, chunks: int) -> Figures:
        driver = self.driver(f"text-{chunks}-1")
        await _adrain(driver)
        return await measure_tasks([_adrain(driver) for _ in range(count)], concurrency, count * chunks)

    # --- memory and sockets ---------------------------------------------------------------------------------------

    def peak_memory(self) -> Figures:
        self.call()
        self._stream("text-500-16", times=1)
        return {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}

    def open_streams(self) -> Figures:
        """Return the memory of a stream that has begun, in KB, after the first ones are open.

        All of them together are fewer than the 100 connections to which httpx and aiohttp limit a client.
        """
        return self._run(self._open_streams(count=70))

    async def _open_streams(self, count: int) -> Figures:
        driver = self.driver("hold-20-1")
        streams = [await _begin(driver) for _ in range(REPEATED_FIRST)]
        gc.collect()
        before = _resident_mb()
        streams += [await _begin(driver) for _ in range(count)]
        gc.collect()
        kilobytes = (_resident_mb() - before) * 1024 / count
        for stream in streams:
            await stream.aclose()
        await asyncio.sleep(0.1)  # connections close in tasks of their own
        return {"kb": kilobytes}

    def leaks(self) -> Figures:
        """Return the growth of memory in 2,000 calls, and the sockets left open after 20 event loops."""
        driver = self.driver()
        _repeat(driver.call, 500)
        before = _resident_mb()
        _repeat(driver.call, 2_000)
        grown, sockets = _resident_mb() - before, _count_sockets()
        for _ in range(20):
            asyncio.run(driver.acall())
        gc.collect()
        return {"mb_grown": grown, "sockets_left": _count_sockets() - sockets}


def _sum_columns(seconds: list[tuple[float, float]]) -> tuple[float, float]:
    cpu, wall = zip(*seconds, strict=True)
    return sum(cpu), sum(wall)


def _drain(chunks: Any) -> None:
    for _ in chunks:
        pass


async def _adrain(driver: Any) -> None:
    async for _ in await driver.achunks():
        pass


async def _begin(driver: Any) -> Any:
    stream = await driver.achunks()
    await anext(stream)
    return stream


def _repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()
    gc.collect()


def _resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _count_sockets() -> int:
    count = 0
    for entry in os.scandir("/proc/self/fd"):
        with suppress(OSError):
            count += os.readlink(entry.path).startswith("socket:")
    return count


SCENARIOS: dict[str, Callable[[Bench], Figures]] = {
    "import and construct": Bench.import_and_construct,
    "second instance": Bench.second_instance,
    "call": Bench.call,
    "chunk": Bench.chunk,
    "chunk, 4 per packet": Bench.chunk_4,
    "chunk, 16 per packet": Bench.chunk_16,
    "chunk of 1,000 characters": Bench.long_chunk,
    "chunk at 20,000": Bench.chunk_20000,
    "tool-call chunk": Bench.tool_chunk,
    "first chunk": Bench.first_chunk,
    "async call, 1 at once": Bench.async_1,
    "async call, 20 at once": Bench.async_20,
    "async call, 100 at once": Bench.async_100,
    "async call, 500 at once": Bench.async_500,
    "chunk, 1 async stream": Bench.streams_1,
    "chunk, 20 async streams": Bench.streams_20,
    "chunk, 200 async streams": Bench.streams_200,
    "embedding, 2,048 texts": Bench.embeddings,
    "peak memory": Bench.peak_memory,
    "memory per open stream": Bench.open_streams,
    "leaks": Bench.leaks,
}


def run_scenario(bench: Bench, scenario: str, turn: int) -> Mapping[str, object]:
    try:
        return vary_conditions(lambda: SCENARIOS[scenario](bench), turn)
    except Exception as error:  # noqa: BLE001  # whatever a peer raises
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    name, endpoint, base_url = sys.argv[1:]
    bench = Bench(SUBJECTS[name], endpoint, base_url)
    for line in sys.stdin:
        turn, scenario = line.strip().split(" ", 1)
        print(json.dumps(run_scenario(bench, scenario, int(turn))), flush=True)
