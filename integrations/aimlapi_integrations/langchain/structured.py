"""Structured answers: how a schema is asked for, and how the answer is read.

The reading happens in a LangChain parser, after the message exists, so that `include_raw=True` keeps the message and
its usage whatever becomes of the parsing.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pydantic
from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import BaseCumulativeTransformOutputParser
from langchain_core.outputs import Generation
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.json import parse_json_markdown
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import SkipValidation, TypeAdapter

from ..conversation import Json, ResponseFormat
from ..errors import IncompleteOutputError, RefusalError
from ..json_text import parse_json
from ..strict_schema import strict_schema
from .schemas import function_of, takes_defaults

Method = Literal["json_schema", "function_calling", "json_mode"]


def response_format(asked: Any, strict: bool | None = None) -> ResponseFormat:
    """The form of the answer, from a class, a JSON schema, or a `response_format` in the form of either endpoint.

    Raises:
        ValueError: it is none of these.
    """
    match asked:
        case {"type": "text" | "json_object" as kind}:
            return ResponseFormat(kind)
        case {"type": "json_schema", "json_schema": dict(inner)}:
            return _held_to(inner, strict)
        case {"type": "json_schema", "schema": dict()} | {"name": str(), "schema": dict()}:
            return _held_to(asked, strict)
        case {"type": "object", **rest} if "title" not in rest:
            return _held_to({"schema": asked}, strict)
    function = function_of(asked)
    inner = {"name": function["name"], "schema": function.get("parameters"), "description": function.get("description")}
    return _held_to(inner, function.get("strict", strict), nullable=not takes_defaults(asked))


def _held_to(inner: Json, strict: bool | None, *, nullable: bool = True) -> ResponseFormat:
    strict = inner.get("strict") if inner.get("strict") is not None else strict
    schema = inner.get("schema")
    if schema is None:
        raise ValueError(f"The schema of {inner.get('name')!r} is not that of an object, which answers have to be.")
    return ResponseFormat(
        kind="json_schema",
        name=inner.get("name") or "answer",
        schema=strict_schema(schema, nullable=nullable) if strict else schema,
        strict=strict,
        description=inner.get("description"),
    )


def format_as_dict(wanted: ResponseFormat) -> Json:
    """The same as the dict that chat completions takes."""
    if wanted.kind != "json_schema":
        return {"type": wanted.kind}
    fields = {"schema": wanted.schema, "strict": wanted.strict, "description": wanted.description}
    given = {name: value for name, value in fields.items() if value is not None}
    return {"type": "json_schema", "json_schema": {"name": wanted.name, **given}}


def format_as_tool(wanted: ResponseFormat) -> Json:
    """A tool whose arguments are the answer.

    Raises:
        ValueError: a form of answer without a schema.
    """
    if wanted.schema is None:
        raise ValueError(f"method='function_calling' needs a schema, and {wanted.kind!r} has none.")
    fields = {"name": wanted.name, "description": wanted.description, "parameters": wanted.schema}
    given = {**fields, "strict": wanted.strict}
    return {"type": "function", "function": {name: value for name, value in given.items() if value is not None}}


def traced_format(schema: Any, method: Method, strict: bool | None) -> Json:
    """What tracers are told of the schema: as the user gave it, not as it was made strict."""
    kwargs = {"method": method, **({} if strict is None else {"strict": strict})}
    return {"kwargs": kwargs, "schema": schema if isinstance(schema, dict) else convert_to_openai_tool(schema)}


class AnswerParser(BaseCumulativeTransformOutputParser[Any]):
    """Reads the answer from a message, or from the message so far.

    Raises:
        RefusalError: the model declined.
        IncompleteOutputError: the answer was cut off; a part of it is never taken for the whole.
        OutputParserException: the answer does not fit the schema.
    """

    answer_class: Annotated[Any, SkipValidation()] = None
    """A pydantic class that the answer is to be one of; None leaves it a dict."""

    tool_name: str | None = None
    """The tool whose arguments are the answer; None where its text is."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The answer; as far as it has come where `partial`, and None before there is one."""
        message = getattr(result[0], "message", None)
        if message is not None:
            _check(message)
            partial = partial and getattr(message, "chunk_position", None) != "last"
        value = self._argument(message) if self.tool_name else _read(result[0].text, message, partial)
        return None if value is None else self._validated(value, partial)

    def parse(self, text: str) -> Any:
        """The answer that a text is."""
        return self._validated(_read(text, None, partial=False), partial=False)

    def _argument(self, message: Any) -> Any:
        """The arguments of the call, None where there is none."""
        for call in getattr(message, "tool_calls", ()):
            if call["name"] == self.tool_name:
                return call["args"]
        for call in getattr(message, "invalid_tool_calls", ()):
            raise OutputParserException(f"The arguments of {call['name']!r} are no JSON object: {call['args']}")
        return None

    def _validated(self, value: Any, partial: bool) -> Any:
        if self.answer_class is None:
            return value
        try:
            return _instance(self.answer_class, value)
        except ValueError as error:
            if partial:
                return None
            written = json.dumps(value, ensure_ascii=False)
            name = self.answer_class.__name__
            raise OutputParserException(f"The answer is no {name}: {written}. {error}", llm_output=written) from error

    @property
    def _type(self) -> str:
        return "aimlapi_answer"

    @property
    def OutputType(self) -> Any:
        """The class of answers."""
        return self.answer_class or dict


def answer_class(schema: Any) -> Any:
    """The pydantic class (v1 or v2) that `schema` is; None for whatever else it is."""
    return schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None


def _instance(kind: Any, value: Any) -> Any:
    if issubclass(kind, pydantic.BaseModel):
        return TypeAdapter(kind).validate_python(value)
    return kind.parse_obj(value)


def _check(message: Any) -> None:
    refusal = message.additional_kwargs.get("refusal")
    if refusal:
        raise RefusalError(refusal)
    reason = message.response_metadata.get("finish_reason")
    if reason in ("length", "content_filter"):
        said = "max_tokens ran out" if reason == "length" else "it was filtered"
        raise IncompleteOutputError(f"The answer broke off: {said}.", finish_reason=reason)


def _read(text: str, message: Any, partial: bool) -> Any:
    text = text.strip()
    if not text and (partial or bool(getattr(message, "tool_calls", None))):
        return None  # not yet, or not yet the answer: tools are to be run first
    try:
        return parse_json_markdown(text) if partial else parse_json_markdown(text, parser=parse_json)
    except ValueError as error:
        if partial:
            return None
        raise OutputParserException(f"The answer is no JSON: {text}", llm_output=text) from error
