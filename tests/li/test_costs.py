"""What an engine or an agent of LlamaIndex costs, and a budget that stops it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from aimlapi_integrations.costs import track_costs
from aimlapi_integrations.errors import BudgetExceededError, InternalServerError
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from aimlapi_integrations.llama_index.costs import AIMLAPICostHandler

# FunctionAgent asks pydantic by names that pydantic has given up.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

MESSAGES = [ChatMessage(role="user", content="What is the capital of France?")]


@pytest.fixture
def connection(gateway):
    with httpx.Client(verify=False) as client:
        yield {"api_key": "k", "api_base": gateway.base_url, "max_retries": 0, "http_client": client}


@pytest.fixture
def make(connection):
    return lambda **settings: AIMLAPI(**{**connection, **settings})


@pytest.fixture
def embedding(connection):
    return AIMLAPIEmbedding(**connection)


def listening(handler: AIMLAPICostHandler) -> dict[str, Any]:
    return {"callback_manager": CallbackManager([handler])}


async def _alast(stream):
    return [response async for response in await stream][-1]


METHODS = {
    "chat": lambda llm: llm.chat(MESSAGES),
    "achat": lambda llm: asyncio.run(llm.achat(MESSAGES)),
    "stream_chat": lambda llm: list(llm.stream_chat(MESSAGES))[-1],
    "astream_chat": lambda llm: asyncio.run(_alast(llm.astream_chat(MESSAGES))),
    "complete": lambda llm: llm.complete("What is the capital of France?"),
    "acomplete": lambda llm: asyncio.run(llm.acomplete("What is the capital of France?")),
    "stream_complete": lambda llm: list(llm.stream_complete("What is the capital of France?"))[-1],
    "astream_complete": lambda llm: asyncio.run(_alast(llm.astream_complete("What is the capital of France?"))),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("responses", [False, True])
def test_cost_of_one_call_is_counted_once(make, method, responses):
    handler = AIMLAPICostHandler()
    with track_costs() as costs:
        answer = METHODS[method](make(use_responses_api=responses, **listening(handler)))
    spent = handler.ledger.total
    assert spent == costs.total
    assert (spent.calls, spent.usd) == (1, Decimal(answer.additional_kwargs["cost"]["usd"]))
    assert spent.total_tokens == answer.raw["usage"]["total_tokens"] > 0
    assert list(handler.ledger.by_model) == list(costs.by_model)


class City(BaseModel):
    """A city."""

    name: str


def test_cost_of_structured_output_is_counted_once(make, gateway):
    handler = AIMLAPICostHandler()
    with track_costs() as costs:
        make(**listening(handler)).as_structured_llm(City).chat(MESSAGES)
    assert costs.total.calls == len(gateway.requests) == 1
    assert handler.ledger.total.calls <= 1


def test_cost_of_a_query_engine_includes_embeddings(make, embedding):
    with track_costs() as costs:
        index = VectorStoreIndex.from_documents([Document(text="Paris is in France.")], embed_model=embedding)
        index.as_query_engine(llm=make(model="gpt-4o")).query("Where is Paris?")
    assert costs.by_model["gpt-4o"].calls >= 1
    assert costs.by_model[embedding.model_name].calls == 2
    assert all(spent.usd > 0 for spent in costs.by_model.values())


def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


async def _run(llm) -> Any:
    return await FunctionAgent(tools=[weather], llm=llm, verbose=False).run("What is the weather in Paris?")


def test_cost_of_an_agent_is_the_sum_of_its_calls(make, gateway):
    handler = AIMLAPICostHandler()
    with track_costs() as costs:
        asyncio.run(_run(make(**listening(handler))))
    assert costs.total.calls == handler.ledger.total.calls == len(gateway.requests) > 1


def test_cost_handler_in_settings_counts_every_call(make, monkeypatch):
    handler = AIMLAPICostHandler()
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "_callback_manager", CallbackManager([handler]))
        patch.setattr(Settings, "_llm", None)
        Settings.llm = make()
        Settings.llm.chat(MESSAGES)
    assert handler.ledger.total.calls == 1


LIMITS = [{"max_cost_usd": "0.000000001"}, {"max_tokens_total": 1}]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("method", METHODS)
def test_cost_handler_over_budget_stops_the_next_call(make, gateway, method, limit):
    llm = make(**listening(AIMLAPICostHandler(**limit)))
    METHODS[method](llm)
    with pytest.raises(BudgetExceededError, match="used up"):
        METHODS[method](llm)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("method", METHODS)
def test_budget_of_a_with_block_stops_the_next_call(make, gateway, method, limit):
    llm = make()
    with track_costs(**limit):
        METHODS[method](llm)
        with pytest.raises(BudgetExceededError, match="used up"):
            METHODS[method](llm)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("by", ["handler", "block"])
def test_agent_over_budget_is_stopped(make, gateway, by):
    llm = make(**(listening(AIMLAPICostHandler(max_tokens_total=1)) if by == "handler" else {}))
    with track_costs(max_tokens_total=None if by == "handler" else 1), pytest.raises(BudgetExceededError):
        asyncio.run(_run(llm))
    assert len(gateway.requests) == 1


def test_cost_of_failed_calls_is_zero(make):
    handler = AIMLAPICostHandler()
    with track_costs() as costs, pytest.raises(InternalServerError):
        make(default_headers={"x-emulator-fault": "status-500"}, **listening(handler)).chat(MESSAGES)
    assert handler.ledger.total.calls == costs.total.calls == 0


def test_cost_handler_printed_shows_totals(make):
    handler = AIMLAPICostHandler()
    make(model="gpt-4o", **listening(handler)).chat(MESSAGES)
    assert str(handler).startswith("gpt-4o: $0.0")
    assert repr(handler).startswith("<AIMLAPICostHandler $0.0")
    assert handler.__rich__().row_count == 2
