"""Transcription jobs: `client.transcriptions` submits them, and retrieves them by id. `Client.transcribe` does both."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import costs
from ..endpoints import speech_to_text
from ..endpoints.shared.sources import Source, load_source
from ..endpoints.speech_to_text import Transcript
from ..errors import APIError
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.retries import HTTPRequest, JSONResponse
from .call import build_http_request, redact_errors, upload_files
from .options import DEFAULT_OPTIONS, CallOptions, split_options
from .resources import poll_intervals


def prepare_submission(
    source: Source, model: str, mime_type: str | None, call: CallOptions, options: Mapping[str, Any]
) -> HTTPRequest:
    """Build the request that starts a job. It isn't sent twice if the gateway may have received it."""
    costs.check_budgets()
    options, call = split_options(options, call)
    submission = speech_to_text.encode(load_source(source, mime_type), model, strict=call.strict_parameters, **options)
    files = upload_files(submission.files)
    return build_http_request(speech_to_text.CREATE_PATH, call, submission.body, files=files, repeatable=False)


def parse_submission(response: JSONResponse, model: str) -> Transcript:
    """Decode the response to a submission: the job, without a result."""
    with redact_errors(response):
        return replace(speech_to_text.decode_submission(response.body, response.headers), model=model)


def prepare_retrieval(job_id: str, call: CallOptions) -> HTTPRequest:
    """Build the request for the state of a job."""
    return build_http_request(speech_to_text.job_path(job_id), call, method="GET")


def parse_retrieval(response: JSONResponse, job: Transcript) -> Transcript:
    """Decode the state of a job. Once it has ended, record its cost in the open ledgers."""
    with redact_errors(response):
        transcript = speech_to_text.decode(response.body, response.headers, job.id, job.model)
    if not transcript.done:
        return transcript
    transcript = replace(transcript, cost=transcript.cost or job.cost)
    costs.record(transcript)
    return transcript


def name_job(error: APIError, job_id: str) -> None:
    """Name the job in an error, so that its result isn't lost."""
    if job_id not in error.message:
        error.message += (
            f"\nTranscription job {job_id} may still end: wait for it with client.transcriptions.wait({job_id!r})."
        )
        error.args = (error.message,)


class Transcriptions:
    """Transcription jobs. The gateway stores their results for an hour."""

    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    def submit(
        self,
        source: Source,
        *,
        model: str = speech_to_text.DEFAULT_MODEL,
        mime_type: str | None = None,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Transcript:
        """Start a job, and return it with its `id`, without a result. Takes the arguments of `Client.transcribe`."""
        request = prepare_submission(source, model, mime_type, call, options)
        return parse_submission(self._http.send(request), model)

    def retrieve(self, job: str | Transcript, call: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """Return the state of a job by its id. `done` tells whether it has ended.

        Raises:
            ResponseFailedError: it failed.
        """
        current = _as_job(job)
        return parse_retrieval(self._http.send(prepare_retrieval(current.id, call)), current)

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
        current, intervals = _as_job(job), poll_intervals(interval, timeout)
        try:
            while not (transcript := self.retrieve(current, call)).done:
                self._http.sleep(next(intervals))
        except APIError as error:
            name_job(error, current.id)
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
        model: str = speech_to_text.DEFAULT_MODEL,
        mime_type: str | None = None,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Transcript:
        """See `Transcriptions.submit`."""
        request = await asyncio.to_thread(prepare_submission, source, model, mime_type, call, options)
        return parse_submission(await self._http.send(request), model)

    async def retrieve(self, job: str | Transcript, call: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """See `Transcriptions.retrieve`."""
        current = _as_job(job)
        return parse_retrieval(await self._http.send(prepare_retrieval(current.id, call)), current)

    async def wait(
        self,
        job: str | Transcript,
        *,
        timeout: float = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Transcript:
        """See `Transcriptions.wait`."""
        current, intervals = _as_job(job), poll_intervals(interval, timeout)
        try:
            while not (transcript := await self.retrieve(current, call)).done:
                await self._http.sleep(next(intervals))
        except APIError as error:
            name_job(error, current.id)
            raise
        return transcript


def _as_job(job: str | Transcript) -> Transcript:
    return job if isinstance(job, Transcript) else Transcript(id=job)
