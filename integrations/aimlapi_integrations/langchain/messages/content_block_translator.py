"""What `message.content_blocks` shows: standard blocks, from whole messages, chunks and merged chunks alike."""

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
    """The standard blocks of a whole message, in the order in which the model wrote them."""
    return cast(list[ContentBlock], to_content_blocks(encode_ai_message(message)))


def translate_content_chunk(message: AIMessageChunk) -> list[ContentBlock]:
    """The blocks of a chunk: its own slice of them, or those of the message so far where it is merged from several."""
    own = getattr(message, "blocks", None)
    if own is not None and _is_current(own, message):
        return cast(list[ContentBlock], [dict(block) for block in own])
    if message.chunk_position == "last" or not message.tool_call_chunks:
        return translate_content(message)
    said = [
        block
        for part in encode_ai_message(message)
        if not isinstance(part, ToolCall)
        for block in to_content_blocks([part])
    ]
    return cast(list[ContentBlock], said + [_chunk(chunk) for chunk in message.tool_call_chunks])


def _is_current(own: list[Json], message: AIMessageChunk) -> bool:
    """Whether nobody has edited the message since it got its blocks."""
    texts = [block["text"] for block in own if block["type"] == "text"]
    calls = [block for block in own if block["type"] == "tool_call_chunk"]
    return message.content == "".join(texts) and len(calls) == len(message.tool_call_chunks)


def _chunk(chunk: Any) -> Json:
    return {"type": "tool_call_chunk", **{name: chunk.get(name) for name in ("id", "name", "args", "index")}}


def register() -> None:
    """Make core ask this module for the blocks of messages whose `model_provider` is ours."""
    register_translator(PROVIDER, translate_content, translate_content_chunk)
