"""JSON schemas as endpoints accept them: strict ones, recursive ones, and ones with inlined references."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations._utils.json_schema import (
    inline_schema_refs,
    is_object_schema,
    is_recursive,
    object_schema,
    strict_obstacle,
    to_strict_schema,
)
from aimlapi_integrations.endpoints import adapt
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.types import Message, Request, ResponseFormat, Text, Tool
from tests.endpoints.adapted import DEEPSEEK

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
NODE: Json = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node", "description": "the next"}}}
LIST: Json = {"type": "object", "properties": {"first": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": NODE}}


def of(schema: Any, **further: Any) -> Json:
    """An object with one required property."""
    return {"type": "object", "properties": {"a": schema}, "required": ["a"], **further}


STRICT: dict[str, tuple[Json, Json]] = {
    "default": ({**TEXT, "default": "x"}, TEXT),
    "length": ({**TEXT, "minLength": 2}, {**TEXT, "description": "(minLength=2)"}),
    "known format": ({**TEXT, "format": "date"}, {**TEXT, "format": "date"}),
    "unknown format": (
        {**TEXT, "format": "uri", "description": "A link"},
        {**TEXT, "description": "A link (format=uri)"},
    ),
    "pattern": ({**TEXT, "pattern": "^a+$"}, {**TEXT, "pattern": "^a+$"}),
    "pattern with lookahead": ({**TEXT, "pattern": "^(?!b)a"}, TEXT),
    "set": (
        {"type": "array", "items": TEXT, "uniqueItems": True},
        {"type": "array", "items": TEXT, "description": "(uniqueItems=True)"},
    ),
    "one of": (
        {"oneOf": [TEXT, {"type": "null"}], "discriminator": {"propertyName": "x"}},
        {"anyOf": [TEXT, {"type": "null"}]},
    ),
    "all of one": ({"allOf": [TEXT], "description": "d"}, {**TEXT, "description": "d"}),
    "property called default": (
        {"type": "object", "properties": {"default": TEXT}, "required": ["default"]},
        {"type": "object", "properties": {"default": TEXT}, "required": ["default"], "additionalProperties": False},
    ),
    "extra keys beside properties": (of(TEXT, additionalProperties=True), of(TEXT, additionalProperties=False)),
    "closed object": (
        {"type": "object", "additionalProperties": False},
        {"type": "object", "additionalProperties": False, "properties": {}, "required": []},
    ),
}


@pytest.mark.parametrize("kind", STRICT)
def test_strict_schema_of_a_property_has_only_supported_keywords(kind: str) -> None:
    schema, expected = STRICT[kind]
    strict = to_strict_schema(of(schema))
    assert strict == of(expected, additionalProperties=False)
    assert to_strict_schema(strict) == strict


def test_strict_schema_of_a_reference_with_siblings_is_merged() -> None:
    definitions = {"T": TEXT}
    converted = of({"$ref": "#/$defs/T", "description": "d"}, **{"$defs": definitions})
    assert to_strict_schema(converted)["properties"]["a"] == {**TEXT, "description": "d"}
    titled = of({"$ref": "#/$defs/T", "title": "A", "default": "x"}, **{"$defs": definitions})
    assert to_strict_schema(titled)["properties"]["a"] == {"$ref": "#/$defs/T"}


def test_strict_schema_of_a_recursive_schema_stays_recursive() -> None:
    node = to_strict_schema(LIST)["$defs"]["Node"]
    assert node["properties"]["next"] == {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
    assert node["required"] == ["next"]


OBSTACLES: dict[str, tuple[Json, str]] = {
    "map": ({"type": "object", "additionalProperties": TEXT}, "keys of any name"),
    "free object": ({"type": "object"}, "keys of any name"),
    "nullable map": (
        {"anyOf": [{"type": "object", "additionalProperties": True}, {"type": "null"}]},
        "keys of any name",
    ),
    "map in a list": ({"type": "array", "items": {"type": "object"}}, "keys of any name"),
    "patterns": ({"type": "object", "properties": {}, "patternProperties": {"^a": TEXT}}, "keys of any name"),
    "anything": ({"title": "A"}, "anything"),
    "list of anything": ({"type": "array"}, "array of anything"),
    "tuple": ({"type": "array", "prefixItems": [TEXT, TEXT]}, "prefixItems"),
    "not": ({**TEXT, "not": {"const": "x"}}, "'not'"),
    "all of several": ({"allOf": [TEXT, {"minLength": 2, "type": "string"}]}, "several schemas"),
}
ENDPOINTS = {
    "chat_completions": "gpt-4o",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}
ASK = (Message("user", (Text("Hi"),)),)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", OBSTACLES)
def test_schema_without_a_strict_version_is_sent_as_is_without_strict(kind: str, endpoint: str) -> None:
    part, reason = OBSTACLES[kind]
    schema = of(part)
    assert reason in str(strict_obstacle(schema))
    assert to_strict_schema(schema) is schema
    form = None if endpoint == "messages" else ResponseFormat("json_schema", "A", schema, strict=True)
    request = Request(
        ENDPOINTS[endpoint], ASK, (Tool("t", "d", schema, strict=True), Tool("u", strict=True)), response_format=form
    )
    with pytest.warns(ParameterWarning, match="strict=True cannot hold"):
        fitted = adapt(request, endpoint)
    tool, simple = fitted.tools
    assert isinstance(tool, Tool)
    assert isinstance(simple, Tool)
    assert (tool.strict, simple.strict, tool.parameters) == (False, True, schema)
    if fitted.response_format:
        assert fitted.response_format.strict is False
    with pytest.raises(UnsupportedParameterError, match="strict=True cannot hold"):
        adapt(request, endpoint, strict=True)


# --- references -------------------------------------------------------------------------------------------------------


def depth(schema: Any) -> int:
    """Count the levels of properties."""
    inner = [depth(each) for each in schema.get("properties", {}).values()]
    return 1 + max(inner) if inner else 0


def test_inlined_recursive_schema_is_bounded() -> None:
    inlined = inline_schema_refs(LIST)
    assert "$ref" not in str(inlined)
    assert 2 <= depth(inlined) <= 5
    wide = {str(i): {"$ref": "#/$defs/Node"} for i in range(30)}
    branching = {**LIST, "$defs": {"Node": {"type": "object", "properties": wide}}}
    assert len(str(inline_schema_refs(branching))) < 100_000


def test_model_without_definitions_gets_a_bounded_schema() -> None:
    request = Request(DEEPSEEK, ASK, (Tool("t", "d", LIST),))
    with pytest.warns(ParameterWarning, match="contains itself"):
        [tool] = adapt(request).tools
    assert isinstance(tool, Tool)
    assert tool.parameters is not None
    assert "$ref" not in str(tool.parameters)
    assert tool.parameters["properties"]["first"]["type"] == "object"


@pytest.mark.parametrize(
    ("schema", "recursive"),
    [
        (LIST, True),
        (of({"$ref": "#"}), True),
        (of({"$ref": "#/definitions/A"}, definitions={"A": of({"$ref": "#/definitions/A"})}), True),
        (of({"$ref": "#/$defs/A"}, **{"$defs": {"A": TEXT, "B": NODE}}), False),
        (of({"$ref": "https://example.com/a.json"}), False),
        (of(TEXT), False),
    ],
)
def test_recursion_is_detected(schema: Json, recursive: bool) -> None:
    assert is_recursive(schema) is recursive


def test_undefined_reference_raises() -> None:
    with pytest.raises(UnsupportedParameterError, match="#/\\$defs/Gone"):
        inline_schema_refs(of({"$ref": "#/$defs/Gone"}))


@pytest.mark.parametrize(
    ("schema", "is_object"),
    [
        (of(TEXT), True),
        ({"properties": {}}, True),
        ({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}, True),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "array"}}}, False),
        ({"anyOf": [of(TEXT), TEXT]}, False),
        (TEXT, False),
    ],
)
def test_root_schema_is_an_object(schema: Json, is_object: bool) -> None:
    assert is_object_schema(schema) is is_object
    rooted = object_schema(schema)
    assert rooted["type"] == "object"
    assert "$ref" not in rooted
    assert ("root" in rooted["properties"]) is not is_object
