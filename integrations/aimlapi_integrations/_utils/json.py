"""JSON as servers and models write it: read fast, and into text that can be sent on."""

from __future__ import annotations

import json
import re
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
    return replace_lone_surrogates(load_json_with_surrogates(text))


def load_json_with_surrogates(text: bytes | str) -> Any:
    """The same, but halves of emoji are left as they are; the depth is checked by `replace_lone_surrogates`."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def replace_lone_surrogates(value: Any) -> Any:
    """`value` with U+FFFD for each half of an emoji that the other half does not follow."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return from_json(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


# --- JSON that a model wrote ----------------------------------------------------------------------------------------


def parse_arguments(text: str) -> dict[str, Any] | None:
    r"""Parse the arguments of a tool call; None where they are not a whole JSON object.

    Two slips of models can be read in one way only, and are: control characters inside strings that are not escaped,
    and an object encoded twice, as a JSON string.

    >>> parse_arguments('{"text": "one\ntwo"}'), parse_arguments('"{}"'), parse_arguments("{'text': 1}")
    ({'text': 'one\ntwo'}, {}, None)
    """
    try:
        value = parse_lenient_json(text)
    except ValueError:
        return None
    if isinstance(value, str):
        return parse_arguments(value)
    return value if isinstance(value, dict) else None


def parse_lenient_json(text: str) -> Any:
    """Parse JSON whose strings may hold control characters, such as line breaks.

    Raises:
        ValueError: it is not JSON all the same.
    """
    try:
        return parse_json(text)
    except ValueError:
        escaped = escape_control_characters(text)
        if escaped == text:
            raise
        return parse_json(escaped)


def escape_control_characters(text: str) -> str:
    """Escape the control characters inside the strings of a JSON text, which may have come in part."""
    return _STRING.sub(lambda string: _CONTROL.sub(_escape, string[0]), text)


_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_CONTROL = re.compile(r"(\\.)|[\x00-\x1f]", re.DOTALL)


def _escape(match: re.Match[str]) -> str:
    return match[1] or f"\\u{ord(match[0]):04x}"
