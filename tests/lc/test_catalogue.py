"""`from_catalogue` and `estimate_cost` of the chat model."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import NotFoundError
from aimlapi_integrations.langchain import ChatAIMLAPI

MINI = "openai/gpt-5-mini-2025-08-07"
PRICES = {"input": 2.5e-07, "output": 2e-06}


@pytest.fixture(params=["from_catalogue", "afrom_catalogue"])
def made(request: pytest.FixtureRequest, gateway: Emulator) -> Callable[..., Awaitable[ChatAIMLAPI]]:
    """A model from the catalogue, sync and async."""

    async def making(model: str, **arguments: Any) -> ChatAIMLAPI:
        actual = getattr(ChatAIMLAPI, request.param)(model, api_key="k", base_url=gateway.base_url, **arguments)
        return await actual if inspect.isawaitable(actual) else actual

    return making


async def test_model_from_catalogue_has_profile_and_prices(made: Any) -> None:
    model = await made(MINI, max_tokens=100, temperature=0)
    assert model.profile
    assert model.profile["max_input_tokens"] == 400_000
    assert model.profile["tool_calling"]
    assert model.profile["reasoning_output"]  # the table's value, if the catalogue has none
    assert model.prices == {"input": 3e-07, "output": 2.5e-06}
    assert (model.max_tokens, model.temperature) == (100, 0)
    assert model.estimate_cost("Hello").usd
    await model.aclose()


async def test_arguments_override_the_catalogue(made: Any) -> None:
    own = {"profile": {"max_input_tokens": 7}, "prices": {"input": 1.0}}
    model = await made(MINI, **own)
    assert (model.profile, model.prices) == (own["profile"], own["prices"])
    await model.aclose()


async def test_unknown_model_from_catalogue_raises(made: Any) -> None:
    with pytest.raises(NotFoundError):
        await made("acme/none")


def test_estimate_of_a_cost_is_marked_as_estimate() -> None:
    model = ChatAIMLAPI(model=MINI, api_key="k", prices=PRICES, max_tokens=100)
    actual = model.estimate_cost([SystemMessage("Be brief."), HumanMessage("What is the capital of France?")])
    assert actual.approximate
    assert actual.usd == actual.input_tokens * Decimal("2.5e-07")
    assert actual.max_usd == actual.usd + 100 * Decimal("2e-06")
    longer = model.estimate_cost("What is the capital of France?", tools=[{"title": "Weather", "type": "object"}])
    assert longer.input_tokens > 0


def test_estimate_without_max_tokens_uses_the_models_maximum() -> None:
    model = ChatAIMLAPI(model=MINI, api_key="k", prices=PRICES, profile={"max_output_tokens": 10})
    actual = model.estimate_cost("Hello")
    assert actual.max_output_tokens == 10


@pytest.mark.parametrize("model", [MINI, "acme/new"])
def test_estimate_without_prices_has_tokens_and_a_hint(model: str) -> None:
    actual = ChatAIMLAPI(model=model, api_key="k").estimate_cost("Hello")
    assert actual.input_tokens > 0
    assert (actual.usd, actual.max_usd) == (None, None)
    assert "from_catalogue looks it up" in str(actual)
