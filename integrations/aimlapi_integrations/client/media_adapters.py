"""What both frameworks' adapters make of media: documents for retrieval, and tools for agents.

Documents are the pages of an OCR result and the segments of a transcript. Their metadata is flat (texts, numbers),
which is what vector stores take; only the images of pages, on request, aren't.

A model can be made to pass anything to a tool by a text that it reads. So of local files, tools take only those of one
folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, Field

from .._utils.json import drop_none
from ..endpoints.images import GeneratedImage, GeneratedImages
from ..endpoints.ocr import OCRImage, OCRPage, OCRResult
from ..endpoints.shared.parsing import split_cost
from ..endpoints.speech_to_text import Segment, Transcript
from ..errors import UnsupportedContentError, UnsupportedParameterError
from ..types import Cost, Json

PageMode: TypeAlias = Literal["page", "single"]
SegmentMode: TypeAlias = Literal["segment", "single"]

IMAGE_TOOL_NAME = "create_image"
IMAGE_TOOL_DESCRIPTION = (
    "Create images from a description, or edit images. Returns where each image is. "
    "To edit, pass the URLs or file names of the images."
)
SPEECH_TOOL_NAME = "transcribe_recording"
SPEECH_TOOL_DESCRIPTION = (
    "Transcribe speech from an audio or video recording. Returns the text, with times and speakers."
)


# --- documents for retrieval --------------------------------------------------------------------------------------


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
    saved = [_save_page_images(page, image_dir, prefix) for page in pages]
    if mode == "single":
        text = "\n\n".join(page.markdown for page in saved)
        yield SourceDocument(text, {**shared, **_images(saved), **_price(result.cost)})
        return
    for page, cost in zip(saved, split_cost(result.cost, len(saved)), strict=True):
        place = {"page": page.index, "page_label": str(page.index + 1)}
        yield SourceDocument(page.markdown, {**shared, **place, **_images([page]), **_price(cost)})


def _save_page_images(page: OCRPage, image_dir: str | Path | None, prefix: str) -> OCRPage:
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


# --- tools for agents ---------------------------------------------------------------------------------------------


class ImageToolInput(BaseModel):
    """Create or edit images."""

    prompt: str = Field(description="What the image shows, or what to change in the images to edit.")
    size: str | None = Field(default=None, description="Width and height as '1024x1024', or a ratio as '16:9'.")
    n: int = Field(default=1, ge=1, description="The number of images.")
    images: list[str] | None = Field(default=None, description="URLs or file names of images to edit.")


class SpeechToolInput(BaseModel):
    """Transcribe a recording."""

    recording: str = Field(description="The URL or file name of the recording.")
    language: str | None = Field(default=None, description="The language spoken, as a code such as 'en'.")
    speakers: bool = Field(default=False, description="Whether to tell speakers apart.")


def agent_source(name: str, folder: str | Path | None) -> str | Path:
    """Return what a model named: a URL, or a file of the folder that the tool was given.

    Args:
        name: an `http` or `https` URL, or the name of a file in `folder`.
        folder: the only folder whose files a model may send; None for URLs alone.

    Raises:
        UnsupportedContentError: it is neither.
    """
    if name.lower().startswith(("http://", "https://")):
        return name
    if folder is None:
        raise UnsupportedContentError(f"{name[:200]!r} is not a URL: pass an http or https URL.")
    root = Path(folder).resolve()
    path = (root / name.replace("\0", "")).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        raise UnsupportedContentError(f"{name[:200]!r} is neither a URL nor a file that this tool may read.")
    return path


# --- images -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImageToolResult:
    """The images that a tool made. As text, it is what a model reads: places and price, never the base64.

    Attributes:
        result: the images, with price and metadata.
        paths: the file of each image; None if it is behind a URL or in no file.
    """

    result: GeneratedImages
    paths: tuple[Path | None, ...]

    def __str__(self) -> str:
        places = [
            image.url or (path.name if path else f"image {number} of the artifact")
            for number, (image, path) in enumerate(zip(self.result.images, self.paths, strict=True), 1)
        ]
        count = "1 image" if len(places) == 1 else f"{len(places)} images"
        price = f" Price: ${Decimal(self.result.cost.usd).normalize():f}." if self.result.cost else ""
        return f"Created {count}: {', '.join(places)}.{price}"

    @property
    def artifact(self) -> Json:
        """The result as JSON: `model`, `images` (each with `url`, `path` or `base64`, and `mime_type`) and `cost`."""
        items = map(_artifact_item, self.result.images, self.paths)
        return {"model": self.result.model, "images": list(items), **_price_item(self.result.cost)}


def _artifact_item(image: GeneratedImage, path: Path | None) -> Json:
    base64 = None if image.url or path else image.data
    fields = {"url": image.url, "path": str(path) if path else None, "base64": base64, "mime_type": image.mime}
    return drop_none({**fields, "revised_prompt": image.revised_prompt})


def check_image_count(n: int, maximum: int) -> None:
    """Raise UnsupportedParameterError if a model asks for more images than the tool allows."""
    if n > maximum:
        raise UnsupportedParameterError(f"n={n}: this tool creates at most {maximum} images per call.")


def save_images(result: GeneratedImages, folder: str | Path | None) -> ImageToolResult:
    """Write images that came as base64 to files in a folder; None leaves them in memory. Nothing is downloaded."""
    return ImageToolResult(result, tuple(_save(image, folder) for image in result.images))


def _save(image: GeneratedImage, folder: str | Path | None) -> Path | None:
    if folder is None or image.data is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(image.content).hexdigest()[:16]
    return image.save(Path(folder) / f"image-{digest}{image.extension}")


# --- speech -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechToolResult:
    """A transcript. As text, it is what a model reads: a line for each segment, with its time and speaker.

    >>> str(SpeechToolResult(Transcript("Hello.", (Segment("Hello.", 61.0, 62.5, "A"),))))
    '[01:01] A: Hello.'
    """

    transcript: Transcript

    def __str__(self) -> str:
        if not self.transcript.text.strip():
            return "The recording has no speech."
        return "\n".join(map(_describe_segment, self.transcript.segments)) or self.transcript.text

    @property
    def artifact(self) -> Json:
        """The transcript as JSON: its text, `segments` with times and speakers, and the price."""
        names = ("id", "model", "text", "language", "duration")
        fields = {name: getattr(self.transcript, name) for name in names}
        return drop_none({**fields, "segments": list(map(_segment_item, self.transcript.segments))}) | _price_item(
            self.transcript.cost
        )


def _describe_segment(segment: Segment) -> str:
    minutes, seconds = divmod(int(segment.start or 0), 60)
    time = "" if segment.start is None else f"[{minutes:02}:{seconds:02}] "
    return f"{time}{f'{segment.speaker}: ' if segment.speaker else ''}{segment.text}"


def _segment_item(segment: Segment) -> Json:
    return drop_none({"text": segment.text, "start": segment.start, "end": segment.end, "speaker": segment.speaker})


def _price_item(cost: Cost | None) -> Json:
    return {"cost": drop_none({"usd": cost.usd, "credits": cost.credits})} if cost else {}
