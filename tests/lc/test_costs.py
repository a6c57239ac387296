"""What a chain, an agent or a graph costs, and a budget that stops it."""

from __future__ import annotations

import asyncio
import io
import pickle
import threading
from decimal import Decimal
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from rich.console import Console

from aimlapi_integrations.costs import Spending, track_costs
from aimlapi_integrations.errors import BudgetExceededError, InternalServerError
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.langchain.costs import AIMLAPICallbackHandler, get_aimlapi_callback
from aimlapi_integrations.langchain.errors import ModelError
from tests.support.agents import retries_by_error

MINI = "openai/gpt-5-mini-2025-08-07"


@pytest.fixture
def make(gateway):
    made = []

    def model(**arguments: Any) -> ChatAIMLAPI:
        made.append(ChatAIMLAPI(**{"api_key": "k", "base_url": gateway.base_url, "max_retries": 0, **arguments}))
        return made[-1]

    yield model
    for one in made:
        one.close()


def of(message) -> Spending:
    """Return the cost and usage of a message."""
    usage = message.usage_metadata
    return Spending(
        1,
        usage["input_tokens"],
        usage.get("input_token_details", {}).get("cache_read", 0),
        usage["output_tokens"],
        usage.get("output_token_details", {}).get("reasoning", 0),
        usage["total_tokens"],
        message.response_metadata["cost"]["credits"],
        Decimal(message.response_metadata["cost"]["usd"]),
    )


async def _astreamed(model, text):
    total = None
    async for chunk in model.astream(text):
        total = chunk if total is None else total + chunk
    await model.aclose()
    return total


async def _ainvoked(model, text):
    try:
        return await model.ainvoke(text)
    finally:
        await model.aclose()


def _streamed(model, text):
    total = None
    for chunk in model.stream(text):
        total = chunk if total is None else total + chunk
    return total


CALL_MODES = {
    "invoke": lambda model, text: model.invoke(text),
    "ainvoke": lambda model, text: asyncio.run(_ainvoked(model, text)),
    "stream": _streamed,
    "astream": lambda model, text: asyncio.run(_astreamed(model, text)),
    "batch": lambda model, text: model.batch([text])[0],
}


@pytest.mark.parametrize("mode", CALL_MODES)
@pytest.mark.parametrize("endpoint", ["chat_completions", "responses"])
def test_single_call_is_counted_once(make, mode, endpoint):
    with get_aimlapi_callback() as costs:
        message = CALL_MODES[mode](make(endpoint=endpoint), "What is the capital of France?")
    assert costs.ledger.total == of(message)
    assert costs.ledger.total.usd > 0
    assert list(costs.ledger.by_model) == [message.response_metadata["model_name"]]


def test_batch_in_a_block_counts_every_call(make):
    with get_aimlapi_callback() as costs:
        messages = make().batch([f"Question {place}" for place in range(12)])
    assert costs.ledger.total == sum(map(of, messages), Spending())


def test_generate_with_several_prompts_counts_each(make):
    with get_aimlapi_callback() as costs:
        make().generate([[HumanMessage("a")], [HumanMessage("b")]])
    assert costs.ledger.total.calls == 2


def test_several_choices_are_counted_as_one_call(make, gateway):
    with get_aimlapi_callback() as costs:
        result = make(n=3).generate([[HumanMessage("a")]])
    assert len(result.generations[0]) == 3
    assert (costs.ledger.total.calls, len(gateway.requests)) == (1, 1)


def test_several_models_are_counted_separately(make):
    with get_aimlapi_callback() as costs:
        RunnableParallel(a=make(model="gpt-4o"), b=make(model=MINI)).invoke("Hello")
    assert {model: spent.calls for model, spent in costs.ledger.by_model.items()} == {"gpt-4o": 1, MINI: 1}


def test_calls_outside_the_block_count_nothing(make):
    with get_aimlapi_callback() as costs:
        pass
    make().invoke("Hello")
    assert costs.ledger.total.calls == 0


def test_block_that_raises_ends(make):
    with pytest.raises(KeyError), get_aimlapi_callback() as costs:
        raise KeyError
    make().invoke("Hello")
    assert costs.ledger.total.calls == 0


async def test_block_in_async_generator_closed_by_another_task_ends(make):
    model = make()

    async def words():
        with get_aimlapi_callback(max_tokens_total=1) as costs:
            async for _ in model.astream("Hello"):
                pass
            yield costs

    first, second = words(), words()
    costs = await anext(first)
    await asyncio.create_task(first.aclose())
    others = await anext(second)
    await second.aclose()
    await model.ainvoke("Hello")
    assert (costs.ledger.total.calls, others.ledger.total.calls) == (1, 1)
    await model.aclose()


async def test_blocks_in_async_generators_end_in_any_order(make):
    model = make()

    async def words():
        with get_aimlapi_callback() as costs:
            yield costs

    first, second = words(), words()
    costs, others = await anext(first), await anext(second)
    await first.aclose()
    await model.ainvoke("Hello")
    await second.aclose()
    await model.ainvoke("Hello")
    assert (costs.ledger.total.calls, others.ledger.total.calls) == (0, 1)
    await model.aclose()


def test_nested_blocks_both_count(make):
    model = make()
    with get_aimlapi_callback() as outer:
        model.invoke("a")
        with get_aimlapi_callback() as inner:
            model.invoke("b")
        model.invoke("c")
    assert (outer.ledger.total.calls, inner.ledger.total.calls) == (3, 1)


def test_block_inside_a_chain_is_counted_once_outside(make):
    model, inside = make(), []

    def step(text: str) -> Any:
        with get_aimlapi_callback() as inner:
            answer = model.invoke(text)
        inside.append(inner.ledger.total.calls)
        return answer

    with get_aimlapi_callback() as outer:
        RunnableLambda(step).invoke("Hello")
    assert (inside, outer.ledger.total.calls) == ([1], 1)


def test_handler_as_callback_of_model_or_run_counts(make):
    handler = AIMLAPICallbackHandler()
    make(callbacks=[handler]).invoke("a")
    make().invoke("b", config={"callbacks": [handler]})
    assert handler.ledger.total.calls == 2


def test_manual_threads_share_a_handler(make):
    handler, model = AIMLAPICallbackHandler(), make()
    work = [
        threading.Thread(target=model.invoke, args=("Hello",), kwargs={"config": {"callbacks": [handler]}})
        for _ in range(8)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert handler.ledger.total.calls == 8


def test_cached_responses_count_nothing(make, gateway):
    model = make(cache=InMemoryCache())
    with get_aimlapi_callback() as costs:
        model.invoke("Hello")
        model.invoke("Hello")
    assert (costs.ledger.total.calls, len(gateway.requests)) == (1, 1)


def test_failed_calls_count_nothing(make):
    handler = AIMLAPICallbackHandler()
    with pytest.raises(InternalServerError):
        make(default_headers={"x-emulator-fault": "status-500"}).invoke("a", config={"callbacks": [handler]})
    assert handler.ledger.total.calls == 0
    assert handler._running == set()


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


def test_costs_of_an_agent_are_summed(make):
    with get_aimlapi_callback() as costs:
        end = create_agent(make(), [weather]).invoke({"messages": [("user", "What is the weather in Paris?")]})
    answers = [message for message in end["messages"] if message.type == "ai"]
    assert costs.ledger.total == sum(map(of, answers), Spending())
    assert len(answers) > 1


async def test_costs_of_a_streaming_agent_are_summed(make, gateway):
    model = make()
    with get_aimlapi_callback() as costs:
        agent = create_agent(model, [weather])
        async for _ in agent.astream({"messages": [("user", "Weather in Paris?")]}, stream_mode="messages"):
            pass
    await model.aclose()
    assert costs.ledger.total.calls == len(gateway.requests) > 1


# --- the budget -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"max_cost_usd": "0.000000001"}, {"max_tokens_total": 1}])
@pytest.mark.parametrize("mode", CALL_MODES)
def test_budget_reached_blocks_the_next_call(make, gateway, mode, limit):
    model = make()
    with get_aimlapi_callback(**limit):
        CALL_MODES[mode](model, "Hello")
        with pytest.raises(BudgetExceededError, match="used up"):
            CALL_MODES[mode](model, "Hello")
    assert len(gateway.requests) == 1


by_either = pytest.mark.parametrize("budget", [get_aimlapi_callback, track_costs])


@retries_by_error
@by_either
def test_budget_in_an_agent_stops_it(make, gateway, budget):
    agent = create_agent(make(), [weather], middleware=[ModelRetryMiddleware(max_retries=3)])
    with budget(max_tokens_total=1), pytest.raises(BudgetExceededError):
        agent.invoke({"messages": [("user", "What is the weather in Paris?")]})
    assert len(gateway.requests) == 1


async def test_budget_in_an_async_agent_stops_it(make, gateway):
    model = make()
    with get_aimlapi_callback(max_tokens_total=1), pytest.raises(BudgetExceededError):
        await create_agent(model, [weather]).ainvoke({"messages": [("user", "What is the weather in Paris?")]})
    await model.aclose()
    assert len(gateway.requests) == 1


def test_budget_with_fallbacks_still_stops(make, gateway):
    with get_aimlapi_callback(max_cost_usd=0), pytest.raises(BudgetExceededError):
        make().with_fallbacks([make(model="gpt-4o")]).invoke("Hello")
    assert gateway.requests == []


def test_inner_block_keeps_the_outer_limit(make):
    with get_aimlapi_callback(max_cost_usd=0), get_aimlapi_callback(), pytest.raises(BudgetExceededError):
        make().invoke("Hello")


@by_either
def test_budget_error_is_not_retried_by_middleware(make, budget):
    with budget(max_cost_usd=0), pytest.raises(ModelError) as raised:
        make().invoke("Hello")
    assert not raised.value.is_retryable
    assert isinstance(pickle.loads(pickle.dumps(raised.value)), BudgetExceededError)


def test_threads_of_a_batch_share_the_budget(make, gateway):
    handler, model, stopped = AIMLAPICallbackHandler(max_tokens_total=1), make(), []

    def call() -> None:
        try:
            model.invoke("Hello", config={"callbacks": [handler]})
        except BudgetExceededError as error:
            stopped.append(error)

    call()
    work = [threading.Thread(target=call) for _ in range(4)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert (len(stopped), len(gateway.requests)) == (4, 1)


# --- how it reads -----------------------------------------------------------------------------------------------------


def test_handler_printed_shows_the_sums(make):
    with get_aimlapi_callback() as costs:
        make(model=MINI).invoke("Hello")
    assert str(costs).startswith(f"{MINI}: $0.0")
    assert repr(costs).startswith("<AIMLAPICallbackHandler $0.0")
    out = io.StringIO()
    Console(file=out, width=140).print(costs)
    assert "USD" in out.getvalue()
    assert MINI in out.getvalue()
