"""The events of one response: how its bytes are parsed, and how to leave a stream before its end.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
Lines end in LF, CRLF or CR and nothing else. U+2028 and others, at which `str.splitlines` splits, are text here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any, NoReturn, TypeAlias

import httpx
from pydantic import SecretStr
from pydantic_core import from_json
from typing_extensions import Self

from .._utils.json import load_json_with_surrogates, parse_json, replace_lone_surrogates
from ..errors import StreamError
from .httpx_modules import httpx_classes
from .pool import GC_GUARD
from .response import normalize_headers, not_a_stream_error, redact_http_error, to_stream_error
from .timeouts import ChunkDeadline

Json: TypeAlias = dict[str, Any]
_Path: TypeAlias = tuple[Any, ...]

# Seconds to wait, after the last event, for the few bytes that let the connection be reused.
REUSE_TIMEOUT = 0.25

_BLANK = b"\xef\xbb\xbf \r\n\t"
_MAX_UNEXPECTED_BYTES = 1_000_000
_BOM = b"\xef\xbb\xbf"
_PREVIEW = 200


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


# --- parsing ----------------------------------------------------------------------------------------------------------


class EventParser:
    """Parses the bytes of one stream, split anywhere, into the JSON objects of its events.

    An unreadable event is a StreamError, raised after the events before it were returned.

    Examples:
        >>> parser = EventParser()
        >>> parser.feed(b'data: {"a": 1}\\n\\ndata: {"a"'), parser.feed(b": 2}\\n\\n")
        ([{'a': 1}], [{'a': 2}])
    """

    __slots__ = ("_data", "_event", "_failure", "_idle", "_joiner", "_pieces", "_skip_lf", "_started", "finished")

    def __init__(self) -> None:
        self.finished = False
        """Whether `[DONE]` was received, or the reader set it."""
        self._failure: StreamError | None = None
        self._started = False
        self._idle = True  # between two events
        self._skip_lf = False
        self._pieces: list[bytes] = []
        self._data: list[bytes] = []
        self._event = b""
        self._joiner = SurrogateJoiner()

    def feed(self, chunk: bytes) -> list[Json]:
        """Return the events that `chunk` completes."""
        if self._idle and b"\n\n" in chunk and b"\r" not in chunk:
            events = self._parse_common(chunk)
            if events is not None:
                return events
        self._raise_failure()
        events = [] if self.finished else self._return_or_raise(self._parse_lines(self._complete_lines(chunk)))
        incomplete = self._skip_lf or self._data or self._event or self._joiner
        self._idle = not (incomplete or self.finished or self._failure)
        return events

    def _parse_common(self, chunk: bytes) -> list[Json] | None:
        """Parse events that are JSON on one line, with or without a name, as nearly all are. Else None, unchanged."""
        *frames, rest = (b"".join([*self._pieces, chunk]) if self._pieces else chunk).split(b"\n\n")
        events: list[Json] = []
        for frame in frames:
            name, _, data = frame.rpartition(b"\n")
            if data[:7] != b"data: {" or (name and (name[:15] != b"event: response" or b"\n" in name)):
                return None
            try:
                events.append(from_json(data[6:]))
            except ValueError:
                return None
        if b"\n" in rest:
            return None
        self._started = True
        self._pieces = [rest] if rest else []
        return events

    def close(self) -> list[Json]:
        """Return the events that the end of the stream completes: the last one needs no blank line."""
        self._raise_failure()
        if self.finished:
            return []
        rest, self._pieces = b"".join(self._pieces), []
        return self._return_or_raise(self._parse_lines([rest, b""]) + self._joiner.flush())

    def _return_or_raise(self, events: list[Json]) -> list[Json]:
        if not events:
            self._raise_failure()
        return events

    def _raise_failure(self) -> None:
        if self._failure:
            raise self._failure

    def _complete_lines(self, chunk: bytes) -> list[bytes]:
        """Return the lines that `chunk` completes. Pieces of a line are joined once, so the cost stays linear."""
        if self._skip_lf and chunk:
            chunk, self._skip_lf = chunk.removeprefix(b"\n"), False
        self._pieces.append(chunk)
        if b"\n" not in chunk and b"\r" not in chunk:
            return []
        text = b"".join(self._pieces)
        lines = text.splitlines()  # of bytes: at LF, CRLF and CR only
        self._skip_lf = text.endswith(b"\r")
        self._pieces = [] if text.endswith((b"\n", b"\r")) else [lines.pop()]
        return lines

    def _parse_lines(self, lines: list[bytes]) -> list[Json]:
        events: list[Json] = []
        if lines and not self._started:
            self._started, lines[0] = True, lines[0].removeprefix(_BOM)
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line:
                if self._data or self._event:
                    self._dispatch(events)
                if self.finished or self._failure:
                    break
            elif line.startswith(b"event:"):
                self._event = line[6:].strip()
        return events

    def _dispatch(self, events: list[Json]) -> None:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        name, self._event = self._event, b""
        self._data.clear()
        if data.strip() == b"[DONE]":
            self.finished = True
            events += self._joiner.flush()
        elif data or name == b"error":
            self._append(events, data, name)

    def _append(self, events: list[Json], data: bytes, name: bytes) -> None:
        if name == b"error":
            events += [*self._joiner.flush(), _error_event(_json_or_text(data))]
            return
        try:
            values = self._joiner.parse(data)
        except ValueError:
            events += self._joiner.flush()
            self._failure = _invalid_event("is not JSON", data)
            return
        events += (value for value in values if isinstance(value, dict))
        if not all(isinstance(value, dict) for value in values):
            self._failure = _invalid_event("is not a JSON object", data)


def _invalid_event(problem: str, data: bytes) -> StreamError:
    return StreamError(f"The stream broke off: an event {problem}: {_preview(data)}.")


def _json_or_text(data: bytes) -> Any:
    try:
        return parse_json(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _error_event(value: Any) -> Json:
    """Return the data of an event named `error` in a form that marks it as an error."""
    if isinstance(value, dict) and (value.get("error") or value.get("type")):
        return value
    return {"error": value or "no reason was given"}


def _preview(data: bytes) -> str:
    text = data[: _PREVIEW * 4].decode("utf-8", "replace")
    return repr(text if len(text) <= _PREVIEW else f"{text[:_PREVIEW]}…")


# --- emoji split between two events -----------------------------------------------------------------------------------


class SurrogateJoiner:
    """Joins emoji that two events share: JSON may escape one as a pair of surrogates, and a stream may split the pair.

    An event that ends in a high surrogate is held until the next one, which may start with the low surrogate.

    >>> joiner = SurrogateJoiner()
    >>> joiner.parse(rb'{"text": "a\\ud83d"}'), joiner.parse(rb'{"text": "\\ude00b"}')
    ([], [{'text': 'a😀'}, {'text': 'b'}])
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: Any = None

    def __bool__(self) -> bool:
        """Whether an event is held."""
        return self._held is not None

    def parse(self, data: bytes) -> list[Any]:
        """Parse an event, and return the values that are complete now. ValueError if it isn't JSON."""
        try:
            value = from_json(data)
        except ValueError as error:
            if "recursion" in str(error):
                raise
        else:
            return [*self.flush(), value]
        value = load_json_with_surrogates(data)
        replace_lone_surrogates(value)  # raises if the value is nested too deeply
        _join_surrogates(self._held, value)
        complete = self.flush()
        if isinstance(value, dict) and any(_ends_in_high_surrogate(text) for _, text in _iter_strings(value)):
            self._held = value
            return complete
        return [*complete, replace_lone_surrogates(value)]

    def flush(self) -> list[Any]:
        """Return the held event as it is if nothing else comes."""
        held, self._held = self._held, None
        return [] if held is None else [replace_lone_surrogates(held)]


def _join_surrogates(first: Any, second: Any) -> None:
    """Move low surrogates from the start of strings in `second` to the high ones at the same paths in `first`."""
    high = {path: text for path, text in _iter_strings(first) if _ends_in_high_surrogate(text)}
    low = [(path, text) for path, text in _iter_strings(second) if path in high and "\udc00" <= text[:1] <= "\udfff"]
    for path, text in low:
        _set_at(first, path, high[path] + text[0])
        _set_at(second, path, text[1:])


def _ends_in_high_surrogate(text: str) -> bool:
    return "\ud800" <= text[-1:] <= "\udbff"


def _iter_strings(value: Any, path: _Path = ()) -> Iterator[tuple[_Path, str]]:
    """Yield each string in `value` with the path to it."""
    if isinstance(value, str):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _iter_strings(item, (*path, key))


def _set_at(value: Any, path: _Path, text: str) -> None:
    *parents, last = path
    for key in parents:
        value = value[key]
    value[last] = text
