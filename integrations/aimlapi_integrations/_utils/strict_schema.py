"""A JSON schema that a model can be held to exactly.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas: every property is required and no further
ones are allowed, nothing stands beside a reference, alternatives are `anyOf`, and a part of the keywords is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..types import Json
from .json_schema import DEFINITIONS, NESTED, NESTED_LISTS, local_ref, map_schemas, resolve_ref, subschemas

# Keywords that are refused under strict, and say nothing or what the reader of the answer checks anyway.
_DROPPED = frozenset({"default", "discriminator", "$schema"})
_NOTED = frozenset(
    {"minLength", "maxLength", "minProperties", "maxProperties", "uniqueItems", "contains", "minContains"}
    | {"maxContains", "unevaluatedItems", "unevaluatedProperties", "propertyNames"}
)
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_LOOKAROUND = re.compile(r"\(\?<?[=!]")

# Keywords that change what fits a schema, and have no strict form.
_INEXPRESSIBLE = ("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "prefixItems")
_TYPED = ("type", "$ref", "enum", "const", "properties", "items", *NESTED_LISTS)


# --- what strict cannot express -----------------------------------------------------------------------------------


def strict_obstacle(schema: Mapping[str, Any]) -> str | None:
    """What no strict schema can express in this one; None where nothing hinders.

    >>> strict_obstacle({"type": "object", "properties": {"ages": {"type": "object", "additionalProperties": True}}})
    "'ages' is an object with keys of any name"
    """
    return _obstacle(schema, "the schema")


def _obstacle(schema: Any, name: str) -> str | None:
    if not isinstance(schema, Mapping):
        return f"{name} may be anything" if schema is True else None
    for keyword in _INEXPRESSIBLE:
        if keyword in schema:
            return f"{name} uses {keyword!r}"
    if own := _own_obstacle(schema):
        return f"{name} {own}"
    further = ((each, name if key in (*NESTED, *NESTED_LISTS) else repr(key)) for key, each in _constrained(schema))
    return next((obstacle for each, called in further if (obstacle := _obstacle(each, called))), None)


def _constrained(schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The schemas below, without those of keys beyond the properties: strict closes an object that has such."""
    return list(subschemas({key: each for key, each in schema.items() if key != "additionalProperties"}))


def _own_obstacle(schema: Mapping[str, Any]) -> str | None:
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


# --- the strict form ----------------------------------------------------------------------------------------------


def to_strict_schema(schema: Any, *, nullable: bool = True) -> Any:
    """`schema` made strict, at every level; the one given is not changed.

    Args:
        schema: a JSON schema. One that has no strict form (see `strict_obstacle`) is returned as it is.
        nullable: whether what was optional may be null instead, unless it has a default. Else it must be there like the
            rest: for readers that take a default where a field is missing, but no null.

    >>> to_strict_schema({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}})["required"]
    ['a']
    """
    if not isinstance(schema, Mapping) or strict_obstacle(schema):
        return schema
    return _Strict(schema, nullable).convert(schema, ())


class _Strict:
    """The strict form of the parts of one schema."""

    def __init__(self, root: Mapping[str, Any], nullable: bool) -> None:
        self._root = root
        self._nullable = nullable

    def convert(self, schema: Any, refs: tuple[str, ...]) -> Any:
        """`schema`, where `refs` are the references that have been followed to it."""
        if not isinstance(schema, Mapping):
            return schema
        if ref := local_ref(schema):
            return self._reference(ref, schema, refs)
        schema = _supported(schema)
        if len(schema.get("allOf", ())) == 1:
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return self.convert({**schema["allOf"][0], **rest}, refs)
        strict = {key: self._definitions(key, value) for key, value in schema.items() if key in DEFINITIONS}
        below = {key: value for key, value in schema.items() if key not in DEFINITIONS}
        strict = {**map_schemas(below, lambda each: self.convert(each, refs)), **strict}
        return self._closed(schema, strict) if _is_object(schema) else strict

    def _reference(self, ref: str, schema: Mapping[str, Any], refs: tuple[str, ...]) -> Any:
        """A reference alone, or what it refers to where something is stated beside it."""
        siblings = {key: value for key, value in schema.items() if key not in ("$ref", "title", *_DROPPED)}
        if not siblings or ref in refs:
            return {"$ref": ref}
        target = {key: value for key, value in resolve_ref(ref, self._root).items() if key not in DEFINITIONS}
        return self.convert({**target, **siblings}, (*refs, ref))

    def _definitions(self, key: str, definitions: Mapping[str, Any]) -> Json:
        return {name: self.convert(each, (f"#/{key}/{name}",)) for name, each in definitions.items()}

    def _closed(self, schema: Mapping[str, Any], strict: Json) -> Json:
        """With every property required; those that were not, nullable."""
        properties = strict.get("properties", {})
        if self._nullable:
            required = {*(schema.get("required") or ()), *_defaulted(schema.get("properties", {}))}
            properties = {name: one if name in required else _nullable(one) for name, one in properties.items()}
        return {**strict, "properties": properties, "required": list(properties), "additionalProperties": False}


def _is_object(schema: Mapping[str, Any]) -> bool:
    return "properties" in schema or schema.get("type") == "object"


def _supported(schema: Mapping[str, Any]) -> Json:
    """The keywords that strict schemas have; of those that they lack, what the model can be told in words."""
    noted = {key: value for key, value in schema.items() if key in _NOTED and not isinstance(value, Mapping)}
    if schema.get("format") not in (None, *_FORMATS):
        noted["format"] = schema["format"]
    unsupported = {*_DROPPED, *_NOTED, *noted}
    if _LOOKAROUND.search(str(schema.get("pattern", ""))):
        unsupported.add("pattern")
    supported = {key: value for key, value in schema.items() if key not in unsupported}
    if "oneOf" in supported:
        supported["anyOf"] = supported.pop("oneOf")
    return {**supported, **_description(supported, noted)}


def _description(schema: Mapping[str, Any], noted: Mapping[str, Any]) -> Json:
    words = [schema["description"]] if schema.get("description") else []
    if noted:
        words.append(f"({', '.join(f'{key}={value}' for key, value in noted.items())})")
    return {"description": " ".join(words)} if words else {}


def _defaulted(properties: Mapping[str, Any]) -> list[str]:
    """Properties whose readers take a value of their own where there is none, and so no null."""
    return [name for name, one in properties.items() if isinstance(one, dict) and one.get("default") is not None]


def _nullable(schema: Any) -> Any:
    """`schema`, or null."""
    if not isinstance(schema, dict) or _takes_null(schema):
        return schema
    if isinstance(schema.get("type"), str) and "enum" not in schema and "const" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


def _takes_null(schema: Json) -> bool:
    kinds = schema.get("type")
    return (
        kinds == "null"
        or (isinstance(kinds, list) and "null" in kinds)
        or any(map(_takes_null, schema.get("anyOf", ())))
    )
