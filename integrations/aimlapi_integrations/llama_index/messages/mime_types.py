"""The MIME types of files, by their first bytes, their names or their text."""

from __future__ import annotations

import mimetypes

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
