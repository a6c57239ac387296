"""Classes and functions -> the name, description and JSON schema that a model is told.

Core does it, but for three things mended here: it empties schemas that contain themselves, takes the docstring of
`dict` for that of a TypedDict, and leaves names that endpoints refuse (`Box[int]`).
"""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel
from typing_extensions import is_typeddict

from ..conversation import Json
from ..strict_schema import rooted


def function_of(schema: Any) -> Json:
    """`name`, `description` (if there is one) and `parameters` of a class, function, LangChain tool or dict.

    >>> function_of({"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}})["name"]
    'Joke'
    """
    function = dict(convert_to_openai_tool(schema)["function"])
    function["name"] = safe_name(function["name"])
    if (is_typeddict(schema) and schema.__doc__ == dict.__doc__) or not function.get("description"):
        function.pop("description", None)
    model = schema.tool_call_schema if is_tool(schema) else schema
    if isinstance(model, type) and issubclass(model, BaseModel):
        function["parameters"] = _recursive(model.model_json_schema()) or function["parameters"]
    return function


def takes_defaults(schema: Any) -> bool:
    """Whether what reads an answer of this schema has defaults for what is missing, and so need not take null for it:
    pydantic's classes, and what arguments are checked by them; not dicts, TypedDicts and dataclasses."""
    if is_tool(schema):
        return not isinstance(schema.args_schema, dict)
    return is_basemodel_subclass(schema) if isinstance(schema, type) else callable(schema)


def is_tool(value: object) -> TypeGuard[BaseTool]:
    """Whether a value is a LangChain tool."""
    return isinstance(value, BaseTool)


def safe_name(name: str) -> str:
    """A name of letters, digits, `_` and `-`, 64 at most.

    >>> safe_name("Box[int]")
    'Box_int'
    """
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", name).strip("_")[:64] or "answer"


def _recursive(schema: Json) -> Json | None:
    """A schema that contains itself, with a plain object at its root, as endpoints want it; None for any other."""
    definitions = schema.get("$defs", {})
    if not any(name in _reached(name, definitions) for name in definitions):
        return None
    return {key: value for key, value in rooted(schema).items() if key not in ("title", "description")}


def _reached(name: str, definitions: Json) -> set[str]:
    """The definitions that one leads to, over any number of steps."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        found = set(_references(definitions[waiting.pop()])) - reached
        reached |= found
        waiting += found
    return reached


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for one in schema for name in _references(one)]
    if not isinstance(schema, dict):
        return []
    own = [_name(schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
    return own + [name for one in schema.values() for name in _references(one)]


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]
