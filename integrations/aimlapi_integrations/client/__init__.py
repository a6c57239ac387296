"""The gateway without a framework: `Client` and `AsyncClient`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._utils.lazy_imports import lazy_getattr as _lazy_getattr

if TYPE_CHECKING:
    from .client import AsyncClient, Client
else:
    __getattr__ = _lazy_getattr(__name__, {"AsyncClient": "client", "Client": "client"})

__all__ = ["AsyncClient", "Client"]
