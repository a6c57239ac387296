"""`/v1/ocr`: the text that a PDF really holds where it is simple to read, else a placeholder for each page."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from ..model import LABEL
from ..model.pdf_text import page_texts
from ..model.schema_values import value_for_schema
from ..model.usage import CREDITS_PER_USD
from ..store import GatewayState
from ..wire import JSON, parse_request
from ..wire.media import (
    GLMOCRRequest,
    GoogleOCRRequest,
    MistralOCRRequest,
    OCRRequest,
    PageIndices,
    PageRange,
    PagesTo,
    check_media_model_served,
    ocr_family,
)

PAGE_CREDITS = 8_000  # $0.004 a page, an invented price of a realistic order
ANNOTATED_PAGE_CREDITS = 12_000
PAGES_OF_LINK = 2  # of a document behind a URL, which the emulator doesn't fetch
WIDTH, HEIGHT, DPI = 1240, 1754, 150


def create_ocr(state: GatewayState, _http_request: Request, body: JSON) -> JSON:
    model = str(body.get("model"))
    check_media_model_served(model, "ocr", any_model=state.options.any_model)
    request = parse_request(ocr_family(model), body)
    link = _link(request)
    data, name = _content(link), link if link.startswith("http") else "the document"
    texts = _texts(data, name, is_image=_is_image(request))
    indexes = [index for index in _selected(request, len(texts)) if index < len(texts)]
    pages = [_page(index, len(texts), texts[index], request, link) for index in indexes]
    annotation = _annotation(request, "\n".join(texts))
    credits_used = len(pages) * (ANNOTATED_PAGE_CREDITS if annotation else PAGE_CREDITS)
    return {
        "pages": pages,
        "model": model.rpartition("/")[2],
        "document_annotation": annotation,
        "usage_info": {"pages_processed": len(pages), "doc_size_bytes": len(data) if data else None},
        "meta": {"usage": {"credits_used": credits_used, "usd_spent": credits_used / CREDITS_PER_USD}},
    }


def _link(request: OCRRequest) -> str:
    if isinstance(request, GoogleOCRRequest):
        is_link = re.match(r"(https?|data):", request.document)
        return request.document if is_link else f"data:{request.mimeType};base64,{request.document}"
    return str(getattr(request.document, request.document.type))


def _is_image(request: OCRRequest) -> bool:
    if isinstance(request, GoogleOCRRequest):
        return request.mimeType.startswith("image/")
    return request.document.type == "image_url"


def _content(link: str) -> bytes:
    """The bytes of a data URL; none of another URL."""
    if not link.startswith("data:"):
        return b""
    head, _, data = link.partition(",")
    return base64.b64decode(data) if head.endswith(";base64") else unquote_to_bytes(data)


def _texts(data: bytes, name: str, *, is_image: bool) -> list[str]:
    """The text of each page."""
    texts = page_texts(data) if data.startswith(b"%PDF") else []
    count = 1 if is_image else PAGES_OF_LINK if not data else max(1, len(texts))
    texts = texts or [""] * count
    placeholder = f"No text that the emulator can read in {name}: a picture, or a font of its own."
    return [text or placeholder for text in texts]


def _selected(request: OCRRequest, count: int) -> list[int]:
    """Return the requested page indexes, counted from 0."""
    if isinstance(request, GoogleOCRRequest):
        match request.pages:
            case PageIndices(indices=numbers):
                return [number - 1 for number in numbers]
            case PageRange(start=start, end=end):
                return list(range(start - 1, end))
            case PagesTo(end=end):
                return list(range(end))
        return list(range(request.pages.start - 1, count))
    return list(range(count)) if request.pages is None else _page_numbers(request.pages)


def _page_numbers(pages: str | list[int]) -> list[int]:
    if isinstance(pages, list):
        return pages
    ranges = re.findall(r"(\d+)(?:-(\d+))?", pages)
    return [page for first, last in ranges for page in range(int(first), int(last or first) + 1)]


def _page(index: int, count: int, text: str, request: OCRRequest, link: str) -> JSON:
    return {
        "index": index,
        "markdown": f"{LABEL} page {index + 1} of {count}\n\n{text}",
        "images": _images(request, link) if _is_image(request) else [],
        "dimensions": {"dpi": DPI, "height": HEIGHT, "width": WIDTH},
    }


def _images(request: OCRRequest, link: str) -> list[JSON]:
    """The picture that is the document, as the one picture on its page."""
    inline = isinstance(request, GLMOCRRequest) and request.include_image_base64
    corners: JSON = {"top_left_x": 0, "top_left_y": 0, "bottom_right_x": WIDTH, "bottom_right_y": HEIGHT}
    image = {"id": "img-0.png", **corners, "image_base64": link if inline and link.startswith("data:") else None}
    bbox = request.bbox_annotation_format if isinstance(request, MistralOCRRequest) else None
    return [{**image, "image_annotation": _json(bbox.json_schema.schema_, "a picture")} if bbox else image]


def _annotation(request: OCRRequest, text: str) -> str | None:
    requested = request.document_annotation_format if isinstance(request, MistralOCRRequest) else None
    return None if requested is None else _json(requested.json_schema.schema_, text)


def _json(schema: JSON, text: str) -> str:
    value: Any = value_for_schema(schema, text)
    return json.dumps(value, ensure_ascii=False)
