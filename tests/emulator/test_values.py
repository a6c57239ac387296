"""Structured output: valid under its schema, with values from the prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from aimlapi_integrations.emulator.model.schema_values import value_for_schema
from tests.emulator.gateway_client import JSON, GatewayClient

TEXT: JSON = {"type": "string"}
INTEGER: JSON = {"type": "integer"}


def object_of(*optional: str, **properties: Any) -> JSON:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


OPEN = object_of(a=TEXT) | {"additionalProperties": True}
PERSON = object_of(name=TEXT, age=INTEGER)
ANN, BOB = {"name": "Ann", "age": 30}, {"name": "Bob", "age": 25}
NODE = {"$ref": "#/$defs/Node"}
LIST = NODE | {"$defs": {"Node": object_of(v=INTEGER, next={"anyOf": [NODE, {"type": "null"}]})}}
TREE = NODE | {"$defs": {"Node": object_of("kids", v=INTEGER, kids={"type": "array", "items": NODE})}}
UNIT = {"enum": ["celsius", "fahrenheit"]}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (PERSON, "Alice is 30 years old", {"name": "Alice", "age": 30}),
        (PERSON, "Age 41, name: 'Bob Stone'", {"name": "Bob Stone", "age": 41}),
        (object_of(city=TEXT, unit=UNIT), "in fahrenheit, for New York", {"city": "New York", "unit": "fahrenheit"}),
        (object_of(a={"type": "number"}, b={"type": "number"}), "add 2.5 and 4", {"a": 2.5, "b": 4}),
        (object_of(origin=TEXT, target=TEXT), "A flight from Berlin to Rome", {"origin": "Berlin", "target": "Rome"}),
        (object_of(day={"type": "string", "format": "date"}), "on 2025-06-01 at noon", {"day": "2025-06-01"}),
        (object_of(mail=TEXT, url=TEXT), "a.b@c.org, https://c.org/x.", {"mail": "a.b@c.org", "url": "https://c.org/x"}),
        (object_of(x={"type": "array", "items": PERSON}), "Ann is 30 and Bob is 25", {"x": [ANN, BOB]}),
        (object_of(numbers={"type": "array", "items": INTEGER}), "sum 1, 2 and 3", {"numbers": [1, 2, 3]}),
        (object_of("note", name=TEXT, note=TEXT), "My name is Eve", {"name": "Eve"}),
        (object_of(rating={"anyOf": [INTEGER, {"type": "null"}]}), "a joke", {"rating": None}),
        (object_of(rating={"anyOf": [INTEGER, {"type": "null"}]}), "rating 7", {"rating": 7}),
        (object_of(ok={"type": "boolean"}), "this is not ok", {"ok": False}),
        (object_of(title=TEXT), "Hello", {"title": "[emulated] title"}),
        (object_of(expression=TEXT), "What is (3+4)*12?", {"expression": "(3+4)*12"}),
        (LIST, "node 3", {"v": 3, "next": None}),
    ],
)  # fmt: skip
def test_value_for_a_schema_comes_from_the_text(schema: JSON, text: str, value: JSON) -> None:
    assert value_for_schema(schema, text) == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "exclusiveMinimum": 10, "multipleOf": 7},
        {"type": "number", "exclusiveMaximum": -1.5},
        {"type": "string", "minLength": 30, "maxLength": 40},
        {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
        {"type": "array", "items": INTEGER, "minItems": 3, "uniqueItems": True},
        {"type": "array", "prefixItems": [TEXT, INTEGER], "minItems": 2, "maxItems": 2},
        {"type": "object", "additionalProperties": INTEGER, "minProperties": 2},
        {"allOf": [OPEN, {"properties": {"b": INTEGER}, "required": ["b"]}]},
        {"oneOf": [object_of(kind={"const": "cat"}, lives=INTEGER), object_of(kind={"const": "dog"}, name=TEXT)]},
        {"type": ["string", "null"]},
        TREE,
        {},
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["", "Hello", "My 5 kids a, b and 'c' cost -2.5; dog named Rex"])
def test_value_for_a_constrained_schema_is_valid(schema: JSON, text: str) -> None:
    Draft202012Validator(schema).validate(value_for_schema(schema, text))


def bounded(low: int, span: int) -> JSON:
    return {"type": "integer", "minimum": low, "maximum": low + span}


def nullable(schema: JSON) -> JSON:
    return {"anyOf": [schema, {"type": "null"}]}


def several(items: JSON, least: int) -> JSON:
    return {"type": "array", "items": items, "minItems": least}


def half_optional(properties: dict[str, JSON]) -> JSON:
    return object_of(*list(properties)[::2], **properties)


leaves = st.sampled_from([TEXT, INTEGER, {"type": "boolean"}, {"enum": ["red", "green"]}]) | st.builds(
    bounded, st.integers(), st.integers(0)
)
names = st.sampled_from(["name", "age", "city", "x"])
schemas = st.recursive(
    leaves,
    lambda inner: (
        st.builds(several, inner, st.integers(0, 3))
        | st.builds(nullable, inner)
        | st.builds(half_optional, st.dictionaries(names, inner))
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schemas, st.text(max_size=80))
def test_value_for_any_schema_and_text_is_valid(schema: JSON, text: str) -> None:
    Draft202012Validator(schema).validate(value_for_schema(schema, text))


def test_response_format_schema_gets_values_from_the_prompt(client: GatewayClient) -> None:
    response_format = {"type": "json_schema", "json_schema": {"name": "Person", "schema": PERSON, "strict": True}}
    assert json.loads(client.chat_message("Alice is 30", response_format=response_format)["content"]) == {
        "name": "Alice",
        "age": 30,
    }


def test_json_mode_uses_the_keys_that_the_prompt_quotes(client: GatewayClient) -> None:
    message = client.chat_message(
        "A joke as JSON with the keys `setup` and 'punchline'", response_format={"type": "json_object"}
    )
    assert list(json.loads(message["content"])) == ["setup", "punchline"]
