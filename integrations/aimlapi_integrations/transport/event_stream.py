"""The events of one answer as they come in, and how to leave before the end."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Any, cast

import httpx
from pydantic import SecretStr
from typing_extensions import Self

from ..errors import APIError
from .gc_guard import GC_GUARD
from .response import normalize_headers, not_a_stream_error
from .sse import EventParser, Json
from .timeouts import ChunkDeadline

# Seconds to wait, after the last event, for the few bytes that make the connection fit for another call.
GRACE = 0.25

_BLANK = b"\xef\xbb\xbf \r\n\t"
_MOST_ODD_BYTES = 1_000_000


class EventStream:
    """The events of one answer, to be iterated once, in the colour of the client that gave it.

    Attributes:
        headers: of the answer, names in lower case.
        secret: the API key, which no error may repeat.
    """

    def __init__(self, response: httpx.Response, chunk_timeout: float | None, secret: SecretStr) -> None:
        self.headers = normalize_headers(response, secret)
        self._response = response
        self.secret = secret
        self._parser = EventParser()
        self._next = ChunkDeadline(response, chunk_timeout, secret)
        self._chunks: Any = None
        self._pending: deque[Json] = deque()
        self._exhausted = False
        self._ended = False
        self._sniffing = True
        self._odd: list[bytes] | None = None

    @property
    def finished(self) -> bool:
        """Whether the stream has said `[DONE]`, or its reader that it is done."""
        return self._parser.finished

    def finish(self) -> None:
        """Nothing is to come after what has been read: the last event of the endpoint's own has been."""
        self._parser.finished = self._ended = True

    def __iter__(self) -> Iterator[Json]:
        self._chunks = iter(self._stream()) if self._plain() else self._response.iter_bytes()
        while (raw := self._pull()) is not None:
            for event in self._read(raw):
                yield event
                if self._ended:
                    return
            if self._parser.finished:
                return
        yield from self._last()

    # Not an async generator: at its end, an event loop closes all of these at once, where one must not close another.
    def __aiter__(self) -> Self:
        if self._chunks is None:
            self._chunks = self._stream().__aiter__() if self._plain() else self._response.aiter_bytes()
        return self

    async def __anext__(self) -> Json:
        while not self._ended:
            if self._pending:
                return self._pending.popleft()
            if self._parser.finished or self._exhausted:
                break
            await self._fill()
        raise StopAsyncIteration

    async def _fill(self) -> None:
        with self._next.errors():
            raw = await anext(self._chunks, None)
        self._exhausted = raw is None
        self._pending.extend(self._last() if raw is None else self._read(raw))

    def _plain(self) -> bool:
        """Whether the bytes can be had without httpx's layers for decompression and progress."""
        return not self._response.is_closed and "content-encoding" not in self.headers

    def _stream(self) -> Any:
        return self._response.stream

    def _pull(self) -> bytes | None:
        with GC_GUARD, self._next.errors():
            return cast("bytes | None", next(self._chunks, None))

    def _read(self, raw: bytes) -> list[Json]:
        if self._sniffing:
            self._sniff(raw)
        if self._odd is not None:
            self._gather(raw)
            return []
        events = self._parser.feed(raw)
        self._next.record(bool(events))
        return events

    def _sniff(self, raw: bytes) -> None:
        """No field of an event begins like JSON or HTML; the content type is not to be trusted."""
        begin = raw.lstrip(_BLANK)[:1]
        self._sniffing = not begin
        self._odd = [] if begin in (b"{", b"[", b"<") else None

    def _gather(self, raw: bytes) -> None:
        odd = self._odd or []
        odd.append(raw)
        self._odd = odd
        self._next.record(False)
        if sum(map(len, odd)) > _MOST_ODD_BYTES:
            self._last()

    def _last(self) -> list[Json]:
        if self._odd is not None:
            raise not_a_stream_error(self._response, b"".join(self._odd), self.secret)
        return self._parser.close()

    # --- leaving --------------------------------------------------------------------------------------------------

    def _may_be_reused(self) -> bool:
        """Whether to wait for the end after the last event; not where nothing bounds the wait."""
        if self._parser.finished and self._next.bounded:
            self._next.shorten(GRACE)
            return True
        return False

    def close(self) -> None:
        """Free the connection at once."""
        if self._may_be_reused():
            with suppress(APIError):
                while self._pull() is not None:
                    pass
        self._next.release()
        self._response.close()

    async def aclose(self) -> None:
        """Free the connection at once."""
        try:
            if self._may_be_reused():
                with suppress(APIError), self._next.errors():
                    async for _ in self._chunks:
                        pass
        finally:
            self._next.release()
            await self._response.aclose()
            if isinstance(self._chunks, AsyncGenerator):
                with suppress(RuntimeError):  # the loop, which is ending, is closing it already
                    await self._chunks.aclose()
