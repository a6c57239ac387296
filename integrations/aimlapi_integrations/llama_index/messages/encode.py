"""LlamaIndex messages -> `Message`s.

`ChatMessage.additional_kwargs` holds what no block represents, as `decode` writes it. Tool calls that other
integrations keep there are read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile, zip_longest
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
from ...endpoints.shared.authorship import reasoning_vendor
from ...types import (
    Audio,
    Citation,
    File,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
)
from .content import parse_block
from .tool_calls import (
    answered_invalid_calls,
    arguments_text,
    explain_invalid_call,
    is_json_of,
    is_own_message,
    message_calls,
    read_calls,
    result_id,
)

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
    """Convert a conversation, in order.

    Raises:
        UnsupportedContentError: A message of the caller has a block that no endpoint can represent.
    """
    turns: list[Message] = []
    for index, message in enumerate(messages):
        role = _ROLES[message.role]
        if role == "assistant":
            turns.append(_encode_assistant(message, messages[index + 1 :]))
        elif role == "tool":
            turns.append(_encode_tool_result(message, turns))
        else:
            turns.append(Message(role, tuple(_encode_content(message.blocks)), _name(message)))
    return tuple(turns)


def _name(message: ChatMessage) -> str | None:
    name = message.additional_kwargs.get("name")
    return name if isinstance(name, str) else None


# --- content ------------------------------------------------------------------------------------------------------


def _encode_content(blocks: Sequence[Any]) -> list[Part]:
    return _join(block if isinstance(block, CachePoint) else parse_block(block) for block in blocks)


def _encode_result(blocks: Sequence[Any]) -> list[Part]:
    """Convert what a tool returned. What is no content block goes as JSON text."""
    return _join(block if isinstance(block, CachePoint) else _result_parts(block) for block in blocks)


def _result_parts(block: Any) -> list[Part]:
    try:
        return parse_block(block)
    except (ValueError, OSError):  # a block of an unknown class, or a file that does not exist
        return [Text(as_json_text(block.model_dump(mode="json", exclude_none=True)))]


def _join(pieces: Iterable[list[Part] | CachePoint]) -> list[Part]:
    """Concatenate the parts, and apply each cache point to the part before it."""
    parts: list[Part] = []
    for piece in pieces:
        if isinstance(piece, CachePoint):
            parts[-1:] = [_with_cache_control(part, piece) for part in parts[-1:]]
        else:
            parts += piece
    return parts


def _with_cache_control(part: Part, point: CachePoint) -> Part:
    """Mark the end of what is to be cached."""
    if not isinstance(part, Text | Image | File):
        return part
    control = point.cache_control
    return replace(part, cache={"type": control.type, "ttl": control.ttl})


# --- assistant messages -------------------------------------------------------------------------------------------


def _encode_assistant(message: ChatMessage, later: Sequence[ChatMessage]) -> Message:
    """Convert a model's turn. The parts stay in order: reasoning must precede what it led to."""
    kwargs = message.additional_kwargs
    skipped: list[str] = []
    entries = read_calls(kwargs.get("tool_calls"), skipped)
    pieces = [_assistant_piece(block, message, entries) for block in message.blocks]
    items = [item for item in map(_item, kwargs.get("built_in_tool_calls") or ()) if item]
    positions = kwargs.get("built_in_tool_places") or [0] * len(items)
    for position, item in reversed(list(zip(positions, items, strict=False))):
        pieces.insert(position, [HostedItem(item)])
    parts = [
        *_join([*pieces, _from_kwargs(message)]),
        *answered_invalid_calls(message, _result_ids(later)),
        *(HostedItem({"type": f"{kind} in additional_kwargs"}) for kind in skipped),  # no endpoint has such a type
    ]
    parts = _with_citations(parts, kwargs.get("annotations") or (), kwargs.get("annotation_places") or ())
    return Message("assistant", tuple(parts), _name(message), author=_author(message, parts))


def _assistant_piece(block: Any, message: ChatMessage, entries: list[ToolCall]) -> list[Part] | CachePoint:
    match block:
        case CachePoint():
            return block
        case ToolCallBlock():
            return [_encode_call(block, entries)]
        case CitationBlock() if is_own_message(message) or any(map(_has_text, message.blocks)):
            return []  # a passage of the message's own text
        case AudioBlock() if message.additional_kwargs.get("reference_audio_id"):
            return []  # the gateway has it, by that ID
    try:
        return parse_block(block)
    except (ValueError, OSError):  # a block of an unknown class, or a file that does not exist
        return [HostedItem({"type": getattr(block, "block_type", None) or type(block).__name__})]


def _has_text(block: Any) -> bool:
    return isinstance(block, TextBlock) and bool(block.text)


def _item(item: Any) -> Json | None:
    """Return the record of a tool that a vendor ran as a dict. SDKs have classes for it."""
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", exclude_none=True)
    return dict(item) if isinstance(item, Mapping) else None


def _from_kwargs(message: ChatMessage) -> list[Part]:
    """Read the content that `additional_kwargs` hold. Calls and audio whose blocks were removed are not sent."""
    kwargs = message.additional_kwargs
    parts: list[Part] = []
    if kwargs.get("refusal"):
        parts.append(Refusal(kwargs["refusal"]))
    if kwargs.get("reference_audio_id") and (_has(AudioBlock, message) or not is_own_message(message)):
        parts.append(Audio(id=kwargs["reference_audio_id"]))
    return parts if _has(ToolCallBlock, message) else [*parts, *message_calls(message)]


def _has(kind: type, message: ChatMessage) -> bool:
    return any(isinstance(block, kind) for block in message.blocks)


def _encode_call(block: ToolCallBlock, entries: list[ToolCall]) -> ToolCall:
    """Convert a call, whose block decides. What no block holds comes from its entry, which is removed from `entries`.

    Arguments that nobody edited are sent back exactly as the model wrote them.
    """
    call_id = block.tool_call_id or ""
    entry = next((call for call in entries if call.id == call_id), None)
    if entry is None:
        return ToolCall(call_id, block.tool_name, arguments_text(block.tool_kwargs))
    entries.remove(entry)  # calls may share an ID: each has its own entry
    if entry.kind == "custom" and isinstance(block.tool_kwargs, dict):
        arguments = str(block.tool_kwargs.get("input", entry.arguments))
    elif is_json_of(entry.arguments, block.tool_kwargs):
        arguments = entry.arguments
    else:
        arguments = arguments_text(block.tool_kwargs)
    return replace(entry, name=block.tool_name, arguments=arguments)


def _with_citations(parts: list[Part], annotations: Iterable[Any], places: Sequence[int]) -> list[Part]:
    """Add the citations that the model needs back, because they have a proof, to their texts.

    Args:
        parts: The content of the message.
        annotations: The citations as the gateway wrote them.
        places: For each of them the index of its text. Without one it is the first.
    """
    citations: dict[int, list[Citation]] = {}
    for raw, place in zip_longest(annotations, places, fillvalue=0):
        if isinstance(raw, Mapping) and "encrypted_index" in raw:
            citation = Citation(raw.get("url"), raw.get("title"), quote=raw.get("cited_text"), raw=raw)
            citations.setdefault(place, []).append(citation)
    texts = [(index, part) for index, part in enumerate(parts) if isinstance(part, Text)]
    for place, cited in citations.items() if texts else ():
        index, text = texts[min(place, len(texts) - 1)]
        parts[index] = replace(text, citations=tuple(cited))
    return parts


def _author(message: ChatMessage, parts: Iterable[Part]) -> str | None:
    """Return the model that wrote a message, or the vendor that the form of its reasoning names."""
    author = message.additional_kwargs.get("author")
    if isinstance(author, str):
        return author
    return next((name for part in parts if isinstance(part, Reasoning) and (name := reasoning_vendor(part))), None)


def _result_ids(later: Sequence[ChatMessage]) -> list[str]:
    """Return the IDs that the tool messages directly after a message answer."""
    results = takewhile(lambda message: _ROLES[message.role] == "tool", later)
    return [call_id for message in results if (call_id := result_id(message.additional_kwargs))]


# --- tool results -------------------------------------------------------------------------------------------------


def _encode_tool_result(message: ChatMessage, earlier: Sequence[Message]) -> Message:
    """Convert a tool's result. Core's answer to a call that was not run becomes the reason why."""
    call_id, name = _answered_id(message, earlier), _name(message)
    calls = [call for turn in earlier for call in turn.tool_calls if call.id == call_id]
    if reason := explain_invalid_call(message, calls):
        return Message("tool", (Text(reason),), name, call_id, is_error=True)
    is_error = message.additional_kwargs.get("status") == "error"
    return Message("tool", tuple(_encode_result(message.blocks)), name, call_id, is_error)


def _answered_id(message: ChatMessage, earlier: Sequence[Message]) -> str | None:
    """Return the ID of the call that a tool message answers, or None if its call is not known by one.

    Some integrations keep no IDs of calls, but have them in results.
    """
    call_id = result_id(message.additional_kwargs)
    calls = [call for turn in earlier for call in turn.tool_calls]
    is_known = any(call_id in (call.id, call.name) for call in calls)
    return call_id if is_known or all(call.id for call in calls) else None
