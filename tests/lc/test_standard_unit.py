"""langchain-tests' unit tests, as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aimlapi_integrations.langchain import ChatAIMLAPI, register, unregister
from tests.lc.conformance import ChatModelUnitTests

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(autouse=True)
def _loadable() -> Iterator[None]:
    """`test_serdes` loads what core lists, its partners' classes, or those that have registered."""
    register()
    yield
    unregister()


class TestUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self):
        return ChatAIMLAPI

    @property
    def chat_model_params(self):
        return {"model": "openai/gpt-5-mini-2025-08-07", "api_key": "test"}

    @property
    def init_from_env_params(self):
        env = {"AIMLAPI_API_KEY": "test", "AIMLAPI_API_BASE": "http://127.0.0.1:1/v1"}
        return env, {}, {"aimlapi_api_key": "test", "aimlapi_api_base": "http://127.0.0.1:1/v1"}
