"""Thinking on chat completions, where some models do it in streams only, or do not tell it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..conversation import Request
from ..errors import UnsupportedParameterError
from .fitting import Fitting


def fit_thinking(request: Request, case: Fitting) -> Request:
    """Thinking as the model does it on this endpoint."""
    if "thinking_streams_only" in case.model.quirks and not case.stream:
        return _silenced(request, case)
    if "thinking_text_only_on_messages" in case.model.quirks and case.model.messages and _wanted(request.options):
        case.hint(
            f"{case.asked} thinks on chat completions without telling what: endpoint='messages' gives the text of it."
        )
    return request


def _silenced(request: Request, case: Fitting) -> Request:
    """With thinking off, since the model refuses a plain call otherwise."""
    if request.options.get("enable_thinking"):
        raise UnsupportedParameterError(f"{case.asked} thinks in streams only: stream the answer.")
    return replace(request, options={**request.options, "enable_thinking": False})


def _wanted(options: Mapping[str, Any]) -> bool:
    """Whether thinking is asked for: by effort, by budget or by its name."""
    thinking = options.get("thinking")
    off = isinstance(thinking, Mapping) and thinking.get("type") == "disabled"
    asked = (None if off else thinking, options.get("reasoning"), options.get("reasoning_effort"))
    return any(value not in (None, "none") for value in asked)
