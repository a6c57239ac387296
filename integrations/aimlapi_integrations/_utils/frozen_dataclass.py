"""`dataclass(frozen=True)` whose constructor is compiled when the first instance is created.

The standard library compiles the source of six methods for each class: a quarter of what importing this package took.
Here it compiles `__init__`, and when that is first called; the other methods are closures. The classes are dataclasses
in all else: `fields`, `replace`, `asdict`, signatures, pickles and pattern matching work. Type checkers take the
decorator for the standard one. A test compares the two.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from types import FunctionType
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
        methods = {**_construction(cls, fields), **_representation(fields), **_comparison(fields)}
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
    """The default of an argument whose value a `default_factory` creates, in signatures."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


def _construction(cls: type, fields: _Fields) -> _Methods:
    """Return an `__init__` that replaces itself by the standard library's, with the same signature."""
    compile_init = _compile_init  # its own namespace is that of the class's module, where annotations are looked up

    def initialize(self: Any, *args: Any, **kwargs: Any) -> None:
        compiled = compile_init(cls, fields)
        cls.__init__ = compiled  # type: ignore[misc]
        compiled(self, *args, **kwargs)

    namespace = vars(sys.modules[cls.__module__])
    init = FunctionType(initialize.__code__, namespace, closure=initialize.__closure__)
    parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD), *map(_parameter, fields)]
    init.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    init.__annotations__ = {**{field.name: field.type for field in fields}, "return": None}
    return {"__init__": init}


def _compile_init(cls: type, fields: _Fields) -> Callable[..., None]:
    """Let the standard library compile the `__init__` of a class with these fields."""
    namespace: dict[str, Any] = {"__module__": cls.__module__, "__doc__": cls.__doc__, "__annotations__": {}}
    for field in fields:
        namespace["__annotations__"][field.name] = field.type
        namespace[field.name] = dataclasses.field(default=field.default, default_factory=field.default_factory)
    if hasattr(cls, "__post_init__"):
        namespace["__post_init__"] = cls.__post_init__
    same: type = dataclasses.dataclass(frozen=True, repr=False, eq=False)(type(cls.__name__, (), namespace))
    init: Callable[..., None] = vars(same)["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _parameter(field: dataclasses.Field[Any]) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
    return inspect.Parameter(
        field.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=default if field.default_factory is dataclasses.MISSING else _FACTORY,
        annotation=field.type,
    )


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
