"""Faults of streams, as functions from an endpoint to the server's response. A table for each outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from aimlapi_integrations import errors
from tests.faults.faults_plain import FAILED, PAGE
from tests.support.answers import Answer
from tests.support.fault_server import END, Act, Hang, Stall, head, reply, stream, whole_stream
from tests.support.replies import (
    CALLS,
    TEXT,
    Json,
    chat_body,
    chat_calls,
    chat_events,
    dumps,
    responses_body,
    responses_calls,
    sse,
)
from tests.support.responses_events import events as responses_events

TEXTS: dict[str, list[Json]] = {"chat": chat_events(chat_body()), "responses": responses_events(responses_body(), 5)}
TOOLS: dict[str, list[Json]] = {"chat": chat_events(chat_calls()), "responses": responses_events(responses_calls(), 5)}
PLAIN_BODIES: dict[str, Json] = {"chat": chat_body(), "responses": responses_body()}

GREETING = Answer(TEXT, reason="stop")
HALF_TEXT = TEXT[:10]
"""The text of the first half of the events."""


def first_half(endpoint: str) -> list[Json]:
    """Return the events of a text up to the one that completes `HALF_TEXT`."""
    text, events = "", []
    for event in TEXTS[endpoint]:
        events.append(event)
        text += _piece(event)
        if text == HALF_TEXT:
            return events
    raise AssertionError(text)


def _piece(event: Json) -> str:
    if event.get("type") == "response.output_text.delta":
        return str(event["delta"])
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []) if "delta" in choice)


def half_bytes(endpoint: str) -> bytes:
    return sse(first_half(endpoint), done=False)


def half_of_calls(endpoint: str) -> bytes:
    """Return the bytes up to the first chunk of the first call's arguments."""
    events = TOOLS[endpoint]
    piece = CALLS[0][2][:5]
    first = next(index for index, event in enumerate(events) if piece in _leaves(event))
    return sse(events[: first + 1], done=False)


def _leaves(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if items is None else [leaf for item in items for leaf in _leaves(item)]


def full_bytes(endpoint: str, done: bool = True) -> bytes:
    return sse(TEXTS[endpoint], done)


ActForEndpoint: TypeAlias = Callable[[str], Act]


@dataclass(frozen=True)
class StreamFault:
    """What the server responds to a streaming request, and the expected outcome.

    Attributes:
        act: the response for an endpoint.
        error: the class of the error, None for a valid stream.
        partial: the expected partial text of the error.
        answer: the expected answer.
        only: the one endpoint that can have this fault.
    """

    name: str
    act: ActForEndpoint
    error: type[errors.APIError] | None = None
    partial: str = ""
    in_message: tuple[str, ...] = ()
    answer: Answer = GREETING
    only: str | None = None

    def __str__(self) -> str:
        return self.name


def _broken(
    name: str, act: ActForEndpoint, partial: str = "", *in_message: str, only: str | None = None
) -> StreamFault:
    return StreamFault(name, act, errors.StreamError, partial, in_message, only=only)


def _inserted(frame: bytes) -> ActForEndpoint:
    return lambda endpoint: whole_stream(half_bytes(endpoint), frame, full_bytes(endpoint))


def _event(event: Any, name: str = "") -> bytes:
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + dumps(event) + b"\n\n"


_HANG_UP = Hang()
_RESET = Hang(reset=True)

CUT = [
    _broken("ends-before-the-first-event", lambda _: whole_stream()),
    _broken("cut-before-the-first-event", lambda _: [*stream(), _HANG_UP]),
    _broken("ends-amid-the-text", lambda endpoint: whole_stream(half_bytes(endpoint)), HALF_TEXT, "broke off"),
    _broken(
        "cut-amid-the-text",
        lambda endpoint: [*stream(half_bytes(endpoint)), _HANG_UP],
        HALF_TEXT,
        "broke off",
    ),
    _broken(
        "ends-amid-a-frame",
        lambda endpoint: whole_stream(half_bytes(endpoint), b'data: {"id": "ch'),
        HALF_TEXT,
    ),
    _broken(
        "cut-amid-a-frame",
        lambda endpoint: [*stream(half_bytes(endpoint), b'data: {"id": "ch'), _HANG_UP],
        HALF_TEXT,
    ),
    _broken("ends-amid-a-call", lambda endpoint: whole_stream(half_of_calls(endpoint))),
    _broken("cut-amid-a-call", lambda endpoint: [*stream(half_of_calls(endpoint)), _HANG_UP]),
    _broken(
        "garbage-for-a-chunk",
        lambda endpoint: [*stream(half_bytes(endpoint)), b"zz\r\nno chunk\r\n"],
        HALF_TEXT,
    ),
    _broken("only-done", lambda _: whole_stream(b"data: [DONE]\n\n")),
    _broken("only-comments", lambda _: whole_stream(b": ping\n\n" * 5)),
    _broken(
        "done-without-an-end",
        lambda endpoint: whole_stream(half_bytes(endpoint), b"data: [DONE]\n\n"),
        HALF_TEXT,
        only="responses",
    ),
]

RESET = StreamFault("reset-amid-the-text", lambda endpoint: [*stream(half_bytes(endpoint)), _RESET], errors.StreamError)

MALFORMED = [
    _broken("not-json", _inserted(b"data: {oops}\n\n"), HALF_TEXT, "not JSON", "oops"),
    _broken("half-of-json", _inserted(b'data: {"choices": [\n\n'), HALF_TEXT),
    _broken("an-array", _inserted(b"data: [1, 2]\n\n"), HALF_TEXT, "object"),
    _broken("a-number", _inserted(b"data: 17\n\n"), HALF_TEXT),
    _broken("a-string", _inserted(b'data: "Hello"\n\n'), HALF_TEXT),
    _broken("null", _inserted(b"data: null\n\n"), HALF_TEXT),
    _broken("deep", _inserted(b"data: " + b"[" * 100_000 + b"\n\n"), HALF_TEXT),
    _broken("deep-but-json", _inserted(b'data: {"error": ' + b"[" * 900 + b"]" * 900 + b"}\n\n"), HALF_TEXT),
    _broken("invalid-utf-8", _inserted(b"data: \xff\xfe\n\n"), HALF_TEXT),
]

_OVER = {"error": {"message": "This model's maximum context length is 8192", "code": "context_length_exceeded"}}
_LIMIT = {"error": {"message": "slow down", "code": 429}}
_PLAIN_ERROR = {"error": {"message": "the provider said no"}}


def _error(
    name: str, frame: bytes, error: type[errors.APIError], *in_message: str, only: str | None = None
) -> StreamFault:
    return StreamFault(name, _inserted(frame), error, HALF_TEXT, in_message, only=only)


def _failed(**error: Any) -> Json:
    return {"type": "response.failed", "response": responses_body(status="failed", output=[], error=error)}


_CHOICES = {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}

ERRORS = [
    _error("error-object", _event(_PLAIN_ERROR), errors.StreamError, "the provider said no"),
    _error("server-error", _event(FAILED), errors.StreamError, "the provider failed"),
    _error("error-as-text", _event({"error": "it failed"}), errors.StreamError, "it failed"),
    _error("overflow", _event(_OVER), errors.ContextOverflowError, "maximum context length"),
    _error("rate-limit", _event(_LIMIT), errors.RateLimitError, "slow down"),
    _error("error-with-choices", _event({**_CHOICES, **_PLAIN_ERROR}), errors.StreamError, "said no", only="chat"),
    _error("finish-reason-error", _event(_CHOICES), errors.StreamError, "failed", only="chat"),
    _error("named-event", _event({"message": "it failed"}, "error"), errors.StreamError, "it failed", only="chat"),
    _error("named-text", b"event: error\ndata: it failed\n\n", errors.StreamError, "it failed", only="chat"),
    _error(
        "response.failed",
        _event(_failed(code="server_error", message="it failed")),
        errors.ResponseFailedError,
        "resp_1",
        "it failed",
        only="responses",
    ),
    _error(
        "response.failed-of-nothing", _event({"type": "response.failed"}), errors.ResponseFailedError, only="responses"
    ),
    _error(
        "error-event",
        _event({"type": "error", "code": "server_error", "message": "it failed", "param": ""}),
        errors.ResponseFailedError,
        "it failed",
        only="responses",
    ),
]

NO_STREAM = [
    StreamFault("html", lambda _: [reply(PAGE, 200, "text/html")], errors.APIResponseError, "", ("Welcome",)),
    StreamFault("html-as-a-stream", lambda _: whole_stream(PAGE), errors.APIResponseError, "", ("Welcome",)),
    StreamFault("json-error", lambda _: [reply(_PLAIN_ERROR)], errors.APIResponseError, "", ("said no",)),
    StreamFault("json-401", lambda _: [reply({"message": "no key", "statusCode": 401})], errors.AuthenticationError),
    StreamFault("whole-json", lambda endpoint: [reply(PLAIN_BODIES[endpoint])], errors.APIResponseError),
    StreamFault(
        "broken-gzip",
        lambda _: [reply(b"no gzip", 200, "text/event-stream", content_encoding="gzip")],
        errors.StreamError,
    ),
]


# --- unusual, valid ---------------------------------------------------------------------------------------------------


def _accepted(name: str, act: ActForEndpoint, only: str | None = None) -> StreamFault:
    return StreamFault(name, act, only=only)


def _replaced(old: bytes, new: bytes) -> ActForEndpoint:
    return lambda endpoint: whole_stream(full_bytes(endpoint).replace(old, new))


def _in_pieces(size: int) -> ActForEndpoint:
    def act(endpoint: str) -> Act:
        content = full_bytes(endpoint)
        return whole_stream(*(content[at : at + size] for at in range(0, len(content), size)))

    return act


def _big(endpoint: str) -> Act:
    padding = {"type": "padding", "choices": [], "padding": "x" * 10_000_000}
    return whole_stream(half_bytes(endpoint), _event(padding), full_bytes(endpoint)[len(half_bytes(endpoint)) :])


def _multi_line(endpoint: str) -> Act:
    frames = [json.dumps(event, indent=1, ensure_ascii=False).split("\n") for event in TEXTS[endpoint]]
    return whole_stream("".join("".join(f"data: {line}\n" for line in lines) + "\n" for lines in frames).encode())


def _until_hang_up(endpoint: str) -> Act:
    return [head(200, "text/event-stream"), full_bytes(endpoint), Hang()]


GOOD = [
    _accepted("plain", lambda endpoint: whole_stream(full_bytes(endpoint))),
    _accepted("no-done", lambda endpoint: whole_stream(full_bytes(endpoint, done=False))),
    _accepted("no-length-at-all", _until_hang_up),
    _accepted("cut-after-done", lambda endpoint: [*stream(full_bytes(endpoint)), _HANG_UP]),
    _accepted("cut-after-the-end", lambda endpoint: [*stream(full_bytes(endpoint, done=False)[:-1]), END]),
    _accepted("no-final-newline", lambda endpoint: whole_stream(full_bytes(endpoint, done=False).rstrip())),
    _accepted("no-final-newline-after-done", lambda endpoint: whole_stream(full_bytes(endpoint).rstrip())),
    _accepted("crlf", _replaced(b"\n", b"\r\n")),
    _accepted("cr", _replaced(b"\n", b"\r")),
    _accepted("no-space", _replaced(b"data: ", b"data:")),
    _accepted("comments", _replaced(b"\n\n", b"\n\n: keep-alive\n\n:\n\n")),
    _accepted("fields", _replaced(b"data: {", b"id: 1\nretry: 10\nevent: message\nx\ndata: {")),
    _accepted("blank-lines", _replaced(b"\n\n", b"\n\n\n\n")),
    _accepted("bom", lambda endpoint: whole_stream(b"\xef\xbb\xbf" + full_bytes(endpoint))),
    _accepted("in-sevens", _in_pieces(7)),
    _accepted("multi-line", _multi_line),
    _accepted(
        "after-done", lambda endpoint: whole_stream(full_bytes(endpoint), b"data: {oops}\n\n", full_bytes(endpoint))
    ),
    _accepted("silence-after-done", lambda endpoint: [*stream(full_bytes(endpoint)), Stall()]),
    _accepted(
        "events-after-the-last",
        lambda _: whole_stream(
            full_bytes("responses", done=False), *map(_event, (*TEXTS["responses"][:5], _PLAIN_ERROR))
        ),
        only="responses",
    ),
    _accepted(
        "cut-after-the-last-event",
        lambda _: [*stream(full_bytes("responses", done=False)), _HANG_UP],
        only="responses",
    ),
    _accepted(
        "silence-after-the-last-event",
        lambda _: [*stream(full_bytes("responses", done=False)), Stall()],
        only="responses",
    ),
    _accepted("as-json", lambda endpoint: whole_stream(full_bytes(endpoint), content_type="application/json")),
    _accepted("no-content-type", lambda endpoint: whole_stream(full_bytes(endpoint), content_type=None)),
    _accepted("usage-twice", lambda _: whole_stream(sse([*TEXTS["chat"], TEXTS["chat"][-1]])), only="chat"),
    _accepted("finished-twice", lambda _: whole_stream(sse([*TEXTS["chat"], *TEXTS["chat"][-2:]])), only="chat"),
    _accepted(
        "only-the-whole",
        lambda _: whole_stream(sse([{"type": "response.completed", "response": responses_body()}])),
        only="responses",
    ),
    StreamFault(
        "no-finish-reason-but-done",
        lambda _: whole_stream(sse(first_half("chat"))),
        answer=Answer(HALF_TEXT),
        only="chat",
    ),
    StreamFault(
        "calls",
        lambda endpoint: whole_stream(sse(TOOLS[endpoint])),
        answer=Answer("", tuple((name, json.loads(arguments)) for _, name, arguments in CALLS), reason="tool_calls"),
    ),
]

LONG = [_accepted("byte-by-byte", _in_pieces(1)), _accepted("ten-megabytes", _big)]

_PING = b"8\r\n: ping\n\n\r\n"
SILENCES: dict[str, ActForEndpoint] = {
    "from-the-start": lambda _: [*stream(), Stall()],
    "from-the-start-but-comments": lambda _: [*stream(), Stall(_PING)],
    "amid-the-text": lambda endpoint: [*stream(half_bytes(endpoint)), Stall()],
    "amid-the-text-but-comments": lambda endpoint: [*stream(half_bytes(endpoint)), Stall(_PING)],
}
