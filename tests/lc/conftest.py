"""A model that is connected to the emulator, on each endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.support.agents import MODEL


@pytest.fixture(name="model", params=[False, True], ids=["chat", "responses"])
async def model_at_the_emulator(request: pytest.FixtureRequest, gateway: Emulator) -> AsyncIterator[ChatAIMLAPI]:
    model = ChatAIMLAPI(model=MODEL, api_key="k", base_url=gateway.base_url, use_responses_api=request.param)
    yield model
    await model.aclose()
