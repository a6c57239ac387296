"""One request with its retries, as a generator: it decides, and a sync or async driver sends and sleeps."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import httpx
from pydantic import SecretStr

from .._utils.json import dump_json, encode_json
from ..errors import APIError, APITimeoutError, RateLimitError
from ..errors.parsing import NO_SECRET, redact

logger = logging.getLogger(__name__)

Json = dict[str, Any]
Timeout: TypeAlias = float | httpx.Timeout | tuple[float | None, float | None] | None


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file of a form: the name of the field, the name of the file, its bytes and its MIME type."""

    part: str
    name: str
    data: bytes = field(repr=False)
    mime: str


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """A request, and what overrides the client's defaults. Timeouts are in seconds.

    Attributes:
        repeatable: False: don't retry after an error that leaves open whether the gateway received the request.
        json_lines: the response's body may be JSON of any type, or JSON Lines.
        files: files to send; the body then is a form (`multipart/form-data`).
    """

    method: str
    path: str
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    timeout: Timeout = None
    chunk_timeout: float | None = None
    max_retries: int | None = None
    repeatable: bool = True
    json_lines: bool = False
    files: tuple[UploadFile, ...] = ()

    def content(self) -> dict[str, Any]:
        """Return the content as arguments of httpx: JSON, or a form if there are files."""
        if not self.files:
            return {"content": None if self.body is None else encode_json(self.body)}
        files = [(each.part, (each.name, each.data, each.mime)) for each in self.files]
        return {"data": {name: _form_value(value) for name, value in (self.body or {}).items()}, "files": files}


def _form_value(value: Any) -> str | list[str]:
    """Return a field of a form: a list of texts as one field each, other lists and objects as JSON."""
    match value:
        case str():
            return value
        case [*texts] if texts and all(isinstance(text, str) for text in texts):
            return texts
    return dump_json(value)


@dataclass(frozen=True, slots=True)
class JSONResponse:
    """A 2xx or 304 response: headers in lower case, the parsed body, and the key that no error may repeat.

    The body of a request with `json_lines` is a list: the JSON values of its lines, or its only value.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    secret: SecretStr = NO_SECRET


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """A retry about to happen: `attempt` is the failed attempt, counted from 1, and `delay` is in seconds."""

    attempt: int
    delay: float
    error: APIError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to retry and after how long: exponential backoff with full jitter, a cap, and a deadline.

    Attributes:
        max_retries: retries after the first attempt; 0 sends exactly one request.
        base, cap: seconds. The n-th delay is drawn from 0 to min(cap, base * 2**n); after a 429 from the upper half.
        deadline: seconds from the first attempt. No retry starts after it or waits beyond it.
        max_retry_after: the longest Retry-After to wait for, in seconds; a longer one raises the error.

    Raises:
        ValueError: one of them isn't a number, or is negative.
    """

    max_retries: int = 2
    base: float = 0.5
    cap: float = 8.0
    deadline: float = 900.0
    max_retry_after: float = 120.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not isinstance(value, (int, float)) or not value >= 0:
                raise ValueError(f"{each.name}={value!r}: expected a number from 0 up.")

    def delay(self, error: APIError, attempt: int, elapsed: float) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up. `attempt` counts from 1."""
        if attempt > self.max_retries or not error.retryable:
            return None
        wait = retry_after(error.headers)
        if wait is None:
            longest = min(self.cap, self.base * 2 ** (attempt - 1))
            wait = random.uniform(longest / 2 if isinstance(error, RateLimitError) else 0, longest)
        return wait if wait <= self.max_retry_after and elapsed + wait <= self.deadline else None


def resolve_policy(policy: RetryPolicy | None, max_retries: int) -> RetryPolicy:
    """Return `policy`, or the default one with `max_retries`. TypeError if it is something else."""
    if policy is None:
        return RetryPolicy(max_retries=max_retries)
    if not isinstance(policy, RetryPolicy):
        raise TypeError(f"retry: expected a RetryPolicy, received {type(policy).__name__}.")
    return policy


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a response asks to wait, from any form of the header."""
    if (milliseconds := _parse_number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _parse_number(value)) is not None:
        return seconds
    try:
        date = parsedate_to_datetime(value or "")
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _parse_number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


# --- between the generator and its driver ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request, and pass the response or the error back.

    `remaining`: the seconds that a retry may take; None for the first attempt, which has only its own timeouts.
    """

    remaining: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for `seconds`."""

    seconds: float


Step: TypeAlias = Send | Sleep
Outcome: TypeAlias = httpx.Response | APIError
OnRetry: TypeAlias = Callable[[RetryEvent], object]


def send_with_retries(
    policy: RetryPolicy, on_retry: OnRetry | None, secret: SecretStr = NO_SECRET, *, repeatable: bool = True
) -> Generator[Step, Outcome, httpx.Response]:
    """Send until a response comes or the policy gives up. `secret` doesn't appear in the log.

    A request that isn't `repeatable` is retried only after an error that means it did not arrive.
    """
    start = time.monotonic()
    attempt, remaining = 1, None
    while isinstance(outcome := (yield Send(remaining)), APIError):
        if forbidden := not repeatable and _may_have_arrived(outcome):
            _forbid_retry(outcome)
        delay = None if forbidden else policy.delay(outcome, attempt, time.monotonic() - start)
        if delay is None:
            raise _final_error(outcome, policy, time.monotonic() - start) from outcome.__cause__
        _report_retry(RetryEvent(attempt, delay, outcome), on_retry)
        yield Sleep(delay)
        attempt, remaining = attempt + 1, policy.deadline - (time.monotonic() - start)
    _log_response(outcome, secret)
    return outcome


_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def _may_have_arrived(error: APIError) -> bool:
    """Return whether the gateway may act on a request that failed: not without a connection, nor after a 429."""
    return not isinstance(error, RateLimitError) and not isinstance(error.__cause__, _NOT_SENT)


def _forbid_retry(error: APIError) -> None:
    """Say in an error that can pass why its request isn't retried."""
    if error.retryable:
        error.retryable = False
        error.message += " The gateway may have accepted the request, so it isn't retried."
        error.args = (error.message,)


def _final_error(error: APIError, policy: RetryPolicy, elapsed: float) -> APIError:
    """Return the error to raise: a retry that the deadline cut short reports the deadline."""
    if not isinstance(error, APITimeoutError) or not policy.max_retries or elapsed < policy.deadline:
        return error
    total = APITimeoutError(f"No response within the total deadline of {policy.deadline:g} s: {error.message}")
    total.timeout, total.seconds = "total", policy.deadline
    return total


def _log_response(response: httpx.Response, secret: SecretStr) -> None:
    if not logger.isEnabledFor(logging.DEBUG):
        return
    request, headers = response.request, response.headers
    request_id, inference_id = redact([headers.get("x-request-id"), headers.get("x-inference-id")], secret)
    logger.debug(
        "%s %s: %d, request %s, inference %s",
        request.method,
        request.url.path,
        response.status_code,
        request_id,
        inference_id,
    )


def _report_retry(event: RetryEvent, on_retry: OnRetry | None) -> None:
    error = event.error
    logger.info(
        "attempt %d failed (%s, status %s, request %s); retrying in %.2f s",
        event.attempt,
        type(error).__name__,
        error.status,
        error.request_id,
        event.delay,
    )
    if on_retry:
        on_retry(event)
