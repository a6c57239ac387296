"""The table of scenarios: for each adapter, endpoint and capability a small function that calls and says what it saw.

A name is `adapter-endpoint-capability`, and that of the cassette too. The modules of adapters load when they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module

from tests.cassettes.observed import Line, Sight

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
        """`adapter-endpoint-capability`, without what an endpoint says twice."""
        parts = (self.adapter, self.endpoint, self.capability.replace("_", "-"))
        return "-".join(dict.fromkeys(parts))

    def run(self, line: Line) -> list[Sight]:
        """Makes its calls, and says what a user sees of each."""
        module = import_module(f".{ADAPTERS[self.adapter]}", __package__)
        function = getattr(module, self.capability)
        sights: list[Sight] = function(replace(line, endpoint=ENDPOINTS.get(self.endpoint, line.endpoint)))
        return sights


def _scenarios() -> Iterator[Scenario]:
    for adapter in ADAPTERS:
        for endpoint in ENDPOINTS:
            yield from (Scenario(adapter, endpoint, capability) for capability in CAPABILITIES)
        yield Scenario(adapter, "responses", "citations")
        yield Scenario(adapter, "embeddings", "embeddings")
        yield Scenario(adapter, "batches", "batches")
        yield Scenario(adapter, "decisions", "rerank")
    yield Scenario("core", "decisions", "decide")
    yield Scenario("langchain", "decisions", "decide")
    yield Scenario("core", "catalogue", "catalogue")


SCENARIOS = {scenario.name: scenario for scenario in _scenarios()}
