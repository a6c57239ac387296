"""A batch outlives the process that submitted it: a new one fetches its results by id, in order, and sums the costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from aimlapi_integrations import track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import BatchAPI, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.llama_index import BatchAPI as LlamaIndexBatchAPI

CLAUDE = "anthropic/claude-haiku-4.5"
COUNT = 1_000
PRICE = {"input": 1e-06, "output": 5e-06}


class Invoice(BaseModel):
    """An invoice."""

    number: int
    vendor: str


def texts() -> list[str]:
    return [f"Invoice number {number} from 'Vendor {number}'" for number in range(COUNT)]


# Submits, notes the id, and is killed while it waits for the results.
SUBMIT = """
import os, sys
from pathlib import Path
from tests.client.test_batch_of_thousand import ADAPTERS, texts
job = ADAPTERS[sys.argv[1]](sys.argv[2]).submit(texts())
Path(sys.argv[3]).write_text(job.id)
print("submitted", flush=True)
job.results(interval=60)
"""


def langchain_batches(base_url: str) -> BatchAPI:
    model = ChatAIMLAPI(model=CLAUDE, max_tokens=200, api_key="k", base_url=base_url, prices=PRICE)
    return BatchAPI(model.with_structured_output(Invoice))


def llama_index_batches(base_url: str) -> LlamaIndexBatchAPI:
    llm = AIMLAPI(model=CLAUDE, max_tokens=200, api_key="k", api_base=base_url, prices=PRICE)
    return LlamaIndexBatchAPI(llm.as_structured_llm(Invoice))


ADAPTERS = {"langchain": langchain_batches, "llama-index": llama_index_batches}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_batch_of_a_thousand_extractions_survives_a_killed_process(
    adapter: str, gateway: Emulator, tmp_path: Path
) -> None:
    note, root = tmp_path / "batch-id", Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "integrations")])}
    command = [sys.executable, "-c", SUBMIT, adapter, gateway.base_url, str(note)]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "submitted\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL

    with track_costs() as costs:
        job = ADAPTERS[adapter](gateway.base_url).resume(note.read_text())
        results = job.results(interval=0)
    values = [getattr(result, "raw", result) for result in results]
    assert len(values) == COUNT
    assert [value.vendor for value in values] == [f"Vendor {number}" for number in range(COUNT)]
    assert [value.number for value in values] == list(range(COUNT))

    posts = [request for request in gateway.requests if request.method == "POST"]
    assert len(posts) == 1  # submitted once, by the process that was killed
    total = costs.total
    assert (total.calls, total.unpriced) == (COUNT, 0)
    assert total.usd == Decimal("0.5") * (total.input_tokens * Decimal("1e-6") + total.output_tokens * Decimal("5e-6"))
