"""`AIMLAPI`: every text model of AI/ML API as a LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from .catalogued import Catalogued
from .from_reply import chat_response, completion_response
from .request import Call, build
from .stream import AsyncMap, Fold, responses


class AIMLAPI(Catalogued):
    """An LLM with function calling, structured answers, reasoning and prices, on any model of the gateway.

    Takes the arguments of LlamaIndex's `OpenAI` and `OpenAIResponses` by their names; an unknown one is an error.
    Per-call arguments go before `additional_kwargs`, these before fields, and None says nothing.

    Args:
        model: the model's id, `openai/gpt-5-mini-2025-08-07` by default.
        api_key: the key; else `AIMLAPI_API_KEY` or `AIML_API_KEY` in the environment.
        api_base: the base URL; else `AIMLAPI_API_BASE` or `AIMLAPI_BASE_URL`.
        temperature, max_tokens, …: see the fields; what is not set is not sent.

    Raises:
        MissingAPIKeyError: there is no key.
        APIError: from calls; the tree is drawn in `aimlapi_integrations.errors`.

    Examples:
        >>> llm = AIMLAPI(model="anthropic/claude-sonnet-4.5", max_tokens=2000)
        >>> answer = llm.chat([ChatMessage("Name three rivers of Portugal.")])
        >>> answer.message.content, answer.additional_kwargs["cost"]                         # doctest: +SKIP
    """

    @classmethod
    def class_name(cls) -> str:
        """The name it is serialised by."""
        return "AIMLAPI_LLM"

    # --- chat -----------------------------------------------------------------------------------------------------

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to a conversation."""
        return self._chat(build(self, messages, kwargs))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer as it comes: each response has the whole message so far, the last one everything else too."""
        return self._stream_chat(build(self, messages, kwargs))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """`chat`, async."""
        return await self._achat(build(self, messages, kwargs))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """`stream_chat`, async."""
        return self._astream_chat(build(self, messages, kwargs))

    # --- completion: a conversation of one turn; by `chat` itself only where a subclass has its own, since each of ----
    # --- them is a call to those who count calls ------------------------------------------------------------------

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt, which goes through `completion_to_prompt` unless it is `formatted`."""
        messages = self._prompted(prompt, formatted)
        if type(self).chat is not AIMLAPI.chat:
            return completion_response(self.chat(messages, **kwargs))
        return completion_response(self._chat(build(self, messages, kwargs)))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The answer to a prompt as it comes, each response with the whole text so far."""
        messages = self._prompted(prompt, formatted)
        if type(self).stream_chat is not AIMLAPI.stream_chat:
            return (completion_response(each) for each in self.stream_chat(messages, **kwargs))
        return (completion_response(each) for each in self._stream_chat(build(self, messages, kwargs)))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """`complete`, async."""
        messages = self._prompted(prompt, formatted)
        if type(self).achat is not AIMLAPI.achat:
            return completion_response(await self.achat(messages, **kwargs))
        return completion_response(await self._achat(build(self, messages, kwargs)))

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """`stream_complete`, async."""
        messages = self._prompted(prompt, formatted)
        if type(self).astream_chat is not AIMLAPI.astream_chat:
            return AsyncMap(completion_response, await self.astream_chat(messages, **kwargs))
        return AsyncMap(completion_response, self._astream_chat(build(self, messages, kwargs)))

    # --- the calls behind them ------------------------------------------------------------------------------------

    def _prompted(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        text = prompt if formatted or self.completion_to_prompt is None else self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=text)]

    def _chat(self, call: Call) -> ChatResponse:
        return chat_response(self._client().complete(call.request, call.options))

    async def _achat(self, call: Call) -> ChatResponse:
        return chat_response(await self._async_client().complete(call.request, call.options))

    def _stream_chat(self, call: Call) -> ChatResponseGen:
        with self._client().stream(call.request, call.options) as deltas:
            yield from responses(deltas)

    async def _astream_chat(self, call: Call) -> ChatResponseAsyncGen:
        async with self._async_client().stream(call.request, call.options) as deltas:
            fold = Fold()
            async for delta in deltas:
                response = fold.response(delta)
                if response is not None:
                    yield response
