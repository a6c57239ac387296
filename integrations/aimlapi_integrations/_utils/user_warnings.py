"""Warnings that name the user's line, and come once."""

from __future__ import annotations

import sys
import warnings

# Code between the user and this package: frames of these packages are never the user's.
_LIBRARIES = ("aimlapi_integrations", "pydantic", "langchain_core", "llama_index", "llama_index_instrumentation")

_shown: set[tuple[type[Warning], str]] = set()


def warn_once(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line outside of this package and its frameworks; the same text only once per process.

    Where the user turns warnings into errors, each occurrence raises.
    """
    if (category, text) in _shown:
        return
    warnings.warn(text, category, stacklevel=_user_stacklevel())
    _shown.add((category, text))


def _user_stacklevel() -> int:
    frame, level = sys._getframe(2), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES:
        frame, level = frame.f_back, level + 1
    return level
