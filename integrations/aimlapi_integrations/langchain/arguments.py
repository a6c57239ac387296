"""The constructor arguments of `ChatAIMLAPI` and `AIMLAPIEmbeddings`, by every name, for editors and type checkers.

Pydantic's own signature has one name for each field, and the types that fields have after validation. Nothing here is
imported at run time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import httpx
from langchain_core.caches import BaseCache
from langchain_core.callbacks import Callbacks
from langchain_core.language_models import ModelProfile
from langchain_core.rate_limiters import BaseRateLimiter
from pydantic import SecretStr
from typing_extensions import TypedDict

from ..client.options import Endpoint, ReasoningEffort, ReasoningSettings, ServiceTier, Truncation, Verbosity
from ..transport.retries import RetryEvent, RetryPolicy, Timeout


class ConnectionArguments(TypedDict, total=False):
    """How to reach the gateway."""

    base_url: str | None
    aimlapi_api_base: str | None
    timeout: Timeout
    request_timeout: Timeout
    max_retries: int | None
    retry: RetryPolicy | None
    on_retry: Callable[[RetryEvent], object] | None
    limits: httpx.Limits | None
    default_headers: Mapping[str, str] | None
    default_query: Mapping[str, Any] | None
    http_client: httpx.Client | None
    http_async_client: httpx.AsyncClient | None


class ChatModelArguments(ConnectionArguments, total=False):
    """The arguments of `ChatAIMLAPI`, beside `model`."""

    model_name: str
    api_key: str | SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
    aimlapi_api_key: str | SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
    stream_chunk_timeout: float | None

    temperature: float | None
    max_tokens: int | None
    max_completion_tokens: int | None
    top_p: float | None
    stop: str | list[str] | None
    stop_sequences: str | list[str] | None
    seed: int | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: Mapping[str, float] | Mapping[int, float] | None
    frequency_penalty: float | None
    presence_penalty: float | None
    reasoning_effort: ReasoningEffort | None
    reasoning: ReasoningSettings | None
    verbosity: Verbosity | None
    service_tier: ServiceTier | None
    provider: str | None
    normalize_tool_schemas: bool | None
    client_request_id: Literal["run_id"] | str | None

    endpoint: Endpoint | None
    use_responses_api: bool | None
    use_previous_response_id: bool
    include: list[str] | None
    store: bool | None
    truncation: Truncation | None

    streaming: bool
    stream_usage: bool
    strict_parameters: bool
    disabled_params: dict[str, Any] | None
    include_response_headers: bool
    model_kwargs: dict[str, Any]
    extra_body: Mapping[str, Any] | None
    prices: Mapping[str, float] | None
    output_version: Literal["v0", "v1", "responses/v1"] | None
    profile: ModelProfile | None

    name: str | None
    cache: BaseCache | bool | None
    verbose: bool
    callbacks: Callbacks
    tags: list[str] | None
    metadata: dict[str, Any] | None
    custom_get_token_ids: Callable[[str], list[int]] | None
    rate_limiter: BaseRateLimiter | None
    disable_streaming: bool | Literal["tool_calling"]


class EmbeddingsArguments(ConnectionArguments, total=False):
    """The arguments of `AIMLAPIEmbeddings`, beside `model`."""

    api_key: str | SecretStr | None
    aimlapi_api_key: str | SecretStr | None
    dimensions: int | None
    encoding_format: Literal["float", "base64"] | None
    model_kwargs: dict[str, Any]
    query_kwargs: dict[str, Any]
    chunk_size: int
    max_concurrency: int
    show_progress_bar: bool
