"""Holds the emulator against the schemas of every documented model, both ways.

    python -m tests.contract.emulator_sweep --contract DIR

What we send for a scenario, the emulator must take; what a schema refuses of the bodies written by hand, it must
refuse. One model speaks for all that share a schema. Exits with 1 where it does otherwise, but for what LENIENT and
STRICT name.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

from starlette.testclient import TestClient

from aimlapi_integrations.emulator import create_app
from aimlapi_integrations.errors import AIMLAPIError
from tests.contract.contract_sweep import Sweep, command, load_contract, swept
from tests.contract.scenario import CHAT, ENDPOINTS, EmbeddingScenario, Json, Scenario

# What live calls have shown to be taken against the letter of the schemas (Claude models that list their own form
# alone), or what is too rare to be emulated: `strict` of a tool, `top_p` below 0.1, a model's forms of a choice.
LENIENT = ("claude", "'strict'", "minimum of 0.1", "tool_choice", "audio")
# The same the other way: `top_p` 0 of a few Claude models, a captioner that names no audio formats, two pages on
# Responses that differ from all others, and a response that was never stored.
STRICT = ("captioner", "'top_p'", "gpt-5-2-codex", "gpt-5-2-pro", "resp_1")


class EmulatorSweep(Sweep):
    """A sweep whose requests go to the emulator as well."""

    def __init__(self, contract: Any) -> None:
        super().__init__(contract)
        self.http = TestClient(create_app(any_model=True), headers={"authorization": "Bearer k"})
        self.spoken: set[tuple[str, str, str]] = set()

    def carries(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> bool:
        """As for any sweep, and only of the first model of a schema; bodies that are refused are held here."""
        shape = self.contract.endpoints[path][model]["request"]
        if (path, shape, scenario.name) in self.spoken:
            return False
        self.spoken.add((path, shape, scenario.name))
        if path in ENDPOINTS:
            for body in scenario.bodies.get(path, ()):
                self.refused(path, model, scenario.name, {**body, "model": model})
        return super().carries(path, model, scenario)

    def refused(self, path: str, model: str, name: str, body: Json) -> None:
        """Notes a body that the schema refuses and the emulator takes."""
        told = self.contract.problems(path, model, body)
        known = any(word in f"{model} {name} {told[:1]}" for word in LENIENT)
        if path == CHAT and told and not known and self.http.post(path, json=body).status_code == 200:
            self.problems[path, name][f"taken, though {told[0]}"].append(model)
            self.carried[path, name] += 0

    def hold(self, path: str, model: str, scenario: Scenario | EmbeddingScenario) -> None:
        """Notes what we send and the emulator refuses."""
        self.carried[path, scenario.name] += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = self.body(path, model, scenario)
        except AIMLAPIError:
            return  # for the contract sweep to tell
        answer = self.http.post(path, json=body)
        if answer.status_code != 200:
            told = str(answer.json()["error"].get("details", answer.text))
            if not any(word in f"{model} {told}" for word in STRICT):
                self.problems[path, scenario.name][f"refused: {told}"].append(model)


def main() -> int:
    return swept(EmulatorSweep(load_contract(command(__doc__).parse_args().contract)))


if __name__ == "__main__":
    sys.exit(main())
