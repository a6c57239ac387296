"""LlamaIndex messages -> the vocabulary.

`ChatMessage.additional_kwargs` keeps what blocks have no place for, as `from_reply` writes it; the tool calls of older
code, which had no blocks for them, are read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitationBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)

from ..conversation import Audio, Citation, File, HostedItem, Image, Json, Message, Part, Refusal, Role, Text, ToolCall
from ..errors import UnsupportedContentError
from ..json_text import as_json_text
from .blocks import parts_of

_ROLES: dict[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "developer",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def conversation(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """The conversation that `messages` are, in order.

    Raises:
        UnsupportedContentError: a block that no endpoint has a form for, or a tool result that answers no call.
    """
    turns: list[Message] = []
    for message in messages:
        turns.append(_turn(message, turns))
    return tuple(turns)


def _turn(message: ChatMessage, before: Sequence[Message]) -> Message:
    role = _ROLES[message.role]
    match role:
        case "assistant":
            author = message.additional_kwargs.get("author")
            return Message(role, tuple(_answer(message)), _given_name(message), author=author)
        case "tool":
            return Message(role, tuple(_result(message.blocks)), tool_call_id=_answered(message, before))
    return Message(role, tuple(_content(message.blocks)), _given_name(message))


def _given_name(message: ChatMessage) -> str | None:
    name = message.additional_kwargs.get("name")
    return name if isinstance(name, str) else None


def _content(blocks: Sequence[Any]) -> list[Part]:
    return _joined(block if isinstance(block, CachePoint) else parts_of(block) for block in blocks)


def _result(blocks: Sequence[Any]) -> list[Part]:
    """What a tool returned; what is no content goes as JSON text."""
    return _joined(block if isinstance(block, CachePoint) else _result_parts(block) for block in blocks)


def _result_parts(block: Any) -> list[Part]:
    try:
        return parts_of(block)
    except (ValueError, OSError):  # a block of another class, or a file that is not there
        return [Text(as_json_text(block.model_dump(mode="json", exclude_none=True)))]


def _joined(pieces: Iterable[list[Part] | CachePoint]) -> list[Part]:
    parts: list[Part] = []
    for piece in pieces:
        if isinstance(piece, CachePoint):
            parts[-1:] = [_marked(part, piece) for part in parts[-1:]]
        else:
            parts += piece
    return parts


def _marked(part: Part, point: CachePoint) -> Part:
    """The part before a cache point, which ends what is to be cached."""
    if not isinstance(part, Text | Image | File):
        return part
    control = point.cache_control
    return replace(part, cache={"type": control.type, "ttl": control.ttl})


# --- assistant turns ----------------------------------------------------------------------------------------------


def _answer(message: ChatMessage) -> list[Part]:
    """The parts of a model's turn, in their order: reasoning and what it led to must not be parted."""
    kept = message.additional_kwargs
    entries = [_as_dict(entry) for entry in kept.get("tool_calls") or ()]
    pieces = [_piece(block, place, message, entries) for place, block in enumerate(message.blocks)]
    items = kept.get("built_in_tool_calls") or []
    places = kept.get("built_in_tool_places") or [0] * len(items)
    for place, item in reversed(list(zip(places, items, strict=False))):
        pieces.insert(place, [HostedItem(item)])
    return _with_sources(_joined([*pieces, _beside(message, entries)]), kept.get("annotations") or ())


def _with_sources(parts: list[Part], annotations: Iterable[Any]) -> list[Part]:
    """The parts, the first text with the sources whose proofs the model wants back."""
    proven = [raw for raw in annotations if isinstance(raw, Mapping) and "encrypted_index" in raw]
    sources = tuple(Citation(raw.get("url"), raw.get("title"), quote=raw.get("cited_text"), raw=raw) for raw in proven)
    for place, part in enumerate(parts if sources else ()):
        if isinstance(part, Text):
            return [*parts[:place], replace(part, citations=sources), *parts[place + 1 :]]
    return parts


def _piece(block: Any, place: int, message: ChatMessage, entries: Sequence[Json]) -> list[Part] | CachePoint:
    match block:
        case CachePoint():
            return block
        case ToolCallBlock():
            known = next((entry for entry in entries if entry.get("id") == block.tool_call_id), {})
            return [_from_block(block, known, place)]
        case CitationBlock() if any(isinstance(other, TextBlock) and other.text for other in message.blocks):
            return []  # a passage of the turn's own text
        case AudioBlock() if message.additional_kwargs.get("reference_audio_id"):
            return []  # the gateway has it, by that id
    try:
        return parts_of(block)
    except (ValueError, OSError):  # a block of another class, or a file that is not there
        return [HostedItem({"type": getattr(block, "block_type", None) or type(block).__name__})]


def _beside(message: ChatMessage, entries: Sequence[Json]) -> list[Part]:
    """What `additional_kwargs` hold beside the blocks; of tool calls, those of a turn that has none as blocks."""
    kept = message.additional_kwargs
    parts: list[Part] = []
    if kept.get("refusal"):
        parts.append(Refusal(kept["refusal"]))
    if kept.get("reference_audio_id"):
        parts.append(Audio(id=kept["reference_audio_id"]))
    if any(isinstance(block, ToolCallBlock) for block in message.blocks):
        return parts
    if not entries and kept.get("function_call"):
        entries = [{"function": _as_dict(kept["function_call"])}]
    return [*parts, *(_from_entry(entry, place) for place, entry in enumerate(entries))]


def _as_dict(entry: Any) -> Json:
    return dict(entry) if isinstance(entry, Mapping) else entry.model_dump(exclude_none=True)


def _from_entry(entry: Json, place: int) -> ToolCall:
    custom = entry.get("type") == "custom"
    function = entry.get("custom" if custom else "function") or entry
    written = function.get("input") if custom else function.get("arguments")
    return ToolCall(
        id=entry.get("id") or entry.get("call_id") or f"call_{place}",
        name=safe_name(str(function.get("name") or "")),
        arguments=_written(written),
        kind="custom" if custom else "function",
        item_id=entry.get("item_id"),
        extra={"extra_content": entry["extra_content"]} if entry.get("extra_content") else {},
    )


def _from_block(block: ToolCallBlock, entry: Json, place: int) -> ToolCall:
    """A call with the id, name and arguments of its block; arguments nobody changed go back letter by letter."""
    known = _from_entry({**entry, "id": block.tool_call_id}, place)
    if known.kind == "custom" and isinstance(block.tool_kwargs, dict):
        arguments = str(block.tool_kwargs.get("input", known.arguments))
    else:
        arguments = known.arguments if known.parsed() == block.tool_kwargs else _written(block.tool_kwargs)
    return replace(known, name=safe_name(block.tool_name), arguments=arguments)


def _written(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments or "{}"
    return json.dumps(arguments or {}, ensure_ascii=False)


def safe_name(name: str) -> str:
    """A name that endpoints take for a tool: letters, digits, `_` and `-`.

    >>> safe_name("Box[int]")
    'Box_int_'
    """
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64]


# --- tool turns ---------------------------------------------------------------------------------------------------


def _answered(message: ChatMessage, before: Sequence[Message]) -> str:
    """The id of the call that a tool's message answers; of the first open one where it does not say."""
    kept = message.additional_kwargs
    found = kept.get("tool_call_id") or kept.get("call_id") or _open_call(before, kept.get("name"))
    if not found:
        raise UnsupportedContentError("A tool message needs the `tool_call_id` of the call that it answers.")
    return str(found)


def _open_call(before: Sequence[Message], name: Any) -> str | None:
    answered = {turn.tool_call_id for turn in before}
    calls = [call for turn in before for call in turn.tool_calls if call.id not in answered]
    return next((call.id for call in calls if name in (None, call.name)), None)
