"""The fields of `ChatAIMLAPI`, and the connection fields and clients that it shares with `AIMLAPIEmbeddings`."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import httpx
from langchain_core.language_models import BaseChatModel, ModelProfile
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
from .._utils.model_fields import ShortSignature, describe_inherited
from .._utils.pickling import refuse_clients
from ..client.config import DEFAULT_MODEL, resolve_api_key, resolve_base_url
from ..errors.parsing import redact_url, remove_credentials
from ..models import check_model
from ..models.deprecation import warn_if_deprecated
from ..transport.httpx_modules import check_http_client
from ..transport.retries import RetryEvent, RetryPolicy
from ..transport.validation import check_settings, hide_arguments, reveal
from ..version import __version__
from .init_kwargs import CHAT_NAMES, field_aliases, field_names, normalize_init_kwargs
from .profile import model_profile
from .run_ids import USE_RUN_ID, with_run_id_handler

if TYPE_CHECKING:  # the first call imports it, because it imports every endpoint
    from ..client.client import AsyncClient, Client

# --- connections ------------------------------------------------------------------------------------------------------


class ConnectionFields(ContextManagerMixin, AsyncContextManagerMixin, BaseModel):
    """A model with a sync and an async client, created on the first call, and the fields that configure them.

    Copies and pickles create clients of their own. `http_client` and `http_async_client`, which the caller created, are
    shared by all copies and never closed.
    """

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
        http_client: Any = None
        http_async_client: Any = None

    if not TYPE_CHECKING:  # type checkers know the fields by name, which this signature would hide

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **hide_arguments(kwargs))

    # A Client and an AsyncClient, typed as Any: frameworks resolve a model's type hints, which would import them.
    _client: Any = PrivateAttr(default=None)
    _async_client: Any = PrivateAttr(default=None)

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
        self._set_resolved(name, resolve_field(name, value))
        if name in _CLIENT_FIELDS and self.__pydantic_private__:
            self._client = self._async_client = None

    def _set_resolved(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)

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
        if self._client is None:
            from ..client.client import Client

            self._client = Client(**self._client_kwargs(), http_client=self.http_client)
        return cast("Client", self._client)

    def _get_async_client(self) -> "AsyncClient":
        if self._async_client is None:
            from ..client.client import AsyncClient

            self._async_client = AsyncClient(**self._client_kwargs(), http_client=self.http_async_client)
        return cast("AsyncClient", self._async_client)

    def close(self) -> None:
        """Close the sync connections that were opened here."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def aclose(self) -> None:
        """Close the sync and async connections that were opened here."""
        self.close()
        if self._async_client is not None:
            await self._async_client.aclose()
            self._async_client = None

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__pydantic_private__ = _without_clients(self.__pydantic_private__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied, memo = self.__copy__(), {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            memo[id(client)] = client
        return super(ConnectionFields, copied).__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        refuse_clients(self, http_client=self.http_client, http_async_client=self.http_async_client)
        state = super().__getstate__()
        return {**state, "__pydantic_private__": _without_clients(state["__pydantic_private__"])}


# Fields that a client is created with.
_CLIENT_FIELDS = frozenset(
    {"aimlapi_api_base", "aimlapi_api_key", "default_headers", "default_query", "http_async_client", "http_client"}
    | {"limits", "max_retries", "on_retry", "request_timeout", "retry", "stream_chunk_timeout"}
)


def resolve_field(name: str, value: Any) -> Any:
    """Validate the value of a field where it is a key, which becomes a secret, a base URL or an HTTP client."""
    match name:
        case "aimlapi_api_key":
            return value if callable(value) else resolve_api_key(value)
        case "aimlapi_api_base":
            return resolve_base_url(value)
        case "http_client":
            return check_http_client(value, httpx.Client, name)
        case "http_async_client":
            return check_http_client(value, httpx.AsyncClient, name)
    return value


def _without_clients(private: dict[str, Any] | None) -> dict[str, Any]:
    return {**(private or {}), "_client": None, "_async_client": None}


# --- the chat model's fields ------------------------------------------------------------------------------------------

if TYPE_CHECKING:  # what may be passed and assigned; a string becomes a secret
    ApiKey = str | SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
else:
    ApiKey = SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None

# Fields that are parameters of the endpoint by the same name.
_PARAMETERS = (
    "temperature",
    "max_tokens",
    "top_p",
    "stop",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "reasoning",
    "verbosity",
    "service_tier",
    "include",
    "store",
    "truncation",
    "provider",
    "normalize_tool_schemas",
)

# The endpoint's `metadata` has the name of LangChain's field for traces, so `model_kwargs` may contain it.
_ALLOWED_IN_MODEL_KWARGS = {"metadata"}

_OUTPUT_VERSIONS = (None, "v0", "v1", "responses/v1")


class ChatFields(BaseChatModel, ConnectionFields):
    """The constructor arguments of `ChatAIMLAPI`. Those that are omitted are left to the gateway."""

    # Only `ChatAIMLAPI` builds a schema, not this base: building one takes a tenth of the import.
    model_config = ConfigDict(
        populate_by_name=True, arbitrary_types_allowed=True, hide_input_in_errors=True, defer_build=True
    )

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **hide_arguments(kwargs))

    __repr_args__ = ConnectionFields.__repr_args__  # before that of `Serializable`, which this calls

    model_name: str = Field(
        default=DEFAULT_MODEL, alias="model", description="The gateway's id of the model, or an alias of it."
    )
    aimlapi_api_key: ApiKey = Field(
        default=None,
        alias="api_key",
        validate_default=False,
        description="The key, or a function that returns it (an async one for async calls only). Default: the "
        "environment variable `AIMLAPI_API_KEY`, then `AIML_API_KEY`.",
    )
    aimlapi_api_base: str | None = Field(
        default=None,
        alias="base_url",
        description="The gateway's URL. Default: `AIMLAPI_API_BASE`, then `AIMLAPI_BASE_URL`, then the public gateway.",
    )

    temperature: float | None = Field(default=None, description="Sampling temperature, 0 to 2.")
    max_tokens: int | None = Field(
        default=None,
        description="Maximum tokens of the response, reasoning included. Also accepted as `max_completion_tokens`.",
    )
    top_p: float | None = Field(default=None, description="Probability mass to sample from (nucleus sampling).")
    stop: str | list[str] | None = Field(
        default=None, alias="stop_sequences", description="Sequences that end the response; they are not part of it."
    )
    seed: int | None = Field(
        default=None, description="Seed for repeatable responses, as far as the model supports it."
    )
    n: int | None = Field(default=None, ge=1, description="Number of responses; streams support only one.")
    logprobs: bool | None = Field(default=None, description="Whether to return the log probability of each token.")
    top_logprobs: int | None = Field(
        default=None, description="Number of most likely tokens to return at each position, 0 to 20."
    )
    logit_bias: dict[str, float] | None = Field(
        default=None, description="Bias to add to the likelihood of tokens, by token id."
    )
    frequency_penalty: float | None = Field(
        default=None, description="Penalty for tokens by how often they have occurred, -2 to 2."
    )
    presence_penalty: float | None = Field(
        default=None, description="Penalty for tokens that have occurred at all, -2 to 2."
    )
    reasoning_effort: str | None = Field(default=None, description="How much to reason: `low`, `medium` or `high`.")
    reasoning: dict[str, Any] | None = Field(
        default=None, description='`{"effort": …, "summary": …}`, in the form of the Responses endpoint.'
    )
    verbosity: str | None = Field(default=None, description="Length of the response: `low`, `medium` or `high`.")
    service_tier: str | None = Field(default=None, description="The vendor's service tier to run on.")

    provider: str | None = Field(
        default=None,
        description="The provider to run the model at (`openai`, `alibaba` …), without fallback; `auto` allows all of "
        "them.",
    )
    normalize_tool_schemas: bool | None = Field(
        default=None, description="Whether the gateway may rewrite tool schemas for the provider."
    )
    client_request_id: str | None = Field(
        default=None,
        description='Your id of the request, for the gateway\'s logs. `"run_id"` sends the id of each LangChain run.',
    )

    endpoint: Literal["chat_completions", "responses", "messages"] | None = Field(
        default=None, description="The endpoint to use, regardless of the model and the request."
    )
    use_responses_api: bool | None = Field(
        default=None, description="Whether to use the Responses endpoint; None: the model and the request decide."
    )
    use_previous_response_id: bool = Field(
        default=False,
        description="Whether to store responses, and send only the messages after the last stored one. Implies the "
        "Responses endpoint where it serves the model.",
    )
    include: list[str] | None = Field(default=None, description="Additional output to return (Responses).")
    store: bool | None = Field(
        default=None, description="Whether the gateway stores the response for `previous_response_id` (Responses)."
    )
    truncation: str | None = Field(
        default=None, description="`auto` drops the middle of a conversation that is too long (Responses)."
    )

    request_timeout: Any = Field(
        default=None,
        alias="timeout",
        description="Timeout in seconds, a (connect, read) pair or an `httpx.Timeout`; None: 10 s to connect, 600 s to "
        "read.",
    )
    stream_chunk_timeout: float | None = Field(
        default=None, description="Maximum seconds between two events of a stream; None: 120, 0: no limit."
    )
    max_retries: int | None = Field(
        default=None, ge=0, description="Number of retries after transient errors; None: 2, 0: none."
    )
    http_client: Any = Field(
        default=None,
        exclude=True,
        description="An `httpx.Client` or `httpx2.Client` to use as is. It is never closed here.",
    )
    http_async_client: Any = Field(
        default=None,
        exclude=True,
        description="An `httpx.AsyncClient` or `httpx2.AsyncClient` to use as is. It is never closed here.",
    )

    streaming: bool = Field(default=False, description="Whether `invoke` streams too.")
    stream_usage: bool = Field(default=True, description="Whether streams report token counts.")
    strict_parameters: bool = Field(
        default=False,
        description="Whether a parameter that the model doesn't support is an error instead of a warning.",
    )
    disabled_params: dict[str, Any] | None = Field(
        default=None, description="Parameters that are never sent (None), or not with the listed values."
    )
    include_response_headers: bool = Field(
        default=False,
        description='Whether `response_metadata["headers"]` holds the response headers, such as rate limits.',
    )
    model_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Additional parameters, by the endpoint's names."
    )
    extra_body: Mapping[str, Any] | None = Field(
        default=None, description="JSON to merge over the finished body, as is."
    )

    prices: Mapping[str, float] | None = Field(
        default=None,
        repr=False,
        description="US dollars per token, by `input` and `output`, for estimates; None: the known prices of the "
        "model.",
    )

    @model_validator(mode="before")
    @classmethod
    def _normalize_kwargs(cls, values: Any) -> Any:
        """Accept the argument names of other integrations; move unknown arguments to `model_kwargs` with a warning."""
        return _normalize_chat_kwargs(cls, values) if isinstance(values, dict) else values

    @field_validator("output_version")
    @classmethod
    def _validate_output_version(cls, version: str | None) -> str | None:
        if version not in _OUTPUT_VERSIONS:
            raise ValueError(f"output_version={version!r} is not one of {_OUTPUT_VERSIONS}.")
        return version

    @field_validator("logit_bias", mode="before")
    @classmethod
    def _stringify_token_ids(cls, bias: Any) -> Any:
        """Convert token ids to `str`, because JSON keys are strings."""
        return {str(token): value for token, value in bias.items()} if isinstance(bias, Mapping) else bias

    @model_validator(mode="after")
    def _resolve_connection(self) -> Self:
        for name in ("aimlapi_api_key", "aimlapi_api_base"):
            self._set_resolved(name, resolve_field(name, getattr(self, name)))
        check_model(self.model_name)
        check_settings(
            default_headers=self.default_headers,
            timeout=self.request_timeout,
            chunk_timeout=self.stream_chunk_timeout,
            limits=self.limits,
            client_request_id=None if self.client_request_id == USE_RUN_ID else self.client_request_id,
        )
        return self

    @model_validator(mode="after")
    def _warn_if_deprecated(self) -> Self:
        warn_if_deprecated(self.model_name)
        return self

    @model_validator(mode="after")
    def _set_aimlapi_version(self) -> Self:
        """Add this package's version to the versions that traces report."""
        self._add_version("aimlapi-integrations", __version__)
        return self

    @model_validator(mode="after")
    def _add_run_id_handler(self) -> Self:
        if self.client_request_id == USE_RUN_ID:
            self.callbacks = with_run_id_handler(self.callbacks)
        return self

    @model_validator(mode="after")
    def _validate_n(self) -> Self:
        if self.streaming and (self.n or 1) > 1:
            raise ValueError("n must be 1 when streaming.")
        return self

    def _resolve_model_profile(self) -> ModelProfile | None:
        return model_profile(self.model_name)

    @property
    def model(self) -> str:
        """The model's id, by the constructor's name for it."""
        return self.model_name

    @property
    def _default_parameters(self) -> dict[str, Any]:
        """The parameters of every request."""
        return {**self._field_parameters, **self.model_kwargs}

    @property
    def _field_parameters(self) -> dict[str, Any]:
        return {name: value for name in _PARAMETERS if (value := getattr(self, name)) is not None}


describe_inherited(
    ChatFields,
    {
        "name": "Name of the model in traces.",
        "cache": "A cache of responses, True for the global one, False for none; None: the global one if it is set.",
        "verbose": "Whether to print prompts and responses.",
        "callbacks": "Callbacks of every call.",
        "tags": "Tags of every run in traces.",
        "metadata": "Metadata of every run in traces. It isn't sent.",
        "custom_get_token_ids": "Function that encodes a text, to count tokens with instead of the estimate.",
        "rate_limiter": "Limits the number of requests per second.",
        "disable_streaming": "Whether `stream` makes a plain call: always, or with `'tool_calling'` only with tools.",
        "output_version": "Form of `content`: None or `v0` a text, `v1` a list of content blocks.",
        "profile": "What the model supports. Default: what is known of it.",
    },
)


def _normalize_chat_kwargs(cls: type[BaseChatModel], values: dict[str, Any]) -> dict[str, Any]:
    normalized = normalize_init_kwargs(cls, values, CHAT_NAMES)
    for name, alias in field_aliases(cls).items():
        if name in normalized and alias in normalized:
            raise ValueError(f"{name!r} was passed twice: also as {alias!r}. Pass it once.")
    model_kwargs = normalized.get("model_kwargs") or {}
    if fields := sorted((field_names(cls) & model_kwargs.keys()) - _ALLOWED_IN_MODEL_KWARGS):
        raise ValueError(f"model_kwargs contains {', '.join(fields)}. Pass these as arguments of their own.")
    return normalized


def stop_list(stop: str | Sequence[str] | None) -> list[str]:
    """Return stop sequences as a list."""
    return [stop] if isinstance(stop, str) else list(stop or ())
