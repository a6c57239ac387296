"""Helpers of the history tests: a chat model at a scripted gateway, and every method to call it by."""

from __future__ import annotations

import asyncio
from functools import reduce
from operator import add
from typing import Any

import httpx
from langchain_core.messages import AIMessage

from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.support.history_gateway import MODELS, ScriptedGateway


def chat(gateway: ScriptedGateway, endpoint: str, **kwargs: Any) -> ChatAIMLAPI:
    """Create a chat model on an endpoint of the gateway."""
    settings: dict[str, Any] = {
        "model": MODELS[endpoint],
        "endpoint": endpoint,
        "api_key": "k",
        "max_retries": 0,
        "http_client": httpx.Client(transport=gateway.transport),
        "http_async_client": httpx.AsyncClient(transport=gateway.transport),
    }
    return ChatAIMLAPI(**{**settings, **kwargs})


def whole(chunks: Any) -> AIMessage:
    """Add up the chunks of a stream."""
    message: AIMessage = reduce(add, chunks)
    return message


async def _collected(model: Any, messages: Any) -> AIMessage:
    return whole([chunk async for chunk in model.astream(messages)])


WAYS: dict[str, Any] = {
    "invoke": lambda model, messages: model.invoke(messages),
    "stream": lambda model, messages: whole(model.stream(messages)),
    "ainvoke": lambda model, messages: asyncio.run(model.ainvoke(messages)),
    "astream": lambda model, messages: asyncio.run(_collected(model, messages)),
}
"""How to ask a model for a whole message."""
