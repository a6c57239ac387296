from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from llama_index.core import Document, Settings, VectorStoreIndex

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

ENDPOINTS = {
    "chat_completions": {"model": "gpt-4o"},
    "responses": {"model": "openai/gpt-5-mini-2025-08-07", "use_responses_api": True},
    "messages": {"model": "anthropic/claude-sonnet-4.5", "endpoint": "messages"},
}


@pytest.fixture(autouse=True)
def bundled_tokenizers(monkeypatch: pytest.MonkeyPatch) -> None:
    """LlamaIndex brings tiktoken's and nltk's files along, and downloads others where these are set."""
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.delenv("NLTK_DATA", raising=False)


@pytest.fixture
def current_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A current event loop, which core's sync helpers run coroutines in; what they leave open is closed with it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    for _ in range(5):
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    asyncio.set_event_loop(None)


class Runner:
    """Call sync methods, or their async counterparts, whose names have the prefix `a`."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self.name, self.loop = name, loop

    def __call__(self, component: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if self.name == "sync":
            return getattr(component, method)(*args, **kwargs)
        return self.loop.run_until_complete(getattr(component, f"a{method}")(*args, **kwargs))

    def listed(self, stream: Any) -> list[Any]:
        """Return all items of a sync or async generator."""

        async def listed() -> list[Any]:
            return [each async for each in stream]

        return list(stream) if self.name == "sync" else self.loop.run_until_complete(listed())

    def text(self, response: Any) -> str:
        """The whole text of a streamed answer of an engine."""
        return "".join(self.listed(response.response_gen if self.name == "sync" else response.async_response_gen()))


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, current_loop: asyncio.AbstractEventLoop) -> Runner:
    """Calls of components, sync and async."""
    return Runner(request.param, current_loop)


@pytest.fixture
def emulator(gateway: Emulator) -> Emulator:
    return gateway


@pytest.fixture(scope="module")
def open_models(running: Emulator) -> Iterator[list[Any]]:
    """Models that outlive the event loops of their tests, so that these close their connections.

    Core closes loops with open connections. A client in a new loop drops them, and they are collected here instead of
    during another test.
    """
    models: list[Any] = []
    yield models
    models.clear()
    asyncio.run(AIMLAPI(api_key="k", api_base=running.base_url).acomplete("Hello"))
    gc.collect()


@pytest.fixture(params=["chat_completions", "responses"])
def endpoint(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(emulator: Emulator, open_models: list[Any]) -> Callable[..., AIMLAPI]:
    """Create LLMs connected to the emulator."""

    def create(**settings: Any) -> AIMLAPI:
        defaults = {"api_key": "k", "api_base": emulator.base_url, "max_retries": 0, "model": "gpt-4o"}
        open_models.append(AIMLAPI(**{**defaults, **settings}))
        model: AIMLAPI = open_models[-1]
        return model

    return create


@pytest.fixture
def emulated(make: Callable[..., AIMLAPI], endpoint: str) -> Callable[..., AIMLAPI]:
    """Create LLMs connected to the emulator, on each endpoint."""
    return partial(make, **ENDPOINTS[endpoint])


@pytest.fixture
def llm(emulated: Callable[..., AIMLAPI]) -> AIMLAPI:
    return emulated()


@pytest.fixture
def embedding(emulator: Emulator, open_models: list[Any]) -> AIMLAPIEmbedding:
    open_models.append(AIMLAPIEmbedding(api_key="k", api_base=emulator.base_url, max_retries=0))
    model: AIMLAPIEmbedding = open_models[-1]
    return model


@pytest.fixture
def documents() -> list[Document]:
    return [
        Document(text="The Douro flows through Porto and ends in the Atlantic."),
        Document(text="Bread is baked from flour, water and salt."),
        Document(text="The Tagus flows through Lisbon."),
    ]


@pytest.fixture
def index(documents: list[Document], embedding: AIMLAPIEmbedding) -> VectorStoreIndex:
    return VectorStoreIndex.from_documents(documents, embed_model=embedding)


@pytest.fixture
def settings(llm: AIMLAPI, embedding: AIMLAPIEmbedding, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`Settings`, with our models."""
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr(Settings, "_embed_model", None)
    Settings.llm, Settings.embed_model = llm, embedding
    return Settings
