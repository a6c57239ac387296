"""Parsers of documents and recordings, for LangChain's loaders: `AIMLAPIOCRParser` and `AIMLAPISpeechParser`."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from langchain_core.document_loaders import BaseBlobParser
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from pydantic import Field

from ..client.media_adapters import PageMode, SegmentMode, SourceDocument, page_documents, segment_documents
from ..endpoints.shared.default_models import OCR_MODEL, SPEECH_MODEL
from ..endpoints.shared.sources import NamedBytes, Source
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
    job_timeout: float = Field(default=600.0, gt=0)
    """Seconds to wait for each recording."""
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
