"""A rich reply of the messages endpoint, and the events of any of its replies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.replies import TEXT, pieces

Json = dict[str, Any]

_EMPTY: dict[str, Json] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
    "server_tool_use": {"input": {}},
}


def messages_body() -> Json:
    """Return a reply with thinking, text and calls."""
    citation = {"type": "char_location", "cited_text": "x", "document_title": "D", "url": "https://example.org"}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "anthropic/claude-opus-5",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
            {"type": "redacted_thinking", "data": "gAAA"},
            {"type": "text", "text": TEXT, "citations": [citation]},
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}},
            {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 3, "output_tokens": 5},
    }


def events(body: Json, size: int = 4) -> list[Json]:
    """Return the events of a stream that adds up to `body`, with texts in pieces of `size` characters."""
    return [
        {"type": "message_start", "message": {**body, "content": [], "stop_reason": None}},
        *(event for index, block in enumerate(body["content"]) for event in block_events(index, block, size)),
        {"type": "message_delta", "delta": {"stop_reason": body["stop_reason"]}, "usage": body["usage"]},
        {"type": "message_stop"},
    ]


def block_events(index: int, block: Json, size: int) -> Iterator[Json]:
    """Yield the events of one content block."""
    start = {name: value for name, value in block.items() if name != "citations"} | _EMPTY.get(block["type"], {})
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in _deltas(block, size):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _deltas(block: Json, size: int) -> Iterator[Json]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in pieces(block["text"], size))
            yield from ({"type": "citations_delta", "citation": each} for each in block.get("citations", ()))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"], size))
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use" | "server_tool_use":
            arguments = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in pieces(arguments, size))


MESSAGES_BODIES = [messages_body()]
MESSAGES_STREAMS = [events(messages_body(), 5)]
