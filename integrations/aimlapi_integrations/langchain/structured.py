"""Structured answers: how a schema is asked for, and how the answer is read.

The reading happens in a LangChain parser, after the message exists, so that `include_raw=True` keeps the message and
its usage whatever becomes of the parsing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

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

from .._utils.json import drop_none, parse_json
from .._utils.json_schema import is_object_schema, object_schema, read_unwrapped
from .._utils.strict_schema import to_strict_schema
from ..errors import IncompleteOutputError, RefusalError
from ..types import Json, ResponseFormat
from .schemas import ANSWER, function_schema, is_wrapped, kind_of, rebuilt, takes_defaults

Method = Literal["json_schema", "function_calling", "json_mode"]


def response_format(asked: Any, strict: bool | None = None) -> ResponseFormat:
    """The form of the answer, from a class, a JSON schema, or a `response_format` in the form of either endpoint.

    Raises:
        ValueError: it is none of these.
    """
    match asked:
        case ResponseFormat():
            return asked
        case {"type": "text" | "json_object" as kind}:
            return ResponseFormat(kind)
        case {"type": "json_schema", "json_schema": dict(inner)}:
            return _held_to(inner, strict)
        case {"type": "json_schema", "schema": dict()} | {"name": str(), "schema": dict()}:
            return _held_to(asked, strict)
        case dict() if _is_plain_schema(asked):
            return _held_to(_parted(asked), strict)
    if is_wrapped(asked):
        raise ValueError(
            f"{asked!r} is no form of answer, which has to be an object: write a class with it as a field."
        )
    return _format_of(asked, strict)


def _format_of(schema: Any, strict: bool | None) -> ResponseFormat:
    function = function_schema(schema)
    inner = {"name": function["name"], "schema": function.get("parameters"), "description": function.get("description")}
    return _held_to(inner, function.get("strict", strict), nullable=not takes_defaults(schema))


def _is_plain_schema(schema: Json) -> bool:
    """Whether a dict is a JSON schema itself, and not one in a tool."""
    return "parameters" not in schema and "input_schema" not in schema and is_object_schema(schema)


def _parted(schema: Json) -> Json:
    """A JSON schema as what a form of answer consists of."""
    bare = object_schema(schema)
    name, description = bare.pop("title", None), bare.pop("description", None)
    return {"name": name, "description": description, "schema": bare}


def _held_to(inner: Json, strict: bool | None, *, nullable: bool = True) -> ResponseFormat:
    strict = inner.get("strict") if inner.get("strict") is not None else strict
    schema, name = inner.get("schema"), inner.get("name") or ANSWER
    if schema is None or not is_object_schema(schema):
        raise ValueError(f"The schema of {name!r} is not that of an object, which answers have to be.")
    return ResponseFormat(
        kind="json_schema",
        name=name,
        schema=to_strict_schema(schema, nullable=nullable) if strict else schema,
        strict=strict,
        description=inner.get("description"),
    )


class Answer(NamedTuple):
    """How answers of a schema are asked for, and read.

    Attributes:
        format: the form of the answer; None where any JSON is one.
        kind: the pydantic class (v1 or v2), or the type, that answers are validated as; None leaves them as they are.
        wrapped: whether the answer comes in an object around it, since it is none itself.
    """

    format: ResponseFormat | None
    kind: Any = None
    wrapped: bool = False


def answer_of(schema: Any, strict: bool | None, method: Method) -> Answer:
    """What to ask for, and to read, for answers of `schema`.

    Raises:
        ValueError: there is no schema in it that a model could be held to.
    """
    if schema is None or isinstance(schema, dict):
        return Answer(None if method == "json_mode" else response_format(schema, strict))
    read_by_pydantic = kind_of(schema) in ("model", "type")
    return Answer(_format_of(schema, strict), rebuilt(schema) if read_by_pydantic else None, wrapped=is_wrapped(schema))


def response_format_dict(wanted: ResponseFormat) -> Json:
    """The same as the dict that chat completions takes."""
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    fields = {"schema": wanted.schema, "strict": wanted.strict, "description": wanted.description}
    given = drop_none(fields)
    return {"type": "json_schema", "json_schema": {"name": wanted.name, **given}}


def response_format_tool(wanted: ResponseFormat | None) -> Json:
    """A tool whose arguments are the answer.

    Raises:
        ValueError: a form of answer without a schema.
    """
    if wanted is None or wanted.schema is None:
        raise ValueError("method='function_calling' needs a schema, and this form of answer has none.")
    fields = {"name": wanted.name, "description": wanted.description, "parameters": wanted.schema}
    given = {**fields, "strict": wanted.strict}
    return {"type": "function", "function": drop_none(given)}


def ls_structured_output_format(schema: Any, method: Method, strict: bool | None) -> Json:
    """What tracers are told of the schema: as the user gave it, not as it was made strict."""
    kwargs = {"method": method, **({} if strict is None else {"strict": strict})}
    told = schema if isinstance(schema, dict) else {"type": "function", "function": function_schema(schema)}
    return {"kwargs": kwargs, "schema": told}


# --- reading ------------------------------------------------------------------------------------------------------


_NO_ANSWER = object()
"""Where a message holds no answer, yet: JSON null may be one, inside its wrapper."""


class StructuredOutputParser(BaseCumulativeTransformOutputParser[Any]):
    """Reads the answer from a message, or from the message so far.

    Raises:
        RefusalError: the model declined.
        IncompleteOutputError: the answer was cut off; a part of it is never taken for the whole.
        OutputParserException: the answer does not fit the schema, there is none, or another tool was called.
    """

    answer_class: Annotated[Any, SkipValidation()] = None
    """The pydantic class, or the type, that the answer is validated as; None leaves it as it is."""

    wrapped: bool = False
    """Whether the answer comes in an object around it."""

    tool_name: str | None = None
    """The tool whose arguments are the answer; None where its text is."""

    other_tools: tuple[str, ...] = ()
    """Further tools that the model may call before it answers."""

    calls_allowed: bool = False
    """Whether a call of those is no error: whoever reads the answer has the message, too, and can run them."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The answer; as far as it has come where `partial`, and None before there is one."""
        message = getattr(result[0], "message", None)
        if message is not None:
            _check(message)
            partial = partial and getattr(message, "chunk_position", None) != "last"
        value = self._value(result[0].text.strip(), message, partial)
        return None if value is _NO_ANSWER else self._validated(value, partial)

    def parse(self, text: str) -> Any:
        """The answer that a text is."""
        return self.parse_result([Generation(text=text)])

    # --- where the answer is --------------------------------------------------------------------------------------

    def _value(self, text: str, message: Any, partial: bool) -> Any:
        """The JSON value of the answer."""
        calls = [*getattr(message, "tool_calls", ()), *getattr(message, "invalid_tool_calls", ())]
        if own := [call for call in calls if call["name"] == self.tool_name]:
            return _arguments(own)
        if partial:
            return _read_partial(text) if text and not self.tool_name else _NO_ANSWER
        if calls and (self.tool_name or not _is_json(text)):
            return self._other_call([str(call["name"]) for call in calls])
        if not text:
            raise OutputParserException("The answer is empty.", llm_output=text)
        return _read(text)  # under function calling too: a model that cannot be forced to call may answer in text

    def _other_call(self, names: Collection[str]) -> Any:
        """What calls of other tools alone mean: they are to be run first, or there is no answer."""
        unknown = [name for name in names if name not in self.other_tools]
        due = f"not {self.tool_name!r}, which holds the answer" if self.tool_name else "and did not answer"
        if unknown:
            raise OutputParserException(f"The model called {', '.join(map(repr, unknown))}, {due}.")
        if self.calls_allowed:
            return _NO_ANSWER
        called = ", ".join(map(repr, names))
        raise OutputParserException(
            f"The model called {called}, {due}: include_raw=True gives the message, whose calls are to be run first."
        )

    # --- what it is -----------------------------------------------------------------------------------------------

    def _validated(self, value: Any, partial: bool) -> Any:
        try:
            return self._instance(value)
        except ValueError as error:
            if partial:
                return None
            written = to_json(value, fallback=str).decode()
            name = self.answer_class.__name__ if isinstance(self.answer_class, type) else self.answer_class
            raise OutputParserException(f"The answer is no {name}: {written}. {error}", llm_output=written) from error

    def _instance(self, value: Any) -> Any:
        if value is None:
            raise ValueError("The answer is JSON null.")
        if self.answer_class is None:
            return value
        return read_unwrapped(value, self._read_as_class) if self.wrapped else self._read_as_class(value)

    def _read_as_class(self, value: Any) -> Any:
        """`value`, read as JSON: strict classes take dates and the like from text in JSON alone."""
        if _is_pydantic_1(self.answer_class):
            return self.answer_class.parse_obj(value)
        return self._adapter.validate_json(to_json(value))

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.answer_class)

    # --- streams --------------------------------------------------------------------------------------------------

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002  # core calls it so
        reading = _Reading(self)
        for piece in input:
            yield from reading.feed(piece)
        yield from reading.close()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        reading = _Reading(self)
        async for piece in input:
            for answer in reading.feed(piece):
                yield answer
        for answer in reading.close():
            yield answer

    @property
    def _type(self) -> str:
        return "aimlapi_answer"

    @property
    def OutputType(self) -> Any:
        """The class of answers."""
        return self.answer_class or dict


class _Reading:
    """An answer that is read as it comes."""

    def __init__(self, parser: StructuredOutputParser) -> None:
        self._parser = parser
        self._whole: Any = None
        self._answer: Any = None

    def feed(self, piece: Any) -> Iterator[Any]:
        """The answer as far as it has come, where that is news.

        What could be added up, lists and numbers, comes once it is whole: the next step adds up what it is handed.
        """
        self._whole = piece if self._whole is None else self._whole + piece
        if isinstance(piece, BaseMessage) and not isinstance(piece, BaseMessageChunk):
            return
        answer = self._parser.parse_result([generation(self._whole)], partial=True)
        if answer is not None and answer != self._answer and not hasattr(answer, "__add__"):
            self._answer = answer
            yield answer

    def close(self) -> Iterator[Any]:
        """The whole answer, unless it was the last that came."""
        answer = self._parser.parse_result([generation(self._whole)])
        if self._answer is None or answer != self._answer:
            yield answer


def generation(whole: Any) -> Generation:
    """A message, or a text, as parsers take it; None is an empty one."""
    if isinstance(whole, BaseMessageChunk):
        return ChatGenerationChunk(message=whole)
    return ChatGeneration(message=whole) if isinstance(whole, BaseMessage) else Generation(text=whole or "")


def _is_pydantic_1(kind: Any) -> bool:
    return isinstance(kind, type) and is_basemodel_subclass(kind) and not issubclass(kind, BaseModel)


def _check(message: Any) -> None:
    refusal = message.additional_kwargs.get("refusal")
    if refusal:
        raise RefusalError(refusal)
    reason = message.response_metadata.get("finish_reason")
    if reason in ("length", "content_filter"):
        said = "max_tokens ran out" if reason == "length" else "it was filtered"
        raise IncompleteOutputError(f"The answer broke off: {said}.", finish_reason=reason)


def _arguments(calls: list[Any]) -> Any:
    """The arguments of the first call that has whole ones."""
    for call in calls:
        if isinstance(call["args"], dict):
            return call["args"]
    name, written = calls[0]["name"], calls[0]["args"]
    raise OutputParserException(f"The arguments of {name!r} are no JSON object: {written}", llm_output=written)


def _read(text: str) -> Any:
    try:
        return parse_json_markdown(text, parser=parse_json)
    except ValueError as error:
        raise OutputParserException(f"The answer is no JSON: {text}", llm_output=text) from error


def _is_json(text: str) -> bool:
    try:
        _read(text)
    except OutputParserException:
        return False
    return True


def _read_partial(text: str) -> Any:
    """The JSON value as far as it has come."""
    try:
        value = parse_json_markdown(text)
    except ValueError:
        return _NO_ANSWER
    return _NO_ANSWER if value is None else value


def add_raw_message(model: Runnable[Any, Any], parser: StructuredOutputParser) -> Runnable[Any, Any]:
    """`model`, its messages read by `parser`. What goes wrong in reading is a value here, in streams too.

    The pieces of a stream add up, by whichever step adds them: the message comes piece by piece, the answer once.
    """

    def read(messages: Iterator[Any]) -> Iterator[AddableDict]:
        whole: Any = None
        for message in messages:
            whole = message if whole is None else whole + message
            yield AddableDict(raw=message)
        yield _parsed(parser, whole)

    async def aread(messages: AsyncIterator[Any]) -> AsyncIterator[AddableDict]:
        whole: Any = None
        async for message in messages:
            whole = message if whole is None else whole + message
            yield AddableDict(raw=message)
        yield _parsed(parser, whole)

    return model | RunnableGenerator(read, aread)


def _parsed(parser: StructuredOutputParser, whole: Any) -> AddableDict:
    try:
        return AddableDict(parsed=parser.parse_result([generation(whole)]), parsing_error=None)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the value of parsing_error
        return AddableDict(parsed=None, parsing_error=error)
