"""Chat calls in every mode: each returns all responses, the last of which is complete."""

from __future__ import annotations

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from aimlapi_integrations.llama_index import AIMLAPI

MESSAGES = [ChatMessage("Hello")]


async def chat(llm: AIMLAPI) -> list[ChatResponse]:
    return [llm.chat(MESSAGES)]


async def achat(llm: AIMLAPI) -> list[ChatResponse]:
    return [await llm.achat(MESSAGES)]


async def stream(llm: AIMLAPI) -> list[ChatResponse]:
    return list(llm.stream_chat(MESSAGES))


async def astream(llm: AIMLAPI) -> list[ChatResponse]:
    return [response async for response in await llm.astream_chat(MESSAGES)]


all_calls = pytest.mark.parametrize("ask", [chat, achat, stream, astream])
complete_calls = pytest.mark.parametrize("ask", [chat, achat])
streamed_calls = pytest.mark.parametrize("ask", [stream, astream])
