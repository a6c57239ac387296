"""Encode a request for `/v1/messages`, the native endpoint of the Claude models.

Used on request (`endpoint="messages"`), or if reasoning text is requested that no other endpoint returns.
https://docs.aimlapi.com/capabilities/anthropic
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from ..._utils.json import drop_none, drop_nulls
from ...errors import UnsupportedContentError, UnsupportedParameterError
from ...models import Model
from ...types import (
    Citation,
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
    SearchResult,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from ..shared.authorship import is_messages_block
from ..shared.media import decode_text, parse_data_url
from ..shared.parsing import as_dict

PATH = "/messages"

ENDPOINT = "the messages endpoint"

MIN_THINKING_BUDGET = 1024
"""Tokens. The endpoint rejects smaller budgets."""

# Thinking budgets in tokens, by reasoning effort.
BUDGETS = {"minimal": MIN_THINKING_BUDGET, "low": 2048, "medium": 8192, "high": 24576}

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PDF = "application/pdf"

_RENAMED_OPTIONS = {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}
_TOOL_CHOICE_TYPES = {"auto": "auto", "none": "none", "required": "any"}


def encode(request: Request, model: Model | None = None) -> Json:  # noqa: ARG001  # the same for all Claude models
    """Encode the body of a plain request."""
    if request.response_format and request.response_format.kind != "text":
        raise UnsupportedParameterError(f"{ENDPOINT} has no response format: use a tool, or chat completions.")
    system, turns = _split_system(request.messages)
    body: Json = {"model": request.model, "messages": turns, **_encode_options(request.options)}
    if system:
        body["system"] = _encode_system(system)
    if request.tools:
        body["tools"] = [_encode_tool(tool) for tool in request.tools]
        body.update(_encode_tool_choice(request))
    return {**body, **request.extra_body}


def stream_options(body: Json, usage: bool, model: Model | None = None) -> Json:  # noqa: ARG001  # usage is always sent
    """Change the body to request a stream, which always includes usage."""
    return {**body, "stream": True}


# --- options ------------------------------------------------------------------------------------------------------


def _encode_options(options: Mapping[str, Any]) -> Json:
    fields = {_RENAMED_OPTIONS.get(name, name): value for name, value in drop_none(options).items()}
    if isinstance(fields.get("stop_sequences"), str):
        fields["stop_sequences"] = [fields["stop_sequences"]]
    effort, reasoning = fields.pop("reasoning_effort", None), as_dict(fields.pop("reasoning", None))
    budget = reasoning.get("max_tokens") or BUDGETS.get(str(effort or reasoning.get("effort")))
    if budget and "thinking" not in fields:
        fields["thinking"] = _encode_thinking(budget, fields.get("max_tokens"), bool(reasoning.get("exclude")))
    return fields


def _encode_thinking(budget: int, max_tokens: float | None, omitted: bool) -> Json:
    """Set a thinking budget that leaves part of `max_tokens` for the answer, since thinking counts toward it."""
    available = budget if max_tokens is None else int(max_tokens) - MIN_THINKING_BUDGET
    thinking: Json = {"type": "enabled", "budget_tokens": max(MIN_THINKING_BUDGET, min(budget, available))}
    return {**thinking, "display": "omitted"} if omitted else thinking


# --- system text --------------------------------------------------------------------------------------------------


def _split_system(messages: Iterable[Message]) -> tuple[list[Text], list[Json]]:
    """Split off the system texts. If there are no other messages, they become a user turn."""
    system: list[Message] = []
    others: list[Message] = []
    for message in messages:
        (system if message.role in ("system", "developer") else others).append(message)
    if turns := encode_turns(others):
        texts = [_require_text(part) for message in system for part in message.parts]
        return [part for part in texts if part.text.strip()], turns
    return [], encode_turns(Message("user", message.parts) for message in system)


def _require_text(part: Part) -> Text:
    if isinstance(part, Text):
        return part
    kind = type(part).__name__
    raise UnsupportedContentError(f"{kind} content in system text cannot go to {ENDPOINT}: put it in a user turn.")


def _encode_system(texts: Iterable[Text]) -> str | list[Json]:
    blocks = [_encode_text(part) for part in texts]
    if any("cache_control" in block for block in blocks):
        return blocks
    return "\n\n".join(block["text"] for block in blocks)


# --- tools --------------------------------------------------------------------------------------------------------


def _encode_tool(tool: Tool | HostedTool) -> Json:
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    description = {"description": tool.description} if tool.description else {}
    schema = {"type": "object", **(tool.parameters or {"properties": {}})}
    return {
        "name": tool.name,
        **description,
        "input_schema": schema,
        **drop_none({"strict": tool.strict}),
        **tool.extra,
    }


def _encode_tool_choice(request: Request) -> Json:
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
        case ToolChoice(mode=mode) if mode in _TOOL_CHOICE_TYPES:
            return {"tool_choice": {"type": _TOOL_CHOICE_TYPES[mode], **parallel}}
    raise UnsupportedParameterError(f"{request.tool_choice!r} is not a tool choice.")


# --- turns --------------------------------------------------------------------------------------------------------


def encode_turns(messages: Iterable[Message]) -> list[Json]:
    """Encode messages as alternating user and assistant turns; tool results are blocks of user turns.

    Empty turns are left out, and trailing white space is stripped from a final assistant turn: the models reject both.
    """
    encoded = ((_encode_role(message), blocks) for message in messages if (blocks := _encode_blocks(message)))
    turns: list[Json] = [
        {"role": role, "content": [block for _, blocks in group for block in blocks]}
        for role, group in groupby(encoded, lambda turn: turn[0])
    ]
    if turns and turns[-1]["role"] == "assistant" and (last := turns[-1]["content"][-1])["type"] == "text":
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return turns


def _encode_role(message: Message) -> str:
    if message.role not in ("assistant", "user", "tool"):
        raise UnsupportedContentError(f"A message of role {message.role!r} cannot go to {ENDPOINT}.")
    return "assistant" if message.role == "assistant" else "user"


def _encode_blocks(message: Message) -> list[Json]:
    if message.role == "user":
        for part in message.parts:
            if isinstance(part, HostedItem) and not is_messages_block(part.type):
                raise UnsupportedContentError(f"Content of type {part.type!r} in a user turn cannot go to {ENDPOINT}.")
    blocks = [block for part in message.parts if (block := _encode_part(part))]
    return [_encode_tool_result(message, blocks)] if message.role == "tool" else blocks


def _encode_tool_result(message: Message, blocks: list[Json]) -> Json:
    result: Json = {"type": "tool_result", "tool_use_id": message.tool_call_id or ""}
    if blocks:
        result["content"] = blocks
    return {**result, "is_error": True} if message.is_error else result


# --- content blocks -----------------------------------------------------------------------------------------------


def _encode_part(part: Part) -> Json | None:
    """Encode one part; None for empty text and for what only other endpoints have a form for."""
    match part:
        case Text():
            return _encode_text(part) if part.text.strip() else None
        case Image():
            return _add_cache_marker(part, {"type": "image", "source": _encode_image_source(part)})
        case File():
            return _encode_document(part)
        case Reasoning():
            return _encode_reasoning(part)
        case ToolCall(kind="function"):
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.parsed() or {}}
        case Refusal():
            return {"type": "text", "text": part.text} if part.text.strip() else None
        case HostedItem() | SearchResult():
            return drop_nulls(part.item) if isinstance(part, SearchResult) or is_messages_block(part.type) else None
    raise UnsupportedContentError(f"{type(part).__name__} content cannot go to {ENDPOINT}.")


def _encode_text(part: Text) -> Json:
    """Encode text with its cache marker and with the citations that the model expects back."""
    block: Json = {"type": "text", "text": part.text}
    if part.citations and (citations := [each for cited in part.citations if (each := _encode_citation(cited))]):
        block["citations"] = citations
    return _add_cache_marker(part, block)


def _encode_citation(citation: Citation) -> Json | None:
    """Encode a web search citation with its encrypted index; None for citations without one."""
    raw = citation.raw
    encrypted_index = raw.get("encrypted_index") or as_dict(raw.get("url_citation")).get("encrypted_index")
    if not encrypted_index:
        return None
    fields = {"url": citation.url, "title": citation.title, "cited_text": citation.quote}
    return drop_nulls({"type": "web_search_result_location", **fields, "encrypted_index": encrypted_index})


def _add_cache_marker(part: Text | Image | File, block: Json) -> Json:
    return {**block, "cache_control": dict(part.cache)} if part.cache else block


def _encode_reasoning(part: Reasoning) -> Json | None:
    """Encode reasoning with its signature, or as redacted; None without either, since the model would reject it."""
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return {"type": "redacted_thinking", "data": part.encrypted} if part.encrypted else None


def _encode_image_source(part: Image) -> Json:
    source = _encode_source(part, "image/png")
    if source.get("media_type", IMAGE_TYPES[0]) not in IMAGE_TYPES:
        raise UnsupportedContentError(
            f"{ENDPOINT} takes images as JPEG, PNG, GIF or WebP, not as {source['media_type']}: convert it."
        )
    return source


def _encode_document(part: File) -> Json:
    source = _encode_source(part, PDF)
    mime = source.get("media_type", PDF)
    if mime.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": decode_text(source["data"])}
    elif mime != PDF:
        raise UnsupportedContentError(f"{ENDPOINT} takes documents as PDF or text, not as {mime}: convert it.")
    block: Json = {"type": "document", "source": source}
    return _add_cache_marker(part, {**block, "title": part.filename} if part.filename else block)


def _encode_source(part: Image | File, default_mime: str) -> Json:
    """Encode where the content is: base64 data, which may come from a data URL, or a link."""
    if inline := parse_data_url(part.url):
        return {"type": "base64", "media_type": inline[0], "data": inline[1]}
    if part.data:
        return {"type": "base64", "media_type": part.mime or default_mime, "data": part.data}
    if part.url:
        return {"type": "url", "url": part.url}
    raise UnsupportedContentError(f"{type(part).__name__} content by file id cannot go to {ENDPOINT}: give its data.")
