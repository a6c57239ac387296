"""Names that are imported on first access: those of lazy packages, and those of modules that have moved.

Define a package's `__getattr__` outside of `TYPE_CHECKING`: a type checker that sees one accepts any name.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_getattr(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a package.

    Args:
        package: the name of the package.
        modules: for each name, the module below the package that defines it; `.x` is a module next to the package.
    """

    def getattr_lazily(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{modules[name]}", package), name)
        setattr(sys.modules[package], name, value)  # the next access finds it without this function
        return value

    return getattr_lazily


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
