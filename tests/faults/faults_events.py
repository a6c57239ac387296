"""Events that streams should not have: errors in every form, and unusual events without content. Tables."""

from __future__ import annotations

import json
from typing import Any

from aimlapi_integrations import errors
from tests.faults.faults_before import legacy, problem
from tests.faults.faults_plain import FAILED
from tests.faults.faults_stream import (
    HALF_TEXT,
    TEXTS,
    ActForEndpoint,
    StreamFault,
    full_bytes,
    half_bytes,
)
from tests.support.answers import Answer
from tests.support.fault_server import KEY, Act, head, reply, whole_stream
from tests.support.replies import Json, dumps, message_item, responses_body, sse


def _amid_text(event: Any, name: str = "", done: bool = False) -> ActForEndpoint:
    """Insert the event into the text, followed by the rest of the text or by `[DONE]`."""
    frame = (f"event: {name}\n" if name else "").encode() + b"data: " + dumps(event) + b"\n\n"
    return lambda endpoint: whole_stream(
        half_bytes(endpoint), frame, b"data: [DONE]\n\n" if done else full_bytes(endpoint)
    )


def _error(
    name: str,
    event: Any,
    error: type[errors.APIError],
    *in_message: str,
    only: str | None = None,
    event_name: str = "",
) -> list[StreamFault]:
    """Return the same error before the rest of the stream, and at its end."""
    return [
        StreamFault(name, _amid_text(event, event_name), error, HALF_TEXT, in_message, only=only),
        StreamFault(
            f"{name}-at-the-end",
            _amid_text(event, event_name, done=True),
            error,
            HALF_TEXT,
            in_message,
            only=only,
        ),
    ]


_ANTHROPIC = {"type": "error", "error": {"type": "overloaded_error", "message": f"busy with {KEY}"}}
_NESTED = legacy(500, f'400 {{"error": {{"message": "odd {KEY}"}}}}')

REPORTED = [
    *_error("problem", problem(401), errors.AuthenticationError, "It was refused."),
    *_error("problem-of-5xx", problem(503), errors.StreamError, "It was refused."),
    *_error("out-of-credits", problem(403, "You've run out of credits."), errors.InsufficientCreditsError),
    *_error("legacy", legacy("429"), errors.RateLimitError, "It was refused."),
    *_error("list", legacy(400, ["one thing", "another"]), errors.BadRequestError, "one thing; another"),
    *_error("tree", legacy(400, "No", meta={"_errors": ["Odd"]}), errors.BadRequestError, "No: Odd"),
    *_error("nested", _NESTED, errors.StreamError, "400 odd"),
    *_error("detail", {"detail": "Not Found"}, errors.StreamError, "Not Found"),
    *_error("anthropic", _ANTHROPIC, errors.StreamError, "busy", only="chat"),
    *_error("anthropic", _ANTHROPIC, errors.ResponseFailedError, "busy", only="responses"),
    *_error("error-of-true", {"error": True}, errors.StreamError),
    *_error("named-problem", problem(401), errors.AuthenticationError, "It was refused.", event_name="error"),
    *_error("named-failure", FAILED, errors.StreamError, "the provider failed", event_name="error"),
    *_error("named-nothing", None, errors.StreamError, "no reason", event_name="error"),
    *_error("named-empty", {}, errors.StreamError, "no reason", event_name="error"),
    *_error(
        "response.error",
        {"type": "response.error", "error": {"code": "server_error", "message": "it failed"}},
        errors.ResponseFailedError,
        "it failed",
        only="responses",
    ),
    *_error(
        "response.cancelled",
        {"type": "response.cancelled", "response": responses_body(status="cancelled")},
        errors.ResponseFailedError,
        "cancelled",
        only="responses",
    ),
]

INSTEAD = [
    StreamFault("204", lambda _: [head(204, None)], errors.StreamError, "", ("broke off",)),
    StreamFault("problem", lambda _: [reply(problem(401))], errors.AuthenticationError, "", ("It was refused.",)),
    StreamFault("legacy", lambda _: [reply(legacy("429"))], errors.RateLimitError, "", ("It was refused.",)),
    StreamFault("detail", lambda _: [reply({"detail": "Not Found"})], errors.APIResponseError, "", ("Not Found",)),
    StreamFault("text", lambda _: [reply(f"Hello {KEY}".encode(), 200, "text/plain")], errors.StreamError),
    StreamFault("null", lambda _: [reply(b"null")], errors.StreamError),
    StreamFault("array", lambda _: [reply(b"[1]")], errors.APIResponseError),
    StreamFault(
        "named-401",
        lambda _: whole_stream(b"event: error\ndata: " + dumps(problem(401)) + b"\n\n"),
        errors.AuthenticationError,
        "",
        ("It was refused.",),
    ),
]


# --- unusual, valid ---------------------------------------------------------------------------------------------------


def _ignored(name: str, *events: Any, only: str | None = None) -> StreamFault:
    return StreamFault(name, lambda endpoint: _among(endpoint, sse(list(events), done=False)), only=only)


def _among(endpoint: str, frames: bytes) -> Act:
    """Insert the frames before the first event, within the text and before the end."""
    *most, last = TEXTS[endpoint]
    start_case = half_bytes(endpoint)
    rest = sse([*most], done=False)[len(start_case) :]
    return whole_stream(frames, start_case, frames, rest, frames, sse([last]))


def _frames(name: str, frames: bytes) -> StreamFault:
    return StreamFault(name, lambda endpoint: _among(endpoint, frames))


def _chunk(choices: Any, **further: Any) -> Json:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": choices, **further}


def _delta(delta: Any, **further: Any) -> Json:
    return _chunk([{"index": 0, "delta": delta, **further}])


_ANY = "response.output_text"

IGNORED = [
    _ignored("pings", {"type": "ping"}),
    _ignored("empty-objects", {}),
    _ignored("no-error", {"error": None}, {"error": {}}, {"error": ""}),
    _frames("named-pings", b"event: ping\ndata: {}\n\n"),
    _frames("events-without-data", b"event: ping\n\nid: 7\n\nretry: 5\n\n"),
    _frames("data-without-anything", b"data:\n\ndata: \n\ndata\n\n"),
    _frames("unknown-fields", b"color: red\nno colon at all\n\n"),
    _frames("mixed-line-ends", b": a\r: b\r\n: c\n\r\n\r\n"),
    _frames("a-comment-of-a-megabyte", b": " + b"x" * 1_000_000 + b"\n\n"),
    StreamFault("done-twice", lambda endpoint: whole_stream(full_bytes(endpoint), b"data: [DONE]\n\n" * 2)),
    StreamFault("done-in-space", lambda endpoint: whole_stream(full_bytes(endpoint, False), b"data:   [DONE]  \n\n")),
    StreamFault(
        "error-after-done", lambda endpoint: whole_stream(full_bytes(endpoint), b"data: " + dumps(FAILED) + b"\n\n")
    ),
    _ignored("choices-that-are-none", _chunk(None), _chunk("x"), _chunk([None, 5, []]), _chunk({}), only="chat"),
    _ignored("deltas-that-are-none", _delta(None), _delta("x"), _delta([]), _chunk([{"index": 0}]), only="chat"),
    _ignored(
        "contents-that-are-none",
        _delta({"content": None}),
        _delta({"content": ""}),
        _delta({"content": []}),
        only="chat",
    ),
    _ignored(
        "fields-that-are-none",
        _delta({"role": 5, "tool_calls": 5, "refusal": None, "audio": 1, "images": "x"}),
        only="chat",
    ),
    _ignored("another-choice", _chunk([{"index": 1, "delta": {"content": "No!"}}]), only="chat"),
    _ignored(
        "counts-that-are-none",
        _chunk([], usage="x"),
        _chunk([], usage=[1]),
        _chunk([], usage={"prompt_tokens": -1}),
        only="chat",
    ),
    _ignored("reasons-that-are-none", _delta({}, finish_reason=None), _delta({}, finish_reason=""), only="chat"),
    _ignored("ids-that-change", _chunk([], id="other", model="other", created="now"), _chunk([], id=5), only="chat"),
    _ignored(
        "unknown-events",
        {"type": "response.new.delta", "delta": "x"},
        {"type": "response.in_progress"},
        {"type": 5},
        only="responses",
    ),
    _ignored(
        "pieces-of-nothing",
        {"type": f"{_ANY}.delta"},
        {"type": f"{_ANY}.delta", "delta": ""},
        {"type": f"{_ANY}.done"},
        only="responses",
    ),
    _ignored(
        "notes-of-nothing",
        {"type": f"{_ANY}.annotation.added"},
        {"type": f"{_ANY}.annotation.added", "annotation": 5},
        only="responses",
    ),
    StreamFault(
        "another-word-for-stop",
        lambda _: whole_stream(sse([*TEXTS["chat"][:-2], _delta({}, finish_reason="EOS")])),
        only="chat",
    ),
    StreamFault(
        "places-of-nowhere",
        lambda _: whole_stream(sse([{**event, **_INVALID_INDEXES} for event in TEXTS["responses"]])),
        only="responses",
    ),
    StreamFault(
        "no-places",
        lambda _: whole_stream(sse([_without_indexes(event) for event in TEXTS["responses"]])),
        only="responses",
    ),
    StreamFault(
        "incomplete", lambda _: whole_stream(sse(_INCOMPLETE)), answer=Answer("Half", reason="length"), only="responses"
    ),
]

_INVALID_INDEXES = {"output_index": 10**9, "content_index": "x", "sequence_number": None}
_INCOMPLETE = [
    {
        "type": "response.incomplete",
        "response": responses_body(
            message_item("Half"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
        ),
    }
]


def _without_indexes(event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in ("output_index", "content_index", "item_id")}


# --- split surrogates -------------------------------------------------------------------------------------------------


def split_surrogates(endpoint: str, *texts: str) -> bytes:
    """Return a stream with each text in an event of its own, in escaped JSON."""
    if endpoint == "chat":
        events = [_delta({"content": text}) for text in texts] + [_delta({}, finish_reason="stop")]
    else:
        text = "".join(texts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        at = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
        events = [{"type": f"{_ANY}.delta", **at, "delta": text} for text in texts]
        events.append({"type": "response.completed", "response": responses_body(message_item(text))})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
