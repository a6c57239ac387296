"""How the classes of LlamaIndex reach the gateway: their fields, and the clients that they share."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Callable, Hashable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from .. import client  # imports its classes, and with them every endpoint, when they are first used
from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin, refuse_clients
from .._utils.pydantic_models import ShortSignature
from ..client.options import resolve_api_key, resolve_base_url
from ..errors.parsing import redact_url, remove_credentials
from ..transport.httpx_modules import check_http_client, httpx_classes
from ..transport.retries import RetryEvent, RetryPolicy
from ..transport.validation import check_settings, hide_arguments

T = TypeVar("T")


class ClientCache:
    """One sync and one async client per set of arguments, so that a changed field or copy gets its own.

    Copies of a model share the cache. Pickles and deep copies start with an empty one, because connections do neither.
    Threads and event loops can share a client: `AsyncClient` keeps a pool for each loop.
    """

    def __init__(self) -> None:
        self._clients: dict[tuple[Hashable, ...], Any] = {}

    def get_sync(self, arguments: Mapping[str, Any]) -> "client.Client":
        """Return the sync client with these arguments."""
        return self._get("sync", client.Client, arguments)

    def get_async(self, arguments: Mapping[str, Any]) -> "client.AsyncClient":
        """Return the async client with these arguments."""
        return self._get("async", client.AsyncClient, arguments)

    def close(self) -> None:
        """Close the connections of the sync clients. The next call opens new ones."""
        for each in self._of("sync"):
            each.close()

    async def aclose(self) -> None:
        """Close the connections that the async clients have in the running event loop."""
        for each in self._of("async"):
            await each.aclose()

    def _of(self, kind: str) -> list[Any]:
        return [cached for (cached_kind, *_), cached in list(self._clients.items()) if cached_kind == kind]

    def _get(self, kind: str, create: Callable[..., T], arguments: Mapping[str, Any]) -> T:
        key = (kind, *arguments, *map(_hashable, arguments.values()))
        cached: T | None = self._clients.get(key)
        return self._clients.setdefault(key, create(**arguments)) if cached is None else cached

    def __deepcopy__(self, memo: dict[int, Any]) -> "ClientCache":
        return ClientCache()

    def __reduce__(self) -> tuple[type["ClientCache"], tuple[()]]:
        return ClientCache, ()


def _hashable(value: Any) -> Hashable:
    match value:
        case SecretStr() | int() | None:  # most
            return value
        case Mapping():  # headers, which may be secret
            return SecretStr(repr(sorted((name, repr(item)) for name, item in value.items())))
        case httpx.Timeout() | httpx.Limits():
            return repr(value)
    return cast(Hashable, value)


_creating_cache = Lock()


class ConnectionFields(ContextManagerMixin, AsyncContextManagerMixin, BaseModel):
    """How to reach the gateway. The key is in no dump and no `repr`, and unknown fields are refused."""

    # Only the public classes build a schema, with `defer_build=False`: building one is slow.
    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        protected_namespaces=(),
        arbitrary_types_allowed=True,
        defer_build=True,
    )

    api_key: SecretStr | None = Field(
        default=None,
        validate_default=True,
        exclude=True,
        repr=False,
        description="The API key. Defaults to `AIMLAPI_API_KEY` or `AIML_API_KEY` in the environment.",
    )
    api_base: str | None = Field(
        default=None,
        validate_default=True,
        description="The base URL. Defaults to `AIMLAPI_API_BASE` or `AIMLAPI_BASE_URL`, then to the public gateway.",
    )
    timeout: float | tuple[float | None, float | None] | httpx.Timeout | None = Field(
        default=None, description="Seconds, a (connect, read) pair or an `httpx.Timeout`. Defaults to 10 s and 600 s."
    )
    max_retries: int = Field(default=2, ge=0, description="Retries after errors that may pass; 0 for none.")
    retry: RetryPolicy | None = Field(default=None, description="When to retry, in place of `max_retries`.")
    on_retry: Callable[[RetryEvent], object] | None = Field(
        default=None, exclude=True, repr=False, description="Called before each retry."
    )
    default_headers: dict[str, str] | None = Field(
        default=None, exclude=True, repr=False, description="Headers of every request. They may hold secrets."
    )
    default_query: dict[str, Any] | None = Field(
        default=None, exclude=True, repr=False, description="Query parameters of every request."
    )
    limits: httpx.Limits | None = Field(
        default=None, exclude=True, description="Limits of the connection pool that is opened here."
    )
    http_client: Any = Field(
        default=None, exclude=True, repr=False, description="Your own `httpx.Client` or `httpx2.Client`."
    )
    async_http_client: Any = Field(
        default=None, exclude=True, repr=False, description="Your own `httpx.AsyncClient` or `httpx2.AsyncClient`."
    )
    reuse_client: bool = Field(
        default=True, description="Accepted for compatibility. Connections are always reused, which is safe here."
    )

    if TYPE_CHECKING:
        _clients: ClientCache | None = None  # a default, or type checkers take it for a required argument

    if not TYPE_CHECKING:  # type checkers know the fields by name, which this signature would hide

        def __init__(self, **fields: Any) -> None:
            super().__init__(**hide_arguments(fields))

    # Copies share it; pickles and deep copies don't have it. A private attribute of pydantic takes longer to create.
    __slots__ = ("_clients",)

    @field_validator("api_key", mode="before")
    @classmethod
    def _resolve_api_key(cls, key: Any) -> Any:
        match key:
            case None | str() | SecretStr():
                return resolve_api_key(key)  # pydantic's validator would only copy it
        return key

    @field_validator("api_base", mode="before")
    @classmethod
    def _resolve_api_base(cls, url: Any) -> Any:
        match url:
            case None | str() | SecretStr():
                return resolve_base_url(url)
        return url

    @field_serializer("api_base")
    def _serialize_api_base(self, url: str | None) -> str | None:
        return url and remove_credentials(url)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, redact_url(value) if name == "api_base" and value else value

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.__signature__ = ShortSignature()  # type: ignore[assignment]  # a descriptor, as pydantic's own is

    @field_serializer("timeout")
    def _serialize_timeout(self, timeout: Any) -> Any:
        return timeout.as_dict() if isinstance(timeout, httpx.Timeout) else timeout

    @field_validator("timeout", mode="before")
    @classmethod
    def _parse_timeout(cls, timeout: Any) -> Any:
        phases = timeout.as_dict() if isinstance(timeout, httpx_classes(httpx.Timeout)) else timeout
        return httpx.Timeout(**phases) if isinstance(phases, dict) else phases

    @field_validator("limits", mode="before")
    @classmethod
    def _parse_limits(cls, limits: Any) -> Any:
        return httpx.Limits(**vars(limits)) if isinstance(limits, httpx_classes(httpx.Limits)) else limits

    @field_validator("http_client", mode="before")
    @classmethod
    def _check_http_client(cls, client: Any) -> Any:
        return check_http_client(client, httpx.Client)

    @field_validator("async_http_client", mode="before")
    @classmethod
    def _check_async_http_client(cls, client: Any) -> Any:
        return check_http_client(client, httpx.AsyncClient, "async_http_client")

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        check_settings(default_headers=self.default_headers, timeout=self.timeout)
        return self

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._clients = self._client_cache()
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the fields. The copy opens its own connections, but shares your HTTP clients and functions."""
        shared = (self.http_client, self.async_http_client, self.on_retry)
        return super().__deepcopy__({**{id(value): value for value in shared if value is not None}, **(memo or {})})

    def __getstate__(self) -> dict[str, Any]:
        refuse_clients(self, http_client=self.http_client, async_http_client=self.async_http_client)
        return super().__getstate__()

    def close(self) -> None:
        """Close the connections that were opened here. Your own HTTP client stays open."""
        self._client_cache().close()

    async def aclose(self) -> None:
        """Close the async connections that were opened in the running event loop."""
        await self._client_cache().aclose()

    def _client_cache(self) -> ClientCache:
        cache = getattr(self, "_clients", None)
        if cache is None:
            with _creating_cache:
                cache = getattr(self, "_clients", None) or ClientCache()
                self._clients = cache
        return cache

    def _client(self) -> "client.Client":
        return self._client_cache().get_sync({**self._connection(), "http_client": self.http_client})

    def _async_client(self) -> "client.AsyncClient":
        return self._client_cache().get_async({**self._connection(), "http_client": self.async_http_client})

    def _connection(self) -> dict[str, Any]:
        """Return the arguments of a client. What is None has the client's own default."""
        key, url = self.api_key, self.api_base  # str or SecretStr where they were assigned after construction
        arguments = {
            "api_key": key if isinstance(key, SecretStr) else resolve_api_key(key),
            "base_url": SecretStr(url) if isinstance(url, str) else url,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "retry": self.retry,
            "on_retry": self.on_retry,
            "default_headers": self.default_headers,
            "default_query": self.default_query,
            "limits": self.limits,
        }
        return {name: value for name, value in arguments.items() if value is not None}
