"""Requests for documents, recordings and images, and their responses: what the methods of both clients share.

Imported with the first of these calls: importing the endpoints would make a client's import a tenth slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from .. import costs
from ..endpoints import images, ocr, speech_to_text
from ..endpoints.images import GeneratedImages
from ..endpoints.images import merge_images as merge_images
from ..endpoints.ocr import AnnotationSchema, OCRResult
from ..endpoints.shared.sources import FormFile, MediaSource, Source, load_source
from ..endpoints.speech_to_text import Transcript
from ..errors import APIError
from ..transport.retries import HTTPRequest, JSONResponse, UploadFile
from .call import build_http_request, redact_errors
from .options import CallOptions, split_options


def upload_files(files: Iterable[FormFile]) -> tuple[UploadFile, ...]:
    """Return the files of a form, as the transport takes them."""
    return tuple(
        UploadFile(file.part, file.source.file_name, file.source.data or b"", file.source.mime) for file in files
    )


# --- documents ----------------------------------------------------------------------------------------------------


def prepare_ocr(
    source: Source, model: str, mime_type: str | None, call: CallOptions, options: Mapping[str, Any]
) -> HTTPRequest:
    """Build the request that reads a document. BudgetExceededError if a limit of `track_costs` is reached."""
    costs.check_budgets()
    options, call = split_options(options, call)
    body = ocr.encode(load_source(source, mime_type), model, strict=call.strict_parameters, **options)
    return build_http_request(ocr.PATH, call, body)


def parse_ocr(response: JSONResponse, model: str, annotation: AnnotationSchema | None) -> OCRResult:
    """Decode the pages in a response, and record the cost in the open ledgers."""
    with redact_errors(response):
        result = ocr.decode(response.body, response.headers, model, annotation)
    costs.record(result)
    return result


# --- images -------------------------------------------------------------------------------------------------------


def prepare_images(
    prompt: str | None,
    sources: Source | Sequence[Source],
    mask: Source | None,
    model: str,
    call: CallOptions,
    options: Mapping[str, Any],
) -> list[HTTPRequest]:
    """Build the requests that make images: several where the model makes fewer per request than `n`."""
    options, call = split_options(options, call)
    requests = images.encode(
        prompt,
        model,
        _load_images(sources),
        mask=None if mask is None else load_source(mask),
        strict=call.strict_parameters,
        **options,
    )
    return [build_http_request(each.path, call, each.body, files=upload_files(each.files)) for each in requests]


def with_budget(requests: Iterable[HTTPRequest]) -> Iterator[HTTPRequest]:
    """Yield the requests. BudgetExceededError before one if a limit of `track_costs` is reached."""
    for request in requests:
        costs.check_budgets()
        yield request


def parse_images(response: JSONResponse, model: str) -> GeneratedImages:
    """Decode the images in a response, and record the cost in the open ledgers."""
    with redact_errors(response):
        result = images.decode(response.body, response.headers, model)
    costs.record(result)
    return result


def _load_images(sources: Source | Sequence[Source]) -> Sequence[MediaSource]:
    if isinstance(sources, list | tuple):
        return [load_source(source) for source in sources]
    return [load_source(cast(Source, sources))]


# --- recordings ---------------------------------------------------------------------------------------------------


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


def as_job(job: str | Transcript) -> Transcript:
    return job if isinstance(job, Transcript) else Transcript(id=job)
