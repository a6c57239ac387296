"""Pydantic models: descriptions of inherited fields, and a signature that a person can read."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def describe_inherited(cls: type[BaseModel], descriptions: Mapping[str, str]) -> None:
    """Describe the fields of `cls` that a framework's base class leaves without a description."""
    for name, text in descriptions.items():
        cls.model_fields[name].description = text


_FIRST = (
    "model",
    "model_name",
    "api_key",
    "aimlapi_api_key",
    "api_base",
    "aimlapi_api_base",
    "temperature",
    "max_tokens",
)


class ShortSignature:
    """The `__signature__` of a model class: its arguments and defaults without types, the most used ones first.

    `help()`, notebooks and editors that run the code show it. Pydantic's fills a screen with the types of frameworks.
    """

    def __get__(self, instance: object, owner: type[BaseModel]) -> inspect.Signature:
        fields = sorted(owner.model_fields.items(), key=lambda item: _rank(item[0], owner))
        return inspect.Signature([_parameter(field.alias or name, field) for name, field in fields])


def _rank(name: str, owner: type[BaseModel]) -> int:
    """Return how far to the right a field belongs: the most used ones first, and the fields of frameworks last."""
    if name in _FIRST:
        return _FIRST.index(name)
    package = __name__.partition(".")[0]
    ours = (cls for cls in owner.__mro__ if not cls.__module__.startswith(package))
    inherited = any(name in vars(cls).get("__annotations__", {}) for cls in ours)
    return len(_FIRST) + inherited


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    default = field.default if field.default_factory is None else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
