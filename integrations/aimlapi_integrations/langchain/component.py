"""`ComponentFields`: how components other than models (parsers, tools, rerankers) reach the gateway."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from typing import Any

from pydantic import ConfigDict, Field, SecretStr, model_validator
from typing_extensions import Self

from ..client.config import resolve_api_key, resolve_base_url
from .fields import ConnectionFields


class ComponentFields(ConnectionFields):
    """The connection fields of a component, by the names that `ChatAIMLAPI` has for them."""

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
        self.aimlapi_api_key = resolve_api_key(self.aimlapi_api_key)
        self.aimlapi_api_base = resolve_base_url(self.aimlapi_api_base)
        return self

    def _own_client_kwargs(self) -> dict[str, Any]:
        return {
            "api_key": self.aimlapi_api_key.get_secret_value() if self.aimlapi_api_key else None,
            "base_url": self.aimlapi_api_base,
            "timeout": self.request_timeout,
            "max_retries": self.max_retries,
        }
