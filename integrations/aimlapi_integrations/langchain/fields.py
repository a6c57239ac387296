"""The fields of `ChatAIMLAPI`, the checks of the values that are passed for them, and the values that are derived."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, Callbacks
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig
from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from typing_extensions import Self, override

from .._utils.pydantic_models import describe_inherited
from ..client.options import DEFAULT_MODEL, Endpoint
from ..models import lookup
from ..models.loader import table_cache
from ..models.lookup import check_model, warn_if_deprecated
from ..transport.validation import check_settings
from ..version import __version__
from .connection import ConnectionFields
from .init_kwargs import CHAT_NAMES, field_aliases, field_names, normalize_init_kwargs, plain_names

if TYPE_CHECKING:
    from ..endpoints.catalogue import CatalogueModel  # the first call imports the endpoints

    # What may be passed and assigned: a string becomes a secret.
    ApiKey = str | SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None
else:
    ApiKey = SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None

# The endpoint's `metadata` has the name of LangChain's field for traces, so `model_kwargs` may contain it.
_ALLOWED_IN_MODEL_KWARGS = {"metadata"}

# Sends the id of each LangChain run as the request id that the gateway logs.
USE_RUN_ID = "run_id"

_OUTPUT_VERSIONS = (None, "v0", "v1", "responses/v1")


class ChatFields(ConnectionFields, BaseChatModel):
    """The constructor arguments of `ChatAIMLAPI`. Those that are omitted are left to the gateway."""

    model_config = ConfigDict(populate_by_name=True, arbitrary_types_allowed=True, hide_input_in_errors=True)

    if TYPE_CHECKING:  # generators, as in core, where their types don't say that they can be closed

        def stream(
            self,
            input: LanguageModelInput,  # noqa: A002
            config: RunnableConfig | None = None,
            *,
            stop: list[str] | None = None,
            **kwargs: Any,
        ) -> Generator[AIMessageChunk, None, None]: ...

        def astream(
            self,
            input: LanguageModelInput,  # noqa: A002
            config: RunnableConfig | None = None,
            *,
            stop: list[str] | None = None,
            **kwargs: Any,
        ) -> AsyncGenerator[AIMessageChunk, None]: ...

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

    endpoint: Endpoint | None = Field(
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
        if not isinstance(values, dict) or plain_names(cls).issuperset(values):
            return values
        return _normalize_chat_kwargs(cls, values)

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
    def _complete_fields(self) -> Self:
        """Resolve, check and add what no single field decides. One validator does all, because each takes time."""
        self._resolve_connection()
        warn_if_deprecated(self.model_name)
        self._add_version("aimlapi-integrations", __version__)  # to the versions that traces report
        if self.client_request_id == USE_RUN_ID:
            self.callbacks = with_run_id_handler(self.callbacks)
        if self.streaming and (self.n or 1) > 1:
            raise ValueError("n must be 1 when streaming.")
        return self

    def _resolve_connection(self) -> None:
        self._resolve_key_and_url()
        check_model(self.model_name)
        check_settings(
            default_headers=self.default_headers,
            timeout=self.request_timeout,
            chunk_timeout=self.stream_chunk_timeout,
            limits=self.limits,
            client_request_id=None if self.client_request_id == USE_RUN_ID else self.client_request_id,
        )

    def _resolve_model_profile(self) -> ModelProfile | None:
        return model_profile(self.model_name)

    def _apply_entry(self, entry: "CatalogueModel", kwargs: Mapping[str, Any]) -> Self:
        """Set the profile and the prices from an entry of the live catalog, unless `kwargs` have them."""
        if "profile" not in kwargs:
            self.profile = cast(ModelProfile, {**(self.profile or {}), **_live_profile(entry)})
        if "prices" not in kwargs:
            self.prices = entry.token_prices or None
        return self

    @property
    def model(self) -> str:
        """The model's id, by the constructor's name for it."""
        return self.model_name


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


# --- the model's profile ----------------------------------------------------------------------------------------------


def model_profile(model: str) -> ModelProfile | None:
    """Return the profile of a model, or None for an unknown model.

    >>> model_profile("openai/gpt-5-mini-2025-08-07")["reasoning_output"]
    True
    """
    entry = lookup(model)
    if not entry.known:
        return None
    profile = _build_profile(entry.id).copy()
    if levels := profile.get("reasoning_effort_levels"):
        profile["reasoning_effort_levels"] = levels.copy()
    return profile


@table_cache
def _build_profile(model_id: str) -> ModelProfile:
    model = lookup(model_id)
    fields: dict[str, Any] = {
        "name": model.name,
        **{f"{kind}_inputs": kind in model.inputs for kind in ("text", "image", "pdf", "audio", "video")},
        **{f"{kind}_outputs": kind in model.outputs for kind in ("text", "image", "audio", "video")},
        "max_input_tokens": model.context,
        "max_output_tokens": model.max_output,
        "image_url_inputs": model.vision,
        "image_tool_message": model.vision,
        "pdf_tool_message": "pdf" in model.inputs,
        "attachment": bool(model.inputs & {"image", "pdf"}),
        "tool_calling": model.tools,
        "tool_choice": model.tool_choice,
        "tool_call_streaming": model.tools,
        "structured_output": model.structured_output,
        "reasoning_output": model.reasoning,
        "reasoning_effort_levels": list(model.effort_levels) or None,
        "temperature": model.parameter("temperature") is not None,
    }
    return cast(ModelProfile, {name: value for name, value in fields.items() if value is not None})


def _live_profile(entry: "CatalogueModel") -> dict[str, Any]:
    """Return what the live catalog reports, of capabilities those that it lists: some models support more."""
    inputs = entry.input_modalities
    fields: dict[str, Any] = {
        "name": entry.name,
        "max_input_tokens": entry.context_length,
        "max_output_tokens": entry.max_output,
        **{f"{kind}_inputs": kind in inputs for kind in ("text", "image", "audio", "video") if inputs},
        **{field: True for capability, field in _CAPABILITIES.items() if capability in entry.capabilities},
    }
    return {name: value for name, value in fields.items() if value is not None}


_CAPABILITIES = {"tools": "tool_calling", "structured_output": "structured_output", "vision": "image_inputs"}


# --- client_request_id="run_id" ---------------------------------------------------------------------------------------

_current_run: ContextVar[UUID | None] = ContextVar("aimlapi_run_id", default=None)


class RunIdHandler(BaseCallbackHandler):
    """Record the id of the current run: core passes no run manager to `_stream`, so a stream can't know it otherwise.

    The handler runs inline, so that it sets the variable in the context that the run continues in.
    """

    run_inline = True

    @override
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Record the run's id."""
        _current_run.set(run_id)

    @override
    def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
        """Clear the id."""
        _current_run.set(None)

    on_llm_error = on_llm_end


def with_run_id_handler(callbacks: Callbacks) -> Callbacks:
    """Return a model's callbacks with a `RunIdHandler`, as a new list or manager."""
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or []
    if any(isinstance(handler, RunIdHandler) for handler in handlers):
        return callbacks
    if not isinstance(callbacks, BaseCallbackManager):
        return [*handlers, RunIdHandler()]
    manager = callbacks.copy()
    manager.add_handler(RunIdHandler(), inherit=False)
    return manager


def current_run_id(run: BaseRunManager | None) -> str | None:
    """Return the id of `run`, or of the run that is current in this context."""
    run_id = run.run_id if run else _current_run.get()
    return str(run_id) if run_id else None
