"""A JSON schema without definitions: each is written where it is used, for models that allow no `$defs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import UnsupportedParameterError

_DEFINITIONS = ("$defs", "definitions")


def inline_refs(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same schema with its references to its own definitions replaced by them.

    Raises:
        UnsupportedParameterError: a definition that refers to itself, which has no such form.

    >>> inline_refs({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}})
    {'properties': {'a': {'type': 'string'}}}
    """
    kept = {key: value for key, value in schema.items() if key not in _DEFINITIONS}
    return dict(_inlined(kept, schema, ()))


def _inlined(node: Any, root: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    match node:
        case {"$ref": str(ref), **beside} if ref.startswith("#/"):
            return {**_inlined(_definition(ref, root, within), root, (*within, ref)), **beside}
        case Mapping():
            return {key: _inlined(value, root, within) for key, value in node.items()}
        case list() | tuple():
            return [_inlined(value, root, within) for value in node]
    return node


def _definition(ref: str, root: Mapping[str, Any], within: tuple[str, ...]) -> Any:
    if ref in within:
        raise UnsupportedParameterError(f"This model takes no schema that refers to itself, as {ref} does.")
    found: Any = root
    for key in ref[2:].split("/"):
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise UnsupportedParameterError(f"The schema refers to {ref}, which it does not define.")
    return found
