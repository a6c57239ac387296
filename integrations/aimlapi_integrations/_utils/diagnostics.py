"""Messages to the user: suggestions for misspelled names, and warnings that name the user's line and come once."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Container, Iterable
from typing import Any


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known name that `name` resembles, or an empty string.

    >>> did_you_mean("temprature", ["temperature", "top_p"])
    " Did you mean 'temperature'?"
    """
    match = closest(name, known)
    return f" Did you mean {match!r}?" if match else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` resembles, or None. `top_k` does not resemble `top_p`.

    >>> closest("apikey", ["api_key", "model"])
    'api_key'
    """
    from difflib import get_close_matches  # rarely needed

    names = [each for each in known if not (each[-2:-1] == "_" and each[:-1] == name[:-1])]
    return next(iter(get_close_matches(name.lower(), names, n=1, cutoff=0.75)), None)


def misspelled(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` is one edit away from, in any case, or None. Short names have no typos.

    >>> misspelled("modle", ["model"]), misspelled("reasoning_format", ["reasoning_effort"])
    ('model', None)
    """
    return next((each for each in known if len(each) > 3 and _is_one_edit(name.lower(), each)), None)


def _is_one_edit(one: str, other: str) -> bool:
    """Return whether the names are equal but for one letter, or for two that are swapped."""
    start = next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return abs(len(one) - len(other)) <= 1
    one, other = one[start:], other[start:]
    swapped = other[1:2] + other[:1] + other[2:]
    return one in (swapped, other[1:]) or other == one[1:] or one[1:] == other[1:]


def reject_unknown_arguments(owner: type, arguments: Iterable[str], call_arguments: Container[str] = ()) -> None:
    """Raise for the first keyword argument that the constructor of `owner` doesn't take.

    Args:
        owner: the class.
        arguments: names of keyword arguments.
        call_arguments: arguments of its methods, which people pass to the constructor of models.

    Raises:
        TypeError: there is one; the text says where it belongs, or suggests the argument that it resembles.
    """
    for name in arguments:
        if name in call_arguments:
            raise TypeError(f"{owner.__name__} has no argument {name!r}: pass it to chat() or another call.")
        known = [each for each in inspect.signature(owner).parameters if each != "unknown"]
        raise TypeError(f"{owner.__name__} has no argument {name!r}.{did_you_mean(name, known)}")


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
