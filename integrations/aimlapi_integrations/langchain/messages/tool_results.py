"""What a tool returned -> parts: content blocks where they are complete, JSON text for the tool's own data.

A tool's data may have a `type` of its own (`file`, `document`, `json` …). Only a block whose every field is known is
content; anything else is sent as JSON text, whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..._utils.json import as_json_text
from ...errors import UnsupportedContentError
from ...types import Audio, File, HostedItem, Image, Json, Part, SearchResult, Text, Video
from .content_in import parse_blocks, parse_search_result

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
