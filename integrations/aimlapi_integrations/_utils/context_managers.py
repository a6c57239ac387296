"""Context managers: objects that hold HTTP clients, which can't be pickled, streams, and reactions to errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, _GeneratorContextManager
from functools import wraps
from typing import Any, Generic, TypeVar

from typing_extensions import Never, ParamSpec, Self

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=Exception)


def not_in_block(keyword: str = "") -> TypeError:
    """Return the error for a stream that is read outside of a `with` block; `keyword` is `async ` for an async one."""
    article = "an" if keyword else "a"
    return TypeError(
        f"A stream is read in {article} `{keyword}with` block: "
        f"{keyword}with client.chat_stream(…) as deltas: {keyword}for delta in deltas: …"
    )


class _StreamContextManager(_GeneratorContextManager[T]):
    def __iter__(self) -> Never:
        raise not_in_block()


def stream_context(function: Callable[P, Iterator[T]]) -> Callable[P, AbstractContextManager[T]]:
    """Do what `contextlib.contextmanager` does, for a stream: iterating over it without `with` says what to write."""

    @wraps(function)
    def create(*args: P.args, **kwargs: P.kwargs) -> AbstractContextManager[T]:
        return _StreamContextManager(function, args, kwargs)  # type: ignore[arg-type]  # contextlib's own hints differ

    return create


class ContextManagerMixin:
    """Call `close` at the end of a `with` block."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncContextManagerMixin:
    """Call `aclose` at the end of an `async with` block."""

    async def aclose(self) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def refuse_clients(owner: object, **clients: Any) -> None:
    """Raise if the caller gave `owner` an HTTP client, since HTTP clients don't pickle.

    Args:
        owner: the object to pickle.
        clients: the HTTP clients or None, by the name of the argument.

    Raises:
        TypeError: one of them isn't None.
    """
    names = [name for name, client in clients.items() if client is not None]
    if names:
        raise TypeError(
            f"{type(owner).__name__} can't be pickled: it has {' and '.join(names)}, and HTTP clients don't pickle. "
            f"Leave them out, and pass them to the object where it is unpickled."
        )


class OnError(Generic[E]):
    """Call a function with an error of some class that is raised inside, and let the error go on.

    A call enters several of these, and `contextlib.contextmanager` costs three times as much.

    >>> from contextlib import suppress
    >>> with suppress(ValueError), OnError(ValueError, print, "received:"):
    ...     int("x")
    received: invalid literal for int() with base 10: 'x'
    """

    __slots__ = ("_args", "_cls", "_handle")

    def __init__(self, cls: type[E], handle: Callable[..., object], *args: Any) -> None:
        self._cls, self._handle, self._args = cls, handle, args

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, self._cls):
            self._handle(*self._args, error)
