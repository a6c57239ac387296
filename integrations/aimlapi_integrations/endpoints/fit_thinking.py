"""Thinking on chat completions, where some models do it in streams only, or do not tell it there."""

from __future__ import annotations

from dataclasses import replace

from ..conversation import Request
from ..errors import UnsupportedParameterError
from .fitting import Fitting
from .thinking_told import obstacle, told_elsewhere


def fit_thinking(request: Request, case: Fitting) -> Request:
    """Thinking as the model does it on this endpoint."""
    if "thinking_streams_only" in case.model.quirks and not case.stream:
        return _silenced(request, case)
    if told_elsewhere(case.model, request.options):
        found = obstacle(request, case.model)
        where = f"the messages endpoint tells it, but cannot carry {found}" if found else "endpoint='messages' tells it"
        case.note(f"{case.asked} does not tell on chat completions what it thinks: {where}.")
    return request


def _silenced(request: Request, case: Fitting) -> Request:
    """With thinking off, since the model refuses a plain call otherwise."""
    if request.options.get("enable_thinking"):
        raise UnsupportedParameterError(f"{case.asked} thinks in streams only: stream the answer.")
    return replace(request, options={**request.options, "enable_thinking": False})
