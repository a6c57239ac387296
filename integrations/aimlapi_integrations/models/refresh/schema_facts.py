"""Derive facts about Responses, embeddings and single fields from request schemas.

A validator tests small values against a schema, so a fact is what the schema really accepts. What a validator can't
tell, such as keys that are merely listed, is read in the schema. Facts are named and written as in `models.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from .openapi import Schema

Facts = dict[str, Any]
Accepts = Callable[[Any], bool]

OBJECT = {"type": "object", "properties": {}}


@cache
def _validator(text: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(text))


def validator(schema: Schema) -> Accepts:
    """Return a function that tells whether a value is valid against `schema`."""
    is_valid: Accepts = _validator(json.dumps(schema, sort_keys=True)).is_valid
    return is_valid


def join(names: Iterable[str], condition: Callable[[str], bool]) -> str:
    """Return the names that meet a condition, sorted, as one string."""
    return " ".join(sorted(filter(condition, names)))


def walk(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object inside a schema, itself first."""
    if isinstance(schema, Mapping):
        yield schema
    if isinstance(schema, Mapping | list):
        for value in schema.values() if isinstance(schema, Mapping) else schema:
            yield from walk(value)


def enum_values(schema: Schema) -> set[str]:
    """Return every string in every enumeration."""
    return {word for node in walk(schema) for word in node.get("enum", ()) if isinstance(word, str)}


OUTPUT_TEXT = {"type": "output_text", "text": "x", "annotations": []}
ITEMS: dict[str, Any] = {
    "message": {"role": "user", "content": "x"},
    "output_message": {
        "type": "message",
        "id": "a",
        "role": "assistant",
        "status": "completed",
        "content": [OUTPUT_TEXT],
    },
    "function_call": {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
    "function_call_output": {"type": "function_call_output", "call_id": "a", "output": "x"},
    "reasoning": {"type": "reasoning", "id": "a", "summary": [], "encrypted_content": "x"},
    "item_reference": {"type": "item_reference", "id": "a"},
    "web_search_call": {"type": "web_search_call", "id": "a", "status": "completed"},
    "mcp_call": {"type": "mcp_call", "id": "a", "name": "f", "arguments": "{}", "server_label": "s"},
}
INPUT_PARTS = {
    "input_text": {"type": "input_text", "text": "x"},
    "input_image": {"type": "input_image", "image_url": "https://x.org/a.png", "detail": "low"},
    "input_file": {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
}
HOSTED: dict[str, Facts] = {
    "web_search_preview": {},
    "code_interpreter": {"container": {"type": "auto"}},
    "mcp": {"server_label": "s", "server_url": "https://x.org"},
    "local_shell": {},
    "web_search": {},
    "x_search": {},
    "file_search": {"vector_store_ids": ["a"]},
    "image_generation": {},
}


def responses_facts(schema: Schema) -> Facts:
    """Return every fact of `ResponsesCapabilities` but the parameters."""
    fields = schema["properties"]
    accepts_input = validator(fields["input"])
    list_input = accepts_input([ITEMS["message"]])

    def accepts_item(item: Any) -> bool:
        return accepts_input([item] if list_input else item)

    return {
        "list_input": list_input,
        "parts": join(INPUT_PARTS, lambda kind: accepts_item({"role": "user", "content": [INPUT_PARTS[kind]]})),
        "items": join(ITEMS, lambda kind: accepts_item(ITEMS[kind])),
        "tools": _responses_tools(fields["tools"]),
        "tool_choice": responses_tool_choice(fields["tool_choice"]),
        "text_formats": _text_formats(validator(fields["text"])),
    }


def _responses_tools(schema: Schema) -> str:
    accepts, listed = validator(schema), enum_values(schema)
    function = {"type": "function", "name": "f", "parameters": OBJECT, "strict": True}
    tools = {"function": function, "*": {"type": "another"}}
    tools |= {kind: {"type": kind, **fields} for kind, fields in HOSTED.items() if kind in listed}
    return join(tools, lambda kind: accepts([tools[kind]]))


def responses_tool_choice(schema: Schema) -> str:
    """Return the accepted forms of `tool_choice`, by their names in `ResponsesCapabilities`."""
    accepts = validator(schema)
    named = {"function": {"type": "function", "name": "f"}} | {kind: {"type": kind} for kind in HOSTED}
    forms: dict[str, Any] = {word: word for word in ("auto", "none", "required")} | named
    return join(forms, lambda form: accepts(forms[form]))


def _text_formats(accepts: Accepts) -> str:
    formats: dict[str, Facts] = {
        "text": {},
        "json_object": {},
        "json_schema": {"name": "n", "schema": OBJECT, "strict": True},
    }
    return join(formats, lambda kind: accepts({"format": {"type": kind, **formats[kind]}}))


def embeddings_facts(schema: Schema) -> Facts:
    """Return every fact of `EmbeddingsCapabilities` but the parameters."""
    one, many = schema["properties"]["input"]["anyOf"]
    return {
        "max_characters": one.get("maxLength"),
        "max_item_characters": many["items"].get("maxLength"),
        "closed": schema.get("additionalProperties") is False,
    }


_SEPARATE = {"model", "messages", "input", "tools", "tool_choice", "response_format", "text"}
_OMITTED = {"citations"}


def parameter_facts(schema: Schema) -> dict[str, Facts]:
    """Return the optional fields that a request schema lists, each as the table writes a `Parameter`."""
    return {name: parameter(field) for name, field in schema["properties"].items() if name not in _SEPARATE}


def parameter(schema: Schema) -> Facts:
    """Return one field. An empty alternative means null: the vendor's unions write `nullable` that way."""
    types = schema.get("type", [])
    facts: Facts = {
        "type": " ".join(types if isinstance(types, list) else [types]),
        "min": schema.get("minimum"),
        "max": schema.get("maximum"),
        "enum": schema.get("enum"),
        "pattern": schema.get("pattern"),
        "default": schema.get("default") or None,
        "items": _parameter_if_object(schema.get("items")),
        "fields": {
            name: parameter(field) for name, field in schema.get("properties", {}).items() if name not in _OMITTED
        },
        "values": _parameter_if_object(schema.get("additionalProperties")),
        "required": " ".join(schema.get("required", ())),
        "any": [parameter(choice) or {"type": "null"} for choice in schema.get("anyOf", ())],
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}


def _parameter_if_object(schema: Any) -> Facts | None:
    """Return the facts of a schema. `true` and `false` are schemas too, and state nothing."""
    return parameter(schema) if isinstance(schema, Mapping) and schema else None
