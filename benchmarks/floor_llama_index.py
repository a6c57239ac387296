"""The floors in LlamaIndex: a bare LLM over raw httpx, and one without a network."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
    TextBlock,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.custom import CustomLLM
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


class FloorLLM(CustomLLM):
    base_url: str
    endpoint: str
    model: str
    _client: httpx.Client = PrivateAttr(default_factory=lambda: httpx.Client(timeout=60))
    _aclient: httpx.AsyncClient = PrivateAttr(default_factory=lambda: httpx.AsyncClient(timeout=60))

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    def _request(self, messages: Any, stream: bool) -> tuple[str, Json]:
        body = request_body(self.endpoint, self.model, messages[0].content, stream)
        return self.base_url + PATHS[self.endpoint], body

    @llm_chat_callback()
    def chat(self, messages: Any, **_: Any) -> ChatResponse:
        url, body = self._request(messages, False)
        raw = json.loads(self._client.post(url, json=body).content)
        return ChatResponse(message=ChatMessage(role="assistant", content=response_text(raw)), raw=raw)

    @llm_chat_callback()
    async def achat(self, messages: Any, **_: Any) -> ChatResponse:
        url, body = self._request(messages, False)
        raw = json.loads((await self._aclient.post(url, json=body)).content)
        return ChatResponse(message=ChatMessage(role="assistant", content=response_text(raw)), raw=raw)

    @llm_chat_callback()
    def stream_chat(self, messages: Any, **_: Any) -> Any:
        def responses() -> Iterator[ChatResponse]:
            whole = ""
            for text in stream_texts(self._client, *self._request(messages, True)):
                whole += text
                message = ChatMessage(role="assistant", blocks=[TextBlock(text=whole)])
                yield ChatResponse(message=message, delta=text)

        return responses()

    @llm_chat_callback()
    async def astream_chat(self, messages: Any, **_: Any) -> Any:
        async def responses() -> AsyncIterator[ChatResponse]:
            whole = ""
            async for text in astream_texts(self._aclient, *self._request(messages, True)):
                whole += text
                message = ChatMessage(role="assistant", blocks=[TextBlock(text=whole)])
                yield ChatResponse(message=message, delta=text)

        return responses()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise NotImplementedError

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        raise NotImplementedError


class BareLLM(CustomLLM):
    """Makes up what the server would send."""

    model: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    @llm_chat_callback()
    def chat(self, messages: Any, **_: Any) -> ChatResponse:
        return _plain_response()

    @llm_chat_callback()
    async def achat(self, messages: Any, **_: Any) -> ChatResponse:
        return _plain_response()

    @llm_chat_callback()
    def stream_chat(self, messages: Any, **_: Any) -> Any:
        return _made_up_responses(self.model)

    @llm_chat_callback()
    async def astream_chat(self, messages: Any, **_: Any) -> Any:
        async def responses() -> AsyncIterator[ChatResponse]:
            for response in _made_up_responses(self.model):
                yield response

        return responses()

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise NotImplementedError

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        raise NotImplementedError


def _plain_response() -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", content=PLAIN_TEXT), raw={})


def _made_up_responses(model: str) -> Iterator[ChatResponse]:
    """Yield the message so far for each chunk, as the framework asks for."""
    whole = ""
    for text in made_up_texts(model):
        whole += text
        if is_tool_call(model):
            block: Any = ToolCallBlock(tool_call_id="call_1", tool_name="f", tool_kwargs=whole)
            yield ChatResponse(message=ChatMessage(role="assistant", blocks=[block]), delta="")
        else:
            message = ChatMessage(role="assistant", blocks=[TextBlock(text=whole)])
            yield ChatResponse(message=message, delta=text)


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
