"""Rows of a table, each combined with some of many ways to call instead of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any


def combine(
    rows: Iterable[Any], ways: Sequence[Any], *, parts: int = 4, part_of: Callable[[Any], int] | None = None
) -> list[tuple[Any, ...]]:
    """Combine each row with a part of the ways, and the next row with the next part.

    For what one place handles for all ways. As many rows as there are parts have all ways.

    Args:
        rows: of one value or, as tuples, of several.
        ways: one value each.
        parts: how many. As many as there are ways combine each row with one way.
        part_of: the part that a way is in. By default the ways take turns, and begin one later after each turn.
    """
    tuples = [row if isinstance(row, tuple) else (row,) for row in rows]
    numbered = [(part_of(way) if part_of else place + place // parts, way) for place, way in enumerate(ways)]
    return [(*row, way) for number, row in enumerate(tuples) for part, way in numbered if (part - number) % parts == 0]
