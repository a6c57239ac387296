"""Structured answers: asked for by JSON schema where the model lists that, else by a tool it must call, else in text.

Core has programs for the tool and for text; they know no answer that is a refusal or was cut off, read strict classes
as Python objects, find no lists, send no system prompt from async code, and do not force the tool in streams.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import create_flexible_model
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import from_json

from ..errors import IncompleteOutputError, RefusalError
from ..models import lookup
from .invalid_calls import CUT, check_calls, invalid_calls
from .output import check_output_class, no_output, output_tool_name, read_output, read_output_text, text_class
from .request import response_format_dict
from .tools import ToolCalling

Model = TypeVar("Model", bound=BaseModel)

dispatcher = get_dispatcher(__name__)

# Arguments of core's programs that are not the endpoint's, and that the schema decides.
_DECIDED = ("tool_required", "tool_choice", "allow_parallel_tool_calls")


class StructuredPrediction(ToolCalling):
    """`structured_predict` and its siblings.

    All raise RefusalError where the model declined, IncompleteOutputError where its answer was cut off, and pydantic's
    ValidationError where it does not fit the class.
    """

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """The answer to `prompt` as an `output_cls`."""
        if not self._asks_itself():
            by_program: Model = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return by_program
        _started(output_cls, prompt, prompt_args)
        answer = self._read(self.chat(**self._asked(output_cls, prompt, llm_kwargs, prompt_args)), output_cls)
        dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return answer

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """The answer to `prompt` as an `output_cls`."""
        if not self._asks_itself():
            by_program: Model = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return by_program
        _started(output_cls, prompt, prompt_args)
        answer = self._read(await self.achat(**self._asked(output_cls, prompt, llm_kwargs, prompt_args)), output_cls)
        dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return answer

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if not self._asks_itself():
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)  # type: ignore[arg-type]  # core narrows what it takes
        responses = self.stream_chat(**self._asked(output_cls, prompt, llm_kwargs, prompt_args))
        return self._objects(responses, output_cls)

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if not self._asks_itself():
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)  # type: ignore[arg-type]  # core narrows what it takes
        responses = await self.astream_chat(**self._asked(output_cls, prompt, llm_kwargs, prompt_args))
        return self._aobjects(responses, output_cls)

    # --- asking ---------------------------------------------------------------------------------------------------

    def _asks_itself(self) -> bool:
        """Whether the answer is asked for here; else by the program of another package, which the mode names."""
        own = (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION, PydanticProgramMode.LLM)
        return self.pydantic_program_mode in own

    def _by_tool(self) -> bool:
        if self.pydantic_program_mode == PydanticProgramMode.DEFAULT:
            return self.metadata.is_function_calling_model
        return self.pydantic_program_mode == PydanticProgramMode.FUNCTION

    def _by_schema(self) -> bool:
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return False
        wanted = self.should_use_structured_outputs
        listed = lookup(self.model).structured_output and self.endpoint != "messages"
        return listed if wanted is None else wanted

    def _asked(
        self,
        output_cls: type[BaseModel],
        prompt: BasePromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The arguments of `chat` that ask for an answer of this class."""
        check_output_class(output_cls)
        messages = self._get_messages(prompt, **prompt_args)
        further = {name: value for name, value in (llm_kwargs or {}).items() if name not in _DECIDED}
        if self._by_schema():
            return {"messages": messages, "response_format": response_format_dict(output_cls), **further}
        if not self._by_tool():
            return {"messages": _in_words(messages, output_cls), **further}
        tool = get_function_tool(output_cls)
        return self._prepare_chat_with_tools([tool], chat_history=messages, tool_required=True, **further)

    # --- reading --------------------------------------------------------------------------------------------------

    def _read(self, response: ChatResponse, output_cls: type[Model]) -> Model:
        """The answer that a whole response holds, in its tool call or in its text."""
        _check(response)
        calls = self.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        if calls:
            return read_output(output_cls, _arguments_of(calls, output_cls))
        text = response.message.content or ""
        if self.output_parser is not None:
            parsed = self.output_parser.parse(text)
            if isinstance(parsed, output_cls):
                return parsed
            text = str(parsed)
        return read_output_text(output_cls, _json_text(text))

    def _objects(self, responses: Iterator[ChatResponse], output_cls: type[Model]) -> Generator[Any, None, None]:
        partial = _Partial(output_cls)
        for response in responses:
            last = response
            yield from partial.grown(self._written(response, output_cls))
        yield self._read(last, output_cls)

    async def _aobjects(
        self, responses: AsyncGenerator[ChatResponse, None], output_cls: type[Model]
    ) -> AsyncGenerator[Any, None]:
        partial = _Partial(output_cls)
        async for response in responses:
            last = response
            for grown in partial.grown(self._written(response, output_cls)):
                yield grown
        yield self._read(last, output_cls)

    def _written(self, response: ChatResponse, output_cls: type[BaseModel]) -> Any:
        """As much of the answer's JSON as a response has, taken as what it already says."""
        if invalid_calls(response):
            return None
        calls = self.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        own = [call.tool_kwargs for call in calls if _answers(call, output_cls)]
        return (own[0] if own else None) if calls else _begun(response.message.content or "")


class _Partial:
    """An answer that fills as it arrives: of its class once that validates, until then of one that takes anything."""

    def __init__(self, output_cls: type[BaseModel]) -> None:
        self._output_cls = output_cls
        self._flexible = None if issubclass(output_cls, RootModel) else create_flexible_model(output_cls)
        self._before: Any = None

    def grown(self, value: Any) -> Iterator[BaseModel]:
        """The object, if `value` says more than the last one did."""
        if not value or value == self._before:
            return
        self._before = value
        answer = self._read(value)
        if answer is not None:
            yield answer

    def _read(self, value: Any) -> BaseModel | None:
        with suppress(ValidationError):
            return read_output(self._output_cls, value)
        with suppress(ValidationError):
            return self._flexible.model_validate(value) if self._flexible else None
        return None


def _in_words(messages: Sequence[ChatMessage], output_cls: type[BaseModel]) -> list[ChatMessage]:
    """The messages, and what asks in text for an answer of this class."""
    wanted = PydanticOutputParser(text_class(output_cls)).get_format_string(escape_json=False).strip()
    *before, last = messages
    if last.role != MessageRole.USER:
        return [*messages, ChatMessage(wanted, role=MessageRole.USER)]
    blocks = [*last.blocks, TextBlock(text=f"\n\n{wanted}")]
    return [*before, last.model_copy(update={"blocks": blocks})]


def _answers(call: ToolSelection, output_cls: type[BaseModel]) -> bool:
    """Whether a call is that of the tool whose arguments are the answer."""
    name = output_tool_name(output_cls)
    return call.tool_name == name


def _arguments_of(calls: Sequence[ToolSelection], output_cls: type[BaseModel]) -> dict[str, Any]:
    """The arguments of the first call that answers.

    Raises:
        ValidationError: none does.
    """
    for call in calls:
        if _answers(call, output_cls):
            return call.tool_kwargs
    called = ", ".join(repr(call.tool_name) for call in calls)
    due = output_tool_name(output_cls)
    raise no_output(output_cls, f"The model called {called}, not {due!r}, which holds the answer.")


def _started(output_cls: type[BaseModel], prompt: BasePromptTemplate, prompt_args: dict[str, Any]) -> None:
    event = LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
    dispatcher.event(event)


def _check(response: ChatResponse) -> None:
    """Raises where the response is no answer, or not all of one."""
    told = response.additional_kwargs
    if told.get("refusal"):
        raise RefusalError(told["refusal"])
    reason = told.get("finish_reason")
    if reason in CUT:
        raise IncompleteOutputError(f"The answer broke off: {CUT[reason]}.", finish_reason=reason)
    check_calls(response)


_FENCED = re.compile(r"```(?:\w+)?\s*\n(.*?)```", re.DOTALL)


def _json_text(text: str) -> str:
    """The JSON in a text, which models without a JSON mode put after their thinking, or between fences or words."""
    said = text.rpartition("</think>")[2].strip()
    fenced = _FENCED.search(said)
    first = min((place for place in (said.find("{"), said.find("[")) if place >= 0), default=0)
    last = max(said.rfind("}"), said.rfind("]"))
    candidates = (said, fenced[1] if fenced else "", said[first : last + 1])
    return next((candidate for candidate in candidates if _is_json(candidate)), said)


def _is_json(text: str) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


def _begun(text: str) -> Any:
    """What a text that is still coming says so far, as JSON; None before it says any."""
    said = text.rpartition("</think>")[2] if "</think>" in text or "<think>" not in text else ""
    first = min((place for place in (said.find("{"), said.find("[")) if place >= 0), default=None)
    if first is None:
        return None
    try:
        return from_json(said[first:], allow_partial="trailing-strings")
    except ValueError:
        return None
