"""The events of one response, and how to leave a stream before its end."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any, NoReturn

import httpx
from pydantic import SecretStr
from typing_extensions import Self

from .gc_guard import GC_GUARD
from .httpx_modules import httpx_classes
from .response import normalize_headers, not_a_stream_error, redact_http_error, to_stream_error
from .sse import EventParser, Json
from .timeouts import ChunkDeadline

# Seconds to wait, after the last event, for the few bytes that let the connection be reused.
REUSE_TIMEOUT = 0.25

_BLANK = b"\xef\xbb\xbf \r\n\t"
_MAX_UNEXPECTED_BYTES = 1_000_000


class EventStream:
    """The events of one response, to be iterated once: with `for` from a sync client, `async for` from an async one.

    Attributes:
        headers: of the response, with names in lower case.
        secret: the API key, which no error may repeat.
    """

    def __init__(self, response: httpx.Response, chunk_timeout: float | None, secret: SecretStr) -> None:
        self.headers = normalize_headers(response, secret)
        self._response = response
        self.secret = secret
        self._parser = EventParser()
        self._deadline = ChunkDeadline(response, chunk_timeout)
        self._chunks: Any = None
        self._pending: deque[Json] = deque()
        self._exhausted = False
        self._ended = False
        self._sniffing = True
        self._unexpected: list[bytes] | None = None  # the bytes of a response that isn't a stream of events

    @property
    def finished(self) -> bool:
        """Whether `[DONE]` was received, or `finish` was called."""
        return self._parser.finished

    def finish(self) -> None:
        """End the stream after what has been read: an event of the endpoint said that it was the last one."""
        self._parser.finished = self._ended = True

    def __iter__(self) -> Iterator[Json]:
        self._chunks = iter(self._stream()) if self._is_plain() else self._response.iter_bytes()
        chunks, next_chunk, parser = self._chunks, GC_GUARD.next, self._parser
        while True:
            try:
                chunk = next_chunk(chunks)
            except httpx_classes(httpx.HTTPError) as error:
                self._raise_read_error(error)
            if chunk is None:
                break
            for event in self._parse(chunk):
                yield event
                if self._ended:
                    return
            if parser.finished:
                return
        yield from self._parse_end()

    # Not an async generator: when an event loop ends it closes all of these at once, and one must not close another.
    def __aiter__(self) -> Self:
        if self._chunks is None:
            self._chunks = self._stream().__aiter__() if self._is_plain() else self._response.aiter_bytes()
        return self

    async def __anext__(self) -> Json:
        while not self._ended:
            if self._pending:
                return self._pending.popleft()
            if self._parser.finished or self._exhausted:
                break
            await self._fetch()
        raise StopAsyncIteration

    async def _fetch(self) -> None:
        try:
            chunk = await anext(self._chunks, None)
        except httpx_classes(httpx.HTTPError) as error:
            self._raise_read_error(error)
        self._exhausted = chunk is None
        self._pending.extend(self._parse_end() if chunk is None else self._parse(chunk))

    def _is_plain(self) -> bool:
        """Return whether the bytes can be read without httpx's layers for decompression and progress."""
        return not self._response.is_closed and "content-encoding" not in self.headers

    def _stream(self) -> Any:
        return self._response.stream

    def _raise_read_error(self, error: httpx.HTTPError) -> NoReturn:
        """Raise httpx's error of a read as this package's."""
        cause = redact_http_error(error, self._response.request, self.secret)
        is_timeout = isinstance(error, httpx_classes(httpx.ReadTimeout))
        raise (self._deadline.expired_timeout() if is_timeout else to_stream_error(cause)) from cause

    def _parse(self, chunk: bytes) -> list[Json]:
        if self._sniffing:
            self._sniff(chunk)
        if self._unexpected is not None:
            self._collect_unexpected(self._unexpected, chunk)
            return []
        events = self._parser.feed(chunk)
        if events:
            self._deadline.last_event = monotonic()
        else:
            self._deadline.check()
        return events

    def _sniff(self, chunk: bytes) -> None:
        """Recognize JSON or HTML by its first byte, which no field of an event has. Content types can be wrong."""
        first = chunk.lstrip(_BLANK)[:1]
        self._sniffing = not first
        self._unexpected = [] if first in (b"{", b"[", b"<") else None

    def _collect_unexpected(self, unexpected: list[bytes], chunk: bytes) -> None:
        unexpected.append(chunk)
        self._deadline.check()
        if sum(map(len, unexpected)) > _MAX_UNEXPECTED_BYTES:
            self._parse_end()

    def _parse_end(self) -> list[Json]:
        if self._unexpected is not None:
            raise not_a_stream_error(self._response, b"".join(self._unexpected), self.secret)
        return self._parser.close()

    # --- closing ------------------------------------------------------------------------------------------------------

    def _can_be_reused(self) -> bool:
        """Return whether to read to the end after the last event. Never without a limit on the wait."""
        if self._parser.finished and self._deadline.enforced:
            self._deadline.shorten(REUSE_TIMEOUT)
            return True
        return False

    def close(self) -> None:
        """Free the connection."""
        if self._can_be_reused():
            with suppress(*httpx_classes(httpx.HTTPError)):
                while GC_GUARD.next(self._chunks) is not None:
                    pass
        self._deadline.release()
        self._response.close()

    async def aclose(self) -> None:
        """Free the connection."""
        try:
            if self._can_be_reused():
                with suppress(*httpx_classes(httpx.HTTPError)):
                    async for _ in self._chunks:
                        pass
        finally:
            self._deadline.release()
            await self._response.aclose()
            if isinstance(self._chunks, AsyncGenerator):
                with suppress(RuntimeError):  # the event loop is ending and already closes it
                    await self._chunks.aclose()
