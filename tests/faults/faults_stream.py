"""Faults of streams, as functions from a good stream's events to what the server does. A table for each outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from aimlapi_integrations import errors
from tests.faults.faults_plain import FAILED, PAGE
from tests.support.call_matrix import Answer
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
SAID = TEXT[:10]
"""What the first half of a text's events says."""


def first_half(endpoint: str) -> list[Json]:
    """The events of a text up to and with the one that completes `SAID`."""
    told, found = "", []
    for event in TEXTS[endpoint]:
        found.append(event)
        told += _piece(event)
        if told == SAID:
            return found
    raise AssertionError(told)


def _piece(event: Json) -> str:
    if event.get("type") == "response.output_text.delta":
        return str(event["delta"])
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []) if "delta" in choice)


def half(endpoint: str) -> bytes:
    return sse(first_half(endpoint), done=False)


def half_of_calls(endpoint: str) -> bytes:
    """Up to the first piece of the first call's arguments."""
    events = TOOLS[endpoint]
    piece = CALLS[0][2][:5]
    first = next(index for index, event in enumerate(events) if piece in _leaves(event))
    return sse(events[: first + 1], done=False)


def _leaves(value: Any) -> list[Any]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if items is None else [leaf for item in items for leaf in _leaves(item)]


def whole(endpoint: str, done: bool = True) -> bytes:
    return sse(TEXTS[endpoint], done)


Acting: TypeAlias = Callable[[str], Act]


@dataclass(frozen=True)
class StreamFault:
    """What the server does with a stream to an endpoint, and what must come of it.

    Attributes:
        act: the answer to a request to the endpoint.
        error: the class of the error, None for a good answer.
        partial: the text that the error must carry.
        answer: the good answer.
        only: the one endpoint that can have this fault.
    """

    name: str
    act: Acting
    error: type[errors.APIError] | None = None
    partial: str = ""
    says: tuple[str, ...] = ()
    answer: Answer = GREETING
    only: str | None = None

    def __str__(self) -> str:
        return self.name


def _broken(name: str, act: Acting, partial: str = "", *says: str, only: str | None = None) -> StreamFault:
    return StreamFault(name, act, errors.StreamError, partial, says, only=only)


def _amid(frame: bytes) -> Acting:
    return lambda endpoint: whole_stream(half(endpoint), frame, whole(endpoint))


def _event(event: Any, name: str = "") -> bytes:
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + dumps(event) + b"\n\n"


_RUDE = Hang()
_RESET = Hang(reset=True)

CUT = [
    _broken("ends-before-the-first-event", lambda _: whole_stream()),
    _broken("cut-before-the-first-event", lambda _: [*stream(), _RUDE]),
    _broken("ends-amid-the-text", lambda endpoint: whole_stream(half(endpoint)), SAID, "broke off"),
    _broken("cut-amid-the-text", lambda endpoint: [*stream(half(endpoint)), _RUDE], SAID, "broke off"),
    _broken("ends-amid-a-frame", lambda endpoint: whole_stream(half(endpoint), b'data: {"id": "ch'), SAID),
    _broken("cut-amid-a-frame", lambda endpoint: [*stream(half(endpoint), b'data: {"id": "ch'), _RUDE], SAID),
    _broken("ends-amid-a-call", lambda endpoint: whole_stream(half_of_calls(endpoint))),
    _broken("cut-amid-a-call", lambda endpoint: [*stream(half_of_calls(endpoint)), _RUDE]),
    _broken("garbage-for-a-chunk", lambda endpoint: [*stream(half(endpoint)), b"zz\r\nno chunk\r\n"], SAID),
    _broken("only-done", lambda _: whole_stream(b"data: [DONE]\n\n")),
    _broken("only-comments", lambda _: whole_stream(b": ping\n\n" * 5)),
    _broken(
        "done-without-an-end",
        lambda endpoint: whole_stream(half(endpoint), b"data: [DONE]\n\n"),
        SAID,
        only="responses",
    ),
]

RESET = StreamFault("reset-amid-the-text", lambda endpoint: [*stream(half(endpoint)), _RESET], errors.StreamError)

MALFORMED = [
    _broken("not-json", _amid(b"data: {oops}\n\n"), SAID, "not JSON", "oops"),
    _broken("half-of-json", _amid(b'data: {"choices": [\n\n'), SAID),
    _broken("an-array", _amid(b"data: [1, 2]\n\n"), SAID, "object"),
    _broken("a-number", _amid(b"data: 17\n\n"), SAID),
    _broken("a-string", _amid(b'data: "Hello"\n\n'), SAID),
    _broken("null", _amid(b"data: null\n\n"), SAID),
    _broken("deep", _amid(b"data: " + b"[" * 100_000 + b"\n\n"), SAID),
    _broken("deep-but-json", _amid(b'data: {"error": ' + b"[" * 900 + b"]" * 900 + b"}\n\n"), SAID),
    _broken("invalid-utf-8", _amid(b"data: \xff\xfe\n\n"), SAID),
]

_OVER = {"error": {"message": "This model's maximum context length is 8192", "code": "context_length_exceeded"}}
_LIMIT = {"error": {"message": "slow down", "code": 429}}
_PLAIN_ERROR = {"error": {"message": "the provider said no"}}


def _error(name: str, frame: bytes, error: type[errors.APIError], *says: str, only: str | None = None) -> StreamFault:
    return StreamFault(name, _amid(frame), error, SAID, says, only=only)


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


# --- odd, but good ----------------------------------------------------------------------------------------------------


def _odd(name: str, act: Acting, only: str | None = None) -> StreamFault:
    return StreamFault(name, act, only=only)


def _replaced(old: bytes, new: bytes) -> Acting:
    return lambda endpoint: whole_stream(whole(endpoint).replace(old, new))


def _in_pieces(size: int) -> Acting:
    def act(endpoint: str) -> Act:
        content = whole(endpoint)
        return whole_stream(*(content[at : at + size] for at in range(0, len(content), size)))

    return act


def _big(endpoint: str) -> Act:
    padding = {"type": "padding", "choices": [], "padding": "x" * 10_000_000}
    return whole_stream(half(endpoint), _event(padding), whole(endpoint)[len(half(endpoint)) :])


def _multi_line(endpoint: str) -> Act:
    frames = [json.dumps(event, indent=1, ensure_ascii=False).split("\n") for event in TEXTS[endpoint]]
    return whole_stream("".join("".join(f"data: {line}\n" for line in lines) + "\n" for lines in frames).encode())


def _until_hang_up(endpoint: str) -> Act:
    return [head(200, "text/event-stream"), whole(endpoint), Hang()]


GOOD = [
    _odd("plain", lambda endpoint: whole_stream(whole(endpoint))),
    _odd("no-done", lambda endpoint: whole_stream(whole(endpoint, done=False))),
    _odd("no-length-at-all", _until_hang_up),
    _odd("cut-after-done", lambda endpoint: [*stream(whole(endpoint)), _RUDE]),
    _odd("cut-after-the-end", lambda endpoint: [*stream(whole(endpoint, done=False)[:-1]), END]),
    _odd("no-final-newline", lambda endpoint: whole_stream(whole(endpoint, done=False).rstrip())),
    _odd("no-final-newline-after-done", lambda endpoint: whole_stream(whole(endpoint).rstrip())),
    _odd("crlf", _replaced(b"\n", b"\r\n")),
    _odd("cr", _replaced(b"\n", b"\r")),
    _odd("no-space", _replaced(b"data: ", b"data:")),
    _odd("comments", _replaced(b"\n\n", b"\n\n: keep-alive\n\n:\n\n")),
    _odd("fields", _replaced(b"data: {", b"id: 1\nretry: 10\nevent: message\nx\ndata: {")),
    _odd("blank-lines", _replaced(b"\n\n", b"\n\n\n\n")),
    _odd("bom", lambda endpoint: whole_stream(b"\xef\xbb\xbf" + whole(endpoint))),
    _odd("in-sevens", _in_pieces(7)),
    _odd("multi-line", _multi_line),
    _odd("after-done", lambda endpoint: whole_stream(whole(endpoint), b"data: {oops}\n\n", whole(endpoint))),
    _odd("silence-after-done", lambda endpoint: [*stream(whole(endpoint)), Stall()]),
    _odd(
        "events-after-the-last",
        lambda _: whole_stream(whole("responses", done=False), *map(_event, (*TEXTS["responses"][:5], _PLAIN_ERROR))),
        only="responses",
    ),
    _odd("cut-after-the-last-event", lambda _: [*stream(whole("responses", done=False)), _RUDE], only="responses"),
    _odd(
        "silence-after-the-last-event", lambda _: [*stream(whole("responses", done=False)), Stall()], only="responses"
    ),
    _odd("as-json", lambda endpoint: whole_stream(whole(endpoint), content_type="application/json")),
    _odd("no-content-type", lambda endpoint: whole_stream(whole(endpoint), content_type=None)),
    _odd("usage-twice", lambda _: whole_stream(sse([*TEXTS["chat"], TEXTS["chat"][-1]])), only="chat"),
    _odd("finished-twice", lambda _: whole_stream(sse([*TEXTS["chat"], *TEXTS["chat"][-2:]])), only="chat"),
    _odd(
        "only-the-whole",
        lambda _: whole_stream(sse([{"type": "response.completed", "response": responses_body()}])),
        only="responses",
    ),
    StreamFault(
        "no-finish-reason-but-done",
        lambda _: whole_stream(sse(first_half("chat"))),
        answer=Answer(SAID),
        only="chat",
    ),
    StreamFault(
        "calls",
        lambda endpoint: whole_stream(sse(TOOLS[endpoint])),
        answer=Answer("", tuple((name, json.loads(arguments)) for _, name, arguments in CALLS), reason="tool_calls"),
    ),
]

LONG = [_odd("byte-by-byte", _in_pieces(1)), _odd("ten-megabytes", _big)]

_PING = b"8\r\n: ping\n\n\r\n"
SILENCES: dict[str, Acting] = {
    "from-the-start": lambda _: [*stream(), Stall()],
    "from-the-start-but-comments": lambda _: [*stream(), Stall(_PING)],
    "amid-the-text": lambda endpoint: [*stream(half(endpoint)), Stall()],
    "amid-the-text-but-comments": lambda endpoint: [*stream(half(endpoint)), Stall(_PING)],
}
