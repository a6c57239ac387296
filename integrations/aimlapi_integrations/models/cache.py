"""The rows of models that `aimlapi models refresh` has read from the gateway, in the user's cache folder.

They are laid over the shipped table. The file is read at the first lookup, never at import, and nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ENVIRONMENT_VARIABLE = "AIMLAPI_MODELS"
"""`shipped` ignores the file. A path names another file."""

SHIPPED = "shipped"
_FORMAT = 1


class ModelDataWarning(UserWarning):
    """The refreshed rows of models can't be used, so the shipped table is used alone."""


def cache_path() -> Path | None:
    """Return the file of refreshed rows; None if it is turned off, or if platformdirs is not installed."""
    setting = os.environ.get(ENVIRONMENT_VARIABLE)
    if setting == SHIPPED:
        return None
    if setting:
        return Path(setting).expanduser()
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return None
    return user_cache_path("aimlapi-integrations", appauthor=False) / "models.json"


def read_rows(shipped_date: str) -> Mapping[str, Any]:
    """Return the refreshed part of the table; nothing if there is none, or if the shipped table is newer.

    A file that can't be read is ignored with a `ModelDataWarning`.
    """
    path = cache_path()
    if path is None:
        return {}
    try:
        table = _parse(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warnings.warn(
            f"{path} can't be read ({error}), so the models are those of the shipped table. "
            "Run `aimlapi models refresh` to write it again, or delete it.",
            ModelDataWarning,
            stacklevel=2,
        )
        return {}
    return table if table["about"]["date"] >= shipped_date else {}


def _parse(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
        table: Mapping[str, Any] = document["table"]
        intact = document["format"] == _FORMAT and document["sha256"] == _digest(table)
    except (KeyError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise ValueError("it is damaged, or of another version")
    return table


def write_rows(path: Path, table: Mapping[str, Any]) -> None:
    """Write the refreshed part of the table. The file is replaced as a whole, so a failure leaves the old one."""
    document = {"format": _FORMAT, "sha256": _digest(table), "table": table}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _digest(table: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
