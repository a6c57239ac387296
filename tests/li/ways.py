"""A question asked in every way: each gives all its responses, the last of which is the whole one."""

from __future__ import annotations

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from aimlapi_integrations.llama_index import AIMLAPI

ASK = [ChatMessage("Hello")]


async def chat(llm: AIMLAPI) -> list[ChatResponse]:
    return [llm.chat(ASK)]


async def achat(llm: AIMLAPI) -> list[ChatResponse]:
    return [await llm.achat(ASK)]


async def stream(llm: AIMLAPI) -> list[ChatResponse]:
    return list(llm.stream_chat(ASK))


async def astream(llm: AIMLAPI) -> list[ChatResponse]:
    return [response async for response in await llm.astream_chat(ASK)]


anyhow = pytest.mark.parametrize("ask", [chat, achat, stream, astream])
whole = pytest.mark.parametrize("ask", [chat, achat])
streamed = pytest.mark.parametrize("ask", [stream, astream])
