"""A server on loopback that responds with scripted bytes, disconnects and silence.

A case is a list of acts, one for each request (the last serves all further ones); an act is a list of steps: bytes to
send, `Hang` up, or `Stall` until the client does. The requests are in `case.requests`. `FaultServer` serves many cases,
each at a path of its own; `serving` runs a server for one.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

from tests.support.replies import dumps


@dataclass(frozen=True)
class Hang:
    """Disconnect, in order or with a reset."""

    reset: bool = False


@dataclass(frozen=True)
class Stall:
    """Wait until the client disconnects, and send `drip` every few hundredths of a second."""

    drip: bytes = b""


Step: TypeAlias = bytes | Hang | Stall
Act: TypeAlias = Sequence[Step]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Case:
    """A script of the server, with a path of its own."""

    base_url: str
    responses_by_request: Sequence[Act]
    requests: list[ReceivedRequest] = field(default_factory=list)
    left: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def next(self, received_request: ReceivedRequest) -> Act:
        self.requests.append(received_request)
        return self.responses_by_request[min(len(self.requests), len(self.responses_by_request)) - 1]

    def wait_for_disconnect(self) -> bool:
        """Wait until the client disconnects from a stalled response; return whether it did."""
        return self.left.acquire(timeout=10)


class FaultServer:
    """Runs in a thread of its own: `with FaultServer() as server: case = server.case([reply(…)])`."""

    def __init__(self) -> None:
        self.connections = 0
        self.open = 0
        self._closed = threading.Condition()
        self._cases: dict[str, Case] = {}
        self._names = count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FaultServer:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0)).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_until_closed(self) -> bool:
        """Wait until no connection is open. Return whether it happened in time."""
        with self._closed:
            return self._closed.wait_for(lambda: not self.open, timeout=5)

    def case(self, *responses_by_request: Act, host: str = "127.0.0.1") -> Case:
        """A new case, at a base URL of its own."""
        name = f"case-{next(self._names)}"
        self._cases[name] = Case(f"http://{host}:{self.port}/{name}/v1", responses_by_request)
        return self._cases[name]

    def _run(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _stop(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()
            with self._closed:
                self.open -= 1
                self._closed.notify_all()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; return False if that ended the connection."""
        received_request = await _request(reader)
        case = self._case_of(received_request)
        for step in case.next(received_request):
            match step:
                case bytes():
                    writer.write(step)
                    await writer.drain()
                case Hang(reset):
                    _hang_up(writer, reset)
                    return False
                case Stall(drip):
                    await _stall(reader, writer, drip)
                    case.left.release()
                    return False
        return True

    def _case_of(self, received_request: ReceivedRequest) -> Case:
        return self._cases[received_request.path.split("/")[1]]


class CaseServer(FaultServer):
    """Serves one case, whatever the path."""

    def __init__(self, *responses_by_request: Act) -> None:
        super().__init__()
        self._case = Case("", responses_by_request)

    def __enter__(self) -> CaseServer:
        super().__enter__()
        return self

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> list[ReceivedRequest]:
        return self._case.requests

    def _case_of(self, received_request: ReceivedRequest) -> Case:
        return self._case


@contextmanager
def serving(*responses_by_request: Act | bytes) -> Iterator[CaseServer]:
    """Serve one case; an act of bytes alone needs no list."""
    acts = [[act] if isinstance(act, bytes) else act for act in responses_by_request]
    with CaseServer(*acts) as server:
        yield server


def _hang_up(writer: asyncio.StreamWriter, reset: bool) -> None:
    if reset:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()


async def _stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drip: bytes) -> None:
    with suppress(OSError):
        while True:
            with suppress(asyncio.TimeoutError):
                if not await asyncio.wait_for(reader.read(1), 0.03 if drip else None):
                    return
            writer.write(drip)
            await writer.drain()


async def _request(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path, _ = first.split(" ")
    return ReceivedRequest(method, path, headers, body)


# --- responses --------------------------------------------------------------------------------------------------------

KEY = "sk-planted-4f9c1e77aa"
"""The API key, which every response repeats in a header and every error in its body."""

ECHO = f"You sent Authorization: Bearer {KEY}"

_ALWAYS = {"x-request-id": "req-1", "x-inference-id": "inf-1", "x-echo": ECHO}


def head(status: int = 200, content_type: str | None = "application/json", **headers: str) -> bytes:
    """Return the status line and headers; `_` in names stands for `-`."""
    fields = {
        "content-type": content_type,
        **_ALWAYS,
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"HTTP/1.1 {status} Some Reason", *lines, "", ""]).encode()


def reply(body: Any = b"", status: int = 200, content_type: str | None = "application/json", **headers: str) -> bytes:
    """Return a complete response; anything but bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else dumps(body)
    return head(status, content_type, content_length=str(len(content)), **headers) + content


def stream(*pieces: bytes, content_type: str | None = "text/event-stream") -> list[bytes]:
    """Return the beginning of a streamed response, one write per piece."""
    return [head(200, content_type, transfer_encoding="chunked"), *map(chunked, pieces)]


def whole_stream(*pieces: bytes, content_type: str | None = "text/event-stream") -> list[bytes]:
    """Return a complete streamed response."""
    return [*stream(*pieces, content_type=content_type), END]


def chunked(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


END = b"0\r\n\r\n"


# --- events of no endpoint --------------------------------------------------------------------------------------------

EVENT = b'data: {"a": 1}\n\n'
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
COMMENT = chunked(b": still here\n\n")


def response(status: int, body: bytes, *headers: str) -> bytes:
    """Return a complete response with no other headers than these and its length."""
    lines = [f"HTTP/1.1 {status} Status", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


OK = response(200, b'{"ok": true}')
