"""Warn about models that the gateway has withdrawn, or will."""

from __future__ import annotations

from .._utils.diagnostics import warn_once
from .lookup import Model, lookup


class ModelDeprecationWarning(UserWarning):
    """The gateway has withdrawn this model, or will."""


def warn_if_deprecated(model_id: str) -> None:
    """Warn once per process if the model is known to be deprecated, superseded or withdrawn."""
    model = lookup(model_id)
    if model.status != "active":
        warn_once(describe_status(model_id, model), ModelDeprecationWarning)


def describe_status(model_id: str, model: Model) -> str:
    """Return a sentence about a model that is not active: since or until when, and what replaces it.

    >>> describe_status("a/b", Model("a/b", status="withdrawn", successor="a/c", retires="2026-09-01"))
    'a/b is withdrawn (2026-09-01). Use a/c instead.'
    """
    when = f" ({model.retires})" if model.retires else ""
    advice = f"Use {model.successor} instead." if model.successor else "Choose another: aimlapi models --live"
    return f"{model_id} is {model.status}{when}. {advice}"
