"""`from_catalogue` and `estimate_cost` of the LLM."""

from __future__ import annotations

from decimal import Decimal

import pytest
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import NotFoundError
from aimlapi_integrations.llama_index import AIMLAPI

MINI = "openai/gpt-5-mini-2025-08-07"
PRICES = {"input": 2.5e-07, "output": 2e-06}


def test_an_llm_from_the_catalogue_knows_what_it_holds_and_costs(emulator: Emulator) -> None:
    llm = AIMLAPI.from_catalogue(MINI, api_key="k", api_base=emulator.base_url, max_tokens=100)
    assert llm.metadata.context_window == 400_000
    assert llm.prices == {"input": 3e-07, "output": 2.5e-06}
    assert llm.max_tokens == 100


def test_what_was_given_goes_before_the_catalogue(emulator: Emulator) -> None:
    own = {"context_window": 7, "prices": {"input": 1.0}}
    llm = AIMLAPI.from_catalogue(MINI, api_key="k", api_base=emulator.base_url, **own)
    assert (llm.metadata.context_window, llm.prices) == (7, {"input": 1.0})


def test_a_model_that_is_not_there(emulator: Emulator) -> None:
    with pytest.raises(NotFoundError):
        AIMLAPI.from_catalogue("acme/none", api_key="k", api_base=emulator.base_url)


@pytest.mark.parametrize("asked", ["What is the capital of France?", [ChatMessage("What is the capital of France?")]])
def test_an_estimate_is_marked_as_one(asked: str | list[ChatMessage]) -> None:
    found = AIMLAPI(model=MINI, api_key="k", prices=PRICES, max_tokens=100).estimate_cost(asked)
    assert found
    assert found.approximate
    assert found.usd == found.input_tokens * Decimal("2.5e-07")
    assert found.max_usd == found.usd + 100 * Decimal("2e-06")


def test_no_price_no_estimate() -> None:
    assert AIMLAPI(model="acme/new", api_key="k").estimate_cost("Hello") is None
