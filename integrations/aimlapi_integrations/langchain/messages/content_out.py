"""Parts of an answer -> LangChain's standard (v1) content blocks.

`to_content_blocks` serves whole messages, `to_chunk_blocks` the chunks of a stream. A chunk block's index is a string
of the block's kind and place, because core merges list items that share an index, whatever their types.
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
"""The one argument that LangChain's custom tools take their text by."""


def to_content_blocks(parts: Iterable[Part]) -> list[Json]:
    """The standard blocks of a whole message, in order; text that is empty shows no block.

    >>> to_content_blocks([Reasoning("It is Paris."), Text("Paris")])
    [{'type': 'reasoning', 'reasoning': 'It is Paris.'}, {'type': 'text', 'text': 'Paris'}]
    """
    return [block for part in parts if part != Text("") for block in _blocks(part)]


def _blocks(part: Part) -> list[Json]:
    if isinstance(part, HostedItem):
        return server_tool_blocks(part)
    return [_WRITERS[type(part)](part)]


def _given(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value not in (None, (), [], {})}


def _text(part: Text) -> Json:
    annotations = [annotation(citation) for citation in part.citations]
    return {"type": "text", "text": part.text, **_given(id=part.id, annotations=annotations)}


def annotation(citation: Citation) -> Json:
    """A source as a standard annotation."""
    if citation == Citation(raw=citation.raw):
        return {"type": "non_standard_annotation", "value": dict(citation.raw)}
    fields = _given(
        url=citation.url,
        title=citation.title,
        start_index=citation.start,
        end_index=citation.end,
        cited_text=citation.quote,
        extras=_further(citation),
    )
    return {"type": "citation", **fields}


def _further(citation: Citation) -> Json:
    """What a citation's own JSON says beside the standard fields."""
    known = ("type", "url", "title", "start_index", "end_index", "content", "url_citation")
    return {name: value for name, value in citation.raw.items() if name not in known}


def _reasoning(part: Reasoning, first: bool = True) -> Json:
    extras = _given(
        kind="summary" if first and part.kind == "summary" else None,
        signature=part.signature,
        encrypted_content=part.encrypted,
        reasoning_details=[dict(detail) for detail in part.details],
    )
    return {"type": "reasoning", "reasoning": part.text, **_given(id=part.id, extras=extras)}


def call_arguments(call: ToolCall) -> dict[str, Any] | None:
    """The arguments that a tool is run with; None where they are not whole."""
    if call.kind == "function":
        return call.parsed()
    return None if call.cut else {CUSTOM_INPUT: call.arguments}


def call_extras(call: ToolCall) -> Json:
    """What goes back with a call beside its name and arguments."""
    return {**_given(item_id=call.item_id, kind="custom" if call.kind == "custom" else None), **call.extra}


def _tool_call(call: ToolCall) -> Json:
    args, extras = call_arguments(call), _given(extras=call_extras(call))
    if args is None:
        error = "The arguments are not a whole JSON object."
        return {
            "type": "invalid_tool_call",
            "id": call.id,
            "name": call.name,
            "args": call.arguments,
            "error": error,
            **extras,
        }
    return {"type": "tool_call", "id": call.id, "name": call.name, "args": args, **extras}


def _refusal(part: Refusal) -> Json:
    return {"type": "refusal", "refusal": part.text}


def _search_result(part: SearchResult) -> Json:
    return {"type": "non_standard", "value": dict(part.item)}


def _image(part: Image) -> Json:
    block = _data(part)
    return {**block, "extras": {"detail": part.detail}} if part.detail else block


def _audio(part: Audio) -> Json:
    mime = f"audio/{part.format or 'wav'}" if part.data else None
    extras = _given(transcript=part.transcript)
    return {"type": "audio", **_given(id=part.id, url=part.url, base64=part.data, mime_type=mime, extras=extras)}


def _data(part: Image | File | Video) -> Json:
    """A picture, document or film by URL, data or id; a data URL is taken apart."""
    url, data, mime = part.url, part.data, part.mime
    if inline := parse_data_url(url):
        url, (mime, data) = None, inline
    kind = type(part).__name__.lower()
    further = {name: getattr(part, name, None) for name in ("id", "file_id", "filename")}
    return {"type": kind, **_given(url=url, base64=data, mime_type=mime, **further)}


_WRITERS: dict[type, Callable[[Any], Json]] = {
    Text: _text,
    Reasoning: _reasoning,
    ToolCall: _tool_call,
    Refusal: _refusal,
    Image: _image,
    Audio: _audio,
    File: _data,
    Video: _data,
    SearchResult: _search_result,
}


# --- slices of a stream -------------------------------------------------------------------------------------------


def to_chunk_blocks(fragments: Iterable[Fragment], begun: set[int]) -> list[Json]:
    """What the fragments of one delta add to the blocks of a message, each block with its index.

    Args:
        fragments: the pieces.
        begun: indexes that earlier deltas had, which this call adds to: what is said once is said by the first piece.
    """
    found: list[Json] = []
    for fragment in fragments:
        found += _slice(fragment, fragment.index not in begun)
        begun.add(fragment.index)
    return found


def _slice(fragment: Fragment, first: bool) -> list[Json]:
    part, place = fragment.part, fragment.index
    match part:
        case Reasoning():
            return [{**_reasoning(part, first), "index": f"lc_rs_{place}"}]
        case ToolCall():
            return [_tool_call_chunk(part, place)]
        case Text():
            return [{**_text(part), "index": f"lc_txt_{place}"}]
    return [{**block, "index": f"lc_{block['type']}_{place}"} for block in _blocks(part)]


def _tool_call_chunk(call: ToolCall, place: int) -> Json:
    names = {"id": call.id or None, "name": call.name or None}
    extras = _given(extras=call_extras(call))
    return {"type": "tool_call_chunk", **names, "args": call.arguments, "index": f"lc_tc_{place}", **extras}
