"""LangChain messages -> neutral messages: one function per class of message."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
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

from ..._utils.json import as_json_text
from ...errors import UnsupportedContentError
from ...models import vendor
from ...types import Audio, File, HostedItem, Image, Json, Message, Part, Role, SearchResult, Text, ToolCall, Video
from .additional_kwargs import in_usual_order, join_parts, restore_parts
from .content_in import parse_blocks, parse_model_blocks, parse_search_result, parse_stored_call, parse_tool_call

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}


def encode_messages(messages: Sequence[BaseMessage]) -> tuple[Message, ...]:
    """Convert messages to the neutral form, in order.

    Raises:
        UnsupportedContentError: no endpoint has a form for a message or content block.
    """
    return tuple(turn for index in range(len(messages)) for turn in _encode_at(messages, index))


def _encode_at(messages: Sequence[BaseMessage], index: int) -> list[Message]:
    """Encode one message; some forms depend on the messages around them."""
    message = messages[index]
    match message:
        case AIMessage():
            parts = tuple(encode_ai_message(message, _answered_call_ids(messages, index)))
            return [Message("assistant", parts, message.name, author=author(message))]
        case FunctionMessage() if _calls_function(messages, index, message.name):
            return [Message("tool", tuple(parse_tool_result(message.content)), message.name, message.name)]
    return _encode(message)


def _encode(message: BaseMessage) -> list[Message]:
    match message:
        case HumanMessage():
            return _encode_human(message)
        case SystemMessage():
            role: Role = "developer" if message.additional_kwargs.get("__openai_role__") == "developer" else "system"
            return [Message(role, tuple(_content_parts(message.content)), message.name)]
        case ToolMessage():
            return [_encode_tool(message)]
        case ChatMessage(role="assistant" | "ai", content=[*blocks]):
            return [Message("assistant", tuple(parse_model_blocks(blocks, None)), message.name)]
        case ChatMessage(role=name) if name in _ROLES:
            return [Message(_ROLES[name], tuple(_content_parts(message.content)), message.name)]
        case ChatMessage(role=name):
            raise UnsupportedContentError(
                f"A ChatMessage with role {name!r} cannot be sent. Use one of these roles: {', '.join(_ROLES)}."
            )
    raise UnsupportedContentError(
        f"A {type(message).__name__} cannot be sent to a chat model{_ALTERNATIVES.get(message.type, '')}."
    )


_ALTERNATIVES = {
    "function": ": use a ToolMessage with the call's tool_call_id to answer it",
    "remove": ": it is an instruction to the graph that stores the messages",
}


def _content_parts(content: str | list[Any]) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)] if content else []
    return parse_blocks(content)


def _encode_human(message: HumanMessage) -> list[Message]:
    """Encode a user message. Tool results in Anthropic's form become messages of their own before it."""
    if isinstance(message.content, str):
        return [Message("user", tuple(_content_parts(message.content)), message.name)]
    results = [block for block in message.content if isinstance(block, dict) and block.get("type") == "tool_result"]
    rest = [block for block in message.content if block not in results] if results else message.content
    turns = [_encode_tool_result_block(block) for block in results]
    return [*turns, Message("user", tuple(parse_blocks(rest)), message.name)] if rest or not results else turns


def _encode_tool_result_block(block: dict[str, Any]) -> Message:
    return Message(
        "tool",
        tuple(parse_tool_result(block.get("content") or "")),
        tool_call_id=block.get("tool_use_id"),
        is_error=bool(block.get("is_error")),
    )


def _encode_tool(message: ToolMessage) -> Message:
    return Message(
        "tool",
        tuple(parse_tool_result(message.content)),
        name=message.name,
        tool_call_id=message.tool_call_id,
        is_error=message.status == "error",
    )


# --- assistant messages ---------------------------------------------------------------------------------------------


def author(message: AIMessage) -> str | None:
    """Return the model that wrote a message, from its `response_metadata`, or else the provider."""
    metadata = message.response_metadata
    values = [metadata.get(name) for name in ("author", "model_name", "model", "model_id", "model_provider")]
    names = [value for value in values if isinstance(value, str) and value]
    return next((name for name in names if vendor(name)), names[0] if names else None)


def _answered_call_ids(messages: Sequence[BaseMessage], index: int) -> set[str]:
    """Return the ids of calls that later messages, up to the next AI message, answer.

    Only needed for a message whose `tool_calls` are empty: an empty set for others.
    """
    message = messages[index]
    if not isinstance(message, AIMessage) or message.tool_calls or message.invalid_tool_calls:
        return set()
    call_ids: set[str] = set()
    for later in range(index + 1, len(messages)):
        if isinstance(messages[later], AIMessage):
            break
        call_ids |= _result_ids(messages[later])
    return call_ids


def _result_ids(message: BaseMessage) -> set[str]:
    match message:
        case ToolMessage():
            return {message.tool_call_id}
        case FunctionMessage():
            return {message.name}
        case HumanMessage(content=[*blocks]):
            return {str(b.get("tool_use_id")) for b in blocks if isinstance(b, dict) and b.get("type") == "tool_result"}
    return set()


def _calls_function(messages: Sequence[BaseMessage], index: int, name: str) -> bool:
    """Return whether the previous AI message has a `function_call`, OpenAI's form before tools, with this name."""
    earlier = (messages[at] for at in range(index - 1, -1, -1))
    previous = next((message for message in earlier if isinstance(message, AIMessage)), None)
    call = parse_stored_call(previous.additional_kwargs.get("function_call")) if previous else None
    return call is not None and call.name == name


def encode_ai_message(message: AIMessage, answered: Collection[str] = ()) -> list[Part]:
    """Return the parts of an AI message in any form: default or v1, from this package, ChatOpenAI or Anthropic.

    Args:
        message: its `tool_calls` and `invalid_tool_calls` determine which calls it has: a call that was removed from
            them is not sent, even if the content still contains it.
        answered: ids of calls that later messages answer. If the message has no `tool_calls` at all, these calls were
            not removed and are read from its content or `additional_kwargs`.
    """
    calls = _Calls(message, answered)
    if isinstance(message.content, str):
        return join_parts(message.content, message.additional_kwargs, calls.remaining())
    blocks = parse_model_blocks(message.content, author(message))
    parts = [part for each in blocks if (part := calls.resolve(each)) is not None]
    types = {type(part) for part in parts}
    extra_parts = [part for part in restore_parts(message.additional_kwargs) if type(part) not in types]
    return in_usual_order(extra_parts, parts) + calls.remaining()


class _Calls:
    """The tool calls of an AI message. Invalid calls are sent back unchanged, because later messages answer them."""

    def __init__(self, message: AIMessage, answered: Collection[str]) -> None:
        self._extras = message.additional_kwargs.get("tool_call_extras") or {}
        self._pending: list[Mapping[str, Any]] = [*message.tool_calls, *message.invalid_tool_calls]
        self._stored = [] if self._pending or not answered else _stored_calls(message, answered)

    def resolve(self, part: Part) -> Part | None:
        """Return a part of the content; a call with its values in `tool_calls`, which users edit, or None if not there.

        The position and the extras of a call are those of its block.
        """
        if not isinstance(part, ToolCall):
            return part
        for call in self._stored:
            if call.id == part.id:
                self._stored.remove(call)
                return part
        edited = next((call for call in self._pending if (call["id"] or "") == part.id), None)
        if edited is None:
            return None
        self._pending = [call for call in self._pending if call is not edited]
        call = parse_tool_call(edited, {"kind": part.kind, "item_id": part.item_id, **self._extras.get(part.id, {})})
        return replace(call, extra={**call.extra, **part.extra})

    def remaining(self) -> list[ToolCall]:
        """Return the calls that no content block contained."""
        return [*(parse_tool_call(call, self._extras.get(call["id"]) or {}) for call in self._pending), *self._stored]


def _stored_calls(message: AIMessage, answered: Collection[str]) -> list[ToolCall]:
    """Return the answered calls in the content or the `additional_kwargs` of a message without `tool_calls`."""
    additional_kwargs = message.additional_kwargs
    blocks = message.content if isinstance(message.content, list) else []
    in_content = [part for part in parse_model_blocks(blocks, None) if isinstance(part, ToolCall)]
    in_kwargs = [call for entry in additional_kwargs.get("tool_calls") or () if (call := parse_stored_call(entry))]
    if function_call := parse_stored_call(additional_kwargs.get("function_call")):
        in_kwargs.append(replace(function_call, id=function_call.name))
    by_id = {call.id: call for call in (*in_kwargs, *in_content)}
    return [call for call in by_id.values() if call.id in answered]


# --- results of tools -------------------------------------------------------------------------------------------------

# Content blocks where they are complete, JSON text for the tool's own data. A tool's data may have a `type` of its own
# (`file`, `document`, `json` …). Only a block whose every field is known is content; anything else is sent as JSON
# text, whole.

# Fields that any block may have.
_COMMON_FIELDS = frozenset({"type", "id", "index", "extras", "cache_control"})

_SOURCE = frozenset({"url", "base64", "data", "source", "source_type", "file_id", "mime_type", "metadata"})
_FILE = _SOURCE | {"file", "file_data", "file_url", "filename", "text"}

_FIELDS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text", "annotations", "citations"}),
    "input_text": frozenset({"text"}),
    "output_text": frozenset({"text", "annotations"}),
    "text-plain": frozenset({"text", "base64", "mime_type"}),
    "image": _SOURCE | {"detail"},
    "image_url": frozenset({"image_url", "detail"}),
    "input_image": frozenset({"image_url", "detail", "file_id"}),
    "audio": _SOURCE | {"transcript"},
    "input_audio": frozenset({"input_audio"}),
    "file": _FILE,
    "input_file": _FILE,
    "document": _SOURCE | {"title"},
    "video": _SOURCE,
    "video_url": frozenset({"video_url"}),
}

_TEXTS = frozenset({"text", "input_text", "output_text"})

# Results of Responses tools that run at the caller's; they are sent back as items of their own.
_ITEMS = frozenset(
    {
        "apply_patch_call_output",
        "computer_call_output",
        "custom_tool_call_output",
        "function_call_output",
        "local_shell_call_output",
        "mcp_approval_response",
        "shell_call_output",
    }
)


def parse_tool_result(content: Any) -> list[Part]:
    """Return the parts of a tool's result, in order. Nothing is dropped or rejected.

    >>> parse_tool_result([{"type": "file", "name": "a.txt"}])
    [Text(text='[{"type": "file", "name": "a.txt"}]', citations=(), id=None, cache=None)]
    """
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list | tuple) or not content:
        return [Text(as_json_text(content))]
    match content:
        case [{"type": "custom_tool_call_output" | "function_call_output", "output": output, **rest}] if not rest:
            return parse_tool_result(output)
    blocks = [_parse_content_block(block) for block in content]
    if None in blocks and not any(map(_has_media, blocks)):
        return [Text(as_json_text(content))]
    return [part for parts, raw in zip(blocks, content, strict=True) for part in parts or [Text(as_json_text(raw))]]


def _parse_content_block(block: Any) -> list[Part] | None:
    """Return the parts of a content block; None for data that is not one."""
    if isinstance(block, str):
        return [Text(block)]
    if not isinstance(block, dict) or not isinstance(block.get("type", "text"), str):
        return None
    kind = block.get("type", "text")
    if kind == "search_result":
        result = parse_search_result(block)
        return None if result is None else [SearchResult(result.item, as_json_text(block))]
    if kind in _ITEMS:
        return [HostedItem(block)] if {"call_id", "output", "approval_request_id"} & block.keys() else None
    if kind not in _FIELDS or not (_COMMON_FIELDS | _FIELDS[kind]).issuperset(block):
        return _parse_media_with_caption(block)
    return _parse_complete_block(block)


def _parse_complete_block(block: Json) -> list[Part] | None:
    if block.get("type") in _TEXTS and not isinstance(block.get("text"), str):
        return None
    try:
        parts = parse_blocks([block])
    except (UnsupportedContentError, AttributeError, KeyError, TypeError, ValueError):
        return None
    if "title" in block and not _has_media(parts):
        return None  # a text document, whose title would be lost
    return parts if all(_CHECKS[type(part)](part) for part in parts) else None


def _parse_media_with_caption(block: Json) -> list[Part] | None:
    """Return a medium as a part, and the unknown fields of its block as text. As text, its data would be useless."""
    fields = _FIELDS.get(str(block.get("type")), frozenset()) - {"text"}
    medium = {key: value for key, value in block.items() if key in _COMMON_FIELDS or key in fields}
    parts = _parse_complete_block(medium) if fields else None
    if not parts or not getattr(parts[0], "data", None):
        return None
    caption = {key: value for key, value in block.items() if key == "type" or key not in medium}
    return [*parts, Text(as_json_text(caption))]


def _has_media(parts: list[Part] | None) -> bool:
    return any(isinstance(part, Image | Audio | File | Video) for part in parts or ())


# --- which parts are complete -------------------------------------------------------------------------------------

_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]+")
_URL_SCHEMES = ("http://", "https://", "data:", "gs://", "s3://")


def _is_readable(part: Image | Audio | File | Video) -> bool:
    """Return whether a model can read a medium: from its data, a URL, or a file at the gateway."""
    if part.data is not None:
        return isinstance(part.data, str) and bool(_BASE64.fullmatch(part.data))
    if part.url is not None:
        return isinstance(part.url, str) and part.url.startswith(_URL_SCHEMES)
    return isinstance(getattr(part, "file_id", None) or getattr(part, "id", None), str)


_CHECKS: Mapping[type, Callable[[Any], bool]] = {
    Text: lambda _: True,
    Image: _is_readable,
    Audio: _is_readable,
    File: _is_readable,
    Video: _is_readable,
    HostedItem: lambda _: False,  # an image block that shows a Responses item
}
