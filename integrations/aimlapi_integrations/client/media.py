"""Documents, recordings and images: the methods of both clients, and `client.transcriptions`.

>>> client.ocr("invoice.pdf").text                                                          # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..endpoints.shared.model_kinds import IMAGE_MODEL, OCR_MODEL, SPEECH_MODEL
from ..errors import APIError
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.timeouts import check_waiting, poll_intervals
from .options import DEFAULT_OPTIONS, CallOptions

if TYPE_CHECKING:
    from ..endpoints.images import GeneratedImages
    from ..endpoints.ocr import AnnotationSchema, OCRResult, Pages
    from ..endpoints.shared.sources import Source
    from ..endpoints.speech_to_text import Transcript
else:  # the first call imports the endpoints; type hints have to resolve before
    AnnotationSchema = GeneratedImages = OCRResult = Pages = Source = Transcript = Any


class MediaMethods:
    """The methods of `Client` for documents, recordings and images."""

    _http: HTTPClient
    transcriptions: Transcriptions

    def ocr(
        self,
        source: Source,
        *,
        model: str = OCR_MODEL,
        mime_type: str | None = None,
        pages: Pages | None = None,
        include_images: bool = False,
        annotation: AnnotationSchema | None = None,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> OCRResult:
        """Read a document or an image by OCR, and return its Markdown page by page.

        Args:
            source: a URL, which the gateway reads; the path of a file, its bytes, or an open file.
            model: the gateway's id of an OCR model.
            mime_type: of the source; by default detected by its bytes or its name.
            pages: pages to read, counted from 0: `3`, `[0, 1]` or `"0-2,5"`; all by default.
            include_images: whether to return the images on the pages, too.
            annotation: a pydantic class or JSON schema to extract from the whole document.
            call: how to send the request.
            options: `image_annotation`, `annotation_prompt`, `image_limit`, `image_min_size` and whatever else the
                model lists.

        Raises:
            UnsupportedContentError: the file is too large, has too many pages or isn't of a type that the model reads.
            OSError: the file can't be read.

        Examples:
            >>> from aimlapi_integrations import Client
            >>> client = Client()
            >>> result = client.ocr("https://example.com/invoice.pdf")                          # doctest: +SKIP
            >>> result.pages[0].markdown, result.cost                                           # doctest: +SKIP
        """
        from . import media_calls as calls

        options |= {"pages": pages, "include_images": include_images, "annotation": annotation}
        request = calls.prepare_ocr(source, model, mime_type, call, options)
        return calls.parse_ocr(self._http.send(request), model, annotation)

    def transcribe(
        self,
        source: Source,
        *,
        model: str = SPEECH_MODEL,
        mime_type: str | None = None,
        language: str | None = None,
        speakers: bool = False,
        timeout: float | None = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Transcript:
        """Transcribe a recording: submit it, and wait for the result.

        Nothing is submitted twice: the submission is retried only if the gateway certainly hasn't started the job. If
        waiting fails, the error names the job, and `client.transcriptions.wait(id)` waits on.

        Args:
            source: a URL, which the gateway reads; the path of a file, its bytes, or an open file.
            model: the gateway's id of a speech-to-text model.
            mime_type: of the source; by default detected by its bytes or its name.
            language: a code such as `en`; None to let the model detect it.
            speakers: whether to tell speakers apart (diarization).
            timeout: seconds to wait for the result; None for no limit.
            interval: seconds between the first two requests for the result; later intervals grow up to 10 s.
            call: how to send the requests.
            options: `punctuate`, `keyterm` and whatever else the model's page lists.

        Raises:
            ResponseFailedError: the job failed.
            APITimeoutError: it hasn't ended in time.
        """
        check_waiting(timeout, interval)
        options |= {"language": language, "speakers": speakers}
        job = self.transcriptions.submit(source, model=model, mime_type=mime_type, call=call, **options)
        return self.transcriptions.wait(job, timeout=timeout, interval=interval, call=call)

    def generate_image(
        self,
        prompt: str,
        *,
        model: str = IMAGE_MODEL,
        size: str | None = None,
        n: int = 1,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> GeneratedImages:
        """Generate images from a prompt.

        Args:
            prompt: what to show.
            model: the gateway's id of an image model.
            size: `"1024x1024"`, `"16:9"`, or a name that the model takes. The nearest size that it takes is sent.
            n: the number of images; sent as several requests where a model makes fewer per request.
            call: how to send the requests.
            options: `seed`, `quality`, `negative_prompt` and whatever else the model's page lists.

        Raises:
            UnsupportedParameterError: the prompt is too long, `size` isn't one, or the model needs another field.
            UnsupportedContentError: the model only edits images.
        """
        from . import media_calls as calls

        requests = calls.prepare_images(prompt, [], None, model, call, {"size": size, "n": n, **options})
        return calls.merge_images(
            [calls.parse_images(self._http.send(request), model) for request in calls.with_budget(requests)]
        )

    def edit_image(
        self,
        prompt: str | None,
        images: Source | Sequence[Source],
        *,
        mask: Source | None = None,
        model: str = IMAGE_MODEL,
        size: str | None = None,
        n: int = 1,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> GeneratedImages:
        """Edit images, or combine them into one.

        Args:
            prompt: what to change; None for models that take none, such as upscalers.
            images: one or several: URLs, which the gateway reads, paths, bytes or open files. The GPT models take no
                URLs.
            mask: where to edit: an image whose transparent parts may change (GPT models).
            model: the gateway's id of an image model.
            size, n, call, options: as in `generate_image`.

        Raises:
            UnsupportedContentError: the model can't edit images, takes fewer, or takes files and no URLs.
            UnsupportedParameterError: as in `generate_image`.
        """
        from . import media_calls as calls

        requests = calls.prepare_images(prompt, images, mask, model, call, {"size": size, "n": n, **options})
        return calls.merge_images(
            [calls.parse_images(self._http.send(request), model) for request in calls.with_budget(requests)]
        )


class AsyncMediaMethods:
    """The same methods for `AsyncClient`."""

    _http: AsyncHTTPClient
    transcriptions: AsyncTranscriptions

    async def ocr(
        self,
        source: Source,
        *,
        model: str = OCR_MODEL,
        mime_type: str | None = None,
        pages: Pages | None = None,
        include_images: bool = False,
        annotation: AnnotationSchema | None = None,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> OCRResult:
        """See `Client.ocr`. Files are read in a thread."""
        from . import media_calls as calls

        options |= {"pages": pages, "include_images": include_images, "annotation": annotation}
        request = await asyncio.to_thread(calls.prepare_ocr, source, model, mime_type, call, options)
        return calls.parse_ocr(await self._http.send(request), model, annotation)

    async def transcribe(
        self,
        source: Source,
        *,
        model: str = SPEECH_MODEL,
        mime_type: str | None = None,
        language: str | None = None,
        speakers: bool = False,
        timeout: float | None = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Transcript:
        """See `Client.transcribe`. A task that is canceled stops waiting; the job goes on at the gateway."""
        check_waiting(timeout, interval)
        options |= {"language": language, "speakers": speakers}
        job = await self.transcriptions.submit(source, model=model, mime_type=mime_type, call=call, **options)
        return await self.transcriptions.wait(job, timeout=timeout, interval=interval, call=call)

    async def generate_image(
        self,
        prompt: str,
        *,
        model: str = IMAGE_MODEL,
        size: str | None = None,
        n: int = 1,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> GeneratedImages:
        """See `Client.generate_image`."""
        from . import media_calls as calls

        requests = calls.prepare_images(prompt, [], None, model, call, {"size": size, "n": n, **options})
        return calls.merge_images(
            [calls.parse_images(await self._http.send(request), model) for request in calls.with_budget(requests)]
        )

    async def edit_image(
        self,
        prompt: str | None,
        images: Source | Sequence[Source],
        *,
        mask: Source | None = None,
        model: str = IMAGE_MODEL,
        size: str | None = None,
        n: int = 1,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> GeneratedImages:
        """See `Client.edit_image`. Files are read in a thread."""
        from . import media_calls as calls

        options |= {"size": size, "n": n}
        requests = await asyncio.to_thread(calls.prepare_images, prompt, images, mask, model, call, options)
        return calls.merge_images(
            [calls.parse_images(await self._http.send(request), model) for request in calls.with_budget(requests)]
        )


class Transcriptions:
    """Transcription jobs, which are submitted, and retrieved by id; `Client.transcribe` does both.

    The gateway stores their results for an hour.
    """

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def submit(
        self,
        source: Source,
        *,
        model: str = SPEECH_MODEL,
        mime_type: str | None = None,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Transcript:
        """Start a job, and return it with its `id`, without a result. Takes the arguments of `Client.transcribe`."""
        from . import media_calls as calls

        request = calls.prepare_submission(source, model, mime_type, call, options)
        return calls.parse_submission(self._http.send(request), model)

    def retrieve(self, job: str | Transcript, call: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """Return the state of a job by its id. `done` tells whether it has ended.

        Raises:
            ResponseFailedError: it failed.
        """
        from . import media_calls as calls

        current = calls.as_job(job)
        return calls.parse_retrieval(self._http.send(calls.prepare_retrieval(current.id, call)), current)

    def wait(
        self,
        job: str | Transcript,
        *,
        timeout: float | None = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Transcript:
        """Wait until a job has ended, and return its result.

        Args:
            job: its id, or what `submit` returned.
            timeout: seconds to wait in total; None for no limit.
            interval: seconds between the first two requests; later intervals grow up to 10 s.
            call: how to send the requests.

        Raises:
            ResponseFailedError: the job failed.
            APITimeoutError: it didn't end in time. It goes on, and can be waited for again.
        """
        from . import media_calls as calls

        current, intervals = calls.as_job(job), poll_intervals(interval, timeout)
        try:
            while not (transcript := self.retrieve(current, call)).done:
                self._http.sleep(next(intervals))
        except APIError as error:
            calls.name_job(error, current.id)
            raise
        return transcript


class AsyncTranscriptions:
    """`Transcriptions` with `await`."""

    def __init__(self, http: AsyncHTTPClient) -> None:
        self._http = http

    async def submit(
        self,
        source: Source,
        *,
        model: str = SPEECH_MODEL,
        mime_type: str | None = None,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Transcript:
        """See `Transcriptions.submit`."""
        from . import media_calls as calls

        request = await asyncio.to_thread(calls.prepare_submission, source, model, mime_type, call, options)
        return calls.parse_submission(await self._http.send(request), model)

    async def retrieve(self, job: str | Transcript, call: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """See `Transcriptions.retrieve`."""
        from . import media_calls as calls

        current = calls.as_job(job)
        return calls.parse_retrieval(await self._http.send(calls.prepare_retrieval(current.id, call)), current)

    async def wait(
        self,
        job: str | Transcript,
        *,
        timeout: float | None = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Transcript:
        """See `Transcriptions.wait`."""
        from . import media_calls as calls

        current, intervals = calls.as_job(job), poll_intervals(interval, timeout)
        try:
            while not (transcript := await self.retrieve(current, call)).done:
                await self._http.sleep(next(intervals))
        except APIError as error:
            calls.name_job(error, current.id)
            raise
        return transcript
