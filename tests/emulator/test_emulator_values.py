"""Structured answers: valid under their schema, with what the prompt holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from aimlapi_integrations.emulator.model.schema_values import value_for_schema

from .wires import Json, Wire

TEXT: Json = {"type": "string"}
WHOLE: Json = {"type": "integer"}


def record(*optional: str, **properties: Any) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


PERSON = record(name=TEXT, age=WHOLE)
ANN, BOB = {"name": "Ann", "age": 30}, {"name": "Bob", "age": 25}
NODE = {"$ref": "#/$defs/Node"}
LIST = NODE | {"$defs": {"Node": record(v=WHOLE, next={"anyOf": [NODE, {"type": "null"}]})}}
TREE = NODE | {"$defs": {"Node": record("kids", v=WHOLE, kids={"type": "array", "items": NODE})}}
UNIT = {"enum": ["celsius", "fahrenheit"]}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (PERSON, "Alice is 30 years old", {"name": "Alice", "age": 30}),
        (PERSON, "Age 41, name: 'Bob Stone'", {"name": "Bob Stone", "age": 41}),
        (record(city=TEXT, unit=UNIT), "in fahrenheit, for New York", {"city": "New York", "unit": "fahrenheit"}),
        (record(a={"type": "number"}, b={"type": "number"}), "add 2.5 and 4", {"a": 2.5, "b": 4}),
        (record(origin=TEXT, target=TEXT), "A flight from Berlin to Rome", {"origin": "Berlin", "target": "Rome"}),
        (record(day={"type": "string", "format": "date"}), "on 2025-06-01 at noon", {"day": "2025-06-01"}),
        (record(mail=TEXT, url=TEXT), "a.b@c.org, https://c.org/x.", {"mail": "a.b@c.org", "url": "https://c.org/x"}),
        (record(x={"type": "array", "items": PERSON}), "Ann is 30 and Bob is 25", {"x": [ANN, BOB]}),
        (record(numbers={"type": "array", "items": WHOLE}), "sum 1, 2 and 3", {"numbers": [1, 2, 3]}),
        (record("note", name=TEXT, note=TEXT), "My name is Eve", {"name": "Eve"}),
        (record(rating={"anyOf": [WHOLE, {"type": "null"}]}), "a joke", {"rating": None}),
        (record(rating={"anyOf": [WHOLE, {"type": "null"}]}), "rating 7", {"rating": 7}),
        (record(ok={"type": "boolean"}), "this is not ok", {"ok": False}),
        (record(title=TEXT), "Hello", {"title": "[emulated] title"}),
        (record(expression=TEXT), "What is (3+4)*12?", {"expression": "(3+4)*12"}),
        (LIST, "node 3", {"v": 3, "next": None}),
    ],
)  # fmt: skip
def test_values_come_from_the_prompt(schema: Json, text: str, value: Json) -> None:
    assert value_for_schema(schema, text) == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "exclusiveMinimum": 10, "multipleOf": 7},
        {"type": "number", "exclusiveMaximum": -1.5},
        {"type": "string", "minLength": 30, "maxLength": 40},
        {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
        {"type": "array", "items": WHOLE, "minItems": 3, "uniqueItems": True},
        {"type": "array", "prefixItems": [TEXT, WHOLE], "minItems": 2, "maxItems": 2},
        {"type": "object", "additionalProperties": WHOLE, "minProperties": 2},
        {"allOf": [record(a=TEXT) | {"additionalProperties": True}, {"properties": {"b": WHOLE}, "required": ["b"]}]},
        {"oneOf": [record(kind={"const": "cat"}, lives=WHOLE), record(kind={"const": "dog"}, name=TEXT)]},
        {"type": ["string", "null"]},
        TREE,
        {},
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["", "Hello", "My 5 kids a, b and 'c' cost -2.5; dog named Rex"])
def test_values_are_valid(schema: Json, text: str) -> None:
    Draft202012Validator(schema).validate(value_for_schema(schema, text))


def bounded(low: int, span: int) -> Json:
    return {"type": "integer", "minimum": low, "maximum": low + span}


def nullable(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def several(items: Json, least: int) -> Json:
    return {"type": "array", "items": items, "minItems": least}


def half_optional(properties: dict[str, Json]) -> Json:
    return record(*list(properties)[::2], **properties)


leaves = st.sampled_from([TEXT, WHOLE, {"type": "boolean"}, {"enum": ["red", "green"]}]) | st.builds(
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
def test_any_schema_and_any_prompt_make_a_valid_value(schema: Json, text: str) -> None:
    Draft202012Validator(schema).validate(value_for_schema(schema, text))


def test_a_schema_as_response_format(wire: Wire) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "Person", "schema": PERSON, "strict": True}}
    assert json.loads(wire.said("Alice is 30", response_format=wanted)["content"]) == {"name": "Alice", "age": 30}


def test_json_mode_uses_the_keys_that_the_prompt_quotes(wire: Wire) -> None:
    said = wire.said("A joke as JSON with the keys `setup` and 'punchline'", response_format={"type": "json_object"})
    assert list(json.loads(said["content"])) == ["setup", "punchline"]
