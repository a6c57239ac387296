"""Token counts and prices of several calls as those of one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ...types import Cost, Usage


def sum_usage(usages: Sequence[Usage | None]) -> Usage | None:
    """Add up token counts, without their details. None if none is known."""
    known = [usage for usage in usages if usage]
    if not known:
        return None
    return Usage(*(sum(getattr(usage, name) for usage in known) for name in ("input", "output", "total")))


def sum_cost(prices: Sequence[Cost | None]) -> Cost | None:
    """Add up prices. None if any is not known, since the sum would be too low.

    >>> sum_cost([Cost("0.000001000", 2), Cost("0.000002000")])
    Cost(usd='0.000003000', credits=None)
    """
    known = [price for price in prices if price]
    if not known or len(known) < len(prices):
        return None
    used = [price.credits for price in known if price.credits is not None]
    usd = sum((Decimal(price.usd) for price in known), Decimal(0))
    return Cost(f"{usd:.9f}", sum(used) if len(used) == len(known) else None)


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
