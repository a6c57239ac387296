"""The fields of `AIMLAPI` and `AIMLAPIEmbedding`, and the names that other classes have for them."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
from llama_index.core.base.llms.types import LLMMetadata, MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from .._utils.diagnostics import did_you_mean
from .._utils.lifecycle import AsyncContextManagerMixin, ContextManagerMixin, refuse_clients
from .._utils.pydantic_models import ShortSignature, describe_inherited
from ..client.client import AsyncClient, Client
from ..client.options import DEFAULT_MODEL, Endpoint, resolve_api_key, resolve_base_url
from ..errors.parsing import redact_url, remove_credentials
from ..models import lookup
from ..models.lookup import check_model, warn_if_deprecated
from ..transport.httpx_modules import check_http_client, httpx_classes
from ..transport.retries import RetryEvent, RetryPolicy
from ..transport.validation import check_settings, hide_arguments

T = TypeVar("T")


# --- arguments by other names -------------------------------------------------------------------------------------


def rename_kwargs(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Rename the keys of `values` that are in `names`.

    Raises:
        ValueError: One argument was passed twice, by different names.
    """
    renamed: dict[str, Any] = {}
    for alias, value in values.items():
        name = names.get(alias, alias)
        if name in renamed:
            raise ValueError(f"{name!r} was passed twice: also as {alias!r}. Pass it once.")
        renamed[name] = value
    return renamed


def validate_kwargs(cls: type[BaseModel], values: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Rename constructor arguments to the fields of `cls`, and refuse unknown ones.

    Raises:
        ValueError: An argument was passed twice, or isn't a field. The text says what to use instead.
    """
    fields = _field_names(cls)
    if values.keys() <= fields and names.keys().isdisjoint(values):
        return values
    kwargs = rename_kwargs(values, names)
    for name in kwargs:
        if name not in fields:
            alternative = _alternative(name, {*filter(None, fields), *names})
            raise ValueError(f"{name!r} is not an argument of {cls.__name__}: {alternative}")
    return kwargs


@lru_cache(maxsize=64)
def _field_names(cls: type[BaseModel]) -> frozenset[str | None]:
    return frozenset(name for field, info in cls.model_fields.items() for name in (field, info.alias))


def _alternative(name: str, arguments: Collection[str]) -> str:
    """Describe what to use instead of an argument that only other classes have."""
    if _RENAMED.get(name, "") in arguments:
        return f"it is called {_RENAMED[name]}."
    if name in _UNSUPPORTED:
        return f"{_UNSUPPORTED[name]}."
    if other := _class_with(name):
        return f"it is one of {other}."
    return f"parameters of the endpoint go into additional_kwargs.{did_you_mean(name, arguments)}"


def _class_with(name: str) -> str | None:
    """Return the name of the class that has an argument, of the LLM and the embedding."""
    from .embedding import AIMLAPIEmbedding  # they import this module
    from .llm import AIMLAPI

    return next((cls.__name__ for cls in (AIMLAPI, AIMLAPIEmbedding) if name in _field_names(cls)), None)


_RENAMED = {
    "base_url": "api_base",
    "openai_api_base": "api_base",
    "openai_api_key": "api_key",
    "metadata": "call_metadata",
    "stream_chunk_timeout": "chunk_timeout",
    "order": "provider",
}
_NO_EFFECT = "it has no effect here, leave it out"
_OTHER_CLIENTS = "clients of other packages cannot be used, pass httpx clients as http_client and async_http_client"
_UNSUPPORTED = {
    **dict.fromkeys(("api_version", "api_type", "engine", "deployment_name", "tokenizer", "mode"), _NO_EFFECT),
    **dict.fromkeys(("openai_client", "async_openai_client"), _OTHER_CLIENTS),
}


# --- the connection -----------------------------------------------------------------------------------------------


class ClientCache:
    """One sync and one async client per set of arguments, so that a changed field or copy gets its own.

    Copies of a model share the cache. Pickles and deep copies start with an empty one, because connections do neither.
    Threads and event loops can share a client: `AsyncClient` keeps a pool for each loop.
    """

    def __init__(self) -> None:
        self._clients: dict[Hashable, Any] = {}

    def get_sync(self, arguments: Mapping[str, Any]) -> Client:
        """Return the sync client with these arguments."""
        return self._get(Client, arguments)

    def get_async(self, arguments: Mapping[str, Any]) -> AsyncClient:
        """Return the async client with these arguments."""
        return self._get(AsyncClient, arguments)

    def close(self) -> None:
        """Close the connections of the sync clients. The next call opens new ones."""
        for client in self._of(Client):
            client.close()

    async def aclose(self) -> None:
        """Close the connections that the async clients have in the running event loop."""
        for client in self._of(AsyncClient):
            await client.aclose()

    def _of(self, kind: type[T]) -> list[T]:
        return [client for client in list(self._clients.values()) if isinstance(client, kind)]

    def _get(self, kind: type[T], arguments: Mapping[str, Any]) -> T:
        key: Any = (kind, *arguments, *map(_hashable, arguments.values()))
        client: T | None = self._clients.get(key)
        return self._clients.setdefault(key, kind(**arguments)) if client is None else client

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


class ConnectionFields(ContextManagerMixin, AsyncContextManagerMixin, BaseModel):
    """How to reach the gateway. The key is in no dump and no `repr`, and unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, protected_namespaces=(), arbitrary_types_allowed=True
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

    _clients: ClientCache = PrivateAttr(default_factory=ClientCache)

    if not TYPE_CHECKING:  # type checkers know the fields by name, which this signature would hide

        def __init__(self, **fields: Any) -> None:
            super().__init__(**hide_arguments(fields))

    @field_validator("api_key", mode="before")
    @classmethod
    def _resolve_api_key(cls, key: Any) -> Any:
        match key:
            case None | str() | SecretStr():
                return resolve_api_key(key)
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

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy the fields. The copy opens its own connections, but shares your HTTP clients and functions."""
        shared = (self.http_client, self.async_http_client, self.on_retry)
        return super().__deepcopy__({**{id(value): value for value in shared if value is not None}, **(memo or {})})

    def __getstate__(self) -> dict[str, Any]:
        refuse_clients(self, http_client=self.http_client, async_http_client=self.async_http_client)
        return super().__getstate__()

    def close(self) -> None:
        """Close the connections that were opened here. Your own HTTP client stays open."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close the async connections that were opened in the running event loop."""
        await self._clients.aclose()

    def _client(self) -> Client:
        return self._clients.get_sync({**self._connection(), "http_client": self.http_client})

    def _async_client(self) -> AsyncClient:
        return self._clients.get_async({**self._connection(), "http_client": self.async_http_client})

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


# --- the LLM ------------------------------------------------------------------------------------------------------


DEFAULT_CONTEXT = 128_000
"""The context window, in tokens, of a model whose own is unknown."""

# What other classes and the endpoints call the same fields, so that changing the class is the whole migration.
ALIASES = {
    "max_new_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "model_name": "model",
}


class AIMLAPIFields(ConnectionFields, FunctionCallingLLM):
    """The constructor arguments of `AIMLAPI`. What isn't set isn't sent, so the gateway's default applies."""

    model: str = Field(default=DEFAULT_MODEL, description="The model, by the gateway's ID or an alias.")
    temperature: float | None = Field(
        default=None, description="Sampling temperature, 0 to 2. Not sent unless set: many models don't support it."
    )
    max_tokens: int | None = Field(
        default=None,
        gt=0,
        description="Maximum output tokens, reasoning included; also `max_new_tokens`, `max_output_tokens`.",
    )
    top_p: float | None = Field(default=None, description="Nucleus sampling: the probability mass to sample from.")
    logprobs: bool | None = Field(default=None, description="Whether to return the log probability of each token.")
    top_logprobs: int | None = Field(default=None, description="Most likely tokens to return per position, 0 to 20.")
    reasoning_effort: str | None = Field(default=None, description="Reasoning effort: `low`, `medium` or `high`.")
    reasoning_options: dict[str, Any] | None = Field(
        default=None, description='`{"effort": …, "summary": …}`, as the Responses endpoint has it.'
    )
    modalities: list[str] | None = Field(default=None, description="Output modalities: `text`, `audio`.")
    audio_config: dict[str, Any] | None = Field(
        default=None, description='`{"voice": …, "format": …}` of audio output.'
    )
    strict: bool | None = Field(
        default=None, description="Whether tool calls and structured output must match their schema exactly."
    )
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Further parameters of every call, by the endpoint's names."
    )

    context_window: int | None = Field(
        default=None, gt=0, description="Tokens of prompt and output together. Defaults to the model's own."
    )
    is_chat_model: bool = Field(default=True, description="Whether prompts are sent as messages.")
    is_function_calling_model: bool | None = Field(
        default=None, description="Whether the model supports tools. Defaults to what is known of the model."
    )
    should_use_structured_outputs: bool | None = Field(
        default=None,
        description="Whether structured output uses a JSON schema instead of a tool. Defaults to what is known of the "
        "model.",
    )

    endpoint: Endpoint | None = Field(
        default=None, description="The endpoint to use, whatever the model and the request."
    )
    use_responses_api: bool | None = Field(
        default=None, description="Whether to use the Responses endpoint. None: the model and the request decide."
    )
    instructions: str | None = Field(default=None, description="Instructions before the conversation (Responses).")
    store: bool | None = Field(default=None, description="Whether the gateway stores the response (Responses).")
    include: list[str] | None = Field(default=None, description="Additional output to return (Responses).")
    truncation: str | None = Field(
        default=None, description="`auto` truncates a conversation that is too long (Responses)."
    )
    built_in_tools: list[dict[str, Any]] | None = Field(
        default=None, description='Tools that the gateway runs, such as `{"type": "web_search_preview"}` (Responses).'
    )
    track_previous_responses: bool = Field(
        default=False,
        description="Whether to store responses and send only the messages since the last one (Responses, where the "
        "model supports it).",
    )
    previous_response_id: str | None = Field(default=None, description="The stored response to continue (Responses).")
    call_metadata: dict[str, Any] | None = Field(
        default=None, description="Sent as `metadata` where the model supports it."
    )
    user: str | None = Field(default=None, description="Your own ID of the end user, where the model supports it.")
    provider: str | None = Field(default=None, description="The provider to run the model on, without fallback.")
    normalize_tool_schemas: bool | None = Field(
        default=None, description="Whether the gateway may rewrite tool schemas for the provider."
    )
    chunk_timeout: float | None = Field(
        default=None, description="Maximum seconds between two events of a stream. Defaults to 120; 0 for no limit."
    )
    client_request_id: str | None = Field(default=None, description="Your own ID of the calls, for the gateway's logs.")
    stream_usage: bool = Field(default=True, description="Whether streams report token usage.")
    strict_parameters: bool = Field(
        default=False, description="Whether a parameter that the model doesn't support raises instead of warning."
    )
    prices: dict[str, float] | None = Field(
        default=None, description="US dollars per token, by `input` and `output`. Defaults to the model's known prices."
    )

    if not TYPE_CHECKING:  # type checkers read the one of `AIMLAPI`

        def __init__(self, model: str | None = None, /, **fields: Any) -> None:
            """Accept the model as a positional argument too, as LlamaIndex's own classes do."""
            hide_arguments(fields)
            init = super(ConnectionFields, self).__init__  # which would hide the arguments again
            init(**fields) if model is None else init(model=model, **fields)

    @model_validator(mode="before")
    @classmethod
    def _validate_kwargs(cls, values: Any) -> Any:
        return validate_kwargs(cls, values, ALIASES) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        check_model(self.model)
        check_settings(
            default_headers=self.default_headers,
            timeout=self.timeout,
            chunk_timeout=self.chunk_timeout,
            client_request_id=self.client_request_id,
        )
        warn_if_deprecated(self.model)
        return self

    @property
    def metadata(self) -> LLMMetadata:
        """What engines and agents decide by. An unknown model is assumed to be a capable one."""
        model = lookup(self.model)
        has_tools = model.tools if self.is_function_calling_model is None else self.is_function_calling_model
        return LLMMetadata(
            context_window=self.context_window or model.context or DEFAULT_CONTEXT + (self.max_tokens or 0),
            num_output=self.max_tokens or -1,
            is_chat_model=self.is_chat_model,
            is_function_calling_model=has_tools,
            model_name=self.model,
            system_role=MessageRole.USER if model.chat and not model.system_role else MessageRole.SYSTEM,
        )


CALLBACK_MANAGER = "Callback handlers of LlamaIndex. Default: those of `Settings`."
"""The description of a field that core leaves without one."""

describe_inherited(
    AIMLAPIFields,
    {
        "callback_manager": CALLBACK_MANAGER,
        "pydantic_program_mode": "How structured output is requested. Default: as the model supports it.",
    },
)
