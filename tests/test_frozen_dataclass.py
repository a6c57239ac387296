"""The decorator of this package's frozen classes does what the standard library's does."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import typing
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

import pytest

from aimlapi_integrations._utils.frozen_dataclass import dataclass


class Standard:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Point:
        """A point."""

        x: int
        y: int = 2
        labels: Mapping[str, Any] = field(default_factory=dict, hash=False)
        note: str | None = field(default=None, repr=False, compare=False)


class Ours:
    @dataclass(frozen=True, slots=True)
    class Point:
        """A point."""

        x: int
        y: int = 2
        labels: Mapping[str, Any] = field(default_factory=dict, hash=False)
        note: str | None = field(default=None, repr=False, compare=False)


INITIAL = vars(Ours.Point)["__init__"]


def outcome(function: Callable[[], Any]) -> Any:
    """Return what the function returns or raises, without the name of the class around `Point`."""
    try:
        result = function()
    except Exception as error:  # noqa: BLE001  # whatever it is, both have to raise it
        result = type(error), str(error)
    return str(result).replace("Standard.", "").replace("Ours.", "").replace("<locals>.", "")


@pytest.mark.parametrize(
    "use",
    [
        lambda point: point(1),
        lambda point: point(1, 3, {"a": 1}, "n"),
        lambda point: point(1, labels={}).labels,
        lambda point: point(1).labels is point(1).labels,
        lambda point: (point(1) == point(1, note="n"), point(1) == point(2), point(1) == 1, point(1) != point(1)),
        lambda point: hash(point(1)) == hash(point(1, 2, {"a": 1}, "n")),
        lambda point: {point(1): 1}[point(1)],
        lambda point: (point.__match_args__, point.__slots__, point.__name__, point.__qualname__, point.__doc__),
        lambda point: inspect.signature(point),
        lambda point: typing.get_type_hints(point.__init__),
        lambda point: point.__init__.__qualname__,
        lambda point: dataclasses.replace(point(1), y=5),
        lambda point: dataclasses.asdict(point(1)),
        lambda point: dataclasses.fields(point(1)),
        lambda point: pickle.loads(pickle.dumps(point(1, labels={"a": 1}))),
        lambda point: copy.deepcopy(point(1, labels={"a": [1]})).labels,
        lambda point: copy.copy(point(1, note="n")).note,
        lambda point: setattr(point(1), "x", 2),
        lambda point: delattr(point(1), "x"),
        lambda point: point(1).__getstate__(),
        lambda point: point(z=1),
        lambda point: dataclasses.dataclass(frozen=True)(type("Sub", (point,), {"__annotations__": {"z": "int"}}))(1),
        lambda point: dataclasses.dataclass(type("Sub", (point,), {})),
        lambda point: setattr(type("Sub", (point,), {})(1), "x", 2),
        lambda point: type("Sub", (point,), {})(1) == point(1),
    ],
)
def test_frozen_class_behaves_as_one_of_the_standard_library(use: Callable[[Any], Any]) -> None:
    expected = outcome(lambda: use(Standard.Point))
    setattr(Ours.Point, "__init__", INITIAL)  # noqa: B010  # as if no instance had been created
    assert outcome(lambda: use(Ours.Point)) == expected
    Ours.Point(1)
    assert outcome(lambda: use(Ours.Point)) == expected


def test_subclass_may_have_attributes_of_its_own() -> None:
    point: Any = type("Sub", (Ours.Point,), {})(1)
    point.mark = 1
    del point.mark
    assert not vars(point)


def test_methods_of_the_class_itself_are_kept() -> None:
    @dataclass(frozen=True)
    class Named:
        """A name."""

        name: str

        def __post_init__(self) -> None:
            if not self.name:
                raise ValueError("empty")

        def __repr__(self) -> str:
            return self.name

    assert repr(Named("a")) == "a"
    assert vars(Named("a")) == {"name": "a"}
    with pytest.raises(ValueError, match="empty"):
        Named("")
