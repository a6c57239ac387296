"""A chat model written down, copied, cached, wrapped and configured: it stays itself, and its key stays with it."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import sqlite3
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.load import dumpd, dumps, load, loads
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.lc.gateway import Gateway, chat_body

pytestmark = pytest.mark.filterwarnings("ignore:The function `loads?` is in beta")

KEY = "sk-planted-secret"
OURS = {"allowed_objects": [ChatAIMLAPI], "valid_namespaces": ["aimlapi_integrations"], "secrets_from_env": True}


@pytest.fixture
def model(gateway):
    made = ChatAIMLAPI(
        model="gpt-4o",
        api_key=KEY,
        base_url=gateway.base_url,
        temperature=0.5,
        max_tokens=200,
        stop=["END"],
        timeout=7,
        default_headers={"x-title": KEY},
        model_kwargs={"prediction": {"type": "content", "content": "Hello"}},
        extra_body={"min_p": 0.1},
    )
    yield made
    made.close()


# --- written down -----------------------------------------------------------------------------------------------------


def test_dumped_object_is_loaded(model, monkeypatch):
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    written = dumpd(model)
    json.dumps(written)
    again = load(written, **OURS)
    assert type(again) is ChatAIMLAPI
    assert again._get_invocation_params() == model._get_invocation_params()
    assert again.aimlapi_api_key.get_secret_value() == KEY
    assert again.invoke("Hello").text == model.invoke("Hello").text
    again.close()


def test_dumped_bound_model_is_loaded(model, monkeypatch):
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    from langchain_core.runnables import RunnableBinding

    allowed = {**OURS, "allowed_objects": [ChatAIMLAPI, RunnableBinding]}
    again = load(dumpd(model.bind(seed=5)), **allowed)
    assert again.kwargs == {"seed": 5}


def test_key_is_serialized_as_an_environment_variable(model):
    written = dumpd(model)
    assert written["kwargs"]["aimlapi_api_key"] == {"lc": 1, "type": "secret", "id": ["AIMLAPI_API_KEY"]}
    assert KEY not in json.dumps(written)


def test_key_is_not_shown(model):
    bare = model.model_copy(update={"default_headers": None})
    shown = [repr(bare), str(bare), bare.model_dump_json(), str(bare._identifying_params), str(bare.asdict())]
    assert not [text for text in shown if KEY in text]
    assert KEY not in repr(model)


# --- copies -----------------------------------------------------------------------------------------------------------

CLOUDPICKLE = pytest.importorskip("cloudpickle")
COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model: CLOUDPICKLE.loads(CLOUDPICKLE.dumps(model)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda model: model.model_copy(),
    "deep model_copy": lambda model: model.model_copy(deep=True),
}


@pytest.mark.parametrize("way", COPIES)
def test_copies_have_their_own_connections(model, way):
    first = model.invoke("Hello").text
    asyncio.run(_aonce(model))
    again = COPIES[way](model)
    model.close()
    assert again.invoke("Hello").text == first
    assert again._get_invocation_params() == model._get_invocation_params()
    again.close()


async def _aonce(model):
    await model.ainvoke("Hello")
    await model.aclose()


@pytest.mark.parametrize("way", COPIES)
def test_bound_model_can_be_copied(model, way):
    again = COPIES[way](
        model.bind_tools([{"name": "now", "description": "The time.", "parameters": {"type": "object"}}])
    )
    assert again.kwargs["tools"]
    again.bound.close()


def test_changed_copy_has_its_own_connection(model, gateway):
    model.invoke("Hello")
    with Emulator() as other:
        moved = model.model_copy(update={"aimlapi_api_base": other.base_url})
        moved.invoke("Hello")
        moved.close()
        assert (len(gateway.requests), len(other.requests)) == (1, 1)


def test_callers_client_is_shared_and_left_open():
    gateway = Gateway()
    with httpx.Client(transport=httpx.MockTransport(gateway)) as client:
        model = ChatAIMLAPI(api_key=KEY, http_client=client)
        for again in (copy.copy(model), copy.deepcopy(model), model.model_copy()):
            again.invoke("Hello")
            again.close()
        assert len(gateway.bodies) == 3
        assert not client.is_closed


# --- caches -----------------------------------------------------------------------------------------------------------


class SQLiteCache(BaseCache):
    """What LangChain's community cache does: generations as JSON, in a table."""

    def __init__(self) -> None:
        self.rows = sqlite3.connect(":memory:", check_same_thread=False)
        self.rows.execute("CREATE TABLE cache (prompt TEXT, llm TEXT, answers TEXT, PRIMARY KEY (prompt, llm))")

    def lookup(self, prompt: str, llm_string: str) -> list[Any] | None:
        where = "WHERE prompt = ? AND llm = ?"
        row = self.rows.execute(f"SELECT answers FROM cache {where}", (prompt, llm_string)).fetchone()
        return row and [loads(text, allowed_objects=[ChatGeneration, AIMessage]) for text in json.loads(row[0])]

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Any]) -> None:
        answers = json.dumps([dumps(generation) for generation in return_val])
        self.rows.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?)", (prompt, llm_string, answers))

    def clear(self, **kwargs: Any) -> None:
        self.rows.execute("DELETE FROM cache")

    def written(self) -> str:
        return str(self.rows.execute("SELECT * FROM cache").fetchall())


class SeenCache(InMemoryCache):
    def written(self) -> str:
        return str(self._cache)


@pytest.fixture(params=[SeenCache, SQLiteCache])
def cache(request):
    made = request.param()
    yield made
    if isinstance(made, SQLiteCache):
        made.rows.close()


CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
ANSWERS = {
    "text": chat_body("Hello"),
    "reasoning": chat_body("Hello", reasoning_content="Hm"),
    "tool call": chat_body("", "tool_calls", tool_calls=[CALL]),
}


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_cached_response_equals_the_response(cache, answer, version):
    gateway = Gateway(ANSWERS[answer])
    model = gateway.model(cache=cache, output_version=version)
    first, second = model.invoke("Hello"), model.invoke("Hello")
    assert len(gateway.bodies) == 1
    assert second.content == first.content
    assert second.content_blocks == first.content_blocks
    assert second.tool_calls == first.tool_calls
    assert second.response_metadata == {**first.response_metadata, "cost": {"usd": "0.000000000", "credits": 0}}
    assert first.response_metadata["cost"]["credits"] == 2480
    assert second.usage_metadata["total_tokens"] == first.usage_metadata["total_tokens"]


def test_cached_response_serves_async_calls(cache):
    gateway = Gateway()
    model = gateway.model(cache=cache)
    model.invoke("Hello")
    asyncio.run(model.ainvoke("Hello"))
    assert len(gateway.bodies) == 1


DIFFERENT: dict[str, dict[str, Any]] = {
    "model": {"model": "gpt-4o-mini"},
    "base_url": {"base_url": "https://example.com/v1"},
    "temperature": {"temperature": 0.7},
    "max_tokens": {"max_tokens": 300},
    "top_p": {"top_p": 0.5},
    "stop": {"stop": ["END"]},
    "seed": {"seed": 7},
    "n": {"n": 2},
    "logprobs": {"logprobs": True},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "presence_penalty": {"presence_penalty": 0.5},
    "reasoning_effort": {"model": "openai/gpt-5-mini-2025-08-07", "reasoning_effort": "low"},
    "verbosity": {"verbosity": "low"},
    "provider": {"provider": "openai"},
    "normalize_tool_schemas": {"normalize_tool_schemas": True},
    "endpoint": {"endpoint": "responses"},
    "use_responses_api": {"use_responses_api": True},
    "output_version": {"output_version": "v1"},
    "include_response_headers": {"include_response_headers": True},
    "model_kwargs": {"model_kwargs": {"top_k": 5}},
    "extra_body": {"extra_body": {"min_p": 0.2}},
    "disabled_params": {"disabled_params": {"temperature": None}},
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_field_that_changes_the_response_changes_the_cache_key(name):
    plain, other = (
        ChatAIMLAPI(model="gpt-4o", api_key=KEY),
        ChatAIMLAPI(**{"model": "gpt-4o", "api_key": KEY, **DIFFERENT[name]}),
    )
    assert plain._get_llm_string() != other._get_llm_string()


PER_CALL: dict[str, dict[str, Any]] = {
    "stop": {"stop": ["END"]},
    "temperature": {"temperature": 0.7},
    "tools": {"tools": [{"type": "function", "function": {"name": "now"}}]},
    "response_format": {"response_format": {"type": "json_object"}},
    "model": {"model": "gpt-4o-mini"},
}


@pytest.mark.parametrize("name", PER_CALL)
def test_call_argument_that_changes_the_response_changes_the_cache_key(name):
    model = ChatAIMLAPI(model="gpt-4o", api_key=KEY)
    assert model._get_llm_string() != model._get_llm_string(**PER_CALL[name])


SAME: dict[str, dict[str, Any]] = {
    "api_key": {"api_key": "another"},
    "default_headers": {"default_headers": {"authorization": KEY}},
    "timeout": {"timeout": 3},
    "max_retries": {"max_retries": 7},
    "tags": {"tags": ["a"]},
}


@pytest.mark.parametrize("name", SAME)
def test_field_that_does_not_change_the_response_keeps_the_cache_key(name):
    plain, other = (
        ChatAIMLAPI(model="gpt-4o", api_key=KEY),
        ChatAIMLAPI(**{"model": "gpt-4o", "api_key": KEY, **SAME[name]}),
    )
    assert plain._get_llm_string() == other._get_llm_string()


def test_cache_contains_no_secrets(cache):
    mcp = {"type": "mcp", "server_label": "a", "server_url": "https://a.example", "headers": {"authorization": KEY}}
    model = Gateway().model(api_key=KEY, cache=cache, default_headers={"x-key": KEY})
    model.invoke("Hello")
    model.invoke("Hello", extra_headers={"x-key": KEY})
    assert KEY not in model._get_llm_string(tools=[mcp])
    assert KEY not in cache.written()


def test_messages_with_other_ids_have_the_same_cache_key(cache):
    gateway = Gateway()
    model = gateway.model(cache=cache)
    model.invoke([HumanMessage("Hello", id="1")])
    model.invoke([HumanMessage("Hello", id="2")])
    assert len(gateway.bodies) == 1


# --- wrappers ---------------------------------------------------------------------------------------------------------


def test_fallback_after_an_error_answers():
    broken, sound = Gateway({"message": "Down"}, status=503), Gateway(chat_body("From the second"))
    assert broken.model().with_fallbacks([sound.model()]).invoke("Hello").text == "From the second"
    assert len(broken.bodies) == 1


async def test_fallback_in_a_stream_answers():
    broken, sound = Gateway({"message": "Down"}, status=503), Gateway(chat_body("From the second"))
    chain = broken.model().with_fallbacks([sound.model()])
    assert "".join([chunk.text async for chunk in chain.astream("Hello")]) == "From the second"


def test_with_retry_repeats_failed_calls():
    class Recovering(Gateway):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            self.status = 503 if len(self.bodies) < 2 else 200
            return super().__call__(request)

    gateway = Recovering()
    assert gateway.model().with_retry(wait_exponential_jitter=False, stop_after_attempt=3).invoke("Hello").text == "Hi"
    assert len(gateway.bodies) == 3


def test_configurable_fields_are_applied():
    gateway = Gateway()
    model = gateway.model().configurable_fields(
        model_name=ConfigurableField(id="model"), temperature=ConfigurableField(id="warmth")
    )
    model.invoke("Hello", config={"configurable": {"model": "gpt-4o-mini", "warmth": 0.25}})
    model.invoke("Hello")
    assert [body["model"] for body in gateway.bodies] == ["gpt-4o-mini", "gpt-4o"]
    assert [body.get("temperature") for body in gateway.bodies] == [0.25, None]


def test_configurable_alternative_is_selected():
    gateway = Gateway()
    other = gateway.model(model="gpt-4o-mini")
    model = gateway.model().configurable_alternatives(ConfigurableField(id="which"), small=other)
    model.invoke("Hello", config={"configurable": {"which": "small"}})
    assert gateway.bodies[-1]["model"] == "gpt-4o-mini"


class Counting(InMemoryRateLimiter):
    taken = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.taken += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self.acquire(blocking=blocking)


def test_rate_limiter_is_acquired_once_per_request():
    limiter = Counting()
    model = Gateway().model(rate_limiter=limiter, cache=InMemoryCache())
    model.invoke("a")
    model.invoke("a")
    list(model.stream("b"))
    asyncio.run(model.ainvoke("c"))
    assert limiter.taken == 3
