"""JSON schemas of classes, types, functions, LangChain tools and dicts, for tools and structured output.

Pydantic reads TypedDicts here, on every Python. LangChain's own conversion uses pydantic 1, which supports neither
`NotRequired` nor classes of pydantic 2; pydantic 2 doesn't support `typing.TypedDict` before Python 3.12, and warns
about `ReadOnly`. So each TypedDict is rebuilt as one of `typing_extensions`, and LangChain's
`Annotated[type, default, "description"]` as a pydantic field.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeGuard, Union, get_args, get_origin

from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.errors import PydanticUserError
from typing_extensions import (
    NotRequired,
    ReadOnly,
    Required,
    TypedDict,
    get_type_hints,
    is_typeddict,
)

from .._utils.json_schema import (
    inline_schema_refs,
    is_object_schema,
    is_recursive,
    object_schema,
    without_titles,
    wrap_schema,
)
from ..client.openai_format import parse_tool
from ..types import HostedTool, Json, Tool

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool as BaseTool
else:  # a base of it: importing core's tools takes a seventh of the import of `ChatAIMLAPI`
    from langchain_core.runnables import Runnable as BaseTool

_JSON_TYPES = ("array", "boolean", "integer", "null", "number", "string")

_QUALIFIERS = (Required, NotRequired, ReadOnly)


def is_typed_dict(schema: Any) -> bool:
    """Return whether `schema` is a TypedDict class, or a generic one with type arguments (`Page[int]`)."""
    return is_typeddict(schema) or is_typeddict(get_origin(schema))


def rebuild_typed_dicts(annotation: Any, rebuilt: dict[Any, Any] | None = None) -> Any:
    """Return `annotation` with each TypedDict in it rebuilt for pydantic.

    Args:
        annotation: a TypedDict class, or any type that may contain some.
        rebuilt: the classes that are already rebuilt, or being rebuilt: a class may contain itself.

    Raises:
        NameError: an annotation contains a name that can't be resolved.
        TypeError: a description is not a string.
    """
    rebuilt = {} if rebuilt is None else rebuilt
    if is_typed_dict(annotation):
        return rebuilt[annotation] if annotation in rebuilt else _rebuild_class(annotation, rebuilt)
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if not arguments or origin is None:
        return annotation
    if origin is Annotated:
        return Annotated[(rebuild_typed_dicts(arguments[0], rebuilt), *arguments[1:])]
    changed = tuple(rebuild_typed_dicts(argument, rebuilt) for argument in arguments)
    if all(new is old for new, old in zip(changed, arguments, strict=True)):
        return annotation
    if origin in (Union, types.UnionType):
        return Union[changed]  # noqa: UP007  # built at run time
    return annotation.copy_with(changed) if hasattr(annotation, "copy_with") else origin[changed]


def _rebuild_class(typed_dict: Any, rebuilt: dict[Any, Any]) -> Any:
    origin = get_origin(typed_dict) or typed_dict
    new: Any = TypedDict(_class_name(typed_dict), {})  # type: ignore[misc]
    new.__doc__, descriptions = parse_docstring(origin)
    rebuilt[typed_dict] = new
    variables = dict(zip(getattr(origin, "__parameters__", ()), get_args(typed_dict), strict=False))
    hints = {
        name: _rebuild_field(
            _substitute(hint, variables), name in origin.__required_keys__, descriptions.get(name), rebuilt
        )
        for name, hint in get_type_hints(origin, include_extras=True).items()
    }
    new.__annotations__ = hints
    new.__required_keys__ = frozenset(name for name, hint in hints.items() if get_origin(hint) is not NotRequired)
    new.__optional_keys__ = frozenset(hints) - new.__required_keys__
    return new


def _class_name(typed_dict: Any) -> str:
    arguments = ", ".join(getattr(each, "__name__", str(each)) for each in get_args(typed_dict))
    name: str = (get_origin(typed_dict) or typed_dict).__name__
    return f"{name}[{arguments}]" if arguments else name


def _substitute(hint: Any, variables: Mapping[Any, Any]) -> Any:
    """Replace the type variables in `hint` with the arguments of the generic class."""
    if hint in variables:
        return variables[hint]
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(variables.get(each, each) for each in parameters)] if parameters and variables else hint


def _rebuild_field(hint: Any, required: bool, description: str | None, rebuilt: dict[Any, Any]) -> Any:
    """Return the type of a field, which `NotRequired` alone marks as optional."""
    hint, qualifiers, metadata = _split_annotation(hint)
    required = Required in qualifiers or (required and NotRequired not in qualifiers)
    field_type = rebuild_typed_dicts(hint, rebuilt)
    if metadata and any(map(_is_pydantic_metadata, metadata)):
        field_type = Annotated[(field_type, *metadata)]
    elif metadata or description:
        default, text = (*metadata, ..., None)[:2] if len(metadata) < 2 else metadata[:2]
        if text is not None and not isinstance(text, str):
            raise TypeError(f"Annotated's third argument is the field's description: it must be a str, not {text!r}.")
        required = required and default is ...
        extra = None if default is ... else {"default": default}
        field_type = Annotated[field_type, Field(description=description or text, json_schema_extra=extra)]
    return field_type if required else NotRequired[field_type]


def _split_annotation(hint: Any) -> tuple[Any, list[Any], tuple[Any, ...]]:
    """Return the type itself, its qualifiers, and the metadata of `Annotated`, in whatever order they are nested."""
    qualifiers: list[Any] = []
    metadata: tuple[Any, ...] = ()
    while (origin := get_origin(hint)) in (*_QUALIFIERS, Annotated):
        if origin is Annotated:
            metadata = (*hint.__metadata__, *metadata)
            hint = hint.__origin__
        else:
            qualifiers.append(origin)
            [hint] = get_args(hint)
    return hint, qualifiers, metadata


def _is_pydantic_metadata(metadata: Any) -> bool:
    """Return whether metadata is meant for pydantic: a `Field` or a constraint."""
    return type(metadata).__module__.partition(".")[0] in ("pydantic", "annotated_types")


def parse_docstring(cls: Any) -> tuple[str | None, dict[str, str]]:
    """Return a class's description from its own docstring, and those of its fields from a Google-style `Args:`."""
    text = inspect.cleandoc(cls.__doc__ or "")
    if not text or text == inspect.cleandoc(dict.__doc__ or ""):
        return None, {}
    blocks = text.split("\n\n")
    sections = [index for index, block in enumerate(blocks) if block.startswith(("Args:", "Returns:", "Example:"))]
    description = " ".join(blocks[: sections[0]] if sections else blocks).strip()
    arguments = next((block for block in blocks if block.startswith("Args:")), "")
    return description or None, _parse_arguments_section(arguments.split("\n")[1:])


def _parse_arguments_section(lines: list[str]) -> dict[str, str]:
    descriptions: dict[str, str] = {}
    name = ""
    for line in lines:
        head, colon, text = line.partition(":")
        if colon and head.strip():
            name = head.split("(")[0].strip()
            descriptions[name] = text.strip()
        elif name:
            descriptions[name] = f"{descriptions[name]} {line.strip()}"
    return descriptions


DEFAULT_NAME = "answer"
"""The name of a response format whose schema has no name."""


class _Description(NamedTuple):
    name: str
    description: str | None
    schema: Json


def function_schema(schema: Any) -> Json:
    """Return `name`, `description` (if any) and `parameters` of a class, type, function, LangChain tool or dict.

    Raises:
        ValueError: the value has no JSON schema.

    >>> function_schema({"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}})["name"]
    'Joke'
    """
    if isinstance(schema, dict):
        return _function_from_dict(schema)
    if _is_single_input_tool(schema):
        return _drop_empty_description(dict(convert_to_openai_tool(schema)["function"]))
    description = _describe(schema)
    parameters = _clean_schema(description.schema)
    return _drop_empty_description(
        {
            "name": description.name,
            "description": description.description,
            "parameters": wrap_schema(parameters) if _needs_wrapper(schema, parameters) else parameters,
        }
    )


def _function_from_dict(schema: Json) -> Json:
    tool = parse_tool_dict(schema)
    if not isinstance(tool, Tool):
        reason = (
            "not that of an object" if schema.get("type") in _JSON_TYPES else "that of a tool that the gateway runs"
        )
        raise ValueError(f"The schema {schema!r} is {reason}.")  # noqa: TRY004  # a wrong dict
    fields = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    return {name: value for name, value in fields.items() if value is not None}


def parse_tool_dict(tool: Mapping[str, Any]) -> Tool | HostedTool:
    """Parse a tool in the form of Bedrock, or in any form that `parse_tool` supports.

    Raises:
        ValueError: the dict is not a tool.
    """
    match tool:
        case {"toolSpec": {"name": str(name)} as spec}:
            schema = (spec.get("inputSchema") or {}).get("json")
            return Tool(name, spec.get("description"), schema, extra=_top_level_markers(tool))
        case {"title": str()}:
            parsed = parse_tool(tool)
            return dataclasses.replace(parsed, extra=_top_level_markers(tool)) if isinstance(parsed, Tool) else parsed
    return parse_tool(tool)


def _top_level_markers(tool: Mapping[str, Any]) -> Json:
    return {name: tool[name] for name in ("cache_control", "defer_loading") if name in tool}


def is_wrapped(schema: Any) -> bool:
    """Return whether values of a schema are not objects, so that `function_schema` wraps them in one."""
    return not isinstance(schema, dict) and _needs_wrapper(schema, _describe(schema).schema)


def _needs_wrapper(schema: Any, json_schema: Json) -> bool:
    kind = kind_of(schema)
    return kind == "type" or (kind == "model" and not is_object_schema(json_schema))


def _drop_empty_description(function: Json) -> Json:
    return {key: value for key, value in function.items() if key != "description" or value}


def _describe(schema: Any) -> _Description:
    try:
        return _DESCRIBERS[kind_of(schema)](schema)
    except (PydanticUserError, NameError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{schema!r} has no JSON schema: {reason}") from error


def _clean_schema(schema: Json) -> Json:
    """Return a schema for endpoints: without titles, and with its references inlined unless it is recursive."""
    cleaned = {key: value for key, value in without_titles(schema).items() if key != "description"}
    if not is_recursive(cleaned):
        return inline_schema_refs(cleaned)
    if "$ref" not in cleaned or not is_object_schema(cleaned):
        return cleaned
    return {key: value for key, value in object_schema(cleaned).items() if key != "description"}


# --- kinds of schema ----------------------------------------------------------------------------------------------


def kind_of(schema: Any) -> str:
    """Return the kind of a schema: `model`, `typed_dict`, `dataclass`, `tool`, `type` or `function`.

    Raises:
        ValueError: the value is none of these.
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
    raise ValueError(f"{schema!r} is not a schema: pass a class, a type, a function or a dict with a JSON schema.")


def _is_type(schema: Any) -> bool:
    """Return whether a schema is a type without fields: a union, a list of something, an enum, a number."""
    if get_origin(schema) is not None or hasattr(schema, "__value__"):
        return True
    return isinstance(schema, type) and (schema.__module__ == "builtins" or issubclass(schema, Enum))


def _describe_model(model: Any) -> _Description:
    schema = model.model_json_schema() if issubclass(model, BaseModel) else model.schema()
    return _Description(schema.get("title") or model.__name__, schema.get("description"), schema)


def _describe_typed_dict(typed_dict: Any) -> _Description:
    rebuilt = rebuild_typed_dicts(typed_dict)
    description, _ = parse_docstring(get_origin(typed_dict) or typed_dict)
    return _Description(rebuilt.__name__, description, TypeAdapter(rebuilt).json_schema())


def _describe_dataclass(dataclass: Any) -> _Description:
    cls = get_origin(dataclass) or dataclass
    schema = TypeAdapter(dataclass).json_schema()
    description = cls.__doc__ if cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(") else None
    return _Description(schema.get("title") or cls.__name__, description, schema)


def _describe_type(annotation: Any) -> _Description:
    schema = TypeAdapter(rebuild_typed_dicts(annotation)).json_schema()
    return _Description(DEFAULT_NAME, schema.get("description"), schema)


def _describe_function(function: Any) -> _Description:
    from langchain_core.tools.base import create_schema_from_function

    name = getattr(function, "__name__", type(function).__name__)
    model = create_schema_from_function(
        name, function, filter_args=(), parse_docstring=True, error_on_invalid_docstring=False, include_injected=False
    )
    description = _describe_model(model)
    return description._replace(name=name, description=model.__doc__ or description.description)


def _describe_tool(tool: BaseTool) -> _Description:
    args_schema = tool.tool_call_schema
    schema = args_schema if isinstance(args_schema, dict) else _describe_model(args_schema).schema
    return _Description(tool.name, tool.description, schema)


_DESCRIBERS: Mapping[str, Callable[[Any], _Description]] = {
    "model": _describe_model,
    "typed_dict": _describe_typed_dict,
    "dataclass": _describe_dataclass,
    "type": _describe_type,
    "function": _describe_function,
    "tool": _describe_tool,
}


# --- what validates the values ------------------------------------------------------------------------------------


def supports_defaults(schema: Any) -> bool:
    """Return whether missing values get their defaults, so that the model need not write null for them.

    Pydantic classes and functions apply defaults; dicts, TypedDicts and dataclasses don't.
    """
    if isinstance(schema, Mapping):
        return False
    if is_tool(schema):
        return not isinstance(schema.args_schema, dict)
    return kind_of(schema) in ("model", "type", "function")


def is_tool(value: object) -> TypeGuard[BaseTool]:
    """Return whether a value is a LangChain tool."""
    from langchain_core import tools

    return isinstance(value, tools.BaseTool)


def _is_single_input_tool(value: object) -> bool:
    """Return whether a value is a tool with one unnamed string argument, for which core has a schema of its own."""
    from langchain_core.tools import Tool as SingleInputTool

    return isinstance(value, SingleInputTool) and not value.args_schema
