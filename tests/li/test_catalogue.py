"""`from_catalogue` and `estimate_cost` of the LLM."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import NotFoundError
from aimlapi_integrations.llama_index import AIMLAPI

MINI = "openai/gpt-5-mini-2025-08-07"
PRICES = {"input": 2.5e-07, "output": 2e-06}


@pytest.fixture(params=["from_catalogue", "afrom_catalogue"])
def made(request: pytest.FixtureRequest, emulator: Emulator) -> Callable[..., Awaitable[AIMLAPI]]:
    """An LLM from the catalogue, sync and async."""

    async def create(model: str, **settings: Any) -> AIMLAPI:
        result = getattr(AIMLAPI, request.param)(model, api_key="k", api_base=emulator.base_url, **settings)
        return await result if inspect.isawaitable(result) else result

    return create


async def test_from_catalogue_sets_context_window_and_prices(made: Any) -> None:
    llm = await made(MINI, max_tokens=100)
    assert llm.metadata.context_window == 400_000
    assert llm.prices == {"input": 3e-07, "output": 2.5e-06}
    assert llm.max_tokens == 100
    assert llm.estimate_cost("Hello").usd
    await llm.aclose()


async def test_from_catalogue_with_arguments_keeps_them(made: Any) -> None:
    own = {"context_window": 7, "prices": {"input": 1.0}}
    llm = await made(MINI, **own)
    assert (llm.metadata.context_window, llm.prices) == (7, {"input": 1.0})
    await llm.aclose()


async def test_from_catalogue_with_unknown_model_raises(made: Any) -> None:
    with pytest.raises(NotFoundError):
        await made("acme/none")


@pytest.mark.parametrize(
    "messages", ["What is the capital of France?", [ChatMessage("What is the capital of France?")]]
)
def test_estimate_cost_with_prices_returns_an_estimate(messages: str | list[ChatMessage]) -> None:
    result = AIMLAPI(model=MINI, api_key="k", prices=PRICES, max_tokens=100).estimate_cost(messages)
    assert result.approximate
    assert result.usd == result.input_tokens * Decimal("2.5e-07")
    assert result.max_usd == result.usd + 100 * Decimal("2e-06")


@pytest.mark.parametrize("model", [MINI, "acme/new"])
def test_estimate_cost_without_price_has_tokens_and_a_hint(model: str) -> None:
    result = AIMLAPI(model=model, api_key="k").estimate_cost("Hello")
    assert result.input_tokens > 0
    assert (result.usd, result.max_usd) == (None, None)
    assert "from_catalogue looks it up" in str(result)
