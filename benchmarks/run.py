"""Measure ours against the floor and the peers, side by side: `make bench`.

    python -m benchmarks.run [--rounds N] [SCENARIO …]

A canned server in its own process, every measurement in a process of its own, rounds interleaved so that a drifting
machine touches all alike; medians. Prints ratios, writes `benchmarks/results.json` and `benchmarks/results.png`.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.chart import draw
from benchmarks.subjects import SUBJECTS
from benchmarks.worker import SCENARIOS, Figures

HERE = Path(__file__).parent
ONCE = ("peak memory", "leaks", "first chunk")
PACKAGES = ("langchain-core", "langchain-openai", "langchain-openrouter", "llama-index-core", "llama-index-llms-openai")
NEEDS = {
    "ChatOpenAI": "langchain_openai",
    "ChatOpenRouter": "langchain_openrouter",
    "OpenAILike": "llama_index.llms.openai_like",
    "OpenAIResponses": "llama_index.llms.openai",
}
FLOORS = {"langchain": "langchain floor", "llama-index": "llama-index floor"}

Key = tuple[str, str, str]


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


def measure(key: Key, base_url: str) -> Figures | None:
    """The figures of one run; None where the subject cannot do the scenario."""
    scenario, endpoint, name = key
    asked = [sys.executable, "-m", "benchmarks.worker", name, scenario, endpoint, base_url]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def plan(scenarios: list[str]) -> list[Key]:
    names = [name for name in SUBJECTS if name not in NEEDS or _installed(NEEDS[name])]
    return [
        (scenario, endpoint, name)
        for scenario in scenarios
        for endpoint in ("chat_completions", "responses")
        for name in names
        if endpoint in SUBJECTS[name].endpoints
    ]


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def run(keys: list[Key], rounds: int) -> dict[Key, Figures]:
    """Medians over the rounds; in each round every key has its turn."""
    seen: dict[Key, list[Figures]] = defaultdict(list)
    with server() as base_url:
        turns = [key for turn in range(rounds) for key in keys if turn == 0 or key[0] not in ONCE]
        for key in track(turns, description="Measuring"):
            if figures := measure(key, base_url):
                seen[key].append(figures)
    return {key: {name: statistics.median(run[name] for run in runs) for name in runs[0]} for key, runs in seen.items()}


def table(results: dict[Key, Figures]) -> Table:
    shown = Table(title="Medians; × is the multiple of the framework's floor")
    for column in ("scenario", "endpoint", "subject", "cpu", "×", "wall", "×", "other"):
        shown.add_column(column, justify="left" if column in ("scenario", "endpoint", "subject") else "right")
    for (scenario, endpoint, name), figures in results.items():
        floor = results.get((scenario, endpoint, FLOORS[SUBJECTS[name].framework]), {})
        cells = [cell for unit in ("cpu", "wall") for cell in (_time(figures.get(unit)), _ratio(figures, floor, unit))]
        other = ", ".join(f"{key} {value:.1f}" for key, value in figures.items() if key not in ("cpu", "wall"))
        shown.add_row(scenario, endpoint, name, *cells, other)
    return shown


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1e6:.1f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _ratio(figures: Figures, floor: Figures, unit: str) -> str:
    return f"{figures[unit] / floor[unit]:.2f}" if figures.get(unit) and floor.get(unit) else ""


def about() -> dict[str, str]:
    installed = {each.name: each.version for each in distributions()}
    packages = {package: installed.get(package, "not installed") for package in PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine(), **packages}


def main() -> None:
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    command.add_argument("--rounds", type=int, default=5)
    command.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    asked = command.parse_args()
    results = run(plan(asked.scenarios or list(SCENARIOS)), asked.rounds)
    console = Console(width=120)
    console.print(table(results))
    rows = [{"scenario": s, "endpoint": e, "subject": n, **figures} for (s, e, n), figures in results.items()]
    (HERE / "results.json").write_text(json.dumps({"about": about(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    console.print(f"wrote {HERE.name}/results.json" + (f" and {HERE.name}/results.png" if draw(results, HERE) else ""))


if __name__ == "__main__":
    main()
