"""One request with its retries, as a generator: it decides, a driver sends and sleeps, in either colour."""

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

from ..errors import APIError, APITimeoutError, RateLimitError
from ..errors.parsing import NO_SECRET, redact

logger = logging.getLogger(__name__)

Json = dict[str, Any]
Timeout: TypeAlias = float | httpx.Timeout | tuple[float | None, float | None] | None


@dataclass(frozen=True, slots=True)
class HTTPRequest:
    """One call: where, what, and what differs from the client's defaults. Timeouts are in seconds.

    Without `repeatable` it is not sent again after an error that leaves open whether it arrived. With `json_lines` the
    body of the response may be JSON of any type, or JSON Lines.
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


@dataclass(frozen=True, slots=True)
class JSONResponse:
    """A 2xx answer, or a 304: headers in lower case, the JSON of the body, and the key that no error may repeat.

    The body of a request with `json_lines` is a list: the JSON values of its lines, or the one value that it is.
    """

    status: int
    headers: Mapping[str, str]
    body: Any
    secret: SecretStr = NO_SECRET


@dataclass(frozen=True, slots=True)
class RetryEvent:
    """A retry about to happen: the `attempt` that failed counts from 1, `delay` is in seconds."""

    attempt: int
    delay: float
    error: APIError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again, and after how long: exponential back-off with full jitter, capped, within a deadline.

    Attributes:
        max_retries: further tries after the first; 0 is exactly one request.
        base, cap: seconds; the n-th delay is drawn from 0 to min(cap, base * 2**n), after a 429 from the upper half.
        deadline: seconds from the first try after which no other is begun, and beyond which none of them waits.
        max_retry_after: the longest wait that the gateway may ask for; where it asks for more, the error is raised.

    Raises:
        ValueError: one of them is no number, or less than 0.
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
                raise ValueError(f"{each.name}={value!r} is no number from 0 up.")

    def delay(self, error: APIError, attempt: int, elapsed: float) -> float | None:
        """Seconds to wait before the next try; None to give up. `attempt` counts from 1."""
        if attempt > self.max_retries or not error.retryable:
            return None
        wait = retry_after(error.headers)
        if wait is None:
            longest = min(self.cap, self.base * 2 ** (attempt - 1))
            wait = random.uniform(longest / 2 if isinstance(error, RateLimitError) else 0, longest)
        return wait if wait <= self.max_retry_after and elapsed + wait <= self.deadline else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The wait that an answer asks for, in seconds, from any of the header's forms."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        date = parsedate_to_datetime(value or "")
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


# --- the protocol -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """The driver is to send the request, and to answer with the response or with what went wrong.

    `left`: the seconds that a further try may take; None for the first, whose own timeouts hold.
    """

    left: float | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    """The driver is to wait for `seconds`."""

    seconds: float


Step: TypeAlias = Send | Sleep
Outcome: TypeAlias = httpx.Response | APIError
OnRetry: TypeAlias = Callable[[RetryEvent], object]


def send_with_retries(
    policy: RetryPolicy, on_retry: OnRetry | None, secret: SecretStr = NO_SECRET, *, repeatable: bool = True
) -> Generator[Step, Outcome, httpx.Response]:
    """Send until it succeeds or the policy gives up. No log line repeats `secret`.

    A request that is not `repeatable` is sent again only after an error that says that it did not arrive.
    """
    begun = time.monotonic()
    attempt, left = 1, None
    while isinstance(outcome := (yield Send(left)), APIError):
        if not repeatable and outcome.retryable and _may_have_arrived(outcome):
            _forbid_retry(outcome)
        delay = policy.delay(outcome, attempt, time.monotonic() - begun)
        if delay is None:
            raise _final(outcome, policy, time.monotonic() - begun) from outcome.__cause__
        _tell(RetryEvent(attempt, delay, outcome), on_retry)
        yield Sleep(delay)
        attempt, left = attempt + 1, policy.deadline - (time.monotonic() - begun)
    _log(outcome, secret)
    return outcome


_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def _may_have_arrived(error: APIError) -> bool:
    """Whether the gateway may act on a request that failed: not if no connection was made, nor after a 429."""
    return not isinstance(error, RateLimitError) and not isinstance(error.__cause__, _NOT_SENT)


def _forbid_retry(error: APIError) -> None:
    error.retryable = False
    error.message += " The gateway may have accepted the request all the same, so it is not sent again."
    error.args = (error.message,)


def _final(error: APIError, policy: RetryPolicy, elapsed: float) -> APIError:
    """The error to raise: a further try that was cut short by the deadline says so."""
    if not isinstance(error, APITimeoutError) or not policy.max_retries or elapsed < policy.deadline:
        return error
    late = APITimeoutError(f"No answer within the total deadline of {policy.deadline:g} s: {error.message}")
    late.timeout, late.seconds = "total", policy.deadline
    return late


def _log(response: httpx.Response, secret: SecretStr) -> None:
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


def _tell(event: RetryEvent, on_retry: OnRetry | None) -> None:
    error = event.error
    logger.info(
        "attempt %d failed (%s, status %s, request %s); the next in %.2f s",
        event.attempt,
        type(error).__name__,
        error.status,
        error.request_id,
        event.delay,
    )
    if on_retry:
        on_retry(event)
