"""Effort goes to the endpoint where the model honors it, from every client."""

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
CHAT_COMPLETIONS = {"use_responses_api": False}
SCHEMA = {"title": "Place", "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

ThinkingAndText = tuple[str, str]
"""The thinking and the text of an answer."""


# --- calls ------------------------------------------------------------------------------------------------------------


def core(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    call = CallOptions(**{name: settings.pop(name) for name in CHAT_COMPLETIONS if name in settings})
    with Client("k", gateway.base_url) as client:
        reply = client.chat("Hello", model=CLAUDE, call=call, **settings)
    return reply.reasoning, reply.text


def core_stream(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    call = CallOptions(**{name: settings.pop(name) for name in CHAT_COMPLETIONS if name in settings})
    with (
        Client("k", gateway.base_url) as client,
        client.chat_stream("Hello", model=CLAUDE, call=call, **settings) as stream,
    ):
        deltas = list(stream)
    return "".join(delta.reasoning for delta in deltas), "".join(delta.text for delta in deltas)


async def core_async(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    call = CallOptions(**{name: settings.pop(name) for name in CHAT_COMPLETIONS if name in settings})
    async with AsyncClient("k", gateway.base_url) as client:
        reply = await client.chat("Hello", model=CLAUDE, call=call, **settings)
    return reply.reasoning, reply.text


def langchain(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url, **settings)
    return of_message(model.invoke("Hello"), model)


def langchain_stream(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url, **settings)
    return of_message(reduce(add, model.stream("Hello")), model)


async def langchain_async(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url, **settings)
    answer = of_message(await model.ainvoke("Hello"), model)
    await model.aclose()
    return answer


def of_message(answer: AIMessage, model: ChatAIMLAPI) -> ThinkingAndText:
    model.close()
    blocks: list[dict[str, Any]] = [dict(block) for block in answer.content_blocks]
    return "".join(block["reasoning"] for block in blocks if block["type"] == "reasoning"), str(answer.text)


def llama_index(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    llm = AIMLAPI(model=CLAUDE, api_key="k", api_base=gateway.base_url, **settings)
    return of_response(llm.chat([ChatMessage("Hello")]), llm)


def llama_index_stream(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    llm = AIMLAPI(model=CLAUDE, api_key="k", api_base=gateway.base_url, **settings)
    *_, last = llm.stream_chat([ChatMessage("Hello")])
    return of_response(last, llm)


async def llama_index_async(gateway: Emulator, **settings: Any) -> ThinkingAndText:
    llm = AIMLAPI(model=CLAUDE, api_key="k", api_base=gateway.base_url, **settings)
    answer = of_response(await llm.achat([ChatMessage("Hello")]), llm)
    await llm.aclose()
    return answer


def of_response(answer: ChatResponse, llm: AIMLAPI) -> ThinkingAndText:
    llm.close()
    thoughts = [block.content or "" for block in answer.message.blocks if isinstance(block, ThinkingBlock)]
    return "".join(thoughts), answer.message.content or ""


CALLS: tuple[Callable[..., Any], ...] = (
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


async def run(call_model: Callable[..., Any], gateway: Emulator, **settings: Any) -> ThinkingAndText:
    outcome: ThinkingAndText | Awaitable[ThinkingAndText] = call_model(gateway, **settings)
    return outcome if isinstance(outcome, tuple) else await outcome


# --- tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call_model", CALLS)
async def test_request_with_thinking_goes_to_the_endpoint_that_returns_it(
    call_model: Callable[..., Any], gateway: Emulator
) -> None:
    thinking, text = await run(call_model, gateway, reasoning_effort="low", max_tokens=4000)
    assert thinking.startswith("[emulated]")
    assert text == "[emulated] You said: Hello"
    [request] = gateway.requests
    assert request.path == "/v1/messages"
    assert request.json["thinking"] == {"type": "enabled", "budget_tokens": 2048}


@pytest.mark.parametrize("call_model", CALLS)
async def test_request_without_thinking_goes_to_chat_completions(
    call_model: Callable[..., Any], gateway: Emulator
) -> None:
    assert (await run(call_model, gateway, max_tokens=4000))[1] == "[emulated] You said: Hello"
    assert [request.path for request in gateway.requests] == ["/v1/chat/completions"]


@pytest.mark.parametrize("call_model", CALLS)
async def test_use_responses_api_overrides_the_endpoint_for_effort(
    call_model: Callable[..., Any], gateway: Emulator
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await run(call_model, gateway, reasoning_effort="low", max_tokens=4000, **CHAT_COMPLETIONS)
    assert [request.path for request in gateway.requests] == ["/v1/chat/completions"]
    texts = [str(warning.message) for warning in caught if warning.category is ParameterWarning]
    assert any("ignores it" in text for text in texts)


def test_structured_answer_with_thinking_is_forced_without_thinking(gateway: Emulator) -> None:
    model = ChatAIMLAPI(model=CLAUDE, api_key="k", base_url=gateway.base_url)
    with pytest.warns(ParameterWarning, match="refuses a forced tool while it thinks"):
        assert set(model.with_structured_output(SCHEMA, thinking=BUDGET).invoke("A trip to 'Oslo'")) == {"city"}
    assert [request.path for request in gateway.requests] == ["/v1/chat/completions"]
    model.close()


def test_strict_parameters_raise_for_an_ignored_effort(gateway: Emulator) -> None:
    strict = CallOptions(strict_parameters=True, endpoint="chat_completions")
    with Client("k", gateway.base_url) as client, pytest.raises(UnsupportedParameterError, match="ignores it"):
        client.chat("Hello", model=CLAUDE, call=strict, reasoning_effort="low")
    assert not gateway.requests
