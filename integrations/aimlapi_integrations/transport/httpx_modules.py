"""httpx and httpx2: two modules with the same names. The caller's HTTP client may come from either.

httpx2 is never imported here. A client of it only exists in a process that has imported it, so `sys.modules` has it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import httpx

T = TypeVar("T")


class AnyClient(Protocol):
    """An `httpx.Client` or `httpx2.Client`, for type checkers. `check_http_client` checks it at run time."""

    @property
    def build_request(self) -> Callable[..., Any]:
        """Build a request with the client's defaults."""

    def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> Any:
        """Send a request."""


class AnyAsyncClient(Protocol):
    """An `httpx.AsyncClient` or `httpx2.AsyncClient`, for type checkers."""

    @property
    def build_request(self) -> Callable[..., Any]:
        """Build a request with the client's defaults."""

    async def send(self, request: Any, *, stream: bool, follow_redirects: bool) -> Any:
        """Send a request."""


def httpx_classes(*classes: type[T]) -> tuple[type[T], ...]:
    """Return classes of httpx, and those of the same names in httpx2 if it is loaded, for `isinstance` and `except`.

    >>> httpx_classes(httpx.ReadTimeout)[0] is httpx.ReadTimeout
    True
    """
    httpx2 = sys.modules.get("httpx2")
    return classes + tuple(getattr(httpx2, cls.__name__) for cls in classes if hasattr(httpx2, cls.__name__))


def httpx_module_of(request: httpx.Request) -> Any:
    """Return the module that a request comes from, so that its response is built from the same."""
    return sys.modules["httpx2"] if isinstance(request, httpx_classes(httpx.Request)[1:]) else httpx


def request_builder(client: Any) -> Callable[..., Any]:
    """Return `build_request` of the caller's client, adapted to take an `httpx.URL`, which httpx2 rejects."""
    build: Callable[..., Any] = client.build_request
    if isinstance(client, (httpx.Client, httpx.AsyncClient)):
        return build
    return lambda method, url, **arguments: build(method, str(url), **arguments)


def check_http_client(client: Any, cls: type[T], argument: str = "http_client") -> T | None:
    """Return the caller's HTTP client if it is None, or a `cls` of httpx or httpx2.

    Args:
        client: the value of the argument.
        cls: `httpx.Client` or `httpx.AsyncClient`.
        argument: its name, for the error.

    Raises:
        TypeError: it is something else.
    """
    if client is None or isinstance(client, httpx_classes(cls)):
        return client
    expected = f"httpx.{cls.__name__} or httpx2.{cls.__name__}"
    raise TypeError(f"{argument}: expected an instance of {expected}, received {_describe(client)}. {_hint(client)}")


def _describe(client: object) -> str:
    cls = client if isinstance(client, type) else type(client)
    name = f"{cls.__module__}.{cls.__qualname__}"
    return f"the class {name}" if cls is client else f"an instance of {name}"


def _hint(client: object) -> str:
    match client:
        case type():
            return "Pass an instance of the class."
        case _ if isinstance(client, httpx_classes(httpx.AsyncClient)):
            return "This client is async: pass it as the argument for async calls."
        case _ if isinstance(client, httpx_classes(httpx.Client)):
            return "This client is sync: pass it as the argument for sync calls."
    return "Create one, or leave the argument out."
