"""The floor in LangChain: a bare chat model over raw httpx."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from benchmarks.floors import PATHS, Json, astream_pieces, body, plain_text, stream_pieces, vectors


class FloorChatModel(BaseChatModel):
    base_url: str
    endpoint: str
    model: str
    _client: httpx.Client = PrivateAttr(default_factory=lambda: httpx.Client(timeout=60))
    _aclient: httpx.AsyncClient = PrivateAttr(default_factory=lambda: httpx.AsyncClient(timeout=60))

    @property
    def _llm_type(self) -> str:
        return "floor"

    def _ask(self, messages: list[BaseMessage], stream: bool) -> tuple[str, Json]:
        return self.base_url + PATHS[self.endpoint], body(self.endpoint, self.model, messages[0].text, stream)

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        url, asked = self._ask(messages, False)
        message = AIMessage(plain_text(json.loads(self._client.post(url, json=asked).content)))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        url, asked = self._ask(messages, False)
        message = AIMessage(plain_text(json.loads((await self._aclient.post(url, json=asked)).content)))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for text in stream_pieces(self._client, *self._ask(messages, True)):
            yield ChatGenerationChunk(message=AIMessageChunk(text))

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        async for text in astream_pieces(self._aclient, *self._ask(messages, True)):
            yield ChatGenerationChunk(message=AIMessageChunk(text))


class FloorEmbeddings(Embeddings):
    def __init__(self, base_url: str) -> None:
        self._url, self._client = base_url + PATHS["embeddings"], httpx.Client(timeout=60)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return vectors(self._client, self._url, texts)

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
