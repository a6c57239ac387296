"""Classes, types and functions -> the name, description and JSON schema that a model is told.

Core does it, but loses schemas that contain themselves, and stops at TypedDicts with `NotRequired` and at types that
are no classes (`list[Trip]`). Names that endpoints refuse (`Box[int]`) stay as they are: they are mapped on the wire.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple, TypeGuard, get_origin

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError

from ..conversation import Json
from ..json_schema import (
    inline_schema_refs,
    is_object_schema,
    is_recursive,
    object_schema,
    without_titles,
    wrap_schema,
)
from .typed_dicts import docstring_parts, is_typed_dict, rebuilt

ANSWER = "answer"
"""What a form of answer is called that has no name of its own."""


class _Described(NamedTuple):
    name: str
    description: str | None
    schema: Json


def function_of(schema: Any) -> Json:
    """`name`, `description` (if there is one) and `parameters` of a class, type, function, LangChain tool or dict.

    Raises:
        ValueError: there is no JSON schema of it.

    >>> function_of({"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}})["name"]
    'Joke'
    """
    if isinstance(schema, dict) or _is_simple_tool(schema):
        function = dict(convert_to_openai_tool(schema)["function"])
        return _stated(function)
    described = _described(schema)
    parameters = _parameters(described.schema)
    return _stated(
        {
            "name": described.name,
            "description": described.description,
            "parameters": wrap_schema(parameters) if _wraps(schema, parameters) else parameters,
        }
    )


def is_wrapped(schema: Any) -> bool:
    """Whether answers of a schema are no objects, so that `function_of` puts an object around them."""
    return not isinstance(schema, dict) and _wraps(schema, _described(schema).schema)


def _wraps(schema: Any, written: Json) -> bool:
    kind = kind_of(schema)
    return kind == "type" or (kind == "model" and not is_object_schema(written))


def _stated(function: Json) -> Json:
    return {key: value for key, value in function.items() if key != "description" or value}


def _described(schema: Any) -> _Described:
    try:
        return _KINDS[kind_of(schema)](schema)
    except (PydanticUserError, NameError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{schema!r} has no JSON schema that a model could be told: {reason}") from error


def _parameters(schema: Json) -> Json:
    """A schema as endpoints take it: references are written out, unless it contains itself."""
    bare = {key: value for key, value in without_titles(schema).items() if key != "description"}
    if not is_recursive(bare):
        return inline_schema_refs(bare)
    if "$ref" not in bare or not is_object_schema(bare):
        return bare
    return {key: value for key, value in object_schema(bare).items() if key != "description"}


# --- kinds of schema ----------------------------------------------------------------------------------------------


def kind_of(schema: Any) -> str:
    """What kind of schema it is: `model`, `typed_dict`, `dataclass`, `tool`, `type` or `function`.

    Raises:
        ValueError: it is none.
    """
    if is_tool(schema):
        return "tool"
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return "model"
    if is_typed_dict(schema):
        return "typed_dict"
    if dataclasses.is_dataclass(get_origin(schema) or schema):
        return "dataclass"
    if _is_type(schema):
        return "type"
    if callable(schema) and schema is not Any:
        return "function"
    raise ValueError(f"{schema!r} is no schema: give a class, a type, a function or a dict with a JSON schema.")


def _is_type(schema: Any) -> bool:
    """Whether it is a type that is no class of fields: a union, a list of something, an enum, a number."""
    if get_origin(schema) is not None or hasattr(schema, "__value__"):
        return True
    return isinstance(schema, type) and (schema.__module__ == "builtins" or issubclass(schema, Enum))


def _from_model(model: Any) -> _Described:
    schema = model.model_json_schema() if issubclass(model, BaseModel) else model.schema()
    return _Described(schema.get("title") or model.__name__, schema.get("description"), schema)


def _from_typed_dict(typed_dict: Any) -> _Described:
    kind = rebuilt(typed_dict)
    description, _ = docstring_parts(get_origin(typed_dict) or typed_dict)
    return _Described(kind.__name__, description, TypeAdapter(kind).json_schema())


def _from_dataclass(kind: Any) -> _Described:
    cls = get_origin(kind) or kind
    schema = TypeAdapter(kind).json_schema()
    written = cls.__doc__ if cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(") else None
    return _Described(schema.get("title") or cls.__name__, written, schema)


def _from_type(kind: Any) -> _Described:
    schema = TypeAdapter(rebuilt(kind)).json_schema()
    return _Described(ANSWER, schema.get("description"), schema)


def _from_function(function: Any) -> _Described:
    from langchain_core.tools.base import create_schema_from_function

    name = getattr(function, "__name__", type(function).__name__)
    model = create_schema_from_function(
        name, function, filter_args=(), parse_docstring=True, error_on_invalid_docstring=False, include_injected=False
    )
    described = _from_model(model)
    return described._replace(name=name, description=model.__doc__ or described.description)


def _from_tool(tool: BaseTool) -> _Described:
    schema = tool.tool_call_schema
    given = schema if isinstance(schema, dict) else _from_model(schema).schema
    return _Described(tool.name, tool.description, given)


_KINDS: Mapping[str, Callable[[Any], _Described]] = {
    "model": _from_model,
    "typed_dict": _from_typed_dict,
    "dataclass": _from_dataclass,
    "type": _from_type,
    "function": _from_function,
    "tool": _from_tool,
}


# --- what reads answers -------------------------------------------------------------------------------------------


def takes_defaults(schema: Any) -> bool:
    """Whether what reads an answer of this schema has defaults for what is missing, and so need not take null for it:
    pydantic's classes, and what arguments are checked by them; not dicts, TypedDicts and dataclasses."""
    if isinstance(schema, Mapping):
        return False
    if is_tool(schema):
        return not isinstance(schema.args_schema, dict)
    return kind_of(schema) in ("model", "type", "function")


def is_tool(value: object) -> TypeGuard[BaseTool]:
    """Whether a value is a LangChain tool."""
    return isinstance(value, BaseTool)


def _is_simple_tool(value: object) -> bool:
    """Whether it is a tool of one text without a name, for which core has a schema of its own."""
    from langchain_core.tools import Tool

    return isinstance(value, Tool) and not value.args_schema
