"""Faults of any call: no response, or an error status. A table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from aimlapi_integrations import errors
from tests.support.fault_server import ECHO, KEY, Act, Hang, Stall, head, reply

Json = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What the server responds, and the expected outcome.

    Attributes:
        responses_by_request: one for each request; the last one repeats. None stands for a valid response.
        error: the class of the error; None for a valid response.
        requests: the expected number of requests, with two retries allowed.
        in_message: texts that the error's message must contain.
        attributes: attributes of the error.
    """

    name: str
    responses_by_request: tuple[Act | None, ...]
    error: type[errors.AIMLAPIError] | None
    requests: int = 1
    in_message: tuple[str, ...] = ()
    attributes: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.name


# --- no response ------------------------------------------------------------------------------------------------------

_NO_ANSWER = {
    "hang-up": (Hang(),),
    "reset": (Hang(reset=True),),
    "half-a-head": (head()[:40], Hang()),
    "not-http": (b"220 smtp.example.org ESMTP\r\n", Hang()),
    "not-http-but-an-echo": (f"{ECHO}\r\n\r\n".encode(), Hang()),
    "no-such-status": (b"HTTP/1.1 OK\r\n\r\n", Hang()),
    "a-header-without-a-colon": (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", Hang()),
    "a-length-that-is-none": (head(200, content_length="many"), Hang()),
    "headers-without-end": (head()[:-2], b"x-more: " + b"y" * 300_000, Hang()),
    "another-protocol": (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", Hang()),
    "only-informed": (b"HTTP/1.1 100 Continue\r\n\r\n", Hang()),
}

CONNECTIONS = [
    Fault(name, (act,), errors.APIConnectionError, 3, ("127.0.0.1",), (("status", None), ("retryable", True)))
    for name, act in _NO_ANSWER.items()
] + [
    Fault("hang-up-once", (_NO_ANSWER["hang-up"], None), None, 2),
    Fault("informed-before-the-answer", ((b"HTTP/1.1 100 Continue\r\n\r\n", Hang()), None), None, 2),
    Fault("reset-twice", (_NO_ANSWER["reset"], _NO_ANSWER["reset"], None), None, 3),
]


# --- an error status --------------------------------------------------------------------------------------------------

CLASSES: dict[int, type[errors.APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.InsufficientCreditsError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    408: errors.RequestTimeoutError,
    409: errors.ConflictError,
    413: errors.BadRequestError,
    418: errors.APIStatusError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    500: errors.InternalServerError,
    502: errors.InternalServerError,
    503: errors.InternalServerError,
    504: errors.InternalServerError,
}
RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504})


def problem(status: int, message: str = "It was refused.", **error: Any) -> Json:
    """Return an error body in the gateway's current format."""
    return {
        "title": "Refused",
        "status": status,
        "message": message,
        "instance": "/v1/chat/completions",
        "received": ECHO,
        "requestId": "req-in-body",
        "timestamp": "2026-01-01T00:00:00Z",
        "error": {"name": "SomeException", "message": message, **error},
    }


def legacy(status: Any, message: Any = "It was refused.", **further: Any) -> Json:
    """Return an error body in the gateway's older format."""
    stamps = {
        "path": f"/v1/chat/completions?key={KEY}",
        "requestId": "req-in-body",
        "timestamp": "2025-01-01T00:00:00Z",
    }
    return {"message": message, "statusCode": status, **stamps, **further}


_TREE = {
    "_errors": [],
    "messages": {"0": {"role": {"_errors": ["Invalid enum value. Expected 'user'"]}}, "_errors": []},
}
_DETAILS = [
    {"path": "tools", "reason": "Expected array, received null", "code": "invalid_type"},
    {"path": ["messages", 2, "content"], "message": "Required"},
]
_UPSTREAM = f'{{"type":"error","error":{{"type":"invalid_request_error","message":"too odd. {ECHO}"}}}}'
_PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1>"
_PAGE += f"<p>nginx</p>{ECHO}</body></html>".encode()


def shapes(status: int) -> dict[str, tuple[Any, tuple[str, ...], str | None]]:
    """Return every form of an error body: what is sent, what the message must contain, and the `kind`."""
    return {
        "problem": (problem(status), ("It was refused.",), "SomeException"),
        "details": (
            problem(status, "Bad Request — Invalid payload provided", details=_DETAILS),
            ("tools: Expected array, received null", "messages.2.content: Required"),
            "SomeException",
        ),
        "kind": (problem(status, data={"kind": "err_of_some_kind"}), ("It was refused.",), "err_of_some_kind"),
        "legacy": (legacy(str(status)), ("It was refused.",), None),
        "tree": (
            legacy(status, "Invalid input", meta=_TREE),
            ("Invalid input", "messages.0.role: Invalid enum value. Expected 'user'"),
            None,
        ),
        "list": (legacy(status, ["one thing", "another"]), ("one thing", "another"), None),
        "openai": (
            {"error": {"message": "No.", "type": "some_error", "param": "seed", "code": "some_code"}},
            ("No", "seed"),
            "some_error",
        ),
        "anthropic": ({"type": "error", "error": {"type": "some_error", "message": "No."}}, ("No.",), "some_error"),
        "string": ({"error": f"No. {ECHO}"}, ("No.",), None),
        "message-in-a-message": ({"message": {"deep": "Not so."}}, ("Not so.",), None),
        "deep-messages": (b'{"message":' * 190 + b'"x"' + b"}" * 190, (), None),
        "error-list": ({"error": [{"message": "No."}, "Nor this."]}, ("No.", "Nor this."), None),
        "details-in-words": (problem(status, details="tools: not an array"), ("tools: not an array",), "SomeException"),
        "details-in-one": (
            problem(status, details={"path": "tools", "reason": "Expected array"}),
            ("tools: Expected array",),
            "SomeException",
        ),
        "long": ({"message": "No. " + "x" * 1_000_000}, ("No. xxx", "xxx…"), None),
        "detail": ({"detail": f"Not here. {ECHO}"}, ("Not here",), None),
        "html": (_PAGE, ("502 Bad Gateway",), None),
        "text": (f"upstream connect error. {ECHO}".encode(), ("upstream connect error",), None),
        "empty": (b"", ("no reason",), None),
        "null": (b"null", ("no reason",), None),
        "array": (b'["No."]', ("No.",), None),
        "cut-json": (f'{{"message": "It was {ECHO}'.encode(), ("It was",), None),
        "latin-1": ("Désolé".encode("latin-1"), ("D",), None),
        "deep": (b"[" * 5000, (), None),
    }


def _status(status: int, shape: str) -> Fault:
    body, in_message, kind = shapes(status)[shape]
    page = shape == "html"
    act = (reply(body, status, "text/html" if page else "application/problem+json; charset=utf-8"),)
    attributes = (
        ("status", status),
        ("status_code", status),
        ("kind", kind),
        ("request_id", "req-1"),
        ("inference_id", "inf-1"),
        ("retryable", status in RETRIED),
    )
    return Fault(f"{status}-{shape}", (act,), CLASSES[status], 3 if status in RETRIED else 1, in_message, attributes)


STATUSES = [_status(status, "problem") for status in CLASSES]
SHAPES = [_status(400, shape) for shape in shapes(400)]
STATUSES_IN_SHAPES = [
    _status(status, shape)
    for (row, status), (column, shape) in product(enumerate(CLASSES), enumerate(shapes(400)))
    if (row + column) % 5 == 0
]
"""Each shape with three statuses, and each status in about five shapes."""

_OUT = problem(403, "You've run out of credits. Please top up.", data={"kind": "err_insufficent_credits"})
_LONG = {"error": {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"}}


def _named(
    name: str, body: Any, status: int, error: type[errors.APIError], requests: int = 1, *in_message: str
) -> Fault:
    return Fault(name, ((reply(body, status),),), error, requests, in_message, (("status", status),))


SPECIAL = [
    _named("out-of-credits", _OUT, 403, errors.InsufficientCreditsError, 1, "run out of credits"),
    _named("overflow", _LONG, 400, errors.ContextOverflowError, 1, "maximum context length"),
    _named("overflow-413", _LONG, 413, errors.ContextOverflowError),
    _named("upstream-400-in-500", legacy(500, f"400 {_UPSTREAM}"), 500, errors.InternalServerError, 1, "400 too odd"),
    _named("upstream-400-in-400", legacy(400, f"400 {_UPSTREAM}"), 400, errors.BadRequestError, 1, "400 too odd"),
    _named("upstream-529-in-500", legacy(500, "529 overloaded"), 500, errors.InternalServerError, 3, "overloaded"),
    _named("500-twice", legacy(500), 500, errors.InternalServerError, 3),
    _named("304", b"", 304, errors.APIStatusError),
    _named(
        "401-on-a-page", _PAGE, 401, errors.AuthenticationError, 1, "502 Bad Gateway", "AIMLAPI_API_KEY", "base URL"
    ),
    _named("402-by-the-provider", legacy(402), 402, errors.InsufficientCreditsError),
    _named("425", legacy(425), 425, errors.APIStatusError),
    Fault(
        "a-header-beyond-ascii",
        ((reply(problem(400), 400, x_note="café, ٣"),),),
        errors.BadRequestError,
        1,
        ("It was refused.",),
    ),
    Fault(
        "text-in-latin-1",
        ((reply("Désolé".encode("latin-1"), 400, "text/plain; charset=iso-8859-1"),),),
        errors.BadRequestError,
        1,
        ("Désolé",),
    ),
    Fault(
        "json-in-utf-16",
        ((reply('{"message": "Désolé"}'.encode("utf-16"), 400, "application/json; charset=utf-16"),),),
        errors.BadRequestError,
        1,
        ("Désolé",),
    ),
    Fault(
        "text-in-no-charset",
        ((reply("Désolé".encode("latin-1"), 400, "text/plain; charset=klingon"),),),
        errors.BadRequestError,
        1,
        ("D\ufffdsol\ufffd",),
    ),
    _named("501", legacy(501), 501, errors.InternalServerError, 3),
    _named("524", _PAGE, 524, errors.InternalServerError, 3),
    _named("599", legacy(599), 599, errors.InternalServerError, 3),
]


def _status_without_body(name: str, status: int, error: type[errors.APIError], requests: int, *rest: Any) -> Fault:
    """Return a fault whose status arrives, but whose body does not."""
    attributes = (("status", status), ("request_id", "req-1"), ("retryable", requests > 1))
    return Fault(f"{status}-{name}", ((head(status, content_length="900"), *rest),), error, requests, (), attributes)


_GZIP = reply(b"no gzip", 401, content_encoding="gzip"), reply(b"no gzip", 503, content_encoding="gzip")

UNREADABLE = [
    _status_without_body("cut", 400, errors.BadRequestError, 1, b'{"message": "It', Hang()),
    _status_without_body("reset", 401, errors.AuthenticationError, 1, b'{"message": "It', Hang(reset=True)),
    _status_without_body("cut", 429, errors.RateLimitError, 3, Hang()),
    _status_without_body("cut", 500, errors.InternalServerError, 3, Hang()),
    Fault("401-broken-gzip", ((_GZIP[0],),), errors.AuthenticationError, 1, (), (("status", 401),)),
    Fault("503-broken-gzip", ((_GZIP[1],),), errors.InternalServerError, 3, (), (("status", 503),)),
]
STATUS_THEN_SILENCE = [
    _status_without_body("silent", 403, errors.PermissionDeniedError, 1, b'{"message": "It', Stall()),
    _status_without_body("silent", 502, errors.InternalServerError, 3, Stall()),
]

_BUSY = (reply(problem(429), 429, retry_after="0"),)
_DOWN = (reply(_PAGE, 503, "text/html", retry_after_ms="0"),)
_PAST = (reply(problem(429), 429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),)
_LATE = (reply(problem(429), 429, retry_after="3600"),)
_FUTURE = (reply(problem(503), 503, retry_after="Fri, 01 Jan 2100 00:00:00 GMT"),)
_ODD = (reply(problem(429), 429, retry_after="soon"),)

_AGO = (reply(problem(429), 429, retry_after="-5"),)
_EMPTY = (reply(problem(429), 429, retry_after=""),)
_TINY = (reply(problem(429), 429, retry_after="0.001"),)
_WILD = (reply(problem(429), 429, retry_after="1e999"),)
_TIMELESS = (reply(problem(503), 503, retry_after="Wed, 99 Oct 2015 99:99:99 GMT"),)
_FOREIGN = (reply(problem(429), 429, retry_after="٠"),)
_MS_WINS = (reply(problem(429), 429, retry_after="3600", retry_after_ms="0"),)
_ODD_MS = (reply(problem(429), 429, retry_after="0", retry_after_ms="soon"),)
_REFUSED = (reply(problem(400), 400, retry_after="0"),)

RETRIES = [
    Fault("429-with-a-negative-retry-after", (_AGO, None), None, 2),
    Fault("429-with-an-empty-retry-after", (_EMPTY, None), None, 2),
    Fault("429-with-a-fraction-of-a-second", (_TINY, None), None, 2),
    Fault("429-with-an-infinite-retry-after", (_WILD, None), None, 2),
    Fault("503-with-a-date-that-is-none", (_TIMELESS, None), None, 2),
    Fault("429-whose-milliseconds-win", (_MS_WINS, None), None, 2),
    Fault("429-with-odd-milliseconds", (_ODD_MS, None), None, 2),
    Fault("429-whose-date-has-foreign-digits", (_FOREIGN, None), None, 2),
    Fault("400-with-a-retry-after", (_REFUSED, None), errors.BadRequestError, 1),
    Fault("409-then-good", ((reply(legacy(409), 409),), None), None, 2),
    Fault("408-then-503-then-good", ((reply(b"", 408),), _DOWN, None), None, 3),
    Fault("429-then-401", (_BUSY, (reply(legacy(401), 401),)), errors.AuthenticationError, 2),
    Fault("hang-up-then-429-then-good", ((Hang(),), _BUSY, None), None, 3),
    Fault("twice-429-then-good", (_BUSY, _BUSY, None), None, 3),
    Fault("twice-503-then-good", (_DOWN, _DOWN, None), None, 3),
    Fault("429-with-a-past-date", (_PAST, None), None, 2),
    Fault("429-with-an-odd-retry-after", (_ODD, None), None, 2),
    Fault("429-then-400", (_BUSY, (reply(problem(400), 400),)), errors.BadRequestError, 2),
    Fault("retry-after-an-hour", (_LATE, None), errors.RateLimitError, 1),
    Fault("retry-after-a-far-date", (_FUTURE, None), errors.InternalServerError, 1),
]
