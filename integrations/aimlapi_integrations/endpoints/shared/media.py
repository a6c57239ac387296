"""What pictures, sound and documents look like on the wire, whichever endpoint carries them."""

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

_Sourced = TypeVar("_Sourced", Image, File, Video)

_AUDIO_FORMATS = {
    **dict.fromkeys(("mpeg", "mpga", "mpeg3", "x-mpeg", "x-mpeg-3", "x-mp3"), "mp3"),
    **dict.fromkeys(("x-wav", "wave", "vnd.wave", "x-pn-wav"), "wav"),
    **dict.fromkeys(("x-m4a", "mp4a-latm"), "m4a"),
    **{f"x-{name}": name for name in ("aac", "aiff", "flac", "ogg")},
}

# MIME types by the names that are registered, which are the only ones that models know.
_REGISTERED = {
    **dict.fromkeys(("image/jpg", "image/pjpeg", "image/x-jpeg", "image/x-jpg"), "image/jpeg"),
    **{f"image/x-{name}": f"image/{name}" for name in ("png", "gif", "webp", "bmp")},
    "image/x-ms-bmp": "image/bmp",
    **dict.fromkeys(("application/x-pdf", "application/acrobat", "text/pdf", "text/x-pdf"), "application/pdf"),
}


# --- MIME types -----------------------------------------------------------------------------------------------------


def normalize_mime(mime: str | None) -> str | None:
    """A MIME type in lower case, without parameters, by its registered name; a bare extension is looked up.

    >>> normalize_mime("image/JPG; charset=binary"), normalize_mime("png"), normalize_mime("")
    ('image/jpeg', 'image/png', None)
    """
    name = (mime or "").partition(";")[0].strip().lower()
    if name and "/" not in name:
        name = mimetypes.guess_type(f"file.{name.lstrip('.')}")[0] or name
    return _REGISTERED.get(name, name) or None


def normalize_media(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same conversation with the MIME types of its media normalized; the very same one where they are already."""
    if not any(type(part) in _NORMALIZERS for message in messages for part in message.parts):
        return messages
    normalized = tuple(map(_normalized_turn, messages))
    return messages if normalized == messages else normalized


def _normalized_turn(message: Message) -> Message:
    parts = tuple(_NORMALIZERS.get(type(part), _same)(part) for part in message.parts)
    return message if parts == message.parts else replace(message, parts=parts)


def _same(part: Part) -> Part:
    return part


def _normalized_audio(audio: Audio) -> Audio:
    return replace(audio, format=audio_format(audio)) if audio.format else audio


def _normalized_file(file: File) -> File:
    data = _as_utf8(file.data, file.mime) if file.data else None
    return _with_normalized_source(file if data is None or data is file.data else replace(file, data=data))


def _with_normalized_source(part: _Sourced) -> _Sourced:
    mime = normalize_mime(part.mime)
    url = _normalized_url(part.url, mime) if part.url and part.url[:5].lower() == "data:" else part.url
    return part if (mime, url) == (part.mime, part.url) else replace(part, mime=mime, url=url)


def _normalized_url(url: str, mime: str | None) -> str:
    """A data URL in base64 whose head is a normalized MIME type and nothing else."""
    head, _, data = url[len("data:") :].partition(",")
    is_base64 = head.lower().endswith(";base64")
    if not is_base64:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    declared = head[: -len(";base64")] if is_base64 else head
    normal = normalize_mime(declared) or mime or ("application/octet-stream" if is_base64 else "text/plain")
    return data_url(_as_utf8(data, declared), normal)


def _as_utf8(data: str, mime: str | None) -> str:
    """Base64 of a text in UTF-8, where its MIME type names another charset: the parameter is not sent."""
    kind, _, parameters = (mime or "").lower().partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip("\"'")
    with suppress(LookupError, ValueError):
        if charset and kind.startswith("text/") and lookup_codec(charset).name not in ("utf-8", "ascii"):
            return base64.b64encode(base64.b64decode(data).decode(charset).encode()).decode()
    return data


_NORMALIZERS: dict[type, Callable[[Any], Any]] = {
    Audio: _normalized_audio,
    File: _normalized_file,
    Image: _with_normalized_source,
    Video: _with_normalized_source,
}


# --- the forms on the wire ------------------------------------------------------------------------------------------


def data_url(data: str, mime: str) -> str:
    """Base64 `data` as a data URL."""
    return f"data:{mime};base64,{data}"


def image_url(image: Image, endpoint: str) -> str:
    """The URL of a picture; its data as a data URL where it has none."""
    if image.url:
        return image.url
    if image.data:
        return data_url(image.data, image.mime or "image/png")
    raise UnsupportedContentError(
        f"An image by file id ({image.file_id!r}) cannot go to {endpoint}: give a URL or data."
    )


def is_link(part: Image | File) -> bool:
    """Whether it is somewhere else: not by its data, nor by the id of a file."""
    return bool(part.url) and not str(part.url).startswith("data:")


def decode_text(data: str) -> str:
    """The text in the base64 `data` of a text file."""
    return base64.b64decode(data).decode("utf-8", errors="replace")


def video_url(video: Video) -> str:
    """The URL of a film; its data as a data URL where it has none."""
    return video.url or data_url(video.data or "", video.mime or "video/mp4")


def audio_format(audio: Audio) -> str:
    """The short name of an audio format, whether it was named by MIME subtype or not."""
    name = (audio.format or "wav").partition(";")[0].strip().lower().rpartition("/")[2]
    return _AUDIO_FORMATS.get(name, name)


def supported_audio_format(audio: Audio, formats: Collection[str]) -> str | None:
    """The format as a model writes it, whose list may hold MIME types; None where it is not among `formats`."""
    name = audio_format(audio)
    spellings = (name, f"audio/{name}", f"audio/x-{name}")
    return next((spelling for spelling in spellings if spelling in formats), None) if formats else name


def file_data(file: File) -> str | None:
    """A document as `file_data`: a data URL, or its URL as it is."""
    if file.data:
        return data_url(file.data, file.mime or "application/pdf")
    return file.url


def filename(file: File) -> str:
    """The document's name; one that fits its type where it has none, since endpoints want one beside the data."""
    return file.filename or "document" + (mimetypes.guess_extension(file.mime or "application/pdf") or "")


def lift_media(messages: tuple[Message, ...], roles: Collection[str] = ("tool", "assistant")) -> tuple[Message, ...]:
    """The same conversation with the media of the turns of `roles` in a user turn behind them.

    Answers can hold media on no endpoint, tool results on few; the results of one turn's calls must not be parted.
    """
    lifted: list[Message] = []
    waiting: list[Part] = []
    for message in messages:
        if waiting and message.role != "tool":
            lifted.append(_carrier(waiting))
            waiting = []
        kept, media = _split(message, roles)
        waiting += media
        lifted.append(kept)
    return (*lifted, *([_carrier(waiting)] if waiting else []))


def _carrier(media: list[Part]) -> Message:
    return Message("user", (Text("Files from the turns above:"), *media))


def _split(message: Message, roles: Collection[str]) -> tuple[Message, list[Part]]:
    if message.role not in roles:
        return message, []
    media = [part for part in message.parts if _is_media(part)]
    if not media:
        return message, []
    rest = tuple(part for part in message.parts if not _is_media(part))
    return replace(message, parts=rest), media


def _is_media(part: Part) -> bool:
    return isinstance(part, Image | File | Video) or (isinstance(part, Audio) and part.id is None)
