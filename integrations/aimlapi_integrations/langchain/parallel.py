"""Several calls at once, their results in order; and a bar that shows how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from langchain_core.runnables.config import ContextThreadPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_in_order(job: Callable[[Item], Result], items: Sequence[Item], limit: int) -> list[Result]:
    """The results of `job` for each item, with `limit` at work at once. After an error nothing new is begun."""
    if limit == 1 or len(items) < 2:
        return [job(item) for item in items]
    with ContextThreadPoolExecutor(min(limit, len(items))) as pool:
        return list(pool.map(job, items))


async def arun_in_order(job: Callable[[Item], Awaitable[Result]], items: Sequence[Item], limit: int) -> list[Result]:
    """As `run_in_order`; an error, or being cancelled, also cancels what is at work."""
    slots = asyncio.Semaphore(limit)

    async def run(item: Item) -> Result:
        async with slots:
            return await job(item)

    tasks = [asyncio.ensure_future(run(item)) for item in items]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def progress(shown: bool, total: int) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of texts that are done; a bar shows their sum where `shown`.

    Raises:
        ImportError: `rich`, which draws it, is not installed.
    """
    if not shown:
        yield lambda _: None
        return
    try:
        from rich.progress import Progress
    except ImportError as error:
        raise ImportError('show_progress_bar needs rich: pip install "aimlapi-integrations[cli]"') from error
    with Progress() as bar:
        yield partial(bar.advance, bar.add_task("Embedding", total=total))
