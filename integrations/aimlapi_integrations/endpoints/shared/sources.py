"""Files to send: URLs, paths, bytes and open files, with their MIME types."""

from __future__ import annotations

import base64
import io
import mimetypes
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from ...errors import UnsupportedContentError
from .media import is_data_url, normalize_mime, to_data_url


class Readable(Protocol):
    """An open file."""

    def read(self) -> bytes:
        """Return its bytes."""


Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable
"""A URL, the path of a local file, bytes, or a file that is open for reading bytes."""

UNKNOWN_MIME = "application/octet-stream"

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
_KINDS: Mapping[str, str] = {"application/pdf": "PDF", "image": "image", "audio": "recording", "video": "recording"}


@dataclass(frozen=True, slots=True)
class MediaSource:
    """A file to send: a URL that the gateway reads, or bytes. `name` is empty if the source has none."""

    mime: str
    name: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)

    @property
    def link(self) -> str:
        """The URL, or the bytes as a data URL."""
        return self.url or to_data_url(self.base64, self.mime)

    @property
    def base64(self) -> str:
        """The bytes in base64."""
        return base64.b64encode(self.data or b"").decode()

    @property
    def size(self) -> int:
        """The number of bytes; 0 for a URL."""
        return len(self.data or b"")

    @property
    def file_name(self) -> str:
        """The name of the file in a form; made up by its type if the source has none."""
        return self.name or "file" + (mimetypes.guess_extension(self.mime) or "")

    @property
    def label(self) -> str:
        """What to call the source in an error.

        >>> MediaSource("application/pdf", "a.pdf").label, MediaSource("application/pdf", "").label
        ('a.pdf', 'The PDF passed as bytes')
        """
        kind = _KINDS.get(self.mime) or _KINDS.get(self.mime.partition("/")[0], "file")
        return self.name or f"The {kind} passed as bytes"


class NamedBytes(io.BytesIO):
    """Bytes as an open file with a name, by which a form, an error and the detection of the type know them."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form, and the name of its field."""

    part: str
    source: MediaSource


def load_source(source: Source, mime: str | None = None) -> MediaSource:
    """Read a file that is local, and find out its type.

    Args:
        source: an `http` or `https` URL, which isn't fetched here; a `data` or `file` URL; the path of a file; bytes;
            or a file that is open for reading bytes.
        mime: its MIME type; None to tell it from its first bytes or its name.

    Raises:
        OSError: the file can't be read.
        TypeError: the source is none of these.
        UnsupportedContentError: the file is empty.

    >>> load_source(b"%PDF-1.7 ...").mime, load_source("https://example.com/talk.mp3").name
    ('application/pdf', 'talk.mp3')
    """
    match source:
        case str() if is_data_url(source):
            return _from_data_url(source, mime)
        case str() if "://" in source:
            return _from_url(source, mime)
        case str() | os.PathLike():
            path = Path(source)
            return _from_bytes(path.read_bytes(), path.name, mime)
        case bytes() | bytearray() | memoryview():
            return _from_bytes(bytes(source), "", mime)
    if not hasattr(source, "read"):
        raise TypeError(f"Expected a URL, a path, bytes or an open file, received {type(source).__name__}.")
    data = source.read()
    if not isinstance(data, bytes):
        raise TypeError("The file is open for reading text: open it with mode 'rb'.")
    return _from_bytes(data, Path(str(getattr(source, "name", ""))).name, mime)


def _from_url(url: str, mime: str | None) -> MediaSource:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return load_source(Path(unquote(parts.path)), mime)
    name = unquote(parts.path.rpartition("/")[2]) or parts.netloc
    return MediaSource(normalize_mime(mime) or _mime_by_name(name) or "", name, url=url)


def _from_data_url(url: str, mime: str | None) -> MediaSource:
    head, _, data = url[len("data:") :].partition(",")
    is_base64 = head.lower().endswith(";base64")
    content = base64.b64decode(data) if is_base64 else unquote_to_bytes(data)
    return _from_bytes(content, "", mime or head.partition(";")[0])


def _from_bytes(data: bytes, name: str, mime: str | None) -> MediaSource:
    if not data:
        raise UnsupportedContentError(f"{name or 'The file'} is empty, or has been read to its end.")
    kind = normalize_mime(mime) or _mime_by_magic(data) or _mime_by_name(name) or UNKNOWN_MIME
    return MediaSource(kind, name, data=data)


def _mime_by_name(name: str) -> str | None:
    return normalize_mime(mimetypes.guess_type(name)[0])


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
        return UNKNOWN_MIME
    return UNKNOWN_MIME if "\x00" in text else "text/plain"


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
