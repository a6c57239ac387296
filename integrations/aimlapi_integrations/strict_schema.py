"""A JSON schema that a model can be held to exactly.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas: every property is required and no further
ones are allowed, save in maps, which have nothing but such.
"""

from __future__ import annotations

from typing import Any

from .conversation import Json

_NESTED = ("items", "additionalProperties", "not")
_NESTED_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
_NESTED_MAPS = ("properties", "$defs", "definitions")


def rooted(schema: Json) -> Json:
    """`schema` with an object at its root, as endpoints want it, where that only refers to one: pydantic writes so the
    schema of a class that contains itself.

    >>> rooted({"$ref": "#/$defs/Tree", "$defs": {"Tree": {"type": "object"}}})
    {'type': 'object', '$defs': {'Tree': {'type': 'object'}}}
    """
    if "$ref" not in schema:
        return schema
    definitions = schema["$defs"]
    return {**definitions[schema["$ref"].rpartition("/")[2]], "$defs": definitions}


def strict_schema(schema: Any, *, nullable: bool = True) -> Any:
    """`schema` made strict, at every level; the one given is not changed.

    Args:
        schema: a JSON schema, or what stands where one may.
        nullable: whether what was optional may be null instead, unless it has a default. Else it must be there like the
            rest: for readers that take a default where a field is missing, but no null.

    >>> strict_schema({"type": "object", "properties": {"a": {"type": "integer", "default": 1}}})["required"]
    ['a']
    """
    if not isinstance(schema, dict):
        return schema
    strict = {key: _nested(key, value, nullable) for key, value in schema.items() if key != "default"}
    if "properties" not in strict:
        return strict
    there = [*(schema.get("required") or ()), *_defaulted(schema["properties"])] if nullable else strict["properties"]
    return _closed(strict, there)


def _defaulted(properties: Json) -> list[str]:
    """Properties whose readers take a value of their own where there is none, and so no null."""
    return [name for name, one in properties.items() if isinstance(one, dict) and one.get("default") is not None]


def _nested(key: str, value: Any, nullable: bool) -> Any:
    if key in _NESTED:
        return strict_schema(value, nullable=nullable)
    if key in _NESTED_LISTS:
        return [strict_schema(one, nullable=nullable) for one in value]
    if key in _NESTED_MAPS:
        return {name: strict_schema(one, nullable=nullable) for name, one in value.items()}
    return value


def _closed(schema: Json, required: Any) -> Json:
    """With every property required; those that were not, nullable."""
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
