"""Every error this package raises, and how an answer of the gateway becomes one.

AIMLAPIError
 ├── MissingAPIKeyError               no key was given and none is in the environment
 ├── ConfigurationError               the environment names a proxy or certificates that cannot be used
 ├── UnsupportedContentError          (ValueError) a message holds what the endpoint cannot carry
 ├── UnsupportedParameterError        (ValueError) a parameter that the model or the endpoint does not take
 ├── OutputError                      an answer came, but not the one that was asked for
 │    ├── RefusalError                the model declined
 │    ├── IncompleteOutputError       the answer was cut off before it was whole
 │    └── InvalidToolCallError        (ValueError) the arguments of a tool call are not a JSON object
 ├── BudgetExceededError              a guard of the caller's own stopped the next call
 └── APIError                         the call failed
      ├── APIConnectionError          *  no answer came
      │    └── APITimeoutError        *  … in time: says which timeout and after how many seconds
      │         └── BatchTimeoutError *  a batch has not ended in time; `batch_id` names it
      ├── APIStatusError              an HTTP status that is not 2xx
      │    ├── BadRequestError        400, 413, 422
      │    │    └── ContextOverflowError    the messages do not fit the model's context (also 413, 429)
      │    ├── AuthenticationError    401
      │    ├── PermissionDeniedError  403
      │    │    └── InsufficientCreditsError    403 out of credits, 402
      │    ├── NotFoundError          404
      │    ├── RequestTimeoutError    * 408
      │    ├── ConflictError          * 409
      │    ├── RateLimitError         * 429
      │    └── InternalServerError    * 5xx
      ├── APIResponseError            a 2xx answer that is not what the endpoint returns
      ├── StreamError                 a stream that broke off or reported an error; carries the text so far
      ├── ResponseFailedError         a response whose status is failed or cancelled
      └── BatchError                  a batch, or a request of it, that has ended without a reply
           ├── BatchCanceledError     … since the batch was canceled
           └── BatchExpiredError      * … since the batch expired

* `retryable` is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from .parsing import NO_SECRET, ErrorBody, parse_error_body, redact


class AIMLAPIError(Exception):
    """The base of every error here. `retryable`: whether the same call may well succeed later."""

    retryable: bool = False


class MissingAPIKeyError(AIMLAPIError):
    """No API key: pass `api_key=` or set `AIMLAPI_API_KEY`."""


class ConfigurationError(AIMLAPIError):
    """The environment names a proxy, or certificates, that cannot be used; the text says which variable to mend."""


class UnsupportedContentError(AIMLAPIError, ValueError):
    """A message holds content that this endpoint or model cannot carry."""


class UnsupportedParameterError(AIMLAPIError, ValueError):
    """A parameter that this endpoint or model does not take, or not with this value."""


class OutputError(AIMLAPIError):
    """The model answered, but not with what was asked for."""


class RefusalError(OutputError):
    """The model declined to answer; its words are the message."""


class IncompleteOutputError(OutputError):
    """The answer ended before it was whole; `finish_reason` says why."""

    def __init__(self, message: str, finish_reason: str | None = None) -> None:
        super().__init__(message)
        self.finish_reason = finish_reason


class InvalidToolCallError(OutputError, ValueError):
    """The model called a tool, but its arguments are not a JSON object; `arguments` has what it wrote."""

    def __init__(self, message: str, arguments: str = "", finish_reason: str | None = None) -> None:
        super().__init__(message)
        self.arguments = arguments
        self.finish_reason = finish_reason


class BudgetExceededError(AIMLAPIError):
    """A spending limit that the caller set has been reached."""


class APIError(AIMLAPIError):
    """The call failed.

    Attributes:
        message: what went wrong, with every detail the gateway gave.
        status: the HTTP status; None where no answer came.
        kind, code: the gateway's own names for the error, where it gave them.
        body: the JSON of the answer, or the beginning of its text.
        headers: of the answer, in lower case.
        partial: the text of the answer so far, where a stream broke off.
        response: the httpx response, read; None where no answer came, and after pickling.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        kind: str | None = None,
        code: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        partial: str = "",
        response: httpx.Response | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.body = body
        self.headers = {name: value for name, value in (headers or {}).items() if name != "set-cookie"}
        self.partial = partial
        self.response = response

    def __str__(self) -> str:
        facts = {
            "status": self.status,
            "kind": self.kind,
            "code": self.code,
            "request": self.request_id,
            "inference": self.inference_id,
            "client request": self.client_request_id,
        }
        said = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
        return f"{self.message} ({said})" if said else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key not in ("response", "__notes__")}
        return _restored, (type(self), self.message, {**state, "response": None})

    def redact(self, secret: SecretStr) -> None:
        """Takes the API key out of whatever repeats it."""
        vars(self).update(redact(vars(self), secret))
        self.args = tuple(redact(list(self.args), secret))

    @property
    def status_code(self) -> int | None:
        """The HTTP status, by the name that other SDKs give it."""
        return self.status

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the request."""
        named = self.body.get("requestId") if isinstance(self.body, dict) else None
        return self.headers.get("x-request-id") or (named if isinstance(named, str) else None)

    @property
    def inference_id(self) -> str | None:
        """The gateway's id of the inference, as its logs and bills name it."""
        return self.headers.get("x-inference-id")

    @property
    def client_request_id(self) -> str | None:
        """The id that the caller gave the request."""
        return self.headers.get("x-client-request-id")


def _restored(cls: type[APIError], message: str, state: dict[str, Any]) -> APIError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class APIConnectionError(APIError):
    """No answer came: the gateway could not be reached, or hung up."""

    retryable = True


class APITimeoutError(APIConnectionError):
    """No answer came in time. `timeout` names the limit that ran out, `seconds` how long that was."""

    timeout: str | None = None
    seconds: float | None = None


class BatchTimeoutError(APITimeoutError):
    """A batch has not ended in time. It goes on: `batch_id` names it, and its results can be fetched later."""

    batch_id: str | None = None


class APIStatusError(APIError):
    """An HTTP status that is not 2xx."""


class BadRequestError(APIStatusError):
    """400, 413, 422: the request is not one that the model or the endpoint takes."""


class ContextOverflowError(BadRequestError):
    """The messages do not fit the context of the model."""


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class InsufficientCreditsError(PermissionDeniedError):
    """403 or 402: the account is out of credits."""


class NotFoundError(APIStatusError):
    """404: no such model, or no such endpoint."""


class RequestTimeoutError(APIStatusError):
    """408: the gateway gave up waiting."""

    retryable = True


class ConflictError(APIStatusError):
    """409: try again."""

    retryable = True


class RateLimitError(APIStatusError):
    """429: too many requests."""

    retryable = True


class InternalServerError(APIStatusError):
    """5xx: the gateway, or the provider behind it, failed. One that passes on a provider's 4xx is not `retryable`."""

    retryable = True


class APIResponseError(APIError):
    """A 2xx answer that is not what the endpoint returns."""


class StreamError(APIError):
    """A stream that broke off, reported an error, or said something that is no event; `partial` has the text so far.

    A connection lost after the first byte is this and no APIConnectionError: nothing is sent twice.
    """


class ResponseFailedError(APIError):
    """A response whose status is failed or cancelled; `response_id` names it."""

    response_id: str | None = None


class BatchError(APIError):
    """A batch, or a request of one, that has ended without a reply; `batch_id` and `custom_id` name them."""

    batch_id: str | None = None
    custom_id: str | None = None


class BatchCanceledError(BatchError):
    """The batch was canceled before this request was answered. It costs nothing."""


class BatchExpiredError(BatchError):
    """The batch expired before this request was answered. It costs nothing, and can be submitted again."""

    retryable = True


STATUS_ERRORS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: InsufficientCreditsError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    413: BadRequestError,
    422: BadRequestError,
    429: RateLimitError,
}


def error_from(
    status: int,
    headers: Mapping[str, str],
    body: Any = None,
    response: httpx.Response | None = None,
    *,
    secret: SecretStr = NO_SECRET,
) -> APIError:
    """The error that an answer means, by its status; body and code decide only between the kinds of one status.

    An error inside a 200 has the class of the status that its body names. Where it names none it is a StreamError in a
    stream of events, as is a 5xx there, and else an APIResponseError.

    Args:
        status: the HTTP status.
        headers: of the answer, in lower case.
        body: bytes as received, or JSON already parsed.
        response: the answer, for the error to carry.
        secret: the API key, which is taken out wherever the answer repeats it.

    >>> error_from(429, {"x-request-id": "r1"}, b'{"message": "Too Many Requests"}')
    RateLimitError('Too Many Requests')
    """
    seen = parse_error_body(body, headers, secret)
    error = _class(status, seen, "event-stream" in headers.get("content-type", ""))(
        seen.advised(status, headers),
        status=status,
        kind=seen.kind,
        code=seen.code,
        body=seen.body,
        headers=headers,
        response=response,
    )
    if isinstance(error, InternalServerError) and 400 <= (seen.upstream_status or 500) < 500:
        error.retryable = False
    return error


def _class(status: int, seen: ErrorBody, stream: bool) -> type[APIError]:
    if status in (200, 400, 413, 422, 429) and seen.overflows:
        return ContextOverflowError
    if status in (200, 403) and seen.out_of_credits:
        return InsufficientCreditsError
    return _class_within(seen, stream) if status < 300 else _class_of(status)


def _class_within(seen: ErrorBody, stream: bool) -> type[APIError]:
    """The class of an error inside a 2xx."""
    named = seen.status or 0
    if named < 400 or (stream and named >= 500):
        return StreamError if stream else APIResponseError
    return _class_of(named)


def _class_of(status: int) -> type[APIStatusError]:
    return STATUS_ERRORS.get(status, InternalServerError if status >= 500 else APIStatusError)
