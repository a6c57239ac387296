"""The answer beside the message that it was read from: `raw`, `parsed` and `parsing_error`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.outputs import ChatGeneration, ChatGenerationChunk
from langchain_core.runnables import Runnable, RunnableGenerator
from langchain_core.runnables.utils import AddableDict

from .structured import AnswerParser


def with_raw(model: Runnable[Any, Any], parser: AnswerParser) -> Runnable[Any, Any]:
    """`model`, its messages read by `parser`. What goes wrong in reading is a value here, in streams too.

    Core's own way (`with_fallbacks`) takes in a stream only what goes wrong at its first piece.
    """

    def read(messages: Iterator[Any]) -> Iterator[AddableDict]:
        reading = _Reading(parser)
        for message in messages:
            yield from reading.feed(message)
        yield reading.close()

    async def aread(messages: AsyncIterator[Any]) -> AsyncIterator[AddableDict]:
        reading = _Reading(parser)
        async for message in messages:
            for piece in reading.feed(message):
                yield piece
        yield reading.close()

    return model | RunnableGenerator(read, aread)


class _Reading:
    """One message, read as it comes."""

    def __init__(self, parser: AnswerParser) -> None:
        self._parser = parser
        self._message: Any = None
        self._parsed: Any = None

    def feed(self, message: Any) -> Iterator[AddableDict]:
        """The piece, and the answer as far as it has come, where that is news."""
        self._message = message if self._message is None else self._message + message
        yield AddableDict(raw=message)
        if isinstance(self._generation(), ChatGenerationChunk):
            parsed, _ = self._read(partial=True)
            if parsed is not None and parsed != self._parsed:
                self._parsed = parsed
                yield AddableDict(parsed=parsed)

    def close(self) -> AddableDict:
        """The answer, unless that has been given already, and the error."""
        parsed, error = self._read(partial=False)
        said = parsed is not None and parsed == self._parsed
        return AddableDict(parsing_error=error) if said else AddableDict(parsed=parsed, parsing_error=error)

    def _read(self, partial: bool) -> tuple[Any, Exception | None]:
        try:
            return self._parser.parse_result([self._generation()], partial=partial), None
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the value of parsing_error
            return None, error

    def _generation(self) -> ChatGeneration:
        kind = ChatGenerationChunk if hasattr(self._message, "chunk_position") else ChatGeneration
        return kind(message=self._message)
