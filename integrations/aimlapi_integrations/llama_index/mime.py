"""What a file is, by its first bytes."""

from __future__ import annotations

import mimetypes

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
