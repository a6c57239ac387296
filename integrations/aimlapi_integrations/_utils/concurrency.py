"""Concurrent jobs with a limit and with results in order. The first error stops what has not started."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar, cast

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_in_order(job: Callable[[Item], Result], items: Sequence[Item], limit: int) -> list[Result]:
    """Return the results of `job` for each item, running at most `limit` at once. An error starts no further job.

    Each job runs in a copy of the caller's context, in which ledgers and tracers are found.
    """
    if limit == 1 or len(items) < 2:
        return [job(item) for item in items]
    failed = threading.Event()

    def run(item: Item) -> Result | None:
        if failed.is_set():
            return None
        try:
            return job(item)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(min(limit, len(items))) as pool:
        futures = [pool.submit(copy_context().run, run, item) for item in items]
        try:
            return [cast(Result, future.result()) for future in futures]
        finally:
            failed.set()  # an interrupt of the waiting thread stops the rest, too


async def arun_in_order(job: Callable[[Item], Awaitable[Result]], items: Sequence[Item], limit: int) -> list[Result]:
    """`run_in_order`, async. An error or a cancellation also cancels the running jobs."""
    semaphore = asyncio.Semaphore(limit)
    failed = False

    async def run(item: Item) -> Result | None:
        nonlocal failed
        async with semaphore:
            if failed:
                return None
            try:
                return await job(item)
            except BaseException:
                failed = True
                raise

    tasks = [asyncio.ensure_future(run(item)) for item in items]
    try:
        return cast("list[Result]", await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
