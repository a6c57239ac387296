"""Suggestions for misspelled names."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known name that `name` resembles, or an empty string.

    >>> did_you_mean("temprature", ["temperature", "top_p"])
    " Did you mean 'temperature'?"
    """
    matches = get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def reject_unknown_arguments(owner: type, arguments: Iterable[str]) -> None:
    """Raise for the first keyword argument that the constructor of `owner` doesn't take.

    Raises:
        TypeError: there is one; the text suggests the argument that it resembles.
    """
    for name in arguments:
        known = [each for each in inspect.signature(owner).parameters if each != "unknown"]
        raise TypeError(f"{owner.__name__} has no argument {name!r}.{did_you_mean(name, known)}")
