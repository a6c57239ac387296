"""TypedDicts as pydantic reads them, on every Python.

LangChain's own way goes through pydantic 1, which knows no `NotRequired` and no classes of pydantic 2; pydantic 2 takes
no `typing.TypedDict` before Python 3.12, and warns of `ReadOnly`. So each is rebuilt as one of `typing_extensions`, and
LangChain's `Annotated[type, default, "description"]` as pydantic's fields.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, NamedTuple, TypeGuard, Union, get_args, get_origin

from langchain_core.tools import BaseTool
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
from ..types import Json

_QUALIFIERS = (Required, NotRequired, ReadOnly)


def is_typed_dict(schema: Any) -> bool:
    """Whether `schema` is a TypedDict class, or a generic one with its types (`Page[int]`)."""
    return is_typeddict(schema) or is_typeddict(get_origin(schema))


def rebuilt(annotation: Any, known: dict[Any, Any] | None = None) -> Any:
    """`annotation` with each TypedDict in it as pydantic takes it.

    Args:
        annotation: a TypedDict class, or any type that may contain some.
        known: those that have been rebuilt already, also while this is at work: they may contain themselves.

    Raises:
        NameError: an annotation that names what cannot be resolved.
        TypeError: a description that is no text.
    """
    known = {} if known is None else known
    if is_typed_dict(annotation):
        return known[annotation] if annotation in known else _rebuilt_class(annotation, known)
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if not arguments or origin is None:
        return annotation
    if origin is Annotated:
        return Annotated[(rebuilt(arguments[0], known), *arguments[1:])]
    changed = tuple(rebuilt(each, known) for each in arguments)
    if all(new is old for new, old in zip(changed, arguments, strict=True)):
        return annotation
    if origin in (Union, types.UnionType):
        return Union[changed]  # noqa: UP007  # not known before
    return annotation.copy_with(changed) if hasattr(annotation, "copy_with") else origin[changed]


def _rebuilt_class(typed_dict: Any, known: dict[Any, Any]) -> Any:
    origin = get_origin(typed_dict) or typed_dict
    new: Any = TypedDict(_class_name(typed_dict), {})  # type: ignore[misc]
    new.__doc__, described = docstring_parts(origin)
    known[typed_dict] = new
    variables = dict(zip(getattr(origin, "__parameters__", ()), get_args(typed_dict), strict=False))
    hints = {
        name: _field(_filled(hint, variables), name in origin.__required_keys__, described.get(name), known)
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


def _filled(hint: Any, variables: Mapping[Any, Any]) -> Any:
    """`hint` with the types that a generic class was given."""
    if hint in variables:
        return variables[hint]
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(variables.get(each, each) for each in parameters)] if parameters and variables else hint


def _field(hint: Any, required: bool, description: str | None, known: dict[Any, Any]) -> Any:
    """A field's type, whether it must be there told by `NotRequired` alone."""
    hint, qualifiers, metadata = _parted(hint)
    required = Required in qualifiers or (required and NotRequired not in qualifiers)
    kind = rebuilt(hint, known)
    if metadata and any(_is_pydantics(each) for each in metadata):
        kind = Annotated[(kind, *metadata)]
    elif metadata or description:
        default, told = (*metadata, ..., None)[:2] if len(metadata) < 2 else metadata[:2]
        if told is not None and not isinstance(told, str):
            raise TypeError(f"Annotated's third argument describes the field: it must be text, not {told!r}.")
        required = required and default is ...
        extra = None if default is ... else {"default": default}
        kind = Annotated[kind, Field(description=description or told, json_schema_extra=extra)]
    return kind if required else NotRequired[kind]


def _parted(hint: Any) -> tuple[Any, list[Any], tuple[Any, ...]]:
    """The type itself, its qualifiers, and what `Annotated` says of it, however they enclose each other."""
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


def _is_pydantics(metadata: Any) -> bool:
    """Whether it is meant for pydantic: a `Field`, or a constraint."""
    return type(metadata).__module__.partition(".")[0] in ("pydantic", "annotated_types")


def docstring_parts(described: Any) -> tuple[str | None, dict[str, str]]:
    """What a class's own docstring says of it, and under `Args:`, as Google writes them, of its fields."""
    text = inspect.cleandoc(described.__doc__ or "")
    if not text or text == inspect.cleandoc(dict.__doc__ or ""):
        return None, {}
    blocks = text.split("\n\n")
    places = [place for place, block in enumerate(blocks) if block.startswith(("Args:", "Returns:", "Example:"))]
    description = " ".join(blocks[: places[0]] if places else blocks).strip()
    arguments = next((block for block in blocks if block.startswith("Args:")), "")
    return description or None, _argument_texts(arguments.split("\n")[1:])


def _argument_texts(lines: list[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    name = ""
    for line in lines:
        head, colon, text = line.partition(":")
        if colon and head.strip():
            name = head.split("(")[0].strip()
            texts[name] = text.strip()
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}"
    return texts


ANSWER = "answer"
"""What a form of answer is called that has no name of its own."""


class _Described(NamedTuple):
    name: str
    description: str | None
    schema: Json


def function_schema(schema: Any) -> Json:
    """`name`, `description` (if there is one) and `parameters` of a class, type, function, LangChain tool or dict.

    Raises:
        ValueError: there is no JSON schema of it.

    >>> function_schema({"title": "Joke", "type": "object", "properties": {"setup": {"type": "string"}}})["name"]
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
    """Whether answers of a schema are no objects, so that `function_schema` puts an object around them."""
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
