"""Token counts and prices in every place where LangChain's users look for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage

from aimlapi_integrations import track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI, get_aimlapi_callback

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}
FREE = {"usd": "0.000000000", "credits": 0}


async def _added(model: ChatAIMLAPI) -> AIMessage:
    whole: AIMessage = reduce(add, [chunk async for chunk in model.astream("Hello")])
    return whole


MANNERS: dict[str, Callable[[ChatAIMLAPI], AIMessage]] = {
    "plain": lambda model: model.invoke("Hello"),
    "stream": lambda model: reduce(add, list(model.stream("Hello"))),
    "async plain": lambda model: asyncio.run(model.ainvoke("Hello")),
    "async stream": lambda model: asyncio.run(_added(model)),
}


@pytest.fixture(params=MODELS)
def make(request: pytest.FixtureRequest, gateway: Emulator) -> Callable[..., ChatAIMLAPI]:
    at: dict[str, Any] = {"model": MODELS[request.param], "endpoint": request.param, "max_tokens": 1000}
    return lambda **arguments: ChatAIMLAPI(api_key="k", base_url=gateway.base_url, **at, **arguments)


@pytest.mark.parametrize("call", MANNERS.values(), ids=MANNERS)
def test_total_tokens_are_in_every_count_of_a_message(
    make: Callable[..., ChatAIMLAPI], call: Callable[[ChatAIMLAPI], AIMessage]
) -> None:
    with get_usage_metadata_callback() as counted, get_aimlapi_callback() as costs, track_costs() as ledger:
        message = call(make())
    assert message.usage_metadata
    total = message.usage_metadata["input_tokens"] + message.usage_metadata["output_tokens"]
    assert message.usage_metadata["total_tokens"] == total > 0
    assert message.response_metadata["token_usage"]["total_tokens"] == total
    assert [counts["total_tokens"] for counts in counted.usage_metadata.values()] == [total]
    assert costs.ledger.total.total_tokens == ledger.total.total_tokens == total


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_total_tokens_are_in_llm_output(make: Callable[..., ChatAIMLAPI], asynchronous: bool) -> None:
    model, batch = make(), [[HumanMessage("Hello")], [HumanMessage("Hello")]]
    result = asyncio.run(model.agenerate(batch)) if asynchronous else model.generate(batch)
    messages = [generations[0].message for generations in result.generations]
    totals = [message.usage_metadata["total_tokens"] for message in messages]
    assert result.llm_output
    assert result.llm_output["token_usage"]["total_tokens"] == sum(totals)


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("manner", ["plain", "async plain"])
def test_cached_response_costs_nothing_and_changes_no_earlier_result(
    make: Callable[..., ChatAIMLAPI], gateway: Emulator, manner: str, version: str | None
) -> None:
    model = make(cache=InMemoryCache(), output_version=version)
    earlier = model.generate([[HumanMessage("Hello")]])
    price = earlier.generations[0][0].message.response_metadata["cost"]
    with get_aimlapi_callback() as costs, track_costs() as ledger:
        for _ in range(2):
            message = MANNERS[manner](model)
            assert message.response_metadata["cost"] == FREE
            assert message.usage_metadata
            assert dict(message.usage_metadata)["total_cost"] == 0
    assert costs.ledger.total.calls == ledger.total.calls == 0
    assert len(gateway.requests) == 1
    assert earlier.generations[0][0].message.response_metadata["cost"] == price != FREE
