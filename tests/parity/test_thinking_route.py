"""Effort goes where the model honors it, whichever way it is requested: as seen on the wire."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from functools import reduce
from operator import add
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ThinkingBlock

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

CLAUDE = "anthropic/claude-sonnet-4.5"
BUDGET = {"type": "enabled", "budget_tokens": 1024}
PINNED = {"use_responses_api": False}
SCHEMA = {"title": "Place", "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

Seen = tuple[str, str]
"""The thinking and the text of an answer."""


# --- the ways to ask --------------------------------------------------------------------------------------------------


def core(gateway: Emulator, **given: Any) -> Seen:
    call = CallOptions(**{name: given.pop(name) for name in PINNED if name in given})
    with Client("k", gateway.base_url) as client:
        reply = client.chat("Hello", model=CLAUDE, call=call, **given)
    return reply.reasoning, reply.text


def core_stream(gateway: Emulator, **given: Any) -> Seen:
    call = CallOptions(**{name: given.pop(name) for name in PINNED if name in given})
    with Client("k", gateway.base_url) as client, client.chat_stream("Hello", model=CLAUDE, call=call, **given) as got:
        deltas = list(got)
    return "".join(delta.reasoning for delta in deltas), "".join(delta.text for delta in deltas)


async def core_async(gateway: Emulator, **given: Any) -> Seen:
    call = CallOptions(**{name: given.pop(name) for name in PINNED if name in given})
    async with AsyncClient("k", gateway.base_url) as client:
        reply = await client.chat("Hello", model=CLAUDE, call=call, **given)
    return reply.reasoning, reply.text


def langchain(gateway: Emulator, **given: Any) -> Seen:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url, **given)
    return of_message(model.invoke("Hello"), model)


def langchain_stream(gateway: Emulator, **given: Any) -> Seen:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url, **given)
    return of_message(reduce(add, model.stream("Hello")), model)


async def langchain_async(gateway: Emulator, **given: Any) -> Seen:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url, **given)
    answer = of_message(await model.ainvoke("Hello"), model)
    await model.aclose()
    return answer


def of_message(answer: AIMessage, model: ChatAIMLAPI) -> Seen:
    model.close()
    blocks: list[dict[str, Any]] = [dict(block) for block in answer.content_blocks]
    return "".join(block["reasoning"] for block in blocks if block["type"] == "reasoning"), str(answer.text)


def llama_index(gateway: Emulator, **given: Any) -> Seen:
    llm = AIMLAPI(model=CLAUDE, api_key="k", api_base=gateway.base_url, **given)
    return of_response(llm.chat([ChatMessage("Hello")]), llm)


def llama_index_stream(gateway: Emulator, **given: Any) -> Seen:
    llm = AIMLAPI(model=CLAUDE, api_key="k", api_base=gateway.base_url, **given)
    *_, last = llm.stream_chat([ChatMessage("Hello")])
    return of_response(last, llm)


async def llama_index_async(gateway: Emulator, **given: Any) -> Seen:
    llm = AIMLAPI(model=CLAUDE, api_key="k", api_base=gateway.base_url, **given)
    answer = of_response(await llm.achat([ChatMessage("Hello")]), llm)
    await llm.aclose()
    return answer


def of_response(answer: ChatResponse, llm: AIMLAPI) -> Seen:
    llm.close()
    thoughts = [block.content or "" for block in answer.message.blocks if isinstance(block, ThinkingBlock)]
    return "".join(thoughts), answer.message.content or ""


WAYS: tuple[Callable[..., Any], ...] = (
    core,
    core_stream,
    core_async,
    langchain,
    langchain_stream,
    langchain_async,
    llama_index,
    llama_index_stream,
    llama_index_async,
)


async def asked(way: Callable[..., Any], gateway: Emulator, **given: Any) -> Seen:
    found: Seen | Awaitable[Seen] = way(gateway, **given)
    return found if isinstance(found, tuple) else await found


# --- what is seen -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
async def test_thinking_is_told_where_it_is_asked_for(way: Callable[..., Any], gateway: Emulator) -> None:
    thought, text = await asked(way, gateway, reasoning_effort="low", max_tokens=4000)
    assert thought.startswith("[emulated]")
    assert text == "[emulated] You said: Hello"
    [seen] = gateway.requests
    assert seen.path == "/v1/messages"
    assert seen.json["thinking"] == {"type": "enabled", "budget_tokens": 2048}


@pytest.mark.parametrize("way", WAYS)
async def test_without_thinking_nothing_changes(way: Callable[..., Any], gateway: Emulator) -> None:
    assert (await asked(way, gateway, max_tokens=4000))[1] == "[emulated] You said: Hello"
    assert [seen.path for seen in gateway.requests] == ["/v1/chat/completions"]


@pytest.mark.parametrize("way", WAYS)
async def test_the_caller_has_the_last_word(way: Callable[..., Any], gateway: Emulator) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await asked(way, gateway, reasoning_effort="low", max_tokens=4000, **PINNED)
    assert [request.path for request in gateway.requests] == ["/v1/chat/completions"]
    texts = [str(warning.message) for warning in caught if warning.category is ParameterWarning]
    assert any("ignores it" in text for text in texts)


def test_a_structured_answer_is_forced_without_thinking(gateway: Emulator) -> None:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url)
    with pytest.warns(ParameterWarning, match="refuses a forced tool while it thinks"):
        assert set(model.with_structured_output(SCHEMA, thinking=BUDGET).invoke("A trip to 'Oslo'")) == {"city"}
    assert [request.path for request in gateway.requests] == ["/v1/chat/completions"]
    model.close()


def test_an_ignored_effort_is_an_error_if_strict(gateway: Emulator) -> None:
    strict = CallOptions(strict_parameters=True, endpoint="chat_completions")
    with Client("k", gateway.base_url) as client, pytest.raises(UnsupportedParameterError, match="ignores it"):
        client.chat("Hello", model=CLAUDE, call=strict, reasoning_effort="low")
    assert not gateway.requests
