"""Parses server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html

Lines end in LF, CRLF or CR and nothing else. U+2028 and others, at which `str.splitlines` splits, are text here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from pydantic_core import from_json

from .._utils.json import load_json_with_surrogates, parse_json, replace_lone_surrogates
from ..errors import StreamError

Json: TypeAlias = dict[str, Any]
_Path: TypeAlias = tuple[Any, ...]

_BOM = b"\xef\xbb\xbf"
_PREVIEW = 200


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
