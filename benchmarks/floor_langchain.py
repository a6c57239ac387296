"""The floors in LangChain: a bare chat model over raw httpx, and one without a network."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from benchmarks.floors import (
    PATHS,
    PLAIN_TEXT,
    Json,
    astream_texts,
    is_tool_call,
    made_up_texts,
    request_body,
    response_text,
    stream_texts,
    vectors,
)


class FloorChatModel(BaseChatModel):
    base_url: str
    endpoint: str
    model: str
    _client: httpx.Client = PrivateAttr(default_factory=lambda: httpx.Client(timeout=60))
    _aclient: httpx.AsyncClient = PrivateAttr(default_factory=lambda: httpx.AsyncClient(timeout=60))

    @property
    def _llm_type(self) -> str:
        return "floor"

    def _request(self, messages: list[BaseMessage], stream: bool) -> tuple[str, Json]:
        return self.base_url + PATHS[self.endpoint], request_body(self.endpoint, self.model, messages[0].text, stream)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        url, body = self._request(messages, False)
        message = AIMessage(response_text(json.loads(self._client.post(url, json=body).content)))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        url, body = self._request(messages, False)
        message = AIMessage(response_text(json.loads((await self._aclient.post(url, json=body)).content)))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for text in stream_texts(self._client, *self._request(messages, True)):
            yield ChatGenerationChunk(message=AIMessageChunk(text))

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        async for text in astream_texts(self._aclient, *self._request(messages, True)):
            yield ChatGenerationChunk(message=AIMessageChunk(text))


class BareChatModel(BaseChatModel):
    """Makes up what the server would send."""

    model: str

    @property
    def _llm_type(self) -> str:
        return "bare"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(PLAIN_TEXT))])

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        return self._generate()

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        if not is_tool_call(self.model):
            for text in made_up_texts(self.model):
                yield ChatGenerationChunk(message=AIMessageChunk(text))
            return
        start = {"name": "f", "id": "call_1"}
        for arguments in made_up_texts(self.model):
            call = tool_call_chunk(args=arguments, index=0, **start)
            yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[call]))
            start = {}

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream():
            yield chunk


class FloorEmbeddings(Embeddings):
    def __init__(self, base_url: str) -> None:
        self._url, self._client = base_url + PATHS["embeddings"], httpx.Client(timeout=60)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return vectors(self._client, self._url, texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
