"""LangChain messages -> the vocabulary: one function per class of message."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from ...errors import UnsupportedContentError
from ...models import vendor
from ...types import Message, Part, Role, ToolCall
from . import additional_kwargs, content_in
from .content_in import parse_content, parse_tool_call, stored_call
from .tool_results import result_parts

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}


def encode_messages(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """The conversation that `messages` are, in order.

    Raises:
        UnsupportedContentError: a message or block that no endpoint has a form for.
    """
    return tuple(turn for place, message in enumerate(messages) for turn in _in_context(message, messages, place))


def _in_context(message: BaseMessage, messages: Sequence[BaseMessage], place: int) -> list[Message]:
    """The turns of the message at `place`; some forms are understood by the messages around them only."""
    match message:
        case AIMessage():
            found = tuple(encode_ai_message(message, _answered(messages, place)))
            return [Message("assistant", found, message.name, author=author(message))]
        case FunctionMessage() if _calls_function(messages, place, message.name):
            return [Message("tool", tuple(result_parts(message.content)), message.name, message.name)]
    return _turns(message)


def _turns(message: BaseMessage) -> list[Message]:
    match message:
        case HumanMessage():
            return _user(message)
        case SystemMessage():
            role: Role = "developer" if message.additional_kwargs.get("__openai_role__") == "developer" else "system"
            return [Message(role, tuple(parse_content(message.content)), message.name)]
        case ToolMessage():
            return [_tool(message)]
        case ChatMessage(role="assistant" | "ai"):
            return [Message("assistant", tuple(content_in.answer_parts(message.content, None)), message.name)]
        case ChatMessage(role=said) if said in _ROLES:
            return [Message(_ROLES[said], tuple(parse_content(message.content)), message.name)]
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
        return [Message("user", tuple(parse_content(message.content)), message.name)]
    results = [block for block in message.content if isinstance(block, dict) and block.get("type") == "tool_result"]
    rest = [block for block in message.content if block not in results] if results else message.content
    turns = [_tool_result(block) for block in results]
    return [*turns, Message("user", tuple(parse_content(rest)), message.name)] if rest or not results else turns


def _tool_result(block: dict[str, Any]) -> Message:
    return Message(
        "tool",
        tuple(result_parts(block.get("content") or "")),
        tool_call_id=block.get("tool_use_id"),
        is_error=bool(block.get("is_error")),
    )


def _tool(message: ToolMessage) -> Message:
    return Message(
        "tool",
        tuple(result_parts(message.content)),
        name=message.name,
        tool_call_id=message.tool_call_id,
        is_error=message.status == "error",
    )


# --- a model's turn -------------------------------------------------------------------------------------------------


def author(message: AIMessage) -> str | None:
    """The model that wrote a message, as its `response_metadata` records it, or else the provider."""
    metadata = message.response_metadata
    names = [metadata.get(name) for name in ("author", "model_name", "model", "model_id", "model_provider")]
    recorded = [name for name in names if isinstance(name, str) and name]
    return next((name for name in recorded if vendor(name)), recorded[0] if recorded else None)


def _answered(messages: Sequence[BaseMessage], place: int) -> set[str]:
    """The calls that the messages up to the next answer give results of; needed of a message that names no calls."""
    message = messages[place]
    if not isinstance(message, AIMessage) or message.tool_calls or message.invalid_tool_calls:
        return set()
    results: set[str] = set()
    for later in range(place + 1, len(messages)):
        if isinstance(messages[later], AIMessage):
            break
        results |= _results(messages[later])
    return results


def _results(message: BaseMessage) -> set[str]:
    match message:
        case ToolMessage():
            return {message.tool_call_id}
        case FunctionMessage():
            return {message.name}
        case HumanMessage(content=[*blocks]):
            return {str(b.get("tool_use_id")) for b in blocks if isinstance(b, dict) and b.get("type") == "tool_result"}
    return set()


def _calls_function(messages: Sequence[BaseMessage], place: int, name: str) -> bool:
    """Whether the answer before calls a function in the form that OpenAI had before it had tools."""
    answer = next((each for at in range(place - 1, -1, -1) if isinstance(each := messages[at], AIMessage)), None)
    called = stored_call(answer.additional_kwargs.get("function_call")) if answer else None
    return called is not None and called.name == name


def encode_ai_message(message: AIMessage, answered: Collection[str] = ()) -> list[Part]:
    """The parts of a model's turn, from whichever form it has: default or v1, ours, ChatOpenAI's or Anthropic's.

    Args:
        message: its `tool_calls` and `invalid_tool_calls` say which calls there are: a call that was taken out of them
            is none, whatever its content still holds.
        answered: ids of calls that later messages answer. They were not taken out: where a message names no calls at
            all, those come from its content or `additional_kwargs`.
    """
    calls = _Calls(message, answered)
    if isinstance(message.content, str):
        return additional_kwargs.join_parts(message.content, message.additional_kwargs, calls.rest())
    blocks = content_in.answer_parts(message.content, author(message))
    found = [part for each in blocks if (part := calls.shown(each)) is not None]
    there = {type(part) for part in found}
    beside = [part for part in additional_kwargs.restore_parts(message.additional_kwargs) if type(part) not in there]
    return additional_kwargs.in_usual_order(beside, found) + calls.rest()


class _Calls:
    """The calls of a turn. Broken ones go back as they were: what answers them must find them."""

    def __init__(self, message: AIMessage, answered: Collection[str]) -> None:
        self._extras = message.additional_kwargs.get("tool_call_extras") or {}
        self._named: list[Mapping[str, Any]] = [*message.tool_calls, *message.invalid_tool_calls]
        self._stored = [] if self._named or not answered else _stored_calls(message, answered)

    def shown(self, part: Part) -> Part | None:
        """A part of the content; a call as `tool_calls` has it, which users edit, and None for one that is not there.

        The place and the extras of a call are those of its block.
        """
        if not isinstance(part, ToolCall):
            return part
        for call in self._stored:
            if call.id == part.id:
                self._stored.remove(call)
                return part
        edited = next((call for call in self._named if (call["id"] or "") == part.id), None)
        if edited is None:
            return None
        self._named = [call for call in self._named if call is not edited]
        call = parse_tool_call(edited, {"kind": part.kind, "item_id": part.item_id, **self._extras.get(part.id, {})})
        return replace(call, extra={**call.extra, **part.extra})

    def rest(self) -> list[ToolCall]:
        """The calls that no block has shown."""
        return [*(parse_tool_call(call, self._extras.get(call["id"]) or {}) for call in self._named), *self._stored]


def _stored_calls(message: AIMessage, answered: Collection[str]) -> list[ToolCall]:
    """The calls in the content or the `additional_kwargs` of a message whose `tool_calls` name none, if answered."""
    kwargs = message.additional_kwargs
    content = message.content if isinstance(message.content, list) else []
    shown = [part for part in content_in.answer_parts(content, None) if isinstance(part, ToolCall)]
    beside = [call for entry in kwargs.get("tool_calls") or () if (call := stored_call(entry))]
    if legacy := stored_call(kwargs.get("function_call")):
        beside.append(replace(legacy, id=legacy.name))
    by_id = {call.id: call for call in (*beside, *shown)}
    return [call for call in by_id.values() if call.id in answered]
