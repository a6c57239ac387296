"""Facts about request schemas: a validator checks a small probe for each, so they are what the schema really accepts.

A few that a validator cannot tell (formats, keys that are merely listed) are read off the schema's text instead.
The names of the facts are those of `aimlapi_integrations.models.capabilities`; chat schemas are read in `schema_chat`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

Schema = Mapping[str, Any]
Facts = dict[str, Any]
Probe = Callable[[Any], bool]

OBJECT = {"type": "object", "properties": {}}


@cache
def _validator(text: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(text))


def probe(schema: Schema) -> Probe:
    """Return whether a value is valid against `schema`."""
    valid: Probe = _validator(json.dumps(schema, sort_keys=True)).is_valid
    return valid


def held(candidates: Iterable[str], asks: Callable[[str], bool]) -> str:
    """Return the candidates that `asks` accepts, as one sorted string."""
    return " ".join(sorted(filter(asks, candidates)))


def walk(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Every object inside a schema, itself first."""
    if isinstance(schema, Mapping):
        yield schema
    if isinstance(schema, Mapping | list):
        for value in schema.values() if isinstance(schema, Mapping) else schema:
            yield from walk(value)


def words_named(schema: Schema) -> set[str]:
    """Every word of every enumeration."""
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
    """Every fact of a `ResponsesCapabilities` but its parameters."""
    listed = schema["properties"]
    takes, tools = probe(listed["input"]), probe(listed["tools"])
    lists = takes([ITEMS["message"]])

    def item(value: Any) -> bool:
        return takes([value] if lists else value)

    bare = {"type": "function", "name": "f", "parameters": OBJECT}
    words = words_named(listed["tools"])
    kinds = [kind for kind, more in HOSTED.items() if kind in words and tools([{"type": kind, **more}])]
    return {
        "list_input": lists,
        "parts": held(INPUT_PARTS, lambda kind: item({"role": "user", "content": [INPUT_PARTS[kind]]})),
        "items": held(ITEMS, lambda kind: item(ITEMS[kind])),
        "tools": " ".join(
            sorted(kinds + ["function"] * tools([{**bare, "strict": True}]) + ["*"] * tools([{"type": "z"}]))
        ),
        "tool_choice": responses_tool_choice(listed["tool_choice"]),
        "text_formats": _text_formats(probe(listed["text"])),
    }


def responses_tool_choice(schema: Schema) -> str:
    """The forms of `tool_choice` accepted, by the names that `ResponsesCapabilities` gives them."""
    takes = probe(schema)
    named = {"function": {"type": "function", "name": "f"}} | {kind: {"type": kind} for kind in HOSTED}
    forms: dict[str, Any] = {word: word for word in ("auto", "none", "required")} | named
    return held(forms, lambda form: takes(forms[form]))


def _text_formats(takes: Probe) -> str:
    more: dict[str, Facts] = {
        "text": {},
        "json_object": {},
        "json_schema": {"name": "n", "schema": OBJECT, "strict": True},
    }
    return held(more, lambda kind: takes({"format": {"type": kind, **more[kind]}}))


def embeddings_facts(schema: Schema) -> Facts:
    """Every fact of an `EmbeddingsCapabilities` but its parameters."""
    one, many = schema["properties"]["input"]["anyOf"]
    return {
        "max_characters": one.get("maxLength"),
        "max_item_characters": many["items"].get("maxLength"),
        "closed": schema.get("additionalProperties") is False,
    }


APART = {"model", "messages", "input", "tools", "tool_choice", "response_format", "text"}
PRUNED = {"citations"}


def parameter_facts(schema: Schema) -> dict[str, Facts]:
    """The optional fields that a request schema lists, each as a `Parameter` is written in the table."""
    return {name: parameter(held) for name, held in schema["properties"].items() if name not in APART}


def parameter(schema: Schema) -> Facts:
    """One field. An empty alternative stands for null: that is how the vendor's `nullable` comes out of a union."""
    types = schema.get("type", [])
    facts: Facts = {
        "type": " ".join(types if isinstance(types, list) else [types]),
        "min": schema.get("minimum"),
        "max": schema.get("maximum"),
        "enum": schema.get("enum"),
        "pattern": schema.get("pattern"),
        "default": schema.get("default") or None,
        "items": parameter(schema["items"]) if schema.get("items") else None,
        "fields": {name: parameter(held) for name, held in schema.get("properties", {}).items() if name not in PRUNED},
        "values": parameter(schema["additionalProperties"]) if schema.get("additionalProperties") else None,
        "required": " ".join(schema.get("required", ())),
        "any": [parameter(choice) or {"type": "null"} for choice in schema.get("anyOf", ())],
    }
    return {name: value for name, value in facts.items() if value not in (None, "", [], {})}
