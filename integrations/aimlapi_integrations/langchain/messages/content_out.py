"""Parts of a message -> LangChain's standard (v1) content blocks.

`to_content_blocks` serves whole messages, `to_chunk_blocks` the chunks of a stream. The index of a chunk's block is a
string of its type and position, because core merges list items with the same index, whatever their types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...endpoints.shared.media import parse_data_url
from ...types import (
    Audio,
    Citation,
    File,
    Fragment,
    HostedItem,
    Image,
    Json,
    Part,
    Reasoning,
    Refusal,
    SearchResult,
    Text,
    ToolCall,
    Video,
)
from .server_tools import server_tool_blocks

CUSTOM_INPUT = "__arg1"
"""The argument that LangChain's custom tools receive their text in."""

INVALID_ARGUMENTS = "The arguments are not a complete JSON object."
"""The error of invalid tool calls."""


def to_content_blocks(parts: Iterable[Part]) -> list[Json]:
    """Return the standard blocks of a whole message, in order; empty text becomes no block.

    >>> to_content_blocks([Reasoning("It is Paris."), Text("Paris")])
    [{'type': 'reasoning', 'reasoning': 'It is Paris.'}, {'type': 'text', 'text': 'Paris'}]
    """
    return [block for part in parts if part != Text("") for block in _to_blocks(part)]


def _to_blocks(part: Part) -> list[Json]:
    if isinstance(part, HostedItem):
        return server_tool_blocks(part)
    return [_WRITERS[type(part)](part)]


def _drop_empty(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, (), [], {})}


def _text(part: Text) -> Json:
    annotations = [_annotation(citation) for citation in part.citations]
    return {"type": "text", "text": part.text, **_drop_empty(id=part.id, annotations=annotations)}


def _annotation(citation: Citation) -> Json:
    if citation == Citation(raw=citation.raw):
        return {"type": "non_standard_annotation", "value": dict(citation.raw)}
    fields = _drop_empty(
        url=citation.url,
        title=citation.title,
        start_index=citation.start,
        end_index=citation.end,
        cited_text=citation.quote,
        extras=_citation_extras(citation),
    )
    return {"type": "citation", **fields}


_CITATION_FIELDS = ("type", "url", "title", "start_index", "end_index", "content", "url_citation")


def _citation_extras(citation: Citation) -> Json:
    """Return the fields of a citation's own JSON that have no standard equivalent."""
    return {name: value for name, value in citation.raw.items() if name not in _CITATION_FIELDS}


def _reasoning(part: Reasoning, first: bool = True) -> Json:
    extras = _drop_empty(
        kind="summary" if first and part.kind == "summary" else None,
        signature=part.signature,
        encrypted_content=part.encrypted,
        reasoning_details=[dict(detail) for detail in part.details],
    )
    return {"type": "reasoning", "reasoning": part.text, **_drop_empty(id=part.id, extras=extras)}


def call_arguments(call: ToolCall) -> dict[str, Any] | None:
    """Return the arguments to run a tool with; None if they are incomplete."""
    if call.kind == "function":
        return call.parsed()
    return None if call.cut else {CUSTOM_INPUT: call.arguments}


def call_extras(call: ToolCall) -> Json:
    """Return what is sent back with a call in addition to its name and arguments."""
    return {**_drop_empty(item_id=call.item_id, kind="custom" if call.kind == "custom" else None), **call.extra}


def _tool_call(call: ToolCall) -> Json:
    args, extras = call_arguments(call), _drop_empty(extras=call_extras(call))
    if args is None:
        fields = {"id": call.id, "name": call.name, "args": call.arguments, "error": INVALID_ARGUMENTS}
        return {"type": "invalid_tool_call", **fields, **extras}
    return {"type": "tool_call", "id": call.id, "name": call.name, "args": args, **extras}


def _refusal(part: Refusal) -> Json:
    return {"type": "refusal", "refusal": part.text}


def _search_result(part: SearchResult) -> Json:
    return {"type": "non_standard", "value": dict(part.item)}


def _image(part: Image) -> Json:
    block = _media(part)
    return {**block, "extras": {"detail": part.detail}} if part.detail else block


def _audio(part: Audio) -> Json:
    mime = f"audio/{part.format or 'wav'}" if part.data else None
    extras = _drop_empty(transcript=part.transcript)
    return {"type": "audio", **_drop_empty(id=part.id, url=part.url, base64=part.data, mime_type=mime, extras=extras)}


def _media(part: Image | File | Video) -> Json:
    """Return an image, file or video block with a URL, data or an id. A data URL is split."""
    url, data, mime = part.url, part.data, part.mime
    if split := parse_data_url(url):
        url, (mime, data) = None, split
    kind = type(part).__name__.lower()
    ids = {name: getattr(part, name, None) for name in ("id", "file_id", "filename")}
    return {"type": kind, **_drop_empty(url=url, base64=data, mime_type=mime, **ids)}


_WRITERS: dict[type, Callable[[Any], Json]] = {
    Text: _text,
    Reasoning: _reasoning,
    ToolCall: _tool_call,
    Refusal: _refusal,
    Image: _image,
    Audio: _audio,
    File: _media,
    Video: _media,
    SearchResult: _search_result,
}


# --- streams ------------------------------------------------------------------------------------------------------


def to_chunk_blocks(fragments: Iterable[Fragment], started: set[int]) -> list[Json]:
    """Return the blocks that the fragments of one delta add to a message, each with its index.

    Args:
        fragments: the fragments.
        started: the indexes of earlier fragments, updated by this call. Fields that occur once in a block are written
            for its first fragment.
    """
    blocks: list[Json] = []
    for fragment in fragments:
        blocks += _chunk_blocks(fragment, fragment.index not in started)
        started.add(fragment.index)
    return blocks


def _chunk_blocks(fragment: Fragment, first: bool) -> list[Json]:
    part, index = fragment.part, fragment.index
    match part:
        case Reasoning():
            return [{**_reasoning(part, first), "index": f"lc_rs_{index}"}]
        case ToolCall():
            return [_tool_call_chunk(part, index)]
        case Text():
            return [{**_text(part), "index": f"lc_txt_{index}"}]
    return [{**block, "index": f"lc_{block['type']}_{index}"} for block in _to_blocks(part)]


def _tool_call_chunk(call: ToolCall, index: int) -> Json:
    fields = {"id": call.id or None, "name": call.name or None, "args": call.arguments, "index": f"lc_tc_{index}"}
    return {"type": "tool_call_chunk", **fields, **_drop_empty(extras=call_extras(call))}
