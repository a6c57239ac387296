"""Documents, recordings and images in LangChain: parsers for its loaders, and tools for its agents.

`AIMLAPIOCRParser` and `AIMLAPISpeechParser` parse documents and recordings. `AIMLAPIImageTool` creates and edits
images, `AIMLAPISpeechTool` transcribes.
"""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from langchain_core.document_loaders import BaseBlobParser
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.tools import BaseTool, ToolException
from pydantic import Field

from ..client.media_adapters import (
    IMAGE_TOOL_DESCRIPTION,
    IMAGE_TOOL_NAME,
    SPEECH_TOOL_DESCRIPTION,
    SPEECH_TOOL_NAME,
    ImageToolInput,
    PageMode,
    SegmentMode,
    SourceDocument,
    SpeechToolInput,
    SpeechToolResult,
    agent_source,
    check_image_count,
    page_documents,
    save_images,
    segment_documents,
)
from ..endpoints.shared.model_kinds import IMAGE_MODEL, OCR_MODEL, SPEECH_MODEL
from ..endpoints.shared.sources import NamedBytes, Source
from ..errors import (
    BadRequestError,
    NotFoundError,
    ResponseFailedError,
    UnsupportedContentError,
    UnsupportedParameterError,
)
from ..types import Json
from .connection import ComponentFields
from .errors import translate_errors


class AIMLAPIOCRParser(ComponentFields, BaseBlobParser, defer_build=False):
    """Reads PDFs and images by OCR: a `Document` with Markdown for each page. Works in `GenericLoader`.

    A blob has bytes or a path. A path that is a URL isn't downloaded here: the gateway reads it. The metadata is that
    of the blob and `source`, `page` (from 0), `page_label` (from 1), `total_pages`, `model`, `annotation`, and the
    page's share of the price, `cost_usd` and `cost_credits`. Pages without text and images are left out.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.
        UnsupportedContentError: from calls, if a file is too large, has too many pages, or is of a type that the model
            doesn't read.

    Examples:
        >>> parser = AIMLAPIOCRParser()
        >>> documents = parser.parse(Blob.from_path("invoice.pdf"))                               # doctest: +SKIP
        >>> documents[0].metadata["page"], documents[0].metadata["cost_usd"]                      # doctest: +SKIP
        (0, '0.004000000')
    """

    model: str = OCR_MODEL
    """The gateway's id of an OCR model."""
    mode: PageMode = "page"
    """`page` for a document per page, `single` for one with all pages."""
    pages: int | str | list[int] | None = None
    """Pages to read, counted from 0: `3`, `[0, 1]` or `"0-2,5"`; all by default."""
    include_images: bool = False
    """Whether to return the images on the pages, in `metadata["images"]`, or as files if `image_dir` is set."""
    image_dir: Path | None = None
    """A folder to write these images to. The Markdown then refers to the files."""
    annotation: Any = None
    """A pydantic class or JSON schema to extract from each file, as JSON text in `metadata["annotation"]`."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further options of `Client.ocr`, such as `annotation_prompt`."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Yield the pages of a file."""
        with translate_errors():
            result = self._get_client().ocr(blob_source(blob), mime_type=blob.mimetype, **self._options())
            yield from _to_documents(page_documents(result, _origin(blob), self.mode, self.image_dir), blob.metadata)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """`lazy_parse`, async."""
        with translate_errors():
            client, source = self._get_async_client(), blob_source(blob)
            result = await client.ocr(source, mime_type=blob.mimetype, **self._options())
            pages = page_documents(result, _origin(blob), self.mode, self.image_dir)
            for document in await asyncio.to_thread(lambda: list(_to_documents(pages, blob.metadata))):
                yield document

    async def aparse(self, blob: Blob) -> list[Document]:
        """`parse`, async."""
        return [document async for document in self.alazy_parse(blob)]

    def _options(self) -> dict[str, Any]:
        return {
            **self.model_kwargs,
            "model": self.model,
            "pages": self.pages,
            "include_images": self.include_images or self.image_dir is not None,
            "annotation": self.annotation,
        }


class AIMLAPISpeechParser(ComponentFields, BaseBlobParser, defer_build=False):
    """Transcribes recordings: a `Document` for each segment, with times and speaker. Works in `GenericLoader`.

    A blob has bytes or a path. A path that is a URL isn't downloaded here: the gateway reads it. The metadata is that
    of the blob and `source`, `segment` (from 0), `start` and `end` in seconds, `speaker`, `language`, `duration`,
    `model`, `transcription_id`, and the segment's share of the price, without what the model doesn't report.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.
        ResponseFailedError, APITimeoutError: from calls, if the job fails, or doesn't end in `job_timeout`.

    Examples:
        >>> parser = AIMLAPISpeechParser(speakers=True)
        >>> for document in parser.lazy_parse(Blob.from_path("meeting.mp3")):                     # doctest: +SKIP
        ...     print(document.metadata["speaker"], document.page_content)
    """

    model: str = SPEECH_MODEL
    """The gateway's id of a speech-to-text model."""
    mode: SegmentMode = "segment"
    """`segment` for a document per segment, `single` for one with the whole text."""
    language: str | None = None
    """The language spoken, as a code such as `en`; None to let the model detect it."""
    speakers: bool = False
    """Whether to tell speakers apart."""
    job_timeout: float | None = Field(default=600.0, gt=0)
    """Seconds to wait for each recording; None for no limit."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further options of `Client.transcribe`, such as `punctuate`."""

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Yield the segments of a recording."""
        with translate_errors():
            transcript = self._get_client().transcribe(blob_source(blob), mime_type=blob.mimetype, **self._options())
            yield from _to_documents(segment_documents(transcript, _origin(blob), self.mode), blob.metadata)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """`lazy_parse`, async. A task that is canceled stops waiting; the job goes on."""
        with translate_errors():
            client, source = self._get_async_client(), blob_source(blob)
            transcript = await client.transcribe(source, mime_type=blob.mimetype, **self._options())
        for document in _to_documents(segment_documents(transcript, _origin(blob), self.mode), blob.metadata):
            yield document

    async def aparse(self, blob: Blob) -> list[Document]:
        """`parse`, async."""
        return [document async for document in self.alazy_parse(blob)]

    def _options(self) -> dict[str, Any]:
        return {
            **self.model_kwargs,
            "model": self.model,
            "language": self.language,
            "speakers": self.speakers,
            "timeout": self.job_timeout,
        }


def blob_source(blob: Blob) -> Source:
    """Return a blob's bytes with their name, or its path if it has no bytes, which may be a URL."""
    if blob.data is None:
        return str(blob.path)
    return NamedBytes(blob.data.encode(blob.encoding) if isinstance(blob.data, str) else blob.data, blob.source or "")


def _origin(blob: Blob) -> str:
    return str(blob.source or "file")


def _to_documents(documents: Iterable[SourceDocument], metadata: Mapping[str, Any]) -> Iterator[Document]:
    for document in documents:
        yield Document(document.text, metadata={**document.metadata, **metadata})


# --- tools --------------------------------------------------------------------------------------------------------

_MODELS_FAULT = (UnsupportedContentError, UnsupportedParameterError, BadRequestError, ResponseFailedError)


@contextmanager
def _errors_for_model() -> Iterator[None]:
    """Let the model read errors that its arguments cause; raise all others."""
    with translate_errors():
        try:
            yield
        except NotFoundError:
            raise
        except _MODELS_FAULT as error:
            raise ToolException(str(error)) from error


class AIMLAPIImageTool(ComponentFields, BaseTool, defer_build=False):
    """Creates images, or edits them, as an agent's tool.

    The model reads where each image is (a URL or a file name) and the price. The artifact of the tool message has
    `model`, `images` (each with `url`, `path` or `base64`) and `cost`. The base64 of an image is never in the model's
    context. Errors that the model's arguments cause are returned to it; others are raised.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.

    Examples:
        >>> tool = AIMLAPIImageTool(image_dir="images")
        >>> tool.invoke({"prompt": "A lighthouse at night", "size": "16:9"})                      # doctest: +SKIP
        'Created 1 image: https://cdn.aimlapi.com/…/lighthouse.png. Price: $0.04.'
    """

    name: str = IMAGE_TOOL_NAME
    description: str = IMAGE_TOOL_DESCRIPTION
    args_schema: Any = ImageToolInput
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: bool | str | Callable[[ToolException], str] | None = True

    model: str = IMAGE_MODEL
    """The gateway's id of an image model. The default creates and edits."""
    image_dir: Path | None = None
    """A folder for images that come as base64, and the only one whose files the model may edit. None: URLs alone."""
    max_images: int = Field(default=4, ge=1)
    """The most images of one call."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further options of every call, such as `quality` or `response_format`."""

    def _run(
        self, prompt: str, size: str | None = None, n: int = 1, images: list[str] | None = None
    ) -> tuple[str, Json]:
        with _errors_for_model():
            options = self._options(size, n)
            if images:
                sources = [agent_source(each, self.image_dir) for each in images]
                result = self._get_client().edit_image(prompt, sources, **options)
            else:
                result = self._get_client().generate_image(prompt, **options)
            created = save_images(result, self.image_dir)
        return str(created), created.artifact

    async def _arun(
        self, prompt: str, size: str | None = None, n: int = 1, images: list[str] | None = None
    ) -> tuple[str, Json]:
        with _errors_for_model():
            options = self._options(size, n)
            if images:
                sources = [agent_source(each, self.image_dir) for each in images]
                result = await self._get_async_client().edit_image(prompt, sources, **options)
            else:
                result = await self._get_async_client().generate_image(prompt, **options)
            created = await asyncio.to_thread(save_images, result, self.image_dir)
        return str(created), created.artifact

    def _options(self, size: str | None, n: int) -> dict[str, Any]:
        check_image_count(n, self.max_images)
        return {**self.model_kwargs, "model": self.model, "size": size, "n": n}


class AIMLAPISpeechTool(ComponentFields, BaseTool, defer_build=False):
    """Transcribes recordings, as an agent's tool.

    The model reads the text with times and speakers. The artifact of the tool message has `text`, `segments`, `id` and
    `cost`. Errors that the model's arguments cause are returned to it; others are raised.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.

    Examples:
        >>> tool = AIMLAPISpeechTool()
        >>> tool.invoke({"recording": "https://example.com/talk.mp3"})                            # doctest: +SKIP
        '[00:00] Good morning, and welcome.'
    """

    name: str = SPEECH_TOOL_NAME
    description: str = SPEECH_TOOL_DESCRIPTION
    args_schema: Any = SpeechToolInput
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: bool | str | Callable[[ToolException], str] | None = True

    model: str = SPEECH_MODEL
    """The gateway's id of a speech-to-text model."""
    recording_dir: Path | None = None
    """The only folder whose files the model may transcribe. None: URLs alone."""
    job_timeout: float | None = Field(default=600.0, gt=0)
    """Seconds to wait for a recording; None for no limit."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further options of every call, such as `punctuate`."""

    def _run(self, recording: str, language: str | None = None, speakers: bool = False) -> tuple[str, Json]:
        with _errors_for_model():
            source = agent_source(recording, self.recording_dir)
            result = SpeechToolResult(self._get_client().transcribe(source, **self._options(language, speakers)))
        return str(result), result.artifact

    async def _arun(self, recording: str, language: str | None = None, speakers: bool = False) -> tuple[str, Json]:
        with _errors_for_model():
            source = agent_source(recording, self.recording_dir)
            transcript = await self._get_async_client().transcribe(source, **self._options(language, speakers))
        result = SpeechToolResult(transcript)
        return str(result), result.artifact

    def _options(self, language: str | None, speakers: bool) -> dict[str, Any]:
        options = {**self.model_kwargs, "model": self.model, "timeout": self.job_timeout}
        return {**options, "language": language, "speakers": speakers}
