"""The key of commands that read public information."""

from __future__ import annotations

from ..client.options import resolve_api_key
from ..errors import MissingAPIKeyError


def any_key() -> str:
    """Return the user's key, or a placeholder: the catalog is public."""
    try:
        return resolve_api_key().get_secret_value()
    except MissingAPIKeyError:
        return "none"
