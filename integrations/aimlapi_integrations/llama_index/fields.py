"""The fields of `AIMLAPI` and `AIMLAPIEmbedding`, and the names that other classes have for them."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import (
    BaseModel,
    Field,
    model_validator,
)
from typing_extensions import Self

from .._utils.diagnostics import did_you_mean
from .._utils.pydantic_models import describe_inherited
from ..client.options import DEFAULT_MODEL, Endpoint
from ..models.lookup import check_model, warn_if_deprecated
from ..transport.validation import check_settings, hide_arguments
from .connection import ConnectionFields

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
    if fields.issuperset(values):
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


# --- the LLM ------------------------------------------------------------------------------------------------------


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


CALLBACK_MANAGER = "Callback handlers of LlamaIndex. Default: those of `Settings`."
"""The description of a field that core leaves without one."""

describe_inherited(
    AIMLAPIFields,
    {
        "callback_manager": CALLBACK_MANAGER,
        "pydantic_program_mode": "How structured output is requested. Default: as the model supports it.",
    },
)
