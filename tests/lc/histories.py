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


def merge_chunks(chunks: Any) -> AIMessage:
    """Add up the chunks of a stream."""
    message: AIMessage = reduce(add, chunks)
    return message


async def _collect(model: Any, messages: Any) -> AIMessage:
    return merge_chunks([chunk async for chunk in model.astream(messages)])


CALL_MODES: dict[str, Any] = {
    "invoke": lambda model, messages: model.invoke(messages),
    "stream": lambda model, messages: merge_chunks(model.stream(messages)),
    "ainvoke": lambda model, messages: asyncio.run(model.ainvoke(messages)),
    "astream": lambda model, messages: asyncio.run(_collect(model, messages)),
}
"""How to call a model for a message."""
