"""A JSON schema that a model can be held to exactly.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas: every property is required, what was
optional may be null instead, and no further properties are allowed, save in maps, which have nothing but such.
"""

from __future__ import annotations

from typing import Any

from ..conversation import Json

_NESTED = ("items", "additionalProperties", "not")
_NESTED_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
_NESTED_MAPS = ("properties", "$defs", "definitions")


def strict_schema(schema: Any) -> Any:
    """`schema` made strict, at every level; the one given is not changed.

    >>> strict_schema({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}})["required"]
    ['a']
    """
    if not isinstance(schema, dict):
        return schema
    strict = {key: _nested(key, value) for key, value in schema.items() if key != "default"}
    return _closed(strict, schema.get("required") or ()) if "properties" in strict else strict


def _nested(key: str, value: Any) -> Any:
    if key in _NESTED:
        return strict_schema(value)
    if key in _NESTED_LISTS:
        return [strict_schema(one) for one in value]
    if key in _NESTED_MAPS:
        return {name: strict_schema(one) for name, one in value.items()}
    return value


def _closed(schema: Json, required: Any) -> Json:
    properties = {name: one if name in required else _nullable(one) for name, one in schema["properties"].items()}
    return {**schema, "properties": properties, "required": list(properties), "additionalProperties": False}


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
