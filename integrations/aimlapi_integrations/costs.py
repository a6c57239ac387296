"""What calls cost: exact sums per model, limits that stop the next call, and an estimate before the first.

>>> ledger = Ledger(max_cost_usd="0.50")
>>> ledger.add("openai/gpt-5-mini-2025-08-07", Usage(9, 30, 39), Cost("0.000062250", 125))
>>> ledger.total.usd
Decimal('0.000062250')
>>> ledger.check()                      # would raise BudgetExceededError once half a dollar is spent
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Literal, Protocol

from .errors import BudgetExceededError
from .types import Cost, Usage

_LOCK = threading.Lock()  # one for all ledgers, so that a ledger pickles and copies like plain data


@dataclass(frozen=True, slots=True)
class Spending:
    """What a number of calls used. `unpriced` counts those whose reply named no price: `usd` leaves them out."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0
    credits: int = 0
    usd: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Spending) -> Spending:
        return Spending(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def of(cls, usage: Usage | None, cost: Cost | None) -> Spending:
        """One call."""
        usage = usage or Usage()
        return cls(
            calls=1,
            input_tokens=usage.input,
            cached_tokens=usage.input_details.get("cache_read", 0),
            output_tokens=usage.output,
            reasoning_tokens=usage.output_details.get("reasoning", 0),
            total_tokens=usage.total,
            credits=(cost and cost.credits) or 0,
            usd=Decimal(cost.usd) if cost else Decimal(0),
            unpriced=0 if cost else 1,
        )

    def __str__(self) -> str:
        unpriced = f", {self.unpriced} of them without a price" if self.unpriced else ""
        details = f"in {self.input_tokens:,}, out {self.output_tokens:,}"
        return f"${self.usd:f} for {self.total_tokens:,} tokens ({details}) in {_counted(self.calls)}{unpriced}"


class Priced(Protocol):
    """What an answer says of its cost, whichever endpoint it is from."""

    @property
    def model(self) -> str: ...

    @property
    def usage(self) -> Usage | None: ...

    @property
    def cost(self) -> Cost | None: ...


def _limit(dollars: Decimal | float | str) -> Decimal:
    try:
        limit = Decimal(str(dollars))
    except ArithmeticError:
        limit = Decimal("nan")
    if limit.is_nan():
        raise ValueError(f"max_cost_usd: expected dollars, received {dollars!r}.")
    return limit


class Ledger:
    """Sums of what calls cost, per model. Threads may share one; so may frameworks.

    Args:
        max_cost_usd: dollars; once they are spent, `check` raises. A string or Decimal is taken exactly.
        max_tokens_total: tokens, in and out; likewise.
    """

    def __init__(self, max_cost_usd: Decimal | float | str | None = None, max_tokens_total: int | None = None) -> None:
        self.max_cost_usd = None if max_cost_usd is None else _limit(max_cost_usd)
        self.max_tokens_total = max_tokens_total
        self._models: dict[str, Spending] = {}
        self._batches: set[str] = set()

    def add(self, model: str, usage: Usage | None = None, cost: Cost | None = None) -> None:
        """Enters one call."""
        spent = Spending.of(usage, cost)
        with _LOCK:
            self._models[model] = self._models.get(model, Spending()) + spent

    def add_batch(self, batch_id: str, replies: Iterable[Priced]) -> None:
        """Enters the replies of a batch, unless they have been entered: fetching them again costs nothing."""
        with _LOCK:
            entered = batch_id in self._batches
            self._batches.add(batch_id)
        for reply in () if entered else replies:
            self.add(reply.model, reply.usage, reply.cost)

    def check(self) -> None:
        """To be called before a call.

        Raises:
            BudgetExceededError: a limit is reached. Calls already on their way are not stopped, so that many at once
                can end somewhat above it.
        """
        spent, usd, tokens = self.total, self.max_cost_usd, self.max_tokens_total
        if usd is not None and spent.usd >= usd:
            raise BudgetExceededError(f"The budget of ${usd:f} is used up: {spent}. No further call was made.")
        if tokens is not None and spent.total_tokens >= tokens:
            raise BudgetExceededError(f"The budget of {tokens:,} tokens is used up: {spent}. No further call was made.")

    @property
    def by_model(self) -> dict[str, Spending]:
        """The sums of each model, by the name that its replies give."""
        with _LOCK:
            return dict(self._models)

    @property
    def total(self) -> Spending:
        """The sum over all models."""
        return sum(self.by_model.values(), Spending())

    def reset(self) -> None:
        """Forgets everything but the limits."""
        with _LOCK:
            self._models.clear()
            self._batches.clear()

    def __str__(self) -> str:
        rows = [f"{model}: {spent}" for model, spent in self.by_model.items()]
        return "\n".join([*rows, f"total: {self.total}"] if len(rows) != 1 else rows)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.total}>"

    def __rich__(self) -> Any:  # a rich.table.Table: rich is an extra, and type hints have to resolve without it
        from rich import box
        from rich.table import Table

        table = Table(title="AI/ML API costs", box=box.SIMPLE, padding=0, show_edge=False)
        table.add_column("model", overflow="fold", min_width=16)
        for heading in _COLUMNS:
            table.add_column(heading, justify="right", no_wrap=True)
        for model, spent in self.by_model.items():
            table.add_row(model, *_row(spent))
        table.add_section()
        table.add_row("total", *_row(self.total), style="bold")
        return table


_COLUMNS = ("calls", "input", "cached", "output", "reasoning", "USD")


def _row(spent: Spending) -> list[str]:
    counts = [getattr(spent, f.name) for f in fields(spent)[:5]]
    return [*(f"{count:,}" for count in counts), f"{spent.usd:f}" + (" +?" if spent.unpriced else "")]


def _counted(calls: int) -> str:
    return "1 call" if calls == 1 else f"{calls:,} calls"


# --- a ledger for all calls of a block ------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class _Block:
    """A `track_costs` block."""

    ledger: Ledger
    ended: bool = False


_open: ContextVar[tuple[_Block, ...]] = ContextVar("aimlapi_ledgers", default=())


@contextmanager
def track_costs(
    max_cost_usd: Decimal | float | str | None = None, max_tokens_total: int | None = None
) -> Iterator[Ledger]:
    """A ledger of every call that is made inside the block, by whatever client, model or agent, embeddings included.

    It goes where context variables go: into tasks and coroutines, not into threads that are started by hand. Blocks
    nest: each counts, and each can stop. One inside a generator ends with it, whoever closes the generator.

    Args:
        max_cost_usd: see `Ledger`.
        max_tokens_total: see `Ledger`.

    Examples:
        >>> with track_costs(max_cost_usd=0.10) as costs:
        ...     pass  # client.chat("…")
        >>> print(costs)
        total: $0 for 0 tokens (in 0, out 0) in 0 calls
    """
    block = _Block(Ledger(max_cost_usd, max_tokens_total))
    token = _open.set((*_open.get(), block))
    try:
        yield block.ledger
    finally:
        _end(block, token)


def _end(block: _Block, token: Token[tuple[_Block, ...]]) -> None:
    """Take the block out of the context, whether or not others have begun in it since.

    A generator may be closed in another context than it ran in, where the block stays behind: it is marked as ended.
    """
    remaining = tuple(each for each in _open.get() if each is not block)
    try:
        _open.reset(token)
    except ValueError:
        block.ended = True
    _open.set(remaining)


def _ledgers() -> list[Ledger]:
    return [block.ledger for block in _open.get() if not block.ended]


def check_budgets() -> None:
    """What a client does before it sends. BudgetExceededError where a limit of a `track_costs` around it is reached."""
    for ledger in _ledgers():
        ledger.check()


def record(answer: Priced) -> None:
    """What a client does with a whole answer."""
    for ledger in _ledgers():
        ledger.add(answer.model, answer.usage, answer.cost)


def record_batch(batch_id: str, replies: Iterable[Priced]) -> None:
    """What a client does with the replies of a batch. A ledger counts each batch once, however often it is fetched."""
    answers = list(replies)
    for ledger in _ledgers():
        ledger.add_batch(batch_id, answers)


# --- before a call --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call may cost, by an approximate count of tokens. The dollars are None where the price is not known.

    `usd` is the price of the input with no answer, `max_usd` with the longest that was allowed for.
    """

    input_tokens: int
    max_output_tokens: int | None
    usd: Decimal | None
    max_usd: Decimal | None
    approximate: Literal[True] = True

    def __str__(self) -> str:
        counted = f"about {self.input_tokens:,} tokens in"
        if self.usd is None:
            return f"{counted}; no price is known here: from_catalogue looks it up"
        most = "" if self.max_usd is None else f", at most ${self.max_usd:f} with the longest answer"
        return f"{counted}: ${self.usd:f}{most}"


def estimate(input_tokens: int, max_output_tokens: int | None, prices: Mapping[str, float]) -> Estimate:
    """The price of a call that has not been made.

    Args:
        input_tokens: as `tokens.estimate_tokens` counts them.
        max_output_tokens: the longest answer; None where nothing limits it.
        prices: dollars per token by the unit's name, as `models.Model.prices` has them. Of these, the first that is
            named after the input (`input…`, `prompt…`) and the first after the output (`output…`, `completion…`).

    Examples:
        >>> estimate(1000, 500, {"input_tokens": 2.5e-07, "output_tokens": 2e-06}).max_usd
        Decimal('0.00125000')
    """
    price_in, price_out = token_price(prices, "input"), token_price(prices, "output")
    usd = None if price_in is None else input_tokens * price_in
    if usd is None or price_out is None or max_output_tokens is None:
        return Estimate(input_tokens, max_output_tokens, usd, None)
    return Estimate(input_tokens, max_output_tokens, usd, usd + max_output_tokens * price_out)


BATCH_DISCOUNT = Decimal("0.5")
"""The part of the usual price that a request of a batch costs."""


def batch_cost(usage: Usage | None, prices: Mapping[str, float]) -> Cost | None:
    """The price of a reply in a batch that names none: half of what its tokens cost elsewhere.

    Args:
        usage: its token counts.
        prices: dollars per token by the unit's name. Those of the prompt cache are `cache_read` and `cache_creation`.

    Returns:
        None if the price of any of the tokens is not known.

    >>> batch_cost(Usage(1000, 500, 1500), {"input": 3e-06, "output": 1.5e-05})
    Cost(usd='0.005250000', credits=None)
    """
    if usage is None:
        return None
    cached = {kind: usage.input_details.get(kind, 0) for kind in ("cache_read", "cache_creation")}
    counts = {"input": usage.input - sum(cached.values()), "output": usage.output, **cached}
    usd = Decimal(0)
    for kind, count in counts.items():
        price = _price_of(kind, prices) if count else Decimal(0)
        if price is None:
            return None
        usd += count * price
    return Cost(f"{usd * BATCH_DISCOUNT:.9f}")


def _price_of(kind: str, prices: Mapping[str, float]) -> Decimal | None:
    if kind == "input":
        return token_price(prices, "input")
    if kind == "output":
        return token_price(prices, "output")
    return Decimal(str(prices[kind])) if kind in prices else None


_UNITS = {"input": ("input", "prompt"), "output": ("output", "completion")}


def token_price(prices: Mapping[str, float], kind: Literal["input", "output"]) -> Decimal | None:
    """Dollars for one token of the kind, out of prices by unit; None where it has none."""
    plain = (price for unit, price in prices.items() if unit.startswith(_UNITS[kind]) and "cache" not in unit)
    return next((Decimal(str(price)) for price in plain), None)
