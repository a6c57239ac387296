"""Measurements of one subject, in a process of its own.

    python -m benchmarks.worker SUBJECT ENDPOINT URL

reads the number of a heat and the name of a scenario from each line and prints a line of JSON for it: `cpu` and `wall`
are seconds per unit, which is a call, a chunk, an instance, a text or an import; `growth` is how many times the chunk
of a short stream one of a long costs.
A subject that cannot do a scenario says so as `error`.
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
ENOUGH = 0.5  # seconds after which a slow subject need not go on


def timed(work: Callable[[], object], units: int = 1, times: int = 1) -> Figures:
    """Seconds per unit of `work`, which does that many units: the median of up to so many repetitions."""
    gc.collect()
    start, taken = time.perf_counter(), list[tuple[float, float]]()
    while len(taken) < times and (not taken or time.perf_counter() - start < ENOUGH):
        taken.append(spent(work))
    cpus, walls = zip(*taken, strict=True)
    return {"cpu": statistics.median(cpus) / units, "wall": statistics.median(walls) / units}


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of CPU and of the clock that `work` takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


async def gathered(tasks: list[Coroutine[Any, Any, object]], at_once: int, units: int) -> Figures:
    """Seconds per unit of all the tasks together."""
    gate = asyncio.Semaphore(at_once)

    async def one(task: Coroutine[Any, Any, object]) -> None:
        async with gate:
            await task

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*map(one, tasks))
    return {"cpu": (time.process_time() - cpu) / units, "wall": (time.perf_counter() - wall) / units}


def shifted(work: Callable[[], Figures], heat: int) -> Figures:
    """What `work` measures, from another depth of the stack and another phase of the collector in each heat.

    CPython maps 16 KiB for frames whenever a call crosses the end of those it has, and unmaps them when it returns; it
    looks through all objects whenever its counts are full. Where that falls is luck, and up to a fifth of an import:
    https://github.com/python/cpython/issues/142183. The phase is for imports alone: `timed` collects, and so ends it.
    """
    for _ in range(heat % 10):
        gc.collect(1)
    return _deeper(work, heat * 9 // 2)  # 27 heats reach through the 16 KiB


def _deeper(work: Callable[[], Figures], frames: int) -> Figures:
    return _deeper(work, frames - 1) if frames else work()


class Bench:
    """A subject on one endpoint, and the scenarios it can be put through."""

    def __init__(self, subject: Subject, endpoint: str, base_url: str) -> None:
        self.subject, self.endpoint, self.base_url = subject, endpoint, base_url
        self._loop = asyncio.new_event_loop()

    def driver(self, model: str = "plain") -> Any:
        return DRIVERS[self.subject.framework](self.subject.make(self.base_url, self.endpoint, model))

    def import_and_construct(self) -> Figures:
        """Once, and not `timed`, which would end the heat's phase of the collector."""
        cpu, wall = spent(self.driver)
        return {"cpu": cpu, "wall": wall}

    def second_instance(self) -> Figures:
        self.driver()
        return timed(self.driver, times=50)

    # --- one at a time --------------------------------------------------------------------------------------------

    def call(self) -> Figures:
        driver = self.driver()
        driver.ask()
        return timed(driver.ask, times=150)

    def chunk(self) -> Figures:
        return self._stream("chunks", 500, times=6)

    def chunk_20000(self) -> Figures:
        """Short streams amid each long one: what it costs more is its length, not the machine's drift."""
        self._stream("chunks", 500, times=6)
        start, taken = time.perf_counter(), list[Figures]()
        while len(taken) < 6 and time.perf_counter() - start < 20 * ENOUGH:
            taken.append(self._long_stream())
        return {unit: statistics.median(figures[unit] for figures in taken) for unit in taken[0]}

    def _long_stream(self) -> Figures:
        """20,000 chunks, 500 at a time, and after each of these pieces a stream of 500 of its own."""
        short, chunks = self.driver("chunks-500"), iter(self.driver("chunks-20000").chunks())
        pieces, streams = list[tuple[float, float]](), list[tuple[float, float]]()
        for _ in range(40):
            pieces.append(spent(lambda: _drain(islice(chunks, 500))))
            streams.append(spent(lambda: _drain(short.chunks())))
        pieces.append(spent(lambda: _drain(chunks)))
        (cpu, wall), (short_cpu, _) = map(_sums, (pieces, streams))
        return {"cpu": cpu / 20_000, "wall": wall / 20_000, "growth": cpu / short_cpu}

    def tool_chunk(self) -> Figures:
        return self._stream("tools", 500, times=6)

    def _stream(self, kind: str, count: int, times: int) -> Figures:
        driver = self.driver(f"{kind}-{count}")
        _drain(self.driver(f"{kind}-20").chunks())
        return timed(lambda: _drain(driver.chunks()), count, times)

    def first_chunk(self) -> Figures:
        """Until the first chunk of a stream that pauses after its third event: who buffers, waits."""
        driver = self.driver("pause-20")
        _drain(self.driver("chunks-20").chunks())
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
        return timed(lambda: embed(model, texts), len(texts), times=2)

    # --- many at once ---------------------------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, Figures]) -> Figures:
        """All in one event loop: a peer that keeps the connections of a dead one would be measured with its retries."""
        return self._loop.run_until_complete(work)

    def async_1(self) -> Figures:
        return self._run(self._calls(at_once=1, count=200))

    def async_20(self) -> Figures:
        return self._run(self._calls(at_once=20, count=200))

    def async_100(self) -> Figures:
        return self._run(self._calls(at_once=100, count=600))

    async def _calls(self, at_once: int, count: int) -> Figures:
        driver = self.driver()
        await driver.aask()
        return await gathered([driver.aask() for _ in range(count)], at_once, count)

    def streams_200(self) -> Figures:
        return self._run(self._streams(at_once=200, count=600, chunks=20))

    async def _streams(self, at_once: int, count: int, chunks: int) -> Figures:
        driver = self.driver(f"chunks-{chunks}")
        await driver.astream()
        return await gathered([driver.astream() for _ in range(count)], at_once, count * chunks)

    # --- what it holds --------------------------------------------------------------------------------------------

    def peak_memory(self) -> Figures:
        self.call()
        self._stream("chunks", 500, times=1)
        return {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}

    def leaks(self) -> Figures:
        """Growth of memory over 2,000 calls, and sockets left open after 20 event loops."""
        driver = self.driver()
        _repeat(driver.ask, 500)
        before = _resident()
        _repeat(driver.ask, 2_000)
        grown, sockets = _resident() - before, _sockets()
        for _ in range(20):
            asyncio.run(driver.aask())
        gc.collect()
        return {"mb_grown": grown, "sockets_left": _sockets() - sockets}


def _sums(taken: list[tuple[float, float]]) -> tuple[float, float]:
    cpus, walls = zip(*taken, strict=True)
    return sum(cpus), sum(walls)


def _drain(chunks: Any) -> None:
    for _ in chunks:
        pass


def _repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()
    gc.collect()


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _sockets() -> int:
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
    "chunk at 20,000": Bench.chunk_20000,
    "tool-call chunk": Bench.tool_chunk,
    "first chunk": Bench.first_chunk,
    "async call, 1 at once": Bench.async_1,
    "async call, 20 at once": Bench.async_20,
    "async call, 100 at once": Bench.async_100,
    "chunk, 200 streams": Bench.streams_200,
    "embedding, 2,048 texts": Bench.embeddings,
    "peak memory": Bench.peak_memory,
    "leaks": Bench.leaks,
}


def answered(bench: Bench, scenario: str, heat: int) -> Mapping[str, object]:
    try:
        return shifted(lambda: SCENARIOS[scenario](bench), heat)
    except Exception as error:  # noqa: BLE001  # whatever a peer raises
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    name, endpoint, base_url = sys.argv[1:]
    bench = Bench(SUBJECTS[name], endpoint, base_url)
    for line in sys.stdin:
        heat, scenario = line.strip().split(" ", 1)
        print(json.dumps(answered(bench, scenario, int(heat))), flush=True)
