"""Answers of a pydantic class: the JSON schema that they are asked for by, and how they are read.

They are read as JSON, as they came: strict classes take dates, enums and the like from text there alone. What is no
object, such as a RootModel of a list, comes in an object around it.
"""

from __future__ import annotations

from typing import Any, TypeVar

from llama_index.core.program import function_program
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.types import BaseTool
from pydantic import BaseModel, ValidationError, create_model
from pydantic_core import PydanticCustomError, from_json, to_json

from .._utils.json_schema import WRAPPER_FIELD, is_object_schema, object_schema, read_unwrapped
from ..types import Json

Model = TypeVar("Model", bound=BaseModel)


def check_output_class(output_cls: Any) -> None:
    """Raise ValueError for what is no pydantic class."""
    if not isinstance(output_cls, type) or not issubclass(output_cls, BaseModel):
        raise ValueError(  # noqa: TRY004  # as LangChain's adapter does
            f"output_cls must be a pydantic class, not {output_cls!r}: write other types as a class of their own, "
            f"`class Answer(RootModel[list[Trip]])`."
        )


def output_schema(output_cls: type[BaseModel]) -> Json:
    """The schema of an object that is, or holds, an answer of this class."""
    return object_schema(output_cls.model_json_schema())


def output_tool_name(output_cls: type[BaseModel]) -> str:
    """The name of the tool that core makes of a class."""
    return str(output_cls.model_json_schema().get("title", output_cls.__name__))


def read_output(output_cls: type[Model], value: Any) -> Model:
    """The answer that a JSON value is.

    Raises:
        ValidationError: it does not fit the class, or is JSON null.
    """
    if value is None:
        raise no_output(output_cls, "The answer is JSON null.")

    def read(inner: Any) -> Model:
        return output_cls.model_validate_json(to_json(inner))

    return read(value) if is_object_schema(output_cls.model_json_schema()) else read_unwrapped(value, read)


def read_output_text(output_cls: type[Model], text: str) -> Model:
    """The answer that a JSON text is.

    Raises:
        ValidationError: it is no JSON, or does not fit the class.
    """
    try:
        value = from_json(text)
    except ValueError:
        return output_cls.model_validate_json(text)  # raises, and says where the text is broken
    return read_output(output_cls, value)


def no_output(output_cls: type[BaseModel], reason: str, value: Any = None) -> ValidationError:
    """The error of an answer that is none."""
    problem = PydanticCustomError("no_output", "{reason}", {"reason": reason})
    return ValidationError.from_exception_data(output_cls.__name__, [{"type": problem, "loc": (), "input": value}])


def text_class(output_cls: type[BaseModel]) -> type[BaseModel]:
    """The class of the object that models are asked for in text."""
    if is_object_schema(output_cls.model_json_schema()):
        return output_cls
    fields: Any = {WRAPPER_FIELD: (output_cls, ...)}
    return create_model(output_cls.__name__, **fields)


# --- the tools of core's programs ---------------------------------------------------------------------------------


class _OutputMetadata(ToolMetadata):
    """Core's, with the parameters of classes whose schema has no properties at its root."""

    def get_parameters_dict(self) -> Json:
        schema = output_schema(self.fn_schema) if self.fn_schema else super().get_parameters_dict()
        return {"properties": {}, **schema}


def reading_json(tool: BaseTool) -> BaseTool:
    """The tool that a program of core's makes of a class, its arguments read as JSON; any other tool as it is."""
    output_cls = tool.metadata.fn_schema
    if not isinstance(tool, FunctionTool) or tool.real_fn.__module__ != function_program.__name__ or not output_cls:
        return tool

    def read(**arguments: Any) -> BaseModel:
        return read_output(output_cls, arguments)

    name, description = tool.metadata.get_name(), tool.metadata.description
    return FunctionTool(read, metadata=_OutputMetadata(description=description, name=name, fn_schema=output_cls))
