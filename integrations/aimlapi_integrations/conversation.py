"""The old import path of `aimlapi_integrations.types`, kept for one minor version."""

from __future__ import annotations

import warnings
from typing import Any

from . import types

_RENAMED = {"Trail": "CallMetadata"}


def __getattr__(name: str) -> Any:
    value = getattr(types, _RENAMED.get(name, name))
    warnings.warn(
        "aimlapi_integrations.conversation is now aimlapi_integrations.types: import from there.",
        DeprecationWarning,
        stacklevel=2,
    )
    return value
