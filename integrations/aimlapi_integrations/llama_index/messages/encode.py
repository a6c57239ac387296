"""LlamaIndex messages -> the vocabulary.

`ChatMessage.additional_kwargs` keeps what blocks have no place for, as `from_reply` writes it; the tool calls of older
code, which had no blocks for them, are read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
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
from pydantic import BaseModel

from ..._utils.json import as_json_text
from ...types import Audio, Citation, File, HostedItem, Image, Json, Message, Part, Refusal, Role, Text, ToolCall
from ..invalid_calls import answered_calls, explanation
from .blocks import parse_block
from .call_entries import arguments_text, is_json_of, read_calls, result_id

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


def encode_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """The conversation that `messages` are, in order.

    Raises:
        UnsupportedContentError: a block of the caller's that no endpoint has a form for.
    """
    turns: list[Message] = []
    for place, message in enumerate(messages):
        if _ROLES[message.role] == "assistant":
            turns.append(_assistant_turn(message, messages[place + 1 :]))
        elif _ROLES[message.role] == "tool":
            turns.append(_tool_turn(message, turns))
        else:
            turns.append(Message(_ROLES[message.role], tuple(_content(message.blocks)), _given_name(message)))
    return tuple(turns)


def _given_name(message: ChatMessage) -> str | None:
    name = message.additional_kwargs.get("name")
    return name if isinstance(name, str) else None


def _content(blocks: Sequence[Any]) -> list[Part]:
    return _joined(block if isinstance(block, CachePoint) else parse_block(block) for block in blocks)


def _result(blocks: Sequence[Any]) -> list[Part]:
    """What a tool returned; what is no content goes as JSON text."""
    return _joined(block if isinstance(block, CachePoint) else _result_parts(block) for block in blocks)


def _result_parts(block: Any) -> list[Part]:
    try:
        return parse_block(block)
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


def _assistant_turn(message: ChatMessage, after: Sequence[ChatMessage]) -> Message:
    """The turn of a model, its parts in their order: reasoning and what it led to must not be parted."""
    kept = message.additional_kwargs
    left_out: list[str] = []
    calls = read_calls(kept.get("tool_calls"), left_out)
    waiting = [*calls]
    pieces = [_piece(block, message, waiting) for block in message.blocks]
    items = [item for item in map(_item, kept.get("built_in_tool_calls") or ()) if item]
    places = kept.get("built_in_tool_places") or [0] * len(items)
    for place, item in reversed(list(zip(places, items, strict=False))):
        pieces.insert(place, [HostedItem(item)])
    answered = answered_calls(message, _result_ids(after))
    records = [HostedItem({"type": f"{kind} (in tool_calls)"}) for kind in left_out]  # a type that no endpoint has
    parts = [*_joined([*pieces, _beside(message, calls)]), *answered, *records]
    parts = _with_sources(parts, kept.get("annotations") or ())
    return Message("assistant", tuple(parts), _given_name(message), author=kept.get("author"))


def _with_sources(parts: list[Part], annotations: Iterable[Any]) -> list[Part]:
    """The parts, the first text with the sources whose proofs the model wants back."""
    proven = [raw for raw in annotations if isinstance(raw, Mapping) and "encrypted_index" in raw]
    sources = tuple(Citation(raw.get("url"), raw.get("title"), quote=raw.get("cited_text"), raw=raw) for raw in proven)
    for place, part in enumerate(parts if sources else ()):
        if isinstance(part, Text):
            return [*parts[:place], replace(part, citations=sources), *parts[place + 1 :]]
    return parts


def _result_ids(after: Sequence[ChatMessage]) -> list[str]:
    """The ids that the tool messages directly behind a turn answer."""
    results = takewhile(lambda message: _ROLES[message.role] == "tool", after)
    return [call_id for message in results if (call_id := result_id(message.additional_kwargs))]


def _piece(block: Any, message: ChatMessage, calls: list[ToolCall]) -> list[Part] | CachePoint:
    match block:
        case CachePoint():
            return block
        case ToolCallBlock():
            return [_from_block(block, calls)]
        case CitationBlock() if any(isinstance(other, TextBlock) and other.text for other in message.blocks):
            return []  # a passage of the turn's own text
        case AudioBlock() if message.additional_kwargs.get("reference_audio_id"):
            return []  # the gateway has it, by that id
    try:
        return parse_block(block)
    except (ValueError, OSError):  # a block of another class, or a file that is not there
        return [HostedItem({"type": getattr(block, "block_type", None) or type(block).__name__})]


def _item(item: Any) -> Json | None:
    """What a tool that a vendor ran did, as a dict; SDKs have classes for it."""
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", exclude_none=True)
    return dict(item) if isinstance(item, Mapping) else None


def _beside(message: ChatMessage, calls: Sequence[ToolCall]) -> list[Part]:
    """What `additional_kwargs` hold beside the blocks; of tool calls, those of a turn that has none as blocks."""
    kept = message.additional_kwargs
    parts: list[Part] = []
    if kept.get("refusal"):
        parts.append(Refusal(kept["refusal"]))
    if kept.get("reference_audio_id"):
        parts.append(Audio(id=kept["reference_audio_id"]))
    if any(isinstance(block, ToolCallBlock) for block in message.blocks):
        return parts
    if not calls and kept.get("function_call"):
        calls = read_calls([{"function": kept["function_call"]}])
    return [*parts, *calls]


def _from_block(block: ToolCallBlock, calls: list[ToolCall]) -> ToolCall:
    """A call with the id, name and arguments of its block; arguments nobody changed go back letter by letter."""
    call_id = block.tool_call_id or ""
    known = next((call for call in calls if call.id == call_id), None)
    if known is None:
        return ToolCall(call_id, block.tool_name, arguments_text(block.tool_kwargs))
    calls.remove(known)  # calls may share their id: each has an entry of its own
    if known.kind == "custom" and isinstance(block.tool_kwargs, dict):
        arguments = str(block.tool_kwargs.get("input", known.arguments))
    elif is_json_of(known.arguments, block.tool_kwargs):
        arguments = known.arguments
    else:
        arguments = arguments_text(block.tool_kwargs)
    return replace(known, name=block.tool_name, arguments=arguments)


# --- tool turns ---------------------------------------------------------------------------------------------------


def _tool_turn(message: ChatMessage, before: Sequence[Message]) -> Message:
    """A tool's result; in place of core's answer to a call that was not run, the reason why it was not."""
    call_id, name = _answered(message, before), _given_name(message)
    answered = [call for turn in before for call in turn.tool_calls if call.id == call_id]
    if reason := explanation(message, answered):
        return Message("tool", (Text(reason),), name, call_id, is_error=True)
    is_error = message.additional_kwargs.get("status") == "error"
    return Message("tool", tuple(_result(message.blocks)), name, call_id, is_error)


def _answered(message: ChatMessage, before: Sequence[Message]) -> str | None:
    """The id of the call that a tool's message answers; None where it has none that the call is known by.

    Some integrations keep no ids of calls but have them in results.
    """
    call_id = result_id(message.additional_kwargs)
    calls = [call for turn in before for call in turn.tool_calls]
    is_known = any(call_id in (call.id, call.name) for call in calls)
    return call_id if is_known or all(call.id for call in calls) else None
