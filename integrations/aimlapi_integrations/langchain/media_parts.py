"""Pictures, sound, films and documents in the content of LangChain messages -> parts, from whichever vendor's form."""

from __future__ import annotations

import base64
from typing import Any

from ..conversation import Audio, File, Image, Json, Part, Text, Video
from ..errors import UnsupportedContentError
from .hosted import image_item


def extra(block: Json, name: str) -> Any:
    """A field of the block itself, or of its `extras` (v1) or `metadata` (v0)."""
    places = (block, block.get("extras"), block.get("metadata"))
    return next((place[name] for place in places if isinstance(place, dict) and place.get(name) is not None), None)


def own_id(block: Json) -> str | None:
    """The id that the vendor gave; LangChain's own start with `lc_`."""
    found = block.get("id")
    return found if isinstance(found, str) and found and not found.startswith("lc_") else None


def _source(block: Json) -> dict[str, Any]:
    """Where the bytes are, in whichever of the forms: v1, v0 (`source_type`), Anthropic (`source`)."""
    source = block.get("source")
    given = source if isinstance(source, dict) else block
    url, data = given.get("url"), given.get("base64") or given.get("data")
    mime = given.get("mime_type") or given.get("media_type")
    if isinstance(url, str) and url.startswith("data:") and ";base64," in url:
        head, _, data = url.partition(";base64,")
        url, mime = None, head[len("data:") :]
    if isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    by_id = given.get("file_id") or (given.get("id") if given.get("source_type") == "id" else None)
    return {"url": url, "data": data, "mime": mime, "file_id": by_id}


def _found(block: Json, *ways: str) -> dict[str, Any]:
    source = {name: value for name, value in _source(block).items() if name in (*ways, "mime")}
    if not any(source[way] for way in ways):
        raise UnsupportedContentError(f"Content block of type {block.get('type')!r} gives none of: {', '.join(ways)}.")
    return source


def image(block: Json) -> Part:
    item = image_item(block)
    source = _found(block, "url", "data", "file_id")
    return item or Image(**source, detail=extra(block, "detail"), cache=extra(block, "cache_control"))


def image_url(block: Json) -> Part:
    target = block.get("image_url")
    inner = target if isinstance(target, dict) else {"url": target, "detail": block.get("detail")}
    if not inner.get("url"):
        return image(block)
    return Image(url=inner["url"], detail=inner.get("detail"), cache=extra(block, "cache_control"))


def audio(block: Json) -> Part:
    source = _source(block)
    mime = source["mime"] or ""
    if source["data"] or source["url"]:
        return Audio(
            source["data"], mime.rpartition("/")[2] or None, own_id(block), source["url"], extra(block, "transcript")
        )
    by_id = own_id(block) or source["file_id"]
    if by_id is None:
        raise UnsupportedContentError("Content block of type 'audio' gives none of: url, data, id.")
    return Audio(id=by_id)


def input_audio(block: Json) -> Part:
    inner = block.get("input_audio") or {}
    return Audio(data=inner.get("data"), format=inner.get("format"))


def file(block: Json) -> Part:
    """A document in LangChain's form, or in OpenAI's of either endpoint."""
    if block.get("source_type") == "text":
        return Text(str(block.get("text") or block.get("url") or ""))
    inner = block["file"] if isinstance(block.get("file"), dict) else block
    if written := inner.get("file_data") or inner.get("file_url"):
        inner = {**inner, "url" if ":" in written else "data": written}
    name = inner.get("filename") or extra(block, "filename") or extra(block, "name") or extra(block, "title")
    return File(**_found(inner, "url", "data", "file_id"), filename=name, cache=extra(block, "cache_control"))


def document(block: Json) -> Part:
    """Anthropic's form."""
    source = block.get("source") or {}
    if source.get("type") == "text":
        return Text(source.get("data") or "", cache=extra(block, "cache_control"))
    return file(block)


def video(block: Json) -> Part:
    return Video(**_found(block, "url", "data"))


def video_url(block: Json) -> Part:
    target = block.get("video_url")
    return video({"type": "video_url", "url": target.get("url") if isinstance(target, dict) else target})
