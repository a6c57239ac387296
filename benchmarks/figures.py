"""What was measured, and how figures compare: heat by heat, by those that were taken right after one another."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import NamedTuple

Figures = Mapping[str, float]


class Key(NamedTuple):
    """What a figure is of."""

    scenario: str
    endpoint: str
    subject: str


Results = Mapping[Key, Mapping[int, Figures]]
"""The figures by the number of the heat that they were taken in."""


def median(results: Results, key: Key, unit: str) -> float | None:
    """The figure in the middle of those of all heats."""
    found = [figures[unit] for figures in results.get(key, {}).values() if unit in figures]
    return statistics.median(found) if found else None


def medians(results: Results, key: Key) -> dict[str, float]:
    """All figures of a kind, in all their units."""
    units = dict.fromkeys(unit for figures in results[key].values() for unit in figures)
    return {unit: value for unit in units if (value := median(results, key, unit)) is not None}


def ratio(results: Results, key: Key, other: Key, unit: str) -> float | None:
    """How many times the other's figure one is: the median of the ratios of the heats, for a machine drifts."""
    ours, theirs = results.get(key, {}), results.get(other, {})
    both = [(ours[number].get(unit), theirs[number].get(unit)) for number in ours.keys() & theirs.keys()]
    found = [one / than for one, than in both if one is not None and than]
    return statistics.median(found) if found else None
