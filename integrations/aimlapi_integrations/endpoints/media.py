"""What pictures, sound and documents look like on the wire, whichever endpoint carries them."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Collection
from dataclasses import replace

from ..conversation import Audio, File, Image, Message, Part, Text, Video
from ..errors import UnsupportedContentError

_AUDIO_FORMATS = {"mpeg": "mp3", "mpga": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "x-m4a": "m4a"}


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


def decoded_text(data: str) -> str:
    """The text in the base64 `data` of a text file."""
    return base64.b64decode(data).decode("utf-8", errors="replace")


def video_url(video: Video) -> str:
    """The URL of a film; its data as a data URL where it has none."""
    return video.url or data_url(video.data or "", video.mime or "video/mp4")


def audio_format(audio: Audio) -> str:
    """The short name of an audio format, whether it was named by MIME subtype or not."""
    name = (audio.format or "wav").rpartition("/")[2]
    return _AUDIO_FORMATS.get(name, name)


def listed_audio_format(audio: Audio, formats: Collection[str]) -> str | None:
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
