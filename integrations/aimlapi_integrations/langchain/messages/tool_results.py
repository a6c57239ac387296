"""What a tool returned -> parts: content blocks where they are whole, JSON text where they are records of the tool's.

A record may have a `type` of its own (`file`, `document`, `json` …). Only a block whose every field has a meaning here
is content; anything else is data, and goes as JSON text, whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..._utils.json import as_json_text
from ...errors import UnsupportedContentError
from ...types import Audio, File, HostedItem, Image, Json, Part, SearchResult, Text, Video
from .content_in import block_parts, search_result

# What any block may carry beside its own fields.
_EVERYWHERE = frozenset({"type", "id", "index", "extras", "cache_control"})

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

# Results of the tools that Responses runs on the caller's side, which go back as items of their own.
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


def result_parts(content: Any) -> list[Part]:
    """The parts of a tool's result, in order; nothing of it is lost, and nothing is refused.

    >>> result_parts([{"type": "file", "name": "a.txt"}])
    [Text(text='[{"type": "file", "name": "a.txt"}]', citations=(), id=None, cache=None)]
    """
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list | tuple) or not content:
        return [Text(as_json_text(content))]
    blocks = [_content(block) for block in content]
    if None in blocks and not any(map(_holds_media, blocks)):
        return [Text(as_json_text(content))]
    return [part for block, raw in zip(blocks, content, strict=True) for part in block or [Text(as_json_text(raw))]]


def _content(block: Any) -> list[Part] | None:
    """The parts of a content block; None for what is none."""
    if isinstance(block, str):
        return [Text(block)]
    if not isinstance(block, dict) or not isinstance(block.get("type", "text"), str):
        return None
    kind = block.get("type", "text")
    if kind == "search_result":
        found = search_result(block)
        return None if found is None else [SearchResult(found.item, as_json_text(block))]
    if kind in _ITEMS:
        return [HostedItem(block)] if {"call_id", "output", "approval_request_id"} & block.keys() else None
    if kind not in _FIELDS or not (_EVERYWHERE | _FIELDS[kind]).issuperset(block):
        return _with_caption(block)
    return _whole(block)


def _whole(block: Json) -> list[Part] | None:
    if block.get("type") in _TEXTS and not isinstance(block.get("text"), str):
        return None
    try:
        parts = block_parts(block)
    except (UnsupportedContentError, AttributeError, KeyError, TypeError, ValueError):
        return None
    if "title" in block and not _holds_media(parts):
        return None  # a document of text, whose title would be lost
    return parts if all(_CHECKS[type(part)](part) for part in parts) else None


def _with_caption(block: Json) -> list[Part] | None:
    """A medium by its data, and what the record says of it beside; its data would be long and say nothing as text."""
    fields = _FIELDS.get(str(block.get("type")), frozenset()) - {"text"}
    medium = {key: value for key, value in block.items() if key in _EVERYWHERE or key in fields}
    parts = _whole(medium) if fields else None
    if not parts or not getattr(parts[0], "data", None):
        return None
    caption = {key: value for key, value in block.items() if key == "type" or key not in medium}
    return [*parts, Text(as_json_text(caption))]


def _holds_media(parts: list[Part] | None) -> bool:
    return any(isinstance(part, Image | Audio | File | Video) for part in parts or ())


# --- what makes a part whole --------------------------------------------------------------------------------------

_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]+")
_LINKS = ("http://", "https://", "data:", "gs://", "s3://")


def _reachable(part: Image | Audio | File | Video) -> bool:
    """Whether a medium is where a model can read it: in data, behind a link, or in a file that the gateway has."""
    if part.data is not None:
        return isinstance(part.data, str) and bool(_BASE64.fullmatch(part.data))
    if part.url is not None:
        return isinstance(part.url, str) and part.url.startswith(_LINKS)
    return isinstance(getattr(part, "file_id", None) or getattr(part, "id", None), str)


_CHECKS: Mapping[type, Callable[[Any], bool]] = {
    Text: lambda _: True,
    Image: _reachable,
    Audio: _reachable,
    File: _reachable,
    Video: _reachable,
    HostedItem: lambda _: False,  # an image block of Responses' own
}
