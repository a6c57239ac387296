"""The types of arguments, for editors and type checkers. Where a `Literal` lists values, any other string is valid too.

A model may support more values than these, or fewer: `aimlapi_integrations.models.lookup(id)` says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from typing_extensions import TypedDict

from ..transport.retries import Timeout
from ..types import HostedTool, ResponseFormat, Tool, ToolChoice

Endpoint: TypeAlias = Literal["chat_completions", "responses", "messages"]
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

    tools: Sequence[Tool | HostedTool | Mapping[str, Any]]
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
