"""Check the emulator against the schemas of every documented model.

    python -m tests.contract.emulator_sweep --contract DIR

The emulator must accept what we send for a scenario, and reject the bodies written by hand that a schema rejects. One
model stands for all that share a schema. Exits with 1 on differences, except those that LENIENT and STRICT list.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

from starlette.testclient import TestClient

from aimlapi_integrations.emulator import create_app
from aimlapi_integrations.errors import AIMLAPIError
from tests.contract.contract_sweep import Sweep, command, load_contract, run_sweep
from tests.contract.scenario import CHAT, ENDPOINTS, EmbeddingScenario, Json, Scenario

# Live calls are accepted against the schemas (Claude models that list only their own form), or the case is too rare to
# emulate: `strict` of a tool, `top_p` below 0.1, a model's forms of a tool choice.
LENIENT = ("claude", "'strict'", "minimum of 0.1", "tool_choice", "audio")
# The reverse: `top_p` 0 of a few Claude models, a captioner that lists no audio formats, two pages on Responses that
# differ from all others, and a response that was never stored.
STRICT = ("captioner", "'top_p'", "gpt-5-2-codex", "gpt-5-2-pro", "resp_1")


class EmulatorSweep(Sweep):
    """A sweep that also sends the requests to the emulator."""

    def __init__(self, contract: Any) -> None:
        super().__init__(contract)
        self.http = TestClient(create_app(any_model=True), headers={"authorization": "Bearer k"})
        self.checked_shapes: set[tuple[str, str, str]] = set()

    def supports(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> bool:
        """Return whether the model supports the scenario, once per schema; check rejected bodies."""
        shape = self.contract.endpoints[path][model]["request"]
        if (path, shape, scenario.name) in self.checked_shapes:
            return False
        self.checked_shapes.add((path, shape, scenario.name))
        if path in ENDPOINTS:
            for body in scenario.bodies.get(path, ()):
                self.check_rejected(path, model, scenario.name, {**body, "model": model})
        return super().supports(path, model, scenario)

    def check_rejected(self, path: str, model: str, name: str, body: Json) -> None:
        """Record a body that the schema rejects and the emulator accepts."""
        violations = self.contract.problems(path, model, body)
        known = any(word in f"{model} {name} {violations[:1]}" for word in LENIENT)
        if path == CHAT and violations and not known and self.http.post(path, json=body).status_code == 200:
            self.problems[path, name][f"accepted, though {violations[0]}"].append(model)
            self.carried[path, name] += 0

    def check(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> None:
        """Record a request of ours that the emulator rejects."""
        self.carried[path, scenario.name] += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = self.body(path, model, scenario)
        except AIMLAPIError:
            return  # the contract sweep reports it
        answer = self.http.post(path, json=body)
        if answer.status_code != 200:
            details = str(answer.json()["error"].get("details", answer.text))
            if not any(word in f"{model} {details}" for word in STRICT):
                self.problems[path, scenario.name][f"rejected: {details}"].append(model)


def main() -> int:
    return run_sweep(EmulatorSweep(load_contract(command(__doc__).parse_args().contract)))


if __name__ == "__main__":
    sys.exit(main())
