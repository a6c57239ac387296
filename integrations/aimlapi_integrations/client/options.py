"""What a client and a call are configured with: the key and the base URL, options, and the types of arguments.

Where a `Literal` lists values, any other string is valid too. A model may support more values than these, or fewer:
`aimlapi_integrations.models.lookup(id)` says which.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from pydantic import SecretStr
from typing_extensions import TypedDict

from .._utils.diagnostics import warn_once
from .._utils.json import drop_none
from ..errors import MissingAPIKeyError, UnsupportedParameterError
from ..transport.retries import Timeout
from ..transport.validation import as_secret, can_send_api_key, check_api_key, inspect_base_url, is_loopback, reveal
from ..types import HostedTool, ResponseFormat, Tool, ToolChoice

DEFAULT_MODEL = "openai/gpt-5-mini-2025-08-07"
DEFAULT_EMBEDDING_MODEL = "text-embedding-3-small"
DEFAULT_BASE_URL = "https://api.aimlapi.com/v1"

API_KEY_VARIABLES = ("AIMLAPI_API_KEY", "AIML_API_KEY")
BASE_URL_VARIABLES = ("AIMLAPI_API_BASE", "AIMLAPI_BASE_URL")


# --- the key and the base URL -------------------------------------------------------------------------------------


def resolve_api_key(value: str | SecretStr | None = None) -> SecretStr:
    """Return the API key: `value`, or else `AIMLAPI_API_KEY`, or else `AIML_API_KEY`.

    Raises:
        MissingAPIKeyError: there is none.
        ValueError: it has characters that HTTP can't carry.
    """
    value = as_secret(value)
    if value and can_send_api_key(value):
        return value
    api_key = value and SecretStr(value.get_secret_value().strip())
    api_key = api_key or _from_environment(API_KEY_VARIABLES)
    if api_key is None:
        raise MissingAPIKeyError(
            "No API key: pass api_key= or set AIMLAPI_API_KEY. Create a key at https://aimlapi.com/app/keys."
        )
    return check_api_key(api_key)


def resolve_base_url(value: str | SecretStr | None = None) -> str:
    """Return the base URL, without a slash at its end.

    That is `value`, or else `AIMLAPI_API_BASE`, or else `AIMLAPI_BASE_URL`, or else the gateway's. The path of an
    endpoint at its end is removed; `/v1` is added for the gateway and this machine if the URL has no path.

    Raises:
        ValueError: no request can be sent to it.
    """
    if value is not None:  # it may hold a password, and tracebacks print local variables
        value = as_secret(value) if "@" in reveal(value) else reveal(value).strip()
    normalized, problem = _normalize_base_url(value or _from_environment(BASE_URL_VARIABLES) or DEFAULT_BASE_URL)
    if problem:
        warn_once(problem)
    return normalized.get_secret_value()


@lru_cache(maxsize=128)  # each model of a process has the same one
def _normalize_base_url(value: str | SecretStr) -> tuple[SecretStr, str | None]:
    """Return the URL, and what to warn of."""
    url = SecretStr(_remove_endpoint_path(reveal(value).strip().rstrip("/")))
    host, problem = inspect_base_url(url)
    if (host == "api.aimlapi.com" or is_loopback(host)) and not url.get_secret_value().partition("//")[2].count("/"):
        return SecretStr(f"{url.get_secret_value()}/v1"), problem
    return url, problem


def _remove_endpoint_path(url: str) -> str:
    """Remove the path of an endpoint, which people copy from examples of HTTP requests."""
    if url.endswith("/v1"):
        return url  # without importing the endpoints, which a model needs for its first call only
    from ..endpoints import ENDPOINTS, catalogue, embeddings, get_endpoint

    endpoint_paths = (get_endpoint(name).PATH for name in ENDPOINTS)
    paths = (*endpoint_paths, embeddings.PATH, catalogue.PATH, "/completions")
    return next((url.removesuffix(path) for path in paths if url.endswith(path)), url)


def _from_environment(names: tuple[str, ...]) -> SecretStr | None:
    return next((SecretStr(value) for name in names if (value := os.environ.get(name, "").strip())), None)


# --- options of a call --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How to send a call, as opposed to what. None means the client's setting.

    Attributes:
        endpoint: `chat_completions`, `responses` or `messages`; overrides the choice by model and request.
        use_responses_api: whether to use the Responses endpoint; None lets the model and the request decide.
        timeout: seconds, a (connect, read) pair or an `httpx.Timeout`.
        chunk_timeout: seconds from one event of a stream to the next.
        headers, query: added to the client's.
        client_request_id: your own id of the call, 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
        stream_usage: whether a stream reports its token counts.
        strict_parameters: whether a parameter that the model doesn't list is an error instead of a warning.
        max_retries: retries of this call.
    """

    endpoint: str | None = None
    use_responses_api: bool | None = None
    timeout: Timeout = None
    chunk_timeout: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_request_id: str | None = None
    stream_usage: bool = True
    strict_parameters: bool = False
    max_retries: int | None = None


DEFAULT_OPTIONS = CallOptions()

# Arguments of other clients' calls that say how to send, not what: none of them is ever part of a body.
_HEADERS = ("default_headers", "headers", "http_headers")
_QUERY = ("default_query", "extra_query")
_API_KEYS = ("aimlapi_api_key", "openai_api_key", "openrouter_api_key", "api_key")
_SETTINGS = {"request_timeout": "timeout", "timeout": "timeout", "max_retries": "max_retries"}
_CLIENT_ARGUMENTS = frozenset(
    {"aimlapi_api_base", "api_base", "base_url", "openai_api_base", "openrouter_api_base"}
    | {"async_http_client", "http_async_client", "http_client", "limits", "on_retry", "retry"}
)

NOT_IN_BODY = frozenset({*_HEADERS, "extra_headers", *_QUERY, *_API_KEYS, *_SETTINGS, *_CLIENT_ARGUMENTS})
"""Names of call arguments that never go into a body, secret ones among them."""


def split_options(parameters: Mapping[str, Any], options: CallOptions) -> tuple[Mapping[str, Any], CallOptions]:
    """Move the parameters that aren't part of a body into the options of the call.

    Raises:
        UnsupportedParameterError: only a client takes one of them, such as `base_url`.

    >>> split_options({"seed": 1, "extra_headers": {"X-Team": "a"}}, DEFAULT_OPTIONS)[0]
    {'seed': 1}
    """
    names = NOT_IN_BODY & parameters.keys()
    if not names:
        return parameters, options
    values = {name: parameters[name] for name in names if parameters[name] is not None}
    if client_arguments := sorted(_CLIENT_ARGUMENTS & values.keys()):
        raise UnsupportedParameterError(
            f"{client_arguments[0]!r} is not an argument of a call: pass it to the client or model."
        )
    settings = {field: values[name] for name, field in _SETTINGS.items() if name in values}
    headers = {
        **_merge(values, _HEADERS),
        **options.headers,
        **_merge(values, ("extra_headers",)),
        **_authorization(values),
    }
    query = {**_merge(values, _QUERY), **options.query}
    body = {name: value for name, value in parameters.items() if name not in names}
    return body, replace(options, headers=headers, query=query, **settings)


def _merge(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Merge the mappings of these names, later over earlier, without items that are None."""
    return {key: value for name in names for key, value in drop_none(values.get(name) or {}).items()}


def _authorization(values: Mapping[str, Any]) -> dict[str, str]:
    api_key = next((values[name] for name in reversed(_API_KEYS) if name in values), None)
    if api_key is None:
        return {}
    return {"Authorization": f"Bearer {api_key.get_secret_value() if isinstance(api_key, SecretStr) else api_key}"}


def parse_extra_body(fields: Any) -> Mapping[str, Any]:
    """Return the fields to merge into a request's body; None is none. TypeError if it is no mapping."""
    if not (fields is None or isinstance(fields, Mapping)):
        raise TypeError(f"extra_body: expected a mapping, received {type(fields).__name__}.")
    return fields or {}


# --- arguments ----------------------------------------------------------------------------------------------------


Endpoint: TypeAlias = Literal["chat_completions", "responses", "messages"]
"""The names in `endpoints.ENDPOINTS`, which editors can't compute."""

ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh"] | str
Verbosity: TypeAlias = Literal["low", "medium", "high"] | str
ServiceTier: TypeAlias = Literal["auto", "default", "flex", "priority"] | str
Truncation: TypeAlias = Literal["auto", "disabled"] | str
Modality: TypeAlias = Literal["text", "audio"] | str
Choice: TypeAlias = Literal["auto", "none", "any", "required"] | str


class ReasoningSettings(TypedDict, total=False):
    """`reasoning`, in the form of the Responses endpoint."""

    effort: ReasoningEffort
    summary: Literal["auto", "concise", "detailed"] | str
    max_tokens: int
    exclude: bool


class ThinkingSettings(TypedDict, total=False):
    """`thinking` of Claude's models."""

    type: Literal["enabled", "disabled", "adaptive"] | str
    budget_tokens: int
    display: str


class ChatArguments(TypedDict, total=False):
    """The keyword arguments of `Client.chat` and `chat_stream`: parameters by their names on chat completions.

    `extra_body` takes what is missing here, and is sent as is.
    """

    tools: Sequence[Tool | HostedTool | Mapping[str, Any]] | None
    tool_choice: Choice | bool | ToolChoice | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    response_format: ResponseFormat | Mapping[str, Any] | None
    extra_body: Mapping[str, Any] | None

    temperature: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    top_p: float | None
    top_k: int | None
    top_a: float | None
    min_p: float | None
    stop: str | list[str] | None
    stop_sequences: list[str] | None
    seed: int | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: Mapping[str, float] | None
    frequency_penalty: float | None
    presence_penalty: float | None
    repetition_penalty: float | None
    prediction: Mapping[str, Any] | None
    modalities: list[Modality] | None
    audio: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    user: str | None
    service_tier: ServiceTier | None

    reasoning_effort: ReasoningEffort | None
    reasoning: ReasoningSettings | None
    thinking: ThinkingSettings | None
    enable_thinking: bool | None
    thinking_budget: int | None
    verbosity: Verbosity | None

    provider: str | None
    normalize_tool_schemas: bool | None
    web_search_options: Mapping[str, Any] | None
    enable_search: bool | None
    search_options: Mapping[str, Any] | None
    search_mode: str | None
    search_domain_filter: list[str] | None
    search_recency_filter: str | None
    search_after_date_filter: str | None
    search_before_date_filter: str | None
    last_updated_after_filter: str | None
    last_updated_before_filter: str | None
    return_images: bool | None
    return_related_questions: bool | None

    background: bool | None
    conversation: str | Mapping[str, Any] | None
    include: list[str] | None
    instructions: str | None
    max_output_tokens: int | None
    previous_response_id: str | None
    prompt: Mapping[str, Any] | None
    store: bool | None
    system: str | list[dict[str, Any]] | None
    truncation: Truncation | None

    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, Any] | None
    timeout: Timeout
    max_retries: int | None
