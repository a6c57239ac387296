"""Good answers in Anthropic's form, whole and in events."""

from __future__ import annotations

from typing import Any

from tests.support.replies import TEXT, pieces

Json = dict[str, Any]


def messages_body() -> Json:
    """A reply with thinking, text and a call."""
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


def messages_events() -> list[Json]:
    """The same as a stream."""
    body = messages_body()
    told: list[Json] = [{"type": "message_start", "message": {**body, "content": [], "stop_reason": None}}]
    for index, block in enumerate(body["content"]):
        told += _block(index, block)
    told.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}})
    return [*told, {"type": "message_stop"}]


def _block(index: int, block: Json) -> list[Json]:
    at = {"index": index}
    start = {"type": "content_block_start", **at}
    stop = {"type": "content_block_stop", **at}
    deltas: list[Json]
    begun: Json
    match block["type"]:
        case "text":
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"], 5)]
            deltas.append({"type": "citations_delta", "citation": block["citations"][0]})
            begun = {"type": "text", "text": ""}
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": "Hm."}, {"type": "signature_delta", "signature": "sig"}]
            begun = {"type": "thinking", "thinking": ""}
        case "tool_use":
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"a"', ": 1}")]
            begun = {**block, "input": {}}
        case _:
            deltas, begun = [], block
    told = [{"type": "content_block_delta", **at, "delta": delta} for delta in deltas]
    return [{**start, "content_block": begun}, *told, stop]


MESSAGES_BODIES = [messages_body()]
MESSAGES_STREAMS = [messages_events()]
