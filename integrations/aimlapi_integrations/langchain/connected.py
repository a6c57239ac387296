"""The connections of a chat model: made when first needed, and left behind by its copies and pickles."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

import inspect
from typing import Any

from pydantic import PrivateAttr, SecretStr
from typing_extensions import Self

from ..client import AsyncClient, Client
from .described import Described


class Connected(Described):
    """A chat model with clients, sync and async.

    Copies, also those of `model_copy(update=…)` with another key or address, make their own; those that the caller made
    (`http_client`, `http_async_client`) are shared by all and closed by none.
    """

    _client: Client | None = PrivateAttr(default=None)
    _async_client: AsyncClient | None = PrivateAttr(default=None)

    def _connection(self) -> Client:
        if self._client is None:
            self._client = Client(**self._settings(), http_client=self.http_client)
        return self._client

    def _aconnection(self) -> AsyncClient:
        if self._async_client is None:
            self._async_client = AsyncClient(**self._settings(), http_client=self.http_async_client)
        return self._async_client

    def _settings(self) -> dict[str, Any]:
        key = self.aimlapi_api_key
        fields = {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else "given with each call",
            "base_url": self.aimlapi_api_base,
            "timeout": self.request_timeout,
            "chunk_timeout": self.stream_chunk_timeout,
            "max_retries": self.max_retries,
            "default_headers": self.default_headers,
            "default_query": self.default_query,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _authorization(self) -> dict[str, str]:
        """The header for a key that a function gives."""
        if not callable(self.aimlapi_api_key):
            return {}
        key = self.aimlapi_api_key()
        if not isinstance(key, str):
            raise TypeError("An async function for api_key serves async calls only.")
        return {"Authorization": f"Bearer {key}"}

    async def _aauthorization(self) -> dict[str, str]:
        if not callable(self.aimlapi_api_key):
            return {}
        key = self.aimlapi_api_key()
        return {"Authorization": f"Bearer {await key if inspect.isawaitable(key) else key}"}

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

    # --- copies -----------------------------------------------------------------------------------------------------

    def _unconnected(self) -> dict[str, Any]:
        return {"_client": None, "_async_client": None}

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__pydantic_private__ = {**(self.__pydantic_private__ or {}), **self._unconnected()}
        copied.__dict__.pop("_serialized", None)  # core keeps the written form here
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        bare, memo = self.__copy__(), {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            memo[id(client)] = client
        return super(Connected, bare).__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__pydantic_private__": {**(state["__pydantic_private__"] or {}), **self._unconnected()}}
