"""Tools for LangChain's agents: `AIMLAPIImageTool` creates and edits images, `AIMLAPISpeechTool` transcribes."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from langchain_core.tools import BaseTool, ToolException
from pydantic import Field

from ..client.media_adapters import (
    IMAGE_TOOL_DESCRIPTION,
    IMAGE_TOOL_NAME,
    SPEECH_TOOL_DESCRIPTION,
    SPEECH_TOOL_NAME,
    ImageToolInput,
    SpeechToolInput,
    SpeechToolResult,
    agent_source,
    check_image_count,
    save_images,
)
from ..endpoints.shared.default_models import IMAGE_MODEL, SPEECH_MODEL
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
    job_timeout: float = Field(default=600.0, gt=0)
    """Seconds to wait for a recording."""
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
