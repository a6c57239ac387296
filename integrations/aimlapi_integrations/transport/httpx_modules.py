"""httpx and httpx2: two modules with the same names, of which the caller's HTTP client may come from either.

httpx2 is never imported here. A client of it can only exist in a process that has imported it, so it is looked up in
`sys.modules`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import httpx

T = TypeVar("T")


class SyncClient(Protocol):
    """An `httpx.Client` or an `httpx2.Client`, to type checkers; `check_client` holds to it at run time."""

    @property
    def build_request(self) -> Callable[..., Any]:
        """Make a request with the client's defaults."""

    def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> Any:
        """Send it."""


class AsyncClient(Protocol):
    """An `httpx.AsyncClient` or an `httpx2.AsyncClient`, likewise."""

    @property
    def build_request(self) -> Callable[..., Any]:
        """Make a request with the client's defaults."""

    async def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> Any:
        """Send it."""


def either(kind: type[T]) -> tuple[type[T], ...]:
    """`kind`, a class of httpx, and the class of that name in httpx2 if that is loaded.

    For `isinstance` and `except`:

    >>> either(httpx.ReadTimeout)[0] is httpx.ReadTimeout
    True
    """
    httpx2 = sys.modules.get("httpx2")
    return (kind, getattr(httpx2, kind.__name__)) if hasattr(httpx2, kind.__name__) else (kind,)


def module_of(request: httpx.Request) -> Any:
    """The module that a request comes from, so that a response is made of the same."""
    return sys.modules["httpx2"] if isinstance(request, either(httpx.Request)[1:]) else httpx


def check_client(client: Any, kind: type[T], argument: str = "http_client") -> T | None:
    """The caller's HTTP client, if it is a `kind` of httpx or httpx2, or None.

    Args:
        client: what was passed.
        kind: `httpx.Client` or `httpx.AsyncClient`.
        argument: its name, for the error.

    Raises:
        TypeError: it is something else.
    """
    if client is None or isinstance(client, either(kind)):
        return client
    expected = f"httpx.{kind.__name__} or httpx2.{kind.__name__}"
    raise TypeError(f"{argument}: expected an instance of {expected}, received {_describe(client)}. {_hint(client)}")


def _describe(client: object) -> str:
    cls = client if isinstance(client, type) else type(client)
    described = f"{cls.__module__}.{cls.__qualname__}"
    return f"the class {described}" if cls is client else f"one of {described}"


def _hint(client: object) -> str:
    match client:
        case type():
            return "Call the class and pass what it returns."
        case _ if isinstance(client, either(httpx.AsyncClient)):
            return "This one serves async calls: pass it as the async client."
        case _ if isinstance(client, either(httpx.Client)):
            return "This one serves sync calls: pass it as the sync client."
    return "Make a client of one of these, or leave the argument out."
