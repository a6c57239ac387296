"""Turns and parts in the Anthropic form, as the messages endpoint takes them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from ..conversation import (
    Citation,
    File,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    SearchResult,
    Text,
    ToolCall,
)
from ..errors import UnsupportedContentError
from .authorship import is_messages_block
from .handed_back import handed_back
from .media import decoded_text
from .reading import obj

ENDPOINT = "the messages endpoint"

IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PDF = "application/pdf"


def turns_of(messages: Iterable[Message]) -> list[Json]:
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
            return _thinking(part)
        case ToolCall(kind="function"):
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.parsed() or {}}
        case Refusal():
            return {"type": "text", "text": part.text} if part.text.strip() else None
        case HostedItem() | SearchResult():
            return handed_back(part.item) if isinstance(part, SearchResult) or is_messages_block(part.type) else None
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
    proof = raw.get("encrypted_index") or obj(raw.get("url_citation")).get("encrypted_index")
    if not proof:
        return None
    fields = {"url": citation.url, "title": citation.title, "cited_text": citation.quote, "encrypted_index": proof}
    return handed_back({"type": "web_search_result_location", **fields})


def _marked(part: Text | Image | File, block: Json) -> Json:
    return {**block, "cache_control": dict(part.cache)} if part.cache else block


def _thinking(part: Reasoning) -> Json | None:
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
        source = {"type": "text", "media_type": "text/plain", "data": decoded_text(source["data"])}
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
