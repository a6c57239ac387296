"""Server-sent events out of bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html

Lines end in LF, CRLF or CR and in nothing else: U+2028 and its like, on which `str.splitlines` splits, are text here.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from pydantic_core import from_json

from ..errors import StreamError

Json: TypeAlias = dict[str, Any]

_BOM = b"\xef\xbb\xbf"
_PREVIEW = 200


class EventParser:
    """Turns the bytes of one stream, cut anywhere, into the JSON objects that its events hold.

    An event that cannot be read is a StreamError, raised after the events before it were given.

    Example:
        >>> parser = EventParser()
        >>> parser.feed(b'data: {"a": 1}\\n\\ndata: {"a"'), parser.feed(b": 2}\\n\\n")
        ([{'a': 1}], [{'a': 2}])
    """

    __slots__ = ("_between", "_data", "_event", "_failure", "_pieces", "_skip_lf", "_started", "finished")

    def __init__(self) -> None:
        self.finished = False
        """Whether the stream said `[DONE]`."""
        self._failure: StreamError | None = None
        self._started = False
        self._between = True
        self._skip_lf = False
        self._pieces: list[bytes] = []
        self._data: list[bytes] = []
        self._event = b""

    def feed(self, chunk: bytes) -> list[Json]:
        """The events that `chunk` completes."""
        if self._between and b"\n\n" in chunk and b"\r" not in chunk:
            usual = self._read_frames(chunk)
            if usual is not None:
                return usual
        self._check()
        events = [] if self.finished else self._given(self._read_lines(self._complete_lines(chunk)))
        self._between = not (self._skip_lf or self._data or self._event or self.finished or self._failure)
        return events

    def _read_frames(self, chunk: bytes) -> list[Json] | None:
        """The events, where each is one line of JSON in its usual form, as nearly all are; else None, nothing read."""
        *frames, rest = (b"".join([*self._pieces, chunk]) if self._pieces else chunk).split(b"\n\n")
        events: list[Json] = []
        for frame in frames:
            if frame[:7] != b"data: {" or b"\n" in frame:
                return None
            try:
                events.append(from_json(frame[6:]))
            except ValueError:
                return None
        if b"\n" in rest:
            return None
        self._started = True
        self._pieces = [rest] if rest else []
        return events

    def close(self) -> list[Json]:
        """The event that the end of the stream completes: the blank line after the last one may be missing."""
        self._check()
        if self.finished:
            return []
        rest, self._pieces = b"".join(self._pieces), []
        return self._given(self._read_lines([rest, b""]))

    def _given(self, events: list[Json]) -> list[Json]:
        if not events:
            self._check()
        return events

    def _check(self) -> None:
        if self._failure:
            raise self._failure

    def _complete_lines(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes. The rest waits in pieces, joined once: no event costs its square."""
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

    def _read_lines(self, lines: list[bytes]) -> list[Json]:
        events: list[Json] = []
        if lines and not self._started:
            self._started, lines[0] = True, lines[0].removeprefix(_BOM)
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line:
                if self._data or self._event:
                    self._dispatched(events)
                if self.finished or self._failure:
                    break
            elif line.startswith(b"event:"):
                self._event = line[6:].strip()
        return events

    def _dispatched(self, events: list[Json]) -> list[Json]:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        name, self._event = self._event, b""
        self._data.clear()
        if data.strip() == b"[DONE]":
            self.finished = True
        elif data:
            self._append(events, data, name)
        return events

    def _append(self, events: list[Json], data: bytes, name: bytes) -> None:
        try:
            value = parse_json(data)
        except ValueError:
            value = data.decode("utf-8", "replace")
            what = "is not JSON"
        else:
            if isinstance(value, dict) and name != b"error":
                events.append(value)
                return
            what = "is no JSON object"
        if name == b"error":
            events.append(_reported(value))
        else:
            self._failure = StreamError(f"The stream broke off: an event {what}: {_preview(data)}.")


def _reported(value: Any) -> Json:
    """An event that is called `error`, in the one form that says so itself."""
    return value if isinstance(value, dict) and (value.get("error") or value.get("type")) else {"error": value}


def _preview(data: bytes) -> str:
    text = data[: _PREVIEW * 4].decode("utf-8", "replace")
    return repr(text if len(text) <= _PREVIEW else f"{text[:_PREVIEW]}…")


def parse_json(data: bytes) -> Any:
    """JSON, fast. Half of an emoji, an escaped surrogate alone, is U+FFFD: no text that holds one could be sent on.

    Raises:
        ValueError: it is not JSON, or nested too deeply to be read by recursion.
    """
    try:
        return from_json(data)
    except ValueError as problem:
        if "recursion" in str(problem):
            raise
    try:
        text = json.dumps(json.loads(data), ensure_ascii=False)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return from_json(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
