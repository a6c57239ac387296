"""The request schema in an OpenAPI document: without references, and as one object that lists every field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

_MAX_DEPTH = 40
"""Deeper schemas are cut off, which accepts anything. References may be circular."""


def request_schema(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of the only request that a document of `GET /docs-json` describes.

    A body may be a union with a variant for each of the gateway's fallback providers. Their union is returned.

    Raises:
        ValueError: the document describes no JSON request, or the request is not an object with fields.
    """
    try:
        [operation] = [methods["post"] for methods in document["paths"].values() if "post" in methods]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("The document describes no JSON request.") from None
    variants = list(_object_variants(_resolve(schema, document, 0)))
    if not variants:
        raise ValueError("The request is not an object with fields.")
    return _union(variants)


def _resolve(node: Any, document: Mapping[str, Any], depth: int) -> Any:
    """Replace references by what they refer to, and `nullable` of OpenAPI 3.0 by a type."""
    if depth > _MAX_DEPTH:
        return {}
    if isinstance(node, list):
        return [_resolve(item, document, depth + 1) for item in node]
    if not isinstance(node, Mapping):
        return node
    if isinstance(node.get("$ref"), str):
        return _resolve(_target(node["$ref"], document), document, depth + 1)
    resolved = {key: _resolve(value, document, depth + 1) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [resolved, {"type": "null"}]} if node.get("nullable") is True else resolved


def _target(reference: str, document: Mapping[str, Any]) -> Any:
    """Return what a local reference (`#/components/schemas/Message`) refers to."""
    target: Any = document
    for key in reference.removeprefix("#/").split("/"):
        if not isinstance(target, Mapping) or key not in target:
            raise ValueError(f"The reference {reference!r} leads nowhere.")
        target = target[key]
    return target


def _object_variants(schema: Any) -> Iterable[Schema]:
    """Yield the objects of a union, however it is nested; the parts of an `allOf` are one object."""
    if not isinstance(schema, Mapping):
        return
    for keyword in ("anyOf", "oneOf"):
        for variant in schema.get(keyword, ()):
            yield from _object_variants(variant)
    parts = [schema, *schema.get("allOf", ())]
    properties = {name: field for part in parts for name, field in part.get("properties", {}).items()}
    if properties:
        required = [name for part in parts for name in part.get("required", ())]
        closed = any(part.get("additionalProperties") is False for part in parts)
        yield {
            "type": "object",
            "properties": properties,
            "required": required,
            **({"additionalProperties": False} if closed else {}),
        }


def _union(variants: list[Schema]) -> dict[str, Any]:
    names = {name: None for variant in variants for name in variant["properties"]}
    required = set.intersection(*(set(variant["required"]) for variant in variants))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _field_union(name, variants) for name in names},
        "required": [name for name in names if name in required],
    }
    closed = all(variant.get("additionalProperties") is False for variant in variants)
    return {**schema, "additionalProperties": False} if closed else schema


def _field_union(name: str, variants: list[Schema]) -> Any:
    """Return the schema of a field that accepts what any variant accepts; unions within are flattened."""
    fields = [variant["properties"][name] for variant in variants if name in variant["properties"]]
    different = list({json.dumps(field, sort_keys=True): field for field in fields}.values())
    if len(different) == 1:
        return different[0]
    choices = [choice for field in different for choice in (field.get("anyOf") or [field])]
    return {"anyOf": sorted(choices, key=_lists_tool_role)}


def _lists_tool_role(schema: Schema) -> bool:
    """Return whether these are messages in OpenAI's form, which is listed last as in the gateway's own unions."""
    return '"tool"' in json.dumps(schema)
