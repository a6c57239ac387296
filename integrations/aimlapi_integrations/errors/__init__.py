"""All errors of this package, and how a response becomes one. `parsing.py` parses the bodies of responses.

AIMLAPIError
 ├── MissingAPIKeyError               there is no API key, neither passed nor in the environment
 ├── ConfigurationError               the environment names a proxy or certificates that can't be used
 ├── UnsupportedContentError          (ValueError) the model or the endpoint can't carry a message's content
 ├── UnsupportedParameterError        (ValueError) the model or the endpoint doesn't support a parameter
 ├── OutputError                      a reply came, but without the requested output
 │    ├── RefusalError                the model declined
 │    ├── IncompleteOutputError       the reply was cut off
 │    └── InvalidToolCallError        (ValueError) the arguments of a tool call are not a JSON object
 ├── BudgetExceededError              a spending limit of the caller's stopped the next call
 └── APIError                         the call failed
      ├── APIConnectionError          *  no response came
      │    └── APITimeoutError        *  … in time: names the timeout and its seconds
      │         └── BatchTimeoutError *  a batch has not ended in time; `batch_id` names it
      ├── APIStatusError              an HTTP status other than 2xx
      │    ├── BadRequestError        400, 413, 422
      │    │    └── ContextOverflowError    the messages exceed the model's context (also 413, 429)
      │    ├── AuthenticationError    401
      │    ├── PermissionDeniedError  403
      │    │    └── InsufficientCreditsError    403 out of credits, 402
      │    ├── NotFoundError          404
      │    ├── RequestTimeoutError    * 408
      │    ├── ConflictError          * 409
      │    ├── RateLimitError         * 429
      │    └── InternalServerError    * 5xx
      ├── APIResponseError            a 2xx response that is not what the endpoint returns
      ├── StreamError                 a stream that broke off or reported an error; has the text received so far
      ├── ResponseFailedError         a response whose status is failed or cancelled
      └── BatchError                  a batch, or a request of it, that ended without a reply
           ├── BatchCanceledError     … because the batch was canceled
           └── BatchExpiredError      * … because the batch expired

* `retryable` is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from .parsing import NO_SECRET, ErrorBody, parse_error_body, redact

__all__ = [
    "AIMLAPIError",
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BatchCanceledError",
    "BatchError",
    "BatchExpiredError",
    "BatchTimeoutError",
    "BudgetExceededError",
    "ConfigurationError",
    "ConflictError",
    "ContextOverflowError",
    "IncompleteOutputError",
    "InsufficientCreditsError",
    "InternalServerError",
    "InvalidToolCallError",
    "MissingAPIKeyError",
    "NotFoundError",
    "OutputError",
    "PermissionDeniedError",
    "RateLimitError",
    "RefusalError",
    "RequestTimeoutError",
    "ResponseFailedError",
    "STATUS_ERRORS",
    "StreamError",
    "UnsupportedContentError",
    "UnsupportedParameterError",
    "error_from",
]


class AIMLAPIError(Exception):
    """The base of all errors of this package. `retryable`: whether the same call may succeed later."""

    retryable: bool = False


class MissingAPIKeyError(AIMLAPIError):
    """No API key: pass `api_key=` or set `AIMLAPI_API_KEY`."""


class ConfigurationError(AIMLAPIError):
    """The environment names a proxy or certificates that can't be used; the text names the variable."""


class UnsupportedContentError(AIMLAPIError, ValueError):
    """A message has content that the endpoint or the model can't carry."""


class UnsupportedParameterError(AIMLAPIError, ValueError):
    """The endpoint or the model doesn't support a parameter, or not with this value."""


class OutputError(AIMLAPIError):
    """The model replied, but without the requested output."""


class RefusalError(OutputError):
    """The model declined to answer; the message is its text."""


class IncompleteOutputError(OutputError):
    """The reply was cut off; `finish_reason` is the reason."""

    def __init__(self, message: str, finish_reason: str | None = None) -> None:
        super().__init__(message)
        self.finish_reason = finish_reason


class InvalidToolCallError(OutputError, ValueError):
    """The model called a tool with arguments that aren't a JSON object; `arguments` is their text."""

    def __init__(self, message: str, arguments: str = "", finish_reason: str | None = None) -> None:
        super().__init__(message)
        self.arguments = arguments
        self.finish_reason = finish_reason


class BudgetExceededError(AIMLAPIError):
    """A spending limit that the caller set is reached."""


class APIError(AIMLAPIError):
    """The call failed.

    Attributes:
        message: what went wrong, with all details from the gateway.
        status: the HTTP status, or None if no response came.
        kind, code: the gateway's names for the error, if it has any.
        body: the JSON of the response, or the beginning of its text.
        headers: of the response, with names in lower case.
        partial: the text received before a stream broke off.
        response: the httpx response, already read; None if no response came, and after pickling.
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
        details = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
        return f"{self.message} ({details})" if details else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key not in ("response", "__notes__")}
        return _restore, (type(self), self.message, {**state, "response": None})

    def redact(self, secret: SecretStr) -> None:
        """Redact the API key wherever the error repeats it."""
        vars(self).update(redact(vars(self), secret))
        self.args = tuple(redact(list(self.args), secret))

    @property
    def status_code(self) -> int | None:
        """The HTTP status, with the name that other SDKs use."""
        return self.status

    @property
    def request_id(self) -> str | None:
        """The gateway's id of the request."""
        in_body = self.body.get("requestId") if isinstance(self.body, dict) else None
        return self.headers.get("x-request-id") or (in_body if isinstance(in_body, str) else None)

    @property
    def inference_id(self) -> str | None:
        """The gateway's id of the inference, as in its logs and bills."""
        return self.headers.get("x-inference-id")

    @property
    def client_request_id(self) -> str | None:
        """The caller's own id of the request."""
        return self.headers.get("x-client-request-id")


def _restore(cls: type[APIError], message: str, state: dict[str, Any]) -> APIError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class APIConnectionError(APIError):
    """No response came: the gateway couldn't be reached, or closed the connection."""

    retryable = True


class APITimeoutError(APIConnectionError):
    """No response came in time. `timeout` names the timeout that expired, `seconds` is its length."""

    timeout: str | None = None
    seconds: float | None = None


class BatchTimeoutError(APITimeoutError):
    """A batch has not ended in time. It goes on: `batch_id` names it, and its results can be fetched later."""

    batch_id: str | None = None


class APIStatusError(APIError):
    """An HTTP status other than 2xx."""


class BadRequestError(APIStatusError):
    """400, 413, 422: the model or the endpoint doesn't accept the request."""


class ContextOverflowError(BadRequestError):
    """The messages exceed the context of the model."""


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the key has no permission for this."""


class InsufficientCreditsError(PermissionDeniedError):
    """403 or 402: the account is out of credits."""


class NotFoundError(APIStatusError):
    """404: the model or the endpoint doesn't exist."""


class RequestTimeoutError(APIStatusError):
    """408: the gateway timed out."""

    retryable = True


class ConflictError(APIStatusError):
    """409: a conflict that passes."""

    retryable = True


class RateLimitError(APIStatusError):
    """429: too many requests."""

    retryable = True


class InternalServerError(APIStatusError):
    """5xx: the gateway or the provider failed. One that wraps a provider's 4xx is not `retryable`."""

    retryable = True


class APIResponseError(APIError):
    """A 2xx response that is not what the endpoint returns."""


class StreamError(APIError):
    """A stream broke off, reported an error, or sent an invalid event; `partial` is the text received so far.

    A connection lost after the first byte is a StreamError, not an APIConnectionError: nothing is sent twice.
    """


class ResponseFailedError(APIError):
    """A response whose status is failed or cancelled; `response_id` is its id."""

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
    """Return the error that a response means. The status decides; body and code select among classes of one status.

    An error inside a 200 has the class of the status in its body. Without one it is a StreamError in a stream of
    events, as is a 5xx there, and otherwise an APIResponseError.

    Args:
        status: the HTTP status.
        headers: of the response, with names in lower case.
        body: bytes as received, or parsed JSON.
        response: the response, for the error to carry.
        secret: the API key, which is redacted wherever the response repeats it.

    >>> error_from(429, {"x-request-id": "r1"}, b'{"message": "Too Many Requests"}')
    RateLimitError('Too Many Requests')
    """
    parsed = parse_error_body(body, headers, secret)
    is_stream = "event-stream" in headers.get("content-type", "")
    error = _select_class(status, parsed, is_stream)(
        parsed.message_with_advice(status, headers),
        status=status,
        kind=parsed.kind,
        code=parsed.code,
        body=parsed.body,
        headers=headers,
        response=response,
    )
    if isinstance(error, InternalServerError) and 400 <= (parsed.upstream_status or 500) < 500:
        error.retryable = False
    return error


def _select_class(status: int, parsed: ErrorBody, is_stream: bool) -> type[APIError]:
    if status in (200, 400, 413, 422, 429) and parsed.is_context_overflow:
        return ContextOverflowError
    if status in (200, 403) and parsed.is_out_of_credits:
        return InsufficientCreditsError
    return _class_inside_success(parsed, is_stream) if status < 300 else _class_of_status(status)


def _class_inside_success(parsed: ErrorBody, is_stream: bool) -> type[APIError]:
    """Return the class of an error inside a 2xx."""
    status = parsed.status or 0
    if status < 400 or (is_stream and status >= 500):
        return StreamError if is_stream else APIResponseError
    return _class_of_status(status)


def _class_of_status(status: int) -> type[APIStatusError]:
    return STATUS_ERRORS.get(status, InternalServerError if status >= 500 else APIStatusError)
