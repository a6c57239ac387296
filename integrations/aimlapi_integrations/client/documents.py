"""Documents for retrieval: the pages of an OCR result and the segments of a transcript, each with its metadata.

Both frameworks build their documents of these. Metadata is flat (texts, numbers), which is what vector stores take;
only the images of pages, on request, aren't.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from .._utils.json import drop_none
from ..endpoints.ocr import OCRImage, OCRPage, OCRResult
from ..endpoints.shared.totals import split_cost
from ..endpoints.speech_to_text import Transcript
from ..types import Cost

PageMode: TypeAlias = Literal["page", "single"]
SegmentMode: TypeAlias = Literal["segment", "single"]


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A text to retrieve, and where it is from."""

    text: str
    metadata: Mapping[str, Any]


def page_documents(
    result: OCRResult, source: str, mode: PageMode = "page", image_dir: str | Path | None = None
) -> Iterator[SourceDocument]:
    """Yield a document for each page, or one for all.

    Args:
        result: with the pages. Pages without text and images are left out: a store can't embed an empty text.
        source: the URL or path that the document is from.
        mode: `page` for a document per page, `single` for one with all pages.
        image_dir: a folder to write the images of the pages to, if the result has them; the Markdown then refers to
            these files. None leaves them in the metadata, as `images`.

    The metadata has `source`, `page` (from 0), `page_label` (from 1), `total_pages`, `model`, `annotation` as JSON text
    and the page's equal share of the price, `cost_usd` and `cost_credits`.

    >>> result = OCRResult((OCRPage(0, "# Invoice"), OCRPage(1, "")), "mistral-ocr", cost=Cost("0.002000000", 4))
    >>> [(each.text, each.metadata["page"], each.metadata["cost_usd"]) for each in page_documents(result, "a.pdf")]
    [('# Invoice', 0, '0.002000000')]
    """
    pages = [page for page in result.pages if page.markdown.strip() or page.images]
    shared = {"source": source, "total_pages": len(result.pages), "model": result.model}
    shared |= drop_none({"annotation": result.annotation_json})
    prefix = re.sub(r"\W+", "-", Path(source).stem) or "document"
    saved = [save_images(page, image_dir, prefix) for page in pages]
    if mode == "single":
        text = "\n\n".join(page.markdown for page in saved)
        yield SourceDocument(text, {**shared, **_images(saved), **_price(result.cost)})
        return
    for page, cost in zip(saved, split_cost(result.cost, len(saved)), strict=True):
        place = {"page": page.index, "page_label": str(page.index + 1)}
        yield SourceDocument(page.markdown, {**shared, **place, **_images([page]), **_price(cost)})


def save_images(page: OCRPage, image_dir: str | Path | None, prefix: str) -> OCRPage:
    """Write the images of a page to a folder, and let its Markdown refer to the files. None changes nothing."""
    if image_dir is None:
        return page
    markdown, left = page.markdown, []
    for image in page.images:
        if image.data is None:
            left.append(image)
            continue
        path = Path(image_dir) / f"{prefix}-{page.index + 1}-{re.sub(r'[^A-Za-z0-9._-]', '_', image.id) or 'image'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.content)
        markdown = markdown.replace(f"]({image.id})", f"]({path.as_posix()})")
    return replace(page, markdown=markdown, images=tuple(left))


def _images(pages: Sequence[OCRPage]) -> dict[str, Any]:
    items = [_image_item(image) for page in pages for image in page.images if image.data or image.annotation]
    return {"images": items} if items else {}


def _image_item(image: OCRImage) -> dict[str, Any]:
    box = list(image.box) if image.box else None
    fields = {"id": image.id, "mime_type": image.mime, "base64": image.data, "box": box, "annotation": image.annotation}
    return drop_none(fields)


def segment_documents(transcript: Transcript, source: str, mode: SegmentMode = "segment") -> Iterator[SourceDocument]:
    """Yield a document for each segment of a transcript, or one for all.

    Args:
        transcript: of the recording; if its text is empty, there are no documents.
        source: the URL or path that the recording is from.
        mode: `segment` for a document per segment, `single` for one with the whole text.

    The metadata has `source`, `segment` (from 0), `start` and `end` in seconds, `speaker`, `language`, `duration` of
    the recording in seconds, `model`, `transcription_id`, and an equal share of the price; without what isn't known.

    >>> from aimlapi_integrations import Segment
    >>> transcript = Transcript("Hello.", (Segment("Hello.", 0.0, 1.2, "A"),), model="nova-3")
    >>> next(segment_documents(transcript, "talk.mp3")).metadata["speaker"]
    'A'
    """
    shared = {
        "source": source,
        "language": transcript.language,
        "duration": transcript.duration,
        "model": transcript.model or None,
        "transcription_id": transcript.id or None,
    }
    segments = [segment for segment in transcript.segments if segment.text.strip()]
    if mode == "single" or not segments:
        if transcript.text.strip():
            yield SourceDocument(transcript.text, drop_none({**shared, **_price(transcript.cost)}))
        return
    for place, (segment, cost) in enumerate(zip(segments, split_cost(transcript.cost, len(segments)), strict=True)):
        times = {"segment": place, "start": segment.start, "end": segment.end, "speaker": segment.speaker}
        yield SourceDocument(segment.text, drop_none({**shared, **times, **_price(cost)}))


def _price(cost: Cost | None) -> dict[str, Any]:
    return drop_none({"cost_usd": cost.usd, "cost_credits": cost.credits}) if cost else {}
