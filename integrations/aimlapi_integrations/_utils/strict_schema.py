"""JSON schemas for strict mode, which models follow exactly.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas: every property is required, further ones
are not allowed, references have no sibling keywords, alternatives use `anyOf`, and some keywords are not supported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..types import Json
from .json_schema import DEFINITIONS, NESTED, NESTED_LISTS, local_ref, map_schemas, resolve_ref, subschemas

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


# --- schemas without a strict equivalent --------------------------------------------------------------------------


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


# --- conversion ---------------------------------------------------------------------------------------------------


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
