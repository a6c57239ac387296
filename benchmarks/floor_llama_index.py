"""The floor in LlamaIndex: a bare LLM over raw httpx."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata, TextBlock
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM
from pydantic import PrivateAttr

from benchmarks.floors import PATHS, Json, astream_pieces, body, plain_text, stream_pieces, vectors


class FloorLLM(CustomLLM):
    base_url: str
    endpoint: str
    model: str
    _client: httpx.Client = PrivateAttr(default_factory=lambda: httpx.Client(timeout=60))
    _aclient: httpx.AsyncClient = PrivateAttr(default_factory=lambda: httpx.AsyncClient(timeout=60))

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    def _ask(self, messages: Any, stream: bool) -> tuple[str, Json]:
        return self.base_url + PATHS[self.endpoint], body(self.endpoint, self.model, messages[0].content, stream)

    @llm_chat_callback()
    def chat(self, messages: Any, **_: Any) -> ChatResponse:
        url, asked = self._ask(messages, False)
        raw = json.loads(self._client.post(url, json=asked).content)
        return ChatResponse(message=ChatMessage(role="assistant", content=plain_text(raw)), raw=raw)

    @llm_chat_callback()
    async def achat(self, messages: Any, **_: Any) -> ChatResponse:
        url, asked = self._ask(messages, False)
        raw = json.loads((await self._aclient.post(url, json=asked)).content)
        return ChatResponse(message=ChatMessage(role="assistant", content=plain_text(raw)), raw=raw)

    @llm_chat_callback()
    def stream_chat(self, messages: Any, **_: Any) -> Any:
        def replies() -> Iterator[ChatResponse]:
            whole = ""
            for text in stream_pieces(self._client, *self._ask(messages, True)):
                whole += text
                message = ChatMessage(role="assistant", blocks=[TextBlock(text=whole)])
                yield ChatResponse(message=message, delta=text)

        return replies()

    @llm_chat_callback()
    async def astream_chat(self, messages: Any, **_: Any) -> Any:
        async def replies() -> AsyncIterator[ChatResponse]:
            whole = ""
            async for text in astream_pieces(self._aclient, *self._ask(messages, True)):
                whole += text
                message = ChatMessage(role="assistant", blocks=[TextBlock(text=whole)])
                yield ChatResponse(message=message, delta=text)

        return replies()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise NotImplementedError

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        raise NotImplementedError


class FloorEmbedding(BaseEmbedding):
    base_url: str
    _client: httpx.Client = PrivateAttr(default_factory=lambda: httpx.Client(timeout=60))

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return vectors(self._client, self.base_url + PATHS["embeddings"], texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)
