"""`from_catalogue` and `estimate_cost` of the chat model."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import NotFoundError
from aimlapi_integrations.langchain import ChatAIMLAPI

MINI = "openai/gpt-5-mini-2025-08-07"
PRICES = {"input": 2.5e-07, "output": 2e-06}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_a_model_from_the_catalogue_knows_what_it_can_and_costs(gateway: Emulator) -> None:
    with_key = {"api_key": "k", "base_url": gateway.base_url}
    model = ChatAIMLAPI.from_catalogue(MINI, **with_key, max_tokens=100, temperature=0)
    assert model.profile
    assert model.profile["max_input_tokens"] == 400_000
    assert model.profile["tool_calling"]
    assert model.profile["reasoning_output"]  # the table's word, where the catalogue is silent
    assert model.prices == {"input": 3e-07, "output": 2.5e-06}
    assert (model.max_tokens, model.temperature) == (100, 0)
    model.close()


def test_what_was_given_goes_before_the_catalogue(gateway: Emulator) -> None:
    own = {"profile": {"max_input_tokens": 7}, "prices": {"input": 1.0}}
    model = ChatAIMLAPI.from_catalogue(MINI, api_key="k", base_url=gateway.base_url, **own)
    assert (model.profile, model.prices) == (own["profile"], own["prices"])
    model.close()


def test_a_model_that_is_not_there(gateway: Emulator) -> None:
    with pytest.raises(NotFoundError):
        ChatAIMLAPI.from_catalogue("acme/none", api_key="k", base_url=gateway.base_url)


def test_an_estimate_is_marked_as_one() -> None:
    model = ChatAIMLAPI(model=MINI, api_key="k", prices=PRICES, max_tokens=100)
    found = model.estimate_cost([SystemMessage("Be brief."), HumanMessage("What is the capital of France?")])
    assert found
    assert found.approximate
    assert found.usd == found.input_tokens * Decimal("2.5e-07")
    assert found.max_usd == found.usd + 100 * Decimal("2e-06")
    longer = model.estimate_cost("What is the capital of France?", tools=[{"title": "Weather", "type": "object"}])
    assert longer
    assert longer.input_tokens > 0


def test_without_a_limit_the_longest_answer_is_the_models() -> None:
    model = ChatAIMLAPI(model=MINI, api_key="k", prices=PRICES, profile={"max_output_tokens": 10})
    found = model.estimate_cost("Hello")
    assert found
    assert found.max_output_tokens == 10


def test_no_price_no_estimate() -> None:
    assert ChatAIMLAPI(model="acme/new", api_key="k").estimate_cost("Hello") is None
