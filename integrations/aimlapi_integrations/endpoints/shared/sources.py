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

from .media import is_data_url, normalize_mime, to_data_url


class Readable(Protocol):
    """An open file."""

    def read(self) -> bytes:
        """Return its bytes."""


Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable
"""A URL, the path of a local file, bytes, or a file that is open for reading bytes."""

_MAGIC: Mapping[bytes, str] = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"BM": "image/bmp",
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
    b"fLaC": "audio/flac",
    b"OggS": "audio/ogg",
}
_KINDS: Mapping[str, str] = {"application/pdf": "PDF", "image": "image", "audio": "recording", "video": "recording"}
_RIFF: Mapping[bytes, str] = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}


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
    kind = normalize_mime(mime) or _mime_by_magic(data) or _mime_by_name(name) or "application/octet-stream"
    return MediaSource(kind, name, data=data)


def _mime_by_magic(data: bytes) -> str | None:
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12])
    return next((mime for start, mime in _MAGIC.items() if data.startswith(start)), None)


def _mime_by_name(name: str) -> str | None:
    return normalize_mime(mimetypes.guess_type(name)[0])
