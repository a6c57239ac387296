"""Arguments by the names that other classes give them -> those of the classes here, so that changing the class is the
whole migration. What is no argument at all goes to `model_kwargs`, with a warning."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel, ModelProfile
from langchain_core.utils.pydantic import get_fields
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from typing_extensions import Self

from .._utils.json import drop_none
from ..client.config import DEFAULT_MODEL, resolve_api_key, resolve_base_url
from ..version import __version__
from .profile import model_profile
from .run_ids import USE_RUN_ID, with_run_id_handler

_CREDENTIALS = {
    "openai_api_key": "aimlapi_api_key",
    "openai_api_base": "aimlapi_api_base",
    "openrouter_api_key": "aimlapi_api_key",
    "openrouter_api_base": "aimlapi_api_base",
}

CHAT_NAMES = {**_CREDENTIALS, "max_completion_tokens": "max_tokens"}
EMBEDDING_NAMES = {**_CREDENTIALS, "model_name": "model"}

# What goes with every call beside the body, and may be secret: to the fields that are neither shown nor serialised.
_BESIDE = {"extra_headers": "default_headers", "headers": "default_headers", "extra_query": "default_query"}
_HEADERS = {"app_url": "HTTP-Referer", "app_title": "X-Title"}

# What has nothing to set here, and what does instead.
_MEANINGLESS = {
    **dict.fromkeys(("organization", "openai_organization", "openai_api_type", "openai_api_version"), ""),
    **dict.fromkeys(("api_version", "deployment", "app_categories", "tiktoken_enabled", "tiktoken_model_name"), ""),
    **dict.fromkeys(("check_embedding_ctx_length", "embedding_ctx_length", "skip_empty"), ""),
    **dict.fromkeys(("allowed_special", "disallowed_special"), ""),
    **dict.fromkeys(("retry_min_seconds", "retry_max_seconds"), ": retry=RetryPolicy(…) says how long to wait"),
    "http_socket_options": ": http_client=httpx.Client(transport=…) has such",
    "openrouter_provider": ': provider="openai" names one source',
}

# What must not be left out without a word, since calls would go another way than was meant.
_REFUSED = {
    "openai_proxy": "give http_client=httpx.Client(proxy=…) and http_async_client=…, or set HTTPS_PROXY",
    **dict.fromkeys(
        ("client", "async_client", "root_client", "root_async_client"),
        "clients of other packages cannot be used: give http_client=httpx.Client(…), http_async_client=…",
    ),
}


def normalize_init_kwargs(
    cls: type[BaseModel], values: Mapping[str, Any], other_names: Mapping[str, str]
) -> dict[str, Any]:
    """The arguments by the names of the fields of `cls`, and the rest in `model_kwargs`; nothing twice.

    Raises:
        ValueError: something was given twice, or cannot be taken; the text says what to give instead.
    """
    named = _renamed(cls, values, other_names)
    unknown = {name: named.pop(name) for name in [*named] if name not in field_names(cls)}
    further = {**(named.pop("model_kwargs", None) or {})}
    if twice := unknown.keys() & further.keys():
        raise ValueError(f"{', '.join(sorted(twice))} was given twice: by itself and in model_kwargs.")
    beside = [_taken(further, _BESIDE), _taken(unknown, _BESIDE), _as_headers(_taken(unknown, _HEADERS))]
    further |= _parameters(cls, unknown)
    return {**named, **_with_every_call(named, beside), **({"model_kwargs": further} if further else {})}


def _renamed(cls: type[BaseModel], values: Mapping[str, Any], other_names: Mapping[str, str]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for given, value in values.items():
        name = other_names.get(given, given)
        if name != given and (name in named or name in values or field_aliases(cls).get(name) in values):
            raise ValueError(f"{name!r} was given twice, by different names.")
        named[name] = value
    return named


def _taken(arguments: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the arguments that have these names, taken out of the rest; None says nothing."""
    found = {name: arguments.pop(name) for name in names if name in arguments}
    return drop_none(found)


def _as_headers(found: Mapping[str, str]) -> dict[str, Any]:
    return {"extra_headers": {_HEADERS[name]: value for name, value in found.items()}} if found else {}


def _with_every_call(named: Mapping[str, Any], beside: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The default headers and query with what was given for them by other names, which goes before."""
    found: dict[str, Any] = {}
    for given in beside:
        for name, value in given.items():
            field = _BESIDE[name]
            found[field] = {**(found.get(field) or named.get(field) or {}), **value}
    return found


def _parameters(cls: type[BaseModel], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the unknown arguments that may be parameters of the endpoint, each with a warning."""
    for name in unknown.keys() & _REFUSED.keys():
        if unknown[name] is not None:
            raise ValueError(f"{name!r} is no parameter of {cls.__name__}: {_REFUSED[name]}.")
    for name, value in unknown.items():
        if name in _MEANINGLESS and value is not None:
            _warn(f"{name!r} means nothing to {cls.__name__} and is left out{_MEANINGLESS[name]}.")
        elif name not in _MEANINGLESS and name not in _REFUSED:
            _warn(f"{name!r} is no parameter of {cls.__name__}; it goes to model_kwargs.")
    return {name: value for name, value in unknown.items() if name not in _MEANINGLESS and name not in _REFUSED}


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=_depth())


def _depth() -> int:
    """The calls between a warning and whoever calls the constructor, which core's classes lengthen."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame, depth = frame.f_back, depth + 1
    return depth


_INSIDE = ("aimlapi_integrations", "pydantic", "langchain_core")


def field_aliases(cls: type[BaseModel]) -> dict[str, str]:
    """The other names that the fields of `cls` have, by the fields'."""
    return {name: field.alias for name, field in get_fields(cls).items() if field.alias}


def field_names(cls: type[BaseModel]) -> set[str]:
    """All names that the fields of `cls` are given by."""
    return {*get_fields(cls), *field_aliases(cls).values()}


# No `from __future__ import annotations`: pydantic reads the types at run time.


ApiKey = SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None

# Fields that are parameters of the endpoint under their own name.
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

# A parameter of the endpoint that LangChain's own field for traces hides: it is given in `model_kwargs`.
_OF_BOTH = {"metadata"}

_OUTPUT_VERSIONS = (None, "v0", "v1", "responses/v1")


class ChatFields(BaseChatModel):
    """Everything that `ChatAIMLAPI` can be told when it is made; what is left out is left to the gateway."""

    # The schema is built for `ChatAIMLAPI` alone, not for each class on the way to it: that is a tenth of the import.
    model_config = ConfigDict(
        populate_by_name=True, arbitrary_types_allowed=True, hide_input_in_errors=True, defer_build=True
    )

    model_name: str = Field(default=DEFAULT_MODEL, alias="model")
    """The model, by the gateway's id or an alias of it."""
    aimlapi_api_key: ApiKey = Field(default=None, alias="api_key", validate_default=False)
    """The key, or a function that gives it (async only for async calls). Else `AIMLAPI_API_KEY`, `AIML_API_KEY`."""
    aimlapi_api_base: str | None = Field(default=None, alias="base_url")
    """Where the gateway is. Else `AIMLAPI_API_BASE`, `AIMLAPI_BASE_URL`, then the public one."""

    temperature: float | None = None
    """How freely the model picks its words, 0 to 2."""
    max_tokens: int | None = None
    """Tokens of the answer at most, thinking included; also `max_completion_tokens`."""
    top_p: float | None = None
    """Share of the likeliest tokens to pick from."""
    stop: str | list[str] | None = Field(default=None, alias="stop_sequences")
    """Texts that end the answer before them."""
    seed: int | None = None
    """Makes answers repeatable as far as the model can."""
    n: int | None = Field(default=None, ge=1)
    """Number of answers; more than one cannot be streamed."""
    logprobs: bool | None = None
    """Whether to return the log probability of each token."""
    top_logprobs: int | None = None
    """Likeliest tokens to return at each place, 0 to 20."""
    logit_bias: dict[str, float] | None = None
    """Likelihood to add to tokens, by token id."""
    frequency_penalty: float | None = None
    """Penalty for tokens by how often they came, -2 to 2."""
    presence_penalty: float | None = None
    """Penalty for tokens that came at all, -2 to 2."""
    reasoning_effort: str | None = None
    """How much to think: `low`, `medium` or `high`."""
    reasoning: dict[str, Any] | None = None
    """`{"effort": …, "summary": …}`, as the Responses endpoint takes it."""
    verbosity: str | None = None
    """How long to answer: `low`, `medium` or `high`."""
    service_tier: str | None = None
    """The tier of the model's vendor to run on."""

    provider: str | None = None
    """The source to run the model at (`openai`, `alibaba` …), without fallback; `auto` has all of them."""
    normalize_tool_schemas: bool | None = None
    """Whether the gateway may rewrite the schemas of tools for the source's sake."""
    client_request_id: str | None = None
    """Your own id of the calls, for the gateway's logs; `"run_id"` for the id of each LangChain run."""

    endpoint: Literal["chat_completions", "responses", "messages"] | None = None
    """The endpoint to use, whatever the model and the request."""
    use_responses_api: bool | None = None
    """Whether to use the Responses endpoint; None: the model and the request decide."""
    use_previous_response_id: bool = False
    """Whether to store answers, and send only what is new since the last one that is stored. Implies Responses, where
    the model is served there."""
    include: list[str] | None = None
    """Further output to return (Responses)."""
    store: bool | None = None
    """Whether the gateway keeps the response for `previous_response_id` (Responses)."""
    truncation: str | None = None
    """`auto` drops the middle of a conversation that is too long (Responses)."""

    request_timeout: Any = Field(default=None, alias="timeout")
    """Seconds to wait, a (connect, read) pair or an `httpx.Timeout`; None: 10 s to connect, 600 s to read."""
    stream_chunk_timeout: float | None = None
    """Seconds from one event of a stream to the next, at most; None: 120, 0: no limit."""
    max_retries: int | None = Field(default=None, ge=0)
    """Further tries after errors that may pass; None: 2, 0: none."""
    http_client: Any = Field(default=None, exclude=True)
    """An `httpx.Client` or `httpx2.Client` of your own; it is used as it is and never closed."""
    http_async_client: Any = Field(default=None, exclude=True)
    """An `httpx.AsyncClient` or `httpx2.AsyncClient` of your own, likewise."""

    streaming: bool = False
    """Whether `invoke` streams too."""
    stream_usage: bool = True
    """Whether streams tell their token counts."""
    strict_parameters: bool = False
    """Whether a parameter that the model does not list is an error instead of a warning."""
    disabled_params: dict[str, Any] | None = None
    """Parameters never to send (None), or not with these values."""
    include_response_headers: bool = False
    """Whether `response_metadata["headers"]` has the headers of the answer, such as those that tell of rate limits."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further parameters, by the endpoint's names."""
    extra_body: Mapping[str, Any] | None = None
    """JSON to lay over the finished body, unread."""

    @model_validator(mode="before")
    @classmethod
    def _gather_model_kwargs(cls, values: Any) -> Any:
        """Take other models' names; put what is no field into `model_kwargs`, with a warning; nothing twice."""
        return _gathered(cls, values) if isinstance(values, dict) else values

    @field_validator("output_version")
    @classmethod
    def _known_output_version(cls, version: str | None) -> str | None:
        if version not in _OUTPUT_VERSIONS:
            raise ValueError(f"output_version={version!r} is none of {_OUTPUT_VERSIONS}.")
        return version

    @field_validator("logit_bias", mode="before")
    @classmethod
    def _token_ids_as_text(cls, bias: Any) -> Any:
        """JSON's keys are text; token ids are numbers to those who look them up."""
        return {str(token): value for token, value in bias.items()} if isinstance(bias, Mapping) else bias

    @model_validator(mode="after")
    def _resolve_connection(self) -> Self:
        if not callable(self.aimlapi_api_key):
            self.aimlapi_api_key = resolve_api_key(self.aimlapi_api_key)
        self.aimlapi_api_base = resolve_base_url(self.aimlapi_api_base)
        return self

    @model_validator(mode="after")
    def _set_aimlapi_version(self) -> Self:
        """Traces tell the versions of the packages behind a call."""
        self._add_version("aimlapi-integrations", __version__)
        return self

    @model_validator(mode="after")
    def _hear_of_runs(self) -> Self:
        if self.client_request_id == USE_RUN_ID:
            self.callbacks = with_run_id_handler(self.callbacks)
        return self

    @model_validator(mode="after")
    def _one_answer_in_streams(self) -> Self:
        if self.streaming and (self.n or 1) > 1:
            raise ValueError("n must be 1 when streaming.")
        return self

    def _resolve_model_profile(self) -> ModelProfile | None:
        return model_profile(self.model_name)

    @property
    def model(self) -> str:
        """The model's id, by the name that the constructor takes it by."""
        return self.model_name

    @property
    def _parameters(self) -> dict[str, Any]:
        """The parameters that every call has."""
        return {**self._fields_given, **self.model_kwargs}

    @property
    def _fields_given(self) -> dict[str, Any]:
        return {name: value for name in _PARAMETERS if (value := getattr(self, name)) is not None}


def _gathered(cls: type[BaseChatModel], values: dict[str, Any]) -> dict[str, Any]:
    found = normalize_init_kwargs(cls, values, CHAT_NAMES)
    for name, alias in field_aliases(cls).items():
        if name in found and alias in found:
            raise ValueError(f"{name!r} was given twice: also as {alias!r}.")
    if own := sorted((field_names(cls) & (found.get("model_kwargs") or {}).keys()) - _OF_BOTH):
        raise ValueError(f"Give {', '.join(own)} by name, not in model_kwargs.")
    return found


def stop_list(stop: str | Sequence[str] | None) -> list[str]:
    """Stop sequences as a list."""
    return [stop] if isinstance(stop, str) else list(stop or ())
