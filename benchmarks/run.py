"""Compare this package with the two floors and with its peers: `make bench`.

    python -m benchmarks.run [--rounds N] [SCENARIO …]

The server and each subject run in processes of their own. Subjects take turns at every scenario, so that a machine that
slows down affects all of them. A ratio is the median of the ratios of neighboring turns.
Prints ratios and limits, and writes `benchmarks/results.json` and `docs/pages/speed.png`. Interrupted (Ctrl-C), it
prints those of the turns so far, and writes nothing. A round takes about ten minutes.
"""

from __future__ import annotations

import argparse
import compileall
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress

import aimlapi_integrations
from benchmarks.chart import draw
from benchmarks.figures import Figures, Key, Results, medians
from benchmarks.limits import limits_table
from benchmarks.report import describe_environment, floor_ratios, results_table
from benchmarks.subjects import CHAT, FLOORS, RESPONSES, STRICT_FLOORS, SUBJECTS, Subject
from benchmarks.worker import SCENARIOS

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "pages" / "speed.png"

# Scenarios that need a new process.
NEED_PROCESS = ("import and construct", "peak memory", "memory per open stream", "leaks")
FIRST_ROUND_ONLY = ("leaks",)
# Turns per round, where it isn't one: of what has a limit.
TURNS = {
    "import and construct": 9,
    "second instance": 3,
    "call": 3,
    "chunk": 3,
    "tool-call chunk": 3,
    "async call, 100 at once": 3,
    "chunk, 200 async streams": 3,
}
MAX_TURNS = max(TURNS.values())
# The plain floor has no tool calls, and a floor has no event loops to leak sockets in.
NOT_FOR_PLAIN_FLOORS = ("tool-call chunk", "leaks")
# A strict floor has no network to wait for, and no model class of its own.
NOT_FOR_STRICT_FLOORS = ("first chunk", "embedding, 2,048 texts", "peak memory", "memory per open stream", "leaks")
# The same on both endpoints.
ON_CHAT_ONLY = ("import and construct", "second instance", "embedding, 2,048 texts")


def compile_ours() -> None:
    """Compile this package to bytecode, as pip does, so that its import is measured and not its compilation."""
    for folder in (Path(aimlapi_integrations.__file__).parent, HERE):
        compileall.compile_dir(folder, quiet=1)


@contextmanager
def server() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.server"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Participant(NamedTuple):
    """A subject on one of its endpoints."""

    subject: Subject
    endpoint: str

    def takes_part(self, scenario: str, round_number: int) -> bool:
        """Return whether it is measured in a scenario of a round, counted from 0."""
        name = self.subject.name
        if scenario in self.subject.skipped or (round_number and scenario in FIRST_ROUND_ONLY):
            return False
        if scenario in ON_CHAT_ONLY and self.endpoint != CHAT:
            return False
        if name in STRICT_FLOORS.values() and scenario in NOT_FOR_STRICT_FLOORS:
            return False
        if scenario == "embedding, 2,048 texts":
            return self.subject.embedding is not None
        return not (scenario in NOT_FOR_PLAIN_FLOORS and name in FLOORS.values())


class Worker:
    """The process of a participant."""

    def __init__(self, participant: Participant, base_url: str) -> None:
        name, endpoint = participant.subject.name, participant.endpoint
        self.participant = participant
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, endpoint, base_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for this process alone
        )

    def measure(self, scenario: str, turn: int) -> Figures | None:
        """Return the figures of one turn; None if the subject can't run the scenario."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(turn, scenario, file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            name, endpoint = self.participant.subject.name, self.participant.endpoint
            print(f"{name}, {endpoint}, {scenario}: {answer['error']}", file=sys.stderr)
            return None
        figures: Figures = answer
        return figures

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


class Workers(ExitStack):
    """The processes of all participants, which stay for the next scenario unless it needs a new process."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url
        self._workers: dict[Participant, Worker] = {}

    def measure(self, participant: Participant, scenario: str, turn: int) -> Figures | None:
        if scenario in NEED_PROCESS:
            with Worker(participant, self._base_url) as worker:
                return worker.measure(scenario, turn)
        if participant not in self._workers:
            self._workers[participant] = self.enter_context(Worker(participant, self._base_url))
        return self._workers[participant].measure(scenario, turn)


class Turn(NamedTuple):
    """One turn of all participants of a framework at one scenario."""

    number: int
    scenario: str
    participants: list[Participant]


def plan_turns(scenarios: Sequence[str], round_number: int, framework: str) -> list[Turn]:
    """Return the turns of a round. Their numbers count through all rounds."""
    participants = [
        Participant(subject, endpoint)
        for subject in SUBJECTS.values()
        for endpoint in subject.endpoints
        if subject.framework == framework and subject.installed
    ]
    return [
        Turn(
            round_number * MAX_TURNS + turn,
            name,
            [each for each in participants if each.takes_part(name, round_number)],
        )
        for name in scenarios
        for turn in range(TURNS.get(name, 1))
    ]


def run(scenarios: Sequence[str], rounds: int, results: dict[Key, dict[int, Figures]]) -> None:
    """Add the figures of all rounds to `results` as they come."""
    rounds_of_frameworks = [plan_turns(scenarios, number, name) for number in range(rounds) for name in FLOORS]
    with server() as base_url, Progress() as progress:
        bar = progress.add_task("", total=sum(map(len, rounds_of_frameworks)))
        for turns in rounds_of_frameworks:
            with Workers(base_url) as workers:
                for turn in turns:
                    progress.update(bar, description=turn.scenario)
                    for participant in turn.participants:
                        if figures := workers.measure(participant, turn.scenario, turn.number):
                            key = Key(turn.scenario, participant.endpoint, participant.subject.name)
                            results.setdefault(key, {})[turn.number] = figures
                    progress.advance(bar)


def in_order(results: Results, scenarios: Sequence[str]) -> Results:
    """Return the figures in the order of the scenarios."""
    keys = [
        Key(name, endpoint, subject) for name in scenarios for endpoint in (CHAT, RESPONSES) for subject in SUBJECTS
    ]
    return {key: results[key] for key in keys if key in results}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="; ".join(SCENARIOS))
    arguments = parser.parse_args()
    compile_ours()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    scenarios, measured, complete = arguments.scenarios or list(SCENARIOS), dict[Key, dict[int, Figures]](), False
    with suppress(KeyboardInterrupt):
        run(scenarios, arguments.rounds, measured)
        complete = not arguments.scenarios
    results, console = in_order(measured, scenarios), Console(width=140)
    console.print(results_table(results))
    console.print(limits_table(results))
    if not complete:
        return
    rows = [{**key._asdict(), **medians(results, key), **floor_ratios(results, key)} for key in results]
    content = json.dumps({"environment": describe_environment(), "rows": rows}, indent=1) + "\n"
    (HERE / "results.json").write_text(content, encoding="utf-8")
    draw(results, PICTURE)
    console.print("wrote benchmarks/results.json and docs/pages/speed.png")


if __name__ == "__main__":
    main()
