"""The table of faults. Each spoils a request at one of three places: before an answer, in a plain one, in a stream."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.responses import JSONResponse, Response

from . import fault_streams as streams
from . import fault_verdicts as verdicts
from .ask import JSON
from .errors import GatewayError, error_response
from .faults import Fault
from .sse import Event, Stream, StreamResponse, dumps, stream_of

HTML = "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1><p>emulated proxy</p></body></html>"
OUT_OF_CREDIT = "You've run out of credits. Please top up your balance or update your payment method to continue."
BROKEN = {"error": {"message": "emulated: the provider failed", "type": "server_error", "code": "upstream_error"}}


@dataclass(frozen=True)
class Entry:
    """What a fault does. A place that it leaves alone is None there."""

    summary: str
    instead: Callable[[Fault], Response | None] | None = None
    plain: Callable[[JSON, Fault], Response] | None = None
    stream: Callable[[Sequence[Event], Fault], Stream] | None = None


# --- instead of an answer -------------------------------------------------------------------------------


def _status(fault: Fault) -> Response:
    """`status-NNN`, in any of the four documented shapes, as `html`, as `text`, or with no body at all."""
    status = int(fault.name.removeprefix("status-"))
    body = fault.options.get("body", "problem")
    headers = {key: value for key, value in fault.options.items() if key.startswith("retry-after")}
    if body == "html":
        return Response(HTML.format(status), status, headers, "text/html")
    if body in ("text", "empty"):
        return Response("" if body == "empty" else f"emulated {status}", status, headers, "text/plain")
    return error_response(GatewayError(status, fault.options.get("message", "")), fault.path, body, headers)


def _out_of_credit(fault: Fault) -> Response:
    return error_response(GatewayError(403, OUT_OF_CREDIT, kind="err_insufficent_credits"), fault.path)


def _html(fault: Fault) -> Response:
    status = int(fault.number("status", 502))
    return Response(HTML.format(f"{status} emulated"), status, media_type="text/html")


def _redirect(fault: Fault) -> Response:
    return Response(status_code=307, headers={"location": fault.options.get("to", "http://redirected.invalid/v1")})


def _not_json(_fault: Fault) -> Response:
    return Response('{"id": "chatcmpl-broken", "choices": [', media_type="application/json")


# --- in a plain reply -----------------------------------------------------------------------------------


def _with(choices: JSON, responses: JSON) -> Callable[[JSON, Fault], Response]:
    def spoil(body: JSON, fault: Fault) -> Response:
        return JSONResponse(body | (responses if fault.endpoint == "responses" else choices))

    return spoil


def _null_content(body: JSON, _fault: Fault) -> Response:
    choices = [choice | {"message": choice["message"] | {"content": None}} for choice in body.get("choices", [])]
    return JSONResponse(body | {"choices": choices})


def _failed(body: JSON, fault: Fault) -> Response:
    if fault.endpoint != "responses":
        return JSONResponse(BROKEN)
    error = {"code": "server_error", "message": "emulated: the provider failed"}
    return JSONResponse(body | {"status": "failed", "error": error, "output": [], "output_text": ""})


def _huge(body: JSON, fault: Fault) -> Response:
    return JSONResponse(body | {"padding": "x" * int(fault.number("bytes", 10_000_000))})


def _cut_body(body: JSON, _fault: Fault) -> Response:
    text = dumps(body).encode()
    return Response(text[: len(text) // 2], headers={"content-length": str(len(text))}, media_type="application/json")


def _drip(body: JSON, fault: Fault) -> Response:
    return StreamResponse(replace(streams.dripping(dumps(body).encode(), fault), headers=_PLAIN))


def _reset(_body: JSON, _fault: Fault) -> Response:
    return StreamResponse(Stream((), "reset", headers=_PLAIN))


def _separators(body: JSON, _fault: Fault) -> Response:
    return _sent(body | {"padding": streams.SEPARATORS})


def _byte_order_mark(body: JSON, _fault: Fault) -> Response:
    return _sent(body, codecs.BOM_UTF8)


def _under(summary: str, name: str, value: str) -> Entry:
    """A good reply, plain or streamed, under a header that says something else."""
    return Entry(
        summary,
        plain=lambda body, _fault: _sent(body, headers={name: value}),
        stream=lambda events, _fault: replace(stream_of(events), headers={name: value}),
    )


def _sent(body: JSON, start: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
    """A plain reply, after what it begins with, under headers that may say something else."""
    return Response(start + dumps(body).encode(), headers={**_PLAIN, **(headers or {})})


_PLAIN = {"content-type": "application/json"}
_CUT = "the connection breaks"
_NO_MESSAGE = {"choices": [{"index": 0, "message": None, "finish_reason": "malformed_function_call"}]}

FAULTS: dict[str, Entry] = {
    "out-of-credit": Entry("403, out of credit", instead=_out_of_credit),
    "html-page": Entry("an HTML page where JSON was due; status=502", instead=_html),
    "redirect": Entry("307 to another host; to=URL", instead=_redirect),
    "drop": Entry("the connection is closed before a reply begins", instead=lambda _fault: None),
    "latency": Entry("a late answer; seconds=1", instead=lambda _fault: None),
    "not-json": Entry("200 with JSON that does not end", instead=_not_json),
    "error-in-200": Entry(
        "200 with an error object", plain=lambda _body, _fault: JSONResponse(BROKEN), stream=streams.error_at_start
    ),
    "error-in-stream": Entry("an error object amid a stream", stream=streams.error_in_middle),
    "response-failed": Entry("a response that failed (`response.failed`)", plain=_failed, stream=streams.failed),
    "empty-choices": Entry(
        "no choices, no output", plain=_with({"choices": []}, {"output": [], "output_text": ""}), stream=streams.empty
    ),
    "null-message": Entry(
        "a choice whose message is null", plain=_with(_NO_MESSAGE, {"output": None}), stream=streams.empty
    ),
    "refusal": Entry("the model refuses", plain=verdicts.refuse, stream=verdicts.refuse_stream),
    "content-filter": Entry("a filter ends the text", plain=verdicts.filter_out, stream=verdicts.filter_stream),
    "length": Entry(
        "the limit of tokens cuts the text, or the tool call", plain=verdicts.cut_short, stream=verdicts.cut_stream
    ),
    "null-content": Entry("a message whose content is null", plain=_null_content, stream=streams.null_content),
    "null-usage": Entry(
        "no token counts", plain=_with({"usage": None}, {"usage": None}), stream=streams.without("usage")
    ),
    "wrong-content-type": _under("text/plain over a good body", "content-type", "text/plain"),
    "cut-body": Entry(f"{_CUT} in the middle of a plain reply or a frame", plain=_cut_body, stream=streams.cut_frame),
    "cut-before-first": Entry(f"{_CUT} before the first event", stream=streams.cut_before_first),
    "cut-mid-text": Entry(f"{_CUT} in the middle of the text", stream=streams.ends_within("text", "cut")),
    "cut-mid-tool-call": Entry(f"{_CUT} in the middle of a tool call", stream=streams.ends_within("tool", "cut")),
    "reset": Entry(
        "the connection is reset in place of a plain reply, or in the middle of the text",
        plain=_reset,
        stream=streams.ends_within("text", "reset"),
    ),
    "end-mid-text": Entry("the stream ends in order, but too early", stream=streams.ends_within("text", "whole")),
    "stall": Entry("the stream falls silent half way", stream=streams.ends_within("text", "stall")),
    "stall-at-start": Entry("the stream sends its headers and nothing else", stream=streams.stall_at_start),
    "stall-at-end": Entry("the stream stays open after its last event", stream=streams.stall_at_end),
    "no-final-newline": Entry("no line end after the last event", stream=streams.no_final_newline),
    "slow": Entry("a pause before each event; seconds=0.05", stream=streams.slow),
    "drip": Entry("one byte at a time; seconds=0.01 between them", plain=_drip, stream=streams.drip),
    "broken-gzip": _under("said to be gzip, which it is not", "content-encoding", "gzip"),
    "malformed-frame": Entry("an event that is not JSON", stream=streams.malformed),
    "comments": Entry("keep-alive comments between events", stream=streams.comments),
    "crlf": Entry("lines that end in CRLF", stream=streams.lines_end_in(b"\r\n")),
    "cr": Entry("lines that end in CR", stream=streams.lines_end_in(b"\r")),
    "byte-order-mark": Entry("a byte order mark at the start", plain=_byte_order_mark, stream=streams.byte_order_mark),
    "line-separators": Entry("raw U+0085, U+2028 and U+2029 in the JSON", plain=_separators, stream=streams.separators),
    "split-bytes": Entry("bytes that come in threes", stream=streams.split),
    "huge-event": Entry("ten megabytes at once; bytes=10000000", plain=_huge, stream=streams.huge),
    "no-done": Entry("no [DONE] at the end", stream=streams.without("done")),
    "usage-twice": Entry("the usage chunk sent twice", stream=streams.usage_twice),
    "bare-fragments": Entry("tool fragments without id, type and name after the first", stream=streams.bare_fragments),
    "repeated-fragments": Entry("tool fragments with id and name on every one", stream=streams.repeated_fragments),
    "no-index": Entry("tool fragments without an index", stream=streams.no_index),
}
STATUS = Entry(
    "that status; body=problem|legacy|tree|upstream|html|text|empty, retry-after=SECONDS or a date, message=TEXT",
    instead=_status,
)


def entry_of(fault: Fault) -> Entry | None:
    """What a fault does; None for a name that is not in the table, which is then only a model id."""
    return STATUS if re.fullmatch(r"status-[2-5]\d\d", fault.name) else FAULTS.get(fault.name)


def rows() -> list[tuple[str, str]]:
    """The table as text, for the command line."""
    return [("status-NNN", STATUS.summary), *((name, entry.summary) for name, entry in FAULTS.items())]


def spoil_stream(events: Sequence[Event], fault: Fault, entry: Entry) -> Stream:
    return (entry.stream or streams.whole)(events, fault)
