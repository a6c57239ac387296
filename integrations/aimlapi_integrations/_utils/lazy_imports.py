"""Lazy imports: names of a package whose modules are imported on first access.

Define the package's `__getattr__` outside of `TYPE_CHECKING`: a type checker that sees one accepts any name.
"""

from __future__ import annotations

import sys
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
