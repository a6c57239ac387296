"""The connections of a model: made when first needed, and left behind by its copies and pickles."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import httpx
from pydantic import BaseModel, Field, PrivateAttr, ValidationInfo, field_validator
from typing_extensions import Self

from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin
from .._utils.json import drop_none
from .._utils.pickling import refuse_clients
from ..client.config import resolve_api_key, resolve_base_url
from ..transport.httpx_modules import check_client
from ..transport.retries import RetryEvent, RetryPolicy
from .fields import field_aliases

if TYPE_CHECKING:  # the first call imports them: they bring every endpoint along
    from ..client.client import AsyncClient, Client


class Connections(ContextManagerMixin, AsyncContextManagerMixin, BaseModel):
    """A model with clients, sync and async, and the fields that say how these go about their calls.

    Copies make their own; those that the caller made (`http_client`, `http_async_client`) are shared by all and closed
    by none.
    """

    retry: RetryPolicy | None = Field(default=None, exclude=True)
    """When to try again, and after how long, in place of `max_retries`."""
    on_retry: Callable[[RetryEvent], object] | None = Field(default=None, exclude=True, repr=False)
    """Called with a `RetryEvent` before each further try."""
    limits: Any = Field(default=None, exclude=True)
    """An `httpx.Limits` of the connections made here."""
    default_headers: Mapping[str, str] | None = Field(default=None, exclude=True, repr=False)
    """Headers of every call. They may be secret, and are neither shown nor serialised; nor is the query."""
    default_query: Mapping[str, Any] | None = Field(default=None, exclude=True, repr=False)
    """Query parameters of every call."""

    if TYPE_CHECKING:
        http_client: Any = None
        http_async_client: Any = None

    # A Client and an AsyncClient. Frameworks resolve the hints of a model, and must not have to import those for it.
    _client: Any = PrivateAttr(default=None)
    _async_client: Any = PrivateAttr(default=None)

    @field_validator("http_client", "http_async_client", mode="before", check_fields=False)
    @classmethod
    def _check_client(cls, client: Any, info: ValidationInfo) -> Any:
        return resolved(str(info.field_name), client)

    def __setattr__(self, name: str, value: Any) -> None:
        """Assign a field. A key or an address is checked as in the constructor, and the next call uses it."""
        super().__setattr__(name, resolved(name, value))
        if name in _OF_CLIENTS and self.__pydantic_private__:
            self._client = self._async_client = None

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with connections of its own; `update` takes fields by any of their names, and a key as a string."""
        names = {alias: name for name, alias in field_aliases(type(self)).items()}
        changed = {names.get(name, name): value for name, value in (update or {}).items()}
        return super().model_copy(
            update={name: resolved(name, value) for name, value in changed.items()} or None, deep=deep
        )

    def _settings(self) -> dict[str, Any]:
        """The arguments of a client; what was not given has the client's own default."""
        fields = {
            "retry": self.retry,
            "on_retry": self.on_retry,
            "limits": self.limits,
            "default_headers": self.default_headers,
            "default_query": self.default_query,
            **self._own_settings(),
        }
        return drop_none(fields)

    def _own_settings(self) -> dict[str, Any]:
        """Those of the arguments that each kind of model has fields of its own for; None says nothing."""
        raise NotImplementedError

    def _connection(self) -> "Client":
        if self._client is None:
            from ..client.client import Client

            self._client = Client(**self._settings(), http_client=self.http_client)
        return cast("Client", self._client)

    def _aconnection(self) -> "AsyncClient":
        if self._async_client is None:
            from ..client.client import AsyncClient

            self._async_client = AsyncClient(**self._settings(), http_client=self.http_async_client)
        return cast("AsyncClient", self._async_client)

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
        refuse_clients(self, http_client=self.http_client, http_async_client=self.http_async_client)
        state = super().__getstate__()
        return {**state, "__pydantic_private__": _unconnected(state["__pydantic_private__"])}


# Fields that a client is made with.
_OF_CLIENTS = frozenset(
    {"aimlapi_api_base", "aimlapi_api_key", "default_headers", "default_query", "http_async_client", "http_client"}
    | {"limits", "max_retries", "on_retry", "request_timeout", "retry", "stream_chunk_timeout"}
)


def resolved(name: str, value: Any) -> Any:
    """The value of a field as it is kept: a key as a secret, and no address or HTTP client that is none."""
    match name:
        case "aimlapi_api_key":
            return value if callable(value) else resolve_api_key(value)
        case "aimlapi_api_base":
            return resolve_base_url(value)
        case "http_client" | "http_async_client":
            return check_client(value, httpx.Client if name == "http_client" else httpx.AsyncClient, name)
    return value


def _unconnected(private: dict[str, Any] | None) -> dict[str, Any]:
    return {**(private or {}), "_client": None, "_async_client": None}
