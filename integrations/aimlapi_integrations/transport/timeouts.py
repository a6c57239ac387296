"""How long may be waited, and for what."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import httpx
from pydantic import SecretStr

from ..errors import APIConnectionError, APIError, APIResponseError, APITimeoutError, StreamError
from ..errors.parsing import redact
from .environment import proxies
from .httpx_modules import either, module_of
from .retries import Timeout

CONNECT, READ, WRITE, POOL, CHUNK = 10.0, 600.0, 60.0, 60.0, 120.0
DEFAULT_TIMEOUT = httpx.Timeout(connect=CONNECT, read=READ, write=WRITE, pool=POOL)
_LONGEST = 1e8  # seconds: three years

_KINDS = {"ConnectTimeout": "connect", "ReadTimeout": "read", "WriteTimeout": "write", "PoolTimeout": "pool"}


def parse_timeout(value: Timeout, default: httpx.Timeout) -> httpx.Timeout:
    """Seconds, a (connect, read) pair or an httpx.Timeout as the latter; None is `default`.

    Raises:
        TypeError, ValueError: it is none of these, or less than no time.
    """
    if isinstance(value, either(httpx.Timeout)):
        return _validated(value)
    match value:
        case None:
            return default
        case (connect, read):
            return _validated(httpx.Timeout(connect=connect, read=read, write=default.write, pool=default.pool))
        case int() | float():
            return _validated(httpx.Timeout(value, connect=min(value, CONNECT)))
    raise TypeError(f"timeout: expected seconds, (connect, read) or httpx.Timeout, received {value!r}")


def _validated(timeout: httpx.Timeout) -> httpx.Timeout:
    """The timeout as a socket takes it: more than it can count is no limit."""
    limits = timeout.as_dict()
    if not all(seconds is None or seconds >= 0 for seconds in limits.values()):
        raise ValueError(f"timeout: expected seconds from 0 on, received {timeout!r}")
    return httpx.Timeout(**{kind: None if (seconds or 0) > _LONGEST else seconds for kind, seconds in limits.items()})


def cap_timeouts(timeout: httpx.Timeout, left: float | None) -> dict[str, float | None]:
    """The timeouts in the form that httpcore reads, none above the seconds that are `left`."""
    each = timeout.as_dict()
    if left is None:
        return each
    return {kind: max(0.001, left if seconds is None else min(seconds, left)) for kind, seconds in each.items()}


def timeout_error(kind: str, seconds: float | None) -> APITimeoutError:
    """The error for the timeout `kind`, after `seconds`."""
    what = "The stream fell silent" if kind == "chunk" else "No answer in time"
    how_long = "" if seconds is None else f" of {seconds:g} s"
    error = APITimeoutError(f"{what}: the {kind} timeout{how_long} ran out.")
    error.timeout, error.seconds = kind, seconds
    return error


def map_transport_error(problem: httpx.HTTPError, request: httpx.Request) -> APIError:
    """httpx's error as ours: what failed, and which timeout ran out after how many seconds."""
    if isinstance(problem, either(httpx.TimeoutException)):
        kind = _KINDS.get(type(problem).__name__, "read")
        return timeout_error(kind, request.extensions["timeout"].get(kind))
    if isinstance(problem, either(httpx.DecodingError)):
        return APIResponseError(f"The answer's compression is broken: {_describe(problem)}.", status=200)
    return _unreached(request, problem)


def strip_secrets(problem: httpx.HTTPError, request: httpx.Request, secret: SecretStr) -> httpx.HTTPError:
    """The error without what shows the key: the request's headers, the frames of what sent them, its own words."""
    problem.request = strip_request(request)
    problem.args = tuple(redact(list(problem.args), secret))
    problem.__cause__ = problem.__context__ = None
    return problem.with_traceback(None)


def strip_request(request: httpx.Request) -> httpx.Request:
    """The request by its method and path alone."""
    stripped: httpx.Request = module_of(request).Request(request.method, request.url.copy_with(query=None))
    return stripped


def _unreached(request: httpx.Request, problem: httpx.HTTPError) -> APIError:
    proxied = isinstance(problem, (*either(httpx.ProxyError), *either(httpx.ConnectError))) and proxies()
    hint = " The environment names a proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY): check it." if proxied else ""
    error = APIConnectionError(f"No answer from {request.url.host}: {_describe(problem)}.{hint}")
    error.retryable = not isinstance(problem, (*either(httpx.UnsupportedProtocol), *either(httpx.LocalProtocolError)))
    return error


def _describe(problem: httpx.HTTPError) -> str:
    return str(problem).rstrip(".") or type(problem).__name__


class ChunkDeadline:
    """Bounds the pause between two events of a stream, whatever else keeps coming in between.

    httpcore takes a response's read timeout once and starts it anew with every read, so that keep-alive comments can
    hold a dead stream open. So while a stream runs, its connection's `read` is given what is left until the next event
    is due. Where that connection cannot be had (a mock, HTTP/2), the pause is checked after each read.
    """

    def __init__(self, response: httpx.Response, seconds: float | None, secret: SecretStr) -> None:
        limits = response.request.extensions["timeout"]
        self._read_limit: float | None = limits.get("read")
        self._request = response.request
        self._secret = secret
        self._seconds = seconds or math.inf
        self._due = monotonic() + self._seconds
        self._connection: Any = None
        if self._seconds < math.inf:
            limits["read"] = min(self._seconds, self._read_limit or math.inf)
            self._bound(response)

    def _bound(self, response: httpx.Response) -> None:
        connection: Any = response.extensions.get("network_stream")
        if response.http_version != "HTTP/1.1" or not hasattr(connection, "__dict__"):
            return
        read = connection.read

        def read_until_due(max_bytes: int, timeout: float | None = None) -> Any:
            left = max(0.001, self._due - monotonic())
            return read(max_bytes, timeout=left if timeout is None else min(timeout, left))

        connection.read = read_until_due
        self._connection = connection

    @property
    def bounded(self) -> bool:
        """Whether no read can outlast what is due."""
        return self._connection is not None

    def record(self, anything: bool) -> None:
        """After each read: whether it held an event. APITimeoutError where the next one is overdue."""
        now = monotonic()
        if anything:
            self._due = now + self._seconds
        elif now >= self._due:
            raise timeout_error("chunk", self._seconds)

    def shorten(self, seconds: float) -> None:
        """Wait no longer than `seconds` from now."""
        self._due = min(self._due, monotonic() + seconds)

    def release(self) -> None:
        """Give the connection its own `read` back, before another request has it."""
        if self._connection is not None:
            self._connection.__dict__.pop("read", None)
            self._connection = None

    @contextmanager
    def errors(self) -> Iterator[None]:
        """httpx's errors inside a stream as ours."""
        try:
            yield
        except either(httpx.ReadTimeout) as problem:
            overdue = monotonic() >= self._due - 0.01
            late = timeout_error(*(("chunk", self._seconds) if overdue else ("read", self._read_limit)))
            raise late from strip_secrets(problem, self._request, self._secret)
        except either(httpx.HTTPError) as problem:
            broken = StreamError(f"The stream broke off: {_describe(problem)}.")
            raise broken from strip_secrets(problem, self._request, self._secret)
