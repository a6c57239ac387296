"""Pydantic models: descriptions of inherited fields, readable signatures, and models made without validation."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

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


Model = TypeVar("Model", bound=BaseModel)

# Assign what pydantic keeps beside the fields: `object.__setattr__` would look each name up again.
_set_fields_set, _set_extra, _set_private = (
    vars(BaseModel)[name].__set__ for name in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


class ModelTemplate(Generic[Model]):
    """Creates models that equal a validated one, but for some fields.

    Validation in Python is most of what a message of a stream costs. pydantic's `model_construct` costs even more,
    because it looks at each field in Python. This does what `BaseModel.__copy__` does.

    Args:
        model: a validated model without private attributes. Each new model has its own copies of its dicts and lists,
            one level deep.
        names: the fields that `create` sets.

    Raises:
        TypeError: the model has private attributes.

    Examples:
        >>> class Point(BaseModel):
        ...     x: int
        ...     names: list[str] = []
        >>> template = ModelTemplate(Point(x=0), "x")
        >>> template.create(x=1)
        Point(x=1, names=[])
    """

    __slots__ = ("_class", "_copies", "_extra", "_fields", "_fields_set")

    def __init__(self, model: Model, *names: str) -> None:
        if model.__pydantic_private__:
            raise TypeError(f"{type(model).__name__} has private attributes, which a template doesn't copy.")
        self._class = type(model)
        self._fields: dict[str, Any] = dict(model.__dict__)
        self._copies = [
            (name, value.copy)
            for name, value in self._fields.items()
            if isinstance(value, dict | list) and name not in names
        ]
        self._fields_set = model.__pydantic_fields_set__
        self._extra = model.__pydantic_extra__

    def create(self, **values: Any) -> Model:
        """Create a model with these values, all of `names`, which must be valid."""
        model = object.__new__(self._class)
        fields = model.__dict__
        fields.update(self._fields)
        fields.update(values)
        for name, copy in self._copies:
            fields[name] = copy()
        _set_fields_set(model, self._fields_set.copy())
        _set_extra(model, None if self._extra is None else self._extra.copy())
        _set_private(model, None)
        return model
