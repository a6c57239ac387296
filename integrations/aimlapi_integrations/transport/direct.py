"""The connections that are made here: httpx's transports, without its client around them.

What the client adds (cookies, redirects, event hooks, authentication) has no use here and costs a sixth of a call. A
client is used where the caller gives one, and where the environment names proxies, which it alone sees to.
"""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import httpx

from .environment import proxies, ssl_context, through_proxies
from .pool import PooledTransport


class Direct:
    """Sends requests as they are."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def send(self, request: httpx.Request, **_: bool) -> httpx.Response:
        """The answer, yet to be read, as a client gives it with `stream=True, follow_redirects=False`."""
        response = self._transport.handle_request(request)
        response.request = request
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AsyncDirect:
    """The same, asynchronously."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self.is_closed = False

    async def send(self, request: httpx.Request, **_: bool) -> httpx.Response:
        """As `Direct.send`."""
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        self.is_closed = True
        await self._transport.aclose()


HTTP: TypeAlias = httpx.Client | Direct
AsyncHTTP: TypeAlias = httpx.AsyncClient | AsyncDirect


def connect(limits: httpx.Limits) -> HTTP:
    """New connections for threads. ConfigurationError where the environment names what cannot be used."""
    context = ssl_context()
    if proxies():
        return through_proxies(partial(httpx.Client, verify=context, limits=limits))
    return Direct(httpx.HTTPTransport(verify=context, limits=limits))


def connect_async(limits: httpx.Limits) -> AsyncHTTP:
    """New connections for one event loop, likewise."""
    context = ssl_context()
    if proxies():
        return through_proxies(partial(httpx.AsyncClient, verify=context, limits=limits))
    return AsyncDirect(PooledTransport(limits, verify=context))
