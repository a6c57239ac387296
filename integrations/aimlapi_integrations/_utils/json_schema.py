"""JSON schemas as endpoints accept them: an object at the root, references that resolve, and strict mode.

Models follow a strict schema exactly: every property is required, further ones are not allowed, references have no
sibling keywords, alternatives use `anyOf`, and some keywords are not supported
(https://platform.openai.com/docs/guides/structured-outputs#supported-schemas).
"""

from __future__ import annotations

import json
import re
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


# --- strict mode --------------------------------------------------------------------------------------------------


# Keywords that strict mode rejects. Those in `_DESCRIBED` go into the description instead; what they require is checked
# when the output is parsed.
_DROPPED = frozenset({"default", "discriminator", "$schema"})
_DESCRIBED = frozenset(
    {"minLength", "maxLength", "minProperties", "maxProperties", "uniqueItems", "contains", "minContains"}
    | {"maxContains", "unevaluatedItems", "unevaluatedProperties", "propertyNames"}
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_LOOKAROUND = re.compile(r"\(\?<?[=!]")

# Keywords that change what fits a schema and have no strict equivalent.
_UNSUPPORTED = ("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "prefixItems")
_TYPED = ("type", "$ref", "enum", "const", "properties", "items", *NESTED_LISTS)


def strict_obstacle(schema: Mapping[str, Any]) -> str | None:
    """Describe what prevents a strict version of `schema`; None if nothing does.

    >>> strict_obstacle({"type": "object", "properties": {"ages": {"type": "object", "additionalProperties": True}}})
    "'ages' is an object with keys of any name"
    """
    return _find_obstacle(schema, "the schema")


def _find_obstacle(schema: Any, name: str) -> str | None:
    if not isinstance(schema, Mapping):
        return f"{name} may be anything" if schema is True else None
    for keyword in _UNSUPPORTED:
        if keyword in schema:
            return f"{name} uses {keyword!r}"
    if own := _find_own_obstacle(schema):
        return f"{name} {own}"
    # Objects with properties lose their additionalProperties in strict mode.
    nested = subschemas({key: each for key, each in schema.items() if key != "additionalProperties"})
    named = ((each, name if key in (*NESTED, *NESTED_LISTS) else repr(key)) for key, each in nested)
    return next((obstacle for each, each_name in named if (obstacle := _find_obstacle(each, each_name))), None)


def _find_own_obstacle(schema: Mapping[str, Any]) -> str | None:
    if not any(key in schema for key in _TYPED):
        return "may be anything"
    types = schema.get("type")
    kinds = types if isinstance(types, list) else [types]
    if "object" in kinds and "properties" not in schema and schema.get("additionalProperties") is not False:
        return "is an object with keys of any name"
    if "patternProperties" in schema:
        return "is an object with keys of any name"
    if "array" in kinds and not isinstance(schema.get("items"), Mapping):
        return "is an array of anything"
    if len(schema.get("allOf", ())) > 1 or ("anyOf" in schema and "oneOf" in schema):
        return "combines several schemas"
    return None


def to_strict_schema(schema: Any, *, nullable: bool = True) -> Any:
    """Convert `schema` to its strict version, at every level, without changing the original.

    Args:
        schema: a JSON schema. One without a strict version (see `strict_obstacle`) is returned as is.
        nullable: whether optional properties without a default become nullable. If False, they become required like the
            others: for parsers that accept a missing field, but not null.

    >>> to_strict_schema({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}})["required"]
    ['a']
    """
    if not isinstance(schema, Mapping) or strict_obstacle(schema):
        return schema
    return _StrictConverter(schema, nullable).convert(schema, ())


class _StrictConverter:
    """Converts one schema, part by part."""

    def __init__(self, root: Mapping[str, Any], nullable: bool) -> None:
        self._root = root
        self._nullable = nullable

    def convert(self, schema: Any, refs: tuple[str, ...]) -> Any:
        """Convert `schema`, which was reached by following `refs`."""
        if not isinstance(schema, Mapping):
            return schema
        if ref := local_ref(schema):
            return self._convert_reference(ref, schema, refs)
        schema = _drop_unsupported(schema)
        if len(schema.get("allOf", ())) == 1:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.convert({**schema["allOf"][0], **rest}, refs)
        definitions = {
            key: self._convert_definitions(key, value) for key, value in schema.items() if key in DEFINITIONS
        }
        others = {key: value for key, value in schema.items() if key not in DEFINITIONS}
        strict = {**map_schemas(others, lambda each: self.convert(each, refs)), **definitions}
        return self._close_object(schema, strict) if _is_object(schema) else strict

    def _convert_reference(self, ref: str, schema: Mapping[str, Any], refs: tuple[str, ...]) -> Any:
        """Return a bare reference, or the schema it refers to if it has sibling keywords."""
        siblings = {key: value for key, value in schema.items() if key not in ("$ref", "title", *_DROPPED)}
        if not siblings or ref in refs:
            return {"$ref": ref}
        target = {key: value for key, value in resolve_ref(ref, self._root).items() if key not in DEFINITIONS}
        return self.convert({**target, **siblings}, (*refs, ref))

    def _convert_definitions(self, key: str, definitions: Mapping[str, Any]) -> Json:
        return {name: self.convert(each, (f"#/{key}/{name}",)) for name, each in definitions.items()}

    def _close_object(self, schema: Mapping[str, Any], strict: Json) -> Json:
        """Make every property required, and the ones that were optional nullable."""
        properties = strict.get("properties", {})
        if self._nullable:
            required = {*(schema.get("required") or ()), *_defaulted(schema.get("properties", {}))}
            properties = {name: each if name in required else _make_nullable(each) for name, each in properties.items()}
        return {**strict, "properties": properties, "required": list(properties), "additionalProperties": False}


def _is_object(schema: Mapping[str, Any]) -> bool:
    return "properties" in schema or schema.get("type") == "object"


def _drop_unsupported(schema: Mapping[str, Any]) -> Json:
    """Drop keywords that strict mode rejects, and describe them in words where possible."""
    described = {key: value for key, value in schema.items() if key in _DESCRIBED and not isinstance(value, Mapping)}
    if schema.get("format") not in (None, *_FORMATS):
        described["format"] = schema["format"]
    unsupported = {*_DROPPED, *_DESCRIBED, *described}
    if _LOOKAROUND.search(str(schema.get("pattern", ""))):
        unsupported.add("pattern")
    supported = {key: value for key, value in schema.items() if key not in unsupported}
    if "oneOf" in supported:
        supported["anyOf"] = supported.pop("oneOf")
    return {**supported, **_extend_description(supported, described)}


def _extend_description(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Json:
    words = [schema["description"]] if schema.get("description") else []
    if described:
        words.append(f"({', '.join(f'{key}={value}' for key, value in described.items())})")
    return {"description": " ".join(words)} if words else {}


def _defaulted(properties: Mapping[str, Any]) -> list[str]:
    """Return the properties with a default, which need no null: their parsers fill in the default."""
    return [name for name, each in properties.items() if isinstance(each, dict) and each.get("default") is not None]


def _make_nullable(schema: Any) -> Any:
    if not isinstance(schema, dict) or _accepts_null(schema):
        return schema
    if isinstance(schema.get("type"), str) and "enum" not in schema and "const" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


def _accepts_null(schema: Json) -> bool:
    kinds = schema.get("type")
    return (
        kinds == "null"
        or (isinstance(kinds, list) and "null" in kinds)
        or any(map(_accepts_null, schema.get("anyOf", ())))
    )
