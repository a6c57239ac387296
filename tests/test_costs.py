"""Ledgers, budgets, and estimates of costs."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import io
import pickle
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from multiprocessing.pool import ThreadPool

import pytest
from rich.console import Console

from aimlapi_integrations.costs import Ledger, Spending, check_budgets, estimate, record, track_costs
from aimlapi_integrations.endpoints import chat_completions
from aimlapi_integrations.errors import BudgetExceededError
from aimlapi_integrations.types import Choice, Cost, Embeddings, Message, Reply, Usage

USAGE = Usage(9, 30, 39, {"cache_read": 4}, {"reasoning": 20})
COST = Cost("0.000062250", 125)


def test_ledger_sums_are_exact():
    ledger = Ledger()
    for _ in range(1000):
        ledger.add("a", USAGE, Cost("0.000000001", 1))
    assert ledger.total == Spending(1000, 9000, 4000, 30000, 20000, 39000, 1000, Decimal("0.000001000"))


def test_ledger_sums_models_separately():
    ledger = Ledger()
    ledger.add("a", USAGE, COST)
    ledger.add("b", USAGE, COST)
    ledger.add("b", USAGE, None)
    assert {model: (spent.calls, spent.unpriced) for model, spent in ledger.by_model.items()} == {
        "a": (1, 0),
        "b": (2, 1),
    }
    assert ledger.total.usd == Decimal("0.000124500")


def test_ledger_total_tokens_are_those_of_the_reply():
    ledger = Ledger()
    ledger.add("a", Usage(9, 566, 1521))
    assert ledger.total.total_tokens == 1521


@pytest.mark.parametrize("limit", [0.1, "0.1", Decimal("0.1")])
def test_spent_dollars_stop_the_next_call(limit):
    ledger = Ledger(max_cost_usd=limit)
    ledger.add("a", None, Cost("0.099999999"))
    ledger.check()
    ledger.add("a", None, Cost("0.000000001"))
    with pytest.raises(BudgetExceededError, match=r"budget of \$0\.1 is used up: \$0\.100000000"):
        ledger.check()


def test_spent_tokens_stop_the_next_call():
    ledger = Ledger(max_tokens_total=39)
    ledger.check()
    ledger.add("a", USAGE)
    with pytest.raises(BudgetExceededError, match="39 tokens is used up"):
        ledger.check()


def test_budget_of_zero_allows_no_call():
    with pytest.raises(BudgetExceededError):
        Ledger(max_cost_usd=0).check()


@pytest.mark.parametrize("limit", ["nan", float("nan"), "much", "", -1, "-0.5"])
def test_limit_that_is_not_an_amount_is_rejected(limit):
    with pytest.raises(ValueError, match="max_cost_usd"):
        Ledger(max_cost_usd=limit)


def test_reset_ledger_keeps_its_limit():
    ledger = Ledger(max_tokens_total=39)
    ledger.add("a", USAGE)
    ledger.reset()
    ledger.check()
    assert ledger.total == Spending()
    assert ledger.max_tokens_total == 39


def test_ledger_shared_by_threads_is_exact():
    ledger = Ledger()
    threads = [threading.Thread(target=lambda: [ledger.add("a", USAGE, COST) for _ in range(500)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.total.calls == 4000
    assert ledger.total.usd == 4000 * Decimal(COST.usd)


@pytest.mark.parametrize("copy_ledger", [copy.deepcopy, lambda ledger: pickle.loads(pickle.dumps(ledger))])
def test_copied_ledger_is_independent(copy_ledger):
    ledger = Ledger(max_cost_usd="1")
    ledger.add("a", USAGE, COST)
    twin = copy_ledger(ledger)
    twin.add("a", USAGE, COST)
    assert (ledger.total.calls, twin.total.calls, twin.max_cost_usd) == (1, 2, Decimal(1))


def test_ledger_as_text_has_models_and_total():
    ledger = Ledger()
    ledger.add("a", USAGE, COST)
    assert str(ledger) == "a: $0.000062250 for 39 tokens (in 9, out 30) in 1 call"
    ledger.add("b", USAGE, None)
    assert str(ledger).splitlines()[1:] == [
        "b: $0 for 39 tokens (in 9, out 30) in 1 call, 1 of them without a price",
        "total: $0.000062250 for 78 tokens (in 18, out 60) in 2 calls, 1 of them without a price",
    ]
    assert repr(ledger) == f"<Ledger {ledger.total}>"


def test_ledger_printed_by_rich_is_a_table():
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


def test_nested_blocks_each_count_until_their_end():
    with track_costs() as outer:
        record(reply())
        with track_costs() as inner:
            record(Embeddings(([1.0],), "b", Usage(3, 0, 3), COST))
        record(reply())
    record(reply())
    assert (outer.total.calls, inner.total.calls) == (3, 1)


def test_limit_of_an_outer_block_applies_inside():
    with track_costs(max_tokens_total=10), track_costs():
        check_budgets()
        record(reply())
        with pytest.raises(BudgetExceededError):
            check_budgets()
    check_budgets()


PRICES = {"input_tokens.cached": 1e-8, "input_tokens": 2.5e-07, "output_tokens": 2e-06}


def test_estimate_is_exact_in_dollars():
    estimated = estimate(1000, 500, PRICES)
    assert (estimated.usd, estimated.max_usd) == (Decimal("0.00025"), Decimal("0.00125"))
    assert estimated.approximate


@pytest.mark.parametrize(
    ("limit", "prices", "known"),
    [(None, PRICES, (True, False)), (500, {}, (False, False)), (500, {"prompt": 1e-6}, (True, False))],
)
def test_estimate_without_prices_has_no_dollars(limit, prices, known):
    estimated = estimate(1000, limit, prices)
    assert (estimated.usd is not None, estimated.max_usd is not None) == known


@pytest.mark.parametrize(
    ("limit", "prices", "text"),
    [
        (500, PRICES, "about 1,000 input tokens: $0.00025"),
        (500, PRICES, "at most $0.00125"),
        (None, {"input": 1e-06}, "about 1,000 input tokens: $0.001000"),
        (500, {}, "about 1,000 input tokens; the price isn't known here: from_catalogue looks it up"),
    ],
)
def test_estimate_as_text_names_tokens_and_dollars(limit, prices, text):
    assert text in str(estimate(1000, limit, prices))


@pytest.mark.parametrize("price", [{"usd_spent": -5, "credits_used": -10_000_000}, {"credits_used": -1}])
def test_negative_usage_does_not_lower_the_spending(price: dict[str, int]):
    usage = {"prompt_tokens": -100, "completion_tokens": 7, "total_tokens": -93}
    choice = {"finish_reason": "stop", "message": {"content": "Hi"}}
    reply = chat_completions.decode({"choices": [choice], "usage": usage, "meta": {"usage": price}}, {})
    with track_costs() as spent:
        record(reply)
    assert spent.total == Spending(calls=1, output_tokens=7, unpriced=1)


# --- threads ------------------------------------------------------------------------------------------------------


def start_thread() -> None:
    thread = threading.Thread(target=record, args=(reply(),))
    thread.start()
    thread.join()


def start_timer() -> None:
    timer = threading.Timer(0, record, [reply()])
    timer.start()
    timer.join()


def start_thread_in_a_thread() -> None:
    thread = threading.Thread(target=start_thread)
    thread.start()
    thread.join()


def submit_to_a_new_pool() -> None:
    with ThreadPoolExecutor(2) as pool:
        pool.submit(record, reply()).result()


def map_over_a_pool() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(record, [reply()]))


def submit_in_a_work_item() -> None:
    with ThreadPoolExecutor(2) as pool:
        pool.submit(lambda: pool.submit(record, reply()).result()).result()


def run_in_an_event_loop_of_a_thread() -> None:
    async def work() -> None:
        await asyncio.get_running_loop().run_in_executor(None, record, reply())

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work()).result()


def call_in_a_multiprocessing_thread_pool() -> None:
    with ThreadPool(2) as pool:
        pool.apply(record, [reply()])


@pytest.mark.parametrize(
    "start",
    [
        start_thread,
        start_timer,
        start_thread_in_a_thread,
        submit_to_a_new_pool,
        map_over_a_pool,
        submit_in_a_work_item,
        run_in_an_event_loop_of_a_thread,
        call_in_a_multiprocessing_thread_pool,
    ],
)
def test_thread_started_in_a_block_counts_once(start: Callable[[], None]):
    with track_costs() as outer:
        start()
        with track_costs() as inner:
            start()
    start()
    assert (outer.total.calls, inner.total.calls) == (2, 1)


def test_work_item_in_a_pool_from_before_the_block_counts():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(record, reply()).result()
        with track_costs() as costs:
            pool.submit(record, reply()).result()
        pool.submit(record, reply()).result()
    assert costs.total.calls == 1


def test_spent_budget_stops_the_next_work_item():
    with track_costs(max_tokens_total=1), ThreadPoolExecutor(1) as pool:
        pool.submit(record, reply()).result()
        with pytest.raises(BudgetExceededError):
            pool.submit(check_budgets).result()


def test_concurrent_blocks_that_share_a_pool_count_separately():
    both_open = threading.Barrier(2)

    def serve(calls: int) -> int:
        with track_costs() as costs:
            both_open.wait(5)
            for _ in range(calls):
                pool.submit(record, reply()).result()
            both_open.wait(5)
        return costs.total.calls

    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(2) as server:
        assert list(server.map(serve, [1, 3])) == [1, 3]


def test_request_without_a_block_is_not_counted_in_a_concurrent_one():
    with track_costs() as costs, ThreadPoolExecutor(1) as pool:
        pool.submit(record, reply()).result()
        other = contextvars.Context()
        other.run(lambda: pool.submit(record, reply()).result())
        other.run(start_thread)
    assert costs.total.calls == 1


def test_thread_that_outlasts_its_block_counts_until_the_end_of_the_block():
    ended = threading.Event()

    def work() -> None:
        record(reply())
        started.set()
        ended.wait(5)
        check_budgets()
        record(reply())

    started, errors = threading.Event(), []
    with track_costs(max_tokens_total=1) as costs:
        thread = threading.Thread(target=lambda: errors.extend(raised(work)))
        thread.start()
        started.wait(5)
    ended.set()
    thread.join()
    assert (costs.total.calls, errors) == (1, [])


def raised(function: Callable[[], None]) -> list[Exception]:
    try:
        function()
    except Exception as error:  # noqa: BLE001
        return [error]
    return []


def test_work_item_that_outlasts_its_block_still_counts():
    ended = threading.Event()

    def work() -> None:
        ended.wait(5)
        record(reply())

    with ThreadPoolExecutor(1) as pool:
        with track_costs() as costs:
            item = pool.submit(work)
        ended.set()
        item.result()
    assert costs.total.calls == 1


def test_thread_started_in_a_block_keeps_no_reference_to_itself():
    with track_costs():
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
    assert "run" not in vars(thread)


# --- blocks inside generators -------------------------------------------------------------------------------------


async def track_in_generator() -> AsyncIterator[Ledger]:
    with track_costs(max_tokens_total=1) as costs:
        record(reply())
        yield costs
        yield costs


async def test_block_in_an_async_generator_closed_by_another_task_ends():
    ledgers = track_in_generator()
    costs = await anext(ledgers)
    await asyncio.create_task(ledgers.aclose())
    check_budgets()  # the block's limit is reached, but the block has ended
    record(reply())
    assert costs.total.calls == 1


async def test_blocks_in_async_generators_end_in_any_order():
    first, second = track_in_generator(), track_in_generator()
    first_costs, second_costs = await anext(first), await anext(second)
    await first.aclose()
    record(reply())
    await second.aclose()
    check_budgets()
    assert (first_costs.total.calls, second_costs.total.calls) == (2, 2)


async def test_task_started_in_a_block_counts_after_it():
    with track_costs() as costs:
        task = asyncio.create_task(asyncio.to_thread(record, reply()))
    await task
    assert costs.total.calls == 1
