"""Standard blocks for `message.content_blocks`, of whole messages, chunks and merged chunks alike."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

from ...types import Json, ToolCall
from .content_out import to_content_blocks
from .decode import PROVIDER
from .encode import encode_ai_message


def translate_content(message: AIMessage) -> list[ContentBlock]:
    """Return the standard blocks of a whole message, in the order in which the model wrote them."""
    return cast(list[ContentBlock], to_content_blocks(encode_ai_message(message)))


def translate_content_chunk(message: AIMessageChunk) -> list[ContentBlock]:
    """Return the blocks of a chunk: those it was created with, or those of the message that it was merged to."""
    own = getattr(message, "blocks", None)
    if own is not None and _is_unedited(own, message):
        return cast(list[ContentBlock], [dict(block) for block in own])
    if message.chunk_position == "last" or not message.tool_call_chunks:
        return translate_content(message)
    parts = [part for part in encode_ai_message(message) if not isinstance(part, ToolCall)]
    blocks = [block for part in parts for block in to_content_blocks([part])]
    return cast(list[ContentBlock], blocks + [_to_block(chunk) for chunk in message.tool_call_chunks])


def _is_unedited(blocks: list[Json], message: AIMessageChunk) -> bool:
    """Return whether the blocks still match the message, which users can edit."""
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    calls = [block for block in blocks if block["type"] == "tool_call_chunk"]
    return message.content == "".join(texts) and len(calls) == len(message.tool_call_chunks)


def _to_block(chunk: Any) -> Json:
    return {"type": "tool_call_chunk", **{name: chunk.get(name) for name in ("id", "name", "args", "index")}}


def register() -> None:
    """Register this module with core for messages whose `model_provider` is this package's."""
    register_translator(PROVIDER, translate_content, translate_content_chunk)
