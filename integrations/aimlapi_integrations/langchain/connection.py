"""How the models and the components of LangChain reach the gateway: the fields, and the clients made of them."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import httpx
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from .._utils.context_managers import AsyncContextManagerMixin, ContextManagerMixin, refuse_clients
from .._utils.pydantic_models import ShortSignature
from ..client.options import resolve_api_key, resolve_base_url
from ..errors.parsing import redact_url, remove_credentials
from ..transport.httpx_modules import check_http_client
from ..transport.retries import RetryEvent, RetryPolicy
from ..transport.validation import hide_arguments, reveal
from .init_kwargs import field_aliases

if TYPE_CHECKING:  # the first call imports it, because it imports every endpoint
    from ..client.client import AsyncClient, Client


class ConnectionFields(ContextManagerMixin, AsyncContextManagerMixin, BaseModel):
    """A model with a sync and an async client, created on the first call, and the fields that configure them.

    Copies and pickles create clients of their own. `http_client` and `http_async_client`, which the caller created, are
    shared by all copies and never closed.
    """

    # Only the public classes build a schema, with `defer_build=False`: building one is slow.
    model_config = ConfigDict(defer_build=True)

    retry: RetryPolicy | None = Field(
        default=None, exclude=True, description="When to retry and how long to wait, in place of `max_retries`."
    )
    on_retry: Callable[[RetryEvent], object] | None = Field(
        default=None, exclude=True, repr=False, description="Called with a `RetryEvent` before each retry."
    )
    limits: Any = Field(
        default=None, exclude=True, description="An `httpx.Limits` for the connections that are opened here."
    )
    default_headers: Mapping[str, str] | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Headers of every request. They may be secret: like the query, they are neither shown nor "
        "serialized.",
    )
    default_query: Mapping[str, Any] | None = Field(
        default=None, exclude=True, repr=False, description="Query parameters of every request."
    )

    if TYPE_CHECKING:
        _client: Client | None = None  # a default, or type checkers take it for a required argument
        _async_client: AsyncClient | None = None
        http_client: Any = None
        http_async_client: Any = None

    if not TYPE_CHECKING:  # type checkers know the fields by name, which this signature would hide

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **hide_arguments(kwargs))

    # An AsyncClient and a Client, which no copy and no pickle has. Private attributes of pydantic would take longer to
    # create than the rest of a model, and frameworks would resolve their types.
    __slots__ = ("_async_client", "_client")

    @field_validator("aimlapi_api_base", mode="before", check_fields=False)
    @classmethod
    def _reveal_base_url(cls, url: Any) -> Any:
        return reveal(url)

    @field_serializer("aimlapi_api_base", check_fields=False)
    def _serialize_base_url(self, url: str | None) -> str | None:
        return url and remove_credentials(url)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, redact_url(value) if name == "aimlapi_api_base" and value else value

    @field_validator("http_client", "http_async_client", mode="before", check_fields=False)
    @classmethod
    def _check_http_client(cls, client: Any, info: ValidationInfo) -> Any:
        return resolve_field(str(info.field_name), client)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.__signature__ = ShortSignature()  # type: ignore[assignment]  # a descriptor, as pydantic's own is

    def __setattr__(self, name: str, value: Any) -> None:
        """Assign a field. A key, URL or HTTP client is validated as in the constructor; the next call uses it."""
        if name in _CLIENT_FIELDS:
            value = resolve_field(name, value)
            self._client = self._async_client = None
        super().__setattr__(name, value)

    def _resolve_key_and_url(self) -> None:
        """Fill in the key and the URL from the environment, and check them, without the checks of `__setattr__`."""
        fields, fields_set = self.__dict__, self.__pydantic_fields_set__
        for name in _KEY_AND_URL:
            fields[name] = _RESOLVERS[name](fields[name])
            fields_set.add(name)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with its own connections; `update` takes fields by any of their names, and a `str` as key."""
        names = {alias: name for name, alias in field_aliases(type(self)).items()}
        changes = {names.get(name, name): value for name, value in (update or {}).items()}
        return super().model_copy(
            update={name: resolve_field(name, value) for name, value in changes.items()} or None, deep=deep
        )

    def _client_kwargs(self) -> dict[str, Any]:
        """Return the arguments of a client, without those that are None."""
        kwargs = {
            "retry": self.retry,
            "on_retry": self.on_retry,
            "limits": self.limits,
            "default_headers": self.default_headers,
            "default_query": self.default_query,
            **self._own_client_kwargs(),
        }
        return {name: value for name, value in kwargs.items() if value is not None}

    def _own_client_kwargs(self) -> dict[str, Any]:
        """Return the client's arguments that each class has fields of its own for."""
        raise NotImplementedError

    def _get_client(self) -> "Client":
        client = getattr(self, "_client", None)
        if client is None:
            from ..client.client import Client

            client = self._client = Client(**self._client_kwargs(), http_client=self.http_client)
        return cast("Client", client)

    def _get_async_client(self) -> "AsyncClient":
        client = getattr(self, "_async_client", None)
        if client is None:
            from ..client.client import AsyncClient

            client = self._async_client = AsyncClient(**self._client_kwargs(), http_client=self.http_async_client)
        return cast("AsyncClient", client)

    def close(self) -> None:
        """Close the sync connections that were opened here."""
        if client := getattr(self, "_client", None):
            client.close()
            self._client = None

    async def aclose(self) -> None:
        """Close the sync and async connections that were opened here."""
        self.close()
        if client := getattr(self, "_async_client", None):
            await client.aclose()
            self._async_client = None

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            memo[id(client)] = client
        return super(ConnectionFields, self.__copy__()).__deepcopy__(memo)  # what a copy drops, this one drops too

    def __getstate__(self) -> dict[Any, Any]:
        refuse_clients(self, http_client=self.http_client, http_async_client=self.http_async_client)
        return super().__getstate__()


_KEY_AND_URL = ("aimlapi_api_key", "aimlapi_api_base")

# Fields that a client is created with.
_CLIENT_FIELDS = frozenset(
    {"aimlapi_api_base", "aimlapi_api_key", "default_headers", "default_query", "http_async_client", "http_client"}
    | {"limits", "max_retries", "on_retry", "request_timeout", "retry", "stream_chunk_timeout"}
)


_RESOLVERS: Mapping[str, Callable[[Any], Any]] = {
    "aimlapi_api_key": lambda key: key if callable(key) else resolve_api_key(key),
    "aimlapi_api_base": resolve_base_url,
    "http_client": lambda client: check_http_client(client, httpx.Client, "http_client"),
    "http_async_client": lambda client: check_http_client(client, httpx.AsyncClient, "http_async_client"),
}


def resolve_field(name: str, value: Any) -> Any:
    """Validate the value of a field where it is a key, which becomes a secret, a base URL or an HTTP client."""
    return _RESOLVERS[name](value) if name in _RESOLVERS else value


# --- components -------------------------------------------------------------------------------------------------------


class ComponentFields(ConnectionFields):
    """How components other than models (parsers, tools, rerankers) reach the gateway, by the names of `ChatAIMLAPI`."""

    model_config = ConfigDict(
        populate_by_name=True, arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    aimlapi_api_key: SecretStr | None = Field(default=None, alias="api_key")
    """The key. Default: the environment variable `AIMLAPI_API_KEY`, then `AIML_API_KEY`."""
    aimlapi_api_base: str | None = Field(default=None, alias="base_url")
    """The gateway's URL. Default: `AIMLAPI_API_BASE`, then `AIMLAPI_BASE_URL`, then the public gateway."""
    request_timeout: Any = Field(default=None, alias="timeout")
    """Timeout in seconds, a (connect, read) pair or an `httpx.Timeout`; None: 10 s to connect, 600 s to read."""
    max_retries: int | None = Field(default=None, ge=0)
    """Number of retries after transient errors; None: 2, 0: none."""
    http_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.Client` or `httpx2.Client` to use as is. It is never closed here."""
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.AsyncClient` or `httpx2.AsyncClient` to use as is. It is never closed here."""

    @model_validator(mode="after")
    def _resolve_connection(self) -> Self:
        self._resolve_key_and_url()
        return self

    def _own_client_kwargs(self) -> dict[str, Any]:
        return {
            "api_key": self.aimlapi_api_key.get_secret_value() if self.aimlapi_api_key else None,
            "base_url": self.aimlapi_api_base,
            "timeout": self.request_timeout,
            "max_retries": self.max_retries,
        }
