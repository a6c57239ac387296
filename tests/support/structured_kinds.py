"""Classes for structured answers, of every kind that pydantic has."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, Literal, TypeVar, Union
from uuid import UUID

from pydantic import BaseModel, ConfigDict, RootModel

T = TypeVar("T")


class Color(Enum):
    RED = "red"


class Stop(BaseModel):
    model_config = ConfigDict(strict=True)

    day: date


class Trip(BaseModel):
    """A journey."""

    model_config = ConfigDict(strict=True)

    id: UUID
    start: date
    length: timedelta
    color: Color
    place: tuple[float, float]
    price: Decimal
    tags: set[str]
    note: bytes
    stops: list[Stop]


TRIP: dict[str, Any] = {
    "id": "12345678-1234-5678-1234-567812345678",
    "start": "2026-01-02",
    "length": "P2D",
    "color": "red",
    "place": [38.7, -9.1],
    "price": "10.50",
    "tags": ["sea"],
    "note": "hi",
    "stops": [{"day": "2026-01-03"}],
}


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: int


class Tree(BaseModel):
    """A tree."""

    name: str
    children: list[Tree] = []


class Box(BaseModel, Generic[T]):
    held: T


class Names(RootModel[list[str]]):
    """Names."""


class Pet(RootModel[Union[Cat, Dog]]):  # noqa: UP007  # as users write it
    pass


class Count(RootModel[int]):
    pass


class Ages(RootModel[dict[str, int]]):
    pass


class Forest(RootModel[list[Tree]]):
    pass
