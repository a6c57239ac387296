"""What each model for OCR, speech to text and images accepts, read from `media.json`.

An unknown id gets the row of the most similar known id, or what all models have in common.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

MediaKind: TypeAlias = Literal["ocr", "speech_to_text", "images"]

_KINDS: tuple[MediaKind, ...] = ("ocr", "speech_to_text", "images")
_SHORTEST_LIKENESS = 6


@dataclass(frozen=True, slots=True)
class OCRCapabilities:
    """What an OCR model accepts.

    Attributes:
        form: `typed`: `document` is `{"type": "document_url" | "image_url", …}`, and pages count from 0. `plain`:
            `document` is a URL or base64, with its `mimeType`, and pages count from 1.
        parameters: the fields that its page lists, besides the model and the document.
        mime_types: the types of documents it reads; empty if its page lists none.
        max_bytes, max_image_bytes, max_pages: of a document; None if its page has no limit.
        max_listed_pages: the most pages that a request can list by number.
    """

    form: Literal["typed", "plain"] = "typed"
    parameters: frozenset[str] = frozenset()
    mime_types: frozenset[str] = frozenset()
    max_bytes: int | None = None
    max_image_bytes: int | None = None
    max_pages: int | None = None
    max_listed_pages: int | None = None


@dataclass(frozen=True, slots=True)
class SpeechCapabilities:
    """What a speech-to-text model accepts.

    Attributes:
        upload: the field of the form that takes a file.
        parameters: the fields that its page lists, besides the model and the audio.
        language: the field for the language; None if it detects that by itself.
        speakers: the fields that ask for speakers; empty if it can't tell them apart.
    """

    upload: str = "audio"
    parameters: frozenset[str] = frozenset()
    language: str | None = None
    speakers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SizeParameter:
    """How a model takes the size: `values` are all it takes, besides width and height within `pixels` (least, most).

    Without either, it takes any `WIDTHxHEIGHT`.
    """

    field: Literal["size", "image_size", "aspect_ratio"]
    values: tuple[str, ...] = ()
    pixels: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class CountParameter:
    """How a model takes the number of images, and the most that one call makes."""

    field: Literal["n", "num_images"]
    max: int


@dataclass(frozen=True, slots=True)
class InputParameter:
    """Where images to edit go: a field with one URL, or with a list of up to `max`."""

    field: Literal["image", "image_url", "image_urls"]
    list: bool
    max: int
    required: bool = False


@dataclass(frozen=True, slots=True)
class ImageCapabilities:
    """What an image model accepts on one endpoint.

    Attributes:
        parameters: the fields that its page lists, besides those below.
        max_prompt: characters of the prompt; 0 without a limit, None if it takes no prompt.
        size, count, inputs: the fields for these; None if it has none.
        mask: whether it takes a mask that says where to edit.
        edit_type: the value of `type` for an edit, if it takes one.
        required: further fields that it can't do without, with the values they take.
        upload: what it accepts on `/images/edits`, which takes files instead of URLs; None if it isn't served there.
    """

    parameters: frozenset[str] = frozenset()
    max_prompt: int | None = None
    size: SizeParameter | None = None
    count: CountParameter | None = None
    inputs: InputParameter | None = None
    mask: bool = False
    edit_type: str | None = None
    required: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    upload: ImageCapabilities | None = None


def ocr_capabilities(model: str) -> OCRCapabilities:
    """What an OCR model accepts.

    >>> ocr_capabilities("mistral-ocr-latest").max_pages
    1000
    """
    section = _load()["ocr"]
    return _ocr(section["models"].get(_find(model, section["models"]), "*"))


def speech_capabilities(model: str) -> SpeechCapabilities:
    """What a speech-to-text model accepts.

    >>> speech_capabilities("aai/universal").language
    'language_code'
    """
    section = _load()["speech_to_text"]
    return _speech(section["models"].get(_find(model, section["models"]), "*"))


def image_capabilities(model: str) -> ImageCapabilities:
    """What an image model accepts on `/images/generations`, and in `upload` on `/images/edits`.

    >>> image_capabilities("openai/gpt-image-1").count
    CountParameter(field='n', max=1)
    """
    section = _load()["images"]
    return _image(section["models"].get(_find(model, section["models"]), "*"))


def media_models(section: MediaKind) -> tuple[str, ...]:
    """The ids of all models that the table has of one kind, sorted."""
    return tuple(sorted(_load()[section]["models"]))


def media_kind(model: str) -> MediaKind | None:
    """The kind of a model that the table has by this id, in any case and with or without the vendor; None otherwise.

    >>> media_kind("gpt-image-1"), media_kind("mistral-ocr-latest"), media_kind("gpt-4o")
    ('images', 'ocr', None)
    """
    return _kinds().get(model.casefold())


@cache
def _kinds() -> Mapping[str, MediaKind]:
    return {name: kind for kind in _KINDS for name in _names(_load()[kind]["models"])}


@cache
def _load() -> dict[str, Any]:
    return dict(json.loads(files(__package__).joinpath("media.json").read_text(encoding="utf-8")))


def _find(model: str, known: Iterable[str]) -> str | None:
    """Find the known id: in any case, with or without the vendor, or else the most similar one."""
    ids = list(known)
    names = _names(ids)
    for spelling in (model.casefold(), _tail(model)):
        if spelling in names:
            return names[spelling]
    likeness = {each: _common_length(each.casefold(), model.casefold()) for each in ids}
    nearest = max(ids, key=lambda each: likeness[each])
    return nearest if likeness[nearest] >= _SHORTEST_LIKENESS else None


def _names(ids: Iterable[str]) -> dict[str, str]:
    """The ids by their names in lower case, with and without the vendor."""
    ids = list(ids)
    return {_tail(each): each for each in ids} | {each.casefold(): each for each in ids}


def _common_length(one: str, other: str) -> int:
    """How many characters two ids have in common at the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _tail(model: str) -> str:
    return model.casefold().rpartition("/")[2]


@cache
def _ocr(family: str) -> OCRCapabilities:
    row = _load()["ocr"]["families"][family]
    return OCRCapabilities(**{name: _words(value) for name, value in row.items()})


@cache
def _speech(family: str) -> SpeechCapabilities:
    row = _load()["speech_to_text"]["families"][family]
    return SpeechCapabilities(**{**row, "parameters": frozenset(row["parameters"].split())})


@cache
def _image(shape: str) -> ImageCapabilities:
    return _parse_image(_load()["images"]["shapes"][shape])


def _words(value: Any) -> Any:
    """The value of a field: a set of words, where it is a text of several or of what the field says are words."""
    return value if value in ("typed", "plain") or not isinstance(value, str) else frozenset(value.split())


def _parse_image(row: Mapping[str, Any]) -> ImageCapabilities:
    parsed = {name: _PARSERS.get(name, lambda value: value)(value) for name, value in row.items()}
    return ImageCapabilities(**parsed)


def _parse_size(row: Mapping[str, Any]) -> SizeParameter:
    return SizeParameter(row["field"], tuple(row["values"].split()), tuple(row["pixels"]) if "pixels" in row else None)


_PARSERS: Mapping[str, Any] = {
    "parameters": lambda text: frozenset(text.split()),
    "size": _parse_size,
    "count": lambda row: CountParameter(**row),
    "inputs": lambda row: InputParameter(**row),
    "required": lambda row: {name: tuple(values) for name, values in row.items()},
    "upload": _parse_image,
}
