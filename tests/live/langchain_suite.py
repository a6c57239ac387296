"""langchain-tests' integration tests on whatever AIMLAPI_API_BASE names, with small models and short replies.

`python -m tests.live` runs this file in a process of its own; `make test` doesn't collect it. With LIVE_SUITE_OFFLINE
set, tests get small files of ours instead of fetching theirs.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from tests.lc.conformance import ChatModelIntegrationTests, EmbeddingsIntegrationTests
from tests.lc.test_standard_integration import FILES, PIXEL

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True, scope="module")
def _connections_closed() -> Iterator[None]:
    yield
    gc.collect()  # the tests leave their models to the garbage collector, open connections and all


@pytest.fixture(autouse=True)
def _files(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: Any) -> httpx.Response:
        content = next((content for ending, content in FILES.items() if url.lower().endswith(ending)), PIXEL)
        return httpx.Response(200, content=content, request=httpx.Request("GET", url))

    if os.environ.get("LIVE_SUITE_OFFLINE"):
        monkeypatch.setattr(httpx, "get", get)


class _Standard(ChatModelIntegrationTests):
    endpoint: str
    model_id = "gpt-4o-mini"
    model_override_value = "openai/gpt-4.1-nano-2025-04-14"
    supports_image_inputs = True
    supports_json_mode = True
    supports_anthropic_inputs = True
    enable_vcr_tests = False

    @property
    def chat_model_class(self) -> type[ChatAIMLAPI]:
        return ChatAIMLAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.model_id, "endpoint": self.endpoint, "max_tokens": 400, "max_retries": 1}


class TestChatCompletions(_Standard):
    endpoint = "chat_completions"


class TestResponses(_Standard):
    endpoint = "responses"


class TestMessages(_Standard):
    """The endpoint has no format for answers: tools stand in for it."""

    endpoint = "messages"
    model_id = "anthropic/claude-haiku-4.5"
    model_override_value = "anthropic/claude-haiku-4.5"
    supports_json_mode = False

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "function_calling"}


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[AIMLAPIEmbeddings]:
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embedding-3-small"}
