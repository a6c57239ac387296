"""The gateway on a port of this machine."""

from __future__ import annotations

import logging
import socket
import threading
import time
from types import TracebackType

import uvicorn

from .connections import Protocol
from .gateway import create_app
from .store import Memory, Record


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # by its number asyncio knows to set NODELAY
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _on_purpose(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("ASGI callable returned without")


def server(memory: Memory) -> uvicorn.Server:
    """A uvicorn server that reports errors only, of which a reply that was cut on purpose is none."""
    logging.getLogger("uvicorn.error").addFilter(_on_purpose)
    config = uvicorn.Config(
        create_app(memory),
        http=Protocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class Emulator:
    """The gateway, offline, for as long as the block runs.

    Args:
        port: where to listen; 0 takes any free port.
        host: the address to listen at.

    Examples:
        >>> with Emulator() as gateway:                                  # doctest: +SKIP
        ...     Client(api_key="any", base_url=gateway.base_url).chat("Hello")
        ...     gateway.requests[-1].json["messages"]
    """

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._memory = Memory()
        self._wanted = (host, port)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT/v1`, as clients take it."""
        if self._socket is None:
            raise RuntimeError("The emulator is not running: use `with Emulator() as gateway:` or call start()")
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"

    @property
    def requests(self) -> list[Record]:
        """Every request since the start or the last `reset`, in order of arrival."""
        return self._memory.requests

    def reset(self) -> None:
        """Forgets requests, stored responses, cached prompts and counted faults."""
        self._memory.clear()

    def start(self) -> Emulator:
        """Listens, and returns when it does. Raises OSError where the port is taken."""
        if self._thread is not None:
            raise RuntimeError("The emulator is running already")
        self._socket = listen(*self._wanted)
        self._server = server(self._memory)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="aimlapi-emulator", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.001)
        return self

    def stop(self) -> None:
        """Closes every connection and returns when the port is free."""
        if self._server is None or self._thread is None or self._socket is None:
            return
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()
        self._server = self._thread = self._socket = None

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
