"""Server-sent events on their way out, and the ways in which a stream may end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


@dataclass(frozen=True)
class Event:
    """One event: its data (`str` goes out as it is), what kind of thing it carries, and its name where it has one."""

    data: Any
    kind: str = ""
    name: str = ""


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def frame(event: Event) -> bytes:
    data = event.data if isinstance(event.data, str) else dumps(event.data)
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {data}\n\n".encode()


@dataclass(frozen=True)
class Stream:
    """A stream to be sent: its frames, how it ends, and the seconds between frames.

    It ends in order, or is cut (the connection breaks before the body is over), or stalls (nothing more comes).
    """

    frames: tuple[bytes, ...]
    end: Literal["whole", "cut", "stall"] = "whole"
    delay: float = 0.0


def stream_of(events: Iterable[Event]) -> Stream:
    return Stream(tuple(map(frame, events)))


class StreamResponse(Response):
    """Sends a `Stream`, one frame at a time, and stops when the client has gone."""

    def __init__(self, stream: Stream, headers: dict[str, str] | None = None) -> None:
        super().__init__(headers=HEADERS | (headers or {}))
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self.stream = stream

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(send))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, gone):
                task.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for piece in self.stream.frames:
            await asyncio.sleep(self.stream.delay)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self.stream.end == "stall":
            await asyncio.Event().wait()
        if self.stream.end == "whole":
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
