"""Structured output: by JSON schema if the model supports it, else by a tool it must call, else in plain text.

Core has programs for tools and for text, but they don't handle refusals or incomplete output, validate strict classes
as Python objects instead of JSON, find no lists, send no system prompt from async code, and don't force the tool in
streams.

Output is read as JSON, because strict classes accept dates, enums and the like as text only there. A class that is not
an object, such as a RootModel of a list, is wrapped in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.program import function_program
from llama_index.core.program.function_program import get_function_tool
from llama_index.core.program.utils import create_flexible_model
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.types import BaseTool
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, RootModel, ValidationError, create_model
from pydantic_core import PydanticCustomError, from_json, to_json

from .._utils.json_schema import WRAPPER_FIELD, is_object_schema, object_schema, read_unwrapped
from ..errors import IncompleteOutputError, RefusalError
from ..models import MESSAGES, lookup
from ..types import Json
from .fields import AIMLAPIFields
from .messages.tool_calls import INCOMPLETE, check_calls, invalid_calls
from .request import response_format_dict

Model = TypeVar("Model", bound=BaseModel)

dispatcher = get_dispatcher(__name__)

# Arguments of core's programs that are not the endpoint's, and that the schema decides.
_PROGRAM_ARGUMENTS = ("tool_required", "tool_choice", "allow_parallel_tool_calls")

_NATIVE_MODES = (PydanticProgramMode.DEFAULT, PydanticProgramMode.FUNCTION, PydanticProgramMode.LLM)


# --- the request --------------------------------------------------------------------------------------------------


def uses_native_structured(llm: AIMLAPIFields) -> bool:
    """Return whether this integration creates the output, instead of a program of the package that the mode names."""
    return llm.pydantic_program_mode in _NATIVE_MODES


def structured_arguments(
    llm: AIMLAPIFields,
    output_cls: type[BaseModel],
    messages: Sequence[ChatMessage],
    llm_kwargs: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the arguments of `chat` that request output of this class.

    Raises:
        ValueError: `output_cls` is not a pydantic class.
    """
    kwargs = {name: value for name, value in (llm_kwargs or {}).items() if name not in _PROGRAM_ARGUMENTS}
    if _uses_schema(llm):
        return {"messages": messages, "response_format": response_format_dict(output_cls), **kwargs}
    if not _uses_tool(llm):
        return {"messages": _with_format_instructions(messages, output_cls), **kwargs}
    tool = get_function_tool(output_cls)
    return llm._prepare_chat_with_tools([tool], chat_history=list(messages), tool_required=True, **kwargs)


def _uses_schema(llm: AIMLAPIFields) -> bool:
    if llm.pydantic_program_mode != PydanticProgramMode.DEFAULT:
        return False
    if llm.should_use_structured_outputs is not None:
        return llm.should_use_structured_outputs
    return lookup(llm.model).structured_output and llm.endpoint != MESSAGES


def _uses_tool(llm: AIMLAPIFields) -> bool:
    if llm.pydantic_program_mode == PydanticProgramMode.DEFAULT:
        return llm.metadata.is_function_calling_model
    return llm.pydantic_program_mode == PydanticProgramMode.FUNCTION


def _with_format_instructions(messages: Sequence[ChatMessage], output_cls: type[BaseModel]) -> list[ChatMessage]:
    """Add instructions in plain text to write output of this class."""
    parser = PydanticOutputParser(_object_class(output_cls))
    instructions = parser.get_format_string(escape_json=False).strip()
    *earlier, last = messages
    if last.role != MessageRole.USER:
        return [*messages, ChatMessage(instructions, role=MessageRole.USER)]
    blocks = [*last.blocks, TextBlock(text=f"\n\n{instructions}")]
    return [*earlier, last.model_copy(update={"blocks": blocks})]


def _object_class(output_cls: type[BaseModel]) -> type[BaseModel]:
    """Return the class itself, or one of an object with a field of it."""
    if is_object_schema(output_cls.model_json_schema()):
        return output_cls
    fields: Any = {WRAPPER_FIELD: (output_cls, ...)}
    return create_model(output_cls.__name__, **fields)


def check_output_class(output_cls: Any) -> None:
    """Raise ValueError if `output_cls` is not a pydantic class."""
    if not isinstance(output_cls, type) or not issubclass(output_cls, BaseModel):
        raise ValueError(  # noqa: TRY004  # as in the LangChain adapter
            f"output_cls must be a pydantic class, not {output_cls!r}: write other types as a class of their own, "
            f"`class Answer(RootModel[list[Trip]])`."
        )


# --- events -------------------------------------------------------------------------------------------------------


def report_start(output_cls: type[BaseModel], prompt: BasePromptTemplate, prompt_args: dict[str, Any]) -> None:
    """Send LlamaIndex's event for the start of a structured prediction."""
    event = LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
    dispatcher.event(event)


def report_end(output: Model) -> Model:
    """Send LlamaIndex's event for the end of a structured prediction, and return its output."""
    dispatcher.event(LLMStructuredPredictEndEvent(output=output))
    return output


# --- the response -------------------------------------------------------------------------------------------------


def parse_output(llm: AIMLAPIFields, response: ChatResponse, output_cls: type[Model]) -> Model:
    """Parse the output of a complete response, from its tool call or its text.

    Raises:
        RefusalError: The model refused.
        IncompleteOutputError: The output was cut off.
        InvalidToolCallError: The arguments of its tool call are not a JSON object.
        ValidationError: The output doesn't match the class.
    """
    _check_complete(response)
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    if calls:
        return read_output(output_cls, _output_arguments(calls, output_cls))
    text = response.message.content or ""
    if llm.output_parser is not None:
        output = llm.output_parser.parse(text)
        if isinstance(output, output_cls):
            return output
        text = str(output)
    return _parse_text(output_cls, _extract_json(text))


def _check_complete(response: ChatResponse) -> None:
    metadata = response.additional_kwargs
    if metadata.get("refusal"):
        raise RefusalError(metadata["refusal"])
    reason = metadata.get("finish_reason")
    if reason in INCOMPLETE:
        raise IncompleteOutputError(f"The output is incomplete: {INCOMPLETE[reason]}.", finish_reason=reason)
    check_calls(response)


def _output_arguments(calls: Sequence[ToolSelection], output_cls: type[BaseModel]) -> dict[str, Any]:
    """Return the arguments of the first call of the output's tool.

    Raises:
        ValidationError: There is none.
    """
    tool_name = _output_tool_name(output_cls)
    for call in calls:
        if call.tool_name == tool_name:
            return call.tool_kwargs
    names = ", ".join(repr(call.tool_name) for call in calls)
    raise _no_output_error(output_cls, f"The model called {names}, not {tool_name!r}, whose arguments are the output.")


def _output_tool_name(output_cls: type[BaseModel]) -> str:
    """Return the name of the tool that core creates for a class."""
    return str(output_cls.model_json_schema().get("title", output_cls.__name__))


def read_output(output_cls: type[Model], value: Any) -> Model:
    """Create the output from a JSON value.

    Raises:
        ValidationError: The value is null, or doesn't match the class.
    """
    if value is None:
        raise _no_output_error(output_cls, "The output is JSON null.")

    def read(inner: Any) -> Model:
        return output_cls.model_validate_json(to_json(inner))

    return read(value) if is_object_schema(output_cls.model_json_schema()) else read_unwrapped(value, read)


def _parse_text(output_cls: type[Model], text: str) -> Model:
    try:
        value = from_json(text)
    except ValueError:
        return output_cls.model_validate_json(text)  # raises, and says where the JSON is invalid
    return read_output(output_cls, value)


def _no_output_error(output_cls: type[BaseModel], reason: str) -> ValidationError:
    problem = PydanticCustomError("no_output", "{reason}", {"reason": reason})
    return ValidationError.from_exception_data(output_cls.__name__, [{"type": problem, "loc": (), "input": None}])


_FENCED = re.compile(r"```(?:\w+)?\s*\n(.*?)```", re.DOTALL)


def _extract_json(text: str) -> str:
    """Return the JSON in a text. Models without a JSON mode put it after reasoning, in fences or among words."""
    text = text.rpartition("</think>")[2].strip()
    fenced = _FENCED.search(text)
    start = max(_json_start(text), 0)
    end = max(text.rfind("}"), text.rfind("]")) + 1
    candidates = (text, fenced[1] if fenced else "", text[start:end])
    return next((candidate for candidate in candidates if _is_json(candidate)), text)


def _json_start(text: str) -> int:
    """Return the index of the first bracket, or -1."""
    return min((index for index in (text.find("{"), text.find("[")) if index >= 0), default=-1)


def _is_json(text: str) -> bool:
    try:
        from_json(text)
    except ValueError:
        return False
    return True


# --- streams ------------------------------------------------------------------------------------------------------


class PartialOutput:
    """The output of a stream so far: of its class if it already validates, else of one whose fields accept anything."""

    def __init__(self, llm: AIMLAPIFields, output_cls: type[BaseModel]) -> None:
        self._llm = llm
        self._output_cls = output_cls
        self._flexible = None if issubclass(output_cls, RootModel) else create_flexible_model(output_cls)
        self._previous: Any = None

    def update(self, response: ChatResponse) -> Iterator[BaseModel]:
        """Yield the output so far, if `response` adds to it."""
        value = self._partial_value(response)
        if not value or value == self._previous:
            return
        self._previous = value
        output = self._validate(value)
        if output is not None:
            yield output

    def _partial_value(self, response: ChatResponse) -> Any:
        """Return the JSON value of a response, as far as it has been streamed."""
        if invalid_calls(response):
            return None
        calls = self._llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        if not calls:
            return _parse_partial_text(response.message.content or "")
        tool_name = _output_tool_name(self._output_cls)
        return next((call.tool_kwargs for call in calls if call.tool_name == tool_name), None)

    def _validate(self, value: Any) -> BaseModel | None:
        with suppress(ValidationError):
            return read_output(self._output_cls, value)
        with suppress(ValidationError):
            return self._flexible.model_validate(value) if self._flexible else None
        return None


def _parse_partial_text(text: str) -> Any:
    """Parse the JSON in a text that is still being streamed, or return None before it starts."""
    text = text.rpartition("</think>")[2] if "</think>" in text or "<think>" not in text else ""
    start = _json_start(text)
    if start < 0:
        return None
    try:
        return from_json(text[start:], allow_partial="trailing-strings")
    except ValueError:
        return None


# --- the tools of core's programs ---------------------------------------------------------------------------------


class _OutputMetadata(ToolMetadata):
    """Core's metadata, with the parameters of classes whose schema has no properties at its root."""

    def get_parameters_dict(self) -> Json:
        schema = object_schema(self.fn_schema.model_json_schema()) if self.fn_schema else super().get_parameters_dict()
        return {"properties": {}, **schema}


def read_arguments_as_json(tool: BaseTool) -> BaseTool:
    """Replace a tool that core's program created for a class by one that reads its arguments as JSON.

    Other tools are returned as they are.
    """
    output_cls = tool.metadata.fn_schema
    if not isinstance(tool, FunctionTool) or tool.real_fn.__module__ != function_program.__name__ or not output_cls:
        return tool

    def read(**arguments: Any) -> BaseModel:
        return read_output(output_cls, arguments)

    name, description = tool.metadata.get_name(), tool.metadata.description
    return FunctionTool(read, metadata=_OutputMetadata(description=description, name=name, fn_schema=output_cls))
