"""`ChatAIMLAPI`: a model of AI/ML API as a LangChain chat model."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import inspect
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation
from langchain_core.runnables import Runnable
from pydantic import BaseModel, SecretStr
from typing_extensions import Self, Unpack

from .._utils.json import drop_none
from ..client.options import DEFAULT_MODEL, NOT_IN_BODY
from ..costs import Estimate, estimate
from ..errors.parsing import remove_credentials
from ..models import MESSAGES, lookup
from ..tokens import estimate_tokens
from ..transport.validation import as_secret
from .errors import translate_errors
from .fields import ChatFields
from .messages.decode import PROVIDER, MessageFormat, chat_result, sum_token_usage, without_cost
from .messages.encode import encode_messages
from .registration import register_content_blocks
from .request import (
    AnyTool,
    BoundTools,
    aauthorization,
    authorization,
    build_request,
    choices_by_name,
    default_parameters,
    redact_tool,
    require_one_choice,
    stop_list,
    to_tool,
    to_tool_choice,
    to_tool_choice_dict,
)
from .structured import (
    Method,
    StructuredOutputParser,
    add_raw_message,
    answer_schema,
    ls_structured_output_format,
    to_answer_tool,
    to_response_format,
    to_response_format_dict,
)

# Fields beside the parameters that change a response or its form.
_IDENTIFYING = (
    "aimlapi_api_base",
    "endpoint",
    "use_responses_api",
    "use_previous_response_id",
    "output_version",
    "include_response_headers",
    "extra_body",
    "disabled_params",
)

_NOT_TRACED = NOT_IN_BODY - {"aimlapi_api_base"}

if TYPE_CHECKING:
    from .arguments import ChatModelArguments
    from .messages.stream import ChunkBuilder

Model = TypeVar("Model", bound=BaseModel)

register_content_blocks()


class ChatAIMLAPI(ChatFields, defer_build=False):
    """A model of AI/ML API as a LangChain chat model.

    It takes the arguments of `ChatOpenAI` by the same names, on the chat completions endpoint and on Responses.
    `content` is the text of the response; `content_blocks`, or `output_version="v1"`, hold everything in order:
    reasoning, text with citations, hosted tools, tool calls, media. `usage_metadata` counts tokens,
    `response_metadata["cost"]` is the price. `output_version="responses/v1"` is read as `"v1"`.

    Args:
        model: the model's id. Default: `openai/gpt-5-mini-2025-08-07`.
        api_key: the key. Default: the environment variable `AIMLAPI_API_KEY`, then `AIML_API_KEY`.
        base_url, temperature, max_tokens, reasoning_effort, …: see `model_fields`. What isn't set isn't sent.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.

    Examples:
        >>> answer = ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07").invoke("What is the capital of France?")
        >>> answer.text, answer.usage_metadata["total_tokens"], answer.response_metadata["cost"]     # doctest: +SKIP

    A model that was serialized by `langchain_core.load.dumpd` is loaded by
    `load(data, allowed_objects=[ChatAIMLAPI], valid_namespaces=["aimlapi_integrations"], secrets_from_env=True)`.
    """

    if TYPE_CHECKING:  # at run time pydantic's, which takes the same names

        def __init__(self, *, model: str = DEFAULT_MODEL, **fields: Unpack["ChatModelArguments"]) -> None: ...

    # --- calls ----------------------------------------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translate_errors():
            call = build_request(self, messages, stop, kwargs, authorization(self), run_manager)
            return chat_result(self._get_client().complete(call.request, call.options), self._message_format)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translate_errors():
            call = build_request(self, messages, stop, kwargs, await aauthorization(self), run_manager)
            reply = await self._get_async_client().complete(call.request, call.options)
            return chat_result(reply, self._message_format)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with translate_errors():
            call = build_request(self, messages, stop, kwargs, authorization(self), run_manager)
            require_one_choice(call)
            chunks = _chunk_builder(self._message_format)
            with self._get_client().stream(call.request, call.options) as deltas:
                for delta in deltas:
                    chunk = chunks.chunk(delta)
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with translate_errors():
            call = build_request(self, messages, stop, kwargs, await aauthorization(self), run_manager)
            require_one_choice(call)
            chunks = _chunk_builder(self._message_format)
            async with self._get_async_client().stream(call.request, call.options) as deltas:
                async for delta in deltas:
                    chunk = chunks.chunk(delta)
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    @property
    def _message_format(self) -> MessageFormat:
        return MessageFormat(self.output_version in ("v1", "responses/v1"), self.include_response_headers)

    def _own_client_kwargs(self) -> dict[str, Any]:
        key = self.aimlapi_api_key
        return {
            "api_key": key if isinstance(key, SecretStr) else "sent with each call",
            "base_url": as_secret(self.aimlapi_api_base),
            "timeout": self.request_timeout,
            "chunk_timeout": self.stream_chunk_timeout,
            "max_retries": self.max_retries,
        }

    def _convert_cached_generations(self, cache_val: list[Generation]) -> list[ChatGeneration]:
        """Return cached responses with a cost of zero. Cached objects, which earlier results share, stay unchanged.

        Core's method is private, as seen in langchain-core 1.8.3; tests/lc/test_upstream.py checks it.
        """
        generations = super()._convert_cached_generations([generation.model_copy() for generation in cache_val])
        return [without_cost(generation) for generation in generations]

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        """Add up the token counts of all calls of a `generate`."""
        usages = [output.get("token_usage") or {} for output in llm_outputs if output]
        return {"token_usage": sum_token_usage(usages), "model_name": self.model_name}

    # --- tools and structured output --------------------------------------------------------------------------------

    def bind_tools(
        self,
        tools: Sequence[AnyTool],
        *,
        tool_choice: Any = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return this model with tools that it may call.

        Args:
            tools: functions, pydantic or TypedDict classes, LangChain tools, dicts in OpenAI's, Anthropic's or
                Bedrock's form, JSON schemas with a title, and hosted tools (`{"type": "web_search_preview"}`).
            tool_choice: `"auto"`, `"none"`, `"any"` or `"required"`, the name of a tool, the type of a hosted one, True
                for any, or a dict in the endpoint's form. None and False leave the choice to the model.
            strict: whether arguments must follow the schema exactly.
            parallel_tool_calls: whether the model may call several tools at once.
            response_format: the form of responses that call no tool: a class or a dict.
            kwargs: additional parameters to bind.

        Raises:
            ValueError: `tool_choice` is not one of the tools.
        """
        neutral = [to_tool(tool, strict) for tool in tools]
        bound = {
            "tools": BoundTools(neutral) if neutral else None,
            "tool_choice": to_tool_choice_dict(to_tool_choice(tool_choice, neutral)),
            "parallel_tool_calls": parallel_tool_calls if neutral else None,
            "response_format": response_format and to_response_format_dict(to_response_format(response_format, strict)),
        }
        return self.bind(**drop_none(bound), **kwargs)

    if TYPE_CHECKING:

        @overload
        def with_structured_output(
            self, schema: type[Model], *, include_raw: Literal[False] = False, **kwargs: Any
        ) -> Runnable[LanguageModelInput, Model]: ...

        @overload
        def with_structured_output(self, schema: Any = None, **kwargs: Any) -> Runnable[LanguageModelInput, Any]: ...

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        tools: Sequence[AnyTool] = (),
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return this model with responses in the form of `schema`.

        Args:
            schema: a pydantic class (answers are instances of it), a type such as `list[Trip]` or `Trip | Plan`
                (answers are validated by pydantic), a TypedDict, a dataclass or a JSON schema (answers are dicts); None
                for any JSON with `method="json_mode"`. A type that is not an object is wrapped in one and unwrapped.
            method: `"json_schema"`, the default where the model supports it, `"function_calling"`, or `"json_mode"`.
            include_raw: return `raw`, `parsed` and `parsing_error` instead of raising parsing errors.
            strict: whether the answer must follow the schema exactly; then every property is present, and optional ones
                without a default may be null. A schema with features that strict schemas don't support, such as
                arbitrary keys, is sent with `strict=False` and a warning.
            tools: tools that the model may call before it answers; `include_raw=True` keeps their calls.
            kwargs: additional parameters to bind.

        Raises:
            ValueError: `schema` has no JSON schema.
            RefusalError: the model declined.
            IncompleteOutputError: the answer was cut off.
            OutputParserException: the answer doesn't match the schema, is empty, or the model called another tool.
        """
        method = method or self._default_method()
        if schema is None and method != "json_mode":
            raise ValueError(f"method={method!r} needs a schema.")
        if schema is not None:
            kwargs["ls_structured_output_format"] = ls_structured_output_format(schema, method, strict)
        answer = answer_schema(schema, strict, method)
        neutral = [to_tool(tool, None if method == "function_calling" else strict) for tool in tools]
        parser = StructuredOutputParser(
            answer_class=answer.answer_class,
            wrapped=answer.wrapped,
            other_tools=tuple(choices_by_name(neutral)),
            calls_allowed=include_raw,
        )
        if method == "function_calling":
            tool = to_answer_tool(answer.response_format)
            parser.tool_name = tool.name
            choice = kwargs.pop("tool_choice", "any" if tools else tool.name)
            model = self.bind_tools([tool, *neutral], tool_choice=choice, **kwargs)
        else:
            response_format = {"type": "json_object"} if method == "json_mode" else answer.response_format
            model = self.bind_tools(neutral, response_format=response_format, strict=strict, **kwargs)
        return add_raw_message(model, parser) if include_raw else model | parser

    def _default_method(self) -> Method:
        profile = self.profile
        supported = lookup(self.model_name).structured_output if profile is None else profile.get("structured_output")
        return "json_schema" if supported and self.endpoint != MESSAGES else "function_calling"

    # --- tokens and prices ------------------------------------------------------------------------------------------

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text, offline, for any model."""
        if self.custom_get_token_ids:
            return len(self.custom_get_token_ids(text))
        return estimate_tokens(text, model=self.model_name)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[AnyTool] | None = None) -> int:
        """Estimate the tokens of messages and tools, offline, for any model; see `aimlapi_integrations.tokens`.

        Args:
            messages: the conversation. Images, files and tool calls count too.
            tools: as for `bind_tools`.

        Raises:
            UnsupportedContentError: no endpoint has a form for a message or content block.
        """
        return estimate_tokens(encode_messages(messages), [to_tool(tool) for tool in tools or ()], self.model_name)

    @classmethod
    def from_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """Create a model with the `profile` and `prices` of the gateway's live catalog, adapted to its live schema.

        Sends a request for the model, and one for the schema of each of its endpoints. Schemas are read if `jsonschema`
        is installed, as with the extra `cli`; they then hold for every use of the model in this process.

        Args:
            model: the gateway's id of a model, or an alias.
            kwargs: as for the constructor; a `profile` or `prices` among them is kept.

        Raises:
            NotFoundError: the catalog doesn't list the model.
        """
        instance = cls(model=model, **kwargs)
        return instance._apply_entry(instance._get_client().models.get_live(model), kwargs)

    @classmethod
    async def afrom_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """`from_catalogue`, async."""
        instance = cls(model=model, **kwargs)
        return instance._apply_entry(await instance._get_async_client().models.get_live(model), kwargs)

    def estimate_cost(self, messages: LanguageModelInput, tools: Sequence[AnyTool] | None = None) -> Estimate:
        """Estimate what a call with `messages` costs, from an approximate token count. Sends nothing.

        Returns:
            `usd` for the input alone, and `max_usd` with a response of `max_tokens` tokens, or of the model's maximum.
            Both are None if no price is known; `from_catalogue` looks prices up.

        Examples:
            >>> ChatAIMLAPI(prices={"input": 2.5e-07, "output": 2e-06}).estimate_cost("Hello").usd    # doctest: +SKIP
            Decimal('0.0000025')
        """
        entry = lookup(self.model_name)
        conversation = self._convert_input(messages).to_messages()
        max_output = self.max_tokens or (self.profile or {}).get("max_output_tokens") or entry.max_output
        prices = entry.prices if self.prices is None else self.prices
        return estimate(self.get_num_tokens_from_messages(conversation, tools), max_output, prices)

    # --- tracing, caching and serialization -------------------------------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "aimlapi-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        fields = {name: value for name in _IDENTIFYING if (value := getattr(self, name)) not in (None, False)}
        fields["aimlapi_api_base"] = remove_credentials(self.aimlapi_api_base or "")
        return {"model_name": self.model_name, **fields, **default_parameters(self)}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Return everything that the response depends on, without secrets."""
        # What core's method does, but for a deprecated one that this class doesn't override, and its warning.
        params = {**self.asdict(), "stop": stop or stop_list(self.stop) or None, **kwargs}
        model = params.pop("model", None) or self.model_name
        traced = {name: value for name, value in params.items() if name not in _NOT_TRACED}
        if traced.get("tools"):
            traced["tools"] = [redact_tool(tool) for tool in traced["tools"]]
        return {**traced, "model": model, "model_name": model}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """Return the cache key. Core's own includes the raw arguments, headers among them."""
        return str(sorted(self._get_invocation_params(stop=stop, **kwargs).items()))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        merged = {**default_parameters(self), **kwargs}
        params = LangSmithParams(
            ls_provider=PROVIDER,
            ls_model_name=str(kwargs.get("model") or kwargs.get("model_name") or self.model_name),
            ls_model_type="chat",
        )
        if merged.get("temperature") is not None:
            params["ls_temperature"] = merged["temperature"]
        if max_tokens := merged.get("max_tokens") or merged.get("max_completion_tokens"):
            params["ls_max_tokens"] = max_tokens
        if stops := stop_list(stop) or stop_list(merged.get("stop")):
            params["ls_stop"] = stops
        return params

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The environment variables that the secrets of a serialized model are read from."""
        return {"aimlapi_api_key": "AIMLAPI_API_KEY"}

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Return the package that serialized models are loaded from."""
        return ["aimlapi_integrations", "langchain"]

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Return True: `dumpd` writes the constructor call, and `load` repeats it where the class is allowed."""
        return True

    def to_json(self) -> Any:
        """Return the constructor call that recreates this model, without its secrets."""
        kwargs = {name: value for name, value in self._serialized_fields().items() if name not in self.lc_secrets}
        secrets = {name: {"lc": 1, "type": "secret", "id": [env]} for name, env in self.lc_secrets.items()}
        if callable(self.aimlapi_api_key):
            secrets = {}
        base_url = remove_credentials(self.aimlapi_api_base or "")
        fields = {**kwargs, **secrets, "aimlapi_api_base": base_url}
        return {"lc": 1, "type": "constructor", "id": self.lc_id(), "kwargs": fields}

    def _serialized_fields(self) -> dict[str, Any]:
        """Return the fields that were passed or resolved, without those that are excluded from serialization."""
        names = {"model_name", "aimlapi_api_base", *self.model_fields_set}
        fields = type(self).model_fields
        return {name: getattr(self, name) for name in fields if name in names and not fields[name].exclude}

    def __copy__(self) -> Self:
        copied = super().__copy__()
        # Core caches the serialized form here, as seen in langchain-core 1.8.3; tests/lc/test_upstream.py checks it:
        # https://github.com/langchain-ai/langchain/blob/master/libs/core/langchain_core/language_models/chat_models.py
        copied.__dict__.pop("_serialized", None)
        return copied


def _chunk_builder(message_format: MessageFormat) -> "ChunkBuilder":
    from .messages.stream import ChunkBuilder  # by the first stream: it creates a class of messages

    return ChunkBuilder(message_format)


for _method in (ChatAIMLAPI._generate, ChatAIMLAPI._agenerate):
    # Core inspects it for each call, as seen in langchain-core 1.8.3, and finding it out again takes 10 µs.
    _method.__signature__ = inspect.signature(_method)  # type: ignore[union-attr]
