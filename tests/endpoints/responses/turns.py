"""Messages, and their body for the responses endpoint."""

from __future__ import annotations

from typing import Any

from aimlapi_integrations.endpoints import responses
from aimlapi_integrations.types import Citation, Json, Message, Part, Request, Text, Tool

MODEL = "openai/gpt-5-mini-2025-08-07"
ADD = Tool("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}}})
CITED = Citation("https://example.com/a", "A", 0, 2)


def user(*parts: str | Part) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: str | Part) -> Message:
    return Message("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def result(*parts: str | Part, call: str = "call_1") -> Message:
    return Message("tool", tuple(Text(part) if isinstance(part, str) else part for part in parts), tool_call_id=call)


def encode(*messages: Message, model: str = MODEL, **fields: Any) -> Json:
    return responses.encode(Request(model, messages, **fields))


def items(*messages: Message, **options: Any) -> list[Json]:
    encoded: list[Json] = encode(*messages, options=options)["input"]
    return encoded
