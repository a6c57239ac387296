"""What goes back to the gateway as the gateway wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..conversation import Json


def handed_back(item: Mapping[str, Any]) -> Json:
    """An item of an earlier reply, without its keys that are null: replies have such, requests have none.

    >>> handed_back({"type": "mcp_call", "error": None, "tools": [{"name": "roll", "title": None}]})
    {'type': 'mcp_call', 'tools': [{'name': 'roll'}]}
    """
    return {key: _without_nulls(value) for key, value in item.items() if value is not None}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return handed_back(value)
    return [_without_nulls(item) for item in value if item is not None] if isinstance(value, list) else value
