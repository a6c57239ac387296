"""What an LLM costs and holds, from the live catalogue, and what a call may cost before it is made."""

from __future__ import annotations

import inspect
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
from pydantic import Field
from typing_extensions import Self

from ..costs import Estimate, estimate
from ..endpoints.catalogue import CatalogueModel
from ..models import lookup
from ..tokens import estimate_tokens
from .messages.decode import chat_response, completion_response
from .messages.encode import encode_messages
from .messages.stream import AsyncMap, Fold, responses
from .request import CallArguments, build_request, to_tool
from .structured import StructuredPrediction

# No `from __future__ import annotations`: pydantic reads the types at run time.


class Catalogued(StructuredPrediction):
    """An LLM that knows its prices."""

    prices: dict[str, float] | None = Field(
        default=None, description="US dollars per token, by `input` and `output`; None: what the model's data say."
    )

    @classmethod
    def from_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """An LLM whose context window and prices are looked up in the gateway's live catalogue: one request, now.

        Args:
            model: the gateway's id of a model, or an alias.
            kwargs: as the constructor takes them; they go before what is looked up.

        Raises:
            NotFoundError: the catalogue has no such model.
        """
        llm = cls(model=model, **kwargs)
        return llm._as_listed(llm._client().models.get(model))

    @classmethod
    async def afrom_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """`from_catalogue`, async."""
        llm = cls(model=model, **kwargs)
        return llm._as_listed(await llm._async_client().models.get(model))

    def _as_listed(self, entry: CatalogueModel) -> Self:
        live = {"context_window": entry.context_length, "prices": entry.token_prices or None}
        return self.model_copy(update={name: fact for name, fact in live.items() if getattr(self, name) is None})

    def estimate_cost(self, messages: Sequence[ChatMessage] | str, tools: Sequence[Any] = ()) -> Estimate:
        """What a call with `messages` may cost, by an approximate count of their tokens; nothing is sent.

        Returns:
            `usd` for the input alone, `max_usd` with an answer of `max_tokens`, or of the model's longest. Both are
            None where no price is known, as in an LLM that was not made by `from_catalogue`, which looks it up.
        """
        known = lookup(self.model)
        asked = [ChatMessage(messages)] if isinstance(messages, str) else messages
        tokens = estimate_tokens(encode_messages(asked), [to_tool(tool) for tool in tools], self.model)
        prices = known.prices if self.prices is None else self.prices
        return estimate(tokens, self.max_tokens or known.max_output, prices)


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
        return self._chat(build_request(self, messages, kwargs))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer as it comes: each response has the whole message so far, the last one everything else too."""
        return self._stream_chat(build_request(self, messages, kwargs))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """`chat`, async."""
        return await self._achat(build_request(self, messages, kwargs))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """`stream_chat`, async."""
        return self._astream_chat(build_request(self, messages, kwargs))

    # --- completion: a conversation of one turn; by `chat` itself only where a subclass has its own, since each of ----
    # --- them is a call to those who count calls ------------------------------------------------------------------

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt, which goes through `completion_to_prompt` unless it is `formatted`."""
        messages = self._prompted(prompt, formatted)
        if self._overrides("chat"):
            return completion_response(self.chat(messages, **kwargs))
        return completion_response(self._chat(build_request(self, messages, kwargs)))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The answer to a prompt as it comes, each response with the whole text so far."""
        messages = self._prompted(prompt, formatted)
        if self._overrides("stream_chat"):
            return (completion_response(each) for each in self.stream_chat(messages, **kwargs))
        return (completion_response(each) for each in self._stream_chat(build_request(self, messages, kwargs)))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """`complete`, async."""
        messages = self._prompted(prompt, formatted)
        if self._overrides("achat"):
            return completion_response(await self.achat(messages, **kwargs))
        return completion_response(await self._achat(build_request(self, messages, kwargs)))

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """`stream_complete`, async."""
        messages = self._prompted(prompt, formatted)
        if self._overrides("astream_chat"):
            return AsyncMap(completion_response, await self.astream_chat(messages, **kwargs))
        return AsyncMap(completion_response, self._astream_chat(build_request(self, messages, kwargs)))

    # --- the calls behind them ------------------------------------------------------------------------------------

    def _overrides(self, name: str) -> bool:
        """Whether a subclass has a method of its own. Core wraps methods anew at each access: no wrapper is another."""
        return inspect.getattr_static(type(self), name) is not AIMLAPI.__dict__[name]

    def _prompted(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        text = prompt if formatted or self.completion_to_prompt is None else self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=text)]

    def _chat(self, call: CallArguments) -> ChatResponse:
        return chat_response(self._client().complete(call.request, call.options))

    async def _achat(self, call: CallArguments) -> ChatResponse:
        return chat_response(await self._async_client().complete(call.request, call.options))

    def _stream_chat(self, call: CallArguments) -> ChatResponseGen:
        with self._client().stream(call.request, call.options) as deltas:
            yield from responses(deltas)

    async def _astream_chat(self, call: CallArguments) -> ChatResponseAsyncGen:
        async with self._async_client().stream(call.request, call.options) as deltas:
            fold = Fold()
            async for delta in deltas:
                response = fold.response(delta)
                if response is not None:
                    yield response
