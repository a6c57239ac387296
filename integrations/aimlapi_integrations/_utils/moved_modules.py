"""Old import paths, which stay for one minor version and warn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def moved_getattr(old: str, new: str, renamed: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module that has moved.

    Args:
        old: its old name.
        new: the name of the module that has its contents now.
        renamed: new names of its contents, by old names.
    """

    def getattr_from_new(name: str) -> Any:
        value = getattr(import_module(new), (renamed or {}).get(name, name))
        warnings.warn(
            f"{old} has moved to {new}: import {name} from there. The old path goes away in the next minor version.",
            DeprecationWarning,
            stacklevel=2,
        )
        return value

    return getattr_from_new
