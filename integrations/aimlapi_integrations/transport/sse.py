"""Server-sent events out of bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html

Lines end in LF, CRLF or CR and in nothing else: U+2028 and its like, on which `str.splitlines` splits, are text here.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from pydantic_core import from_json

from .._utils.json import parse_json
from ..errors import StreamError
from .surrogate_joiner import SurrogateJoiner

Json: TypeAlias = dict[str, Any]

_BOM = b"\xef\xbb\xbf"
_PREVIEW = 200
_USUAL_NAME = re.compile(rb"event: response[\w.]*")


class EventParser:
    """Turns the bytes of one stream, cut anywhere, into the JSON objects that its events hold.

    An event that cannot be read is a StreamError, raised after the events before it were given.

    Examples:
        >>> parser = EventParser()
        >>> parser.feed(b'data: {"a": 1}\\n\\ndata: {"a"'), parser.feed(b": 2}\\n\\n")
        ([{'a': 1}], [{'a': 2}])
    """

    __slots__ = ("_between", "_data", "_event", "_failure", "_halves", "_pieces", "_skip_lf", "_started", "finished")

    def __init__(self) -> None:
        self.finished = False
        """Whether the stream said `[DONE]`, or its reader that it is done."""
        self._failure: StreamError | None = None
        self._started = False
        self._between = True
        self._skip_lf = False
        self._pieces: list[bytes] = []
        self._data: list[bytes] = []
        self._event = b""
        self._halves = SurrogateJoiner()

    def feed(self, chunk: bytes) -> list[Json]:
        """The events that `chunk` completes."""
        if self._between and b"\n\n" in chunk and b"\r" not in chunk:
            usual = self._read_frames(chunk)
            if usual is not None:
                return usual
        self._check()
        events = [] if self.finished else self._given(self._read_lines(self._complete_lines(chunk)))
        waiting = self._skip_lf or self._data or self._event or self._halves
        self._between = not (waiting or self.finished or self._failure)
        return events

    def _read_frames(self, chunk: bytes) -> list[Json] | None:
        """The events, where each is JSON in one line, named or not, as nearly all are; else None, nothing read."""
        *frames, rest = (b"".join([*self._pieces, chunk]) if self._pieces else chunk).split(b"\n\n")
        events: list[Json] = []
        for frame in frames:
            name, _, data = frame.rpartition(b"\n")
            if data[:7] != b"data: {" or (name and not _USUAL_NAME.fullmatch(name)):
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
        """The event that the end of the stream completes: the blank line after the last one may be missing."""
        self._check()
        if self.finished:
            return []
        rest, self._pieces = b"".join(self._pieces), []
        return self._given(self._read_lines([rest, b""]) + self._halves.rest())

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
            events += self._halves.rest()
        elif data or name == b"error":
            self._append(events, data, name)
        return events

    def _append(self, events: list[Json], data: bytes, name: bytes) -> None:
        if name == b"error":
            events += [*self._halves.rest(), _reported(_json_or_text(data))]
            return
        try:
            found = self._halves.read(data)
        except ValueError:
            events += self._halves.rest()
            self._failure = _broken("is not JSON", data)
            return
        events += (value for value in found if isinstance(value, dict))
        if not all(isinstance(value, dict) for value in found):
            self._failure = _broken("is no JSON object", data)


def _broken(what: str, data: bytes) -> StreamError:
    return StreamError(f"The stream broke off: an event {what}: {_preview(data)}.")


def _json_or_text(data: bytes) -> Any:
    try:
        return parse_json(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _reported(value: Any) -> Json:
    """An event that is called `error`, in the one form that says so itself."""
    if isinstance(value, dict) and (value.get("error") or value.get("type")):
        return value
    return {"error": value or "no reason was given"}


def _preview(data: bytes) -> str:
    text = data[: _PREVIEW * 4].decode("utf-8", "replace")
    return repr(text if len(text) <= _PREVIEW else f"{text[:_PREVIEW]}…")
