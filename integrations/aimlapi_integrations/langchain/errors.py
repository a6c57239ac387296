"""Our errors as LangChain's: each is caught as what it is and as core's `ModelError` of the same meaning.

    AIMLAPIError                  core
    BadRequestError               ModelInvalidRequestError
     └── ContextOverflowError     ContextOverflowError, ModelInvalidRequestError
    AuthenticationError           ModelAuthenticationError
    PermissionDeniedError         ModelPermissionDeniedError      (also InsufficientCreditsError)
    NotFoundError                 ModelNotFoundError
    RequestTimeoutError           ModelTimeoutError               (also APITimeoutError, with ModelConnectionError)
    RateLimitError                ModelRateLimitError
    APIConnectionError            ModelConnectionError
    BatchTimeoutError             ModelTimeoutError, ModelConnectionError
    every other                   ModelAPIError
    UnsupportedContentError, UnsupportedParameterError            ModelInvalidRequestError
    BudgetExceededError, ConfigurationError                       ModelError

Core's `is_retryable`, which middleware goes by, says what our `retryable` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .. import errors as ours
from . import core_errors as core


class UnsupportedContentError(ours.UnsupportedContentError, core.ModelInvalidRequestError):
    __doc__ = ours.UnsupportedContentError.__doc__


class UnsupportedParameterError(ours.UnsupportedParameterError, core.ModelInvalidRequestError):
    __doc__ = ours.UnsupportedParameterError.__doc__


class BudgetExceededError(ours.BudgetExceededError, core.ModelError):
    __doc__ = ours.BudgetExceededError.__doc__


class ConfigurationError(ours.ConfigurationError, core.ModelError):
    __doc__ = ours.ConfigurationError.__doc__


class APIError(ours.APIError, core.ModelAPIError):
    __doc__ = ours.APIError.__doc__
    is_retryable = ours.APIError.retryable


class APIConnectionError(ours.APIConnectionError, core.ModelConnectionError):
    __doc__ = ours.APIConnectionError.__doc__
    is_retryable = ours.APIConnectionError.retryable


class APITimeoutError(ours.APITimeoutError, core.ModelTimeoutError, core.ModelConnectionError):
    __doc__ = ours.APITimeoutError.__doc__
    is_retryable = ours.APITimeoutError.retryable


class APIStatusError(ours.APIStatusError, core.ModelAPIError):
    __doc__ = ours.APIStatusError.__doc__
    is_retryable = ours.APIStatusError.retryable


class BadRequestError(ours.BadRequestError, core.ModelInvalidRequestError):
    __doc__ = ours.BadRequestError.__doc__


class ContextOverflowError(ours.ContextOverflowError, core.ContextOverflowError, core.ModelInvalidRequestError):
    __doc__ = ours.ContextOverflowError.__doc__


class AuthenticationError(ours.AuthenticationError, core.ModelAuthenticationError):
    __doc__ = ours.AuthenticationError.__doc__


class PermissionDeniedError(ours.PermissionDeniedError, core.ModelPermissionDeniedError):
    __doc__ = ours.PermissionDeniedError.__doc__


class InsufficientCreditsError(ours.InsufficientCreditsError, core.ModelPermissionDeniedError):
    __doc__ = ours.InsufficientCreditsError.__doc__


class NotFoundError(ours.NotFoundError, core.ModelNotFoundError):
    __doc__ = ours.NotFoundError.__doc__


class RequestTimeoutError(ours.RequestTimeoutError, core.ModelTimeoutError):
    __doc__ = ours.RequestTimeoutError.__doc__
    is_retryable = ours.RequestTimeoutError.retryable


class ConflictError(ours.ConflictError, core.ModelAPIError):
    __doc__ = ours.ConflictError.__doc__
    is_retryable = ours.ConflictError.retryable


class RateLimitError(ours.RateLimitError, core.ModelRateLimitError):
    __doc__ = ours.RateLimitError.__doc__
    is_retryable = ours.RateLimitError.retryable


class InternalServerError(ours.InternalServerError, core.ModelAPIError):
    __doc__ = ours.InternalServerError.__doc__
    is_retryable = ours.InternalServerError.retryable


class APIResponseError(ours.APIResponseError, core.ModelAPIError):
    __doc__ = ours.APIResponseError.__doc__
    is_retryable = ours.APIResponseError.retryable


class BatchTimeoutError(ours.BatchTimeoutError, core.ModelTimeoutError, core.ModelConnectionError):
    __doc__ = ours.BatchTimeoutError.__doc__
    is_retryable = ours.BatchTimeoutError.retryable


class BatchError(ours.BatchError, core.ModelAPIError):
    __doc__ = ours.BatchError.__doc__
    is_retryable = ours.BatchError.retryable


class BatchCanceledError(ours.BatchCanceledError, core.ModelAPIError):
    __doc__ = ours.BatchCanceledError.__doc__
    is_retryable = ours.BatchCanceledError.retryable


class BatchExpiredError(ours.BatchExpiredError, core.ModelAPIError):
    __doc__ = ours.BatchExpiredError.__doc__
    is_retryable = ours.BatchExpiredError.retryable


class StreamError(ours.StreamError, core.ModelAPIError):
    __doc__ = ours.StreamError.__doc__
    is_retryable = ours.StreamError.retryable


class ResponseFailedError(ours.ResponseFailedError, core.ModelAPIError):
    __doc__ = ours.ResponseFailedError.__doc__
    is_retryable = ours.ResponseFailedError.retryable


_COUNTERPARTS: dict[type, type[ours.AIMLAPIError]] = {
    kind.__bases__[0]: kind
    for kind in (
        UnsupportedContentError,
        UnsupportedParameterError,
        BudgetExceededError,
        ConfigurationError,
        APIError,
        APIConnectionError,
        APITimeoutError,
        APIStatusError,
        BadRequestError,
        ContextOverflowError,
        AuthenticationError,
        PermissionDeniedError,
        InsufficientCreditsError,
        NotFoundError,
        RequestTimeoutError,
        ConflictError,
        RateLimitError,
        InternalServerError,
        APIResponseError,
        StreamError,
        ResponseFailedError,
        BatchTimeoutError,
        BatchError,
        BatchCanceledError,
        BatchExpiredError,
    )
}


def translate_error(error: ours.AIMLAPIError) -> ours.AIMLAPIError:
    """Make an error one of core's too: the same error, of a class that is both."""
    error.__class__ = next((_COUNTERPARTS[kind] for kind in type(error).__mro__ if kind in _COUNTERPARTS), type(error))
    vars(error)["is_retryable"] = error.retryable  # a class attribute of core's: one error may know better
    return error


@contextmanager
def translate_errors() -> Iterator[None]:
    """Let our errors pass as core's too. Serves sync and async code alike."""
    try:
        yield
    except ours.AIMLAPIError as error:
        translate_error(error)
        raise
