"""One measurement in a process of its own: `python -m benchmarks.worker SUBJECT SCENARIO ENDPOINT URL` prints JSON.

`cpu` and `wall` are seconds per unit: a call, a chunk, an instance.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks.subjects import DRIVERS, SUBJECTS, Subject

Figures = dict[str, float]


def timed(work: Callable[[], int]) -> Figures:
    """Seconds per unit of `work`, which returns how many units it did."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    units = work()
    return {"cpu": (time.process_time() - cpu) / units, "wall": (time.perf_counter() - wall) / units}


class Bench:
    """A subject on one endpoint, and the scenarios it can be put through."""

    def __init__(self, subject: Subject, endpoint: str, base_url: str) -> None:
        self.subject, self.endpoint, self.base_url = subject, endpoint, base_url

    def driver(self, model: str = "plain") -> Any:
        return DRIVERS[self.subject.framework](self.subject.make(self.base_url, self.endpoint, model))

    def call(self) -> Figures:
        return self._calls(300)

    def _calls(self, count: int) -> Figures:
        driver = self.driver()
        driver.ask()

        def work() -> int:
            for _ in range(count):
                driver.ask()
            return count

        return timed(work)

    def chunk(self) -> Figures:
        return self._stream("chunks-500", 6)

    def chunk_20000(self) -> Figures:
        return self._stream("chunks-20000", 1)

    def tool_chunk(self) -> Figures:
        return self._stream("tools-500", 6)

    def _stream(self, model: str, rounds: int) -> Figures:
        driver = self.driver(model)
        self.driver("chunks-20").stream()
        units = int(model.partition("-")[2]) * rounds

        def work() -> int:
            for _ in range(rounds):
                driver.stream()
            return units

        return timed(work)

    def first_chunk(self) -> Figures:
        driver = self.driver("pause-20")
        self.driver("chunks-20").stream()
        start = time.perf_counter()
        stream = (
            driver.llm.stream("Hello")
            if self.subject.framework == "langchain"
            else driver.llm.stream_chat(driver.messages)
        )
        next(iter(stream))
        wall = time.perf_counter() - start
        for _ in stream:
            pass
        return {"cpu": 0.0, "wall": wall}

    def import_and_construct(self) -> Figures:
        return timed(lambda: self.driver() is not None)

    def second_instance(self) -> Figures:
        self.driver()
        return timed(lambda: sum(self.driver() is not None for _ in range(50)))

    def async_100(self) -> Figures:
        return asyncio.run(self._concurrent(calls=1_000, at_once=100))

    async def _concurrent(self, calls: int, at_once: int) -> Figures:
        driver = self.driver()
        await driver.aask()
        gate = asyncio.Semaphore(at_once)

        async def one() -> None:
            async with gate:
                await driver.aask()

        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(one() for _ in range(calls)))
        return {"cpu": (time.process_time() - cpu) / calls, "wall": (time.perf_counter() - wall) / calls}

    def streams_200(self) -> Figures:
        return asyncio.run(self._streams(200, 100))

    async def _streams(self, count: int, chunks: int) -> Figures:
        driver = self.driver(f"chunks-{chunks}")
        await driver.astream()
        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(driver.astream() for _ in range(count)))
        units = count * chunks
        return {"cpu": (time.process_time() - cpu) / units, "wall": (time.perf_counter() - wall) / units}

    def peak_memory(self) -> Figures:
        self._calls(50)
        self._stream("chunks-500", 1)
        return {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}

    def leaks(self) -> Figures:
        """Growth of memory over 2,000 calls and sockets left open after 20 event loops."""
        driver = self.driver()
        for _ in range(200):
            driver.ask()
        gc.collect()
        before = _resident()
        for _ in range(2_000):
            driver.ask()
        gc.collect()
        grown, sockets = _resident() - before, _sockets()
        for _ in range(20):
            asyncio.run(driver.aask())
        gc.collect()
        return {"mb_grown": grown, "sockets_left": _sockets() - sockets}


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
    "call": Bench.call,
    "chunk": Bench.chunk,
    "chunk at 20,000": Bench.chunk_20000,
    "tool-call chunk": Bench.tool_chunk,
    "first chunk": Bench.first_chunk,
    "import and construct": Bench.import_and_construct,
    "second instance": Bench.second_instance,
    "async call, 100 at once": Bench.async_100,
    "chunk, 200 streams": Bench.streams_200,
    "peak memory": Bench.peak_memory,
    "leaks": Bench.leaks,
}


if __name__ == "__main__":
    name, scenario, endpoint, base_url = sys.argv[1:]
    print(json.dumps(SCENARIOS[scenario](Bench(SUBJECTS[name], endpoint, base_url))))
