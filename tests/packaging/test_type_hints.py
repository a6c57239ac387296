"""Type hints resolve at run time: `with_fallbacks(...).bind_tools`, validators and CLI libraries need them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest

import aimlapi_integrations

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(aimlapi_integrations.__path__, "aimlapi_integrations.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", ["aimlapi_integrations", *MODULES])
def test_type_hints_of_everything_public_resolve(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as missing:
        pytest.skip(f"needs an extra that is not installed: {missing}")
    exported = [getattr(module, each) for each in getattr(module, "__all__", ())]
    defined = [each for each in vars(module).values() if getattr(each, "__module__", "") == name]
    annotated = dict(public_annotated([*exported, *defined]))
    problems = {label: problem for label, value in annotated.items() if (problem := problem_with_hints(value))}
    assert not problems


def problem_with_hints(annotated: Any) -> str | None:
    try:
        typing.get_type_hints(annotated)
    except NameError as error:
        return str(error)
    return None


def public_annotated(values: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield public functions and classes among `values`, and the methods that this package defines in them."""
    for value in values:
        name = getattr(value, "__name__", "_")
        if inspect.isfunction(value) and not name.startswith("_"):
            yield name, value
        elif inspect.isclass(value) and not name.startswith("_"):
            yield name, value
            for attribute, function in public_methods(value):
                yield f"{name}.{attribute}", function


def public_methods(owner: type) -> Iterator[tuple[str, Any]]:
    for attribute in dir(owner):
        if attribute.startswith("_") and attribute not in ("__init__", "__call__"):
            continue
        member = inspect.getattr_static(owner, attribute)
        match member:
            case property():
                member = member.fget
            case cached_property():
                member = member.func
            case classmethod() | staticmethod():
                member = member.__func__
        if inspect.isfunction(member) and member.__module__.startswith("aimlapi"):
            yield attribute, member


def test_public_methods_include_those_of_chat_models() -> None:
    from aimlapi_integrations.langchain import ChatAIMLAPI

    methods = dict(public_methods(ChatAIMLAPI))
    assert {"bind_tools", "with_structured_output", "estimate_cost", "from_catalogue", "aclose"} <= methods.keys()
