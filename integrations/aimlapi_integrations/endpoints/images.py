"""`/v1/images/generations` and `/v1/images/edits`: a prompt, and images to edit -> images.

Models differ in how they take the size, the number of images and the images to edit: `models/media.json` has it.
https://docs.aimlapi.com/api-references/image-models
"""

from __future__ import annotations

import base64
import mimetypes
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log
from pathlib import Path
from typing import Any

from ..errors import UnsupportedContentError, UnsupportedParameterError
from ..models.lookup import check_model
from ..models.media import ImageCapabilities, InputParameter, SizeParameter, image_capabilities
from ..types import CallMetadata, Cost, Json, Usage
from .shared import parsing
from .shared.adapt import listed_options, warn_or_raise
from .shared.media import is_data_url, parse_data_url
from .shared.model_kinds import IMAGE_MODEL as DEFAULT_MODEL
from .shared.model_kinds import require_kind
from .shared.parsing import as_str, sum_costs, sum_usages
from .shared.sources import FormFile, MediaSource

GENERATIONS_PATH = "/images/generations"
EDITS_PATH = "/images/edits"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([x×:/])\s*(\d+(?:\.\d+)?)")
_PIXELS_OF_RATIO = 1024 * 1024
_STEP = 16
# The names of sizes that many models take, as width to height.
_NAMED_RATIOS = {
    "square_hd": (1.0, 1.0),
    "square": (1.0, 1.0),
    "portrait_4_3": (3.0, 4.0),
    "portrait_16_9": (9.0, 16.0),
    "landscape_4_3": (4.0, 3.0),
    "landscape_16_9": (16.0, 9.0),
}


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """An image: at a URL, which the gateway serves for a while, or as base64 `data`."""

    url: str | None = None
    data: str | None = field(default=None, repr=False)
    mime: str | None = None
    revised_prompt: str | None = None

    @property
    def content(self) -> bytes:
        """Its bytes; empty if it is at a URL."""
        return base64.b64decode(self.data or "")

    @property
    def extension(self) -> str:
        """The extension of a file that holds it, such as `.png`."""
        return mimetypes.guess_extension(self.mime or "image/png") or ".png"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write its bytes to a file.

        Raises:
            UnsupportedContentError: it is at a URL; nothing is downloaded here.
        """
        if self.data is None:
            raise UnsupportedContentError(f"The image is at a URL and isn't downloaded here: download {self.url}.")
        Path(path).write_bytes(self.content)
        return Path(path)


@dataclass(frozen=True, slots=True)
class GeneratedImages:
    """The images of a request, or of several where a model makes fewer per request."""

    images: tuple[GeneratedImage, ...]
    model: str
    usage: Usage | None = None
    cost: Cost | None = None
    call_metadata: CallMetadata = field(default_factory=CallMetadata)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One request: the path, the body, files if it is a form, and how many images it makes."""

    path: str
    body: Json
    count: int
    files: tuple[FormFile, ...] = ()


# --- requests -----------------------------------------------------------------------------------------------------


def encode(
    prompt: str | None,
    model: str = DEFAULT_MODEL,
    images: Sequence[MediaSource] = (),
    *,
    size: str | None = None,
    n: int = 1,
    mask: MediaSource | None = None,
    strict: bool = False,
    **options: Any,
) -> list[ImageRequest]:
    """Build the requests that make `n` images; several where the model makes fewer per request.

    Args:
        prompt: what to show, or what to change; None for models that take none.
        model: its id.
        images: images to edit; without any, images are generated.
        size: `1024x1024`, `16:9`, or a name that the model takes; None for its own default. The nearest that it takes
            is sent.
        n: the number of images.
        mask: where to edit: an image whose transparent parts may change.
        strict: whether a size that the model doesn't take exactly, or an option that it doesn't list, is an error.
        options: further fields, such as `quality`, `seed` and `response_format`.

    Raises:
        UnsupportedContentError: the model takes no images, needs some, takes fewer, or takes files and no URLs.
        UnsupportedParameterError: a prompt that is too long, an invalid `n` or `size`, or a field that it can't do
            without; or the model is known to create no images.

    >>> encode("A lighthouse", "google/imagen-4.0-generate-001", size="1920x1080", n=2)[0].body
    {'model': 'google/imagen-4.0-generate-001', 'prompt': 'A lighthouse', 'aspect_ratio': '16:9', 'num_images': 2}
    """
    require_kind(check_model(model), "images")
    capabilities = image_capabilities(model)
    as_form = bool(images and capabilities.upload)
    accepted = capabilities.upload if as_form and capabilities.upload else capabilities
    _check_prompt(prompt, model, accepted)
    _check_images(images, model, accepted, as_form=as_form)
    if mask is not None and not accepted.mask:
        raise UnsupportedParameterError(f"{model} takes no mask: openai/gpt-image-2 does, for images as files.")
    _check_required(options, model, accepted)
    body: Json = {"model": model, **({"prompt": prompt} if prompt is not None else {})}
    body |= _size(size, model, accepted, strict=strict)
    body |= listed_options(options, accepted.parameters | accepted.required.keys(), model, strict=strict)
    files = _files(images, mask) if as_form else ()
    if images and not as_form:
        body |= _inputs(images, accepted)
    path = EDITS_PATH if as_form else GENERATIONS_PATH
    return [
        ImageRequest(path, {**body, **_count(count, accepted)}, count, files)
        for count in _split_count(n, accepted.count.max if accepted.count else 1)
    ]


def _check_prompt(prompt: str | None, model: str, accepted: ImageCapabilities) -> None:
    if prompt is None:
        return
    if accepted.max_prompt is None:
        raise UnsupportedParameterError(f"{model} takes no prompt: leave it out.")
    if accepted.max_prompt and len(prompt) > accepted.max_prompt:
        raise UnsupportedParameterError(
            f"The prompt has {len(prompt):,} characters; {model} takes {accepted.max_prompt:,}. Shorten it."
        )


def _check_images(images: Sequence[MediaSource], model: str, accepted: ImageCapabilities, *, as_form: bool) -> None:
    inputs = accepted.inputs
    if images and inputs is None:
        raise UnsupportedContentError(f"{model} can't edit images: {DEFAULT_MODEL} does.")
    if inputs and inputs.required and not images:
        raise UnsupportedContentError(f"{model} needs an image to edit.")
    if inputs and len(images) > inputs.max:
        raise UnsupportedContentError(f"{model} takes {inputs.max} images, not {len(images)}.")
    links = [image.url for image in images if image.url]
    if as_form and links:
        raise UnsupportedContentError(f"{model} takes files, not URLs: download {links[0]} and pass its bytes or path.")


def _check_required(options: Mapping[str, Any], model: str, accepted: ImageCapabilities) -> None:
    for name, values in accepted.required.items():
        if options.get(name) is None:
            takes = f": one of {', '.join(map(repr, values))}" if values else ""
            raise UnsupportedParameterError(f"{model} needs {name!r}{takes}.")


def _files(images: Sequence[MediaSource], mask: MediaSource | None) -> tuple[FormFile, ...]:
    files = tuple(FormFile("image", image) for image in images)
    return (*files, FormFile("mask", mask)) if mask else files


def _inputs(images: Sequence[MediaSource], accepted: ImageCapabilities) -> Json:
    """Return images to edit in the model's field for them; files as data URLs."""
    inputs = accepted.inputs or InputParameter("image_urls", True, len(images))
    links = [image.link for image in images]
    plain = not inputs.list or (len(links) == 1 and inputs.field != "image_urls")
    kind = {"type": accepted.edit_type} if accepted.edit_type else {}
    return {inputs.field: links[0] if plain else links, **kind}


def _count(count: int, accepted: ImageCapabilities) -> Json:
    """Return the number of images, if it isn't the default of one."""
    return {accepted.count.field: count} if accepted.count and count != 1 else {}


def _split_count(n: int, most: int) -> list[int]:
    """Split a number of images into numbers per request.

    >>> _split_count(5, 4), _split_count(2, 1)
    ([4, 1], [1, 1])
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise UnsupportedParameterError(f"n={n!r}: expected a number of images from 1 up.")
    return [min(most, n - made) for made in range(0, n, most)]


# --- sizes --------------------------------------------------------------------------------------------------------


def _size(size: str | None, model: str, accepted: ImageCapabilities, *, strict: bool) -> Json:
    """Return the size in the model's form; the nearest, with a warning, if it doesn't take this one."""
    if size is None:
        return {}
    parameter = accepted.size
    if parameter is None:
        warn_or_raise(f"{model} takes no size: {size!r} is left out.", strict=strict)
        return {}
    if size in parameter.values:
        return {parameter.field: size}
    ratio = _ratio(size, model)
    value, exact = _nearest(size, ratio, parameter)
    if not exact:
        warn_or_raise(
            f"{model} doesn't take the size {size!r}: {_describe(value)} is sent, the nearest.", strict=strict
        )
    return {parameter.field: value}


def _ratio(size: str, model: str) -> tuple[float, float]:
    """Return width and height, or the two numbers of a ratio."""
    if size in _NAMED_RATIOS:
        return _NAMED_RATIOS[size]
    match = _SIZE.fullmatch(str(size).strip().lower())
    width, height = (float(match[1]), float(match[3])) if match else (0.0, 0.0)
    if not width or not height:
        raise UnsupportedParameterError(f"size={size!r}: {model} expects a size such as '1024x1024' or '16:9'.")
    return width, height


def _nearest(size: str, ratio: tuple[float, float], parameter: SizeParameter) -> tuple[Any, bool]:
    """Return the value nearest to a size, and whether it matches the size."""
    width, height = ratio
    in_pixels = bool(re.search("[x×]", size.lower())) and size not in _NAMED_RATIOS
    if parameter.pixels or not parameter.values:
        fitted = _fit_pixels(width, height, in_pixels, parameter.pixels)
        value = {"width": fitted[0], "height": fitted[1]} if parameter.pixels else f"{fitted[0]}x{fitted[1]}"
        return value, not in_pixels or fitted == (width, height)
    values = {value: _value_ratio(value) for value in parameter.values}
    shaped = {value: each for value, each in values.items() if each is not None}
    nearest = min(shaped, key=lambda value: (_distance(ratio, shaped[value]), -_area(shaped[value])))
    return nearest, _distance(ratio, shaped[nearest]) < 0.02 and (not in_pixels or parameter.field == "aspect_ratio")


def _fit_pixels(width: float, height: float, in_pixels: bool, bounds: tuple[int, int] | None) -> tuple[int, int]:
    """Fit width and height into a model's bounds, in the same ratio where the bounds allow it."""
    if in_pixels and (bounds is None or bounds[0] <= min(width, height) <= max(width, height) <= bounds[1]):
        return int(width), int(height)
    least, most = bounds or (256, 2048)
    scale = 1.0 if in_pixels else (_PIXELS_OF_RATIO / (width * height)) ** 0.5
    scale = min(max(scale, least / min(width, height)), most / max(width, height))
    return _within(width * scale, least, most), _within(height * scale, least, most)


def _within(side: float, least: int, most: int) -> int:
    """Round a side to whole steps within its bounds."""
    return max(least, min(most, round(side / _STEP) * _STEP))


def _value_ratio(value: str) -> tuple[float, float] | None:
    if value in _NAMED_RATIOS:
        return _NAMED_RATIOS[value]
    match = _SIZE.fullmatch(value)
    return (float(match[1]), float(match[3])) if match else None


def _distance(ratio: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(log(ratio[0] / ratio[1]) - log(other[0] / other[1]))


def _area(ratio: tuple[float, float]) -> float:
    return ratio[0] * ratio[1]


def _describe(value: Any) -> str:
    return f"{value['width']}x{value['height']}" if isinstance(value, dict) else repr(value)


# --- replies ------------------------------------------------------------------------------------------------------


def decode(body: Json, headers: Mapping[str, str], model: str) -> GeneratedImages:
    """Parse a 2xx body: images are in `data`, or in `images` for a few models.

    Raises:
        APIResponseError: the body has no images.
    """
    rows = body.get("data") if isinstance(body.get("data"), list) else body.get("images", body.get("data"))
    items = parsing.require_dicts(parsing.require_list(rows, body, headers), "data", body, headers)
    images = tuple(map(_parse_image, items))
    if not images or any(image.url is None and image.data is None for image in images):
        raise parsing.unreadable_error("data: expected images with a url or b64_json", body, headers)
    return GeneratedImages(
        images=images,
        model=as_str(body.get("model")) or model,
        usage=parsing.parse_usage(body.get("usage")),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
        raw={name: value for name, value in body.items() if name not in ("data", "images")},
    )


def _parse_image(row: Json) -> GeneratedImage:
    url, data = as_str(row.get("url")), as_str(row.get("b64_json"))
    mime = as_str(row.get("mime_type")) or as_str(row.get("content_type"))
    if is_data_url(url) or is_data_url(data):
        mime, data = parse_data_url(url if is_data_url(url) else data) or (mime, data)
        url = None
    return GeneratedImage(url, data, mime or _mime_of(data), as_str(row.get("revised_prompt")))


def _mime_of(data: str | None) -> str | None:
    """Detect an image's type by the beginning of its base64."""
    starts = {"iVBOR": "image/png", "/9j/": "image/jpeg", "UklGR": "image/webp", "R0lGO": "image/gif"}
    return next((mime for start, mime in starts.items() if (data or "").startswith(start)), None)


def merge_images(parts: Sequence[GeneratedImages]) -> GeneratedImages:
    """Merge replies, at least one: all images, tokens and prices summed, the call metadata of the last.

    The price is None if any of them has none, since the sum would be too low.
    """
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[-1],
        images=tuple(image for part in parts for image in part.images),
        usage=sum_usages([part.usage for part in parts]),
        cost=sum_costs([part.cost for part in parts]),
    )
