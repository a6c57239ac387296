"""Concurrent jobs with results in order, and state that goes from a thread to the threads that it starts.

Context variables go to tasks and coroutines, but not to threads: Python does that only from 3.14 on, and only with
`-X thread_inherit_context=1` (https://docs.python.org/3.14/using/cmdline.html#envvar-PYTHON_THREAD_INHERIT_CONTEXT).
So `hand_on_to_threads` replaces `threading.Thread.start` and `concurrent.futures.ThreadPoolExecutor.submit`, as
opentelemetry-instrumentation-threading does. Both call the originals, and stay in place once they are installed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent import futures
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import cache, partial, wraps
from typing import Any, TypeAlias, TypeVar, cast

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

    with futures.ThreadPoolExecutor(min(limit, len(items))) as pool:
        submitted = [pool.submit(copy_context().run, run, item) for item in items]
        try:
            return [cast(Result, future.result()) for future in submitted]
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


Enter: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Returns a context manager that sets the state in the thread that enters it."""

_OTHER_INTERPRETERS: Any = getattr(futures, "InterpreterPoolExecutor", ())  # Python 3.14: its work items are pickled


@cache
def hand_on_to_threads(capture_for_thread: Callable[[], Enter | None], capture_for_item: Callable[[], Enter]) -> None:
    """Hand state of the starting thread to new threads and to work items of thread pools. Done once.

    Args:
        capture_for_thread: called in the thread that starts another one; None if there is nothing to hand on.
        capture_for_item: called in the thread that submits a work item to a pool.
    """
    _replace_start(capture_for_thread)
    _replace_submit(capture_for_item)


def _replace_start(capture: Callable[[], Enter | None]) -> None:
    original = threading.Thread.start

    @wraps(original)
    def start(self: threading.Thread) -> None:
        enter = capture()
        if enter is not None:
            vars(self)["run"] = partial(_run_thread, self, enter)
        original(self)

    setattr(threading.Thread, "start", start)  # noqa: B010


def _run_thread(thread: threading.Thread, enter: Enter) -> None:
    vars(thread).pop("run", None)  # it refers to the thread
    with enter():
        thread.run()


def _replace_submit(capture: Callable[[], Enter]) -> None:
    original: Any = futures.ThreadPoolExecutor.submit

    @wraps(original)
    def submit(self: futures.ThreadPoolExecutor, function: Any, /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        if not isinstance(self, _OTHER_INTERPRETERS):
            function = partial(_run_item, capture(), function)
        future: futures.Future[Any] = original(self, function, *args, **kwargs)
        return future

    setattr(futures.ThreadPoolExecutor, "submit", submit)  # noqa: B010


def _run_item(enter: Enter, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    with enter():
        return function(*args, **kwargs)
