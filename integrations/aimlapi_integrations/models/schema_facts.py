"""Derive facts about models from their request schemas. Needs `jsonschema`, of the extra `cli`.

A validator tests small values against a schema, so a fact is what the schema really accepts. What a validator can't
tell, such as keys that are merely listed, is read in the schema. Facts are named and written as in `models.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator


Schema = Mapping[str, Any]
Facts = dict[str, Any]
Accepts = Callable[[Any], bool]

OBJECT = {"type": "object", "properties": {}}


@cache
def _validator(text: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # of an extra

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


# --- Responses ----------------------------------------------------------------------------------------------------


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


# --- embeddings, and single fields --------------------------------------------------------------------------------


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


# --- chat completions ---------------------------------------------------------------------------------------------


TEXT = {"type": "text", "text": "x"}
BASE64 = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
FUNCTION_CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "x"}

USER_PARTS = {
    "text": TEXT,
    "image_url": {"type": "image_url", "image_url": {"url": "https://x.org/a.png", "detail": "low"}},
    "file": {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
    "input_audio": {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    "video_url": {"type": "video_url", "video_url": {"url": "https://x.org/a.mp4"}},
    "image": {"type": "image", "source": BASE64},
}
BLOCKS = {
    "text": TEXT,
    "image": USER_PARTS["image"],
    "document": {"type": "document", "source": PDF},
    "tool_use": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
    "tool_result": TOOL_RESULT,
    "thinking": {"type": "thinking", "thinking": "x", "signature": "s"},
    "redacted_thinking": {"type": "redacted_thinking", "data": "x"},
}
MESSAGE_EXTRAS: dict[str, Any] = {
    "name": "n",
    "tool_calls": [FUNCTION_CALL],
    "refusal": "r",
    "audio": {"id": "a"},
    "reasoning_content": "r",
    "cache_control": {"type": "ephemeral"},
}
AUDIO_FORMATS = (
    "wav mp3 audio/x-aac audio/flac audio/mp3 audio/m4a audio/mpeg audio/mpga audio/mp4 audio/ogg audio/pcm audio/webm"
)


def chat_facts(schema: Schema) -> Facts:
    """Return every fact of `ChatCapabilities` but the parameters."""
    listed = schema["properties"]
    facts = message_facts(listed["messages"])
    facts["tools"] = tool_facts(listed["tools"]) if "tools" in listed else None
    facts["tool_choice"] = tool_choice_forms(listed["tool_choice"]) if "tool_choice" in listed else ""
    facts["response_format"] = response_formats(listed["response_format"]) if "response_format" in listed else ""
    if schema.get("additionalProperties") is False:
        facts["closed_body"] = True
    if facts["tools"] and "cache_control" in json.dumps(listed["tools"]):
        facts["cache_control"] = " ".join(sorted([*facts["cache_control"].split(), "tool"]))
    return facts


def message_facts(schema: Schema) -> Facts:
    """Return the facts about messages."""
    dialect = _dialect(validator(schema))
    # A dual schema lists the Anthropic form first and the OpenAI form last.
    openai = schema["anyOf"][-1] if dialect == "both" and "anyOf" in schema else schema
    accepts = validator(openai)
    roles = join(("system", "developer", "user", "assistant", "tool"), lambda role: accepts([_turn(role, "x")]))
    user = join(USER_PARTS, lambda kind: accepts([_turn("user", [USER_PARTS[kind]])]))
    turn = {"role": "assistant", "content": "", "tool_calls": [FUNCTION_CALL]}
    tool_turns = accepts([_turn("user", "x"), turn, _turn("tool", "x")])
    return {
        "dialect": dialect,
        "roles": roles,
        "list_roles": join(roles.split(), lambda role: accepts([_turn(role, [TEXT])])),
        "user_parts": user,
        "blocks": ""
        if dialect == "openai"
        else join(BLOCKS, lambda kind: validator(schema)([_turn("user", [BLOCKS[kind]])])),
        "max_parts": next((n for n in range(1, 32) if not accepts([_turn("user", [TEXT] * (n + 1))])), None)
        if "text" in user
        else None,
        "image_uri": _image_uri(openai),
        "audio_formats": _audio_formats(accepts) if "input_audio" in user else "",
        **({"file_keys": " ".join(sorted(_listed(openai, "file")))} if "file" in user else {}),
        "tool_turns": tool_turns,
        "closed": _closed(accepts, roles.split()),
        "cache_control": join(("text", "image_url", "file"), lambda kind: _part_lists(openai, kind, "cache_control")),
        "extra_content": "extra_content" in json.dumps(openai),
    }


def _dialect(accepts: Accepts) -> str:
    if not accepts([_turn("user", [TOOL_RESULT])]):
        return "openai"
    return "both" if accepts([_turn("tool", "x")]) else "anthropic"


def _turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **({"tool_call_id": "a"} if role == "tool" else {})}


def _audio_formats(accepts: Accepts) -> str:
    """Return the accepted audio formats; an empty string if any is accepted."""

    def accepts_format(name: str) -> bool:
        part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": name}}
        return accepts([_turn("user", [part])])

    return "" if accepts_format("another") else join(AUDIO_FORMATS.split(), accepts_format)


def _closed(accepts: Accepts, roles: Iterable[str]) -> dict[str, str]:
    closed = {}
    for role in roles:
        if not accepts([{**_turn(role, "x"), "another": 1}]):
            extras = join(MESSAGE_EXTRAS, lambda key: accepts([{**_turn(role, "x"), key: MESSAGE_EXTRAS[key]}]))  # noqa: B023
            closed[role] = " ".join(sorted([*_turn(role, "x"), *extras.split()]))
    return closed


def _listed(schema: Schema, name: str) -> set[str]:
    """Return the keys that the object in any property `name` lists."""
    schemas = (node["properties"].get(name) for node in walk(schema) if isinstance(node.get("properties"), Mapping))
    return {key for node in schemas if node for key in node.get("properties", {})}


def _image_uri(schema: Schema) -> bool:
    images = [n["properties"]["image_url"] for n in walk(schema) if "image_url" in n.get("properties", {})]
    return any(image["properties"]["url"].get("format") == "uri" for image in images)


def _part_lists(schema: Schema, kind: str, key: str) -> bool:
    nodes = (node["properties"] for node in walk(schema) if isinstance(node.get("properties"), Mapping))
    return any(node.get("type", {}).get("enum") == [kind] and key in node for node in nodes if "type" in node)


def tool_facts(schema: Schema) -> Facts:
    """Return the facts about tools."""
    accepts = validator(schema)
    native = {"name": "f", "description": "d", "input_schema": OBJECT}
    full = {"type": "function", "function": {"name": "f", "description": "d", "parameters": OBJECT}}
    forms = {"openai": accepts([full]), "anthropic": accepts([native])}
    form = "both" if all(forms.values()) else next((name for name, ok in forms.items() if ok), "swapped")
    if form == "swapped":
        return {"form": form, "kinds": ""} if accepts([{"type": "tool", "name": "f"}]) else _unreadable(schema)
    tool, keys = (native, "strict cache_control") if form == "anthropic" else (full, "strict cache_control")
    facts = {"form": form, "kinds": _tool_kinds(schema, accepts), **_closed_tool(accepts, tool, keys.split())}
    return facts if form == "anthropic" else facts | _function_facts(accepts, full)


def _unreadable(schema: Schema) -> Facts:
    raise ValueError(f"The form of tools is unknown: {json.dumps(schema)[:400]}")


def _tool_kinds(schema: Schema, accepts: Accepts) -> str:
    named = enum_values(schema)
    kinds = [kind for kind in ("function", "custom", "builtin_function", "web_search") if kind in named]
    return " ".join(sorted(kinds + (["*"] if accepts([{"type": "another"}]) else [])))


def _closed_tool(accepts: Accepts, tool: Facts, extras: Iterable[str]) -> Facts:
    if accepts([{**tool, "another": 1}]):
        return {}
    values = {"strict": True, "cache_control": {"type": "ephemeral"}}
    more = join(extras, lambda key: accepts([{**tool, key: values[key]}]))
    return {"tool_keys": " ".join(sorted([*tool, *more.split()]))}


def _function_facts(accepts: Accepts, tool: Facts) -> Facts:
    function = tool["function"]

    def accepts_with(**changes: Any) -> bool:
        changed = {key: value for key, value in {**function, **changes}.items() if value is not None}
        return accepts([{"type": "function", "function": changed}])

    facts: Facts = {
        "function_required": join(("parameters", "description"), lambda key: not accepts_with(**{key: None}))
    }
    if not accepts_with(another=1):
        extras = [key for key, value in {"strict": True, "required": ["a"]}.items() if accepts_with(**{key: value})]
        facts["function_keys"] = " ".join(sorted([*function, *extras]))
    if not accepts_with(parameters={**OBJECT, "another": 1}):
        words = {"required": ["a"], "additionalProperties": False, "description": "d", "title": "t", "$defs": {}}
        extras = [key for key, value in words.items() if accepts_with(parameters={**OBJECT, key: value})]
        facts["schema_keys"] = " ".join(sorted([*OBJECT, *extras]))
    return facts


def tool_choice_forms(schema: Schema) -> str:
    """Return the accepted forms of `tool_choice`, by their names in `ChatCapabilities`."""
    accepts = validator(schema)
    forms: dict[str, list[Any]] = {
        "auto": ["auto"],
        "none": ["none"],
        "required": ["required"],
        "function": [{"type": "function", "function": {"name": "f"}}],
        "allowed_tools": [{"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}],
        "anthropic": [{"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "f"}],
        "definition": [{"name": "f", "input_schema": {"type": "object"}}],
    }
    return join(forms, lambda form: all(map(accepts, forms[form])))


def response_formats(schema: Schema) -> str:
    """Return the accepted types of `response_format`."""
    accepts = validator(schema)
    schema_format = {"name": "n", "description": "d", "schema": OBJECT, "strict": True}
    formats: dict[str, Facts] = {"text": {}, "json_object": {}, "json_schema": {"json_schema": schema_format}}
    return join(formats, lambda kind: accepts({"type": kind, **formats[kind]}))
