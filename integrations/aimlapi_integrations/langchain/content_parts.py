"""Content of LangChain messages -> parts: one function per type of block, whichever vendor's form it has.

The forms are LangChain's own (v1, and v0 with its `source_type`), OpenAI's of both endpoints, and Anthropic's. A block
that is none of these is an `UnsupportedContentError` that names it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ..conversation import Citation, HostedItem, Json, Part, Reasoning, Refusal, Text, ToolCall
from ..errors import UnsupportedContentError
from . import media_parts
from .content_blocks import CUSTOM_INPUT
from .hosted import hosted_part, is_hosted
from .media_parts import extra, own_id

Content = str | list[Any]


def parts(content: Content) -> list[Part]:
    """The parts that a message's content holds, in order.

    Raises:
        UnsupportedContentError: a block of a type that is not known.
    """
    if isinstance(content, str):
        return [Text(content)] if content else []
    results = {str(b.get("tool_call_id")): b for b in content if isinstance(b, dict) and b.get("type") == _RESULT}
    return [part for block in content for part in _parts(block, results)]


_RESULT = "server_tool_result"


def _parts(block: Any, results: Mapping[str, Json]) -> list[Part]:
    if isinstance(block, str):
        return [Text(block)]
    if not isinstance(block, dict):
        _unknown(type(block).__name__)
    kind = block.get("type") or _guessed(block)
    if not isinstance(kind, str):
        _unknown(type(kind).__name__)
    if kind == "server_tool_call":
        return [hosted_part(block, results) or _unknown(f"{kind} of {block.get('name')!r}")]
    if kind == _RESULT:
        return []  # read with its call
    read = _READERS.get(kind)
    if read is not None:
        return _listed(read(block))
    return [HostedItem({k: v for k, v in block.items() if k != "index"})] if is_hosted(kind) else _unknown(kind)


def _listed(found: Part | list[Part]) -> list[Part]:
    return found if isinstance(found, list) else [found]


def _guessed(block: Json) -> str:
    """The type of a block that does not say it: its only key, as LangChain itself reads it."""
    return next(iter(block)) if len(block) == 1 else ""


def _unknown(kind: str) -> NoReturn:
    raise UnsupportedContentError(
        f"Content block of type {kind!r} cannot be sent: neither chat completions nor responses has a form for it."
    )


# --- text ---------------------------------------------------------------------------------------------------------


def _text(block: Json) -> Part:
    citations = tuple(map(citation, block.get("annotations") or block.get("citations") or ()))
    return Text(_words(block, "text"), citations, id=own_id(block), cache=extra(block, "cache_control"))


def _words(block: Json, field: str) -> str:
    words = block.get(field) or ""
    if not isinstance(words, str):
        kind = type(words).__name__
        raise UnsupportedContentError(f"The {field!r} of a {block.get('type')!r} block is no text but {kind}.")
    return words


def citation(raw: Mapping[str, Any]) -> Citation:
    """A source, from a standard annotation or from OpenAI's (flat or inside `url_citation`)."""
    if raw.get("type") == "non_standard_annotation":
        return Citation(raw=raw.get("value") or {})
    inner = raw["url_citation"] if isinstance(raw.get("url_citation"), dict) else raw
    return Citation(
        url=inner.get("url"),
        title=inner.get("title") or inner.get("filename"),
        start=inner.get("start_index"),
        end=inner.get("end_index"),
        quote=inner.get("cited_text") or inner.get("content"),
        raw={**raw.get("extras", {})} if raw.get("type") == "citation" else dict(raw),
    )


def _refusal(block: Json) -> Part:
    return Refusal(_words(block, "refusal"))


def _non_standard(block: Json) -> list[Part]:
    value = block.get("value")
    return (
        parts([value]) if isinstance(value, dict) and value.get("type") != "non_standard" else _unknown("non_standard")
    )


def _plain_text(block: Json) -> Part:
    """A text document: by its text where that is there, else as a file."""
    if isinstance(block.get("text"), str):
        return Text(block["text"])
    if block.get("base64"):
        return Text(base64.b64decode(block["base64"]).decode())
    return media_parts.file({"mime_type": "text/plain", **block})


# --- reasoning ----------------------------------------------------------------------------------------------------


def _reasoning(block: Json) -> list[Part]:
    """A v1 block, or a Responses item with its list of summaries."""
    if "summary" in block or "content" in block:
        return reasoning_item(block)
    extras = block.get("extras") or {}
    found = own_id(block)
    summary = extras.get("kind") == "summary" or (found is not None and "kind" not in extras)
    return [
        Reasoning(
            text=block.get("reasoning") or "",
            kind="summary" if summary else "text",
            id=found,
            signature=extras.get("signature"),
            encrypted=extras.get("encrypted_content"),
            details=tuple(extras.get("reasoning_details") or ()),
        )
    ]


def reasoning_item(item: Json) -> list[Part]:
    """The parts of a reasoning item in the form of Responses; its proofs are on the first of them."""
    texts = [(kind, piece.get("text") or "") for kind, field in _PIECES for piece in item.get(field) or ()]
    proofs = {"signature": item.get("signature"), "encrypted": item.get("encrypted_content")}
    (kind, text), *others = texts or [("text" if item.get("signature") else "summary", "")]
    found = own_id(item)
    first = Reasoning(text, kind, id=found, **proofs)  # type: ignore[arg-type]  # the kinds are those of _PIECES
    return [first, *(Reasoning(text, kind, id=found) for kind, text in others)]  # type: ignore[arg-type]


_PIECES = (("summary", "summary"), ("text", "content"))


def _thinking(block: Json) -> Part:
    return Reasoning(_words(block, "thinking"), signature=block.get("signature"))


def _redacted_thinking(block: Json) -> Part:
    return Reasoning(encrypted=block.get("data"))


def _reasoning_content(block: Json) -> Part:
    """Bedrock's form."""
    inner = block.get("reasoning_content") or {}
    return Reasoning(inner.get("text") or "", signature=inner.get("signature"))


# --- tool calls ---------------------------------------------------------------------------------------------------


def arguments(value: Any) -> str:
    """The arguments of a call as JSON text."""
    return value if isinstance(value, str) else json.dumps({} if value is None else value, ensure_ascii=False)


def tool_call(call: Mapping[str, Any], extras: Mapping[str, Any]) -> ToolCall:
    """A valid or invalid call of LangChain's, with what its vendor wants back beside it."""
    further = {name: value for name, value in extras.items() if name in ("extra_content",)}
    args = call.get("args")
    custom = extras.get("kind") == "custom"
    written = args[CUSTOM_INPUT] if custom and isinstance(args, dict) and CUSTOM_INPUT in args else args
    return ToolCall(
        id=call.get("id") or "",
        name=call.get("name") or "",
        arguments="" if written is None else arguments(written),
        kind="custom" if custom else "function",
        item_id=extras.get("item_id"),
        extra=further,
        cut=custom and isinstance(args, str),
    )


def _tool_call(block: Json) -> Part:
    return tool_call(block, block.get("extras") or {})


def _tool_use(block: Json) -> Part:
    return ToolCall(block.get("id") or "", block.get("name") or "", arguments(block.get("input")))


def _function_call(block: Json) -> Part:
    call_id, name = block.get("call_id") or "", block.get("name") or ""
    return ToolCall(call_id, name, arguments(block.get("arguments")), item_id=block.get("id"))


def _custom_tool_call(block: Json) -> Part:
    call_id, name = block.get("call_id") or "", block.get("name") or ""
    return ToolCall(call_id, name, _words(block, "input"), kind="custom", item_id=block.get("id"))


_READERS: dict[str, Callable[[Json], Part | list[Part]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "text-plain": _plain_text,
    "refusal": _refusal,
    "non_standard": _non_standard,
    "reasoning": _reasoning,
    "thinking": _thinking,
    "redacted_thinking": _redacted_thinking,
    "reasoning_content": _reasoning_content,
    "tool_call": _tool_call,
    "tool_call_chunk": _tool_call,
    "invalid_tool_call": _tool_call,
    "tool_use": _tool_use,
    "function_call": _function_call,
    "custom_tool_call": _custom_tool_call,
    "image": media_parts.image,
    "image_url": media_parts.image_url,
    "input_image": media_parts.image_url,
    "audio": media_parts.audio,
    "input_audio": media_parts.input_audio,
    "file": media_parts.file,
    "input_file": media_parts.file,
    "document": media_parts.document,
    "video": media_parts.video,
    "video_url": media_parts.video_url,
}
