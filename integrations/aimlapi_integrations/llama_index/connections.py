"""What an LLM and an embedding have in common: how to reach the gateway, and the clients that do."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, cast

import httpx
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin
from .._utils.json import drop_none
from .._utils.pickling import refuse_clients
from ..client.client import AsyncClient, Client
from ..client.config import resolve_api_key, resolve_base_url
from ..transport.httpx_modules import check_client, either
from ..transport.retries import RetryEvent, RetryPolicy

T = TypeVar("T")


class Clients:
    """One client of each colour per set of arguments, so that a changed field, or a changed copy, gets its own.

    Copies of a model share what is here; a pickle or deep copy starts with nothing, because connections do neither.
    Threads and event loops may share one: `AsyncClient` keeps a pool for each loop.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}

    def sync(self, arguments: Mapping[str, Any]) -> Client:
        """The client that takes these arguments."""
        return self._get(Client, arguments)

    def asynchronous(self, arguments: Mapping[str, Any]) -> AsyncClient:
        """Its async twin."""
        return self._get(AsyncClient, arguments)

    def close(self) -> None:
        """Close the connections of the sync clients; the next call opens others."""
        for client in self._of(Client):
            client.close()

    async def aclose(self) -> None:
        """Close the connections that the async clients have in the running event loop."""
        for client in self._of(AsyncClient):
            await client.aclose()

    def _of(self, kind: type[T]) -> list[T]:
        return [client for client in list(self._made.values()) if isinstance(client, kind)]

    def _get(self, kind: type[T], arguments: Mapping[str, Any]) -> T:
        key = (kind, *((name, _hashable(value)) for name, value in arguments.items()))
        if key not in self._made:
            self._made.setdefault(key, kind(**arguments))
        made: T = self._made[key]
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> "Clients":
        return Clients()

    def __reduce__(self) -> tuple[type["Clients"], tuple[()]]:
        return Clients, ()


def _hashable(value: Any) -> Hashable:
    match value:
        case Mapping():
            return tuple(sorted((name, repr(each)) for name, each in value.items()))
        case httpx.Timeout() | httpx.Limits():
            return repr(value)
    return cast(Hashable, value)


class ConnectionFields(ContextManagerMixin, AsyncContextManagerMixin, BaseModel):
    """The fields that say how to reach the gateway. The key is in no dump and no `repr`; unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, protected_namespaces=(), arbitrary_types_allowed=True
    )

    api_key: SecretStr | None = Field(
        default=None, exclude=True, repr=False, description="The key. Else `AIMLAPI_API_KEY`, `AIML_API_KEY`."
    )
    api_base: str | None = Field(
        default=None, description="Where the gateway is. Else `AIMLAPI_API_BASE`, `AIMLAPI_BASE_URL`, the public one."
    )
    timeout: float | tuple[float | None, float | None] | httpx.Timeout | None = Field(
        default=None, description="Seconds to wait, a (connect, read) pair or an `httpx.Timeout`; None: 10 s, 600 s."
    )
    max_retries: int = Field(default=2, ge=0, description="Further tries after errors that may pass; 0 for none.")
    retry: RetryPolicy | None = Field(default=None, description="When to try again, in place of `max_retries`.")
    on_retry: Callable[[RetryEvent], object] | None = Field(
        default=None, exclude=True, repr=False, description="Called before each further try."
    )
    default_headers: dict[str, str] | None = Field(
        default=None, exclude=True, repr=False, description="Headers of every call. They may hold secrets."
    )
    default_query: dict[str, Any] | None = Field(
        default=None, exclude=True, repr=False, description="Query parameters of every call."
    )
    limits: httpx.Limits | None = Field(
        default=None, exclude=True, description="An `httpx.Limits` of the connections made here."
    )
    http_client: Any = Field(
        default=None, exclude=True, repr=False, description="Your own `httpx.Client` or `httpx2.Client`."
    )
    async_http_client: Any = Field(
        default=None, exclude=True, repr=False, description="Your own `httpx.AsyncClient` or `httpx2.AsyncClient`."
    )
    reuse_client: bool = Field(
        default=True, description="Taken for compatibility. Connections are safe to reuse here, and always are."
    )

    _clients: Clients = PrivateAttr(default_factory=Clients)

    @field_serializer("timeout")
    def _write_timeout(self, timeout: Any) -> Any:
        return timeout.as_dict() if isinstance(timeout, httpx.Timeout) else timeout

    @field_validator("timeout", mode="before")
    @classmethod
    def _read_timeout(cls, timeout: Any) -> Any:
        each = timeout.as_dict() if isinstance(timeout, either(httpx.Timeout)) else timeout
        return httpx.Timeout(**each) if isinstance(each, dict) else each

    @field_validator("limits", mode="before")
    @classmethod
    def _read_limits(cls, limits: Any) -> Any:
        return httpx.Limits(**vars(limits)) if isinstance(limits, either(httpx.Limits)) else limits

    @field_validator("http_client", "async_http_client", mode="before")
    @classmethod
    def _check_client(cls, client: Any, info: ValidationInfo) -> Any:
        name = str(info.field_name)
        return check_client(client, httpx.Client if name == "http_client" else httpx.AsyncClient, name)

    @model_validator(mode="after")
    def _resolve_connection(self) -> Self:
        self.api_key = resolve_api_key(self.api_key)
        self.api_base = resolve_base_url(self.api_base)
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy with connections of its own; HTTP clients and functions that were given are shared, not copied."""
        given = (self.http_client, self.async_http_client, self.on_retry)
        return super().__deepcopy__({**{id(one): one for one in given if one is not None}, **(memo or {})})

    def __getstate__(self) -> dict[str, Any]:
        refuse_clients(self, http_client=self.http_client, async_http_client=self.async_http_client)
        return super().__getstate__()

    def close(self) -> None:
        """Close the connections that were made here; a client that was given stays open."""
        self._clients.close()

    async def aclose(self) -> None:
        """The same for the running event loop."""
        await self._clients.aclose()

    def _client(self) -> Client:
        return self._clients.sync({**self._connection(), "http_client": self.http_client})

    def _async_client(self) -> AsyncClient:
        return self._clients.asynchronous({**self._connection(), "http_client": self.async_http_client})

    def _connection(self) -> dict[str, Any]:
        """The arguments of a client; what was not given has the client's own default."""
        arguments = {
            "api_key": resolve_api_key(self.api_key),  # a plain string where it was assigned
            "base_url": self.api_base,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "retry": self.retry,
            "on_retry": self.on_retry,
            "default_headers": self.default_headers,
            "default_query": self.default_query,
            "limits": self.limits,
        }
        return drop_none(arguments)
