"""Sums of the usage and cost of several responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ...types import Cost, Json, Usage


def sum_usages(usages: Iterable[Usage | None]) -> Usage | None:
    """Add up token counts; None if there are none."""
    known = [usage for usage in usages if usage]
    if len(known) < 2:
        return known[0] if known else None
    return Usage(
        input=sum(usage.input for usage in known),
        output=sum(usage.output for usage in known),
        total=sum(usage.total for usage in known),
        input_details=_sum_counts(usage.input_details for usage in known),
        output_details=_sum_counts(usage.output_details for usage in known),
        raw=_sum_raw([usage.raw for usage in known]),
    )


def sum_costs(costs: Sequence[Cost | None]) -> Cost | None:
    """Add up prices; None if any is unknown, since the sum would be too low."""
    priced = [cost for cost in costs if cost]
    if not priced or len(priced) < len(costs):
        return None
    credit_counts = [cost.credits for cost in priced if cost.credits is not None]
    usd = sum((Decimal(cost.usd) for cost in priced), Decimal(0))
    return Cost(f"{usd:.9f}", sum(credit_counts) if len(credit_counts) == len(priced) else None)


def split_cost(cost: Cost | None, count: int) -> list[Cost | None]:
    """Split a price into equal shares whose sum is the price; the first shares have what doesn't divide.

    >>> split_cost(Cost("0.000000010", 5), 3)[:2]
    [Cost(usd='0.000000004', credits=2), Cost(usd='0.000000003', credits=2)]
    """
    if cost is None:
        return [None] * count
    nano_usd = _shares(int(Decimal(cost.usd).scaleb(9)), count)
    credits_used = [None] * count if cost.credits is None else _shares(cost.credits, count)
    return [Cost(f"{Decimal(usd).scaleb(-9):.9f}", used) for usd, used in zip(nano_usd, credits_used, strict=True)]


def _shares(total: int, count: int) -> list[int]:
    return [total // count + (place < total % count) for place in range(count)]


def _sum_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _sum_raw(usages: Sequence[Mapping[str, Any]]) -> Json:
    """Add up the counts as the responses name them. Anything that is no count is the last response's."""
    total: Json = {}
    for usage in usages:
        for name, value in usage.items():
            is_count = isinstance(value, int) and not isinstance(value, bool)
            total[name] = value + total.get(name, 0) if is_count else value
    return total
