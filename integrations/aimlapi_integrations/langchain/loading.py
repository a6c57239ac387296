"""Puts `ChatAIMLAPI` on langchain-core's list of the classes that `load(…, allowed_objects="all")` makes.

Core wrote the list by hand, of its partners' classes. Without it `load` takes the class itself:
`load(data, allowed_objects=[ChatAIMLAPI], valid_namespaces=["aimlapi_integrations"])`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ID = ("aimlapi_integrations", "langchain", "ChatAIMLAPI")


def allow() -> bool:
    """Adds the class; whether core now finds it allowed."""
    listed, derived = _tables()
    listed[_ID] = _ID
    derived.clear()
    return _ID in import_module("langchain_core.load.load").Reviver(allowed_objects="all").allowed_class_paths


def disallow() -> None:
    """Takes it out again."""
    listed, derived = _tables()
    if listed.pop(_ID, None):
        derived.clear()


def _tables() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Core's list, and what it has derived from it; stand-ins where it no longer keeps them so."""
    module = import_module("langchain_core.load.load")
    return getattr(module, "ALL_SERIALIZABLE_MAPPINGS", {}), getattr(module, "_default_class_paths_cache", {})
