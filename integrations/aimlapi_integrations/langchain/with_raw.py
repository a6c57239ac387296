"""The answer beside the message that it was read from: `raw`, `parsed` and `parsing_error`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.runnables import Runnable, RunnableGenerator
from langchain_core.runnables.utils import AddableDict

from .structured import AnswerParser, generation


def with_raw(model: Runnable[Any, Any], parser: AnswerParser) -> Runnable[Any, Any]:
    """`model`, its messages read by `parser`. What goes wrong in reading is a value here, in streams too.

    The pieces of a stream add up, by whichever step adds them: the message comes piece by piece, the answer once.
    """

    def read(messages: Iterator[Any]) -> Iterator[AddableDict]:
        whole: Any = None
        for message in messages:
            whole = message if whole is None else whole + message
            yield AddableDict(raw=message)
        yield _parsed(parser, whole)

    async def aread(messages: AsyncIterator[Any]) -> AsyncIterator[AddableDict]:
        whole: Any = None
        async for message in messages:
            whole = message if whole is None else whole + message
            yield AddableDict(raw=message)
        yield _parsed(parser, whole)

    return model | RunnableGenerator(read, aread)


def _parsed(parser: AnswerParser, whole: Any) -> AddableDict:
    try:
        return AddableDict(parsed=parser.parse_result([generation(whole)]), parsing_error=None)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the value of parsing_error
        return AddableDict(parsed=None, parsing_error=error)
