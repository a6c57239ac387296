"""Check the requests for every documented model against that model's schema.

    python -m tests.contract.contract_sweep --contract DIR

DIR has `contract.py`, whose class `Contract` knows the schemas. A model supports a scenario if its schema
accepts one of the bodies written by hand (`scenarios.py`); our own table is not consulted. Exits with 1 if a request
is rejected, raises, or has a field that the model's page does not list.
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
    """Load the contract of a folder."""
    spec = importlib.util.spec_from_file_location("contract", folder / "contract.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{folder} has no contract.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Contract()


class Sweep:
    """Checks requests against a contract, and caches the results: many models share a schema."""

    def __init__(self, contract: Any) -> None:
        self.contract = contract
        self.checked: dict[tuple[str, str], list[str]] = {}
        self.supported: dict[tuple[str, str, int], bool] = {}
        self.scenarios = scenarios()
        self.carried: Counter[tuple[str, str]] = Counter()
        self.problems: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self.warned: Counter[tuple[str, str]] = Counter()

    def run(self) -> None:
        for path in (CHAT, RESPONSES, MESSAGES, EMBEDDINGS):
            for model in self.contract.endpoints[path]:
                for scenario in self.scenarios:
                    if self.supports(path, model, scenario):
                        self.check(path, model, scenario)

    def supports(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> bool:
        shape = self.contract.endpoints[path][model]["request"]
        key = (path, shape, id(scenario))
        if key not in self.supported:
            bodies = scenario.bodies.get(path, ())
            self.supported[key] = any(not self.violations(path, model, body) for body in bodies)
        return self.supported[key]

    def violations(self, path: str, model: str, body: Json) -> list[str]:
        """Return the violations of the model's schema, and the fields that its page does not list."""
        shape = self.contract.endpoints[path][model]["request"]
        key = (shape, json.dumps({**body, "model": ""}, sort_keys=True))
        if key not in self.checked:
            request_body = {**body, "model": model}
            unlisted = [f"not listed: {name}" for name in self.contract.undocumented(path, model, request_body)]
            self.checked[key] = unlisted + self.contract.problems(path, model, request_body)
        return self.checked[key]

    def check(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> None:
        row = (path, scenario.name)
        self.carried[row] += 1
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", ParameterWarning)
                body = self.body(path, model, scenario)
            violations = [each for each in self.violations(path, model, body) if not is_measured(each, model)]
            self.warned[row] += bool(caught)
        except AIMLAPIError as error:
            violations = [f"raises {type(error).__name__}: {str(error).replace(model, '…')}"]
        for violation in violations:
            self.problems[row][violation].append(model)

    def body(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> Json:
        """Return the body that is sent for a scenario."""
        return scenario.body(path, model)

    def report(self) -> int:
        """Print the table at once; return the number of problems."""
        lines = [f"{'endpoint':24}{'scenario':30}{'models':>8}{'warned':>8}{'problems':>10}"]
        for row, models in sorted(self.carried.items()):
            count = sum(map(len, self.problems[row].values()))
            lines.append(f"{row[0]:24}{row[1]:30}{models:8}{self.warned[row]:8}{count:10}")
            for violation, models_affected in self.problems[row].items():
                lines.append(f"    {violation[:300]}\n        {len(models_affected)}: {', '.join(models_affected[:6])}")
        total = sum(
            len(models_affected)
            for problems_by_text in self.problems.values()
            for models_affected in problems_by_text.values()
        )
        print("\n".join([*lines, f"{sum(self.carried.values())} requests, {total} problems"]), flush=True)
        return total


def is_measured(violation: str, model: str) -> bool:
    """Return whether a schema rejects an effort that the model was measured to honor. Measurements are newer."""
    measured = (f"reasoning_effort: {level!r} is not one of" for level in lookup(model).efforts)
    return violation.startswith(tuple(measured))


def command(description: str | None) -> argparse.ArgumentParser:
    """Create the command line of a sweep."""
    cli = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--contract", type=Path, required=True, help="the folder that holds contract.py")
    return cli


def run_sweep(sweep: Sweep) -> int:
    """Run and report; return the exit status."""
    sweep.run()
    return 1 if sweep.report() else 0


def main() -> int:
    return run_sweep(Sweep(load_contract(command(__doc__).parse_args().contract)))


if __name__ == "__main__":
    sys.exit(main())
