"""Costs of calls: exact sums per model, budgets that stop the next call, and estimates.

>>> ledger = Ledger(max_cost_usd="0.50")
>>> ledger.add("openai/gpt-5-mini-2025-08-07", Usage(9, 30, 39), Cost("0.000062250", 125))
>>> ledger.total.usd
Decimal('0.000062250')
>>> ledger.check()                      # raises BudgetExceededError once half a dollar is spent
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias

from ._utils.concurrency import Enter, hand_on_to_threads
from .errors import BudgetExceededError
from .types import Cost, Usage

_LOCK = threading.Lock()  # one for all ledgers, so that a ledger can be pickled and copied


@dataclass(frozen=True, slots=True)
class Spending:
    """Tokens and cost of a number of calls. `unpriced` counts the calls without a price, which `usd` leaves out."""

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
        """Return the spending of one call."""
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
        return f"${self.usd:f} for {self.total_tokens:,} tokens ({details}) in {_count_calls(self.calls)}{unpriced}"


class Priced(Protocol):
    """A response with a cost, from any endpoint."""

    @property
    def model(self) -> str: ...

    @property
    def usage(self) -> Usage | None: ...

    @property
    def cost(self) -> Cost | None: ...


def _parse_dollars(dollars: Decimal | float | str) -> Decimal:
    try:
        limit = Decimal(str(dollars))
    except ArithmeticError:
        limit = Decimal("nan")
    if limit.is_nan() or limit < 0:
        raise ValueError(f"max_cost_usd: expected dollars, received {dollars!r}.")
    return limit


class Ledger:
    """Sums of the cost of calls, per model. Threads and frameworks can share one.

    Args:
        max_cost_usd: dollars, after which `check` raises. A string or Decimal is taken exactly.
        max_tokens_total: input and output tokens, after which `check` raises.
    """

    def __init__(self, max_cost_usd: Decimal | float | str | None = None, max_tokens_total: int | None = None) -> None:
        self.max_cost_usd = None if max_cost_usd is None else _parse_dollars(max_cost_usd)
        self.max_tokens_total = max_tokens_total
        self._models: dict[str, Spending] = {}
        self._batches: set[str] = set()

    def add(self, model: str, usage: Usage | None = None, cost: Cost | None = None) -> None:
        """Record one call."""
        spent = Spending.of(usage, cost)
        with _LOCK:
            self._models[model] = self._models.get(model, Spending()) + spent

    def add_batch(self, batch_id: str, replies: Iterable[Priced]) -> None:
        """Record the replies of a batch, unless they are recorded already: fetching them again costs nothing."""
        with _LOCK:
            recorded = batch_id in self._batches
            self._batches.add(batch_id)
        for reply in () if recorded else replies:
            self.add(reply.model, reply.usage, reply.cost)

    def check(self) -> None:
        """Raise if a limit is reached. Clients call it before each request.

        Raises:
            BudgetExceededError: a limit is reached. Requests that are already sent aren't stopped, so that many
                concurrent ones can exceed the limit.
        """
        spent, usd, tokens = self.total, self.max_cost_usd, self.max_tokens_total
        if usd is not None and spent.usd >= usd:
            raise BudgetExceededError(f"The budget of ${usd:f} is used up: {spent}. The next call was not made.")
        if tokens is not None and spent.total_tokens >= tokens:
            raise BudgetExceededError(
                f"The budget of {tokens:,} tokens is used up: {spent}. The next call was not made."
            )

    @property
    def by_model(self) -> dict[str, Spending]:
        """The spending per model, by the model's name in its replies."""
        with _LOCK:
            return dict(self._models)

    @property
    def total(self) -> Spending:
        """The spending on all models."""
        return sum(self.by_model.values(), Spending())

    def reset(self) -> None:
        """Set the sums to zero. The limits stay."""
        with _LOCK:
            self._models.clear()
            self._batches.clear()

    def __str__(self) -> str:
        rows = [f"{model}: {spent}" for model, spent in self.by_model.items()]
        return "\n".join([*rows, f"total: {self.total}"] if len(rows) != 1 else rows)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.total}>"

    def __rich__(self) -> Any:  # a rich.table.Table; rich is an extra, and type hints must resolve without it
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


def _count_calls(calls: int) -> str:
    return "1 call" if calls == 1 else f"{calls:,} calls"


# --- a ledger for all calls of a block ------------------------------------------------------------------------------


class _Block:
    """A `track_costs` block.

    Attributes:
        ledger: its ledger.
        left: whether the block has ended. Tasks and work items that were started inside still count.
        abandoned: whether a generator ended the block in another context than it started in, where it stays behind.
    """

    __slots__ = ("abandoned", "ledger", "left")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.left = self.abandoned = False


_Blocks: TypeAlias = tuple[_Block, ...]

_open: ContextVar[_Blocks] = ContextVar("aimlapi_ledgers", default=())
_inherited: ContextVar[_Blocks] = ContextVar("aimlapi_inherited_ledgers", default=())  # from the starting thread


@contextmanager
def track_costs(
    max_cost_usd: Decimal | float | str | None = None, max_tokens_total: int | None = None
) -> Iterator[Ledger]:
    """Open a ledger for all calls made inside the block, by any client, model or agent, embeddings included.

    Counted are calls of the block's own thread, and of tasks, threads and work items of thread pools that are started
    inside the block. A task or a work item counts even if it outlasts the block, a thread until the block ends. Calls
    of other threads and tasks aren't counted, so concurrent requests of a server don't count in each other's blocks.
    Neither are calls of other processes, and of threads that C code starts.

    Blocks nest: each counts, and each can stop a call. A block in a generator ends with it, whoever closes it.

    Args:
        max_cost_usd: see `Ledger`.
        max_tokens_total: see `Ledger`.

    Examples:
        >>> with track_costs(max_cost_usd=0.10) as costs:
        ...     pass  # client.chat("…")
        >>> print(costs)
        total: $0 for 0 tokens (in 0, out 0) in 0 calls
    """
    hand_on_to_threads(_capture_for_thread, _capture_for_item)
    block = _Block(Ledger(max_cost_usd, max_tokens_total))
    token = _open.set((*_open.get(), block))
    try:
        yield block.ledger
    finally:
        _close(block, token)


def _close(block: _Block, token: Token[_Blocks]) -> None:
    """Remove a block from the context, even if other blocks were opened in it since."""
    block.left = True
    remaining = tuple(each for each in _open.get() if each is not block)
    try:
        _open.reset(token)
    except ValueError:
        block.abandoned = True
    _open.set(remaining)


def _capture_for_thread() -> Enter | None:
    blocks = (*_inherited.get(), *_open.get())
    return partial(_set_blocks, (), blocks) if blocks else None


def _capture_for_item() -> Enter:
    return partial(_set_blocks, _open.get(), _inherited.get())


@contextmanager
def _set_blocks(open_blocks: _Blocks, inherited_blocks: _Blocks) -> Iterator[None]:
    open_token, inherited_token = _open.set(open_blocks), _inherited.set(inherited_blocks)
    try:
        yield
    finally:
        _inherited.reset(inherited_token)
        _open.reset(open_token)


def _active_ledgers() -> list[Ledger]:
    inherited = (block.ledger for block in _inherited.get() if not block.left)
    return [*inherited, *(block.ledger for block in _open.get() if not block.abandoned)]


def check_budgets() -> None:
    """Raise BudgetExceededError if a limit of an active `track_costs` block is reached. Called before each request."""
    for ledger in _active_ledgers():
        ledger.check()


def record(response: Priced) -> None:
    """Record the cost of a response in the ledgers of the active blocks."""
    for ledger in _active_ledgers():
        ledger.add(response.model, response.usage, response.cost)


def record_batch(batch_id: str, replies: Iterable[Priced]) -> None:
    """Record the cost of a batch. A ledger counts each batch once, however often its results are fetched."""
    recorded = list(replies)
    for ledger in _active_ledgers():
        ledger.add_batch(batch_id, recorded)


# --- before a call --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call may cost, from an approximate count of tokens. The dollars are None if the price isn't known.

    `usd` is the price of the input alone, `max_usd` the price with the longest reply allowed.
    """

    input_tokens: int
    max_output_tokens: int | None
    usd: Decimal | None
    max_usd: Decimal | None
    approximate: Literal[True] = True

    def __str__(self) -> str:
        tokens = f"about {self.input_tokens:,} input tokens"
        if self.usd is None:
            return f"{tokens}; the price isn't known here: from_catalogue looks it up"
        longest = "" if self.max_usd is None else f", at most ${self.max_usd:f} with the longest reply"
        return f"{tokens}: ${self.usd:f}{longest}"


def estimate(input_tokens: int, max_output_tokens: int | None, prices: Mapping[str, float]) -> Estimate:
    """Estimate the price of a call.

    Args:
        input_tokens: as `tokens.estimate_tokens` counts them.
        max_output_tokens: the limit of the reply; None if there is none.
        prices: dollars per token by the name of the unit, as in `models.Model.prices`. The first unit named after the
            input (`input…`, `prompt…`) counts, and the first named after the output (`output…`, `completion…`).

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
"""The factor from the usual price of a request to its price in a batch."""


def batch_cost(usage: Usage | None, prices: Mapping[str, float]) -> Cost | None:
    """Return the price of a reply in a batch that has none: half of what its tokens cost outside a batch.

    Args:
        usage: its token counts.
        prices: dollars per token by the unit's name. Those of the prompt cache are `cache_read` and `cache_creation`.

    Returns:
        None if the price of any of the tokens isn't known.

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
    """Return the dollars for one input or output token from prices by unit; None if there is no such unit."""
    matching = (price for unit, price in prices.items() if unit.startswith(_UNITS[kind]) and "cache" not in unit)
    return next((Decimal(str(price)) for price in matching), None)
