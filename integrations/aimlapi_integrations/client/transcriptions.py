"""Transcription jobs: `client.transcriptions` submits them, and retrieves them by id. `Client.transcribe` does both."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..endpoints.shared.default_models import SPEECH_MODEL
from ..errors import APIError
from ..transport.client import AsyncHTTPClient, HTTPClient
from .options import DEFAULT_OPTIONS, CallOptions
from .resources import poll_intervals

if TYPE_CHECKING:
    from ..endpoints.shared.sources import Source
    from ..endpoints.speech_to_text import Transcript
else:  # the first call imports the endpoint; type hints have to resolve before
    Source = Transcript = Any


class Transcriptions:
    """Transcription jobs. The gateway stores their results for an hour."""

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
        timeout: float = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Transcript:
        """Wait until a job has ended, and return its result.

        Args:
            job: its id, or what `submit` returned.
            timeout: seconds to wait in total.
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
        timeout: float = 600.0,
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
