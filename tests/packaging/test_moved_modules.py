"""Import paths of the last version: they return the same objects, and warn at the user's line."""

from __future__ import annotations

import importlib
import warnings

import pytest

MOVED = [
    ("conversation", "Message", "types", "Message"),
    ("conversation", "Trail", "types", "CallMetadata"),
    ("options", "CallOptions", "client.options", "CallOptions"),
    ("resources", "Models", "client.resources", "Models"),
    ("resources", "Responses", "client.resources", "Responses"),
]


@pytest.mark.parametrize(("old", "old_name", "new", "new_name"), MOVED)
def test_old_import_path_returns_the_same_object_and_warns(old: str, old_name: str, new: str, new_name: str) -> None:
    module = importlib.import_module(f"aimlapi_integrations.{old}")
    with pytest.warns(DeprecationWarning, match=rf"aimlapi_integrations\.{old} has moved") as caught:
        value = getattr(module, old_name)
    assert value is getattr(importlib.import_module(f"aimlapi_integrations.{new}"), new_name)
    assert caught[0].filename == __file__


def test_from_import_of_an_old_path_warns_at_its_line() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from aimlapi_integrations.conversation import Text  # noqa: F401
    assert [(each.category, each.filename) for each in caught] == [(DeprecationWarning, __file__)]


def test_unknown_name_of_an_old_path_raises_without_a_warning() -> None:
    module = importlib.import_module("aimlapi_integrations.conversation")
    with pytest.raises(AttributeError):
        _ = module.no_such_name
