"""Derive facts about chat requests from their schemas: messages, tools, tool choice and response formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .openapi import Schema
from .schema_facts import OBJECT, Accepts, Facts, enum_values, join, validator, walk

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
