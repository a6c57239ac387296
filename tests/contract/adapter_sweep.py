"""Check the requests of LangChain and LlamaIndex for every documented model against that model's schema.

    python -m tests.contract.adapter_sweep --contract DIR [--adapter langchain]

The scenarios are those of `contract_sweep.py`, written as users of the frameworks write them. Exits with 1 if a
request is rejected, raises, or has a field that the model's page does not list.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from tests.contract.contract_sweep import Sweep, command, load_contract
from tests.contract.langchain_adapter import LangChain
from tests.contract.llama_index_adapter import LlamaIndex
from tests.contract.scenario import ENDPOINTS, EmbeddingScenario, Json, Scenario

ADAPTERS = {"langchain": LangChain, "llama_index": LlamaIndex}


class AdapterSweep(Sweep):
    """A sweep through one framework."""

    def __init__(self, contract: Any, adapter: LangChain | LlamaIndex) -> None:
        super().__init__(contract)
        self.adapter = adapter

    def body(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> Json:
        """Return the body that the framework's model sends for a scenario."""
        if isinstance(scenario, EmbeddingScenario):
            self.adapter.embed(model, scenario)
        else:
            self.adapter.send(model, ENDPOINTS[path][0], scenario)
        return self.adapter.wire.sent


def run_sweep(name: str, folder: Path) -> int:
    """Run the sweep of one framework; return the number of problems."""
    sweep = AdapterSweep(load_contract(folder), ADAPTERS[name]())
    sweep.run()
    print(f"=== {name}")
    return sweep.report()


def main() -> int:
    cli = command(__doc__)
    cli.add_argument("--adapter", choices=ADAPTERS, help="one framework only")
    args = cli.parse_args()
    names = [args.adapter] if args.adapter else [*ADAPTERS]
    with ProcessPoolExecutor(len(names)) as pool:
        return 1 if sum(pool.map(run_sweep, names, [args.contract] * len(names))) else 0


if __name__ == "__main__":
    sys.exit(main())
