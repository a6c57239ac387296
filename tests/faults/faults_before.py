"""Faults that any call may meet: no answer, or one whose status says no. A table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aimlapi_integrations import errors

from .fault_server import Act, Hang, head, reply

Json = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """What the server does, and what must come of it.

    Attributes:
        acts: one for each request; the last serves all further ones. None: the test knows what a good answer is.
        error: the class of the error; None for a good answer.
        requests: how many the server must have seen, with two retries allowed.
        says: texts that the error's message must hold.
        facts: attributes of the error.
    """

    name: str
    acts: tuple[Act | None, ...]
    error: type[errors.AIMLAPIError] | None
    requests: int = 1
    says: tuple[str, ...] = ()
    facts: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return self.name


# --- no answer --------------------------------------------------------------------------------------------------------

_NO_ANSWER = {
    "hang-up": (Hang(),),
    "reset": (Hang(reset=True),),
    "half-a-head": (head()[:40], Hang()),
    "not-http": (b"220 smtp.example.org ESMTP\r\n", Hang()),
}

CONNECTIONS = [
    Fault(name, (act,), errors.APIConnectionError, 3, ("127.0.0.1",), (("status", None), ("retryable", True)))
    for name, act in _NO_ANSWER.items()
] + [
    Fault("hang-up-once", (_NO_ANSWER["hang-up"], None), None, 2),
    Fault("reset-twice", (_NO_ANSWER["reset"], _NO_ANSWER["reset"], None), None, 3),
]


# --- a status that says no --------------------------------------------------------------------------------------------

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
    """The gateway's current form."""
    return {
        "title": "Refused",
        "status": status,
        "message": message,
        "instance": "/v1/chat/completions",
        "requestId": "req-in-body",
        "timestamp": "2026-01-01T00:00:00Z",
        "error": {"name": "SomeException", "message": message, **error},
    }


def legacy(status: Any, message: Any = "It was refused.", **further: Any) -> Json:
    """The gateway's older form."""
    stamps = {"path": "/v1/chat/completions", "requestId": "req-in-body", "timestamp": "2025-01-01T00:00:00Z"}
    return {"message": message, "statusCode": status, **stamps, **further}


_TREE = {
    "_errors": [],
    "messages": {"0": {"role": {"_errors": ["Invalid enum value. Expected 'user'"]}}, "_errors": []},
}
_DETAILS = [
    {"path": "tools", "reason": "Expected array, received null", "code": "invalid_type"},
    {"path": ["messages", 2, "content"], "message": "Required"},
]
_UPSTREAM = '{"type":"error","error":{"type":"invalid_request_error","message":"too odd"},"request_id":"req_up"}'
_PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1>nginx</body></html>"


def shapes(status: int) -> dict[str, tuple[Any, tuple[str, ...], str | None]]:
    """Every form of body: what is sent, what the message must hold, and the `kind`."""
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
        "string": ({"error": "No."}, ("No.",), None),
        "detail": ({"detail": "Not here"}, ("Not here",), None),
        "html": (_PAGE, ("502 Bad Gateway",), None),
        "text": (b"upstream connect error", ("upstream connect error",), None),
        "empty": (b"", ("no reason",), None),
        "null": (b"null", ("no reason",), None),
        "array": (b'["No."]', ("No.",), None),
        "cut-json": (b'{"message": "It was', ("It was",), None),
        "latin-1": ("Désolé".encode("latin-1"), ("D",), None),
        "deep": (b"[" * 5000, (), None),
    }


def _status(status: int, shape: str) -> Fault:
    body, says, kind = shapes(status)[shape]
    page = shape == "html"
    act = (reply(body, status, "text/html" if page else "application/problem+json; charset=utf-8"),)
    facts = (
        ("status", status),
        ("status_code", status),
        ("kind", kind),
        ("request_id", "req-1"),
        ("inference_id", "inf-1"),
        ("retryable", status in RETRIED),
    )
    return Fault(f"{status}-{shape}", (act,), CLASSES[status], 3 if status in RETRIED else 1, says, facts)


STATUSES = [_status(status, "problem") for status in CLASSES]
SHAPES = [_status(400, shape) for shape in shapes(400)]
STATUSES_IN_ALL_SHAPES = [_status(status, shape) for status in CLASSES for shape in shapes(status)]

_OUT = problem(403, "You've run out of credits. Please top up.", data={"kind": "err_insufficent_credits"})
_LONG = {"error": {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"}}


def _named(name: str, body: Any, status: int, error: type[errors.APIError], requests: int = 1, *says: str) -> Fault:
    return Fault(name, ((reply(body, status),),), error, requests, says, (("status", status),))


SPECIAL = [
    _named("out-of-credits", _OUT, 403, errors.InsufficientCreditsError, 1, "run out of credits"),
    _named("overflow", _LONG, 400, errors.ContextOverflowError, 1, "maximum context length"),
    _named("overflow-413", _LONG, 413, errors.ContextOverflowError),
    _named("upstream-400-in-500", legacy(500, f"400 {_UPSTREAM}"), 500, errors.InternalServerError, 1, "400 too odd"),
    _named("upstream-400-in-400", legacy(400, f"400 {_UPSTREAM}"), 400, errors.BadRequestError, 1, "400 too odd"),
    _named("upstream-529-in-500", legacy(500, "529 overloaded"), 500, errors.InternalServerError, 3, "overloaded"),
    _named("500-twice", legacy(500), 500, errors.InternalServerError, 3),
    _named("304", b"", 304, errors.APIStatusError),
]

_BUSY = (reply(problem(429), 429, retry_after="0"),)
_DOWN = (reply(_PAGE, 503, "text/html", retry_after_ms="0"),)
_PAST = (reply(problem(429), 429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),)
_LATE = (reply(problem(429), 429, retry_after="3600"),)
_FUTURE = (reply(problem(503), 503, retry_after="Fri, 01 Jan 2100 00:00:00 GMT"),)
_ODD = (reply(problem(429), 429, retry_after="soon"),)

RETRIES = [
    Fault("twice-429-then-good", (_BUSY, _BUSY, None), None, 3),
    Fault("twice-503-then-good", (_DOWN, _DOWN, None), None, 3),
    Fault("429-with-a-past-date", (_PAST, None), None, 2),
    Fault("429-with-an-odd-retry-after", (_ODD, None), None, 2),
    Fault("429-then-400", (_BUSY, (reply(problem(400), 400),)), errors.BadRequestError, 2),
    Fault("retry-after-an-hour", (_LATE, None), errors.RateLimitError, 1),
    Fault("retry-after-a-far-date", (_FUTURE, None), errors.InternalServerError, 1),
]
