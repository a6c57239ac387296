"""Invariants of every `Reply`."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union, cast, get_args, get_origin

from aimlapi_integrations import types as neutral_types
from aimlapi_integrations.types import Reply


def check_outcome(reply: Reply) -> None:
    """Assert that every value in the reply has its annotated type."""
    assert reply.choices
    _check(reply, Reply, "reply")
    for choice in reply.choices:
        for call in choice.message.tool_calls:
            assert call.id
            assert call.parsed() is None or isinstance(call.parsed(), dict)


def _check(value: Any, kind: Any, where: str) -> None:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        _check(value, _matching_type(value, args, where), where)
    elif origin is Literal:
        assert value in args, f"{where}: {value!r}"
    elif origin is not None:
        _check_items(value, origin, args, where)
    elif kind is not Any:
        assert type(value) is kind, f"{where}: expected {kind}, received {value!r}"
        for name, inner in _fields(cast(type, kind)).items():
            _check(getattr(value, name), inner, f"{where}.{name}")


def _matching_type(value: Any, kinds: tuple[Any, ...], where: str) -> Any:
    """Return the one of several types that the value has."""
    exact = [kind for kind in kinds if type(value) is (get_origin(kind) or kind)]
    matching = exact or [kind for kind in kinds if get_origin(kind)]
    assert matching, f"{where}: expected one of {kinds}, received {value!r}"
    return matching[0]


def _check_items(value: Any, origin: type, args: tuple[Any, ...], where: str) -> None:
    assert isinstance(value, origin), f"{where}: expected {origin}, received {value!r}"
    items: Any = value.items() if isinstance(value, Mapping) else enumerate(value)  # type: ignore[arg-type]  # a tuple
    for key, item in items:
        _check(item, args[1] if isinstance(value, Mapping) else args[0], f"{where}[{key!r}]")


@functools.cache
def _fields(kind: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(kind):
        return {}
    hints = typing.get_type_hints(kind, vars(neutral_types))
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
