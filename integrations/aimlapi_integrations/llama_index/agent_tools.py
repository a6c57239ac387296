"""Tools for LlamaIndex's agents: `AIMLAPIMediaToolSpec` creates and edits images, and transcribes recordings."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import asyncio
from pathlib import Path
from typing import Any, ClassVar

from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec
from pydantic import BaseModel, Field
from typing_extensions import override

from ..client.media_adapters import (
    IMAGE_TOOL_DESCRIPTION,
    SPEECH_TOOL_DESCRIPTION,
    ImageToolInput,
    ImageToolResult,
    SpeechToolInput,
    SpeechToolResult,
    agent_source,
    check_image_count,
    save_images,
)
from ..endpoints.shared.default_models import IMAGE_MODEL, SPEECH_MODEL
from .connection import ConnectionFields

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
    job_timeout: float = Field(default=600.0, gt=0, description="Seconds to wait for a recording.")
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
