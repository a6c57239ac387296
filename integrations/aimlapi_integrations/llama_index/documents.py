"""Readers of documents and recordings in LlamaIndex: `AIMLAPIOCRReader` and `AIMLAPISpeechReader`."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document
from pydantic import Field
from typing_extensions import override

from ..client.media_adapters import PageMode, SegmentMode, SourceDocument, page_documents, segment_documents
from ..endpoints.shared.default_models import OCR_MODEL, SPEECH_MODEL
from ..endpoints.shared.sources import NamedBytes, Source
from .connection import ConnectionFields

# Metadata that models and embeddings don't read. A model reads `source`, `page_label`, `speaker`, `start` and `end`,
# to cite them.
_HIDDEN = ["annotation", "cost_credits", "cost_usd", "duration", "images", "language", "model", "page", "segment"]
_HIDDEN += ["total_pages", "transcription_id"]
_NOT_EMBEDDED = [*_HIDDEN, "end", "page_label", "source", "start"]


class AIMLAPIOCRReader(ConnectionFields, BasePydanticReader, defer_build=False):
    """Reads PDFs and images by OCR: a `Document` with Markdown for each page.

    Works as a `file_extractor` of `SimpleDirectoryReader`. A URL isn't downloaded here: the gateway reads it. The
    metadata is `source`, `page` (from 0), `page_label` (from 1), `total_pages`, `model`, `annotation`, and the page's
    share of the price, `cost_usd` and `cost_credits`. Pages without text and images are left out.

    Raises:
        MissingAPIKeyError: No API key is set.
        UnsupportedContentError: From calls, if a file is too large, has too many pages, or is of a type that the model
            doesn't read.

    Examples:
        >>> reader = AIMLAPIOCRReader()
        >>> documents = reader.load_data("invoice.pdf")                                           # doctest: +SKIP
        >>> SimpleDirectoryReader("scans", file_extractor={".pdf": reader}).load_data()           # doctest: +SKIP
    """

    model: str = Field(default=OCR_MODEL, description="The model, by any ID.")
    mode: PageMode = Field(default="page", description="A document per `page`, or a `single` one with all pages.")
    pages: int | str | list[int] | None = Field(
        default=None, description="Pages to read, counted from 0: `3`, `[0, 1]` or `'0-2,5'`; all by default."
    )
    include_images: bool = Field(default=False, description="Whether to return the images on the pages.")
    image_dir: Path | None = Field(
        default=None, description="A folder to write these images to. The Markdown then refers to the files."
    )
    annotation: Any = Field(
        default=None, exclude=True, description="A pydantic class or JSON schema to extract from each file."
    )
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further options of `Client.ocr`.")
    is_remote: bool = Field(default=True, description="The gateway reads the files.")

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serializes the class by."""
        return "AIMLAPIOCRReader"

    @override
    def load_data(self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None) -> list[Document]:
        """Read a file: a URL, a path, bytes or an open file.

        Args:
            file: what to read.
            extra_info: metadata to add to each document.
            fs: the fsspec file system that `file` is a path of; None for the local one.
        """
        return list(self.lazy_load_data(file, extra_info, fs))

    @override
    def lazy_load_data(
        self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> Iterator[Document]:
        """Yield the pages of a file. Takes the arguments of `load_data`."""
        result = self._client().ocr(_open_source(file, fs), **self._options())
        yield from _to_documents(page_documents(result, _origin(file), self.mode, self.image_dir), extra_info)

    @override
    async def aload_data(
        self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """`load_data`, async."""
        result = await self._async_client().ocr(await asyncio.to_thread(_open_source, file, fs), **self._options())
        pages = page_documents(result, _origin(file), self.mode, self.image_dir)
        return await asyncio.to_thread(lambda: list(_to_documents(pages, extra_info)))

    @override
    async def alazy_load_data(
        self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """`lazy_load_data`, async."""
        return await self.aload_data(file, extra_info, fs)

    def _options(self) -> dict[str, Any]:
        return {
            **self.additional_kwargs,
            "model": self.model,
            "pages": self.pages,
            "include_images": self.include_images or self.image_dir is not None,
            "annotation": self.annotation,
        }


class AIMLAPISpeechReader(ConnectionFields, BasePydanticReader, defer_build=False):
    """Transcribes recordings: a `Document` for each segment, with times and speaker.

    Works as a `file_extractor` of `SimpleDirectoryReader`. A URL isn't downloaded here: the gateway reads it. The
    metadata is `source`, `segment` (from 0), `start` and `end` in seconds, `speaker`, `language`, `duration`, `model`,
    `transcription_id`, and the segment's share of the price, without what the model doesn't report.

    Raises:
        MissingAPIKeyError: No API key is set.
        ResponseFailedError, APITimeoutError: From calls, if the job fails, or doesn't end in `job_timeout`.

    Examples:
        >>> reader = AIMLAPISpeechReader(speakers=True)
        >>> documents = reader.load_data("meeting.mp3")                                           # doctest: +SKIP
    """

    model: str = Field(default=SPEECH_MODEL, description="The model, by any ID.")
    mode: SegmentMode = Field(default="segment", description="A document per `segment`, or a `single` one.")
    language: str | None = Field(default=None, description="The language spoken, as a code; None to detect it.")
    speakers: bool = Field(default=False, description="Whether to tell speakers apart.")
    job_timeout: float = Field(default=600.0, gt=0, description="Seconds to wait for each recording.")
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Further options of `Client.transcribe`."
    )
    is_remote: bool = Field(default=True, description="The gateway reads the files.")

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serializes the class by."""
        return "AIMLAPISpeechReader"

    @override
    def load_data(self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None) -> list[Document]:
        """Transcribe a recording: a URL, a path, bytes or an open file.

        Args:
            file: what to transcribe.
            extra_info: metadata to add to each document.
            fs: the fsspec file system that `file` is a path of; None for the local one.
        """
        return list(self.lazy_load_data(file, extra_info, fs))

    @override
    def lazy_load_data(
        self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> Iterator[Document]:
        """Yield the segments of a recording. Takes the arguments of `load_data`."""
        transcript = self._client().transcribe(_open_source(file, fs), **self._options())
        yield from _to_documents(segment_documents(transcript, _origin(file), self.mode), extra_info)

    @override
    async def aload_data(
        self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """`load_data`, async. A task that is canceled stops waiting; the job goes on."""
        source = await asyncio.to_thread(_open_source, file, fs)
        transcript = await self._async_client().transcribe(source, **self._options())
        return list(_to_documents(segment_documents(transcript, _origin(file), self.mode), extra_info))

    @override
    async def alazy_load_data(
        self, file: Source, extra_info: Mapping[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """`lazy_load_data`, async."""
        return await self.aload_data(file, extra_info, fs)

    def _options(self) -> dict[str, Any]:
        return {
            **self.additional_kwargs,
            "model": self.model,
            "language": self.language,
            "speakers": self.speakers,
            "timeout": self.job_timeout,
        }


def _open_source(file: Source, fs: Any) -> Source:
    """Return the bytes of a file in another file system, with its name; else the source itself."""
    if fs is None:
        return file
    with fs.open(str(file), "rb") as opened:
        return NamedBytes(opened.read(), str(file))


def _origin(file: Source) -> str:
    """Return the URL or path of a source; `file` for bytes."""
    name = file if isinstance(file, str | Path) else getattr(file, "name", "file")
    return "file" if str(name).startswith("data:") else str(name)


def _to_documents(documents: Iterable[SourceDocument], extra_info: Mapping[str, Any] | None) -> Iterator[Document]:
    for document in documents:
        yield Document(
            text=document.text,
            metadata={**document.metadata, **(extra_info or {})},
            excluded_embed_metadata_keys=list(_NOT_EMBEDDED),
            excluded_llm_metadata_keys=list(_HIDDEN),
        )
