"""JSON as servers and models write it: read fast, and into text that can be sent on."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json


def as_json_text(value: Any) -> str:
    """A value as JSON text, whatever it holds; what JSON has no form for goes as `str` writes it.

    >>> as_json_text({"name": "Évora", "id": 3})
    '{"name": "Évora", "id": 3}'
    """
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):  # keys that are no text, an object inside itself
        return str(value)


def parse_json(text: bytes | str) -> Any:
    """The value in `text`. Half of an emoji, an escaped surrogate alone, is U+FFFD: no text with one could be sent on.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be read, shown or written by recursion.
    """
    try:
        return from_json(text)
    except (TypeError, ValueError) as problem:  # a TypeError of half an emoji that is not escaped
        if "recursion" in str(problem):
            raise
    return whole(with_halves(text))


def with_halves(text: bytes | str) -> Any:
    """The same, but halves of emoji are left as they are; the depth is checked by `whole`."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def whole(value: Any) -> Any:
    """`value` with U+FFFD for each half of an emoji that the other half does not follow."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return from_json(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
