"""The gateway on a port of this machine."""

from __future__ import annotations

import difflib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

import uvicorn

from .faults import Protocol, ScheduledFault, parse_fault
from .faults.table import FAULT_OPTIONS, FAULTS, find_fault
from .gateway import build_app
from .store import EmulatorOptions, GatewayState, Record


def bind_socket(host: str, port: int) -> socket.socket:
    """Bind a socket. Port 0 picks a free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # with IPPROTO_TCP, asyncio sets TCP_NODELAY
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket) -> str:
    """The base URL of a server on a socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def create_server(state: GatewayState) -> uvicorn.Server:
    """Create a uvicorn server that logs errors only, except for replies that a fault cut."""
    logging.getLogger("uvicorn.error").addFilter(_is_unintended)
    config = uvicorn.Config(
        build_app(state),
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


def _is_unintended(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("ASGI callable returned without")


def _unknown(kind: str, name: str, known: Iterable[str]) -> ValueError:
    similar = difflib.get_close_matches(name, known, n=3)
    hint = f" Did you mean {' or '.join(map(repr, similar))}?" if similar else ""
    return ValueError(
        f"{kind}: {name!r} is unknown.{hint} List them with: python -m aimlapi_integrations.emulator --faults"
    )


class Emulator:
    """Run the gateway, offline, for as long as the `with` block lasts.

    Args:
        port: the port to listen on; 0 picks a free one.
        host: the address to listen on.
        any_model: serve unknown model ids, too. By default they answer 404, as at the gateway.
        log: write one line per request (method, path, model, status, milliseconds; never keys): True writes to
            stderr, a function is called with each line.
        hide_keys: replace API keys in recorded requests by "[hidden]".

    Examples:
        >>> with Emulator() as gateway:                                  # doctest: +SKIP
        ...     Client(api_key="any", base_url=gateway.base_url).chat("Hello")
        ...     gateway.requests[-1].json["messages"]
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        any_model: bool = False,
        log: bool | Callable[[str], object] = False,
        hide_keys: bool = False,
    ) -> None:
        self._state = GatewayState(EmulatorOptions(any_model, hide_keys, log))
        self._address = (host, port)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def base_url(self) -> str:
        """The base URL for clients: `http://127.0.0.1:PORT/v1`."""
        if self._socket is None:
            raise RuntimeError("The emulator is not running: use `with Emulator() as gateway:` or call start()")
        return url_of(self._socket)

    @property
    def requests(self) -> list[Record]:
        """Every request since the start or the last `reset`, in order of arrival."""
        return self._state.requests

    def reset(self) -> None:
        """Forget requests, stored responses, cached prompts, faults and their counts."""
        self._state.clear()

    def fail(self, fault: str, times: int | None = 1, *, model: str | None = None) -> None:
        """Make the next requests fail, without a change of the code under test.

        Args:
            fault: what happens: `status-429; retry-after=1`, `drop`, `cut-mid-text` … `--faults` lists them.
            times: how many requests fail; None for all until `reset`. Retries are requests, too. Faults that are
                scheduled by several calls apply in order.
            model: fail requests of this model id only.

        Raises:
            ValueError: there is no such fault or option, or `times` is less than 1.

        Examples:
            >>> with Emulator() as gateway:                              # doctest: +SKIP
            ...     gateway.fail("status-503", times=2)
            ...     my_chain.invoke("Hello")                             # succeeds with the third attempt
            ...     assert len(gateway.requests) == 3
        """
        requested = parse_fault(fault)
        if find_fault(requested) is None:
            raise _unknown("fault", requested.name, FAULTS)
        for option in requested.options:
            if option not in FAULT_OPTIONS:
                raise _unknown("option of a fault", option, FAULT_OPTIONS)
        if times is not None and times < 1:
            raise ValueError(f"times: expected a number from 1 up or None, received {times}")
        self._state.scheduled_faults.append(ScheduledFault(fault, float("inf") if times is None else times, model))

    def start(self) -> Emulator:
        """Start listening. Return once requests are accepted.

        Raises:
            OSError: the port is taken.
            RuntimeError: the emulator is running already.
        """
        if self._thread is not None:
            raise RuntimeError("The emulator is running already")
        self._socket = bind_socket(*self._address)
        self._server = create_server(self._state)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="aimlapi-emulator", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.001)
        return self

    def stop(self) -> None:
        """Close every connection. Return once the port is free."""
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
