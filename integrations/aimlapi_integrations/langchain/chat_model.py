"""`ChatAIMLAPI`, LangChain's chat model of the gateway."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from ..tokens import estimate_tokens
from .catalogued import Catalogued
from .chunks import Chunks
from .errors import model_errors
from .from_reply import Form, chat_result, without_cost
from .request import Call, build
from .structured import AnswerParser, Method, answer_of, format_as_dict, format_as_tool, traced_format
from .structured import response_format as as_format
from .tools import AnyTool, as_dict, choice_as_dict, choices_by_name
from .translator import register
from .usage import summed
from .with_raw import with_raw

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
        with model_errors():
            call = build(self, messages, stop, kwargs, self._authorization(), run_manager)
            return chat_result(self._connection().complete(call.request, call.options), self._form)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            call = build(self, messages, stop, kwargs, await self._aauthorization(), run_manager)
            return chat_result(await self._aconnection().complete(call.request, call.options), self._form)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with model_errors():
            call = self._streamed(build(self, messages, stop, kwargs, self._authorization(), run_manager))
            chunks = Chunks(self._form)
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
        with model_errors():
            call = self._streamed(build(self, messages, stop, kwargs, await self._aauthorization(), run_manager))
            chunks = Chunks(self._form)
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
    def _streamed(call: Call) -> Call:
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
        return {"token_usage": summed(usages), "model_name": self.model_name}

    def get_num_tokens(self, text: str) -> int:
        """Tokens that the text takes: offline and roughly, for any model."""
        if self.custom_get_token_ids:
            return len(self.custom_get_token_ids(text))
        return estimate_tokens(text, model=self.model_name)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[AnyTool] | None = None) -> int:
        """Tokens that the messages and tools take: offline and roughly, for any model. Pictures and files count too."""
        from .tokens import count_tokens

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
        dicts = [as_dict(tool, strict) for tool in tools]
        bound = {
            "tools": dicts or None,
            "tool_choice": choice_as_dict(tool_choice, dicts) if dicts else None,
            "parallel_tool_calls": parallel_tool_calls if dicts else None,
            "response_format": response_format and format_as_dict(as_format(response_format, strict)),
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
            kwargs["ls_structured_output_format"] = traced_format(schema, method, strict)
        answer = answer_of(schema, strict, method)
        parser = AnswerParser(
            answer_class=answer.kind,
            wrapped=answer.wrapped,
            other_tools=tuple(choices_by_name(map(as_dict, tools))),
            calls_allowed=include_raw,
        )
        if method == "function_calling":
            tool = format_as_tool(answer.format)
            parser.tool_name = tool["function"]["name"]
            choice = kwargs.pop("tool_choice", "any" if tools else parser.tool_name)
            model = self.bind_tools([tool, *tools], tool_choice=choice, **kwargs)
        else:
            wanted = {"type": "json_object"} if method == "json_mode" else answer.format
            model = self.bind_tools(tools, response_format=wanted, strict=strict, **kwargs)
        return with_raw(model, parser) if include_raw else model | parser

    def _method(self) -> Method:
        listed = self.profile is None or self.profile.get("structured_output")
        return "json_schema" if listed and self.endpoint != "messages" else "function_calling"
