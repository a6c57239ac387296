"""Options of the endpoints that take few: what a model's page lists is sent, anything else warns or raises."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from typing import Any

from ..._utils.json import drop_none
from ...errors import UnsupportedParameterError
from .adapt import ParameterWarning


def listed_options(
    options: Mapping[str, Any], listed: Collection[str], model: str, *, strict: bool = False
) -> dict[str, Any]:
    """Return the options without those that are None, and report those that the model doesn't list.

    Raises:
        UnsupportedParameterError: `strict`, and the model doesn't list one.
    """
    passed = drop_none(options)
    for name in passed:
        if listed and name not in listed:
            text = f"{model} doesn't list {name!r} (it lists: {', '.join(sorted(listed))})"
            warn_or_raise(f"{text}: it is sent, and the gateway drops it.", strict=strict)
    return passed


def warn_or_raise(text: str, *, strict: bool) -> None:
    """Report an argument that a model doesn't take: raise if `strict`, else warn."""
    if strict:
        raise UnsupportedParameterError(text)
    warnings.warn(text, ParameterWarning, stacklevel=1)
