"""`/v1/batches`: messages to Claude models, many at once.

A batch goes on by being asked about: it is pending for a number of requests for its results, one unless a fault says
otherwise, and has ended then. Replies in it name no price, as in the vendor's documentation.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Annotated

from pydantic import Field
from starlette.requests import Request

from ..faults import FAULT_HEADER, RequestedFault, parse_fault
from ..model import JSON, UnprocessableInputError, new_id
from ..store import GatewayState, StoredBatch
from ..wire import GatewayError, Open, Rows, invalid_request, parse_request, problem
from .messages import create_message

_UNANSWERED = {"batch-errored", "batch-expired", "batch-canceled"}


# --- what it accepts; the params of a request are checked when it is processed, as at the vendor ------------------


class BatchParams(Open):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[JSON], Field(min_length=1)]
    max_tokens: Annotated[float, Field(ge=1)] = 1024


class BatchedRequest(Open):
    custom_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    params: BatchParams


class BatchRequest(Open):
    requests: Annotated[list[BatchedRequest], Field(min_length=1, max_length=100_000)]


def check_batch_request(request: BatchRequest) -> None:
    """Raise the 400 for a custom id that occurs twice."""
    counts = Counter(each.custom_id for each in request.requests)
    repeated = next((custom_id for custom_id, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise invalid_request([problem("requests", f"Duplicate custom_id: {repeated}", "duplicate_custom_id")])


# --- batches ------------------------------------------------------------------------------------------------------


def create_batch(state: GatewayState, http_request: Request, body: JSON) -> JSON:
    """Accept a batch, and answer its requests at once; the results are shown once it has ended."""
    check_batch_request(parse_request(BatchRequest, body))
    fault = parse_fault(http_request.headers.get(FAULT_HEADER, ""))
    affected = int(fault.number("rows", 1)) if fault.name in _UNANSWERED else 0
    rows = [_row(state, request, fault if place < affected else None) for place, request in enumerate(body["requests"])]
    stored = StoredBatch(
        body=_batch_body(len(rows)),
        rows=rows,
        polls=float("inf") if fault.name == "batch-stuck" else fault.number("polls", 1),
        as_lines=fault.name == "batch-lines" or "lines" in fault.options,
    )
    state.batches.put(stored)
    return stored.body


def retrieve_batch(state: GatewayState, http_request: Request, _body: JSON) -> JSON | Rows:
    """Return the status of a batch, or its results once it has ended."""
    batch_id = http_request.query_params.get("batch_id")
    if not batch_id:
        raise invalid_request([problem("batch_id", "Required", "invalid_type")])
    stored = _find_stored(state, batch_id)
    if stored.canceled:
        return Rows([{**stored.body, "status": "cancelled"}])
    if stored.polls > 0:
        stored.polls -= 1
        return Rows([{"id": batch_id, "status": "generating"}])
    return Rows(stored.rows, stored.as_lines)


def cancel_batch(state: GatewayState, http_request: Request, _body: JSON) -> JSON:
    """Cancel a batch that has not ended."""
    stored = _find_stored(state, http_request.path_params["id"])
    if stored.polls <= 0 and not stored.canceled:
        raise GatewayError(400, _already_ended(stored.body["id"]))
    stored.canceled = True
    stored.body |= {"processing_status": "canceling", "cancel_initiated_at": _timestamp()}
    return stored.body


def _find_stored(state: GatewayState, batch_id: str) -> StoredBatch:
    stored = state.batches.get(batch_id)
    if stored is None:
        raise GatewayError(404, f"Batch with id '{batch_id}' not found.")
    return stored


def _already_ended(batch_id: str) -> str:
    """The provider's error as the gateway passes it on: as text."""
    message = f"Batch {batch_id} cannot be canceled because it has already finished processing."
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return f"400 {json.dumps(error)}"


def _batch_body(count: int) -> JSON:
    return {
        "id": new_id("msgbatch_"),
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": {"processing": count, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
        "ended_at": None,
        "created_at": _timestamp(),
        "expires_at": _timestamp(days=1),
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": None,
    }


def _timestamp(days: int = 0) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=days)).isoformat()


# --- results ------------------------------------------------------------------------------------------------------


def _row(state: GatewayState, request: JSON, fault: RequestedFault | None) -> JSON:
    """The result of a request. The id of its model can ask for a fault, too."""
    model, _, spec = request["params"]["model"].partition("#fault=")
    fault = fault or parse_fault(spec)
    params = {**request["params"], "model": model, "stream": False}
    return {"custom_id": request["custom_id"], "result": _result(state, params, fault)}


def _result(state: GatewayState, params: JSON, fault: RequestedFault) -> JSON:
    match fault.name:
        case "batch-errored":
            return _errored("api_error", "emulated: the provider failed")
        case "batch-expired" | "batch-canceled":
            return {"type": fault.name.removeprefix("batch-")}
    try:
        return {"type": "succeeded", "message": _message(state, params)}
    except GatewayError as error:
        reasons = "; ".join(f"{detail['path']}: {detail['reason']}" for detail in error.details or ())
        return _errored("invalid_request_error", reasons or error.message)
    except (RecursionError, UnprocessableInputError) as error:
        return _errored("invalid_request_error", str(error))


def _message(state: GatewayState, params: JSON) -> JSON:
    """The reply as `/v1/messages` gives it, without a price."""
    message = create_message(state, None, params)
    if not isinstance(message, dict):
        raise TypeError("a stream in a batch")
    message.pop("meta")
    message["usage"]["service_tier"] = "batch"
    return message


def _errored(kind: str, message: str) -> JSON:
    return {"type": "errored", "error": {"type": "error", "error": {"type": kind, "message": message}}}
