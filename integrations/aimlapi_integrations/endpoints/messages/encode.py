"""`/v1/messages`: the Claude family in its own form, the one that tells the text of its thinking.

Used where it is asked for (`endpoint="messages"`), or where thinking is to be told that no other endpoint tells.
https://docs.aimlapi.com/capabilities/anthropic
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from ...errors import UnsupportedContentError, UnsupportedParameterError
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
from ..shared.media import decode_text
from ..shared.parsing import as_dict, drop_nulls
from .decode import decode
from .stream import MessagesDecoder as Decoder

__all__ = ["MIN_THINKING_BUDGET", "PATH", "Decoder", "decode", "encode", "stream_options"]

PATH = "/messages"

MIN_THINKING_BUDGET = 1024
"""Tokens; thinking with fewer is refused."""

# Thinking budgets for the words that other models take as effort.
BUDGETS = {"minimal": MIN_THINKING_BUDGET, "low": 2048, "medium": 8192, "high": 24576}

_RENAMED = {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def encode(request: Request) -> Json:
    """The body that asks for a plain reply."""
    if request.response_format and request.response_format.kind != "text":
        raise UnsupportedParameterError(f"{ENDPOINT} has no response format: use a tool, or chat completions.")
    system, turns = _parted(request.messages)
    body: Json = {"model": request.model, "messages": turns, **_options(request.options)}
    if system:
        body["system"] = _system(system)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body.update(_tool_choice(request))
    return {**body, **request.extra_body}


def stream_options(body: Json, usage: bool) -> Json:  # noqa: ARG001  # usage always comes
    """The body that asks for the same as a stream, whose usage always comes."""
    return {**body, "stream": True}


# --- options ------------------------------------------------------------------------------------------------------


def _options(options: Mapping[str, Any]) -> Json:
    given = {_RENAMED.get(name, name): value for name, value in options.items() if value is not None}
    if isinstance(given.get("stop_sequences"), str):
        given["stop_sequences"] = [given["stop_sequences"]]
    effort, reasoning = given.pop("reasoning_effort", None), as_dict(given.pop("reasoning", None))
    budget = reasoning.get("max_tokens") or BUDGETS.get(str(effort or reasoning.get("effort")))
    if budget and "thinking" not in given:
        given["thinking"] = _thinking(budget, given.get("max_tokens"), bool(reasoning.get("exclude")))
    return given


def _thinking(budget: int, most: float | None, omitted: bool) -> Json:
    """Thinking with a budget that leaves something of `max_tokens` for the answer, since it counts towards them."""
    room = budget if most is None else int(most) - MIN_THINKING_BUDGET
    thinking: Json = {"type": "enabled", "budget_tokens": max(MIN_THINKING_BUDGET, min(budget, room))}
    return {**thinking, "display": "omitted"} if omitted else thinking


# --- system text --------------------------------------------------------------------------------------------------


def _parted(messages: Iterable[Message]) -> tuple[list[Text], list[Json]]:
    """System texts and the turns of the others; the user says what the system does where nobody says anything else."""
    system: list[Message] = []
    others: list[Message] = []
    for message in messages:
        (system if message.role in ("system", "developer") else others).append(message)
    if turns := encode_turns(others):
        return [text for message in system for part in message.parts if (text := _text(part)).text.strip()], turns
    return [], encode_turns(Message("user", message.parts) for message in system)


def _text(part: Part) -> Text:
    if isinstance(part, Text):
        return part
    kind = type(part).__name__
    raise UnsupportedContentError(f"{kind} content in system text cannot go to {ENDPOINT}: put it in a user turn.")


def _system(texts: Iterable[Text]) -> str | list[Json]:
    blocks = [text_block(part) for part in texts]
    if any("cache_control" in block for block in blocks):
        return blocks
    return "\n\n".join(block["text"] for block in blocks)


# --- tools --------------------------------------------------------------------------------------------------------


def _tool(tool: Tool | HostedTool) -> Json:
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    described = {"description": tool.description} if tool.description else {}
    strict = {} if tool.strict is None else {"strict": tool.strict}
    schema = {"type": "object", **(tool.parameters or {"properties": {}})}
    return {"name": tool.name, **described, "input_schema": schema, **strict, **tool.extra}


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


ENDPOINT = "the messages endpoint"

IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PDF = "application/pdf"


def encode_turns(messages: Iterable[Message]) -> list[Json]:
    """User and assistant turns in alternation: results of tools are blocks of the user's turn.

    A turn that says nothing is left out, since the model refuses it, and so is white space at the end of an answer that
    the model is to continue.
    """
    told = ((_role(message), blocks) for message in messages if (blocks := _blocks(message)))
    turns: list[Json] = [
        {"role": role, "content": [block for _, blocks in group for block in blocks]}
        for role, group in groupby(told, lambda turn: turn[0])
    ]
    if turns and turns[-1]["role"] == "assistant" and (last := turns[-1]["content"][-1])["type"] == "text":
        turns[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return turns


def _role(message: Message) -> str:
    return "assistant" if message.role == "assistant" else "user"


def _blocks(message: Message) -> list[Json]:
    blocks = [block for part in message.parts if (block := _block(part))]
    return [_tool_result(message, blocks)] if message.role == "tool" else blocks


def _tool_result(message: Message, blocks: list[Json]) -> Json:
    result: Json = {"type": "tool_result", "tool_use_id": message.tool_call_id or ""}
    if blocks:
        result["content"] = blocks
    return {**result, "is_error": True} if message.is_error else result


def _block(part: Part) -> Json | None:
    """One content block; None for what cannot be told again and is in the text anyway."""
    match part:
        case Text():
            return text_block(part) if part.text.strip() else None
        case Image():
            return _marked(part, {"type": "image", "source": _image(part)})
        case File():
            return _document(part)
        case Reasoning():
            return _thinking_block(part)
        case ToolCall(kind="function"):
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.parsed() or {}}
        case Refusal():
            return {"type": "text", "text": part.text} if part.text.strip() else None
        case HostedItem() | SearchResult():
            return drop_nulls(part.item) if isinstance(part, SearchResult) or is_messages_block(part.type) else None
    raise UnsupportedContentError(f"{type(part).__name__} content cannot go to {ENDPOINT}.")


def text_block(part: Text) -> Json:
    """A block of text, with its cache marker, and with the sources whose proofs the model wants back."""
    block: Json = {"type": "text", "text": part.text}
    if part.citations and (sources := [source for each in part.citations if (source := _source_found(each))]):
        block["citations"] = sources
    return _marked(part, block)


def _source_found(citation: Citation) -> Json | None:
    """A page that the model found by itself, with the proof of it; None for other sources, which prove nothing."""
    raw = citation.raw
    proof = raw.get("encrypted_index") or as_dict(raw.get("url_citation")).get("encrypted_index")
    if not proof:
        return None
    fields = {"url": citation.url, "title": citation.title, "cited_text": citation.quote, "encrypted_index": proof}
    return drop_nulls({"type": "web_search_result_location", **fields})


def _marked(part: Text | Image | File, block: Json) -> Json:
    return {**block, "cache_control": dict(part.cache)} if part.cache else block


def _thinking_block(part: Reasoning) -> Json | None:
    """Thinking goes back with its signature, or as it was redacted; without either the model would refuse it."""
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return {"type": "redacted_thinking", "data": part.encrypted} if part.encrypted else None


# --- pictures and documents ---------------------------------------------------------------------------------------


def _image(part: Image) -> Json:
    source = _source(part, "image/png")
    if source.get("media_type", IMAGES[0]) not in IMAGES:
        raise UnsupportedContentError(
            f"{ENDPOINT} takes images as JPEG, PNG, GIF or WebP, not as {source['media_type']}: convert it."
        )
    return source


def _document(part: File) -> Json:
    source = _source(part, PDF)
    mime = source.get("media_type", PDF)
    if mime.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": decode_text(source["data"])}
    elif mime != PDF:
        raise UnsupportedContentError(f"{ENDPOINT} takes documents as PDF or text, not as {mime}: convert it.")
    block: Json = {"type": "document", "source": source}
    return _marked(part, {**block, "title": part.filename} if part.filename else block)


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
