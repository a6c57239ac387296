"""Facts out of the request schemas of `/v1/chat/completions`: its messages, tools, tool choice and formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from schema_facts import OBJECT, Facts, Probe, Schema, held, probe, walk, words_named

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
    """Every fact of a `ChatCapabilities` but its parameters."""
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
    """What the schema of `messages` takes."""
    dialect = _dialect(probe(schema))
    # A dual schema lists the Anthropic form first and the OpenAI form last.
    mine = schema["anyOf"][-1] if dialect == "both" else schema
    takes = probe(mine)
    roles = held(("system", "developer", "user", "assistant", "tool"), lambda role: takes([_turn(role, "x")]))
    user = held(USER_PARTS, lambda kind: takes([_turn("user", [USER_PARTS[kind]])]))
    turn = {"role": "assistant", "content": "", "tool_calls": [FUNCTION_CALL]}
    tool_turns = takes([_turn("user", "x"), turn, _turn("tool", "x")])
    return {
        "dialect": dialect,
        "roles": roles,
        "list_roles": held(roles.split(), lambda role: takes([_turn(role, [TEXT])])),
        "user_parts": user,
        "blocks": ""
        if dialect == "openai"
        else held(BLOCKS, lambda kind: probe(schema)([_turn("user", [BLOCKS[kind]])])),
        "max_parts": next((n for n in range(1, 32) if not takes([_turn("user", [TEXT] * (n + 1))])), None)
        if "text" in user
        else None,
        "image_uri": _image_uri(mine),
        "audio_formats": _audio_formats(takes) if "input_audio" in user else "",
        **({"file_keys": " ".join(sorted(_listed(mine, "file")))} if "file" in user else {}),
        "tool_turns": tool_turns,
        "closed": _closed(takes, roles.split()),
        "cache_control": held(("text", "image_url", "file"), lambda kind: _part_lists(mine, kind, "cache_control")),
        "extra_content": "extra_content" in json.dumps(mine),
    }


def _dialect(takes: Probe) -> str:
    if not takes([_turn("user", [TOOL_RESULT])]):
        return "openai"
    return "both" if takes([_turn("tool", "x")]) else "anthropic"


def _turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **({"tool_call_id": "a"} if role == "tool" else {})}


def _audio_formats(takes: Probe) -> str:
    """The formats accepted; none named where any is."""

    def accepts(name: str) -> bool:
        part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": name}}
        return takes([_turn("user", [part])])

    return "" if accepts("another") else held(AUDIO_FORMATS.split(), accepts)


def _closed(takes: Probe, roles: Iterable[str]) -> dict[str, str]:
    closed = {}
    for role in roles:
        if not takes([{**_turn(role, "x"), "another": 1}]):
            extras = held(MESSAGE_EXTRAS, lambda key: takes([{**_turn(role, "x"), key: MESSAGE_EXTRAS[key]}]))  # noqa: B023
            closed[role] = " ".join(sorted([*_turn(role, "x"), *extras.split()]))
    return closed


def _listed(schema: Schema, name: str) -> set[str]:
    """The keys listed of the object under property `name`, wherever it is."""
    found = (node["properties"].get(name) for node in walk(schema) if isinstance(node.get("properties"), Mapping))
    return {key for node in found if node for key in node.get("properties", {})}


def _image_uri(schema: Schema) -> bool:
    found = [n["properties"]["image_url"] for n in walk(schema) if "image_url" in n.get("properties", {})]
    return any(image["properties"]["url"].get("format") == "uri" for image in found)


def _part_lists(schema: Schema, kind: str, key: str) -> bool:
    nodes = (node["properties"] for node in walk(schema) if isinstance(node.get("properties"), Mapping))
    return any(node.get("type", {}).get("enum") == [kind] and key in node for node in nodes if "type" in node)


def tool_facts(schema: Schema) -> Facts:
    """What the schema of `tools` takes."""
    takes = probe(schema)
    native = {"name": "f", "description": "d", "input_schema": OBJECT}
    full = {"type": "function", "function": {"name": "f", "description": "d", "parameters": OBJECT}}
    forms = {"openai": takes([full]), "anthropic": takes([native])}
    form = "both" if all(forms.values()) else next((name for name, ok in forms.items() if ok), "swapped")
    if form == "swapped":
        return {"form": form, "kinds": ""} if takes([{"type": "tool", "name": "f"}]) else _unreadable(schema)
    tool, keys = (native, "strict cache_control") if form == "anthropic" else (full, "strict cache_control")
    facts = {"form": form, "kinds": _tool_kinds(schema, takes), **_closed_tool(takes, tool, keys.split())}
    return facts if form == "anthropic" else facts | _function_facts(takes, full)


def _unreadable(schema: Schema) -> Facts:
    raise ValueError(f"a tools schema of a kind not seen before: {json.dumps(schema)[:400]}")


def _tool_kinds(schema: Schema, takes: Probe) -> str:
    named = words_named(schema)
    kinds = [kind for kind in ("function", "custom", "builtin_function", "web_search") if kind in named]
    return " ".join(sorted(kinds + (["*"] if takes([{"type": "another"}]) else [])))


def _closed_tool(takes: Probe, tool: Facts, extras: Iterable[str]) -> Facts:
    if takes([{**tool, "another": 1}]):
        return {}
    values = {"strict": True, "cache_control": {"type": "ephemeral"}}
    more = held(extras, lambda key: takes([{**tool, key: values[key]}]))
    return {"tool_keys": " ".join(sorted([*tool, *more.split()]))}


def _function_facts(takes: Probe, tool: Facts) -> Facts:
    function = tool["function"]

    def accepts(**changes: Any) -> bool:
        changed = {key: value for key, value in {**function, **changes}.items() if value is not None}
        return takes([{"type": "function", "function": changed}])

    facts: Facts = {"function_required": held(("parameters", "description"), lambda key: not accepts(**{key: None}))}
    if not accepts(another=1):
        extras = [key for key, value in {"strict": True, "required": ["a"]}.items() if accepts(**{key: value})]
        facts["function_keys"] = " ".join(sorted([*function, *extras]))
    if not accepts(parameters={**OBJECT, "another": 1}):
        words = {"required": ["a"], "additionalProperties": False, "description": "d", "title": "t", "$defs": {}}
        extras = [key for key, value in words.items() if accepts(parameters={**OBJECT, key: value})]
        facts["schema_keys"] = " ".join(sorted([*OBJECT, *extras]))
    return facts


def tool_choice_forms(schema: Schema) -> str:
    """The forms of `tool_choice` accepted, by the names that `ChatCapabilities` gives them."""
    takes = probe(schema)
    forms: dict[str, list[Any]] = {
        "auto": ["auto"],
        "none": ["none"],
        "required": ["required"],
        "function": [{"type": "function", "function": {"name": "f"}}],
        "allowed_tools": [{"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}],
        "anthropic": [{"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "f"}],
        "definition": [{"name": "f", "input_schema": {"type": "object"}}],
    }
    return held(forms, lambda form: all(map(takes, forms[form])))


def response_formats(schema: Schema) -> str:
    """The types of `response_format` accepted."""
    takes = probe(schema)
    wanted = {"name": "n", "description": "d", "schema": OBJECT, "strict": True}
    formats: dict[str, Facts] = {"text": {}, "json_object": {}, "json_schema": {"json_schema": wanted}}
    return held(formats, lambda kind: takes({"type": kind, **formats[kind]}))
