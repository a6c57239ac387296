"""Holds the requests made for every documented model against that model's schema.

    python -m tests.contract.contract_sweep --contract DIR

DIR has `contract.py`, whose class `Contract` knows the schemas. Whether a model can carry a scenario is asked of its
schema with bodies written by hand (`contract_scenarios.py`), never of our own table. Exits with 1 where a request is
refused, raises, or has a field of ours that the model's page does not list.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import AIMLAPIError
from aimlapi_integrations.models import lookup
from tests.contract.scenario import CHAT, EMBEDDINGS, MESSAGES, RESPONSES, EmbeddingScenario, Json, Scenario
from tests.contract.scenarios import scenarios


def load_contract(folder: Path) -> Any:
    """The contract of a folder."""
    spec = importlib.util.spec_from_file_location("contract", folder / "contract.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder} has no contract.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Contract()


class Sweep:
    """Asks a contract, and remembers its answers: many models share a schema."""

    def __init__(self, contract: Any) -> None:
        self.contract = contract
        self.asked: dict[tuple[str, str], list[str]] = {}
        self.able: dict[tuple[str, str, int], bool] = {}
        self.scenarios = scenarios()
        self.carried: Counter[tuple[str, str]] = Counter()
        self.problems: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.warned: Counter[tuple[str, str]] = Counter()

    def run(self) -> None:
        for path in (CHAT, RESPONSES, MESSAGES, EMBEDDINGS):
            for model in self.contract.endpoints[path]:
                for scenario in self.scenarios:
                    if self.carries(path, model, scenario):
                        self.hold(path, model, scenario)

    def carries(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> bool:
        shape = self.contract.endpoints[path][model]["request"]
        key = (path, shape, id(scenario))
        if key not in self.able:
            bodies = scenario.bodies.get(path, ())
            self.able[key] = any(not self.complaints(path, model, body) for body in bodies)
        return self.able[key]

    def complaints(self, path: str, model: str, body: Json) -> list[str]:
        """Every way in which a body breaks the model's schema, and every field that its page does not list."""
        shape = self.contract.endpoints[path][model]["request"]
        key = (shape, json.dumps({**body, "model": ""}, sort_keys=True))
        if key not in self.asked:
            whole = {**body, "model": model}
            unlisted = [f"not listed: {name}" for name in self.contract.undocumented(path, model, whole)]
            self.asked[key] = unlisted + self.contract.problems(path, model, whole)
        return self.asked[key]

    def hold(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> None:
        row = (path, scenario.name)
        self.carried[row] += 1
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always", ParameterWarning)
                body = self.body(path, model, scenario)
            complaints = [each for each in self.complaints(path, model, body) if not is_measured(each, model)]
            self.warned[row] += bool(told)
        except AIMLAPIError as error:
            complaints = [f"raises {type(error).__name__}: {str(error).replace(model, '…')}"]
        for complaint in complaints:
            self.problems[row][complaint].append(model)

    def body(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> Json:
        """What is sent for a scenario."""
        return scenario.body(path, model)

    def report(self) -> int:
        """Prints the table, in one piece; returns how many problems there are."""
        lines = [f"{'endpoint':24}{'scenario':30}{'models':>8}{'warned':>8}{'problems':>10}"]
        for row, models in sorted(self.carried.items()):
            count = sum(map(len, self.problems[row].values()))
            lines.append(f"{row[0]:24}{row[1]:30}{models:8}{self.warned[row]:8}{count:10}")
            for complaint, those in self.problems[row].items():
                lines.append(f"    {complaint[:300]}\n        {len(those)}: {', '.join(those[:6])}")
        total = sum(len(those) for found in self.problems.values() for those in found.values())
        print("\n".join([*lines, f"{sum(self.carried.values())} requests, {total} problems"]), flush=True)
        return total


def is_measured(complaint: str, model: str) -> bool:
    """Return whether a schema refuses an effort that the model was measured to honor. Measurements are newer."""
    measured = (f"reasoning_effort: {level!r} is not one of" for level in lookup(model).efforts)
    return complaint.startswith(tuple(measured))


def command(description: str | None) -> argparse.ArgumentParser:
    """What every sweep is called with."""
    cli = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--contract", type=Path, required=True, help="the folder that holds contract.py")
    return cli


def swept(sweep: Sweep) -> int:
    """Runs and reports; what the command exits with."""
    sweep.run()
    return 1 if sweep.report() else 0


def main() -> int:
    return swept(Sweep(load_contract(command(__doc__).parse_args().contract)))


if __name__ == "__main__":
    sys.exit(main())
