"""Suggestions for misspelled names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known name that `name` resembles, or an empty string.

    >>> did_you_mean("temprature", ["temperature", "top_p"])
    " Did you mean 'temperature'?"
    """
    matches = get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f" Did you mean {matches[0]!r}?" if matches else ""
