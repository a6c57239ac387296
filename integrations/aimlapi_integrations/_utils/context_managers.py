"""Mixins for classes that are closed at the end of a `with` or `async with` block."""

from __future__ import annotations

from typing_extensions import Self


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
