"""Figures, their medians, and their ratios."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import NamedTuple

Figures = Mapping[str, float]


class Key(NamedTuple):
    """What was measured."""

    scenario: str
    endpoint: str
    subject: str


Results = Mapping[Key, Mapping[int, Figures]]
"""The figures of each key by the number of the turn."""


def median(results: Results, key: Key, unit: str) -> float | None:
    """Return the median of all turns; None if nothing was measured."""
    values = [figures[unit] for figures in results.get(key, {}).values() if unit in figures]
    return statistics.median(values) if values else None


def medians(results: Results, key: Key) -> dict[str, float]:
    """Return the median of each unit."""
    units = dict.fromkeys(unit for figures in results[key].values() for unit in figures)
    return {unit: value for unit in units if (value := median(results, key, unit)) is not None}


def ratio(results: Results, key: Key, other: Key, unit: str) -> float | None:
    """Return a figure as a multiple of another: the median of the ratios of the turns, because machines drift."""
    values, others = results.get(key, {}), results.get(other, {})
    pairs = [(values[number].get(unit), others[number].get(unit)) for number in values.keys() & others.keys()]
    ratios = [value / base for value, base in pairs if value is not None and base]
    return statistics.median(ratios) if ratios else None
