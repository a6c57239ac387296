"""Content blocks -> `Part`s, and the MIME types of files, by their first bytes, their names or their text."""

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


def parse_block(block: Any) -> list[Part]:
    """Convert one content block. Empty text has no parts.

    Raises:
        UnsupportedContentError: No endpoint can represent a block of this class.
    """
    convert = _CONVERTERS.get(type(block)) or _base_class_converter(block)
    return convert(block)


def _base_class_converter(block: Any) -> Callable[[Any], list[Part]]:
    for kind, convert in _CONVERTERS.items():
        if isinstance(block, kind):
            return convert
    raise UnsupportedContentError(
        f"A {type(block).__name__} cannot be sent to any endpoint: replace it with text, an image or a document."
    )


def _text(block: TextBlock) -> list[Part]:
    return [Text(block.text)] if block.text else []


def _image(block: ImageBlock) -> list[Part]:
    url = _url(block)
    if url:
        return [Image(url=url, detail=block.detail)]
    raw = _read(block.resolve_image())
    return [
        Image(
            data=_base64(raw), mime=detect_mime_type(raw, _file_name(block), block.image_mimetype), detail=block.detail
        )
    ]


def _audio(block: AudioBlock) -> list[Part]:
    url = _url(block)
    if url and not is_data_url(url):
        return [Audio(url=url, format=block.format)]
    raw = _read(block.resolve_audio())
    mime = detect_mime_type(raw, _file_name(block))
    return [Audio(data=_base64(raw), format=block.format or (mime if mime.startswith("audio/") else None))]


def _video(block: VideoBlock) -> list[Part]:
    url = _url(block)
    if url:
        return [Video(url=url)]
    raw = _read(block.resolve_video())
    return [Video(data=_base64(raw), mime=detect_mime_type(raw, _file_name(block), block.video_mimetype))]


def _document(block: DocumentBlock) -> list[Part]:
    """Convert a document. A text file goes as text, because few endpoints accept such files."""
    title = block.title if block.title != _UNTITLED else None
    if block.url and not is_data_url(block.url):
        return [File(url=block.url, mime=block.document_mimetype, filename=title or _file_name(block))]
    raw = _read(block.resolve_document())
    mime = detect_mime_type(raw, title or _file_name(block), block.document_mimetype)
    name = title or _file_name(block)
    if is_text(mime):
        text = decode_text(raw, mime)
        return [Text(f"{name}\n\n{text}" if name else text)]
    return [File(data=_base64(raw), mime=mime, filename=_with_suffix(name, mime))]


_UNTITLED = "input_document"  # core's default title


def _citable(block: CitableBlock) -> list[Part]:
    """Convert a passage of a source to a search result, which Claude can cite. Other models get its text."""
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
    """Convert reasoning. The parts of a summary share their item's opaque fields, which go with the first part.

    Other integrations store other values in `additional_information`: those of a wrong type are ignored.
    """
    info = block.additional_information
    first = Reasoning(
        text=block.content or "",
        kind="summary" if info.get("kind") == "summary" else "text",
        id=as_str(info.get("id")),
        signature=as_str(info.get("signature")),
        encrypted=as_str(info.get("encrypted_content")) or _redacted_data(info),
        details=tuple(dict_items(info.get("reasoning_details"))),
    )
    texts = info.get("parts")
    if not isinstance(texts, list) or "\n\n".join(map(str, texts)) != first.text:
        texts = [first.text]
    head = Reasoning(texts[0], first.kind, first.id, first.signature, first.encrypted, first.details)
    return [head, *(Reasoning(text, first.kind, first.id) for text in texts[1:])]


def _redacted_data(info: Mapping[str, Any]) -> str | None:
    """Return the data of redacted thinking, as Anthropic's integration stores it."""
    return as_str(info.get("data")) if info.get("type") == "redacted_thinking" else None


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


# --- files ---------------------------------------------------------------------------------------------------------


def _url(block: ImageBlock | AudioBlock | VideoBlock) -> str | None:
    """Return the block's URL, unless the block has data or a path."""
    has_data = any(getattr(block, name, None) for name in ("image", "audio", "video"))
    return str(block.url) if block.url and not has_data and block.path is None else None


def _read(buffer: Any) -> bytes:
    """Read a whole buffer, and rewind it: it may be the caller's."""
    data: bytes = buffer.read()
    buffer.seek(0)
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _file_name(block: Any) -> str | None:
    """Return the file name, from its path or URL."""
    location = str(block.path or block.url or "")
    return None if is_data_url(location) else PurePosixPath(location.partition("?")[0]).name or None


def _with_suffix(name: str | None, mime: str) -> str | None:
    if name is None or PurePosixPath(name).suffix:
        return name
    return name + (mimetypes.guess_extension(mime) or "")


# --- MIME types -------------------------------------------------------------------------------------------------------

_UNKNOWN = "application/octet-stream"

# Offset, the bytes at it, MIME type. See https://www.iana.org/assignments/media-types
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


def detect_mime_type(data: bytes, name: str | None = None, declared: str | None = None) -> str:
    """Return the MIME type of `data`: the declared one, or by its first bytes, its name, or whether it is UTF-8 text.

    >>> detect_mime_type(b"%PDF-1.7"), detect_mime_type(b"a,b", "table.csv")
    ('application/pdf', 'text/csv')
    >>> detect_mime_type(b"Hello"), detect_mime_type(b"\\x00\\xff")
    ('text/plain', 'application/octet-stream')
    """
    return declared or _mime_by_magic(data) or mimetypes.guess_type(name or "")[0] or _mime_by_decoding(data)


def _mime_by_magic(data: bytes) -> str | None:
    return next((mime for start, magic, mime in _MAGIC if data[start : start + len(magic)] == magic), None)


def _mime_by_decoding(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _UNKNOWN
    return _UNKNOWN if "\x00" in text else "text/plain"


def is_text(mime: str) -> bool:
    """Return whether files of this type are text.

    >>> is_text("Text/CSV; charset=latin-1"), is_text("application/ld+json"), is_text("application/pdf")
    (True, True, False)
    """
    kind, _, subtype = mime.partition(";")[0].strip().lower().partition("/")
    is_text_format = subtype.rpartition("+")[2] in ("json", "xml", "yaml", "x-yaml", "csv")
    return kind == "text" or (kind == "application" and is_text_format)


def decode_text(data: bytes, mime: str) -> str:
    """Decode `data` by the charset of its MIME type, or as UTF-8.

    >>> decode_text(b"caf\\xe9", "text/plain; charset=ISO-8859-1")
    'café'
    """
    charset = mime.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    try:
        return data.decode(charset or "utf-8", errors="replace")
    except LookupError:
        return data.decode(errors="replace")
