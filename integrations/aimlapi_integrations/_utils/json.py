"""JSON as servers and models write it and as requests send it, and values without null."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json


def as_json_text(value: Any) -> str:
    """Write any value as JSON text, using `str` for whatever JSON can't represent.

    >>> as_json_text({"name": "Évora", "id": 3})
    '{"name": "Évora", "id": 3}'
    """
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):  # keys that aren't strings, an object that contains itself
        return str(value)


def parse_json(text: bytes | str) -> Any:
    """Parse JSON. Replace lone surrogates (half of an emoji) with U+FFFD: strings with one can't be sent.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return from_json(text)
    except (TypeError, ValueError) as error:  # a TypeError for a lone surrogate that is not escaped
        if "recursion" in str(error):
            raise
    return replace_lone_surrogates(load_json_with_surrogates(text))


def load_json_with_surrogates(text: bytes | str) -> Any:
    """Parse JSON without replacing lone surrogates; `replace_lone_surrogates` checks the depth."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def replace_lone_surrogates(value: Any) -> Any:
    """Copy `value` with U+FFFD in place of each lone surrogate."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return from_json(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


# --- no nulls -----------------------------------------------------------------------------------------------------


def drop_none(fields: Mapping[str, Any] | None = None, /, **more: Any) -> dict[str, Any]:
    """Copy `fields`, then `more`, without those that are None.

    >>> drop_none({"strict": None, "name": "add"}, description=None)
    {'name': 'add'}
    """
    return {name: value for name, value in {**(fields or {}), **more}.items() if value is not None}


def drop_nulls(item: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an item of an earlier reply without nulls, at every level: replies have them, requests must not.

    >>> drop_nulls({"type": "mcp_call", "error": None, "tools": [{"name": "roll", "title": None}]})
    {'type': 'mcp_call', 'tools': [{'name': 'roll'}]}
    """
    return {key: _drop_nested_nulls(value) for key, value in item.items() if value is not None}


def _drop_nested_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return drop_nulls(value)
    return [_drop_nested_nulls(item) for item in value if item is not None] if isinstance(value, list) else value


# --- JSON to send -------------------------------------------------------------------------------------------------

dump_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Encode a value as compact JSON. Raises TypeError or ValueError if JSON can't hold it."""


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Encode the body of a request as compact JSON.

    Raises:
        ValueError: JSON can't hold a value; the text has the path to it.
    """
    try:
        return dump_json(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        path = _invalid_path(body, ())
        where = ".".join(map(str, path)) if path else "it"
        raise ValueError(f"The request can't be encoded as JSON: {where}: {error}") from error


def _invalid_path(value: Any, path: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Return the path to the innermost value that JSON can't hold; None if there is none, or too deep down."""
    if len(path) > 50 or _is_json(value):
        return None
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if _is_list(value) else ()
    inner_paths = (_invalid_path(item, (*path, key)) for key, item in items)
    return next(filter(None, inner_paths), path)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_json(value: Any) -> bool:
    try:
        dump_json(value).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


# --- JSON that a model wrote --------------------------------------------------------------------------------------


def parse_arguments(text: str) -> dict[str, Any] | None:
    r"""Parse the arguments of a tool call; None if they are not a complete JSON object.

    Two mistakes of models have only one reading and are corrected: unescaped control characters inside strings, and an
    object encoded twice, as a JSON string.

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
    """Parse JSON whose strings may contain control characters, such as line breaks.

    Raises:
        ValueError: it is not JSON even then.
    """
    try:
        return parse_json(text)
    except ValueError:
        escaped = escape_control_characters(text)
        if escaped == text:
            raise
        return parse_json(escaped)


def escape_control_characters(text: str) -> str:
    """Escape the control characters inside the strings of a JSON text, which may be incomplete."""
    return _STRING.sub(lambda string: _CONTROL.sub(_escape, string[0]), text)


_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_CONTROL = re.compile(r"(\\.)|[\x00-\x1f]", re.DOTALL)


def _escape(match: re.Match[str]) -> str:
    return match[1] or f"\\u{ord(match[0]):04x}"
