"""How many tokens a conversation takes, roughly: offline, for any model, without its tokenizer.

An approximation, and no more: characters are weighed by their script, pictures by their detail, sound, films and
documents by their size. Prose and code come out within some 20 % of what the gateway counts, other things less near.
What a call did use stands in its `usage`.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from .errors import UnsupportedContentError
from .types import (
    Audio,
    File,
    HostedItem,
    HostedTool,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    SearchResult,
    Text,
    Tool,
    ToolCall,
    Video,
)

# Characters per token from each code point on, as byte pair encoders of today take them.
_SCRIPTS: tuple[tuple[int, float], ...] = (
    (0x00, 4.6),  # blanks, which mostly join the word that follows
    (0x21, 1.6),  # ! to /
    (0x30, 2.2),  # digits
    (0x3A, 1.6),
    (0x41, 3.0),  # capitals
    (0x5B, 1.6),
    (0x61, 4.6),  # small letters
    (0x7B, 1.6),
    (0xC0, 2.4),  # Latin with accents
    (0x370, 2.4),  # Greek, Cyrillic
    (0x530, 1.7),  # Armenian, Hebrew, Arabic
    (0x900, 1.4),  # the scripts of India and South-East Asia
    (0x1E00, 1.5),  # Vietnamese
    (0x2000, 1.0),  # dashes, quotes, arrows, symbols
    (0x2E80, 1.1),  # Chinese, Japanese
    (0xA000, 1.0),
    (0xAC00, 1.2),  # Korean
    (0xD7B0, 1.0),
    (0xF900, 1.0),  # full-width forms
    (0x10000, 0.5),  # emoji and what is rare
)
_STARTS = [start for start, _ in _SCRIPTS]

_PER_MESSAGE, _PER_NAME, _PER_REPLY = 4, 1, 3
_PER_TOOL, _PER_CALL = 8, 8

_WAV, _PACKED_SOUND, _FILM, _DOCUMENT = 4800, 1600, 450, 60
"""Bytes per token: a token is some 0.1 s of sound; 300 are a second of film, 800 a page of a document."""

_UNSEEN = {Audio: 600, Video: 18_000, File: 8_000}
"""What lies behind a URL or an id is not fetched: it counts as a minute, or as ten pages."""


@dataclass(frozen=True, slots=True)
class _Family:
    """How a family of models counts: its tokens per token of the table above, and those of a picture by its detail."""

    scale: float = 1.0
    image: int = 765
    small_image: int = 85


_FAMILIES = {
    "claude": _Family(scale=1.2, image=1600, small_image=1600),
    "gemini": _Family(image=1032, small_image=258),
}


def estimate_tokens(
    messages: Sequence[Message] | str, tools: Sequence[Tool | HostedTool] = (), model: str | None = None
) -> int:
    """About how many tokens a request takes: a text, or messages with the tools that go along.

    Args:
        messages: the conversation; a str is counted as bare text.
        tools: whose names, descriptions and schemas count.
        model: some families count otherwise than most.

    Raises:
        UnsupportedContentError: a part that is no part of the vocabulary.

    Examples:
        >>> estimate_tokens([Message("user", (Text("What is the capital of France?"),))])
        15
    """
    family = next((family for name, family in _FAMILIES.items() if model and name in model), _Family())
    if isinstance(messages, str):
        return ceil(_text(messages) * family.scale)
    counted = sum(_message(message, family) for message in messages) + _PER_REPLY
    return ceil((counted + sum(map(_tool, tools))) * family.scale)


def _message(message: Message, family: _Family) -> float:
    name = _PER_NAME + _text(message.name) if message.name else 0
    return _PER_MESSAGE + name + sum(_part(part, family) for part in message.parts)


def _part(part: Part, family: _Family) -> float:
    match part:
        case Text() | Reasoning() | Refusal():
            return _text(part.text)
        case ToolCall():
            return _PER_CALL + _text(part.name) + _text(part.arguments)
        case HostedItem() | SearchResult():
            return _json(part.item)
        case Image():
            return (family.small_image if part.detail == "low" else family.image) / family.scale
        case Audio():
            return _sound(part)
        case Video():
            return _size(part.data, _FILM, _UNSEEN[Video])
        case File():
            return _size(part.data, 4 if (part.mime or "").startswith("text/") else _DOCUMENT, _UNSEEN[File])
    raise UnsupportedContentError(f"A {type(part).__name__} has no count of tokens.")


def _sound(part: Audio) -> float:
    if part.data is None and part.transcript:
        return _text(part.transcript)
    return _size(part.data, _WAV if part.format == "wav" else _PACKED_SOUND, _UNSEEN[Audio])


def _size(data: str | None, per_token: int, unseen: int) -> float:
    """The count of base64 `data` at so many bytes per token."""
    return len(data) * 3 / 4 / per_token if data is not None else unseen


def _tool(tool: Tool | HostedTool) -> float:
    if isinstance(tool, HostedTool):
        return _PER_TOOL + _json(tool.item)
    return _PER_TOOL + _text(tool.name) + _text(tool.description or "") + _json(tool.parameters or {})


def _json(value: Mapping[str, Any]) -> float:
    return _text(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def _text(text: str) -> float:
    return sum(count / _SCRIPTS[bisect_right(_STARTS, ord(char)) - 1][1] for char, count in Counter(text).items())
