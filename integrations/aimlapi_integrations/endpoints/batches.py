"""`/v1/batches`: many requests to Claude models in one job, at half the price, answered within the hour.

The params of a request are the body that `/v1/messages` takes. Replies come as a JSON list or as JSON Lines.
https://docs.aimlapi.com/capabilities/batch-processing
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..errors import (
    APIError,
    BatchCanceledError,
    BatchError,
    BatchExpiredError,
    UnsupportedParameterError,
    error_from,
)
from ..models import lookup, vendor
from ..types import Choice, Json, Part, Reply, Request, ResponseFormat, Text, Tool, ToolCall, ToolChoice
from . import adapt, messages
from .shared import parsing
from .shared.identifiers import identify_calls, rename_tools, restore_names
from .shared.parsing import as_dict, as_str
from .shared.paths import id_path

PATH = "/batches"

MAX_REQUESTS = 100_000
"""The maximum number of requests in a batch, by the gateway's schema."""

ANSWER_TOOL = "json_answer"
"""The tool that replaces a response format on the wire. Its arguments are returned as the text of the reply."""

ALL_REQUESTS = "*"
"""The key of `Batch.tool_names` for requests without an entry of their own. It is not a valid custom id."""

BatchStatus = Literal["in_progress", "canceling", "canceled", "ended", "expired", "failed"]

_STATUSES: Mapping[str, BatchStatus] = {
    "canceling": "canceling",
    "cancelling": "canceling",
    "canceled": "canceled",
    "cancelled": "canceled",
    "ended": "ended",
    "completed": "ended",
    "expired": "expired",
    "failed": "failed",
    "error": "failed",
}
_OVER = frozenset({"canceled", "ended", "expired", "failed"})

# As Anthropic, which runs the batches, accepts them: https://platform.claude.com/docs/en/api/messages/batches/create
_is_custom_id = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_generated = re.compile(r"row-(\d+)-of-(\d+)").fullmatch


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, with its last known status. Its id suffices to fetch its results, in any process.

    Attributes:
        id: of the batch.
        status: `in_progress`, `canceling`, or how it ended: `ended`, `canceled`, `expired`, `failed`.
        counts: numbers of requests by their status: `processing`, `succeeded`, `errored`, `canceled`, `expired`.
        created_at, expires_at, ended_at: times in ISO 8601, where the gateway reports them.
        custom_ids: the ids of its requests. Results are in this order, with an error for each that is missing.
        tool_names: the caller's names of tools by their names on the wire, by custom id, where they differ.
        raw: the gateway's status, without the results.
    """

    id: str
    status: BatchStatus = "in_progress"
    counts: Mapping[str, int] = field(default_factory=dict)
    created_at: str | None = None
    expires_at: str | None = None
    ended_at: str | None = None
    custom_ids: tuple[str, ...] = ()
    tool_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ended(self) -> bool:
        """Whether no request of it is processed any more."""
        return self.status in _OVER


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of one request of a batch: either a `reply` or an `error`.

    The error is a BatchCanceledError, a BatchExpiredError, or what the request would have raised outside a batch.
    """

    custom_id: str
    reply: Reply | None = None
    error: APIError | None = None

    def unwrap(self) -> Reply:
        """Return the reply, or raise the error."""
        if self.reply is not None:
            return self.reply
        raise self.error or BatchError(f"Request {self.custom_id!r} has no result.")


# --- requests -----------------------------------------------------------------------------------------------------


def generate_ids(count: int) -> tuple[str, ...]:
    """Generate custom ids with their index and the number of requests, by which results can be ordered later.

    >>> generate_ids(2)
    ('row-0-of-2', 'row-1-of-2')
    """
    return tuple(f"row-{place}-of-{count}" for place in range(count))


def check_custom_ids(custom_ids: Sequence[str]) -> None:
    """Raise unless the ids are valid and unique, and as many as one batch takes.

    Raises:
        ValueError: there are none, too many, or one is invalid or occurs twice.
    """
    if not 1 <= len(custom_ids) <= MAX_REQUESTS:
        raise ValueError(f"A batch takes 1 to {MAX_REQUESTS:,} requests, received {len(custom_ids):,}.")
    seen: set[str] = set()
    for custom_id in custom_ids:
        if not isinstance(custom_id, str) or not _is_custom_id(custom_id):
            raise ValueError(f"custom_id {custom_id!r}: expected 1 to 64 of A-Z a-z 0-9 _ -.")
        if custom_id in seen:
            raise ValueError(f"custom_id {custom_id!r} occurs twice: each request needs one of its own.")
        seen.add(custom_id)


def encode_params(request: Request, *, strict: bool = False) -> tuple[Json, Mapping[str, str]]:
    """Encode one request as `/v1/messages` takes it.

    Turns of a single text have it as a string, the only form that the schema of the batch endpoint lists.

    Args:
        request: to a Claude model.
        strict: raise instead of warn about a parameter that is changed or left out.

    Returns:
        The params, and the caller's names of tools by their names on the wire, where they differ.

    Raises:
        UnsupportedParameterError: the model is not a Claude model, or does not support a parameter.
        UnsupportedContentError: a message that the model does not support.
    """
    model = lookup(request.model)
    if vendor(request.model) != "Anthropic":
        raise UnsupportedParameterError(
            f"{request.model} is not a Claude model: the batch endpoint serves only these. Choose one, such as "
            f"anthropic/claude-sonnet-4.5, or send the requests one by one."
        )
    adapted = adapt(_format_as_tool(request), messages.NAME, strict=strict)
    renamed, tool_names = rename_tools(identify_calls(adapted, messages.NAME, model))
    body = messages.encode(renamed, model)
    return {**body, "messages": [_with_text_content(turn) for turn in body["messages"]]}, tool_names


def _with_text_content(turn: Json) -> Json:
    """Write the content of a turn as a string if it is one block of plain text."""
    match turn["content"]:
        case [{"type": "text", "text": str(text), **rest}] if not rest:
            return {**turn, "content": text}
    return turn


def _format_as_tool(request: Request) -> Request:
    """Send a JSON schema as a tool, because the endpoint has no response format."""
    response_format = request.response_format
    if response_format is None or response_format.kind != "json_schema":
        return request
    if any(isinstance(tool, Tool) and tool.name == ANSWER_TOOL for tool in request.tools):
        raise UnsupportedParameterError(f"A tool {ANSWER_TOOL!r} and a response format exclude each other in a batch.")
    choice = ToolChoice("required") if request.tools else ToolChoice("named", ANSWER_TOOL)
    return replace(
        request,
        tools=(*request.tools, _answer_tool(response_format)),
        tool_choice=request.tool_choice or choice,
        response_format=None,
    )


def _answer_tool(response_format: ResponseFormat) -> Tool:
    description = response_format.description or f"The answer: {response_format.name}."
    return Tool(ANSWER_TOOL, description, response_format.schema, response_format.strict)


def encode(params: Mapping[str, Json]) -> Json:
    """Encode the body that submits requests, from their params by their custom ids."""
    return {"requests": [{"custom_id": custom_id, "params": each} for custom_id, each in params.items()]}


def cancel_path(batch_id: str) -> str:
    """The path that cancels a batch.

    Raises:
        ValueError: it is not the id of a batch.
    """
    return f"{PATH}/cancel/{id_path(batch_id, 'a batch')}"


# --- the state of a batch -----------------------------------------------------------------------------------------


def decode(values: Any, headers: Mapping[str, str], batch: Batch | None = None) -> tuple[Batch, list[Json] | None]:
    """Decode the status or the results of a batch.

    Args:
        values: the body, or the JSON values of its lines: a batch, a list of one, or the results.
        headers: of the response.
        batch: the batch, if it is known; None for a new one.

    Returns:
        The batch with its new status, and the rows of its results; None while there are none.

    Raises:
        APIError: the body reports an error, or is none of these.
    """
    items = _flatten(values, values, headers)
    rows = [item for item in items if "custom_id" in item and "result" in item]
    if rows and batch:
        return _with_counts(batch, rows), rows
    state = next((item for item in items if _status_words(item) or as_str(item.get("id"))), None)
    if state is None or (batch is None and not as_str(state.get("id"))):
        raise _not_a_batch(items, headers)
    return _with_state(batch or Batch(state["id"]), state), None


def _flatten(values: Any, body: Any, headers: Mapping[str, str]) -> list[Json]:
    """List the objects in a body, which may be inside lists."""
    if isinstance(values, dict):
        return [values]
    if not isinstance(values, list):
        message = f"expected a batch or its results, received {parsing.json_type(values)}"
        raise parsing.unreadable_error(message, body, headers)
    return [item for value in values for item in _flatten(value, body, headers)]


def _not_a_batch(items: list[Json], headers: Mapping[str, str]) -> APIError:
    reported = next((item for item in items if parsing.has_error_fields(item)), None)
    if reported:
        return error_from(200, headers, reported)
    return parsing.unreadable_error("expected a batch or its results, received neither", items, headers)


def _status_words(item: Json) -> list[str]:
    words = (as_str(item.get("status")), as_str(item.get("processing_status")))
    return [word for word in words if word]


def _with_state(batch: Batch, state: Json) -> Batch:
    known = (_STATUSES[word] for word in _status_words(state) if word in _STATUSES)
    status: BatchStatus = next(known, "in_progress")
    counts = {name: parsing.as_count(count) for name, count in as_dict(state.get("request_counts")).items()}
    return replace(
        batch,
        status=status,
        counts=counts or batch.counts,
        created_at=as_str(state.get("created_at")) or batch.created_at,
        expires_at=as_str(state.get("expires_at")) or batch.expires_at,
        ended_at=as_str(state.get("ended_at")) or batch.ended_at,
        raw=state,
    )


def _with_counts(batch: Batch, rows: list[Json]) -> Batch:
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    for row in rows:
        kind = str(as_dict(row["result"]).get("type")).replace("cancelled", "canceled")
        counts[kind] = counts.get(kind, 0) + 1
    return replace(batch, status="ended", counts=counts)


# --- results ------------------------------------------------------------------------------------------------------


def decode_results(rows: Iterable[Json], batch: Batch) -> tuple[BatchResult, ...]:
    """Decode the results of a batch, in the order of its requests if that is known.

    It is known from `Batch.custom_ids`, or from the ids themselves if they were generated. A request without a result
    gets an error. Results of unknown requests are last.
    """
    by_id: dict[str, BatchResult] = {}
    for row in rows:
        result = _decode_row(row, batch)
        by_id.setdefault(result.custom_id, result)
    ids = batch.custom_ids or _requested_ids(by_id)
    ordered = [by_id[custom_id] if custom_id in by_id else _missing(custom_id, batch) for custom_id in ids]
    others = by_id.keys() - set(ids)
    return (*ordered, *(result for custom_id, result in by_id.items() if custom_id in others))


def results_without_rows(batch: Batch) -> tuple[BatchResult, ...]:
    """Return the errors of a batch that has ended without results.

    Raises:
        BatchError: the ids of its requests are not known.
    """
    if not batch.custom_ids:
        raise _error_of(batch.status, batch)
    return tuple(
        BatchResult(custom_id, error=_error_of(batch.status, batch, custom_id)) for custom_id in batch.custom_ids
    )


def _requested_ids(received: Iterable[str]) -> tuple[str, ...]:
    """Return all ids of the batch, if the received ones were generated; else none."""
    matches = [_generated(custom_id) for custom_id in received]
    counts = {match[2] if match else None for match in matches}
    count = counts.pop() if len(counts) == 1 else None
    return generate_ids(int(count)) if count and int(count) <= MAX_REQUESTS else ()


def _missing(custom_id: str, batch: Batch) -> BatchResult:
    return BatchResult(custom_id, error=_error_of("missing", batch, custom_id))


def _decode_row(row: Json, batch: Batch) -> BatchResult:
    custom_id, result = str(row["custom_id"]), as_dict(row["result"])
    kind = str(result.get("type"))
    if kind != "succeeded":
        return BatchResult(custom_id, error=_row_error(kind, result, batch, custom_id))
    try:
        return BatchResult(custom_id, _decode_message(row, result, batch, custom_id))
    except APIError as error:
        return BatchResult(custom_id, error=error)


def _decode_message(row: Json, result: Json, batch: Batch, custom_id: str) -> Reply:
    """Decode a message. Its cost may be in the row or the result instead of in the message."""
    body = result.get("message")
    if not isinstance(body, dict):
        message = f"result.message: expected object, received {parsing.json_type(body)}"
        raise parsing.unreadable_error(message, result, {})
    meta = result.get("meta") or row.get("meta")
    if meta and "meta" not in body:
        body = {**body, "meta": meta}
    tool_names = batch.tool_names.get(custom_id) or batch.tool_names.get(ALL_REQUESTS) or {}
    reply = messages.decode(restore_names(body, tool_names), {})
    return replace(reply, choices=tuple(map(_answer_as_text, reply.choices)))


def _answer_as_text(choice: Choice) -> Choice:
    """Convert the call that replaces a response format to text."""
    message = choice.message
    if not any(call.name == ANSWER_TOOL for call in message.tool_calls):
        return choice
    answered = replace(message, parts=tuple(map(_call_as_text, message.parts)))
    reason = "stop" if choice.finish_reason == "tool_calls" and not answered.tool_calls else choice.finish_reason
    return replace(choice, message=answered, finish_reason=reason)


def _call_as_text(part: Part) -> Part:
    return Text(part.arguments) if isinstance(part, ToolCall) and part.name == ANSWER_TOOL else part


_ERRORS: Mapping[str, tuple[type[BatchError], str]] = {
    "canceled": (BatchCanceledError, "was canceled"),
    "cancelled": (BatchCanceledError, "was canceled"),
    "expired": (BatchExpiredError, "expired"),
    "failed": (BatchError, "failed"),
    "missing": (BatchError, "has ended without a result"),
}


def _row_error(kind: str, result: Json, batch: Batch, custom_id: str) -> APIError:
    if kind in ("canceled", "cancelled", "expired"):
        return _error_of(kind, batch, custom_id)
    reported = result.get("error")
    if kind == "errored":
        if not reported:
            return parsing.unreadable_error("result.error: expected an error, received none", result, {})
        return error_from(200, {}, reported if "error" in as_dict(reported) else {"error": reported})
    return parsing.unreadable_error(f"result.type: expected a known type of result, received {kind!r}", result, {})


def _error_of(kind: str, batch: Batch, custom_id: str | None = None) -> BatchError:
    error_class, what = _ERRORS[kind]
    of_request = f" before request {custom_id!r} was answered" if custom_id and kind != "missing" else ""
    named = f" for request {custom_id!r}" if custom_id and kind == "missing" else ""
    error = error_class(f"Batch {batch.id} {what}{named}{of_request}.", body=dict(batch.raw) or None)
    error.batch_id, error.custom_id = batch.id, custom_id
    return error
