"""What the chat model says of itself: to tracers, to caches, to `dumpd`."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, Field, SecretStr
from typing_extensions import Self

from ..client.options import NOT_IN_BODY
from ..costs import Estimate, estimate
from ..endpoints.catalogue import CatalogueModel
from ..models import lookup
from ..tokens import estimate_tokens
from .connections import Connections
from .errors import translate_errors
from .fields import ChatFields, stop_list
from .messages.content_block_translator import register
from .messages.decode import PROVIDER, Form, chat_result, sum_token_usage, without_cost
from .messages.encode import encode_messages
from .messages.stream import ChunkBuilder
from .profile import live_profile
from .request import CallArguments, build_request
from .structured import (
    Method,
    StructuredOutputParser,
    add_raw_message,
    answer_of,
    ls_structured_output_format,
    response_format_dict,
    response_format_tool,
)
from .structured import response_format as as_format
from .tools import AnyTool, choices_by_name, to_tool, to_tool_choice_dict, to_tool_dict

# No `from __future__ import annotations`: pydantic reads the types at run time.


# Beside the parameters, what changes an answer or the form of it.
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

_NOT_SHOWN = NOT_IN_BODY - {"aimlapi_api_base"}


class Described(ChatFields):
    """A chat model that can be told from another, without its secrets."""

    @property
    def _llm_type(self) -> str:
        return "aimlapi-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        further = {name: value for name in _IDENTIFYING if (value := getattr(self, name)) not in (None, False)}
        return {"model_name": self.model_name, **further, **self._parameters}

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """Everything that makes this call's answer what it is, and nothing secret."""
        params = super()._get_invocation_params(stop=stop or stop_list(self.stop) or None, **kwargs)
        asked = params.pop("model", None) or self.model_name
        hidden = {name: value for name, value in params.items() if name not in _NOT_SHOWN}
        if hidden.get("tools"):
            hidden["tools"] = [_redacted(tool) for tool in hidden["tools"]]
        return {**hidden, "model": asked, "model_name": asked}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The cache key: what changes the answer. Core's own lays the raw arguments over it, headers included."""
        return str(sorted(self._get_invocation_params(stop=stop, **kwargs).items()))

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        merged = {**self._parameters, **kwargs}
        params = LangSmithParams(
            ls_provider=PROVIDER,
            ls_model_name=str(kwargs.get("model") or kwargs.get("model_name") or self.model_name),
            ls_model_type="chat",
        )
        if merged.get("temperature") is not None:
            params["ls_temperature"] = merged["temperature"]
        limit = merged.get("max_tokens") or merged.get("max_completion_tokens")
        if limit:
            params["ls_max_tokens"] = limit
        if stops := stop_list(stop) or stop_list(merged.get("stop")):
            params["ls_stop"] = stops
        return params

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the secrets of a serialised model are read from."""
        return {"aimlapi_api_key": "AIMLAPI_API_KEY"}

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """The package that serialised models are loaded from."""
        return ["aimlapi_integrations", "langchain"]

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Yes: `dumpd` writes the constructor call, and `load` makes it where it is allowed to."""
        return True

    def to_json(self) -> Any:
        """The constructor call that makes this model again, its secrets left out."""
        kwargs = {name: value for name, value in self._written().items() if name not in self.lc_secrets}
        secrets = {name: {"lc": 1, "type": "secret", "id": [env]} for name, env in self.lc_secrets.items()}
        written = {} if callable(self.aimlapi_api_key) else secrets
        return {"lc": 1, "type": "constructor", "id": self.lc_id(), "kwargs": {**kwargs, **written}}

    def _written(self) -> dict[str, Any]:
        """The fields that were given or resolved, but for those that cannot or must not be written."""
        names = {"model_name", "aimlapi_api_base", *self.model_fields_set}
        fields = type(self).model_fields
        return {name: getattr(self, name) for name in fields if name in names and not fields[name].exclude}


def _redacted(tool: Any) -> Any:
    """A tool without the secrets that it takes along, as MCP's do."""
    if not isinstance(tool, Mapping):
        return tool
    return {name: "**REDACTED**" if name in ("headers", "authorization") else value for name, value in tool.items()}


# No `from __future__ import annotations`: pydantic reads the types at run time.


class Connected(Described, Connections):
    """A chat model with clients; copies of `model_copy(update=…)` with another key or address make their own."""

    def _own_settings(self) -> dict[str, Any]:
        key = self.aimlapi_api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else "given with each call",
            "base_url": self.aimlapi_api_base,
            "timeout": self.request_timeout,
            "chunk_timeout": self.stream_chunk_timeout,
            "max_retries": self.max_retries,
        }

    def _authorization(self) -> dict[str, str]:
        """The header for a key that a function gives."""
        if not callable(self.aimlapi_api_key):
            return {}
        key = self.aimlapi_api_key()
        if not isinstance(key, str):
            raise TypeError("An async function for api_key serves async calls only.")
        return {"Authorization": f"Bearer {key}"}

    async def _aauthorization(self) -> dict[str, str]:
        if not callable(self.aimlapi_api_key):
            return {}
        key = self.aimlapi_api_key()
        return {"Authorization": f"Bearer {await key if inspect.isawaitable(key) else key}"}

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__dict__.pop("_serialized", None)  # core keeps the written form here
        return copied


# No `from __future__ import annotations`: pydantic reads the types at run time.


class Catalogued(Connected):
    """A chat model that knows its prices."""

    prices: Mapping[str, float] | None = Field(default=None, repr=False)
    """US dollars per token, by `input` and `output`; None: what the model's data say. Only estimates go by it."""

    @classmethod
    def from_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """A model whose `profile` and `prices` are looked up in the gateway's live catalogue: one request, now.

        Args:
            model: the gateway's id of a model, or an alias.
            kwargs: as the constructor takes them; a `profile` or `prices` among them is kept.

        Raises:
            NotFoundError: the catalogue has no such model.
        """
        made = cls(model=model, **kwargs)
        return made._as_listed(made._connection().models.get(model), kwargs)

    @classmethod
    async def afrom_catalogue(cls, model: str, **kwargs: Any) -> Self:
        """`from_catalogue`, async."""
        made = cls(model=model, **kwargs)
        return made._as_listed(await made._aconnection().models.get(model), kwargs)

    def _as_listed(self, entry: CatalogueModel, given: Mapping[str, Any]) -> Self:
        if "profile" not in given:
            self.profile = live_profile(entry, self.profile)
        if "prices" not in given:
            self.prices = entry.token_prices or None
        return self

    def estimate_cost(self, messages: LanguageModelInput, tools: Sequence[AnyTool] | None = None) -> Estimate:
        """What a call with `messages` may cost, by an approximate count of their tokens; nothing is sent.

        Returns:
            `usd` for the input alone, `max_usd` with an answer of `max_tokens`, or of the model's longest. Both are
            None where no price is known, as in a model that was not made by `from_catalogue`, which looks it up.

        Examples:
            >>> ChatAIMLAPI(prices={"input": 2.5e-07, "output": 2e-06}).estimate_cost("Hello").usd    # doctest: +SKIP
            Decimal('0.0000025')
        """
        known = lookup(self.model_name)
        asked = self._convert_input(messages).to_messages()
        longest = self.max_tokens or (self.profile or {}).get("max_output_tokens") or known.max_output
        prices = known.prices if self.prices is None else self.prices
        return estimate(count_tokens(asked, tools, self.model_name), longest, prices)


def count_tokens(
    messages: Sequence[BaseMessage], tools: Sequence[AnyTool] | None = None, model: str | None = None
) -> int:
    """About how many tokens a call with these messages takes: an approximation, see `aimlapi_integrations.tokens`.

    Args:
        messages: the conversation, pictures and tool calls included.
        tools: as `bind_tools` takes them.
        model: some families count otherwise than most.

    Raises:
        UnsupportedContentError: a message or block that no endpoint has a form for.
    """
    return estimate_tokens(encode_messages(messages), [to_tool(tool) for tool in tools or ()], model)


# No `from __future__ import annotations`: pydantic reads the types at run time.


register()


class ChatAIMLAPI(Catalogued):
    """A model of AI/ML API as a LangChain chat model.

    It takes the arguments of `ChatOpenAI` by the same names, on the chat completions endpoint and on Responses.
    `content` is the text of the answer; `content_blocks`, or `output_version="v1"`, show all of it in order: reasoning,
    text with citations, hosted tools, tool calls, media. `usage_metadata` counts tokens, `response_metadata["cost"]` is
    the price. `output_version="responses/v1"` is read as `"v1"`.

    Raises:
        MissingAPIKeyError: no key was given and none is in the environment.

    Examples:
        >>> model = ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07", max_tokens=1000)
        >>> answer = model.invoke("What is the capital of France?")
        >>> answer.text, answer.usage_metadata["total_tokens"], answer.response_metadata["cost"]     # doctest: +SKIP

    Serialised by `langchain_core.load.dumpd`, it is loaded by
    `load(data, allowed_objects=[ChatAIMLAPI], valid_namespaces=["aimlapi_integrations"], secrets_from_env=True)`.
    """

    model_config = ConfigDict(defer_build=False)

    # --- one call -------------------------------------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translate_errors():
            call = build_request(self, messages, stop, kwargs, self._authorization(), run_manager)
            return chat_result(self._connection().complete(call.request, call.options), self._form)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with translate_errors():
            call = build_request(self, messages, stop, kwargs, await self._aauthorization(), run_manager)
            return chat_result(await self._aconnection().complete(call.request, call.options), self._form)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with translate_errors():
            call = self._streamed(build_request(self, messages, stop, kwargs, self._authorization(), run_manager))
            chunks = ChunkBuilder(self._form)
            with self._connection().stream(call.request, call.options) as deltas:
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
            call = self._streamed(
                build_request(self, messages, stop, kwargs, await self._aauthorization(), run_manager)
            )
            chunks = ChunkBuilder(self._form)
            async with self._aconnection().stream(call.request, call.options) as deltas:
                async for delta in deltas:
                    chunk = chunks.chunk(delta)
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    @property
    def _form(self) -> Form:
        return Form(self.output_version in ("v1", "responses/v1"), self.include_response_headers)

    @staticmethod
    def _streamed(call: CallArguments) -> CallArguments:
        if (call.request.options.get("n") or 1) > 1:
            raise ValueError("n must be 1 when streaming.")
        return call

    def _convert_cached_generations(self, cache_val: list[Generation]) -> list[ChatGeneration]:
        """Answers out of a cache, which cost nothing; what the cache and earlier results hold stays as it is."""
        found = super()._convert_cached_generations([generation.model_copy() for generation in cache_val])
        return [without_cost(generation) for generation in found]

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        """The token counts of all calls of a `generate`."""
        usages = [output.get("token_usage") or {} for output in llm_outputs if output]
        return {"token_usage": sum_token_usage(usages), "model_name": self.model_name}

    def get_num_tokens(self, text: str) -> int:
        """Tokens that the text takes: offline and roughly, for any model."""
        if self.custom_get_token_ids:
            return len(self.custom_get_token_ids(text))
        return estimate_tokens(text, model=self.model_name)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[AnyTool] | None = None) -> int:
        """Tokens that the messages and tools take: offline and roughly, for any model. Pictures and files count too."""

        return count_tokens(messages, tools, self.model_name)

    # --- tools and structured answers -------------------------------------------------------------------------------

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
        """This model with tools that it may call.

        Args:
            tools: functions, pydantic or TypedDict classes, LangChain tools, dicts in OpenAI's, Anthropic's or
                Bedrock's form, JSON schemas with a title, and hosted tools (`{"type": "web_search_preview"}`).
            tool_choice: `"auto"`, `"none"`, `"any"` or `"required"`, the name of a tool, the type of a hosted one, True
                for any, or a dict as the endpoint takes it. None and False leave it to the model.
            strict: whether arguments must keep to the schema exactly.
            parallel_tool_calls: whether several tools may be called at once.
            response_format: the form of the answer beside the tools: a class or a dict.
            kwargs: further parameters to bind.

        Raises:
            ValueError: a `tool_choice` that is none of the tools.
        """
        dicts = [to_tool_dict(tool, strict) for tool in tools]
        bound = {
            "tools": dicts or None,
            "tool_choice": to_tool_choice_dict(tool_choice, dicts) if dicts else None,
            "parallel_tool_calls": parallel_tool_calls if dicts else None,
            "response_format": response_format and response_format_dict(as_format(response_format, strict)),
        }
        return self.bind(**{name: value for name, value in bound.items() if value is not None}, **kwargs)

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
        """This model, answering in the form of `schema`.

        Args:
            schema: a pydantic class (answers are instances of it), a type such as `list[Trip]` or `Trip | Plan`
                (answers are what pydantic reads), a TypedDict, a dataclass or a JSON schema (answers are dicts); None
                for any JSON with `method="json_mode"`. What is no object is asked for inside one, and taken out of it.
            method: `"json_schema"` where the model lists it, else `"function_calling"`, or `"json_mode"`.
            include_raw: answer with `raw`, `parsed` and `parsing_error` instead of raising what goes wrong in parsing.
            strict: whether the answer must keep to the schema exactly; nothing is left out then, and what is optional
                without a default may be null. A schema with what strict ones have no form for, such as keys of any
                name, is sent with `strict=False`, with a warning.
            tools: tools that the model may call before it answers. `include_raw=True` gives the message with the calls.
            kwargs: further parameters to bind.

        Raises:
            ValueError: there is no JSON schema of `schema`.
            RefusalError: the model declined.
            IncompleteOutputError: the answer was cut off.
            OutputParserException: the answer does not fit the schema, is empty, or another tool was called.
        """
        method = method or self._method()
        if schema is None and method != "json_mode":
            raise ValueError(f"method={method!r} needs a schema.")
        if schema is not None:
            kwargs["ls_structured_output_format"] = ls_structured_output_format(schema, method, strict)
        answer = answer_of(schema, strict, method)
        parser = StructuredOutputParser(
            answer_class=answer.kind,
            wrapped=answer.wrapped,
            other_tools=tuple(choices_by_name(map(to_tool_dict, tools))),
            calls_allowed=include_raw,
        )
        if method == "function_calling":
            tool = response_format_tool(answer.format)
            parser.tool_name = tool["function"]["name"]
            choice = kwargs.pop("tool_choice", "any" if tools else parser.tool_name)
            model = self.bind_tools([tool, *tools], tool_choice=choice, **kwargs)
        else:
            wanted = {"type": "json_object"} if method == "json_mode" else answer.format
            model = self.bind_tools(tools, response_format=wanted, strict=strict, **kwargs)
        return add_raw_message(model, parser) if include_raw else model | parser

    def _method(self) -> Method:
        listed = (
            lookup(self.model_name).structured_output if self.profile is None else self.profile.get("structured_output")
        )
        return "json_schema" if listed and self.endpoint != "messages" else "function_calling"
