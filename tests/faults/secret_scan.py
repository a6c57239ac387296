"""Everything of an error that may be shown, logged or stored, to search for a key."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

_TESTS = str(Path(__file__).parents[1])


def exposed_texts(error: BaseException) -> Iterator[str]:
    """Yield the texts of the error and of its causes and contexts."""
    yield repr(pickle.dumps(error))
    yield "".join(traceback.format_exception(error))
    for each in _chain(error):
        yield from (str(each), repr(each), repr(vars(each)))
        yield from _http_texts(each)


def frame_variables(error: BaseException) -> Iterator[str]:
    """Yield the variables of every frame of the traceback except the tests' own, as error trackers show them.

    They contain the response: a key that the response repeats is in them.
    """
    for each in _chain(error):
        yield from _locals(each.__traceback__)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is not None and each not in chain:
            chain.append(each)
            pending += [each.__cause__, each.__context__]
    return chain


def _http_texts(error: Any) -> Iterator[str]:
    """Yield the texts of the error's request and response, httpx's or ours."""
    response, request = getattr(error, "response", None), getattr(error, "_request", None)
    if response is not None:
        yield repr((response.headers.multi_items(), response.text, vars(response)))
    for request_sent in (request, response and response.request):
        if request_sent is not None:
            yield repr((request_sent.headers.multi_items(), str(request_sent.url), request_sent.content))


def _locals(frame: TracebackType | None) -> Iterator[str]:
    while frame is not None:
        if not frame.tb_frame.f_code.co_filename.startswith(_TESTS):
            yield from (f"{name} = {value!r}" for name, value in frame.tb_frame.f_locals.items())
        frame = frame.tb_next
