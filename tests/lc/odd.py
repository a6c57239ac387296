"""What the tables of odd answers share: what a message says, and the blocks that it says it in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, AIMessageChunk

from aimlapi_integrations.langchain import ChatAIMLAPI

Json = dict[str, Any]


class Said(NamedTuple):
    """The content blocks of a message without the places they have in streams, its end, and the tokens it counts."""

    blocks: list[Json]
    finish: str | None = "stop"
    tokens: int | None = None


def text(words: str, **further: Any) -> Json:
    return {"type": "text", "text": words, **further}


def thought(words: str, **extras: Any) -> Json:
    return {"type": "reasoning", "reasoning": words, **({"extras": extras} if extras else {})}


def call(call_id: str, name: str, args: Json | str, **further: Any) -> Json:
    """A tool call; an invalid one where the arguments are a string."""
    if isinstance(args, str):
        further["error"] = "The arguments are not a complete JSON object."
    kind = "invalid_tool_call" if isinstance(args, str) else "tool_call"
    return {"type": kind, "id": call_id, "name": name, "args": args, **further}


def refusal(words: str) -> Json:
    return {"type": "refusal", "refusal": words}


def said(message: AIMessage) -> Said:
    """What a message says. Its calls are those of its blocks, whole and broken ones."""
    blocks = [{name: value for name, value in block.items() if name != "index"} for block in message.content_blocks]
    for kind, calls in (("tool_call", message.tool_calls), ("invalid_tool_call", message.invalid_tool_calls)):
        shown = [(block["id"], block["name"], block["args"]) for block in blocks if block["type"] == kind]
        assert [(one["id"], one["name"], one["args"]) for one in calls] == shown
    counts = message.usage_metadata
    return Said(blocks, message.response_metadata.get("finish_reason"), counts and counts["total_tokens"])


def merged(chunks: list[Any]) -> AIMessageChunk:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert isinstance(whole, AIMessageChunk)
    return whole


async def _gathered(model: ChatAIMLAPI) -> list[Any]:
    return [chunk async for chunk in model.astream("Hi")]


STREAMED: dict[str, Callable[[ChatAIMLAPI], AIMessage]] = {
    "stream": lambda model: merged(list(model.stream("Hi"))),
    "astream": lambda model: merged(asyncio.run(_gathered(model))),
}
PLAIN: dict[str, Callable[[ChatAIMLAPI], AIMessage]] = {
    "invoke": lambda model: model.invoke("Hi"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("Hi")),
}
