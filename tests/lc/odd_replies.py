"""Helpers for tables of unusual replies: expected content blocks, and the summary of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, AIMessageChunk

from aimlapi_integrations.langchain import ChatAIMLAPI

Json = dict[str, Any]


class MessageSummary(NamedTuple):
    """The content blocks of a message without their stream indexes, its finish reason, and its total tokens."""

    blocks: list[Json]
    finish: str | None = "stop"
    tokens: int | None = None


def text(content: str, **fields: Any) -> Json:
    return {"type": "text", "text": content, **fields}


def thought(content: str, **extras: Any) -> Json:
    return {"type": "reasoning", "reasoning": content, **({"extras": extras} if extras else {})}


def call(call_id: str, name: str, args: Json | str, **fields: Any) -> Json:
    """Return a tool call; an invalid one if the arguments are a string."""
    if isinstance(args, str):
        fields["error"] = "The arguments are not a complete JSON object."
    kind = "invalid_tool_call" if isinstance(args, str) else "tool_call"
    return {"type": kind, "id": call_id, "name": name, "args": args, **fields}


def refusal(content: str) -> Json:
    return {"type": "refusal", "refusal": content}


def summarize(message: AIMessage) -> MessageSummary:
    """Summarize a message. Check that its valid and invalid calls are those of its blocks."""
    blocks = [{name: value for name, value in block.items() if name != "index"} for block in message.content_blocks]
    for kind, calls in (("tool_call", message.tool_calls), ("invalid_tool_call", message.invalid_tool_calls)):
        in_blocks = [(block["id"], block["name"], block["args"]) for block in blocks if block["type"] == kind]
        assert [(one["id"], one["name"], one["args"]) for one in calls] == in_blocks
    counts = message.usage_metadata
    return MessageSummary(blocks, message.response_metadata.get("finish_reason"), counts and counts["total_tokens"])


def merge_chunks(chunks: list[Any]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    assert isinstance(total, AIMessageChunk)
    return total


async def _collect(model: ChatAIMLAPI) -> list[Any]:
    return [chunk async for chunk in model.astream("Hi")]


STREAMED: dict[str, Callable[[ChatAIMLAPI], AIMessage]] = {
    "stream": lambda model: merge_chunks(list(model.stream("Hi"))),
    "astream": lambda model: merge_chunks(asyncio.run(_collect(model))),
}
PLAIN: dict[str, Callable[[ChatAIMLAPI], AIMessage]] = {
    "invoke": lambda model: model.invoke("Hi"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("Hi")),
}
