"""What has come back: an answer, or the error that it means."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx
from pydantic import SecretStr

from .._utils.json import parse_json
from ..errors import APIError, APIResponseError, error_from
from ..errors.parsing import parse_body, parse_error, preview, redact_text
from .retries import JSONResponse, Outcome
from .timeouts import map_transport_error, strip_request, strip_secrets

_NOT_KEPT = ("set-cookie", "content-encoding", "content-length", "transfer-encoding")
_ANSWERS = {"choices", "output", "content"}
_SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


def normalize_headers(response: httpx.Response, secret: SecretStr) -> dict[str, str]:
    """The headers, names in lower case, without cookies, and without the key where they repeat it."""
    return {name: redact_text(value, secret) for name, value in response.headers.items() if name != "set-cookie"}


def is_success(response: httpx.Response) -> bool:
    """Whether this is an answer: any 2xx (older models say 201), or that nothing has changed (304)."""
    unchanged = response.status_code == 304 and "if-none-match" in response.request.headers
    return response.is_success or unchanged


def check_status(response: httpx.Response, secret: SecretStr) -> Outcome:
    """The response if it is an answer, else the error it means; that one has been read."""
    return response if is_success(response) else _error(response, response.content, secret)


def to_api_error(
    problem: httpx.HTTPError, request: httpx.Request, response: httpx.Response | None, secret: SecretStr
) -> APIError:
    """The error for what httpx could not do. A status that has come holds, whatever becomes of the body."""
    if isinstance(problem, httpx.HTTPStatusError) and not is_success(problem.response):
        return _error(problem.response, _as_read(problem.response), secret)  # by a hook of the caller's client
    if response is None or is_success(response):
        error = map_transport_error(problem, request)
        error.headers = {} if response is None else normalize_headers(response, secret)
        error.redact(secret)
    else:
        error = _error(response, b"", secret)
    error.__cause__ = strip_secrets(problem, request, secret)
    return error


def _as_read(response: httpx.Response) -> bytes:
    with suppress(httpx.ResponseNotRead):
        return response.content
    return b""


def _error(response: httpx.Response, content: bytes, secret: SecretStr) -> APIError:
    kept = _detached(response, content, secret)
    return error_from(response.status_code, normalize_headers(kept, secret), kept.content, kept, secret=secret)


def _detached(response: httpx.Response, content: bytes, secret: SecretStr) -> httpx.Response:
    """The response without what holds the key: its request's headers, and wherever it repeats it."""
    kept = [(name, _without(value, secret)) for name, value in response.headers.raw if _name(name) not in _NOT_KEPT]
    clean = _without(content, secret)
    return httpx.Response(response.status_code, headers=kept, content=clean, request=strip_request(response.request))


def _name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


def _without(raw: bytes, secret: SecretStr) -> bytes:
    return redact_text(raw.decode("utf-8", "surrogateescape"), secret).encode("utf-8", "surrogateescape")


def parse_json_response(response: httpx.Response, secret: SecretStr, lines: bool = False) -> JSONResponse:
    """The JSON object of an answer that has been read. APIResponseError where it is something else.

    With `lines`, the JSON values of its lines as a list; one value where the whole body is one.
    """
    if response.status_code == 304:
        return JSONResponse(304, normalize_headers(response, secret), {}, secret)
    body = _json_lines(response.content) if lines else _body(response.content)
    if isinstance(body, list if lines else dict):
        return JSONResponse(response.status_code, normalize_headers(response, secret), body, secret)
    what = _kind(response.content) if body is _NO_JSON else "JSON that is no object"
    raise _unreadable(response, response.content, what, secret)


_NO_JSON = object()


def _body(content: bytes) -> Any:
    """The JSON in `content`. The exception that says where it breaks off is let go of: it holds the whole text."""
    with suppress(ValueError):
        return parse_json(content)
    return _NO_JSON


def _json_lines(content: bytes) -> Any:
    """The JSON value that `content` is, or those of its lines, as a list. Only line feeds separate lines."""
    whole = _body(content)
    if whole is not _NO_JSON:
        return [whole]
    values = [_body(line) for line in content.split(b"\n") if line.strip()]
    return _NO_JSON if not values or any(value is _NO_JSON for value in values) else values


def not_a_stream_error(response: httpx.Response, content: bytes, secret: SecretStr) -> APIError:
    """The error for an answer that is no stream of events: the one that it reports, or that it is none."""
    body = parse_body(content)
    if isinstance(body, dict) and not _ANSWERS & body.keys() and parse_error(body).message:
        return _error(response, content, secret)
    what = "a whole JSON answer" if isinstance(body, (dict, list)) else _kind(content)
    return _unreadable(response, content, f"{what} where a stream of events was due", secret)


def _kind(content: bytes) -> str:
    if not content.strip():
        return "an empty body"
    if content.lstrip().startswith(_SSE_FIELDS):
        return "a stream of events where JSON was due"
    return "something that is not JSON"


def _unreadable(response: httpx.Response, content: bytes, what: str, secret: SecretStr) -> APIResponseError:
    kept = _detached(response, content, secret)
    body: Any = parse_body(kept.content)
    said = parse_error(body) if isinstance(body, str) else None
    if said and said.html:
        told = f"{said.message}\nCheck the base URL: the gateway's is https://api.aimlapi.com/v1."
    else:
        told = f"The answer is {what}: {preview(kept.text, 200)!r}" if kept.content else f"The answer is {what}"
    return APIResponseError(
        told, status=response.status_code, body=body, headers=normalize_headers(kept, secret), response=kept
    )
