"""Turns and parts in the Anthropic form, which is all that the published schemas of some Claude models take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import UnsupportedContentError
from ...models import ChatCapabilities
from ...types import File, HostedItem, Image, Json, Message, Part, Reasoning, Refusal, Text, ToolCall


def assistant_turns(message: Message, shape: ChatCapabilities) -> Iterator[Json]:
    """An answer: a string where it is text alone, else blocks, in several turns where they are too many for one."""
    blocks = [block for part in message.parts if (block := _block(part, shape))]
    if all(block["type"] == "text" for block in blocks):
        yield {"role": "assistant", "content": "".join(block["text"] for block in blocks)}
    else:
        yield from _turns("assistant", [block for block in blocks if not _is_blank(block)], shape)


def _is_blank(block: Json) -> bool:
    """Whether it is text of white space alone, which Claude refuses."""
    return block["type"] == "text" and not block["text"].strip()


def result_turns(messages: list[Message], shape: ChatCapabilities) -> Iterator[Json]:
    """The results of the tools that one turn called, in user turns as few as may be."""
    return _turns("user", [_tool_result(message) for message in messages], shape)


def _turns(role: str, blocks: list[Json], shape: ChatCapabilities) -> Iterator[Json]:
    most = shape.max_parts or len(blocks)
    for start in range(0, len(blocks), most):
        yield {"role": role, "content": blocks[start : start + most]}


def _block(part: Part, shape: ChatCapabilities) -> Json | None:
    """One block; None for what has no block and is in the text anyway."""
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.parsed() or {}}
        case Reasoning():
            return _thinking(part, shape)
        case HostedItem():
            return None
    raise UnsupportedContentError(f"{type(part).__name__} content in an assistant turn cannot go to chat completions.")


def _thinking(part: Reasoning, shape: ChatCapabilities) -> Json | None:
    """Thinking goes back with its signature, or as it was redacted, where the model lists such blocks."""
    if part.signature and "thinking" in shape.blocks:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if part.encrypted and "redacted_thinking" in shape.blocks:
        return {"type": "redacted_thinking", "data": part.encrypted}
    return None


def _tool_result(message: Message) -> Json:
    texts = []
    for part in message.parts:
        if not isinstance(part, Text):
            kind = type(part).__name__
            raise UnsupportedContentError(f"{kind} content in a tool result cannot go to chat completions.")
        texts.append(part.text)
    result: Json = {"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": "\n".join(texts)}
    return {**result, "is_error": True} if message.is_error else result


# --- parts of a user turn -----------------------------------------------------------------------------------------


def _text(part: Text) -> Json:
    return {"type": "text", "text": part.text}


def _image(part: Image) -> Json:
    data, mime = _base64(part.url, part.data, part.mime or "image/png")
    return {"type": "image", "source": {"type": "base64", "media_type": mime, "data": data}}


def _document(part: File) -> Json:
    data, mime = _base64(part.url, part.data, part.mime or "application/pdf")
    return {"type": "document", "source": {"type": "base64", "media_type": mime, "data": data}}


def _base64(url: str | None, data: str | None, mime: str) -> tuple[str, str]:
    if data:
        return data, mime
    head, _, body = (url or "").partition(";base64,")
    if head.startswith("data:") and body:
        return body, head[len("data:") :]
    raise UnsupportedContentError("This model takes images and documents as base64 data only, not by URL or id.")


BLOCKS: Mapping[type, Any] = {Text: _text, Image: _image, File: _document}
"""What encodes a part of a user turn, by its class."""
