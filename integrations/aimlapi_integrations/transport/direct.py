"""The package's own connections: httpx's transports without its client around them.

What the client adds (cookies, redirects, event hooks, authentication) is of no use here and takes a sixth of a
request's time. A client is used if the caller passes one, or if the environment names proxies, which only a client
supports.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar
from urllib.request import getproxies

import httpx

from ..errors import ConfigurationError
from ..errors.parsing import redact_url
from .pool import PooledTransport
from .validation import can_connect


def build_request(
    method: str,
    url: httpx.URL | str,
    *,
    headers: httpx.Headers,
    params: Any = None,
    content: bytes | None = None,
    **arguments: Any,
) -> httpx.Request:
    """Build an `httpx.Request`, at a third of the cost if it has a body of bytes. `headers` include the host."""
    if not content:
        return httpx.Request(method, url, params=params, headers=headers, content=content, **arguments)
    headers = headers.copy()
    headers["Content-Length"] = str(len(content))
    request = httpx.Request(method, url, params=params, headers=headers, stream=httpx.ByteStream(content), **arguments)
    request.read()  # so that `request.content` is the body, for whoever patches a transport
    return request


class Direct:
    """Send requests through a transport as they are."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def send(self, request: httpx.Request, **_: bool) -> httpx.Response:
        """Return the unread response, as a client does with `stream=True, follow_redirects=False`."""
        response = self._transport.handle_request(request)
        response.request = request
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AsyncDirect:
    """The async `Direct`."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self.is_closed = False

    async def send(self, request: httpx.Request, **_: bool) -> httpx.Response:
        """See `Direct.send`."""
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        self.is_closed = True
        await self._transport.aclose()


HTTP: TypeAlias = httpx.Client | Direct
AsyncHTTP: TypeAlias = httpx.AsyncClient | AsyncDirect
T = TypeVar("T")


def connect(limits: httpx.Limits) -> HTTP:
    """Open a pool of connections for threads.

    Raises:
        ConfigurationError: the environment names certificates or proxies that can't be used.
    """
    context = ssl_context()
    if proxies():
        return with_proxies(partial(httpx.Client, verify=context, limits=limits))
    return Direct(httpx.HTTPTransport(verify=context, limits=limits))


def connect_async(limits: httpx.Limits) -> AsyncHTTP:
    """Open a pool of connections for one event loop. See `connect`."""
    context = ssl_context()
    if proxies():
        return with_proxies(partial(httpx.AsyncClient, verify=context, limits=limits))
    return AsyncDirect(PooledTransport(limits, verify=context))


# --- one client per event loop ----------------------------------------------------------------------------------------

# An httpx.AsyncClient belongs to the event loop in which it first ran: in another one it fails or sends twice. One that
# is merely dropped leaves its socket open. So each loop gets its own client, held by an async generator: `asyncio.run`
# closes the async generators of its loop at the end, and this one then closes the client.


class ClientPerLoop:
    """Creates a client with `create` for each event loop that needs one."""

    def __init__(self, create: Callable[[], AsyncHTTP]) -> None:
        self._create = create
        # Not a WeakKeyDictionary: a client's sockets refer to their loop, so each value would keep its key alive.
        self._clients: dict[asyncio.AbstractEventLoop, _LoopClient] = {}
        weakref.finalize(self, _close_all, self._clients).atexit = False

    async def get(self) -> AsyncHTTP:
        """Return the client of the running loop."""
        loop = asyncio.get_running_loop()
        entry = self._clients.get(loop)
        if entry is None or entry.client.is_closed:
            self._drop_closed_loops()
            entry = self._clients[loop] = _LoopClient(self._create(), loop)
            await entry.start()
        return entry.client

    def _drop_closed_loops(self) -> None:
        for loop in list(self._clients):
            if loop.is_closed():
                self._clients.pop(loop, None)
        for client, entry in list(_STARTED.items()):
            if entry.loop.is_closed():
                _STARTED.pop(client, None)

    async def aclose(self) -> None:
        """Close the clients: that of the running loop now, the others as soon as their loops can."""
        running_loop = asyncio.get_running_loop()
        for loop in list(self._clients):
            entry = self._clients.pop(loop, None)
            if entry and loop is running_loop:
                await entry.close()
            elif entry:
                entry.close_soon()


class _LoopClient:
    """A client and what closes it. Only the first of several closers does, and the others wait for it."""

    def __init__(self, client: AsyncHTTP, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop
        self._lock = asyncio.Lock()
        self._closer = _close_at_end(client, self._lock)

    async def start(self) -> None:
        _STARTED[self.client] = self
        await self._closer.__anext__()

    async def close(self) -> None:
        async with self._lock:
            await self.client.aclose()
        with suppress(RuntimeError):  # the loop is ending and already runs it
            await self._closer.aclose()

    def close_soon(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self._create_closing_task)

    def _create_closing_task(self) -> None:
        task = self.loop.create_task(self.close())
        _CLOSING_TASKS.add(task)
        task.add_done_callback(_CLOSING_TASKS.discard)


# References until the loop ends. If the user of a client held the only one and dropped it in the last moments of
# `asyncio.run`, closing would start there and not complete.
_STARTED: dict[AsyncHTTP, _LoopClient] = {}
_CLOSING_TASKS: set[asyncio.Task[None]] = set()


def _close_all(clients: dict[asyncio.AbstractEventLoop, _LoopClient]) -> None:
    """Close the clients of a `ClientPerLoop` that was garbage collected."""
    for entry in list(clients.values()):
        entry.close_soon()


async def _close_at_end(client: AsyncHTTP, lock: asyncio.Lock) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        async with lock:
            await client.aclose()
        _STARTED.pop(client, None)


# --- certificates and proxies of the environment ----------------------------------------------------------------------

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_TLS_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the default TLS settings, created once: loading the certificates takes tens of milliseconds.

    Raises:
        ConfigurationError: the environment names certificates that can't be read.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if file and not os.path.exists(file):  # httpx 0.27 uses certifi's instead
            raise FileNotFoundError(f"no such file: {file!r}")
        if folder and not file and not os.path.isdir(folder):
            raise NotADirectoryError(f"no such directory: {folder!r}")
        return httpx.create_ssl_context()
    except OSError as error:
        variables = [f"{name}={value!r}" for name in _TLS_VARIABLES if (value := os.environ.get(name))]
        advice = f" Check {' and '.join(variables)}, or unset it." if variables else " Reinstall certifi."
        raise ConfigurationError(f"The TLS certificates can't be loaded: {error}.{advice}") from error


def proxies() -> dict[str, str]:
    """Return the proxies of the environment by scheme: `http`, `https`, `all`."""
    return {scheme: value for scheme, value in getproxies().items() if scheme in ("http", "https", "all")}


def with_proxies(create_client: Callable[[], T]) -> T:
    """Create a client that takes its proxies from the environment.

    Raises:
        ConfigurationError: one of them can't be used; the text says what to set.
    """
    for scheme, value in proxies().items():
        if not _is_proxy(value):
            raise ConfigurationError(
                f"{scheme.upper()}_PROXY={redact_url(value)!r} is not the URL of a proxy: set it to one like "
                f"http://host:8080 or socks5://host:1080, or unset it."
            )
    try:
        return create_client()
    except ImportError as error:
        raise ConfigurationError(
            "The environment names a SOCKS proxy, which needs another package: pip install 'httpx[socks]', or unset "
            "ALL_PROXY, HTTPS_PROXY or HTTP_PROXY."
        ) from error
    except (ValueError, httpx.InvalidURL) as error:
        no_proxy = getproxies().get("no", "")
        raise ConfigurationError(
            f"NO_PROXY={no_proxy!r} can't be used: {error}. Set it to host names separated by commas, or unset it."
        ) from error


def _is_proxy(value: str) -> bool:
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
    except httpx.InvalidURL:
        return False
    return url.scheme in _PROXY_SCHEMES and can_connect(url) and not re.search(r"\s", value)
