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
    """An LLM from the catalogue, in either colour."""

    async def making(model: str, **given: Any) -> AIMLAPI:
        found = getattr(AIMLAPI, request.param)(model, api_key="k", api_base=emulator.base_url, **given)
        return await found if inspect.isawaitable(found) else found

    return making


async def test_an_llm_from_the_catalogue_knows_what_it_holds_and_costs(made: Any) -> None:
    llm = await made(MINI, max_tokens=100)
    assert llm.metadata.context_window == 400_000
    assert llm.prices == {"input": 3e-07, "output": 2.5e-06}
    assert llm.max_tokens == 100
    assert llm.estimate_cost("Hello").usd
    await llm.aclose()


async def test_what_was_given_goes_before_the_catalogue(made: Any) -> None:
    own = {"context_window": 7, "prices": {"input": 1.0}}
    llm = await made(MINI, **own)
    assert (llm.metadata.context_window, llm.prices) == (7, {"input": 1.0})
    await llm.aclose()


async def test_a_model_that_is_not_there(made: Any) -> None:
    with pytest.raises(NotFoundError):
        await made("acme/none")


@pytest.mark.parametrize("asked", ["What is the capital of France?", [ChatMessage("What is the capital of France?")]])
def test_an_estimate_is_marked_as_one(asked: str | list[ChatMessage]) -> None:
    found = AIMLAPI(model=MINI, api_key="k", prices=PRICES, max_tokens=100).estimate_cost(asked)
    assert found.approximate
    assert found.usd == found.input_tokens * Decimal("2.5e-07")
    assert found.max_usd == found.usd + 100 * Decimal("2e-06")


@pytest.mark.parametrize("model", [MINI, "acme/new"])
def test_where_no_price_is_known_the_tokens_are_and_it_says_where_to_find_it(model: str) -> None:
    found = AIMLAPI(model=model, api_key="k").estimate_cost("Hello")
    assert found.input_tokens > 0
    assert (found.usd, found.max_usd) == (None, None)
    assert "from_catalogue looks it up" in str(found)
