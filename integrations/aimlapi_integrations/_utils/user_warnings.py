"""Warnings that name the user's line, and come once."""

from __future__ import annotations

import sys
import warnings
from typing import Any

# Code between the user and this package: a warning never points at frames of these.
_LIBRARIES = frozenset(
    {"aimlapi_integrations", "asyncio", "concurrent", "contextlib", "functools", "langchain", "langchain_core"}
    | {"langgraph", "llama_index", "llama_index_instrumentation", "pydantic", "threading", "workflows"}
)

_registry: dict[Any, int] = {}


def warn_once(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line outside of this package and its frameworks; the same text only once per process.

    The user's filters decide as for any warning: under "always" it comes each time, under "error" it raises. Python
    clears the registry when the filters change, so that each text can come once more then.
    """
    file_name, line, module = _user_location()
    if (text, category, 0) in _registry:
        _registry[text, category, line] = 1  # seen at another line
    warnings.warn_explicit(text, category, file_name, line, module, _registry)
    if (text, category, line) in _registry:
        _registry[text, category, 0] = 1


def _user_location() -> tuple[str, int, str]:
    """Return the file, the line and the module of the user's call."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _LIBRARIES:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__", "<unknown>")
