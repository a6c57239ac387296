"""LangChain messages -> the vocabulary: one function per class of message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from ..conversation import Message, Part, Role, ToolCall
from ..errors import UnsupportedContentError
from . import keepsakes
from .content_parts import parts, tool_call

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}


def conversation(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """The conversation that `messages` are, in order.

    Raises:
        UnsupportedContentError: a message or block that no endpoint has a form for.
    """
    return tuple(turn for message in messages for turn in _turns(message))


def _turns(message: BaseMessage) -> list[Message]:
    match message:
        case AIMessage():
            return [Message("assistant", tuple(answer_parts(message)), message.name)]
        case HumanMessage():
            return _user(message)
        case SystemMessage():
            role: Role = "developer" if message.additional_kwargs.get("__openai_role__") == "developer" else "system"
            return [Message(role, tuple(parts(message.content)), message.name)]
        case ToolMessage():
            return [_tool(message)]
        case ChatMessage(role=said) if said in _ROLES:
            return [Message(_ROLES[said], tuple(parts(message.content)), message.name)]
        case ChatMessage(role=said):
            raise UnsupportedContentError(
                f"A ChatMessage of role {said!r} cannot be sent. Roles are: {', '.join(_ROLES)}."
            )
    raise UnsupportedContentError(
        f"A {type(message).__name__} cannot be sent to a chat model{_INSTEAD.get(message.type, '')}."
    )


_INSTEAD = {
    "function": ": answer a tool call with a ToolMessage and its tool_call_id",
    "remove": ": it is an order to the graph that keeps the messages",
}


def _user(message: HumanMessage) -> list[Message]:
    """A user's turn; tool results in Anthropic's form, which lie inside it, become turns of their own before it."""
    if isinstance(message.content, str):
        return [Message("user", tuple(parts(message.content)), message.name)]
    results = [block for block in message.content if isinstance(block, dict) and block.get("type") == "tool_result"]
    rest = [block for block in message.content if block not in results] if results else message.content
    turns = [_tool_result(block) for block in results]
    return [*turns, Message("user", tuple(parts(rest)), message.name)] if rest or not results else turns


def _tool_result(block: dict[str, Any]) -> Message:
    return Message(
        "tool",
        tuple(parts(block.get("content") or "")),
        tool_call_id=block.get("tool_use_id"),
        is_error=bool(block.get("is_error")),
    )


def _tool(message: ToolMessage) -> Message:
    return Message(
        "tool",
        tuple(parts(message.content)),
        name=message.name,
        tool_call_id=message.tool_call_id,
        is_error=message.status == "error",
    )


def answer_parts(message: AIMessage) -> list[Part]:
    """The parts of a model's turn, from whichever form it has: default or v1, ours, ChatOpenAI's or Anthropic's."""
    calls = _calls(message)
    if not calls and message.additional_kwargs.get("function_call"):
        raise UnsupportedContentError("A function_call cannot be sent to a chat model: give the call as tool_calls.")
    if isinstance(message.content, str):
        return keepsakes.joined(message.content, message.additional_kwargs, calls)
    found = [_authentic(part, calls) for part in parts(message.content)]
    there = {type(part) for part in found}
    beside = [part for part in keepsakes.kept(message.additional_kwargs) if type(part) not in there]
    return keepsakes.in_usual_order(beside, found) + calls


def _calls(message: AIMessage) -> list[ToolCall]:
    """The calls of a turn, which may share their ids. Broken ones go back as they were: what answers them must find
    them."""
    extras = message.additional_kwargs.get("tool_call_extras") or {}
    written = [*message.tool_calls, *message.invalid_tool_calls]
    return [tool_call(call, extras.get(call["id"]) or {}) for call in written]


def _authentic(part: Part, calls: list[ToolCall]) -> Part:
    """A call as `tool_calls` has it, which users edit, at the place and with the extras that its block has."""
    place = next((at for at, call in enumerate(calls) if isinstance(part, ToolCall) and call.id == part.id), None)
    if place is None or not isinstance(part, ToolCall):
        return part
    call = calls.pop(place)
    kind = part.kind
    written = part.arguments if kind == "custom" else call.arguments
    item_id, extra = part.item_id or call.item_id, {**call.extra, **part.extra}
    return ToolCall(call.id, call.name, written, kind, item_id, extra, call.cut)
