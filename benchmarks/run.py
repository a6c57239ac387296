"""Measure ours against the floor and the peers, side by side: `make bench`.

    python -m benchmarks.run [--rounds N] [SCENARIO …]

A canned server in its own process; subjects in processes of their own that take turns at every scenario, so that a
machine that drifts touches all alike; ratios of figures taken one after another, and the medians of these.
Prints ratios and limits, writes `benchmarks/results.json` and `docs/pages/speed.png`.
"""

from __future__ import annotations

import argparse
import compileall
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

import aimlapi_integrations
from benchmarks.chart import draw
from benchmarks.figures import Figures, Key, Results, medians
from benchmarks.limits import verdicts
from benchmarks.report import about, table, times_floor
from benchmarks.subjects import CHAT, FLOORS, RESPONSES, SUBJECTS, Subject
from benchmarks.worker import SCENARIOS

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pages" / "speed.png"

# What a process can be asked but once, as the first thing or the only one.
ALONE = ("import and construct", "peak memory", "leaks")
IN_THE_FIRST_ROUND = ("leaks",)
# How often subjects take turns at a scenario in one round, where it is not three times.
HEATS = {"import and construct": 9, "chunk at 20,000": 1, "first chunk": 1, "peak memory": 1, "leaks": 1}
MOST_HEATS = max(HEATS.values())
# The floor knows texts only and one event loop.
NOT_FOR_FLOORS = ("tool-call chunk", "leaks")
# The same on both endpoints.
ON_CHAT_ONLY = ("import and construct", "embedding, 2,048 texts")


def compile_ours() -> None:
    """Leave bytecode beside our sources, as pip does of what it installs: importing them is measured, not compiling."""
    for folder in (Path(aimlapi_integrations.__file__).parent, HERE):
        compileall.compile_dir(folder, quiet=1)


@contextmanager
def server() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.server"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Who(NamedTuple):
    """A subject on one of the endpoints that it speaks."""

    subject: Subject
    endpoint: str

    def does(self, scenario: str, number: int) -> bool:
        """Whether it is put through a scenario in round `number`, counted from 0."""
        if scenario in self.subject.without or (number and scenario in IN_THE_FIRST_ROUND):
            return False
        if scenario in ON_CHAT_ONLY and self.endpoint != CHAT:
            return False
        if scenario == "embedding, 2,048 texts":
            return self.subject.embedding is not None
        return not (scenario in NOT_FOR_FLOORS and self.subject.name in FLOORS.values())


class Worker:
    """A subject in a process of its own, which measures what it is asked to."""

    def __init__(self, who: Who, base_url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", who.subject.name, who.endpoint, base_url]
        self.who = who
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def measure(self, scenario: str, heat: int) -> Figures | None:
        """The figures; None where the subject cannot do it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(heat, scenario, file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            print(f"{self.who.subject.name}, {self.who.endpoint}, {scenario}: {answer['error']}", file=sys.stderr)
            return None
        figures: Figures = answer
        return figures

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


class Crew(ExitStack):
    """Workers that stay for the next scenario, but where one needs a process of its own."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url
        self._workers: dict[Who, Worker] = {}

    def measure(self, who: Who, scenario: str, heat: int) -> Figures | None:
        if scenario in ALONE:
            with Worker(who, self._base_url) as worker:
                return worker.measure(scenario, heat)
        if who not in self._workers:
            self._workers[who] = self.enter_context(Worker(who, self._base_url))
        return self._workers[who].measure(scenario, heat)


class Heat(NamedTuple):
    """One scenario, once, for all of a framework's subjects that do it."""

    number: int
    scenario: str
    crew: list[Who]


def plan(asked: Sequence[str], number: int, framework: str) -> list[Heat]:
    """The heats of round `number`, counted from 0; heats are counted through all rounds."""
    crew = [
        Who(subject, endpoint)
        for subject in SUBJECTS.values()
        for endpoint in subject.endpoints
        if subject.framework == framework and subject.installed
    ]
    return [
        Heat(number * MOST_HEATS + heat, name, [who for who in crew if who.does(name, number)])
        for name in asked
        for heat in range(HEATS.get(name, 3))
    ]


def run(asked: Sequence[str], rounds: int) -> Results:
    """The figures of all rounds, in the order of the scenarios."""
    found: dict[Key, dict[int, Figures]] = {}
    with server() as base_url:
        groups = [plan(asked, number, framework) for number in range(rounds) for framework in FLOORS]
        for heats in track(groups, description="Measuring"):
            for heat, who, figures in _measured(heats, base_url):
                found.setdefault(Key(heat.scenario, who.endpoint, who.subject.name), {})[heat.number] = figures
    order = [Key(name, endpoint, subject) for name in asked for endpoint in (CHAT, RESPONSES) for subject in SUBJECTS]
    return {key: found[key] for key in order if key in found}


def _measured(heats: list[Heat], base_url: str) -> Iterator[tuple[Heat, Who, Figures]]:
    with Crew(base_url) as crew:
        for heat in heats:
            for who in heat.crew:
                if figures := crew.measure(who, heat.scenario, heat.number):
                    yield heat, who, figures


def main() -> None:
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="; ".join(SCENARIOS))
    asked = command.parse_args()
    compile_ours()
    results = run(asked.scenarios or list(SCENARIOS), asked.rounds)
    console = Console(width=130)
    console.print(table(results))
    console.print(verdicts(results))
    rows = [{**key._asdict(), **medians(results, key), **times_floor(results, key)} for key in results]
    (HERE / "results.json").write_text(json.dumps({"about": about(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    draw(results, PICTURE)
    console.print("wrote benchmarks/results.json and docs/pages/speed.png")


if __name__ == "__main__":
    main()
