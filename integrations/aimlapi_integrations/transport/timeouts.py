"""Timeouts: of the phases of a request, between the events of a stream, and of a job that takes many requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from numbers import Real
from time import monotonic
from typing import Any

import httpx

from ..errors import APITimeoutError
from .httpx_modules import httpx_classes
from .retries import Timeout

CONNECT, READ, WRITE, POOL, CHUNK = 10.0, 600.0, 60.0, 60.0, 120.0
DEFAULT_TIMEOUT = httpx.Timeout(connect=CONNECT, read=READ, write=WRITE, pool=POOL)
_LONGEST = 1e8  # seconds: three years


def parse_timeout(value: Timeout, default: httpx.Timeout) -> httpx.Timeout:
    """Return seconds, a (connect, read) pair or an httpx.Timeout as the latter; `default` for None.

    Raises:
        TypeError: it is none of these.
        ValueError: it is negative.
    """
    match value:
        case None:
            return default
        case _ if isinstance(value, httpx_classes(httpx.Timeout)):
            return _validated(value)
        case (connect, read):
            return _validated(httpx.Timeout(connect=connect, read=read, write=default.write, pool=default.pool))
        case int() | float():
            return _validated(httpx.Timeout(value, connect=min(value, CONNECT)))
    raise TypeError(f"timeout: expected seconds, (connect, read) or httpx.Timeout, received {value!r}")


def _validated(timeout: httpx.Timeout) -> httpx.Timeout:
    """Return the timeout in a form that sockets take: seconds beyond their range become no limit."""
    phases = timeout.as_dict()
    if not all(seconds is None or seconds >= 0 for seconds in phases.values()):
        raise ValueError(f"timeout: expected seconds from 0 up, received {timeout!r}")
    return httpx.Timeout(**{phase: None if (seconds or 0) > _LONGEST else seconds for phase, seconds in phases.items()})


def cap_timeouts(timeout: httpx.Timeout, remaining: float | None) -> dict[str, float | None]:
    """Return the timeouts in httpcore's form, none of them above the `remaining` seconds."""
    phases = timeout.as_dict()
    if remaining is None:
        return phases
    return {
        phase: max(0.001, remaining if seconds is None else min(seconds, remaining))
        for phase, seconds in phases.items()
    }


def timeout_error(kind: str, seconds: float | None, url: httpx.URL | None = None) -> APITimeoutError:
    """Return the error for the timeout `kind` that expired after `seconds`."""
    limit = "" if seconds is None else f" of {seconds:g} s"
    if kind == "chunk":
        message = f"The stream paused for too long: the chunk timeout{limit} expired."
    else:
        source = "" if url is None else f" from {host_and_port(url)}"
        message = f"No response{source} in time: the {kind} timeout{limit} expired."
    error = APITimeoutError(message)
    error.timeout, error.seconds = kind, seconds
    return error


def check_waiting(timeout: float | None, interval: float) -> None:
    """Raise if these can't be the seconds to wait for a job, which `poll_intervals` takes.

    Raises:
        TypeError: one of them is no number.
        ValueError: one of them is negative.
    """
    for name, seconds in (("timeout", 0 if timeout is None else timeout), ("interval", interval)):
        if isinstance(seconds, bool) or not isinstance(seconds, Real):
            raise TypeError(f"{name}: expected seconds, received {seconds!r}")
        if not seconds >= 0:
            raise ValueError(f"{name}: expected seconds from 0 up, received {seconds!r}")


def poll_intervals(
    first: float,
    timeout: float | None,
    longest: float = 10.0,
    timed_out: Callable[[float], APITimeoutError] | None = None,
) -> Iterator[float]:
    """Return the seconds to wait before each further request about a job, which grow up to `longest`.

    The iterator raises `timed_out(timeout)`, by default an APITimeoutError, once they would exceed `timeout`. There is
    no limit if that is None.

    Raises:
        TypeError, ValueError: see `check_waiting`.
    """
    check_waiting(timeout, first)
    return _poll_intervals(first, timeout, max(first, longest), timed_out)


def _poll_intervals(
    interval: float, timeout: float | None, longest: float, timed_out: Callable[[float], APITimeoutError] | None
) -> Iterator[float]:
    start = monotonic()
    while timeout is None or monotonic() - start + interval <= timeout:
        yield interval
        interval = min(interval * 1.5, longest)
    raise timed_out(timeout) if timed_out else timeout_error("total", timeout)


def host_and_port(url: httpx.URL) -> str:
    """Return the host and port of a URL, the default port included.

    >>> host_and_port(httpx.URL("https://api.aimlapi.com/v1"))
    'api.aimlapi.com:443'
    """
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{url.port or (443 if url.scheme == 'https' else 80)}"


class ChunkDeadline:
    """Limits the pause between two events of a stream, even if other bytes arrive.

    The read timeout of the request, which httpcore applies to each read anew, limits a pause without any bytes. It
    suffices as long as each read returns an event. Keep-alive comments would hold a dead stream open, though: so after
    a read without an event, this class replaces `read` of the network stream below the response by one whose timeout
    is the time until the next event is due. It depends on internals of httpcore, as seen in 1.0.9: the connection of a
    response reads from the very object that `response.extensions["network_stream"]` exposes, and looks up `read` on it
    for each read. https://github.com/encode/httpcore/blob/1.0.9/httpcore/_sync/http11.py (`_receive_event`)

    Without such an object (in a mock, with HTTP/2) the pause is checked after each read.
    tests/transport/test_httpcore_internals.py fails if httpcore changes.

    Attributes:
        last_event: when the last event arrived, by the monotonic clock. The reader sets it after each read that
            completes an event, and calls `check` after each other one.
    """

    def __init__(self, response: httpx.Response, seconds: float | None) -> None:
        timeouts = response.request.extensions["timeout"]
        self._read_timeout: float | None = timeouts.get("read")
        self._seconds = seconds or math.inf
        self.last_event = monotonic()
        self._latest_end = math.inf
        self._is_replaced = False
        self._network_stream: Any = None
        if self._seconds < math.inf:
            timeouts["read"] = min(self._seconds, self._read_timeout or math.inf)
            network_stream: Any = response.extensions.get("network_stream")
            if response.http_version == "HTTP/1.1" and hasattr(network_stream, "__dict__"):
                self._network_stream = network_stream

    @property
    def _due(self) -> float:
        return min(self.last_event + self._seconds, self._latest_end)

    def _replace_read(self) -> None:
        """Let each further read end when the next event is due."""
        if self._is_replaced or self._network_stream is None:
            return
        read = self._network_stream.read

        def read_until_due(max_bytes: int, timeout: float | None = None) -> Any:
            remaining = max(0.001, self._due - monotonic())
            return read(max_bytes, timeout=remaining if timeout is None else min(timeout, remaining))

        self._network_stream.read = read_until_due
        self._is_replaced = True

    @property
    def enforced(self) -> bool:
        """Whether a read can end when the next event is due."""
        return self._network_stream is not None

    def check(self) -> None:
        """Call after a read that completed no event. Raises APITimeoutError if one is overdue."""
        if monotonic() >= self._due:
            raise timeout_error("chunk", self._seconds)
        self._replace_read()

    def shorten(self, seconds: float) -> None:
        """Wait at most `seconds` from now, whatever arrives."""
        self._latest_end = min(self._latest_end, monotonic() + seconds)
        self._replace_read()

    def expired_timeout(self) -> APITimeoutError:
        """Return the error for a read that timed out: the chunk timeout, or the shorter read timeout."""
        overdue = monotonic() >= self._due - 0.01
        return timeout_error("chunk", self._seconds) if overdue else timeout_error("read", self._read_timeout)

    def release(self) -> None:
        """Restore the connection's own `read`, for the next request."""
        if self._is_replaced:
            self._network_stream.__dict__.pop("read", None)
        self._network_stream, self._is_replaced = None, False
