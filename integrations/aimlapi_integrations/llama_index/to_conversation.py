"""LlamaIndex messages -> the vocabulary.

`ChatMessage.additional_kwargs` keeps what blocks have no place for, as `from_reply` writes it; the tool calls of older
code, which had no blocks for them, are read too.
"""

from __future__ import annotations

import re
import warnings
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

from ..conversation import Audio, File, HostedItem, Image, Json, Message, Part, Refusal, Role, Text, ToolCall
from ..endpoints.fitting import ParameterWarning
from ..errors import UnsupportedContentError
from .blocks import parts_of
from .call_entries import arguments_text, is_json_of, read_calls, result_id
from .invalid_calls import answered_calls, explanation

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
    """The conversation that `messages` are, in order; what only another vendor knows is left out with one warning.

    Raises:
        UnsupportedContentError: a block of the caller's that no endpoint has a form for, or a tool result that answers
            no call.
    """
    turns: list[Message] = []
    left_out: list[str] = []
    for place, message in enumerate(messages):
        if _ROLES[message.role] == "assistant":
            turns.append(_assistant_turn(message, place, messages[place + 1 :], left_out))
        elif _ROLES[message.role] == "tool":
            turns.append(_tool_turn(message, turns))
        else:
            turns.append(Message(_ROLES[message.role], tuple(_content(message.blocks)), _given_name(message)))
    if left_out:
        kinds = ", ".join(dict.fromkeys(left_out))
        text = f"Left out of the messages that models wrote, since it cannot be sent to any endpoint: {kinds}."
        warnings.warn(text, ParameterWarning, stacklevel=1)
    return tuple(turns)


def _given_name(message: ChatMessage) -> str | None:
    name = message.additional_kwargs.get("name")
    return name if isinstance(name, str) else None


def _content(blocks: Sequence[Any]) -> list[Part]:
    return _joined(block if isinstance(block, CachePoint) else parts_of(block) for block in blocks)


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


def _assistant_turn(message: ChatMessage, turn: int, after: Sequence[ChatMessage], left_out: list[str]) -> Message:
    """The turn of a model, its parts in their order: reasoning and what it led to must not be parted."""
    kept = message.additional_kwargs
    calls = read_calls(kept.get("tool_calls"), turn, left_out)
    pieces = [_piece(block, f"{turn}_{place}", message, calls, left_out) for place, block in enumerate(message.blocks)]
    items = [item for item in map(_item, kept.get("built_in_tool_calls") or ()) if item]
    places = kept.get("built_in_tool_places") or [0] * len(items)
    for place, item in reversed(list(zip(places, items, strict=False))):
        pieces.insert(place, [HostedItem(item)])
    answered = answered_calls(message, _result_ids(after))
    return Message("assistant", (*_joined([*pieces, _beside(message, calls, turn)]), *answered), _given_name(message))


def _result_ids(after: Sequence[ChatMessage]) -> list[str]:
    """The ids that the tool messages directly behind a turn answer."""
    results = takewhile(lambda message: _ROLES[message.role] == "tool", after)
    return [call_id for message in results if (call_id := result_id(message.additional_kwargs))]


def _piece(
    block: Any, place: str, message: ChatMessage, calls: list[ToolCall], left_out: list[str]
) -> list[Part] | CachePoint:
    match block:
        case CachePoint():
            return block
        case ToolCallBlock():
            return [_from_block(block, calls, f"call_{place}")]
        case CitationBlock() if any(isinstance(other, TextBlock) and other.text for other in message.blocks):
            return []  # a passage of the turn's own text
        case AudioBlock() if message.additional_kwargs.get("reference_audio_id"):
            return []  # the gateway has it, by that id
    try:
        return parts_of(block)
    except (ValueError, OSError):  # of no class that is known here, or a file that is gone
        left_out.append(type(block).__name__)
        return []


def _item(item: Any) -> Json | None:
    """What a tool that a vendor ran did, as a dict; SDKs have classes for it."""
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", exclude_none=True)
    return dict(item) if isinstance(item, Mapping) else None


def _beside(message: ChatMessage, calls: Sequence[ToolCall], turn: int) -> list[Part]:
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
        calls = read_calls([{"function": kept["function_call"]}], turn)
    return [*parts, *(replace(call, name=safe_name(call.name)) for call in calls)]


def _from_block(block: ToolCallBlock, calls: list[ToolCall], fallback_id: str) -> ToolCall:
    """A call with the id, name and arguments of its block; arguments nobody changed go back letter by letter."""
    call_id = block.tool_call_id or fallback_id
    known = next((call for call in calls if call.id == block.tool_call_id), ToolCall(call_id, block.tool_name, "{}"))
    if known.kind == "custom" and isinstance(block.tool_kwargs, dict):
        arguments = str(block.tool_kwargs.get("input", known.arguments))
    elif is_json_of(known.arguments, block.tool_kwargs):
        arguments = known.arguments
    else:
        arguments = arguments_text(block.tool_kwargs)
    return replace(known, id=call_id, name=safe_name(block.tool_name), arguments=arguments)


def safe_name(name: str) -> str:
    """A name that endpoints take for a tool: letters, digits, `_` and `-`.

    >>> safe_name("Box[int]")
    'Box_int_'
    """
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64]


# --- tool turns ---------------------------------------------------------------------------------------------------


def _tool_turn(message: ChatMessage, before: Sequence[Message]) -> Message:
    """A tool's result; in place of core's answer to a call that was not run, the reason why it was not."""
    call_id = _answered(message, before)
    call = next((call for turn in reversed(before) for call in turn.tool_calls if call.id == call_id), None)
    if reason := explanation(message, call):
        return Message("tool", (Text(reason),), tool_call_id=call_id, is_error=True)
    is_error = message.additional_kwargs.get("status") == "error"
    return Message("tool", tuple(_content(message.blocks)), tool_call_id=call_id, is_error=is_error)


def _answered(message: ChatMessage, before: Sequence[Message]) -> str:
    """The id of the call that a tool's message answers.

    That is the first open one of its name where it does not say, or says an id that the call did not have: some
    integrations keep no ids of calls, and answer them by the tool's name.
    """
    kept = message.additional_kwargs
    call_id, name = result_id(kept), kept.get("name")
    if call_id and any(call.id == call_id for turn in before for call in turn.tool_calls):
        return call_id
    found = (_open_call(before, call_id) if call_id else None) or _open_call(before, name) or call_id
    if not found:
        raise UnsupportedContentError("A tool message needs the `tool_call_id` of the call that it answers.")
    return found


def _open_call(before: Sequence[Message], name: Any) -> str | None:
    """The first call that has no answer yet, of this name if it is one."""
    answered = {turn.tool_call_id for turn in before}
    calls = [call for turn in before for call in turn.tool_calls if call.id not in answered]
    return next((call.id for call in calls if name in (None, call.name)), None)
