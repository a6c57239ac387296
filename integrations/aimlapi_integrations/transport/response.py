"""From an httpx response or error to a JSON response or an `APIError`. None of these holds the API key."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import httpx
from pydantic import SecretStr

from .._utils.json import parse_json
from ..errors import APIConnectionError, APIError, APIResponseError, StreamError, error_from
from ..errors.parsing import parse_body, parse_error, preview, redact, redact_text
from .direct import proxies
from .httpx_modules import httpx_classes, httpx_module_of
from .retries import JSONResponse, Outcome
from .timeouts import host_and_port, timeout_error
from .validation import is_loopback

_DROPPED_HEADERS = ("set-cookie", "content-encoding", "content-length", "transfer-encoding")
_REPLY_FIELDS = {"choices", "output", "content"}
_SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_NOT_JSON = object()
_TIMEOUT_KINDS = {"ConnectTimeout": "connect", "ReadTimeout": "read", "WriteTimeout": "write", "PoolTimeout": "pool"}


def normalize_headers(response: httpx.Response, secret: SecretStr) -> dict[str, str]:
    """Return the headers in lower case, without cookies and without the key."""
    return {name: redact_text(value, secret) for name, value in response.headers.items() if name != "set-cookie"}


def is_success(response: httpx.Response) -> bool:
    """Return whether the status is a 2xx (older models answer 201), or a 304 that the request asked for."""
    not_modified = response.status_code == 304 and "if-none-match" in response.request.headers
    return response.is_success or not_modified


def check_status(response: httpx.Response, secret: SecretStr) -> Outcome:
    """Return a successful response as it is, or the error that a response means. Reads the latter's content."""
    return response if is_success(response) else _status_error(response, response.content, secret)


def parse_json_response(response: httpx.Response, secret: SecretStr, *, lines: bool = False) -> JSONResponse:
    """Parse the JSON object of a response that has been read.

    Args:
        response: what was received.
        secret: the API key, which no error may repeat.
        lines: parse JSON of any type, or JSON Lines; the body is a list of the values.

    Raises:
        APIResponseError: it isn't a JSON object; with `lines`, it isn't JSON.
    """
    headers = normalize_headers(response, secret)
    if response.status_code == 304:
        return JSONResponse(304, headers, {}, secret)
    body = _parse_lines(response.content) if lines else _parse_content(response.content)
    if isinstance(body, list if lines else dict):
        return JSONResponse(response.status_code, headers, body, secret)
    problem = _describe_content(response.content) if body is _NOT_JSON else "JSON that is not an object"
    raise _unreadable(response, response.content, problem, secret)


def _parse_content(content: bytes) -> Any:
    """Parse JSON. Drops the parser's exception, which holds all of the text."""
    with suppress(ValueError):
        return parse_json(content)
    return _NOT_JSON


def _parse_lines(content: bytes) -> Any:
    """Parse a single JSON value, or one per line, into a list. Only line feeds separate lines."""
    single = _parse_content(content)
    if single is not _NOT_JSON:
        return [single]
    values = [_parse_content(line) for line in content.split(b"\n") if line.strip()]
    return _NOT_JSON if not values or any(value is _NOT_JSON for value in values) else values


# --- errors of httpx --------------------------------------------------------------------------------------------------


def to_api_error(
    error: httpx.HTTPError, request: httpx.Request, response: httpx.Response | None, secret: SecretStr
) -> APIError:
    """Return the `APIError` for an httpx error. A status that was received decides, even if the body was lost."""
    if isinstance(error, httpx_classes(httpx.HTTPStatusError)) and not is_success(error.response):
        return _status_error(error.response, _read_content(error.response), secret)  # raised by a caller's event hook
    if response is None or is_success(response):
        api_error = _map_transport_error(error, request)
        api_error.headers = {} if response is None else normalize_headers(response, secret)
        api_error.redact(secret)
    else:
        api_error = _status_error(response, b"", secret)
    api_error.__cause__ = redact_http_error(error, request, secret)
    return api_error


def to_stream_error(error: httpx.HTTPError) -> StreamError:
    """Return the error for a stream that httpx couldn't read to its end."""
    return StreamError(f"The stream broke off: {_describe(error)}.")


def redact_http_error(error: httpx.HTTPError, request: httpx.Request, secret: SecretStr) -> httpx.HTTPError:
    """Remove from an httpx error what shows the key: the request's headers, the traceback's frames, the message."""
    error.request = redact_request(request)
    error.args = tuple(redact(list(error.args), secret))
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def redact_request(request: httpx.Request) -> httpx.Request:
    """Return a request with the method and the path of this one, and nothing else."""
    url = request.url.copy_with(query=None, userinfo=b"")
    return cast(httpx.Request, httpx_module_of(request).Request(request.method, url))


def _map_transport_error(error: httpx.HTTPError, request: httpx.Request) -> APIError:
    if isinstance(error, httpx_classes(httpx.TimeoutException)):
        kind = _TIMEOUT_KINDS.get(type(error).__name__, "read")
        return timeout_error(kind, request.extensions["timeout"].get(kind), request.url)
    if isinstance(error, httpx_classes(httpx.DecodingError)):
        return APIResponseError(f"The response's compression is broken: {_describe(error)}.", status=200)
    return _connection_error(error, request.url)


def _connection_error(error: httpx.HTTPError, url: httpx.URL) -> APIConnectionError:
    hint = _connection_hint(url) if isinstance(error, httpx_classes(httpx.ProxyError, httpx.ConnectError)) else ""
    connection_error = APIConnectionError(f"No response from {host_and_port(url)}: {_describe(error)}.{hint}")
    invalid_request = httpx_classes(httpx.UnsupportedProtocol, httpx.LocalProtocolError)
    connection_error.retryable = not isinstance(error, invalid_request)
    return connection_error


def _connection_hint(url: httpx.URL) -> str:
    if proxies():
        return " The environment names a proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY): check it."
    if is_loopback(url.host):
        port = "" if url.port is None else f" --port {url.port}"
        return f" Is the emulator running? Start it with: python -m aimlapi_integrations.emulator{port}"
    return ""


def _describe(error: httpx.HTTPError) -> str:
    return str(error).rstrip(".") or type(error).__name__


# --- errors of the gateway --------------------------------------------------------------------------------------------


def not_a_stream_error(response: httpx.Response, content: bytes, secret: SecretStr) -> APIError:
    """Return the error for a response that isn't a stream of events: the one that it reports, or that it isn't one."""
    body = parse_body(content)
    if isinstance(body, dict) and not _REPLY_FIELDS & body.keys() and parse_error(body).message:
        return _status_error(response, content, secret)
    kind = "a JSON document" if isinstance(body, (dict, list)) else _describe_content(content)
    return _unreadable(response, content, f"{kind} instead of a stream of events", secret)


def _status_error(response: httpx.Response, content: bytes, secret: SecretStr) -> APIError:
    redacted = _redact_response(response, content, secret)
    headers = normalize_headers(redacted, secret)
    return error_from(response.status_code, headers, redacted.content, redacted, secret=secret)


def _unreadable(response: httpx.Response, content: bytes, problem: str, secret: SecretStr) -> APIResponseError:
    redacted = _redact_response(response, content, secret)
    body: Any = parse_body(redacted.content)
    page = parse_error(body) if isinstance(body, str) else None
    if page and page.html:
        message = f"{page.message}\nCheck the base URL: the gateway's is https://api.aimlapi.com/v1."
    else:
        message = f"The response is {problem}" + (f": {preview(redacted.text, 200)!r}" if content else "")
    headers = normalize_headers(redacted, secret)
    return APIResponseError(message, status=response.status_code, body=body, headers=headers, response=redacted)


def _describe_content(content: bytes) -> str:
    if not content.strip():
        return "an empty body"
    if content.lstrip().startswith(_SSE_FIELDS):
        return "a stream of events instead of JSON"
    return "not JSON"


def _read_content(response: httpx.Response) -> bytes:
    with suppress(*httpx_classes(httpx.ResponseNotRead)):
        return response.content
    return b""


def _redact_response(response: httpx.Response, content: bytes, secret: SecretStr) -> httpx.Response:
    """Return a copy without the key: neither in its request's headers nor where the response repeats it."""
    headers = [
        (name, _redact_bytes(value, secret))
        for name, value in response.headers.raw
        if name.decode("latin-1").lower() not in _DROPPED_HEADERS
    ]
    request = redact_request(response.request)
    content = _redact_bytes(content, secret)
    redacted = httpx_module_of(request).Response(
        response.status_code, headers=headers, content=content, request=request
    )
    return cast(httpx.Response, redacted)


def _redact_bytes(raw: bytes, secret: SecretStr) -> bytes:
    return redact_text(raw.decode("utf-8", "surrogateescape"), secret).encode("utf-8", "surrogateescape")
