"""langchain-tests' suites of embeddings, as they are, on the emulator."""

from __future__ import annotations

import pytest

from aimlapi_integrations.langchain.embeddings import AIMLAPIEmbeddings
from tests.lc.conformance import EmbeddingsIntegrationTests, EmbeddingsUnitTests

KEY = "test"


class TestUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self):
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self):
        return {"api_key": KEY}

    @property
    def init_from_env_params(self):
        return (
            {"AIMLAPI_API_KEY": KEY, "AIMLAPI_API_BASE": "https://example.com/v1"},
            {},
            {"aimlapi_api_key": KEY, "aimlapi_api_base": "https://example.com/v1"},
        )


class TestIntegration(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _gateway(self, running):
        self.gateway = running

    @property
    def embeddings_class(self):
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self):
        return {"api_key": KEY, "base_url": self.gateway.base_url}

    @pytest.fixture
    async def model(self):
        embeddings = self.embeddings_class(**self.embedding_model_params)
        yield embeddings
        await embeddings.aclose()
