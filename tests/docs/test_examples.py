"""Every example runs as it is, on the emulator when no key is set, one command after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

HELPERS = {"common"}
OPT_IN = {"chat_page"}  # run by targets of their own

NEEDS = {"bulk_ray": "ray"}  # run where it is installed

# What an example is called with, run by run, and the words of the output that show that it did its work.
RUNS: dict[str, list[tuple[list[str], list[str]]]] = {
    "agent_with_memory": [([], ["the process ended with code 137", "next: tools", "sunny in Lisbon", "4 calls"])],
    "bulk_ray": [([], ["16 rows, 0 failed"])] * 2,
    "cost_report": [([], ["cost_report.png is drawn", "total"])],
    "extract_table": [([], ["Ada Lovelace", "Compiler", "300"])],
    "fallbacks": [([], ["NotFoundError", "google/gemini-2.5-flash is asked", "[emulated]"])],
    "handoff_li": [([], ["forecaster has the last word", "sunny in Lisbon"])],
    "multimodal": [([], ["visitors.png", "(with an image, a file)"])],
    "quickstart": [([], ["Trip(city='Lisbon', days=4)", "27 of them to think; $0.0000925", "total"])],
    "rag_lc": [(["ingest"], ["sections are in example-data"]), (["query"], ["2,000,000 credits"])],
    "rag_li": [(["ingest"], ["sections are in example-data"]), (["query"], ["2,000,000 credits"])],
    "reasoning": [([], ["thinks", "27 of"])],
    "streaming_chat": [([], ["Who was Ada Lovelace?", "total"])],
}

# Warnings about our own code, or about an example's, are errors; what other packages do among themselves is theirs.
STRICTLY = """
import runpy, sys, warnings
warnings.filterwarnings("error", module=r"aimlapi_integrations(\\.|$)|__main__$|common$")
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(example: str, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    keyless = {name: value for name, value in os.environ.items() if not name.startswith(("AIMLAPI_", "AIML_"))}
    return subprocess.run(
        [sys.executable, "-c", STRICTLY, (EXAMPLES / f"{example}.py").as_posix(), *arguments],
        env=keyless,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("example", sorted(RUNS))
def test_it_runs(example: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS.get(example, "aimlapi_integrations"))
    for arguments, said in RUNS[example]:
        done = run(example, arguments, tmp_path)
        assert done.returncode == 0, done.stderr
        assert "emulator" in done.stdout
        missing = [words for words in said if words not in done.stdout]
        assert not missing, done.stdout


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} - HELPERS == set(RUNS) | OPT_IN


def test_examples_stay_short() -> None:
    lines = {path.stem: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.glob("*.py")}
    assert not {name: count for name, count in lines.items() if count >= 100}
