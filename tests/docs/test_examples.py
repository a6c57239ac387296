"""Every example runs unchanged, on the emulator because no key is set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

HELPERS = {"common", "mcp_stand_in"}
OPT_IN = {"chat_page"}  # run by its own target

NEEDS = {"bulk_ray": "ray", "mcp_tools": "langchain_mcp_adapters"}  # run where it is installed

# Both frameworks, sync and async, read pages, rerank them to the best two, and cite them.
RAG_FUNCTIONS = ("langchain", "langchain_async", "llama_index", "llama_index_async")
RAG_PDF = [f"{name}: [emulated] You said: " for name in RAG_FUNCTIONS]
RAG_PDF += ["[1] [emulated] page 1 of 3", "page_label: 1\n", "Source 2:\n[emulated] page 2 of 3", "in 5 calls"]

# Arguments of each run, and text in its output that shows that the example worked.
RUNS: dict[str, list[tuple[list[str], list[str]]]] = {
    "agent_with_memory": [([], ["the process ended with code 137", "next: tools", "sunny in Lisbon", "4 model calls"])],
    "bulk_ray": [([], ["16 rows, 0 failed"])] * 2,
    "cost_report": [([], ["The chart is in example-data/cost_report.png", "total"])],
    "extract_table": [([], ["Ada Lovelace", "Compiler", "300"])],
    "fallbacks": [([], ["NotFoundError", "calling google/gemini-2.5-flash", "[emulated]"])],
    "handoff_li": [([], ["forecaster gives the answer", "sunny in Lisbon"])],
    "mcp_tools": [([], ["LangChain   ping", "emulated/", ".mp4", "LlamaIndex  ", "Based on account_balance"])],
    "multimodal": [([], ["visitors.png", "(with an image, a file)"])],
    "quickstart": [
        (
            [],
            [
                *("sunny in Paris", "tool_use", "thinking, signature", "Trip(city='Lisbon', days=4)", "NotFoundError"),
                *("$0.0002 is spent: 3 calls were sent, no more", "51 tokens (27 reasoning), $0.0000925", "total"),
            ],
        )
    ],
    "rag_lc": [(["ingest"], ["sections are stored in example-data"]), (["query"], ["2,000,000 credits"])],
    "rag_li": [(["ingest"], ["sections are stored in example-data"]), (["query"], ["2,000,000 credits"])],
    "rag_pdf": [([], RAG_PDF)],
    "rag_rerank_lc": [(mode, ["relevance", "[1]", "2,000,000 credits", "typesafe/jev"]) for mode in ([], ["--async"])],
    "rag_rerank_li": [(mode, ["relevance", "[1]", "2,000,000 credits", "typesafe/jev"]) for mode in ([], ["--async"])],
    "reasoning": [([], ["reasoning", "(27 reasoning)"])],
    "streaming_chat": [([], ["Who was Ada Lovelace?", "total"])],
}

STREAMING = {"rag_lc", "rag_li", "streaming_chat"}  # the terminal wraps what arrives in pieces

# Warnings caused by our code or by the example are errors. Warnings among other packages are not.
RUN_WITH_STRICT_WARNINGS = """
import runpy, sys, warnings
warnings.filterwarnings("error", module=r"aimlapi_integrations(\\.|$)|__main__$|common$")
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(example: str, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIMLAPI_", "AIML_"))}
    return subprocess.run(
        [sys.executable, "-c", RUN_WITH_STRICT_WARNINGS, (EXAMPLES / f"{example}.py").as_posix(), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("example", sorted(RUNS))
def test_example_runs_on_the_emulator(example: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS.get(example, "aimlapi_integrations"))
    for arguments, expected in RUNS[example]:
        process = run(example, arguments, tmp_path)
        assert process.returncode == 0, process.stderr
        assert "emulator" in process.stdout
        words = " ".join(process.stdout.split())  # without the line breaks of the terminal
        missing = [text for text in expected if text not in process.stdout and text not in words]
        assert not missing, process.stdout
        lines = process.stdout.splitlines()
        assert example in STREAMING or not [line for line in lines if len(line) > 80 and "(raylet)" not in line], (
            process.stdout
        )


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} - HELPERS == set(RUNS) | OPT_IN


def test_examples_stay_short() -> None:
    lines = {path.stem: len(path.read_text("utf-8").splitlines()) for path in EXAMPLES.glob("*.py")}
    assert not {name: count for name, count in lines.items() if count > 100 and name not in HELPERS}
