"""Structured output: how a schema is requested, and how the response is parsed.

Parsing happens in a LangChain parser, after the message exists, so that `include_raw=True` keeps the message and its
usage even if parsing fails.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage, BaseMessageChunk
from langchain_core.output_parsers import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation
from langchain_core.runnables import Runnable, RunnableGenerator
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.json import parse_json_markdown
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, SkipValidation, TypeAdapter
from pydantic_core import to_json

from .._utils.json import parse_json
from .._utils.json_schema import is_object_schema, object_schema, read_unwrapped, to_strict_schema
from ..client.openai_format import parse_response_format
from ..errors import IncompleteOutputError, RefusalError
from ..types import Json, ResponseFormat, Tool
from .schemas import DEFAULT_NAME, function_schema, is_wrapped, kind_of, rebuild_typed_dicts, supports_defaults

Method = Literal["json_schema", "function_calling", "json_mode"]


def to_response_format(schema: Any, strict: bool | None = None) -> ResponseFormat:
    """Convert a class, a JSON schema, or a `response_format` dict of either endpoint to the neutral form.

    Raises:
        ValueError: the value is none of these.
    """
    match schema:
        case ResponseFormat():
            return schema
        case {"type": "json_schema" | "text" | "json_object"} | {"name": str(), "schema": dict()}:
            return _apply_strict(cast(ResponseFormat, parse_response_format(schema)), strict)
        case dict() if _is_plain_schema(schema):
            return _apply_strict(_from_json_schema(schema), strict)
    if is_wrapped(schema):
        raise ValueError(f"{schema!r} is not an object, which a response has to be. Write a class with it as a field.")
    return _from_class(schema, strict)


def _from_class(schema: Any, strict: bool | None) -> ResponseFormat:
    function = function_schema(schema)
    fields = {"name": function["name"], "description": function.get("description"), "strict": function.get("strict")}
    response_format = ResponseFormat("json_schema", schema=function.get("parameters"), **fields)
    return _apply_strict(response_format, strict, nullable=not supports_defaults(schema))


def _is_plain_schema(schema: Json) -> bool:
    """Return whether a dict is itself a JSON schema, and not a tool that contains one."""
    return "parameters" not in schema and "input_schema" not in schema and is_object_schema(schema)


def _from_json_schema(schema: Json) -> ResponseFormat:
    schema = object_schema(schema)
    name, description = schema.pop("title", None), schema.pop("description", None)
    return ResponseFormat("json_schema", name=name or DEFAULT_NAME, schema=schema, description=description)


def _apply_strict(response_format: ResponseFormat, strict: bool | None, *, nullable: bool = True) -> ResponseFormat:
    """Set `strict`, unless the format sets it itself, and make the schema strict where it is true."""
    if response_format.kind != "json_schema":
        return response_format
    strict = strict if response_format.strict is None else response_format.strict
    schema = response_format.schema
    if schema is None or not is_object_schema(schema):
        raise ValueError(
            f"The schema of {response_format.name!r} is not that of an object, which a response has to be."
        )
    schema = to_strict_schema(schema, nullable=nullable) if strict else schema
    return replace(response_format, schema=schema, strict=strict)


class AnswerSchema(NamedTuple):
    """How the answers of a schema are requested and parsed.

    Attributes:
        response_format: the form to request; None accepts any JSON.
        answer_class: the pydantic class (v1 or v2) or type to validate answers with; None returns them as they are.
        wrapped: whether an object wraps the answer, because the answer itself is not one.
    """

    response_format: ResponseFormat | None
    answer_class: Any = None
    wrapped: bool = False


def answer_schema(schema: Any, strict: bool | None, method: Method) -> AnswerSchema:
    """Return how to request and parse answers of `schema`.

    Raises:
        ValueError: `schema` has no JSON schema.
    """
    if schema is None or isinstance(schema, dict):
        return AnswerSchema(None if method == "json_mode" else to_response_format(schema, strict))
    validated = kind_of(schema) in ("model", "type")
    answer_class = rebuild_typed_dicts(schema) if validated else None
    return AnswerSchema(_from_class(schema, strict), answer_class, wrapped=is_wrapped(schema))


def to_response_format_dict(response_format: ResponseFormat) -> Json:
    """Convert a response format to the dict that chat completions takes."""
    if response_format.kind != "json_schema":
        return {"type": response_format.kind}
    fields = {
        "name": response_format.name,
        "schema": response_format.schema,
        "strict": response_format.strict,
        "description": response_format.description,
    }
    return {"type": "json_schema", "json_schema": {name: value for name, value in fields.items() if value is not None}}


def to_answer_tool(response_format: ResponseFormat | None) -> Tool:
    """Return a tool whose arguments are the answer.

    Raises:
        ValueError: the response format has no schema.
    """
    if response_format is None or response_format.schema is None:
        raise ValueError("method='function_calling' needs a schema, and this response format has none.")
    return Tool(
        response_format.name, response_format.description, response_format.schema, strict=response_format.strict
    )


def ls_structured_output_format(schema: Any, method: Method, strict: bool | None) -> Json:
    """Return what tracers record of the schema: as the user passed it, before it was made strict."""
    kwargs = {"method": method, **({} if strict is None else {"strict": strict})}
    recorded = schema if isinstance(schema, dict) else {"type": "function", "function": function_schema(schema)}
    return {"kwargs": kwargs, "schema": recorded}


# --- parsing ------------------------------------------------------------------------------------------------------


_NO_ANSWER = object()
"""A message without an answer, or without one yet. JSON null may be an answer, inside its wrapper."""


class StructuredOutputParser(BaseCumulativeTransformOutputParser[Any]):
    """Parse the answer of a message, or of a message that is still streaming.

    Raises:
        RefusalError: the model declined.
        IncompleteOutputError: the response was cut off; a partial answer is never returned as a complete one.
        OutputParserException: the answer doesn't match the schema, is missing, or the model called another tool.
    """

    answer_class: Annotated[Any, SkipValidation()] = None
    """The pydantic class or type to validate the answer with; None returns it as it is."""

    wrapped: bool = False
    """Whether an object wraps the answer."""

    tool_name: str | None = None
    """The tool whose arguments are the answer; None: the text is."""

    other_tools: tuple[str, ...] = ()
    """Other tools that the model may call before it answers."""

    calls_allowed: bool = False
    """Whether calls of those tools are no error, because the caller also gets the message and can run them."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Return the answer. With `partial`, return what has arrived so far, None before anything has."""
        message = getattr(result[0], "message", None)
        if message is not None:
            _raise_if_incomplete(message)
            partial = partial and getattr(message, "chunk_position", None) != "last"
        value = self._find_value(result[0].text.strip(), message, partial)
        return None if value is _NO_ANSWER else self._validate(value, partial)

    def parse(self, text: str) -> Any:
        """Return the answer in a text."""
        return self.parse_result([Generation(text=text)])

    # --- finding the value ----------------------------------------------------------------------------------------

    def _find_value(self, text: str, message: Any, partial: bool) -> Any:
        """Return the JSON value of the answer."""
        calls = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
        if answers := [call for call in calls if call["name"] == self.tool_name]:
            return _first_valid_arguments(answers)
        if partial:
            return _parse_partial_json(text) if text and not self.tool_name else _NO_ANSWER
        if calls and (self.tool_name or not _is_json(text)):
            return self._handle_other_calls([str(call["name"]) for call in calls])
        if not text:
            raise OutputParserException("The answer is empty.", llm_output=text)
        return _parse_json(text)  # with function calling too: models that ignore a forced call may answer in text

    def _handle_other_calls(self, names: Collection[str]) -> Any:
        """Raise, or return no answer, where the model called other tools only."""
        unknown = [name for name in names if name not in self.other_tools]
        missing = f"not {self.tool_name!r}, which holds the answer" if self.tool_name else "and did not answer"
        if unknown:
            raise OutputParserException(f"The model called {', '.join(map(repr, unknown))}, {missing}.")
        if self.calls_allowed:
            return _NO_ANSWER
        called = ", ".join(map(repr, names))
        raise OutputParserException(
            f"The model called {called}, {missing}. Pass include_raw=True to get the message, and run its tool calls."
        )

    # --- validation -----------------------------------------------------------------------------------------------

    def _validate(self, value: Any, partial: bool) -> Any:
        try:
            return self._to_instance(value)
        except ValueError as error:
            if partial:
                return None
            output = to_json(value, fallback=str).decode()
            name = self.answer_class.__name__ if isinstance(self.answer_class, type) else self.answer_class
            text = f"The answer is not a valid {name}: {output}. {error}"
            raise OutputParserException(text, llm_output=output) from error

    def _to_instance(self, value: Any) -> Any:
        if value is None:
            raise ValueError("The answer is JSON null.")
        if self.answer_class is None:
            return value
        return read_unwrapped(value, self._to_class) if self.wrapped else self._to_class(value)

    def _to_class(self, value: Any) -> Any:
        """Validate `value` as JSON: strict classes accept dates and the like as text only in JSON."""
        if _is_pydantic_1(self.answer_class):
            return self.answer_class.parse_obj(value)
        return self._adapter.validate_json(to_json(value))

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.answer_class)

    # --- streams --------------------------------------------------------------------------------------------------

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002  # core's name
        answers = _AnswerStream(self)
        for chunk in input:
            yield from answers.feed(chunk)
        yield from answers.close()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        answers = _AnswerStream(self)
        async for chunk in input:
            for answer in answers.feed(chunk):
                yield answer
        for answer in answers.close():
            yield answer

    @property
    def _type(self) -> str:
        return "aimlapi_answer"

    @property
    def OutputType(self) -> Any:
        """The class of answers."""
        return self.answer_class or dict


class _AnswerStream:
    """Parse an answer while it streams."""

    def __init__(self, parser: StructuredOutputParser) -> None:
        self._parser = parser
        self._message: Any = None
        self._answer: Any = None

    def feed(self, chunk: Any) -> Iterator[Any]:
        """Yield the partial answer if it has changed.

        A list or a number is yielded only once it is complete: the next step would add the partial ones up.
        """
        self._message = chunk if self._message is None else self._message + chunk
        if isinstance(chunk, BaseMessage) and not isinstance(chunk, BaseMessageChunk):
            return
        answer = self._parser.parse_result([_to_generation(self._message)], partial=True)
        if answer is not None and answer != self._answer and not hasattr(answer, "__add__"):
            self._answer = answer
            yield answer

    def close(self) -> Iterator[Any]:
        """Yield the complete answer, unless the last partial one equals it."""
        answer = self._parser.parse_result([_to_generation(self._message)])
        if self._answer is None or answer != self._answer:
            yield answer


def _to_generation(message: Any) -> Generation:
    """Wrap a message or a text for a parser; None becomes an empty text."""
    if isinstance(message, BaseMessageChunk):
        return ChatGenerationChunk(message=message)
    return ChatGeneration(message=message) if isinstance(message, BaseMessage) else Generation(text=message or "")


def _is_pydantic_1(cls: Any) -> bool:
    return isinstance(cls, type) and is_basemodel_subclass(cls) and not issubclass(cls, BaseModel)


def _raise_if_incomplete(message: Any) -> None:
    refusal = message.additional_kwargs.get("refusal")
    if refusal:
        raise RefusalError(refusal)
    reason = message.response_metadata.get("finish_reason")
    if reason in ("length", "content_filter"):
        cause = "max_tokens was reached" if reason == "length" else "it was filtered"
        raise IncompleteOutputError(f"The answer is incomplete: {cause}.", finish_reason=reason)


def _first_valid_arguments(calls: list[Any]) -> Any:
    """Return the arguments of the first call whose arguments are valid."""
    for call in calls:
        if isinstance(call["args"], dict):
            return call["args"]
    name, arguments = calls[0]["name"], calls[0]["args"]
    raise OutputParserException(f"The arguments of {name!r} are not a JSON object: {arguments}", llm_output=arguments)


def _parse_json(text: str) -> Any:
    try:
        return parse_json_markdown(text, parser=parse_json)
    except ValueError as error:
        raise OutputParserException(f"The answer is not JSON: {text}", llm_output=text) from error


def _is_json(text: str) -> bool:
    try:
        _parse_json(text)
    except OutputParserException:
        return False
    return True


def _parse_partial_json(text: str) -> Any:
    """Return the part of the JSON value that has arrived."""
    try:
        value = parse_json_markdown(text)
    except ValueError:
        return _NO_ANSWER
    return _NO_ANSWER if value is None else value


def add_raw_message(model: Runnable[Any, Any], parser: StructuredOutputParser) -> Runnable[Any, Any]:
    """Return `model` with its messages parsed by `parser`; a parsing error is a value of the output, in streams too.

    Whichever step adds up the chunks of the output, the message arrives in chunks and the answer once.
    """

    def parse(messages: Iterator[Any]) -> Iterator[AddableDict]:
        merged: Any = None
        for message in messages:
            merged = message if merged is None else merged + message
            yield AddableDict(raw=message)
        yield _parse_or_error(parser, merged)

    async def aparse(messages: AsyncIterator[Any]) -> AsyncIterator[AddableDict]:
        merged: Any = None
        async for message in messages:
            merged = message if merged is None else merged + message
            yield AddableDict(raw=message)
        yield _parse_or_error(parser, merged)

    return model | RunnableGenerator(parse, aparse)


def _parse_or_error(parser: StructuredOutputParser, message: Any) -> AddableDict:
    try:
        return AddableDict(parsed=parser.parse_result([_to_generation(message)]), parsing_error=None)
    except Exception as error:  # noqa: BLE001  # any error becomes the value of parsing_error
        return AddableDict(parsed=None, parsing_error=error)
