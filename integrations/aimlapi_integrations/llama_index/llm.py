"""`AIMLAPI`: every text model of AI/ML API as a LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.tools.types import BaseTool
from pydantic import BaseModel
from typing_extensions import Self, Unpack, override

from ..client.options import DEFAULT_MODEL, CallOptions
from ..costs import Estimate, estimate
from ..models import lookup
from ..tokens import estimate_tokens
from ..types import Request
from .fields import AIMLAPIFields
from .messages.decode import chat_response, completion_response
from .messages.encode import encode_messages
from .messages.stream import AsyncMap, ResponseBuilder, build_responses
from .messages.tool_calls import (
    check_calls,
    get_tool_calls,
    is_structured_output,
    limit_calls,
    map_stream,
    select_limit,
)
from .request import build_request, to_messages, to_tool, tool_arguments
from .structured import (
    PartialOutput,
    check_output_class,
    parse_output,
    read_arguments_as_json,
    report_end,
    report_start,
    structured_arguments,
    uses_native_structured,
)

if TYPE_CHECKING:
    from ..endpoints.catalogue import CatalogueModel  # the first call imports the endpoints
    from .arguments import LLMArguments

Model = TypeVar("Model", bound=BaseModel)
Method = TypeVar("Method", bound=Callable[..., Any])


def _chat_callback(method: Method) -> Method:
    """Apply core's decorator, which has no types, and keep the method's."""
    decorated: Method = llm_chat_callback()(method)
    return decorated


def _completion_callback(method: Method) -> Method:
    decorated: Method = llm_completion_callback()(method)
    return decorated


_DEFAULT_CONTEXT = 128_000  # tokens, of a model whose own is unknown


class AIMLAPI(AIMLAPIFields, defer_build=False):
    """An LLM with function calling, structured output, reasoning and costs, on any model of the gateway.

    Takes the arguments of LlamaIndex's `OpenAI` and `OpenAIResponses` by their names. An unknown one raises.
    Arguments of a call override `additional_kwargs`, which override fields. None means not set.

    Args:
        model: The model's ID. Defaults to `openai/gpt-5-mini-2025-08-07`.
        api_key: The API key. Defaults to `AIMLAPI_API_KEY` or `AIML_API_KEY` in the environment.
        api_base: The base URL. Defaults to `AIMLAPI_API_BASE` or `AIMLAPI_BASE_URL`.
        temperature, max_tokens, …: See `model_fields`. What isn't set isn't sent.

    Raises:
        MissingAPIKeyError: No API key is set.
        APIError: From calls. See `aimlapi_integrations.errors` for the error classes.

    Examples:
        >>> llm = AIMLAPI(model="anthropic/claude-sonnet-4.5", max_tokens=2000)
        >>> response = llm.chat([ChatMessage("Name three rivers of Portugal.")])
        >>> response.message.content, response.additional_kwargs["cost"]                     # doctest: +SKIP
    """

    if TYPE_CHECKING:  # at run time pydantic's, which takes the same names

        def __init__(self, model: str = DEFAULT_MODEL, **fields: Unpack[LLMArguments]) -> None: ...

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serializes the class by."""
        return "AIMLAPI_LLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What engines and agents decide by. An unknown model is assumed to be a capable one."""
        model = lookup(self.model)
        has_tools = model.tools if self.is_function_calling_model is None else self.is_function_calling_model
        return LLMMetadata(
            context_window=self.context_window or model.context or _DEFAULT_CONTEXT + (self.max_tokens or 0),
            num_output=self.max_tokens or -1,
            is_chat_model=self.is_chat_model,
            is_function_calling_model=has_tools,
            model_name=self.model,
            system_role=MessageRole.USER if model.chat and not model.system_role else MessageRole.SYSTEM,
        )

    # --- prices ---------------------------------------------------------------------------------------------------

    @classmethod
    def from_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """Create an LLM with the context window and prices of the gateway's live catalog, adapted to its live schema.

        This sends a request for the model, and one for the schema of each of its endpoints. Schemas are read if
        `jsonschema` is installed, as with the extra `cli`; they then hold for every use of the model in this process.

        Args:
            model: The gateway's ID of a model, or an alias.
            kwargs: Constructor arguments. They override what the catalog says.

        Raises:
            NotFoundError: The catalog has no such model.
        """
        llm = cls(model=model, **kwargs)
        return llm._with_catalog_entry(llm._client().models.get_live(model))

    @classmethod
    async def afrom_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """Async version of `from_catalogue`."""
        llm = cls(model=model, **kwargs)
        return llm._with_catalog_entry(await llm._async_client().models.get_live(model))

    def _with_catalog_entry(self, entry: CatalogueModel) -> Self:
        values = {"context_window": entry.context_length, "prices": entry.token_prices or None}
        return self.model_copy(update={name: value for name, value in values.items() if getattr(self, name) is None})

    def estimate_cost(self, messages: Sequence[ChatMessage] | str, tools: Sequence[Any] = ()) -> Estimate:
        """Estimate the cost of a call from an approximate token count. No request is sent.

        Returns:
            `usd` for the input alone, and `max_usd` with output of `max_tokens`, or of the model's maximum. Both are
            None if the price is unknown. `from_catalogue` looks it up.
        """
        model = lookup(self.model)
        conversation = [ChatMessage(messages)] if isinstance(messages, str) else messages
        tokens = estimate_tokens(encode_messages(conversation), [to_tool(tool) for tool in tools], self.model)
        prices = model.prices if self.prices is None else self.prices
        return estimate(tokens, self.max_tokens or model.max_output, prices)

    # --- chat -----------------------------------------------------------------------------------------------------

    @_chat_callback
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Send a conversation and return the response."""
        return self._chat(*build_request(self, messages, kwargs))

    @_chat_callback
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Stream the response. Each item has the whole message so far, and the last one has all metadata too."""
        return self._stream_chat(*build_request(self, messages, kwargs))

    @_chat_callback
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Async version of `chat`."""
        return await self._achat(*build_request(self, messages, kwargs))

    @_chat_callback
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Async version of `stream_chat`."""
        return self._astream_chat(*build_request(self, messages, kwargs))

    def _chat(self, request: Request, options: CallOptions) -> ChatResponse:
        return chat_response(self._client().complete(request, options))

    async def _achat(self, request: Request, options: CallOptions) -> ChatResponse:
        return chat_response(await self._async_client().complete(request, options))

    def _stream_chat(self, request: Request, options: CallOptions) -> ChatResponseGen:
        with self._client().stream(request, options) as deltas:
            yield from build_responses(deltas)

    async def _astream_chat(self, request: Request, options: CallOptions) -> ChatResponseAsyncGen:
        async with self._async_client().stream(request, options) as deltas:
            builder = ResponseBuilder()
            async for delta in deltas:
                response = builder.add(delta)
                if response is not None:
                    yield response

    # --- completion: a conversation of one message -----------------------------------------------------------------

    # `chat` is called only if a subclass overrides it, because callbacks count each call of it.

    @_completion_callback
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Send a prompt and return the response. `completion_to_prompt` is applied unless it is `formatted`."""
        messages = self._prompt_messages(prompt, formatted)
        if self._overrides("chat"):
            return completion_response(self.chat(messages, **kwargs))
        return completion_response(self._chat(*build_request(self, messages, kwargs)))

    @_completion_callback
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Stream the response to a prompt. Each item has the whole text so far."""
        messages = self._prompt_messages(prompt, formatted)
        if self._overrides("stream_chat"):
            return (completion_response(response) for response in self.stream_chat(messages, **kwargs))
        responses = self._stream_chat(*build_request(self, messages, kwargs))
        return (completion_response(response) for response in responses)

    @_completion_callback
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Async version of `complete`."""
        messages = self._prompt_messages(prompt, formatted)
        if self._overrides("achat"):
            return completion_response(await self.achat(messages, **kwargs))
        return completion_response(await self._achat(*build_request(self, messages, kwargs)))

    @_completion_callback
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Async version of `stream_complete`."""
        messages = self._prompt_messages(prompt, formatted)
        if self._overrides("astream_chat"):
            return AsyncMap(completion_response, await self.astream_chat(messages, **kwargs))
        return AsyncMap(completion_response, self._astream_chat(*build_request(self, messages, kwargs)))

    def _prompt_messages(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        text = prompt if formatted or self.completion_to_prompt is None else self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=text)]

    def _overrides(self, name: str) -> bool:
        """Return whether a subclass has a method of its own. Core's decorators create a new object at each access."""
        return any(name in vars(cls) for cls in takewhile(lambda cls: cls is not AIMLAPI, type(self).__mro__))

    # --- function calling -----------------------------------------------------------------------------------------

    @override
    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: Any = None,
        strict: bool | None = None,
        reject_invalid_calls: bool = False,  # an argument of `_validate_chat_with_tools_response`
        **kwargs: Any,
    ) -> dict[str, Any]:
        choice = tool_choice if tool_choice is not None else ("required" if tool_required else None)
        arguments = tool_arguments(
            self, tools, choice, kwargs, strict=strict, allow_parallel_tool_calls=allow_parallel_tool_calls
        )
        return {"messages": [*(chat_history or ()), *to_messages(user_msg)], **arguments, **kwargs}

    @override
    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        reject_invalid_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        if reject_invalid_calls:
            check_calls(response)
        return response if allow_parallel_tool_calls else limit_calls(response)

    def stream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponseGen:
        """Stream a chat with tools. Tool calls are limited as in `chat_with_tools`."""
        responses = super().stream_chat_with_tools(tools, *args, **kwargs)
        return map_stream(responses, select_limit(kwargs), check_calls if is_structured_output(tools) else None)

    async def astream_chat_with_tools(
        self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Async version of `stream_chat_with_tools`."""
        responses = await super().astream_chat_with_tools(tools, *args, **kwargs)
        return AsyncMap(select_limit(kwargs), responses, check_calls if is_structured_output(tools) else None)

    @override
    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,
    ) -> list[ToolSelection]:
        """Return the tool calls of a response. While it is being streamed, their arguments may be partial.

        A call whose arguments are not a JSON object is never run. It raises where a call is required. Elsewhere it
        selects a tool that doesn't exist, so that an agent returns an error to the model as the call's result.

        Raises:
            ValueError: There are no calls, and `error_on_no_tool_call` is set.
            InvalidToolCallError: (a ValueError) The arguments of a call are not a JSON object.
            IncompleteOutputError: The arguments of a call were cut off.
        """
        return get_tool_calls(response, error_on_no_tool_call)

    def predict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Let the model call a tool, and return the tool's output. A model without tools is prompted as in ReAct.

        Raises:
            InvalidToolCallError, IncompleteOutputError: As in `get_tool_calls_from_response`. No tool was run.
        """
        tools = list(map(read_arguments_as_json, tools))
        return super().predict_and_call(tools, *args, **(self._predict_and_call_defaults() | kwargs))

    async def apredict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Async version of `predict_and_call`."""
        tools = list(map(read_arguments_as_json, tools))
        return await super().apredict_and_call(tools, *args, **(self._predict_and_call_defaults() | kwargs))

    def _predict_and_call_defaults(self) -> dict[str, Any]:
        """Return arguments that core leaves out: its ReAct agent rejects the None that stands for a default."""
        if self.metadata.is_function_calling_model:
            return {"reject_invalid_calls": True}
        from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

        return {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser()}

    # --- structured output -----------------------------------------------------------------------------------------

    # All of these raise RefusalError if the model refused, IncompleteOutputError if the output was cut off, and
    # pydantic's ValidationError if it doesn't match the class.
    #
    # `stream_structured_predict` and its async version end in core's private `_structured_stream_call` and
    # `_structured_astream_call`, the only place to replace what they do. As seen in llama-index-core 0.14.25;
    # tests/li/test_li_upstream.py fails if core changes:
    # https://github.com/run-llama/llama_index/blob/main/llama-index-core/llama_index/core/llms/llm.py

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Send a prompt and return the response as an `output_cls`."""
        if not uses_native_structured(self):
            output: Model = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return output
        report_start(output_cls, prompt, prompt_args)
        response = self.chat(**self._structured_arguments(output_cls, prompt, llm_kwargs, prompt_args))
        return report_end(parse_output(self, response, output_cls))

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Async version of `structured_predict`."""
        if not uses_native_structured(self):
            output: Model = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return output
        report_start(output_cls, prompt, prompt_args)
        response = await self.achat(**self._structured_arguments(output_cls, prompt, llm_kwargs, prompt_args))
        return report_end(parse_output(self, response, output_cls))

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if not uses_native_structured(self):
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)  # type: ignore[arg-type]  # core narrows the type
        responses = self.stream_chat(**self._structured_arguments(output_cls, prompt, llm_kwargs, prompt_args))
        return self._stream_output(responses, output_cls)

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if not uses_native_structured(self):
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)  # type: ignore[arg-type]  # core narrows the type
        responses = await self.astream_chat(**self._structured_arguments(output_cls, prompt, llm_kwargs, prompt_args))
        return self._astream_output(responses, output_cls)

    def _structured_arguments(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> dict[str, Any]:
        check_output_class(output_cls)
        return structured_arguments(self, output_cls, self._get_messages(prompt, **prompt_args), llm_kwargs)

    def _stream_output(self, responses: ChatResponseGen, output_cls: type[Model]) -> Generator[Any, None, None]:
        partial = PartialOutput(self, output_cls)
        for response in responses:
            last = response
            yield from partial.update(response)
        yield parse_output(self, last, output_cls)

    async def _astream_output(
        self, responses: ChatResponseAsyncGen, output_cls: type[Model]
    ) -> AsyncGenerator[Any, None]:
        partial = PartialOutput(self, output_cls)
        async for response in responses:
            last = response
            for output in partial.update(response):
                yield output
        yield parse_output(self, last, output_cls)
