"""Core's tree of model errors; under langchain-core 1.5, which has none yet, stand-ins of the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core import exceptions
from langchain_core.exceptions import ContextOverflowError

__all__ = [
    "ContextOverflowError",
    "ModelAPIError",
    "ModelAuthenticationError",
    "ModelConnectionError",
    "ModelError",
    "ModelInvalidRequestError",
    "ModelNotFoundError",
    "ModelPermissionDeniedError",
    "ModelRateLimitError",
    "ModelTimeoutError",
]

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
else:

    def _named(name: str, base: type = exceptions.LangChainException) -> type:
        return getattr(exceptions, name, None) or type(name, (base,), {"is_retryable": False})

    ModelError = _named("ModelError")
    ModelAPIError = _named("ModelAPIError", ModelError)
    ModelAuthenticationError = _named("ModelAuthenticationError", ModelError)
    ModelConnectionError = _named("ModelConnectionError", ModelError)
    ModelInvalidRequestError = _named("ModelInvalidRequestError", ModelError)
    ModelNotFoundError = _named("ModelNotFoundError", ModelError)
    ModelPermissionDeniedError = _named("ModelPermissionDeniedError", ModelError)
    ModelRateLimitError = _named("ModelRateLimitError", ModelError)
    ModelTimeoutError = _named("ModelTimeoutError", ModelError)
