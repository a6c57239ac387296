"""Sums of the token counts and costs of several requests."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ...types import Cost, Usage


def sum_usage(usages: Sequence[Usage | None]) -> Usage | None:
    """Add up token counts, without their details. None if all are None."""
    known = [usage for usage in usages if usage]
    if not known:
        return None
    return Usage(*(sum(getattr(usage, name) for usage in known) for name in ("input", "output", "total")))


def sum_cost(costs: Sequence[Cost | None]) -> Cost | None:
    """Add up costs. None if any is None, because the sum would be too low.

    >>> sum_cost([Cost("0.000001000", 2), Cost("0.000002000")])
    Cost(usd='0.000003000', credits=None)
    """
    known = [price for price in costs if price]
    if not known or len(known) < len(costs):
        return None
    used = [price.credits for price in known if price.credits is not None]
    usd = sum((Decimal(price.usd) for price in known), Decimal(0))
    return Cost(f"{usd:.9f}", sum(used) if len(used) == len(known) else None)
