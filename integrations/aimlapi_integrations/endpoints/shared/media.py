"""Images, audio, video, and documents on the wire, for every endpoint."""

from __future__ import annotations

import base64
import mimetypes
from codecs import lookup as lookup_codec
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from ...errors import UnsupportedContentError
from ...types import Audio, File, Image, Message, Part, Text, Video

_Media = TypeVar("_Media", Image, File, Video)

_AUDIO_FORMATS = {
    **dict.fromkeys(("mpeg", "mpga", "mpeg3", "x-mpeg", "x-mpeg-3", "x-mp3"), "mp3"),
    **dict.fromkeys(("x-wav", "wave", "vnd.wave", "x-pn-wav"), "wav"),
    **dict.fromkeys(("x-m4a", "mp4a-latm"), "m4a"),
    **{f"x-{name}": name for name in ("aac", "aiff", "flac", "ogg")},
}

# Unregistered MIME types, and the registered ones that models accept.
_REGISTERED = {
    **dict.fromkeys(("image/jpg", "image/pjpeg", "image/x-jpeg", "image/x-jpg"), "image/jpeg"),
    **{f"image/x-{name}": f"image/{name}" for name in ("png", "gif", "webp", "bmp")},
    "image/x-ms-bmp": "image/bmp",
    **dict.fromkeys(("application/x-pdf", "application/acrobat", "text/pdf", "text/x-pdf"), "application/pdf"),
}


# --- data URLs ------------------------------------------------------------------------------------------------------


def is_data_url(url: str | None) -> bool:
    """Return whether `url` contains its data."""
    return bool(url) and str(url)[:5].lower() == "data:"


def parse_data_url(url: str | None) -> tuple[str, str] | None:
    """Split a base64 data URL into its MIME type, with parameters, and its data; None for any other URL.

    >>> parse_data_url("data:image/png;base64,iVBORw0="), parse_data_url("https://example.com/a.png")
    (('image/png', 'iVBORw0='), None)
    """
    if url is None or not is_data_url(url):
        return None
    head, _, data = url.partition(",")
    return (head[len("data:") : -len(";base64")], data) if data and head.lower().endswith(";base64") else None


def to_data_url(data: str, mime: str) -> str:
    """Build a data URL from base64 `data`."""
    return f"data:{mime};base64,{data}"


def is_link(part: Image | File) -> bool:
    """Return whether the content is behind a URL, rather than sent as data or by file id."""
    return bool(part.url) and not is_data_url(part.url)


def decode_text(data: str) -> str:
    """Decode the base64 `data` of a text file."""
    return base64.b64decode(data).decode("utf-8", errors="replace")


# --- MIME types -----------------------------------------------------------------------------------------------------


def normalize_mime(mime: str | None) -> str | None:
    """Normalize a MIME type: lowercase, registered, without parameters. Map a file extension to its type.

    >>> normalize_mime("image/JPG; charset=binary"), normalize_mime("png"), normalize_mime("")
    ('image/jpeg', 'image/png', None)
    """
    name = (mime or "").partition(";")[0].strip().lower()
    if name and "/" not in name:
        name = mimetypes.guess_type(f"file.{name.lstrip('.')}")[0] or name
    return _REGISTERED.get(name, name) or None


def normalize_media(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Normalize the MIME types of all media; return the same messages if nothing changes."""
    if not any(type(part) in _NORMALIZERS for message in messages for part in message.parts):
        return messages
    normalized = tuple(map(_normalize_message, messages))
    return messages if normalized == messages else normalized


def _normalize_message(message: Message) -> Message:
    parts = tuple(_NORMALIZERS.get(type(part), _unchanged)(part) for part in message.parts)
    return message if parts == message.parts else replace(message, parts=parts)


def _unchanged(part: Part) -> Part:
    return part


def _normalize_audio(audio: Audio) -> Audio:
    return replace(audio, format=get_audio_format(audio)) if audio.format else audio


def _normalize_file(file: File) -> File:
    data = _to_utf8(file.data, file.mime) if file.data else None
    return _normalize_source(file if data is None or data is file.data else replace(file, data=data))


def _normalize_source(part: _Media) -> _Media:
    mime = normalize_mime(part.mime)
    url = _normalize_data_url(part.url, mime) if part.url and is_data_url(part.url) else part.url
    return part if (mime, url) == (part.mime, part.url) else replace(part, mime=mime, url=url)


def _normalize_data_url(url: str, mime: str | None) -> str:
    """Rewrite a data URL as base64 with a normalized MIME type and no parameters."""
    head, _, data = url[len("data:") :].partition(",")
    is_base64 = head.lower().endswith(";base64")
    if not is_base64:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    declared = head[: -len(";base64")] if is_base64 else head
    normalized = normalize_mime(declared) or mime or ("application/octet-stream" if is_base64 else "text/plain")
    return to_data_url(_to_utf8(data, declared), normalized)


def _to_utf8(data: str, mime: str | None) -> str:
    """Re-encode base64 text as UTF-8 if its MIME type names another charset, since that parameter is not sent."""
    kind, _, parameters = (mime or "").lower().partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip("\"'")
    with suppress(LookupError, ValueError):
        if charset and kind.startswith("text/") and lookup_codec(charset).name not in ("utf-8", "ascii"):
            return base64.b64encode(base64.b64decode(data).decode(charset).encode()).decode()
    return data


_NORMALIZERS: dict[type, Callable[[Any], Any]] = {
    Audio: _normalize_audio,
    File: _normalize_file,
    Image: _normalize_source,
    Video: _normalize_source,
}


# --- fields on the wire ---------------------------------------------------------------------------------------------


def get_image_url(image: Image, endpoint: str) -> str:
    """Return the URL of an image, or its data as a data URL.

    Raises:
        UnsupportedContentError: it has neither.
    """
    if image.url:
        return image.url
    if image.data:
        return to_data_url(image.data, image.mime or "image/png")
    raise UnsupportedContentError(
        f"An image by file id ({image.file_id!r}) cannot go to {endpoint}: give a URL or data."
    )


def get_video_url(video: Video) -> str:
    """Return the URL of a video, or its data as a data URL."""
    return video.url or to_data_url(video.data or "", video.mime or "video/mp4")


def get_audio_format(audio: Audio) -> str:
    """Return the short name of an audio format, which may be set as a MIME type."""
    name = (audio.format or "wav").partition(";")[0].strip().lower().rpartition("/")[2]
    return _AUDIO_FORMATS.get(name, name)


def supported_audio_format(audio: Audio, formats: Collection[str]) -> str | None:
    """Return the audio format as spelled in a model's `formats`, which may be MIME types; None if it isn't listed."""
    name = get_audio_format(audio)
    spellings = (name, f"audio/{name}", f"audio/x-{name}")
    return next((spelling for spelling in spellings if spelling in formats), None) if formats else name


def get_file_data(file: File) -> str | None:
    """Return the `file_data` of a document: its data as a data URL, or its URL."""
    if file.data:
        return to_data_url(file.data, file.mime or "application/pdf")
    return file.url


def get_filename(file: File) -> str:
    """Return the name of a document, or one that fits its type: endpoints require a name with the data."""
    return file.filename or "document" + (mimetypes.guess_extension(file.mime or "application/pdf") or "")


# --- media outside user messages ------------------------------------------------------------------------------------


def lift_media(messages: tuple[Message, ...], roles: Collection[str] = ("tool", "assistant")) -> tuple[Message, ...]:
    """Move the media of messages with these roles into a user message behind them.

    No endpoint takes media in assistant messages, and few do in tool results. The results of one message's calls stay
    together: the user message follows the last of them.
    """
    lifted: list[Message] = []
    pending: list[Part] = []
    for message in messages:
        if pending and message.role != "tool":
            lifted.append(_media_message(pending))
            pending = []
        rest, media = _split_media(message, roles)
        pending += media
        lifted.append(rest)
    return (*lifted, *([_media_message(pending)] if pending else []))


def _media_message(media: list[Part]) -> Message:
    return Message("user", (Text("Files from the turns above:"), *media))


def _split_media(message: Message, roles: Collection[str]) -> tuple[Message, list[Part]]:
    if message.role not in roles:
        return message, []
    media = [part for part in message.parts if _is_media(part)]
    if not media:
        return message, []
    rest = tuple(part for part in message.parts if not _is_media(part))
    return replace(message, parts=rest), media


def _is_media(part: Part) -> bool:
    return isinstance(part, Image | File | Video) or (isinstance(part, Audio) and part.id is None)
