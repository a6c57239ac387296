"""The ledger, its limits, and what a call may cost before it is made."""

from __future__ import annotations

import asyncio
import copy
import io
import pickle
import threading
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from rich.console import Console

from aimlapi_integrations.costs import Ledger, Spending, check_budgets, estimate, record, track_costs
from aimlapi_integrations.endpoints import chat_completions
from aimlapi_integrations.errors import BudgetExceededError
from aimlapi_integrations.types import Choice, Cost, Embeddings, Message, Reply, Usage

USAGE = Usage(9, 30, 39, {"cache_read": 4}, {"reasoning": 20})
COST = Cost("0.000062250", 125)


def test_sums_are_exact():
    ledger = Ledger()
    for _ in range(1000):
        ledger.add("a", USAGE, Cost("0.000000001", 1))
    assert ledger.total == Spending(1000, 9000, 4000, 30000, 20000, 39000, 1000, Decimal("0.000001000"))


def test_models_are_summed_apart():
    ledger = Ledger()
    ledger.add("a", USAGE, COST)
    ledger.add("b", USAGE, COST)
    ledger.add("b", USAGE, None)
    assert {model: (spent.calls, spent.unpriced) for model, spent in ledger.by_model.items()} == {
        "a": (1, 0),
        "b": (2, 1),
    }
    assert ledger.total.usd == Decimal("0.000124500")


def test_the_total_is_what_the_reply_says():
    ledger = Ledger()
    ledger.add("a", Usage(9, 566, 1521))
    assert ledger.total.total_tokens == 1521


@pytest.mark.parametrize("limit", [0.1, "0.1", Decimal("0.1")])
def test_spending_the_limit_stops_the_next_call(limit):
    ledger = Ledger(max_cost_usd=limit)
    ledger.add("a", None, Cost("0.099999999"))
    ledger.check()
    ledger.add("a", None, Cost("0.000000001"))
    with pytest.raises(BudgetExceededError, match=r"budget of \$0\.1 is used up: \$0\.100000000"):
        ledger.check()


def test_using_up_the_tokens_stops_the_next_call():
    ledger = Ledger(max_tokens_total=39)
    ledger.check()
    ledger.add("a", USAGE)
    with pytest.raises(BudgetExceededError, match="39 tokens is used up"):
        ledger.check()


def test_a_budget_of_nothing_allows_nothing():
    with pytest.raises(BudgetExceededError):
        Ledger(max_cost_usd=0).check()


@pytest.mark.parametrize("limit", ["nan", float("nan"), "much", ""])
def test_a_limit_that_is_no_sum_is_refused(limit):
    with pytest.raises(ValueError, match="max_cost_usd"):
        Ledger(max_cost_usd=limit)


def test_reset_keeps_the_limit():
    ledger = Ledger(max_tokens_total=39)
    ledger.add("a", USAGE)
    ledger.reset()
    ledger.check()
    assert ledger.total == Spending()
    assert ledger.max_tokens_total == 39


def test_threads_lose_nothing():
    ledger = Ledger()
    threads = [threading.Thread(target=lambda: [ledger.add("a", USAGE, COST) for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.total.calls == 4000
    assert ledger.total.usd == 4000 * Decimal(COST.usd)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda ledger: pickle.loads(pickle.dumps(ledger))])
def test_a_ledger_copies(copied):
    ledger = Ledger(max_cost_usd="1")
    ledger.add("a", USAGE, COST)
    twin = copied(ledger)
    twin.add("a", USAGE, COST)
    assert (ledger.total.calls, twin.total.calls, twin.max_cost_usd) == (1, 2, Decimal(1))


def test_it_reads_as_text():
    ledger = Ledger()
    ledger.add("a", USAGE, COST)
    assert str(ledger) == "a: $0.000062250 for 39 tokens (in 9, out 30) in 1 call"
    ledger.add("b", USAGE, None)
    assert str(ledger).splitlines()[1:] == [
        "b: $0 for 39 tokens (in 9, out 30) in 1 call, 1 of them without a price",
        "total: $0.000062250 for 78 tokens (in 18, out 60) in 2 calls, 1 of them without a price",
    ]
    assert repr(ledger) == f"<Ledger {ledger.total}>"


def test_rich_prints_a_table():
    ledger = Ledger()
    ledger.add("openai/gpt-5-mini-2025-08-07", USAGE, COST)
    ledger.add("b", USAGE, None)
    out = io.StringIO()
    Console(file=out, width=140).print(ledger)
    rows = [line.replace("│", " ").split() for line in out.getvalue().splitlines()]
    assert ["openai/gpt-5-mini-2025-08-07", "1", "9", "4", "30", "20", "0.000062250"] in rows
    assert ["total", "2", "18", "8", "60", "40", "0.000062250", "+?"] in rows


def reply(model: str = "a") -> Reply:
    return Reply(model, (Choice(Message("assistant")),), usage=USAGE, cost=COST)


def test_blocks_nest_and_end():
    with track_costs() as outer:
        record(reply())
        with track_costs() as inner:
            record(Embeddings(([1.0],), "b", Usage(3, 0, 3), COST))
        record(reply())
    record(reply())
    assert (outer.total.calls, inner.total.calls) == (3, 1)


def test_the_limit_of_a_block_around_holds_within():
    with track_costs(max_tokens_total=10), track_costs():
        check_budgets()
        record(reply())
        with pytest.raises(BudgetExceededError):
            check_budgets()
    check_budgets()


def test_threads_by_hand_are_on_their_own():
    with track_costs() as costs:
        thread = threading.Thread(target=record, args=(reply(),))
        thread.start()
        thread.join()
    assert costs.total.calls in (0, 1)  # Python 3.14 can be built to hand context variables to threads


PRICES = {"input_tokens.cached": 1e-8, "input_tokens": 2.5e-07, "output_tokens": 2e-06}


def test_an_estimate_is_exact_in_its_dollars():
    guess = estimate(1000, 500, PRICES)
    assert (guess.usd, guess.max_usd) == (Decimal("0.00025"), Decimal("0.00125"))
    assert guess.approximate


@pytest.mark.parametrize(
    ("limit", "prices", "known"),
    [(None, PRICES, (True, False)), (500, {}, (False, False)), (500, {"prompt": 1e-6}, (True, False))],
)
def test_an_estimate_does_not_guess_at_prices(limit, prices, known):
    guess = estimate(1000, limit, prices)
    assert (guess.usd is not None, guess.max_usd is not None) == known


@pytest.mark.parametrize(
    ("limit", "prices", "told"),
    [
        (500, PRICES, "about 1,000 input tokens: $0.00025"),
        (500, PRICES, "at most $0.00125"),
        (None, {"input": 1e-06}, "about 1,000 input tokens: $0.001000"),
        (500, {}, "about 1,000 input tokens; the price isn't known here: from_catalogue looks it up"),
    ],
)
def test_an_estimate_says_what_it_is(limit, prices, told):
    assert told in str(estimate(1000, limit, prices))


@pytest.mark.parametrize("price", [{"usd_spent": -5, "credits_used": -10_000_000}, {"credits_used": -1}])
def test_no_reply_gives_a_budget_back(price: dict[str, int]):
    usage = {"prompt_tokens": -100, "completion_tokens": 7, "total_tokens": -93}
    choice = {"finish_reason": "stop", "message": {"content": "Hi"}}
    reply = chat_completions.decode({"choices": [choice], "usage": usage, "meta": {"usage": price}}, {})
    with track_costs() as spent:
        record(reply)
    assert spent.total == Spending(calls=1, output_tokens=7, unpriced=1)


# --- blocks inside generators -------------------------------------------------------------------------------------


async def counted_words() -> AsyncIterator[Ledger]:
    with track_costs(max_tokens_total=1) as costs:
        record(reply())
        yield costs
        yield costs


async def test_a_block_in_an_async_generator_ends_when_another_task_closes_it():
    words = counted_words()
    costs = await anext(words)
    await asyncio.create_task(words.aclose())
    check_budgets()  # the block's limit is used up, and the block is over
    record(reply())
    assert costs.total.calls == 1


async def test_blocks_in_async_generators_end_in_any_order():
    first, second = counted_words(), counted_words()
    costs, others = await anext(first), await anext(second)
    await first.aclose()
    record(reply())
    await second.aclose()
    check_budgets()
    assert (costs.total.calls, others.total.calls) == (2, 2)


async def test_a_task_begun_in_a_block_counts_after_it():
    with track_costs() as costs:
        task = asyncio.create_task(asyncio.to_thread(record, reply()))
    await task
    assert costs.total.calls == 1
