"""Behavior of every client on both endpoints, plain and streamed, sync and async."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AsyncClient, Client, errors
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from tests.parity.conversations import CONVERSATIONS, question
from tests.parity.sending import Case, converse
from tests.support.answers import Answer, Observed
from tests.support.call_matrix import CLIENTS, DRIVERS

MINI = "openai/gpt-5-mini-2025-08-07"
THINKER = "deepseek/deepseek-r1"
SUMMARY = {"reasoning": {"effort": "low", "summary": "auto"}}

Ask = Callable[..., Awaitable[Observed]]


@pytest.fixture(
    params=[(client, driver) for client in CLIENTS for driver in DRIVERS], ids=lambda pair: f"{pair[0]}, {pair[1]}"
)
def ask(request: pytest.FixtureRequest, gateway: Emulator, responses: bool) -> Ask:
    """Run one call: a question as text, or one of the conversations."""
    client, driver = request.param

    def asking(content: Any, model: str = MINI, **options: Any) -> Awaitable[Observed]:
        conversation = question(content) if isinstance(content, str) else content
        return converse(Case(gateway.base_url, conversation, model, responses, **options), client, driver)

    return asking


async def test_response_has_text_usage_cost_and_finish_reason(ask: Ask) -> None:
    observed = await ask("Hello", model="gpt-4o")
    assert observed.answer == Answer("[emulated] You said: Hello", reason="stop")
    assert observed.thinking == ""
    assert observed.usage
    assert observed.usage[0] > 0 < observed.usage[1]
    assert observed.usage[2] == observed.usage[0] + observed.usage[1]
    assert observed.cost
    assert float(observed.cost[0]) > 0


async def test_reasoning_is_not_part_of_the_text(ask: Ask, responses: bool) -> None:
    observed = await ask("Hello", **({"options": SUMMARY} if responses else {"model": THINKER}))
    assert observed.answer.text == "[emulated] You said: Hello"
    assert "The user wrote" in observed.thinking


@pytest.mark.parametrize(
    ("content", "cities"),
    [("What is the weather in Paris?", ["Paris"]), ("What is the weather in Paris and in Rome?", ["Paris", "Rome"])],
)
async def test_tools_are_called_in_their_order(ask: Ask, content: str, cities: list[str]) -> None:
    observed = await ask(content, with_tool=True)
    assert observed.answer.calls == tuple(("get_weather", {"city": city}) for city in cities)
    assert observed.answer.reason == "tool_calls"


async def test_tool_results_are_sent_as_tool_messages(ask: Ask) -> None:
    observed = await ask(CONVERSATIONS["two calls of one turn"])
    assert "Sunny in Paris" in observed.answer.text
    assert "Rain in Rome" in observed.answer.text


async def test_messages_response_that_is_cut_off_reports_length(ask: Ask) -> None:
    words = " ".join(["Tell me about the rivers of Portugal."] * 5)
    assert (await ask(words, model="gpt-4o", options={"max_tokens": 16})).answer.reason == "length"


@pytest.mark.parametrize(
    ("fault", "error", "requests"),
    [
        ("status-400", errors.BadRequestError, 1),
        ("status-401", errors.AuthenticationError, 1),
        ("status-403", errors.PermissionDeniedError, 1),
        ("status-404", errors.NotFoundError, 1),
        ("status-429;retry-after=0", errors.RateLimitError, 3),
        ("status-500;retry-after=0", errors.InternalServerError, 3),
        ("out-of-credit", errors.InsufficientCreditsError, 1),
    ],
)
async def test_errors_are_retried_and_have_their_class(
    ask: Ask, gateway: Emulator, fault: str, error: type[errors.APIError], requests: int
) -> None:
    with pytest.raises(error) as caught:
        await ask("Hello", model=f"emulator/{fault}", max_retries=2)
    assert caught.value.request_id
    assert len(gateway.requests) == requests


async def test_response_that_was_filtered_reports_content_filter(ask: Ask) -> None:
    assert (await ask("Hello", model="emulator/content-filter")).answer.reason == "content_filter"


# --- one instance, used everywhere ------------------------------------------------------------------------------------


def langchain_model(gateway: Emulator, responses: bool) -> ChatAIMLAPI:
    return ChatAIMLAPI(model=MINI, api_key="k", base_url=gateway.base_url, use_responses_api=responses, max_retries=0)


def llama_index_model(gateway: Emulator, responses: bool) -> AIMLAPI:
    return AIMLAPI(model=MINI, api_key="k", api_base=gateway.base_url, use_responses_api=responses, max_retries=0)


MODELS: dict[str, tuple[Any, str, str]] = {
    "LangChain": (langchain_model, "invoke", "ainvoke"),
    "LlamaIndex": (llama_index_model, "complete", "acomplete"),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, gateway: Emulator, responses: bool) -> Any:
    """A model of a framework, with the names of its methods."""
    make, sync, asynchronous = MODELS[request.param]
    return make(gateway, responses), sync, asynchronous


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda model: model.model_copy(update={"max_retries": 1}),
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
def test_embedding_in_threads_loops_and_copies_works(
    model: Any, gateway: Emulator, duplicate: Callable[[Any], Any]
) -> None:
    """One request each, and no connection left open."""
    original, sync, asynchronous = model

    async def called(one: Any) -> None:
        await asyncio.gather(*(getattr(one, asynchronous)("Hello") for _ in range(3)))

    getattr(original, sync)("Hello")
    asyncio.run(called(original))
    asyncio.run(called(original))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(getattr(original, sync), ["Hello"] * 6))
    twin = duplicate(original)
    getattr(twin, sync)("Hello")
    asyncio.run(called(twin))
    assert len(gateway.requests) == 1 + 3 + 3 + 6 + 1 + 3
    assert {record.headers["authorization"] for record in gateway.requests} == {"Bearer k"}
    for each in (original, twin):
        each.close()


# --- what does not pickle ---------------------------------------------------------------------------------------------

GIVEN_CLIENTS: dict[str, Callable[[], Any]] = {
    "client": lambda: Client("k", http_client=httpx.Client()),
    "async client": lambda: AsyncClient("k", http_client=httpx.AsyncClient()),
    "LangChain": lambda: ChatAIMLAPI(api_key="k", http_client=httpx.Client()),
    "LangChain, async": lambda: ChatAIMLAPI(api_key="k", http_async_client=httpx.AsyncClient()),
    "LangChain embeddings": lambda: AIMLAPIEmbeddings(api_key="k", http_client=httpx.Client()),
    "LlamaIndex": lambda: AIMLAPI(api_key="k", http_client=httpx.Client()),
    "LlamaIndex, async": lambda: AIMLAPI(api_key="k", async_http_client=httpx.AsyncClient()),
    "LlamaIndex embedding": lambda: AIMLAPIEmbedding(api_key="k", http_client=httpx.Client()),
}


@pytest.mark.parametrize("make", GIVEN_CLIENTS.values(), ids=GIVEN_CLIENTS)
def test_pickle_with_http_client_raises_and_copies_share_it(make: Callable[[], Any]) -> None:
    made = make()
    with pytest.raises(TypeError, match=r"can't be pickled: it has (http|async_http|http_async)_client"):
        pickle.dumps(made)
    assert copy.deepcopy(made) is not made
    assert copy.copy(made) is not made
