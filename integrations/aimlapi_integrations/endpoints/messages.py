"""`/v1/messages`: the Claude family in its own form, the one that tells the text of its thinking.

Used only when asked for (`endpoint="messages"`). https://docs.aimlapi.com/capabilities/anthropic
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from ..conversation import (
    File,
    HostedItem,
    HostedTool,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from ..errors import UnsupportedContentError, UnsupportedParameterError
from .messages_reply import MessagesDecoder as Decoder
from .messages_reply import decode

__all__ = ["PATH", "Decoder", "decode", "encode", "stream_options"]

PATH = "/messages"
ENDPOINT = "the messages endpoint"

# Thinking budgets for the words that other models take as effort; the least that the endpoint takes is 1,024 tokens.
BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576}

_RENAMED = {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def encode(request: Request) -> Json:
    """The body that asks for a plain reply."""
    if request.response_format and request.response_format.kind != "text":
        raise UnsupportedParameterError(f"{ENDPOINT} has no response format: use a tool, or chat completions.")
    system = [message for message in request.messages if message.role in ("system", "developer")]
    turns = [message for message in request.messages if message.role not in ("system", "developer")]
    body: Json = {"model": request.model, "messages": _turns(turns), **_options(request.options)}
    if system:
        body["system"] = _system(system)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body.update(_tool_choice(request))
    return {**body, **request.extra_body}


def stream_options(body: Json, usage: bool) -> Json:  # noqa: ARG001  # usage always comes
    """The body that asks for the same as a stream, whose usage always comes."""
    return {**body, "stream": True}


def _options(options: Mapping[str, Any]) -> Json:
    given = {_RENAMED.get(name, name): value for name, value in options.items() if value is not None}
    if isinstance(given.get("stop_sequences"), str):
        given["stop_sequences"] = [given["stop_sequences"]]
    effort = given.pop("reasoning_effort", None) or (given.pop("reasoning", None) or {}).get("effort")
    if effort in BUDGETS and "thinking" not in given:
        given["thinking"] = {"type": "enabled", "budget_tokens": BUDGETS[effort]}
    return given


def _system(messages: Iterable[Message]) -> str | list[Json]:
    texts = [_text(part) for message in messages for part in message.parts if isinstance(part, Text)]
    if any("cache_control" in text for text in texts):
        return texts
    return "\n\n".join(text["text"] for text in texts)


def _turns(messages: list[Message]) -> list[Json]:
    """User and assistant turns in alternation: results of tools are blocks of the user's turn."""
    return [
        {"role": role, "content": [block for message in group for block in _blocks(message)]}
        for role, group in groupby(messages, lambda message: "assistant" if message.role == "assistant" else "user")
    ]


def _blocks(message: Message) -> list[Json]:
    if message.role == "tool":
        return [_tool_result(message)]
    return [block for part in message.parts if (block := _block(part))]


def _tool_result(message: Message) -> Json:
    result: Json = {"type": "tool_result", "tool_use_id": message.tool_call_id or ""}
    if message.parts:
        result["content"] = [block for part in message.parts if (block := _block(part))]
    return {**result, "is_error": True} if message.is_error else result


def _block(part: Part) -> Json | None:
    """One content block; None for what cannot be told again and is in the text anyway."""
    match part:
        case Text():
            return _text(part) if part.text else None
        case Image():
            return _marked(part, {"type": "image", "source": _source(part, "image/png")})
        case File():
            return _document(part)
        case Reasoning():
            return _thinking(part)
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.parsed() or {}}
        case Refusal():
            return {"type": "text", "text": part.text}
        case HostedItem():
            return None
    raise UnsupportedContentError(f"{type(part).__name__} content cannot go to {ENDPOINT}.")


def _text(part: Text) -> Json:
    return _marked(part, {"type": "text", "text": part.text})


def _marked(part: Text | Image | File, block: Json) -> Json:
    return {**block, "cache_control": dict(part.cache)} if part.cache else block


def _source(part: Image | File, mime: str) -> Json:
    """Where a picture or document is: base64 data, taken out of a data URL where it came in one, or a link."""
    head, _, data = (part.url or "").partition(";base64,")
    if head.startswith("data:") and data:
        return {"type": "base64", "media_type": head[len("data:") :], "data": data}
    if part.data:
        return {"type": "base64", "media_type": part.mime or mime, "data": part.data}
    if part.url:
        return {"type": "url", "url": part.url}
    raise UnsupportedContentError(f"{type(part).__name__} content by file id cannot go to {ENDPOINT}: give its data.")


def _document(part: File) -> Json:
    block: Json = {"type": "document", "source": _source(part, "application/pdf")}
    return _marked(part, {**block, "title": part.filename} if part.filename else block)


def _thinking(part: Reasoning) -> Json | None:
    """Thinking goes back with its signature, or as it was redacted; without either the model would refuse it."""
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return {"type": "redacted_thinking", "data": part.encrypted} if part.encrypted else None


def _tool(tool: Tool | HostedTool) -> Json:
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    described = {"description": tool.description} if tool.description else {}
    schema = dict(tool.parameters or {"type": "object", "properties": {}})
    return {"name": tool.name, **described, "input_schema": schema, **tool.extra}


def _tool_choice(request: Request) -> Json:
    parallel = (
        {} if request.parallel_tool_calls is None else {"disable_parallel_tool_use": not request.parallel_tool_calls}
    )
    match request.tool_choice:
        case None:
            return {"tool_choice": {"type": "auto", **parallel}} if parallel else {}
        case ToolChoice(mode="named" | "hosted", name=str(name)):
            return {"tool_choice": {"type": "tool", "name": name, **parallel}}
        case ToolChoice(mode="raw", item=Mapping() as item):
            return {"tool_choice": dict(item)}
        case ToolChoice(mode="none"):
            return {"tool_choice": {"type": "none"}}
        case ToolChoice(mode=mode) if mode in _CHOICES:
            return {"tool_choice": {"type": _CHOICES[mode], **parallel}}
    raise UnsupportedParameterError(f"{request.tool_choice!r} is no tool choice.")
