"""Emoji that a stream has cut in two: JSON may escape them as a pair of surrogates, of which each event has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic_core import from_json

from .._utils.json import load_json_with_surrogates, replace_lone_surrogates

_Path: TypeAlias = tuple[Any, ...]


class SurrogateJoiner:
    """Reads events. One that ends in the first half of an emoji waits for the next, whose begin may be the second.

    >>> halves = SurrogateJoiner()
    >>> halves.read(rb'{"text": "a\\ud83d"}'), halves.read(rb'{"text": "\\ude00b"}')
    ([], [{'text': 'a😀'}, {'text': 'b'}])
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: Any = None

    def __bool__(self) -> bool:
        """Whether an event waits."""
        return self._waiting is not None

    def read(self, data: bytes) -> list[Any]:
        """The values that are certain, now that this one has come. ValueError where it is not JSON."""
        try:
            value = from_json(data)
        except ValueError as problem:
            if "recursion" in str(problem):
                raise
        else:
            return [*self.rest(), value]
        value = load_json_with_surrogates(data)
        replace_lone_surrogates(value)  # raises where it is nested too deeply to be walked through
        _join(self._waiting, value)
        certain = self.rest()
        if isinstance(value, dict) and any(_opens(text) for _, text in _strings(value)):
            self._waiting = value
            return certain
        return [*certain, replace_lone_surrogates(value)]

    def rest(self) -> list[Any]:
        """The event that waits, as it is to be if nothing more comes."""
        waiting, self._waiting = self._waiting, None
        return [] if waiting is None else [replace_lone_surrogates(waiting)]


def _join(first: Any, second: Any) -> None:
    """Moves the second halves of emoji to where their first halves are."""
    begun = {path: text for path, text in _strings(first) if _opens(text)}
    for path, text in [found for found in _strings(second) if found[0] in begun and _closes(found[1])]:
        _put(first, path, begun[path] + text[0])
        _put(second, path, text[1:])


def _opens(text: str) -> bool:
    return "\ud800" <= text[-1:] <= "\udbff"


def _closes(text: str) -> bool:
    return "\udc00" <= text[:1] <= "\udfff"


def _strings(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, str]]:
    """Every text in `value`, with the keys that lead to it."""
    if isinstance(value, str):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _strings(item, (*path, key))


def _put(value: Any, path: _Path, text: str) -> None:
    *way, last = path
    for key in way:
        value = value[key]
    value[last] = text
