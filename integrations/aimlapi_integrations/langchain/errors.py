"""The package's errors as LangChain's: each class here also subclasses the `ModelError` of core with the same meaning.

Callers can catch either: `except RateLimitError` of this package, or `except ModelRateLimitError` of core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core import exceptions
from langchain_core.exceptions import ContextOverflowError as CoreContextOverflowError

from .. import errors
from .._utils.context_managers import OnError

if TYPE_CHECKING:
    from langchain_core.exceptions import (
        ModelAPIError,
        ModelAuthenticationError,
        ModelConnectionError,
        ModelError,
        ModelInvalidRequestError,
        ModelNotFoundError,
        ModelPermissionDeniedError,
        ModelRateLimitError,
        ModelTimeoutError,
    )

    from ..errors import (
        APIConnectionError,
        APIError,
        APIResponseError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        BatchCanceledError,
        BatchError,
        BatchExpiredError,
        BatchTimeoutError,
        BudgetExceededError,
        ConfigurationError,
        ConflictError,
        ContextOverflowError,
        InsufficientCreditsError,
        InternalServerError,
        NotFoundError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        ResponseFailedError,
        StreamError,
        UnsupportedContentError,
        UnsupportedParameterError,
    )
else:

    def _core_class(name: str, base: type = exceptions.LangChainException) -> type:
        """Return the class of core, or an equivalent class under langchain-core 1.5, which has none."""
        return getattr(exceptions, name, None) or type(name, (base,), {"is_retryable": False, "__module__": __name__})

    ModelError = _core_class("ModelError")
    ModelAPIError = _core_class("ModelAPIError", ModelError)
    ModelAuthenticationError = _core_class("ModelAuthenticationError", ModelError)
    ModelConnectionError = _core_class("ModelConnectionError", ModelError)
    ModelInvalidRequestError = _core_class("ModelInvalidRequestError", ModelError)
    ModelNotFoundError = _core_class("ModelNotFoundError", ModelError)
    ModelPermissionDeniedError = _core_class("ModelPermissionDeniedError", ModelError)
    ModelRateLimitError = _core_class("ModelRateLimitError", ModelError)
    ModelTimeoutError = _core_class("ModelTimeoutError", ModelError)

__all__ = [
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
    "InsufficientCreditsError",
    "InternalServerError",
    "ModelAPIError",
    "ModelAuthenticationError",
    "ModelConnectionError",
    "ModelError",
    "ModelInvalidRequestError",
    "ModelNotFoundError",
    "ModelPermissionDeniedError",
    "ModelRateLimitError",
    "ModelTimeoutError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestTimeoutError",
    "ResponseFailedError",
    "StreamError",
    "UnsupportedContentError",
    "UnsupportedParameterError",
    "translate_error",
    "translate_errors",
]

# Each class of this package, and the classes of core that mean the same.
_CORE_CLASSES: dict[type[errors.AIMLAPIError], tuple[type[Exception], ...]] = {
    errors.UnsupportedContentError: (ModelInvalidRequestError,),
    errors.UnsupportedParameterError: (ModelInvalidRequestError,),
    errors.BudgetExceededError: (ModelError,),
    errors.ConfigurationError: (ModelError,),
    errors.APIError: (ModelAPIError,),
    errors.APIConnectionError: (ModelConnectionError,),
    errors.APITimeoutError: (ModelTimeoutError, ModelConnectionError),
    errors.APIStatusError: (ModelAPIError,),
    errors.BadRequestError: (ModelInvalidRequestError,),
    errors.ContextOverflowError: (CoreContextOverflowError, ModelInvalidRequestError),
    errors.AuthenticationError: (ModelAuthenticationError,),
    errors.PermissionDeniedError: (ModelPermissionDeniedError,),
    errors.InsufficientCreditsError: (ModelPermissionDeniedError,),
    errors.NotFoundError: (ModelNotFoundError,),
    errors.RequestTimeoutError: (ModelTimeoutError,),
    errors.ConflictError: (ModelAPIError,),
    errors.RateLimitError: (ModelRateLimitError,),
    errors.InternalServerError: (ModelAPIError,),
    errors.APIResponseError: (ModelAPIError,),
    errors.StreamError: (ModelAPIError,),
    errors.ResponseFailedError: (ModelAPIError,),
    errors.BatchTimeoutError: (ModelTimeoutError, ModelConnectionError),
    errors.BatchError: (ModelAPIError,),
    errors.BatchCanceledError: (ModelAPIError,),
    errors.BatchExpiredError: (ModelAPIError,),
}


def _combine(own: type[errors.AIMLAPIError], core: tuple[type[Exception], ...]) -> type[errors.AIMLAPIError]:
    """Create the class that is both; core's `is_retryable`, which middleware reads, equals `retryable`."""
    namespace = {"__module__": __name__, "__doc__": own.__doc__, "is_retryable": own.retryable}
    return type(own.__name__, (own, *core), namespace)


_COMBINED = {own: _combine(own, core) for own, core in _CORE_CLASSES.items()}
globals().update({combined.__name__: combined for combined in _COMBINED.values()})  # pickle finds classes by name


def translate_error(error: errors.AIMLAPIError) -> errors.AIMLAPIError:
    """Give an error a class that is also core's, and return the same error.

    The client, which knows no framework, has built the error. Assigning its class keeps the same object: its
    attributes, traceback, cause and notes all stay, and no wrapper appears in `__context__`. Python allows this because
    the new class is a subclass of the old one with the same memory layout.
    """
    own = type(error)
    error.__class__ = next((_COMBINED[base] for base in own.__mro__ if base in _COMBINED), own)
    vars(error)["is_retryable"] = error.retryable  # one error may differ from its class
    return error


def translate_errors() -> OnError[errors.AIMLAPIError]:
    """Give errors raised inside a class that is also core's. Works around sync and async code alike."""
    return OnError(errors.AIMLAPIError, translate_error)
