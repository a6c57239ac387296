"""The table of faults. A fault replaces the response, or edits a plain reply, or edits a stream."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import JSONResponse, Response

from ..wire import JSON, Event, GatewayError, dump_json, error_response
from . import RequestedFault, Stream, StreamResponse, effects, encode_stream

HTML = "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1><p>emulated proxy</p></body></html>"
OUT_OF_CREDIT = "You've run out of credits. Please top up your balance or update your payment method to continue."
ERROR_BODY = {"error": {"message": "emulated: the provider failed", "type": "server_error", "code": "upstream_error"}}


@dataclass(frozen=True)
class FaultDefinition:
    """What a fault does: a summary, and a function for each place where it has an effect."""

    summary: str
    replace_response: Callable[[RequestedFault], Response | None] | None = None
    edit_reply: Callable[[Any, RequestedFault], Response] | None = None
    edit_stream: Callable[[Sequence[Event], RequestedFault], Stream] | None = None


# --- responses in place of a reply --------------------------------------------------------------------------------


def _status_response(fault: RequestedFault) -> Response:
    """`status-NNN` with a body in one of the four documented shapes, as `html`, as `text`, or empty."""
    status = int(fault.name.removeprefix("status-"))
    body = fault.options.get("body", "problem")
    headers = {key: value for key, value in fault.options.items() if key.startswith("retry-after")}
    if body == "html":
        return Response(HTML.format(status), status, headers, "text/html")
    if body in ("text", "empty"):
        return Response("" if body == "empty" else f"emulated {status}", status, headers, "text/plain")
    return error_response(GatewayError(status, fault.options.get("message", "")), fault.path, body, headers)


def _out_of_credit_response(fault: RequestedFault) -> Response:
    return error_response(GatewayError(403, OUT_OF_CREDIT, kind="err_insufficent_credits"), fault.path)


def _html_page(fault: RequestedFault) -> Response:
    status = int(fault.number("status", 502))
    return Response(HTML.format(f"{status} emulated"), status, media_type="text/html")


def _redirect_response(fault: RequestedFault) -> Response:
    return Response(status_code=307, headers={"location": fault.options.get("to", "http://redirected.invalid/v1")})


def _invalid_json(_fault: RequestedFault) -> Response:
    return Response('{"id": "chatcmpl-broken", "choices": [', media_type="application/json")


# --- edits of a plain reply ---------------------------------------------------------------------------------------


def _merge_fields(choices: JSON, responses: JSON) -> Callable[[JSON, RequestedFault], Response]:
    def edit(body: JSON, fault: RequestedFault) -> Response:
        return JSONResponse(body | (responses if fault.endpoint == "responses" else choices))

    return edit


def _null_content_reply(body: JSON, _fault: RequestedFault) -> Response:
    choices = [choice | {"message": choice["message"] | {"content": None}} for choice in body.get("choices", [])]
    return JSONResponse(body | {"choices": choices})


def _failed_reply(body: JSON, fault: RequestedFault) -> Response:
    if fault.endpoint != "responses":
        return JSONResponse(ERROR_BODY)
    error = {"code": "server_error", "message": "emulated: the provider failed"}
    return JSONResponse(body | {"status": "failed", "error": error, "output": [], "output_text": ""})


def _huge_reply(body: JSON, fault: RequestedFault) -> Response:
    return JSONResponse(body | {"padding": "x" * int(fault.number("bytes", 10_000_000))})


def _cut_reply(body: JSON, _fault: RequestedFault) -> Response:
    text = dump_json(body).encode()
    return Response(text[: len(text) // 2], headers={"content-length": str(len(text))}, media_type="application/json")


def _drip_reply(body: JSON, fault: RequestedFault) -> Response:
    return StreamResponse(replace(effects.drip_bytes(dump_json(body).encode(), fault), headers=_JSON_HEADERS))


def _reset_reply(_body: JSON, _fault: RequestedFault) -> Response:
    return StreamResponse(Stream((), "reset", headers=_JSON_HEADERS))


def _pad_with_separators(body: JSON, _fault: RequestedFault) -> Response:
    return _json_response(body | {"padding": effects.SEPARATORS})


def _with_byte_order_mark(body: JSON, _fault: RequestedFault) -> Response:
    return _json_response(body, codecs.BOM_UTF8)


def _with_wrong_header(summary: str, name: str, value: str) -> FaultDefinition:
    """Send a valid reply or stream with a header that contradicts it."""
    return FaultDefinition(
        summary,
        edit_reply=lambda body, _fault: _json_response(body, headers={name: value}),
        edit_stream=lambda events, _fault: replace(encode_stream(events), headers={name: value}),
    )


def _json_response(body: JSON, start: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
    """Send a plain reply after some bytes, with other headers."""
    return Response(start + dump_json(body).encode(), headers={**_JSON_HEADERS, **(headers or {})})


_JSON_HEADERS = {"content-type": "application/json"}
_BREAKS = "the connection breaks"
_NO_MESSAGE = {"choices": [{"index": 0, "message": None, "finish_reason": "malformed_function_call"}]}

FAULTS: dict[str, FaultDefinition] = {
    "out-of-credit": FaultDefinition("403, out of credit", replace_response=_out_of_credit_response),
    "html-page": FaultDefinition("an HTML page instead of JSON; status=502", replace_response=_html_page),
    "redirect": FaultDefinition("307 to another host; to=URL", replace_response=_redirect_response),
    "drop": FaultDefinition(
        "the connection is closed before the response starts", replace_response=lambda _fault: None
    ),
    "latency": FaultDefinition("a delayed response; seconds=1", replace_response=lambda _fault: None),
    "not-json": FaultDefinition("200 with incomplete JSON", replace_response=_invalid_json),
    "error-in-200": FaultDefinition(
        "200 with an error object",
        edit_reply=lambda _body, _fault: JSONResponse(ERROR_BODY),
        edit_stream=effects.error_at_start,
    ),
    "error-in-stream": FaultDefinition(
        "an error object in the middle of a stream", edit_stream=effects.error_in_middle
    ),
    "response-failed": FaultDefinition(
        "a response that failed (`response.failed`)", edit_reply=_failed_reply, edit_stream=effects.failed_response
    ),
    "job-failed": FaultDefinition("a transcription job that fails"),
    "job-endless": FaultDefinition("a transcription job that never ends"),
    "empty-choices": FaultDefinition(
        "no choices, no output",
        edit_reply=_merge_fields({"choices": []}, {"output": [], "output_text": ""}),
        edit_stream=effects.empty_stream,
    ),
    "null-message": FaultDefinition(
        "a choice whose message is null",
        edit_reply=_merge_fields(_NO_MESSAGE, {"output": None}),
        edit_stream=effects.empty_stream,
    ),
    "refusal": FaultDefinition("the model refuses", edit_reply=effects.refuse_reply, edit_stream=effects.refuse_stream),
    "content-filter": FaultDefinition(
        "a filter ends the text", edit_reply=effects.filter_reply, edit_stream=effects.filter_stream
    ),
    "length": FaultDefinition(
        "the token limit cuts the text or the tool call",
        edit_reply=effects.truncate_reply,
        edit_stream=effects.truncate_stream,
    ),
    "pause-turn": FaultDefinition(
        "Claude pauses its turn after a server tool; times=1 to continue",
        edit_reply=effects.pause_reply,
        edit_stream=effects.pause_stream,
    ),
    "null-content": FaultDefinition(
        "a message whose content is null", edit_reply=_null_content_reply, edit_stream=effects.null_content
    ),
    "null-usage": FaultDefinition(
        "no token counts",
        edit_reply=_merge_fields({"usage": None}, {"usage": None}),
        edit_stream=effects.without_kind("usage"),
    ),
    "wrong-content-type": _with_wrong_header("text/plain with a valid body", "content-type", "text/plain"),
    "cut-body": FaultDefinition(
        f"{_BREAKS} in the middle of a plain reply or an event", edit_reply=_cut_reply, edit_stream=effects.cut_event
    ),
    "cut-before-first": FaultDefinition(f"{_BREAKS} before the first event", edit_stream=effects.cut_before_first),
    "cut-mid-text": FaultDefinition(
        f"{_BREAKS} in the middle of the text", edit_stream=effects.end_amid("text", "cut")
    ),
    "cut-mid-tool-call": FaultDefinition(
        f"{_BREAKS} in the middle of a tool call", edit_stream=effects.end_amid("tool", "cut")
    ),
    "reset": FaultDefinition(
        "the connection is reset instead of a plain reply, or in the middle of the text",
        edit_reply=_reset_reply,
        edit_stream=effects.end_amid("text", "reset"),
    ),
    "end-mid-text": FaultDefinition(
        "the stream ends properly but too early", edit_stream=effects.end_amid("text", "complete")
    ),
    "stall": FaultDefinition("the stream stalls halfway", edit_stream=effects.end_amid("text", "stall")),
    "stall-at-start": FaultDefinition("the stream sends headers and nothing else", edit_stream=effects.stall_at_start),
    "stall-at-end": FaultDefinition("the stream stays open after its last event", edit_stream=effects.stall_at_end),
    "no-final-newline": FaultDefinition("no newline after the last event", edit_stream=effects.no_final_newline),
    "slow": FaultDefinition("a pause before each event; seconds=0.05", edit_stream=effects.slow_stream),
    "drip": FaultDefinition(
        "one byte at a time; seconds=0.01 between them", edit_reply=_drip_reply, edit_stream=effects.drip_stream
    ),
    "broken-gzip": _with_wrong_header("labeled gzip but not compressed", "content-encoding", "gzip"),
    "malformed-frame": FaultDefinition("an event that isn't JSON", edit_stream=effects.malformed_event),
    "comments": FaultDefinition("keep-alive comments between events", edit_stream=effects.with_comments),
    "crlf": FaultDefinition("CRLF line endings", edit_stream=effects.with_line_endings(b"\r\n")),
    "cr": FaultDefinition("CR line endings", edit_stream=effects.with_line_endings(b"\r")),
    "byte-order-mark": FaultDefinition(
        "a byte order mark at the start", edit_reply=_with_byte_order_mark, edit_stream=effects.with_byte_order_mark
    ),
    "line-separators": FaultDefinition(
        "raw U+0085, U+2028 and U+2029 in the JSON",
        edit_reply=_pad_with_separators,
        edit_stream=effects.with_line_separators,
    ),
    "split-bytes": FaultDefinition("three bytes at a time", edit_stream=effects.split_into_threes),
    "huge-event": FaultDefinition(
        "a huge event or body; bytes=10000000", edit_reply=_huge_reply, edit_stream=effects.huge_event
    ),
    "no-done": FaultDefinition("no [DONE] at the end", edit_stream=effects.without_kind("done")),
    "usage-twice": FaultDefinition("the usage chunk twice", edit_stream=effects.repeat_usage),
    "bare-fragments": FaultDefinition(
        "tool call fragments without id, type and name after the first", edit_stream=effects.strip_fragments
    ),
    "repeated-fragments": FaultDefinition(
        "every tool call fragment with id and name", edit_stream=effects.repeat_fragment_heads
    ),
    "no-index": FaultDefinition("tool call fragments without an index", edit_stream=effects.without_fragment_index),
}
BATCH_FAULTS: dict[str, FaultDefinition] = {
    "batch-errored": FaultDefinition("a batch whose first requests fail; rows=1, as for the next two"),
    "batch-expired": FaultDefinition("a batch whose first requests expire"),
    "batch-canceled": FaultDefinition("a batch whose first requests are canceled"),
    "batch-lines": FaultDefinition("a batch with results in JSON Lines; polls=1 before them"),
    "batch-stuck": FaultDefinition("a batch that never ends"),
}
FAULTS |= BATCH_FAULTS

# Faults that break the body itself, and so apply to replies that are lists, too.
BODY_FAULTS = frozenset(
    {"cut-body", "drip", "reset", "error-in-200", "wrong-content-type", "broken-gzip", "byte-order-mark"}
)
STATUS_FAULT = FaultDefinition(
    "that status; body=problem|legacy|tree|upstream|html|text|empty, retry-after=SECONDS or a date, message=TEXT",
    replace_response=_status_response,
)


# Each summary names the options of its fault; every fault can also be delayed.
FAULT_OPTIONS = frozenset(
    option
    for definition in (STATUS_FAULT, *FAULTS.values())
    for option in re.findall(r"\b([a-z-]+)=", definition.summary)
) | {"times", "latency", "lines", "retry-after-ms"}


def find_fault(fault: RequestedFault) -> FaultDefinition | None:
    """Look up what a fault does. None for an unknown name, which can be an ordinary model id."""
    return STATUS_FAULT if re.fullmatch(r"status-[2-5]\d\d", fault.name) else FAULTS.get(fault.name)


def fault_summaries() -> list[tuple[str, str]]:
    """Names and summaries of all faults, for the command line."""
    return [("status-NNN", STATUS_FAULT.summary), *((name, definition.summary) for name, definition in FAULTS.items())]


def apply_stream_fault(events: Sequence[Event], fault: RequestedFault, definition: FaultDefinition) -> Stream:
    return (definition.edit_stream or effects.complete_stream)(events, fault)
