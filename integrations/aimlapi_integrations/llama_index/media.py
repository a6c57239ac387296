"""Documents, recordings and images in LlamaIndex: readers, and tools for agents.

`AIMLAPIOCRReader` and `AIMLAPISpeechReader` read documents and recordings. `AIMLAPIMediaToolSpec` creates and edits
images, and transcribes.
"""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document
from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from pydantic import BaseModel, Field
from typing_extensions import override

from ..client.media_adapters import (
    IMAGE_TOOL_DESCRIPTION,
    SPEECH_TOOL_DESCRIPTION,
    ImageToolInput,
    ImageToolResult,
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
    job_timeout: float | None = Field(
        default=600.0, gt=0, description="Seconds to wait for each recording; None: no limit."
    )
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


# --- tools --------------------------------------------------------------------------------------------------------

# The functions of the spec: what the model reads of each, and its arguments.
_TOOLS: dict[str, tuple[str, type[BaseModel]]] = {
    "create_image": (IMAGE_TOOL_DESCRIPTION, ImageToolInput),
    "transcribe_recording": (SPEECH_TOOL_DESCRIPTION, SpeechToolInput),
}


class AIMLAPIMediaToolSpec(ConnectionFields, BaseToolSpec, defer_build=False):
    """Tools that create and edit images, and that transcribe recordings.

    The model reads where each image is (a URL or a file name) and the price, or the text of a recording with times and
    speakers. `raw_output` of the tool's output has everything else, and as JSON in its `artifact`. The base64 of an
    image is never in the model's context.

    Raises:
        MissingAPIKeyError: No API key is set.

    Examples:
        >>> tools = AIMLAPIMediaToolSpec(folder="media").to_tool_list()
        >>> [tool.metadata.name for tool in tools]
        ['create_image', 'transcribe_recording']
        >>> print(tools[0].call(prompt="A lighthouse at night", size="16:9"))                     # doctest: +SKIP
        Created 1 image: https://cdn.aimlapi.com/…/lighthouse.png. Price: $0.04.
    """

    spec_functions: ClassVar[list[SPEC_FUNCTION_TYPE]] = [(name, f"a{name}") for name in _TOOLS]  # type: ignore[misc]

    image_model: str = Field(default=IMAGE_MODEL, description="An image model. The default creates and edits.")
    speech_model: str = Field(default=SPEECH_MODEL, description="A speech-to-text model.")
    folder: Path | None = Field(
        default=None,
        description="For images that come as base64; and the only folder whose files the model may send. None: URLs.",
    )
    max_images: int = Field(default=4, ge=1, description="The most images of one call.")
    job_timeout: float | None = Field(
        default=600.0, gt=0, description="Seconds to wait for a recording; None: no limit."
    )
    image_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further options for images.")
    speech_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further options for recordings.")

    @override
    def to_tool_list(
        self,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """Return the tools, or those named in `spec_functions`. Each is sync and natively async."""
        pairs = [(name, f"a{name}") if name in _TOOLS else name for name in spec_functions or self.spec_functions]
        return super().to_tool_list(pairs, func_to_metadata_mapping)

    @override
    def get_metadata_from_fn_name(
        self,
        fn_name: str,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,
    ) -> ToolMetadata:
        """Return what the model reads of a function."""
        description, schema = _TOOLS[fn_name]
        return ToolMetadata(name=fn_name, description=description, fn_schema=schema)

    def create_image(
        self, prompt: str, size: str | None = None, n: int = 1, images: list[str] | None = None
    ) -> ImageToolResult:
        """Create images, or edit those in `images` (URLs, or names of files in `folder`).

        Raises:
            UnsupportedParameterError, UnsupportedContentError: the model can't do this. LlamaIndex's agents let the
                model read the error.
        """
        options = self._image_options(size, n)
        if images:
            sources = [agent_source(each, self.folder) for each in images]
            result = self._client().edit_image(prompt, sources, **options)
        else:
            result = self._client().generate_image(prompt, **options)
        return save_images(result, self.folder)

    async def acreate_image(
        self, prompt: str, size: str | None = None, n: int = 1, images: list[str] | None = None
    ) -> ImageToolResult:
        """`create_image`, async."""
        options = self._image_options(size, n)
        if images:
            sources = [agent_source(each, self.folder) for each in images]
            result = await self._async_client().edit_image(prompt, sources, **options)
        else:
            result = await self._async_client().generate_image(prompt, **options)
        return await asyncio.to_thread(save_images, result, self.folder)

    def transcribe_recording(
        self, recording: str, language: str | None = None, speakers: bool = False
    ) -> SpeechToolResult:
        """Transcribe a recording: a URL, or the name of a file in `folder`."""
        source = agent_source(recording, self.folder)
        return SpeechToolResult(self._client().transcribe(source, **self._speech_options(language, speakers)))

    async def atranscribe_recording(
        self, recording: str, language: str | None = None, speakers: bool = False
    ) -> SpeechToolResult:
        """`transcribe_recording`, async."""
        source = agent_source(recording, self.folder)
        return SpeechToolResult(
            await self._async_client().transcribe(source, **self._speech_options(language, speakers))
        )

    def _image_options(self, size: str | None, n: int) -> dict[str, Any]:
        check_image_count(n, self.max_images)
        return {**self.image_kwargs, "model": self.image_model, "size": size, "n": n}

    def _speech_options(self, language: str | None, speakers: bool) -> dict[str, Any]:
        options = {**self.speech_kwargs, "model": self.speech_model, "timeout": self.job_timeout}
        return {**options, "language": language, "speakers": speakers}
