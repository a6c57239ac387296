"""The connections of a model: made when first needed, and left behind by its copies and pickles."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, PrivateAttr
from typing_extensions import Self

from ..client import AsyncClient, Client
from ..closing import AsyncClosing, Closing


class Connections(Closing, AsyncClosing, BaseModel):
    """A model with clients, sync and async, made of its `_settings`.

    Copies make their own; those that the caller made (`http_client`, `http_async_client`) are shared by all and closed
    by none.
    """

    if TYPE_CHECKING:
        http_client: Any = None
        http_async_client: Any = None

    _client: Client | None = PrivateAttr(default=None)
    _async_client: AsyncClient | None = PrivateAttr(default=None)

    def _settings(self) -> dict[str, Any]:
        """The arguments of a client; what was not given has the client's own default."""
        raise NotImplementedError

    def _connection(self) -> Client:
        if self._client is None:
            self._client = Client(**self._settings(), http_client=self.http_client)
        return self._client

    def _aconnection(self) -> AsyncClient:
        if self._async_client is None:
            self._async_client = AsyncClient(**self._settings(), http_client=self.http_async_client)
        return self._async_client

    def close(self) -> None:
        """Close the sync connection that was made here, if one was."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def aclose(self) -> None:
        """Close both connections that were made here, if they were."""
        self.close()
        if self._async_client is not None:
            await self._async_client.aclose()
            self._async_client = None

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__pydantic_private__ = _unconnected(self.__pydantic_private__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        bare, memo = self.__copy__(), {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            memo[id(client)] = client
        return super(Connections, bare).__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__pydantic_private__": _unconnected(state["__pydantic_private__"])}


def _unconnected(private: dict[str, Any] | None) -> dict[str, Any]:
    return {**(private or {}), "_client": None, "_async_client": None}
