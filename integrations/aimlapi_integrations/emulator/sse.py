"""Server-sent events on their way out, and the ways in which a stream may end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .connections import reset

Ending = Literal["whole", "cut", "reset", "stall"]
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
    """A stream to be sent: its frames, how it ends, the seconds between frames, and headers that are not the usual.

    It ends in order, or is cut (the connection is closed before the body is over), or reset, or stalls (nothing more
    comes).
    """

    frames: tuple[bytes, ...]
    end: Ending = "whole"
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


def stream_of(events: Iterable[Event]) -> Stream:
    return Stream(tuple(map(frame, events)))


class StreamResponse(Response):
    """Sends a `Stream`, one frame at a time, and stops when the client has gone."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(headers={**HEADERS, **stream.headers})
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(scope, send))
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, gone):
                task.cancel()
            await asyncio.gather(sending, gone, return_exceptions=True)

    async def _send(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for piece in self.stream.frames:
            await asyncio.sleep(self.stream.delay)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        match self.stream.end:
            case "whole":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            case "stall":
                await asyncio.Event().wait()
            case "reset":
                reset(scope)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
