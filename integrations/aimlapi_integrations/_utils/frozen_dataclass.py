"""`dataclass(frozen=True)` in a third of the time: creating these classes was a quarter of this package's import.

The standard library compiles the source of six methods for each class. Here only `__init__` is compiled, the others are
closures. The classes are dataclasses in all else: `fields`, `replace`, `asdict`, pickles and pattern matching work.
Type checkers take the decorator for the standard one. A test compares the two.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

_Fields = tuple[dataclasses.Field[Any], ...]
_Methods = dict[str, Callable[..., Any]]


def frozen_dataclass(*, frozen: bool, slots: bool = False) -> Callable[[type], type]:
    """Return the decorator. `frozen` is for type checkers, and must be True.

    Fields may have a `default` or `default_factory`, `repr`, `compare` and `hash`. A method that the class defines is
    kept.
    """
    if not frozen:
        raise TypeError("Use the dataclass of the standard library for a class that isn't frozen.")

    def decorate(cls: type) -> type:
        cls = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)  # collects the fields
        for parameter in ("init", "repr", "eq", "frozen"):
            setattr(cls.__dataclass_params__, parameter, True)  # type: ignore[attr-defined]
        fields = dataclasses.fields(cls)
        names = tuple(field.name for field in fields)
        methods = {"__init__": _create_init(cls, fields), **_representation(fields), **_comparison(fields)}
        methods |= {**_guards(cls, names), **(_pickling(names) if slots else {})}
        for name, method in methods.items():
            if name not in vars(cls):
                method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
                setattr(cls, name, method)
        return cls

    return decorate


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = frozen_dataclass


class _Factory:
    """The default of an argument whose value a `default_factory` creates."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


def _create_init(cls: type, fields: _Fields) -> Callable[..., None]:
    """Compile `__init__` in the namespace of the class's module, where `get_type_hints` looks annotations up."""
    values: dict[str, Any] = {"_set": object.__setattr__, "_FACTORY": _FACTORY}
    parameters, lines = ["self"], list[str]()
    for field in fields:
        parameter = value = field.name
        if field.default_factory is not dataclasses.MISSING:
            values[f"_default_{field.name}"] = field.default_factory
            parameter = f"{field.name}=_FACTORY"
            value = f"_default_{field.name}() if {field.name} is _FACTORY else {field.name}"
        elif field.default is not dataclasses.MISSING:
            values[f"_default_{field.name}"] = field.default
            parameter = f"{field.name}=_default_{field.name}"
        parameters.append(parameter)
        lines.append(f"_set(self, {field.name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    body = "\n  ".join(lines)
    source = f"def create({', '.join(values)}):\n def init({', '.join(parameters)}):\n  {body}\n return init"
    namespace: dict[str, Any] = {}
    exec(source, vars(sys.modules[cls.__module__]), namespace)
    init: Callable[..., None] = namespace["create"](**values)
    init.__annotations__ = {**{field.name: field.type for field in fields}, "return": None}
    return init


def _representation(fields: _Fields) -> _Methods:
    names = [field.name for field in fields if field.repr]

    @recursive_repr()
    def represent(self: Any) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({values})"

    return {"__repr__": represent}


def _comparison(fields: _Fields) -> _Methods:
    compared = _values_getter([field.name for field in fields if field.compare])
    hashed = _values_getter([field.name for field in fields if (field.compare if field.hash is None else field.hash)])

    def equals(self: Any, other: object) -> Any:
        return compared(self) == compared(other) if type(other) is type(self) else NotImplemented

    def compute_hash(self: Any) -> int:
        return hash(hashed(self))

    return {"__eq__": equals, "__hash__": compute_hash}


def _values_getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _guards(cls: type, names: tuple[str, ...]) -> _Methods:
    """Return what refuses to change fields. A subclass may have other attributes."""

    def assign(self: Any, name: str, value: object) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        object.__setattr__(self, name, value)

    def delete(self: Any, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        object.__delattr__(self, name)

    return {"__setattr__": assign, "__delattr__": delete}


def _pickling(names: tuple[str, ...]) -> _Methods:
    """Return what pickles and copies need, because they couldn't assign the slots of a frozen object."""

    def get_state(self: Any) -> list[Any]:
        return [getattr(self, name) for name in names]

    def set_state(self: Any, state: list[Any]) -> None:
        for name, value in zip(names, state, strict=True):
            object.__setattr__(self, name, value)

    return {"__getstate__": get_state, "__setstate__": set_state}
