"""What a file is, by its first bytes."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    VideoBlock,
)

from ...endpoints.shared.media import is_data_url
from ...endpoints.shared.parsing import as_str, dict_items
from ...errors import UnsupportedContentError
from ...types import Audio, File, Image, Part, Reasoning, SearchResult, Text, Video

UNKNOWN = "application/octet-stream"

# Offset, bytes there, type. https://www.iana.org/assignments/media-types has the names.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (0, b"%PDF-", "application/pdf"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftypM4A", "audio/m4a"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"<svg", "image/svg+xml"),
)


def mime_type(data: bytes, name: str | None = None, declared: str | None = None) -> str:
    """The MIME type of `data`: the declared one, else by its first bytes, its name, or whether it reads as text.

    >>> mime_type(b"%PDF-1.7"), mime_type(b"a,b", "table.csv"), mime_type(b"Hello"), mime_type(b"\\x00\\xff")
    ('application/pdf', 'text/csv', 'text/plain', 'application/octet-stream')
    """
    return declared or _by_magic(data) or mimetypes.guess_type(name or "")[0] or _by_reading(data)


def _by_magic(data: bytes) -> str | None:
    return next((mime for start, magic, mime in _MAGIC if data[start : start + len(magic)] == magic), None)


def _by_reading(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return UNKNOWN
    return UNKNOWN if "\x00" in text else "text/plain"


def is_text(mime: str) -> bool:
    """Whether files of this type can be read as text.

    >>> is_text("Text/CSV; charset=latin-1"), is_text("application/ld+json"), is_text("application/pdf")
    (True, True, False)
    """
    kind, _, subtype = mime.partition(";")[0].strip().lower().partition("/")
    written = subtype.rpartition("+")[2] in ("json", "xml", "yaml", "x-yaml", "csv")
    return kind == "text" or (kind == "application" and written)


def decoded(data: bytes, mime: str) -> str:
    """The text in `data`, by the charset that its MIME type names, or UTF-8.

    >>> decoded(b"caf\\xe9", "text/plain; charset=ISO-8859-1")
    'café'
    """
    charset = mime.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    try:
        return data.decode(charset or "utf-8", errors="replace")
    except LookupError:
        return data.decode(errors="replace")


def parse_block(block: Any) -> list[Part]:
    """The parts that one block of content stands for: none for text that is empty.

    Raises:
        UnsupportedContentError: a block of a class that has no form here.
    """
    convert = _CONVERTERS.get(type(block)) or _by_base(block)
    return convert(block)


def _by_base(block: Any) -> Callable[[Any], list[Part]]:
    found = next((convert for kind, convert in _CONVERTERS.items() if isinstance(block, kind)), None)
    if found is None:
        raise UnsupportedContentError(f"A {type(block).__name__} cannot be sent to any endpoint.")
    return found


def _text(block: TextBlock) -> list[Part]:
    return [Text(block.text)] if block.text else []


def _image(block: ImageBlock) -> list[Part]:
    url = _link(block)
    if url:
        return [Image(url=url, detail=block.detail)]
    raw = _read(block.resolve_image())
    return [Image(data=_base64(raw), mime=mime_type(raw, _name(block), block.image_mimetype), detail=block.detail)]


def _audio(block: AudioBlock) -> list[Part]:
    url = _link(block)
    if url and not is_data_url(url):
        return [Audio(url=url, format=block.format)]
    raw = _read(block.resolve_audio())
    mime = mime_type(raw, _name(block))
    return [Audio(data=_base64(raw), format=block.format or (mime if mime.startswith("audio/") else None))]


def _video(block: VideoBlock) -> list[Part]:
    url = _link(block)
    if url:
        return [Video(url=url)]
    raw = _read(block.resolve_video())
    return [Video(data=_base64(raw), mime=mime_type(raw, _name(block), block.video_mimetype))]


def _document(block: DocumentBlock) -> list[Part]:
    """A document; one of text goes as text, since endpoints read files of that kind hardly anywhere."""
    title = block.title if block.title != _UNTITLED else None
    if block.url and not is_data_url(block.url):
        return [File(url=block.url, mime=block.document_mimetype, filename=title or _name(block))]
    raw = _read(block.resolve_document())
    mime = mime_type(raw, title or _name(block), block.document_mimetype)
    name = title or _name(block)
    if is_text(mime):
        text = decoded(raw, mime)
        return [Text(f"{name}\n\n{text}" if name else text)]
    return [File(data=_base64(raw), mime=mime, filename=_with_suffix(name, mime))]


_UNTITLED = "input_document"  # what core calls a document that was given no title


def _citable(block: CitableBlock) -> list[Part]:
    """A passage of a source, as the model cites it where it can; elsewhere its words, under its title."""
    inner = [part for nested in block.content for part in parse_block(nested)]
    title = f"{block.title} ({block.source}):"
    texts = [part.text for part in inner if isinstance(part, Text)]
    if not texts or len(texts) < len(inner):
        return [Text(title), *inner]
    content = [{"type": "text", "text": text} for text in texts]
    item = {"type": "search_result", "source": block.source, "title": block.title, "content": content}
    return [SearchResult({**item, "citations": {"enabled": True}}, "\n".join([title, *texts]))]


def _citation(block: CitationBlock) -> list[Part]:
    return parse_block(block.cited_content)


def _thinking(block: ThinkingBlock) -> list[Part]:
    """Reasoning; the parts of a summary share their item's proofs, which go with the first.

    Other integrations keep other things there: what is of a wrong type is none of these.
    """
    known = block.additional_information
    first = Reasoning(
        text=block.content or "",
        kind="summary" if known.get("kind") == "summary" else "text",
        id=as_str(known.get("id")),
        signature=as_str(known.get("signature")),
        encrypted=as_str(known.get("encrypted_content")) or _redacted(known),
        details=tuple(dict_items(known.get("reasoning_details"))),
    )
    texts = known.get("parts")
    if not isinstance(texts, list) or "\n\n".join(map(str, texts)) != first.text:
        texts = [first.text]
    head = Reasoning(texts[0], first.kind, first.id, first.signature, first.encrypted, first.details)
    return [head, *(Reasoning(text, first.kind, first.id) for text in texts[1:])]


def _redacted(known: Mapping[str, Any]) -> str | None:
    """The data of thinking that Claude redacted, as Anthropic's integration keeps it."""
    return as_str(known.get("data")) if known.get("type") == "redacted_thinking" else None


_CONVERTERS: dict[type, Callable[[Any], list[Part]]] = {
    TextBlock: _text,
    ImageBlock: _image,
    AudioBlock: _audio,
    VideoBlock: _video,
    DocumentBlock: _document,
    CitableBlock: _citable,
    CitationBlock: _citation,
    ThinkingBlock: _thinking,
}


# --- bytes and names ----------------------------------------------------------------------------------------------


def _link(block: ImageBlock | AudioBlock | VideoBlock) -> str | None:
    """The block's URL, where that is what it has."""
    return str(block.url) if block.url and not _given(block) and block.path is None else None


def _given(block: Any) -> Any:
    return next((value for name in ("image", "audio", "video") if (value := getattr(block, name, None))), None)


def _read(buffer: Any) -> bytes:
    """All of a file; it is left as it was found, since it is the caller's."""
    data: bytes = buffer.read()
    buffer.seek(0)
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _name(block: Any) -> str | None:
    """The file's name, from its path or URL."""
    place = str(block.path or block.url or "")
    return None if is_data_url(place) else PurePosixPath(place.partition("?")[0]).name or None


def _with_suffix(name: str | None, mime: str) -> str | None:
    if name is None or PurePosixPath(name).suffix:
        return name
    return name + (mimetypes.guess_extension(mime) or "")
