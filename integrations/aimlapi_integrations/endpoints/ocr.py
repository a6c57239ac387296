"""`/v1/ocr`: a document or an image -> Markdown, page by page, and structured data.

What each model accepts is in `models/media.json`.
https://docs.aimlapi.com/api-references/vision-models/ocr-optical-character-recognition
"""

from __future__ import annotations

import base64
import json
import operator
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError

from .._utils.json_schema import object_schema, to_strict_schema
from ..errors import OutputError, UnsupportedContentError, UnsupportedParameterError
from ..models.lookup import check_model
from ..models.media import OCRCapabilities, ocr_capabilities
from ..types import CallMetadata, Cost, Json, Usage
from .shared import parsing
from .shared.adapt import listed_options
from .shared.media import parse_data_url
from .shared.model_kinds import OCR_MODEL as DEFAULT_MODEL
from .shared.model_kinds import require_kind
from .shared.parsing import as_dict, as_str
from .shared.sources import MediaSource

PATH = "/ocr"
PDF = "application/pdf"

Pages: TypeAlias = int | str | Iterable[int]
"""Pages to read, counted from 0: one, several, or a text such as `"0-2,5"`."""

AnnotationSchema: TypeAlias = type[BaseModel] | Mapping[str, Any]
"""What to extract: a pydantic class, or a JSON schema."""


@dataclass(frozen=True, slots=True)
class OCRImage:
    """An image on a page.

    Attributes:
        id: the name by which the page's Markdown refers to it.
        box: left, top, right, bottom in pixels of the page's `width` and `height`; None if the model reports none.
        data: its bytes in base64, if requested.
        mime: their type.
        annotation: what was extracted from it, as JSON, if requested.
    """

    id: str
    box: tuple[int, int, int, int] | None = None
    data: str | None = field(default=None, repr=False)
    mime: str | None = None
    annotation: str | None = None

    @property
    def content(self) -> bytes:
        """Its bytes; empty if they weren't requested."""
        return base64.b64decode(self.data or "")


@dataclass(frozen=True, slots=True)
class OCRPage:
    """A page as Markdown. `index` counts from 0; `width` and `height` are in pixels at `dpi`."""

    index: int
    markdown: str
    images: tuple[OCRImage, ...] = ()
    width: int | None = None
    height: int | None = None
    dpi: int | None = None


@dataclass(frozen=True, slots=True)
class OCRResult:
    """The text of a document.

    Attributes:
        pages: in order.
        model: as the gateway names it.
        annotation_json: the structured data as JSON text, if requested.
        annotation_type: the pydantic class that was requested.
        pages_processed: how many pages the price counts.
        cost, call_metadata: as of any reply; `usage` is None, since no tokens are counted.
    """

    pages: tuple[OCRPage, ...]
    model: str
    annotation_json: str | None = None
    annotation_type: type[BaseModel] | None = None
    pages_processed: int | None = None
    usage: Usage | None = None
    cost: Cost | None = None
    call_metadata: CallMetadata = field(default_factory=CallMetadata)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """The Markdown of all pages."""
        return "\n\n".join(page.markdown for page in self.pages)

    @property
    def annotation(self) -> Any:
        """The structured data: an object of the pydantic class, or JSON; None if none was requested.

        Raises:
            OutputError: the model's output doesn't match the class; `pages` are still available.
        """
        if self.annotation_json is None:
            return None
        try:
            if self.annotation_type is not None:
                return self.annotation_type.model_validate_json(self.annotation_json)
            return json.loads(self.annotation_json)
        except (ValidationError, ValueError) as problem:
            raise OutputError(f"The annotation doesn't fit: {problem}\nReceived: {self.annotation_json}") from problem


# --- request ------------------------------------------------------------------------------------------------------


def encode(
    source: MediaSource,
    model: str = DEFAULT_MODEL,
    *,
    pages: Pages | None = None,
    include_images: bool = False,
    annotation: AnnotationSchema | None = None,
    image_annotation: AnnotationSchema | None = None,
    annotation_prompt: str | None = None,
    strict: bool = False,
    **options: Any,
) -> Json:
    """Build the body of an OCR request.

    Args:
        source: the document or image.
        model: its id.
        pages: pages to read, counted from 0; all by default.
        include_images: whether to return the images on the pages.
        annotation: what to extract from the whole document.
        image_annotation: what to extract from each image in it.
        annotation_prompt: instructions for the extraction.
        strict: whether an option that the model doesn't list is an error instead of a warning.
        options: further fields, such as `image_limit` and `image_min_size`.

    Raises:
        UnsupportedContentError: the file is too large, has too many pages, or is of a type that the model doesn't read.
        UnsupportedParameterError: the model doesn't support a parameter, or is known to be no OCR model.

    >>> encode(MediaSource("application/pdf", "a.pdf", url="https://example.com/a.pdf"), pages=range(2))["pages"]
    [0, 1]
    """
    require_kind(check_model(model), "ocr")
    accepted = ocr_capabilities(model)
    _check_source(source, model, accepted, whole=pages is None)
    fields = {
        "include_image_base64": include_images or None,
        "document_annotation_format": _annotation_format(annotation),
        "bbox_annotation_format": _annotation_format(image_annotation),
        "document_annotation_prompt": annotation_prompt,
    }
    for name, value in fields.items():
        if value is not None and name not in accepted.parameters:
            raise UnsupportedParameterError(f"{model} has no {name!r}: use {DEFAULT_MODEL}.")
    listed = listed_options({**fields, **options}, accepted.parameters, model, strict=strict)
    return {"model": model, **_document(source, accepted), **_pages(pages, model, accepted), **listed}


def _check_source(source: MediaSource, model: str, accepted: OCRCapabilities, *, whole: bool) -> None:
    """Raise if the model doesn't take this file. A URL is for the gateway to read and check."""
    if source.data is None:
        return
    if accepted.mime_types and source.mime not in accepted.mime_types:
        types = ", ".join(sorted(accepted.mime_types))
        raise UnsupportedContentError(f"{source.label} is {source.mime}; {model} reads {types}. Convert it.")
    limit = (accepted.max_image_bytes if source.mime.startswith("image/") else None) or accepted.max_bytes
    if limit is not None and source.size > limit:
        size = f"{source.size / 1e6:,.1f} MB"
        raise UnsupportedContentError(
            f"{source.label} has {size}; {model} takes {limit / 1e6:,.0f} MB. Split or compress it."
        )
    count = count_pages(source.data) if whole and accepted.max_pages and source.mime == PDF else None
    if count is not None and count > (accepted.max_pages or count):
        raise UnsupportedContentError(
            f"{source.label} has {count:,} pages; {model} takes {accepted.max_pages:,}. Split it into several files."
        )


def _document(source: MediaSource, accepted: OCRCapabilities) -> Json:
    """The document in the form that the model takes."""
    if accepted.form == "plain":
        mime = {"mimeType": source.mime} if source.mime else {}
        return {"document": source.url or source.base64, **mime}
    kind = "image_url" if source.mime.startswith("image/") else "document_url"
    return {"document": {"type": kind, kind: source.link}}


def _pages(pages: Pages | None, model: str, accepted: OCRCapabilities) -> Json:
    if pages is None:
        return {}
    indexes = _page_indexes(pages)
    return {"pages": indexes if accepted.form == "typed" else _plain_pages(indexes, model, accepted)}


def _page_indexes(pages: Pages) -> list[int]:
    """Return page indexes in the order of the request.

    >>> _page_indexes("0-2,5")
    [0, 1, 2, 5]
    """
    try:
        match pages:
            case str():
                ranges = [part.partition("-") for part in pages.split(",")]
                indexes = [index for first, _, last in ranges for index in range(int(first), int(last or first) + 1)]
            case Iterable():
                indexes = [operator.index(page) for page in pages]
            case _:
                indexes = [operator.index(pages)]
    except (TypeError, ValueError):
        indexes = []
    if not indexes or min(indexes) < 0:
        raise UnsupportedParameterError(f"pages={pages!r}: expected pages counted from 0, such as 3, [0, 1] or '0-2'.")
    return indexes


def _plain_pages(indexes: list[int], model: str, accepted: OCRCapabilities) -> Json:
    """Pages counted from 1: a range where they are one, else a list, which has a limit."""
    numbers = [index + 1 for index in indexes]
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return {"type": "range", "start": numbers[0], "end": numbers[-1]}
    if len(numbers) > (accepted.max_listed_pages or len(numbers)):
        raise UnsupportedParameterError(
            f"{model} takes {accepted.max_listed_pages} pages that don't follow each other, not {len(numbers)}."
        )
    return {"type": "indices", "indices": numbers}


def _annotation_format(schema: AnnotationSchema | None) -> Json | None:
    if schema is None:
        return None
    is_class = isinstance(schema, type)
    if not hasattr(schema, "model_json_schema") and not isinstance(schema, Mapping):
        raise TypeError(f"annotation: expected a pydantic class or a JSON schema, received {schema!r}.")
    json_schema = schema.model_json_schema() if isinstance(schema, type) else dict(schema)
    name = schema.__name__ if isinstance(schema, type) else str(schema.get("title") or "annotation")
    strict = to_strict_schema(object_schema(json_schema), nullable=not is_class)
    return {"type": "json_schema", "json_schema": {"name": name, "schema": strict, "strict": True}}


# --- reply --------------------------------------------------------------------------------------------------------


def decode(
    body: Json, headers: Mapping[str, str], model: str = "", annotation: AnnotationSchema | None = None
) -> OCRResult:
    """Parse a 2xx body.

    Args:
        body: of the response.
        headers: for the price and the ids of the call.
        model: the requested model, if the body doesn't name it.
        annotation: the requested annotation.

    Raises:
        APIResponseError: the body has no pages.
    """
    rows = body.get("pages")
    if not isinstance(rows, list):
        received = parsing.json_type(rows)
        raise parsing.missing_list_error(f"pages: expected array, received {received}", body, headers)
    pages = parsing.require_dicts(rows, "pages", body, headers)
    processed = as_dict(body.get("usage_info")).get("pages_processed")
    return OCRResult(
        pages=tuple(_page(page, position, body, headers) for position, page in enumerate(pages)),
        model=as_str(body.get("model")) or model,
        annotation_json=_annotation_json(body.get("document_annotation")),
        annotation_type=annotation if isinstance(annotation, type) else None,
        pages_processed=None if processed is None else parsing.as_count(processed),
        cost=parsing.parse_cost(body, headers),
        call_metadata=parsing.parse_call_metadata(body, headers),
        raw=body,
    )


def _page(page: Json, position: int, body: Json, headers: Mapping[str, str]) -> OCRPage:
    size = as_dict(page.get("dimensions"))
    index = page.get("index")
    return OCRPage(
        index=index if type(index) is int else position,
        markdown=parsing.parse_text(page.get("markdown"), f"pages[{position}].markdown", body, headers),
        images=tuple(map(_image, parsing.dict_items(page.get("images")))),
        width=_number(size.get("width")),
        height=_number(size.get("height")),
        dpi=_number(size.get("dpi")),
    )


def _image(image: Json) -> OCRImage:
    corners = [_number(image.get(name)) for name in ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")]
    data = as_str(image.get("image_base64"))
    mime, content = parse_data_url(data) or ("image/jpeg" if data else None, data)
    left, top, right, bottom = corners
    has_box = left is not None and top is not None and right is not None and bottom is not None
    box = (left or 0, top or 0, right or 0, bottom or 0) if has_box else None
    return OCRImage(as_str(image.get("id")) or "", box, content, mime, _annotation_json(image.get("image_annotation")))


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _annotation_json(value: Any) -> str | None:
    """An annotation as JSON text, which is how it is documented; an object is accepted, too."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else as_str(value)


# --- how many pages a PDF has, without a PDF library --------------------------------------------------------------

_PAGE_TREE = re.compile(rb"/Type\s*/Pages\b")
_COUNT = re.compile(rb"/Count\s+(\d+)")
_STREAM = re.compile(rb"/Type\s*/ObjStm\b.*?stream\r?\n(.*?)endstream", re.DOTALL)
_NEARBY = 300


def count_pages(data: bytes) -> int | None:
    """Count the pages of a PDF: its page tree states the number, as is or in a compressed object stream.

    None if it can't be read, as in an encrypted file.

    >>> count_pages(b"%PDF-1.4 1 0 obj << /Type /Pages /Kids [2 0 R] /Count 12 >> endobj")
    12
    """
    counts = [int(count) for part in _parts(data) for count in _counts(part)]
    return max(counts, default=None)


def _parts(data: bytes) -> Iterator[bytes]:
    """The parts of the file that can hold its page tree."""
    yield data
    for stream in _STREAM.finditer(data):
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(stream[1])


def _counts(part: bytes) -> Iterator[bytes]:
    """The counts near each node of a page tree: keys of a dictionary come in any order."""
    for node in _PAGE_TREE.finditer(part):
        begin = max(part.rfind(b"<<", 0, node.start()), node.start() - _NEARBY)
        if count := _COUNT.search(part, begin, node.end() + _NEARBY):
            yield count[1]
