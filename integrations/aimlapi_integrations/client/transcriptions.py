"""Transcription jobs: what a call is before it is sent, and what is done with its response.

Jobs are submitted and asked for by their ids; `Client.transcribe` does both.
"""

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
    """The call that starts a transcription job, which is never sent twice if the gateway may have received it."""
    costs.check_budgets()
    options, call = split_options(options, call)
    submission = speech_to_text.encode(load_source(source, mime_type), model, strict=call.strict_parameters, **options)
    files = upload_files(submission.files)
    return build_http_request(speech_to_text.CREATE_PATH, call, submission.body, files=files, repeatable=False)


def parse_submission(response: JSONResponse, model: str) -> Transcript:
    """The job that a response names."""
    with redact_errors(response):
        return replace(speech_to_text.decode_submission(response.body, response.headers), model=model)


def prepare_retrieval(job_id: str, call: CallOptions) -> HTTPRequest:
    """The call that asks for the state of a job."""
    return build_http_request(speech_to_text.job_path(job_id), call, method="GET")


def parse_retrieval(response: JSONResponse, job: Transcript) -> Transcript:
    """The state of a job. What it cost is added to the open ledgers once it has ended."""
    with redact_errors(response):
        transcript = speech_to_text.decode(response.body, response.headers, job.id, job.model)
    if not transcript.done:
        return transcript
    transcript = replace(transcript, cost=transcript.cost or job.cost)
    costs.record(transcript)
    return transcript


def name_job(error: APIError, job_id: str) -> None:
    """Say in an error which job runs on, so that its result isn't lost."""
    if job_id not in error.message:
        error.message += f"\nTranscription job {job_id} may still end: client.transcriptions.wait({job_id!r}) waits on."
        error.args = (error.message,)


class Transcriptions:
    """Transcription jobs. Their results are kept for an hour."""

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
        """Start a job; its `id` can be kept. Arguments are those of `Client.transcribe`."""
        request = prepare_submission(source, model, mime_type, call, options)
        return parse_submission(self._http.send(request), model)

    def retrieve(self, job: str | Transcript, call: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """The state of a job, by its id: `done` says whether it has ended.

        Raises:
            ResponseFailedError: it failed.
        """
        known = _as_job(job)
        return parse_retrieval(self._http.send(prepare_retrieval(known.id, call)), known)

    def wait(
        self,
        job: str | Transcript,
        *,
        timeout: float = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Transcript:
        """The result of a job, once it has ended.

        Args:
            job: its id, or what `submit` returned.
            timeout: seconds to wait altogether.
            interval: seconds before the second request; later ones come at growing intervals, up to 10 s.
            call: how to send the requests.

        Raises:
            ResponseFailedError: the job failed.
            APITimeoutError: it hasn't ended in time. It goes on, and can be waited for again.
        """
        known, delays = _as_job(job), poll_intervals(interval, timeout)
        try:
            while not (transcript := self.retrieve(known, call)).done:
                self._http.sleep(next(delays))
        except APIError as error:
            name_job(error, known.id)
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
        """As `Transcriptions.submit`."""
        request = await asyncio.to_thread(prepare_submission, source, model, mime_type, call, options)
        return parse_submission(await self._http.send(request), model)

    async def retrieve(self, job: str | Transcript, call: CallOptions = DEFAULT_OPTIONS) -> Transcript:
        """As `Transcriptions.retrieve`."""
        known = _as_job(job)
        return parse_retrieval(await self._http.send(prepare_retrieval(known.id, call)), known)

    async def wait(
        self,
        job: str | Transcript,
        *,
        timeout: float = 600.0,
        interval: float = 1.0,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Transcript:
        """As `Transcriptions.wait`."""
        known, delays = _as_job(job), poll_intervals(interval, timeout)
        try:
            while not (transcript := await self.retrieve(known, call)).done:
                await self._http.sleep(next(delays))
        except APIError as error:
            name_job(error, known.id)
            raise
        return transcript


def _as_job(job: str | Transcript) -> Transcript:
    return job if isinstance(job, Transcript) else Transcript(id=job)
