"""JSON schemas as endpoints accept them: an object at the root, and references that resolve."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from ..errors import UnsupportedParameterError
from ..types import Json

Output = TypeVar("Output")

DEFINITIONS = ("$defs", "definitions")

# Keywords whose values are schemas, lists of schemas, and schemas by name.
NESTED = (
    *("items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties"),
    *("not", "if", "then", "else"),
)
NESTED_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems", "items")
NESTED_MAPS = ("properties", "patternProperties", "dependentSchemas", *DEFINITIONS)

WRAPPER_FIELD = "root"
"""The only property of the object that wraps a value which isn't an object. Pydantic's RootModels accept it by this
name, so `Names(**arguments)` works in programs that don't know about the wrapper."""

_MAX_NESTING = 3
_MAX_INLINED = 20_000


# --- references ---------------------------------------------------------------------------------------------------


def resolve_ref(ref: str, root: Mapping[str, Any]) -> Json:
    """Return the schema that `ref` points to within `root`.

    Raises:
        UnsupportedParameterError: it isn't defined.

    >>> resolve_ref("#/$defs/A", {"$defs": {"A": {"type": "string"}}})
    {'type': 'string'}
    """
    target: Any = root
    for key in ref.split("/")[1:]:
        name = key.replace("~1", "/").replace("~0", "~")
        items = dict(enumerate(target)) if isinstance(target, list) else {}
        target = target.get(name) if isinstance(target, Mapping) else items.get(int(name) if name.isdecimal() else -1)
    if not isinstance(target, Mapping):
        raise UnsupportedParameterError(f"The schema refers to {ref}, which it does not define: add the definition.")
    return dict(target)


def local_ref(schema: Mapping[str, Any]) -> str | None:
    """Return the reference of `schema` if it points into the same document."""
    ref = schema.get("$ref")
    return ref if isinstance(ref, str) and ref.startswith("#") else None


def map_schemas(schema: Mapping[str, Any], change: Callable[[Any], Any]) -> Json:
    """Copy `schema` with `change` applied to each schema directly below it."""
    return {key: _map_keyword(key, value, change) for key, value in schema.items()}


def _map_keyword(key: str, value: Any, change: Callable[[Any], Any]) -> Any:
    match value:
        case list() if key in NESTED_LISTS:
            return [change(each) for each in value]
        case Mapping() if key in NESTED_MAPS:
            return {name: change(each) for name, each in value.items()}
        case Mapping() if key in NESTED:
            return change(value)
    return value


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the schemas directly below `schema`, each with the name of its property or keyword."""
    for key, value in schema.items():
        match value:
            case list() if key in NESTED_LISTS:
                yield from ((key, each) for each in value)
            case Mapping() if key in NESTED_MAPS:
                yield from value.items()
            case Mapping() if key in NESTED:
                yield key, value


def is_recursive(schema: Mapping[str, Any]) -> bool:
    """Return whether a part of `schema` contains itself, over any number of references."""

    def contains_itself(part: Any, refs: tuple[str, ...]) -> bool:
        if not isinstance(part, Mapping):
            return False
        ref = local_ref(part)
        if ref is None:
            return any(contains_itself(each, refs) for _, each in subschemas(_without_definitions(part)))
        if ref in refs:
            return True
        if ref in checked:
            return False
        recursive = contains_itself(resolve_ref(ref, schema), (*refs, ref))
        checked.add(ref)
        return recursive

    checked: set[str] = set()
    return contains_itself(schema, ("#",))


def _without_definitions(schema: Mapping[str, Any]) -> Json:
    return {key: value for key, value in schema.items() if key not in DEFINITIONS}


def inline_schema_refs(schema: Mapping[str, Any]) -> Json:
    """Replace the references in `schema` with what they refer to, and drop its definitions.

    A recursive schema is expanded a few levels deep, fewer if it branches much. Below that, only types and descriptions
    remain.

    Raises:
        UnsupportedParameterError: a referenced schema isn't defined.

    >>> inline_schema_refs({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}})
    {'properties': {'a': {'type': 'string'}}}
    """
    for depth in range(_MAX_NESTING if is_recursive(schema) else 1, 0, -1):
        inlined = _inline(_without_definitions(schema), schema, (), depth)
        if depth == 1 or len(json.dumps(inlined, default=str)) <= _MAX_INLINED:
            break
    return dict(inlined)


def _inline(part: Any, root: Mapping[str, Any], refs: tuple[str, ...], depth: int) -> Any:
    if not isinstance(part, Mapping):
        return part
    ref = local_ref(part)
    if ref is None:
        return map_schemas(part, lambda each: _inline(each, root, refs, depth))
    target = _without_definitions(resolve_ref(ref, root))
    siblings = {key: value for key, value in part.items() if key != "$ref"}
    if refs.count(ref) >= depth:
        return {**{key: target[key] for key in ("type", "description") if key in target}, **siblings}
    return _inline({**target, **siblings}, root, (*refs, ref), depth)


# --- an object at the root ----------------------------------------------------------------------------------------


def object_schema(schema: Mapping[str, Any]) -> Json:
    """Put an object at the root of `schema`: the object that it refers to, or else one that wraps it.

    >>> object_schema({"$ref": "#/$defs/Tree", "$defs": {"Tree": {"type": "object"}}})
    {'type': 'object', '$defs': {'Tree': {'type': 'object'}}}
    >>> object_schema({"type": "array"})
    {'type': 'object', 'properties': {'root': {'type': 'array'}}, 'required': ['root']}
    """
    if not is_object_schema(schema):
        return wrap_schema(schema)
    root = _without_definitions(schema)
    while ref := local_ref(root):
        target = _without_definitions(resolve_ref(ref, schema))
        root = {**target, **{key: value for key, value in root.items() if key != "$ref"}}
    root.setdefault("type", "object")
    return {**root, **{key: schema[key] for key in DEFINITIONS if key in schema}}


def is_object_schema(schema: Mapping[str, Any]) -> bool:
    """Return whether only objects fit `schema`, so that it needs no wrapper."""
    refs: set[str] = set()
    root = schema
    while (ref := local_ref(schema)) and ref not in refs:
        refs.add(ref)
        schema = resolve_ref(ref, root)
    return bool(schema.get("type", "object" if "properties" in schema else None) == "object")


def wrap_schema(schema: Mapping[str, Any]) -> Json:
    """Wrap `schema` in an object whose only property is `WRAPPER_FIELD`."""
    definitions = {key: schema[key] for key in DEFINITIONS if key in schema}
    properties = {WRAPPER_FIELD: _without_definitions(schema)}
    return {"type": "object", "properties": properties, "required": [WRAPPER_FIELD], **definitions}


def read_unwrapped(value: Any, read: Callable[[Any], Output]) -> Output:
    """Apply `read` to the value inside the wrapper of `wrap_schema`, or to the whole: models may omit the wrapper.

    Raises:
        ValueError: `read` accepts neither.
    """
    if not isinstance(value, dict) or value.keys() != {WRAPPER_FIELD}:
        return read(value)
    try:
        return read(value[WRAPPER_FIELD])
    except ValueError:
        with suppress(ValueError):
            return read(value)
        raise


# --- titles -------------------------------------------------------------------------------------------------------


def without_titles(schema: Any) -> Any:
    """Drop the titles that pydantic derives from names."""
    if not isinstance(schema, Mapping):
        return schema
    return map_schemas({key: value for key, value in schema.items() if key != "title"}, without_titles)
