"""Everything that may be shown, logged or stored of an error, for a key to be looked for in it."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

_TESTS = str(Path(__file__).parents[1])


def everything_in(error: BaseException) -> Iterator[str]:
    """Of the error, and of those behind it, whether or not they are shown."""
    yield repr(pickle.dumps(error))
    yield "".join(traceback.format_exception(error))
    for each in _chain(error):
        yield from (str(each), repr(each), repr(vars(each)))
        yield from _of_http(each)


def variables_of(error: BaseException) -> Iterator[str]:
    """Of every frame that the error came through but the tests' own, as error trackers and rich tracebacks show them.

    They hold the answer: a key that it repeats is there.
    """
    for each in _chain(error):
        yield from _locals(each.__traceback__)


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in found:
            found.append(each)
            waiting += [each.__cause__, each.__context__]
    return found


def _of_http(error: Any) -> Iterator[str]:
    """The request and the response that an error holds, httpx's own or ours."""
    response, request = getattr(error, "response", None), getattr(error, "_request", None)
    if response is not None:
        yield repr((response.headers.multi_items(), response.text, vars(response)))
    for asked in (request, response and response.request):
        if asked is not None:
            yield repr((asked.headers.multi_items(), str(asked.url), asked.content))


def _locals(place: TracebackType | None) -> Iterator[str]:
    while place is not None:
        if not place.tb_frame.f_code.co_filename.startswith(_TESTS):
            yield from (f"{name} = {value!r}" for name, value in place.tb_frame.f_locals.items())
        place = place.tb_next
