"""Messages as Anthropic content blocks, the only form in the chat completions schemas of some Claude models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import UnsupportedContentError
from ...models import ChatCapabilities
from ...types import File, HostedItem, Image, Json, Message, Part, Reasoning, Refusal, Text, ToolCall
from ..shared.media import parse_data_url


def encode_assistant_turns(message: Message, capabilities: ChatCapabilities) -> Iterator[Json]:
    """Encode an assistant message: a string if it is only text, else blocks, in as many turns as they need."""
    blocks = [block for part in message.parts if (block := _encode_part(part, capabilities))]
    if all(block["type"] == "text" for block in blocks):
        yield {"role": "assistant", "content": "".join(block["text"] for block in blocks)}
    else:
        yield from _split_turns("assistant", [block for block in blocks if not _is_blank(block)], capabilities)


def _is_blank(block: Json) -> bool:
    """Return whether a block is only white space, which Claude rejects."""
    return block["type"] == "text" and not block["text"].strip()


def encode_result_turns(messages: list[Message], capabilities: ChatCapabilities) -> Iterator[Json]:
    """Encode the results of one turn's tool calls, in as few user turns as possible."""
    return _split_turns("user", [_encode_tool_result(message) for message in messages], capabilities)


def _split_turns(role: str, blocks: list[Json], capabilities: ChatCapabilities) -> Iterator[Json]:
    size = capabilities.max_parts or len(blocks)
    for start in range(0, len(blocks), size):
        yield {"role": role, "content": blocks[start : start + size]}


def _encode_part(part: Part, capabilities: ChatCapabilities) -> Json | None:
    """Encode one part; None for empty text and for what has no block."""
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.parsed() or {}}
        case Reasoning():
            return _encode_reasoning(part, capabilities)
        case HostedItem():
            return None
    raise UnsupportedContentError(f"{type(part).__name__} content in an assistant turn cannot go to chat completions.")


def _encode_reasoning(part: Reasoning, capabilities: ChatCapabilities) -> Json | None:
    """Encode reasoning with its signature, or as redacted, if the model lists such blocks."""
    if part.signature and "thinking" in capabilities.blocks:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if part.encrypted and "redacted_thinking" in capabilities.blocks:
        return {"type": "redacted_thinking", "data": part.encrypted}
    return None


def _encode_tool_result(message: Message) -> Json:
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            kind = type(part).__name__
            raise UnsupportedContentError(f"{kind} content in a tool result cannot go to chat completions.")
        texts.append(part.text)
    result: Json = {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": "\n".join(texts)}
    return {**result, "is_error": True} if message.is_error else result


# --- parts of a user turn -----------------------------------------------------------------------------------------


def _encode_text(part: Text) -> Json:
    return {"type": "text", "text": part.text}


def _encode_image(part: Image) -> Json:
    return {"type": "image", "source": _encode_base64_source(part, "image/png")}


def _encode_document(part: File) -> Json:
    return {"type": "document", "source": _encode_base64_source(part, "application/pdf")}


def _encode_base64_source(part: Image | File, default_mime: str) -> Json:
    if part.data:
        return {"type": "base64", "media_type": part.mime or default_mime, "data": part.data}
    if inline := parse_data_url(part.url):
        return {"type": "base64", "media_type": inline[0], "data": inline[1]}
    raise UnsupportedContentError("This model takes images and documents as base64 data only, not by URL or id.")


USER_PART_ENCODERS: Mapping[type, Any] = {Text: _encode_text, Image: _encode_image, File: _encode_document}
