"""One conversation sent by each client, plain and streamed, sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Message, Request

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}
ENDPOINTS = tuple(MODELS)


@dataclass
class Target:
    """Where to send, and how: `settings` of the client or model, `parameters` of the call."""

    base_url: str
    endpoint: str
    settings: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    model: str | None = None

    @property
    def model_id(self) -> str:
        """The model to call, by default one that is served on the endpoint."""
        return self.model or MODELS[self.endpoint]

    @property
    def options(self) -> dict[str, Any]:
        """Parameters of the call, with the one that the messages endpoint needs."""
        least = {"max_tokens": 1000} if self.endpoint == "messages" else {}
        return {**least, **self.parameters}


# --- the bare client --------------------------------------------------------------------------------------------------


def _request(target: Target, messages: Sequence[Message]) -> tuple[Request, CallOptions]:
    request = Request(target.model_id, tuple(messages), options=target.options)
    return request, CallOptions(endpoint=target.endpoint)


def _bare(target: Target, messages: Sequence[Message]) -> None:
    with Client("k", target.base_url, max_retries=0, **target.settings) as client:
        client.complete(*_request(target, messages))


def _bare_stream(target: Target, messages: Sequence[Message]) -> None:
    client = Client("k", target.base_url, max_retries=0, **target.settings)
    with client, client.stream(*_request(target, messages)) as deltas:
        list(deltas)


async def _bare_async(target: Target, messages: Sequence[Message]) -> None:
    async with AsyncClient("k", target.base_url, max_retries=0, **target.settings) as client:
        await client.complete(*_request(target, messages))


async def _bare_async_stream(target: Target, messages: Sequence[Message]) -> None:
    client = AsyncClient("k", target.base_url, max_retries=0, **target.settings)
    async with client, client.stream(*_request(target, messages)) as deltas:
        _ = [delta async for delta in deltas]


# --- LangChain --------------------------------------------------------------------------------------------------------


def chat_model(target: Target) -> ChatAIMLAPI:
    """A LangChain model for the target."""
    defaults = {"model": target.model_id, "api_key": "k", "base_url": target.base_url, "max_retries": 0}
    return ChatAIMLAPI(**{**defaults, "endpoint": target.endpoint, **target.settings})


def _langchain(target: Target, messages: Sequence[BaseMessage]) -> None:
    with chat_model(target) as model:
        model.invoke(list(messages), **target.options)


def _langchain_stream(target: Target, messages: Sequence[BaseMessage]) -> None:
    with chat_model(target) as model:
        list(model.bind(**target.options).stream(list(messages)))


async def _langchain_async(target: Target, messages: Sequence[BaseMessage]) -> None:
    async with chat_model(target) as model:
        await model.bind(**target.options).ainvoke(list(messages))


async def _langchain_async_stream(target: Target, messages: Sequence[BaseMessage]) -> None:
    async with chat_model(target) as model:
        _ = [chunk async for chunk in model.astream(list(messages), **target.options)]


# --- LlamaIndex -------------------------------------------------------------------------------------------------------


def llm(target: Target) -> AIMLAPI:
    """A LlamaIndex LLM for the target."""
    defaults = {"model": target.model_id, "api_key": "k", "api_base": target.base_url, "max_retries": 0}
    return AIMLAPI(**{**defaults, "endpoint": target.endpoint, **target.settings})


def _llama_index(target: Target, messages: Sequence[ChatMessage]) -> None:
    with llm(target) as model:
        model.chat(messages, **target.options)


def _llama_index_stream(target: Target, messages: Sequence[ChatMessage]) -> None:
    with llm(target) as model:
        list(model.stream_chat(messages, **target.options))


async def _llama_index_async(target: Target, messages: Sequence[ChatMessage]) -> None:
    async with llm(target) as model:
        await model.achat(messages, **target.options)


async def _llama_index_async_stream(target: Target, messages: Sequence[ChatMessage]) -> None:
    async with llm(target) as model:
        _ = [response async for response in await model.astream_chat(messages, **target.options)]


# --- all of them ------------------------------------------------------------------------------------------------------

CALLS: dict[str, dict[str, Callable[..., Any]]] = {
    "bare": {
        "plain": _bare,
        "stream": _bare_stream,
        "async plain": _bare_async,
        "async stream": _bare_async_stream,
    },
    "langchain": {
        "plain": _langchain,
        "stream": _langchain_stream,
        "async plain": _langchain_async,
        "async stream": _langchain_async_stream,
    },
    "llama_index": {
        "plain": _llama_index,
        "stream": _llama_index_stream,
        "async plain": _llama_index_async,
        "async stream": _llama_index_async_stream,
    },
}
EVERY_CALL = [(who, mode) for who, manners in CALLS.items() for mode in manners]


def call(who: str, mode: str, target: Target, messages: Sequence[Any]) -> None:
    """Send the messages, which are in the vocabulary of `who`, and read the whole answer."""
    send = CALLS[who][mode]
    if mode.startswith("async"):
        asyncio.run(send(target, messages))
    else:
        send(target, messages)
