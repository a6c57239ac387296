"""A server on loopback that sends raw bytes, valid or not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

EVENT = b'data: {"a": 1}\n\n'
DONE = b"data: [DONE]\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


PLAIN = answer(200, b'{"ok": true}')


@dataclass(frozen=True)
class Answer:
    """Bytes to send, in pieces. `then`: keep the connection, close it, or hang until the client closes it."""

    pieces: Iterable[bytes]
    then: str = "keep"
    comment_every: float = 0


@dataclass
class FaultServer:
    """Send the n-th of `answers` to the n-th request, and the last one to all further requests."""

    answers: list[Answer]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self._stopping = threading.Event()
        self._peers: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def wait_until_closed(self, connections: int = 0) -> bool:
        """Wait until at most that many connections are open. Return whether it happened in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.open <= connections, timeout=5)

    def close(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self.open += 1
            self._peers.append(peer)
            thread = threading.Thread(target=self._serve, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError), peer, peer.makefile("rb") as reader:
            while request := _read_request(reader):
                with self._changed:
                    self.requests.append(request)
                    scripted = self.answers[min(len(self.requests), len(self.answers)) - 1]
                if not self._send(peer, reader, scripted):
                    break
        with self._changed:
            self.open -= 1
            self._changed.notify_all()

    def _send(self, peer: socket.socket, reader: BinaryIO, scripted: Answer) -> bool:
        for piece in scripted.pieces:
            peer.sendall(piece)
        while scripted.comment_every and not self._stopping.wait(scripted.comment_every):
            peer.sendall(chunk(b": still here\n\n"))
        if scripted.then == "hang":
            reader.read(1)
        return scripted.then == "keep"


def _read_request(reader: BinaryIO) -> bytes:
    head = b""
    while (line := reader.readline()) not in (b"\r\n", b""):
        head += line
    length = next((int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length")), 0)
    return head + b"\r\n" + reader.read(length) if head else b""


@contextmanager
def serving(*answers: Answer | bytes) -> Iterator[FaultServer]:
    server = FaultServer([one if isinstance(one, Answer) else Answer([one]) for one in answers])
    try:
        yield server
    finally:
        server.close()
