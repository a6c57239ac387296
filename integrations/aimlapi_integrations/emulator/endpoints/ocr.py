"""`/v1/ocr`: the text that a PDF really holds where it is simple to read, else a placeholder for each page."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request

from ..model import LABEL
from ..model.catalogue import CREDITS_PER_USD
from ..model.schema_values import value_for_schema
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


# --- the text of a PDF --------------------------------------------------------------------------------------------

_OBJECT = re.compile(rb"(?:^|\s)(\d+)\s+\d+\s+obj\b(.*?)\bendobj\b", re.DOTALL)
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b")
_STREAM = re.compile(rb"\bstream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
_CONTENTS = re.compile(rb"/Contents\s*(\[[^\]]*\]|\d+\s+\d+\s+R)")
_REFERENCE = re.compile(rb"(\d+)\s+\d+\s+R")
_TEXT_BLOCK = re.compile(rb"\bBT\b(.*?)\bET\b", re.DOTALL)
_OPERATION = re.compile(rb"\((?:\\.|[^()\\])*\)|<[0-9A-Fa-f\s]+>|\bT(?:[dDm]\b|\*)|['\"]", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_MAX_INFLATED = 20_000_000


def page_texts(data: bytes) -> list[str]:
    """The text of each page; an empty text for a page that has none, such as a scan."""
    objects = dict(_objects(data))
    pages = [content for content in objects.values() if _PAGE.search(content.split(b"stream", 1)[0])]
    return [_page_text(page, objects) for page in pages]


def _objects(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The objects of a file by number, those inside object streams included."""
    for match in _OBJECT.finditer(data):
        number, content = match[1], match[2]
        yield number, content
        if _OBJECT_STREAM.search(content):
            yield from _packed_objects(content)


def _packed_objects(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    first = re.search(rb"/First\s+(\d+)", content)
    inner = _stream(content)
    if first is None or not inner:
        return
    begin = int(first[1])
    numbers = [int(number) for number in inner[:begin].split()]
    starts = [begin + offset for offset in numbers[1::2]]
    for number, start, end in zip(numbers[::2], starts, [*starts[1:], len(inner)], strict=False):
        yield str(number).encode(), inner[start:end]


def _stream(content: bytes) -> bytes:
    """The stream of an object, inflated; empty if it has none or is encoded in another way."""
    match = _STREAM.search(content)
    if match is None:
        return b""
    head = content[: match.start()]
    if b"/FlateDecode" not in head:
        return b"" if b"/Filter" in head else match[1]
    try:
        return zlib.decompressobj().decompress(match[1], _MAX_INFLATED)
    except zlib.error:
        return b""


def _page_text(page: bytes, objects: dict[bytes, bytes]) -> str:
    contents = _CONTENTS.search(page)
    numbers = _REFERENCE.findall(contents[1]) if contents else []
    drawn = b"\n".join(_stream(objects.get(number, b"")) for number in numbers)
    lines = (_block_text(block[1]) for block in _TEXT_BLOCK.finditer(drawn))
    return "\n".join(line for line in lines if line.strip())


def _block_text(block: bytes) -> str:
    """The strings of a text object; operators that move to another line break it."""
    texts: list[str] = []
    for operation in _OPERATION.finditer(block):
        token = operation[0]
        if token[:1] == b"(":
            texts.append(_ESCAPE.sub(_unescape, token[1:-1]).decode("cp1252", "replace"))
        elif token[:1] == b"<":
            texts.append(_hex_text(token[1:-1]))
        elif texts and not texts[-1].endswith("\n"):
            texts.append("\n")
    return "".join(texts).strip()


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) % 256]) if code[:1].isdigit() else _ESCAPED.get(code, code)


def _hex_text(digits: bytes) -> str:
    """A hexadecimal string that holds readable text; glyph numbers of a font are left out."""
    compact = b"".join(digits.split())
    text = bytes.fromhex((compact + b"0" * (len(compact) % 2)).decode()).decode("cp1252", "replace")
    return text if text.isprintable() else ""
