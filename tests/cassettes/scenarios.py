"""The table of scenarios: a small function for each adapter, endpoint and capability that returns what it observed.

A name is `adapter-endpoint-capability`, and also the name of the cassette. Modules of adapters are imported on use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module

from tests.cassettes.observed import Observation, Target

ADAPTERS = {"core": "core_scenarios", "langchain": "langchain_scenarios", "llama-index": "llama_index_scenarios"}
ENDPOINTS = {"chat": "chat_completions", "responses": "responses", "messages": "messages"}
CAPABILITIES = ("plain", "stream", "tools", "tool_stream", "structured", "reasoning", "reasoning_stream", "image")

# Exchanges that the vendor documents, and the endpoint that each goes to. They were transcribed, not recorded.
DOCUMENTED = {"documented-chat-completions": "chat", "documented-responses": "responses"}


@dataclass(frozen=True)
class Scenario:
    """One small use of one adapter."""

    adapter: str
    endpoint: str
    capability: str

    @property
    def name(self) -> str:
        """`adapter-endpoint-capability`, without repetitions."""
        parts = (self.adapter, self.endpoint, self.capability.replace("_", "-"))
        return "-".join(dict.fromkeys(parts))

    def run(self, target: Target) -> list[Observation]:
        """Run the calls, and return what a user observes of each."""
        module = import_module(f".{ADAPTERS[self.adapter]}", __package__)
        function = getattr(module, self.capability)
        observations: list[Observation] = function(
            replace(target, endpoint=ENDPOINTS.get(self.endpoint, target.endpoint))
        )
        return observations


def _scenarios() -> Iterator[Scenario]:
    for adapter in ADAPTERS:
        for endpoint in ENDPOINTS:
            yield from (Scenario(adapter, endpoint, capability) for capability in CAPABILITIES)
        yield Scenario(adapter, "responses", "citations")
        yield Scenario(adapter, "embeddings", "embeddings")
        yield Scenario(adapter, "batches", "batches")
        yield Scenario(adapter, "decisions", "rerank")
        yield from (Scenario(adapter, endpoint, endpoint) for endpoint in ("ocr", "speech", "images"))
    yield Scenario("core", "decisions", "decide")
    yield Scenario("langchain", "decisions", "decide")
    yield Scenario("core", "catalogue", "catalogue")


SCENARIOS = {scenario.name: scenario for scenario in _scenarios()}
