"""Measure ours against the floor and the peers, side by side: `make bench`.

    python -m benchmarks.run [--rounds N] [SCENARIO …]

A canned server in its own process, subjects in processes of their own, rounds interleaved so that a drifting machine
touches all alike; medians. Prints ratios and limits, writes `benchmarks/results.json` and `docs/pages/speed.png`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from benchmarks.chart import draw
from benchmarks.limits import verdicts
from benchmarks.report import about, table
from benchmarks.subjects import CHAT, FLOORS, RESPONSES, SUBJECTS, Subject
from benchmarks.worker import SCENARIOS, Figures

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pages" / "speed.png"

# What a process can be asked but once, as the first thing or the only one; the rest may share a process.
ALONE = ("import and construct", "second instance", "peak memory", "leaks")
ONCE = ("leaks",)
# The floor knows texts only and one event loop, and embeddings are asked in one way.
NOT_FOR_FLOORS = ("tool-call chunk", "leaks")
ON_CHAT_ONLY = ("embedding, 2,048 texts",)


class Key(NamedTuple):
    """What a figure is of."""

    scenario: str
    endpoint: str
    subject: str


Results = dict[Key, Figures]


class Turn(NamedTuple):
    """What one process is asked to measure."""

    subject: str
    endpoint: str
    scenarios: tuple[str, ...]


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


def measure(turn: Turn, base_url: str) -> Results:
    """The figures of one process, as far as it came: a subject that cannot do a scenario ends there."""
    asked = [sys.executable, "-m", "benchmarks.worker", turn.subject, turn.endpoint, base_url, *turn.scenarios]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{turn.subject}, {turn.endpoint}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {Key(line.pop("scenario"), turn.endpoint, turn.subject): line for line in lines}


def plan(asked: Sequence[str], number: int) -> list[Turn]:
    """The turns of round `number`, counted from 0."""
    turns = []
    for subject in SUBJECTS.values():
        for endpoint in subject.endpoints if subject.installed else ():
            wanted = [name for name in asked if _fits(name, subject, endpoint) and (number == 0 or name not in ONCE)]
            shared = tuple(name for name in wanted if name not in ALONE)
            groups = [*((name,) for name in wanted if name in ALONE), *([shared] if shared else [])]
            turns += [Turn(subject.name, endpoint, group) for group in groups]
    return turns


def _fits(scenario: str, subject: Subject, endpoint: str) -> bool:
    if subject.only and scenario not in subject.only:
        return False
    if scenario in ON_CHAT_ONLY:
        return endpoint == CHAT and subject.embedding is not None
    return not (scenario in NOT_FOR_FLOORS and subject.name in FLOORS.values())


def run(asked: Sequence[str], rounds: int) -> Results:
    """Medians over the rounds."""
    seen: dict[Key, list[Figures]] = defaultdict(list)
    turns = [turn for number in range(rounds) for turn in plan(asked, number)]
    with server() as base_url:
        for turn in track(turns, description="Measuring"):
            for key, figures in measure(turn, base_url).items():
                seen[key].append(figures)
    found = {key: _medians(each) for key, each in seen.items()}
    order = [Key(name, endpoint, subject) for name in asked for endpoint in (CHAT, RESPONSES) for subject in SUBJECTS]
    return {key: found[key] for key in order if key in found}


def _medians(runs: list[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--rounds", type=int, default=5)
    command.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="; ".join(SCENARIOS))
    asked = command.parse_args()
    results = run(asked.scenarios or list(SCENARIOS), asked.rounds)
    console = Console(width=130)
    console.print(table(results))
    console.print(verdicts(results))
    rows = [{**key._asdict(), **figures} for key, figures in results.items()]
    (HERE / "results.json").write_text(json.dumps({"about": about(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    draw(results, PICTURE)
    console.print("wrote benchmarks/results.json and docs/pages/speed.png")


if __name__ == "__main__":
    main()
