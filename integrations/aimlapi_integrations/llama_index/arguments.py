"""The constructor arguments of `AIMLAPI` and `AIMLAPIEmbedding`, by every name, for editors and type checkers.

Pydantic's own signature has one name for each field, and the types that fields have after validation. Nothing here is
imported at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import BaseOutputParser, PydanticProgramMode
from pydantic import SecretStr
from typing_extensions import TypedDict

from ..client.options import Endpoint, Modality, ReasoningEffort, ReasoningSettings, Truncation
from ..transport.retries import RetryEvent, RetryPolicy, Timeout


class ConnectionArguments(TypedDict, total=False):
    """How to reach the gateway."""

    api_key: str | SecretStr | None
    api_base: str | None
    timeout: Timeout
    max_retries: int
    retry: RetryPolicy | None
    on_retry: Callable[[RetryEvent], object] | None
    default_headers: dict[str, str] | None
    default_query: dict[str, Any] | None
    limits: httpx.Limits | None
    http_client: httpx.Client | None
    async_http_client: httpx.AsyncClient | None
    reuse_client: bool
    callback_manager: CallbackManager
    rate_limiter: Any
    additional_kwargs: dict[str, Any]


class LLMArguments(ConnectionArguments, total=False):
    """The arguments of `AIMLAPI`, beside `model`."""

    model_name: str
    temperature: float | None
    max_tokens: int | None
    max_new_tokens: int | None
    max_output_tokens: int | None
    max_completion_tokens: int | None
    top_p: float | None
    logprobs: bool | None
    top_logprobs: int | None
    reasoning_effort: ReasoningEffort | None
    reasoning_options: ReasoningSettings | None
    modalities: list[Modality] | None
    audio_config: dict[str, Any] | None
    strict: bool | None

    context_window: int | None
    is_chat_model: bool
    is_function_calling_model: bool | None
    should_use_structured_outputs: bool | None

    endpoint: Endpoint | None
    use_responses_api: bool | None
    instructions: str | None
    store: bool | None
    include: list[str] | None
    truncation: Truncation | None
    built_in_tools: list[dict[str, Any]] | None
    track_previous_responses: bool
    previous_response_id: str | None
    call_metadata: dict[str, Any] | None
    user: str | None
    provider: str | None
    normalize_tool_schemas: bool | None
    chunk_timeout: float | None
    client_request_id: str | None
    stream_usage: bool
    strict_parameters: bool
    prices: dict[str, float] | None

    system_prompt: str | None
    messages_to_prompt: Callable[[Sequence[ChatMessage]], str] | None
    completion_to_prompt: Callable[[str], str] | None
    output_parser: BaseOutputParser | None
    pydantic_program_mode: PydanticProgramMode
    query_wrapper_prompt: BasePromptTemplate | None


class EmbeddingArguments(ConnectionArguments, total=False):
    """The arguments of `AIMLAPIEmbedding`, beside `model`."""

    model_name: str
    dimensions: int | None
    embed_batch_size: int
    batch_size: int
    num_workers: int | None
    embeddings_cache: Any
