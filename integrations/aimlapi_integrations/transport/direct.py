"""The package's own connections: httpx's transports without its client around them.

What the client adds (cookies, redirects, event hooks, authentication) is of no use here and takes a sixth of a
request's time. A client is used if the caller passes one, or if the environment names proxies, which only a client
supports.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from functools import cache, partial
from typing import TypeAlias, TypeVar
from urllib.request import getproxies

import httpx

from ..errors import ConfigurationError
from ..errors.parsing import redact_url
from .pool import PooledTransport
from .validation import can_connect


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


# --- certificates and proxies of the environment ----------------------------------------------------------------------

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_TLS_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the default TLS settings, created once: loading the certificates takes tens of milliseconds.

    Raises:
        ConfigurationError: the environment names certificates that can't be read.
    """
    folder = os.environ.get("SSL_CERT_DIR")
    try:
        if folder and not os.environ.get("SSL_CERT_FILE") and not os.path.isdir(folder):
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
