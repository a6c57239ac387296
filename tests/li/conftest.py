from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

ENDPOINTS = {
    "chat_completions": {"model": "gpt-4o"},
    "responses": {"model": "openai/gpt-5-mini-2025-08-07", "use_responses_api": True},
}


@pytest.fixture(autouse=True)
def bundled_tokenizers(monkeypatch: pytest.MonkeyPatch) -> None:
    """LlamaIndex brings tiktoken's and nltk's files along, and downloads others where these are set."""
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.delenv("NLTK_DATA", raising=False)


@pytest.fixture
def current_loop() -> Iterator[None]:
    """A current event loop, which core's sync helpers run coroutines in; what they leave open is closed with it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.run_until_complete(loop.shutdown_asyncgens())
    for _ in range(5):
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def running_gateway() -> Iterator[Emulator]:
    with Emulator() as gateway:
        yield gateway


@pytest.fixture
def emulator(running_gateway: Emulator) -> Emulator:
    running_gateway.reset()
    return running_gateway


@pytest.fixture(scope="module")
def kept(running_gateway: Emulator) -> Iterator[list[Any]]:
    """Models that outlive the event loops of their tests, so that these close their connections.

    Core closes loops with connections open in them. A client that comes to a new loop lets go of those, and here they
    are collected: not in the middle of some other test.
    """
    models: list[Any] = []
    yield models
    models.clear()
    asyncio.run(AIMLAPI(api_key="k", api_base=running_gateway.base_url).acomplete("Hello"))
    gc.collect()


@pytest.fixture(params=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(emulator: Emulator, kept: list[Any]) -> Callable[..., AIMLAPI]:
    """Makes LLMs that speak to the emulator."""

    def making(**given: Any) -> AIMLAPI:
        at = {"api_key": "k", "api_base": emulator.base_url, "max_retries": 0, "model": "gpt-4o"}
        kept.append(AIMLAPI(**{**at, **given}))
        model: AIMLAPI = kept[-1]
        return model

    return making


@pytest.fixture
def emulated(make: Callable[..., AIMLAPI], endpoint: str) -> Callable[..., AIMLAPI]:
    """Makes LLMs that speak to the emulator, on either endpoint."""
    return partial(make, **ENDPOINTS[endpoint])


@pytest.fixture
def llm(emulated: Callable[..., AIMLAPI]) -> AIMLAPI:
    return emulated()


@pytest.fixture
def embedding(emulator: Emulator, kept: list[Any]) -> AIMLAPIEmbedding:
    kept.append(AIMLAPIEmbedding(api_key="k", api_base=emulator.base_url, max_retries=0))
    model: AIMLAPIEmbedding = kept[-1]
    return model
