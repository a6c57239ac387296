"""The models that the programs run on: at the emulator, or at a gateway whose replies a test writes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from tests.programs.scripted import Script, ScriptedGateway, Turn

ENDPOINTS: dict[str, dict[str, Any]] = {
    "chat": {"model": "gpt-4o"},
    "responses": {"model": "openai/gpt-5-mini-2025-08-07", "use_responses_api": True},
    "messages": {"model": "anthropic/claude-sonnet-4.5", "endpoint": "messages"},
}
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to anybody, and no model of another vendor is at hand to fall back on."""
    monkeypatch.setenv("RAGAS_DO_NOT_TRACK", "true")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A model and its endpoint."""
    return {"api_key": "k", "max_retries": 0, **ENDPOINTS[request.param]}


@pytest.fixture
def model(gateway: Emulator, endpoint: dict[str, Any]) -> ChatAIMLAPI:
    """LangChain's model at the emulator."""
    return ChatAIMLAPI(base_url=gateway.base_url, **endpoint)


@pytest.fixture
def llm(gateway: Emulator, endpoint: dict[str, Any]) -> AIMLAPI:
    """LlamaIndex's model at the emulator."""
    return AIMLAPI(api_base=gateway.base_url, **endpoint)


@pytest.fixture
def scripted() -> Iterator[Callable[[list[Turn] | Script], ScriptedGateway]]:
    """Starts gateways that answer by a script."""
    with ExitStack() as running:
        yield lambda script: running.enter_context(ScriptedGateway(script))


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Run:
    """Call a method, or its async counterpart with the prefix `a`; await the result if it is awaitable."""

    async def call(component: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        name = method if request.param == "sync" else f"a{method}"
        result = getattr(component, name)(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return call
