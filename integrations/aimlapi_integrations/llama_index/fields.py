"""Arguments by the names that other classes give them -> those of the classes here. What is none is refused, and the
text says where it goes."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.base.llms.types import LLMMetadata, MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import BaseModel, Field, model_validator

from ..client.config import DEFAULT_MODEL
from ..models import Model, lookup
from .connections import ConnectionFields


def rename_kwargs(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """`values` by the names that they have here.

    Raises:
        ValueError: a value was given twice, by different names.
    """
    known: dict[str, Any] = {}
    for given, value in values.items():
        name = names.get(given, given)
        if name in known:
            raise ValueError(f"{name!r} was given twice: also as {given!r}.")
        known[name] = value
    return known


def validate_kwargs(cls: type[BaseModel], values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments by the names of the fields of `cls`.

    Raises:
        ValueError: one was given twice, or is none; the text says where it goes instead.
    """
    known = rename_kwargs(values, names)
    fields = {name for field, info in cls.model_fields.items() for name in (field, info.alias)}
    for name in known:
        if name not in fields:
            raise ValueError(f"{name!r} is no argument of {cls.__name__}: {_instead(name, fields)}.")
    return known


def _instead(name: str, fields: Container[str | None]) -> str:
    """What to do with an argument of another class."""
    if _CALLED.get(name, "") in fields:
        return f"it is called {_CALLED[name]}"
    return _ELSEWHERE.get(name, "parameters of the endpoint go into additional_kwargs")


_CALLED = {
    "base_url": "api_base",
    "openai_api_base": "api_base",
    "openai_api_key": "api_key",
    "metadata": "call_metadata",
    "order": "provider",
}
_NOTHING = "it has nothing to set here, leave it out"
_CLIENTS = "clients of other packages cannot be used, give http_client and async_http_client, which are httpx's"
_ELSEWHERE = {
    **dict.fromkeys(("api_version", "api_type", "engine", "deployment_name", "tokenizer", "mode"), _NOTHING),
    **dict.fromkeys(("openai_client", "async_openai_client"), _CLIENTS),
}


# No `from __future__ import annotations`: pydantic reads the types at run time.


DEFAULT_CONTEXT = 128_000
"""Tokens assumed of a model whose context is not documented."""

# What other classes and the endpoints call the same things, so that changing the class is the whole migration.
OTHER_NAMES = {
    "max_new_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "model_name": "model",
}


class AIMLAPIFields(ConnectionFields, FunctionCallingLLM):
    """Everything that `AIMLAPI` can be told when it is made; what is left out is left to the gateway."""

    model: str = Field(default=DEFAULT_MODEL, description="The model, by the gateway's id or an alias of it.")
    temperature: float | None = Field(
        default=None,
        description="How freely the model picks its words, 0 to 2. Not sent unless set: many models do not take it.",
    )
    max_tokens: int | None = Field(
        default=None,
        gt=0,
        description="Tokens of the answer at most, thinking included; also `max_new_tokens`, `max_output_tokens`.",
    )
    top_p: float | None = Field(default=None, description="Share of the likeliest tokens to pick from.")
    logprobs: bool | None = Field(default=None, description="Whether to return the log probability of each token.")
    top_logprobs: int | None = Field(default=None, description="Likeliest tokens to return at each place, 0 to 20.")
    reasoning_effort: str | None = Field(default=None, description="How much to think: `low`, `medium` or `high`.")
    reasoning_options: dict[str, Any] | None = Field(
        default=None, description='`{"effort": …, "summary": …}`, as the Responses endpoint takes it.'
    )
    modalities: list[str] | None = Field(default=None, description="Forms of the answer: `text`, `audio`.")
    audio_config: dict[str, Any] | None = Field(default=None, description='`{"voice": …, "format": …}` of the answer.')
    strict: bool | None = Field(
        default=None, description="Whether tool calls and structured answers are held to their schema exactly."
    )
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Further parameters of every call, by the endpoint's names."
    )

    context_window: int | None = Field(
        default=None, gt=0, description="Tokens of prompt and answer together; None: what the model's data say."
    )
    is_chat_model: bool = Field(default=True, description="Whether prompts are asked as messages.")
    is_function_calling_model: bool | None = Field(
        default=None, description="Whether the model takes tools; None: what its data say."
    )
    should_use_structured_outputs: bool | None = Field(
        default=None,
        description="Whether structured answers are asked for by JSON schema (else by a tool); None: its data decide.",
    )

    endpoint: Literal["chat_completions", "responses", "messages"] | None = Field(
        default=None, description="The endpoint to use, whatever the model and the request."
    )
    use_responses_api: bool | None = Field(
        default=None, description="Whether to use the Responses endpoint; None: the model and the request decide."
    )
    instructions: str | None = Field(default=None, description="Instructions before the conversation (Responses).")
    store: bool | None = Field(default=None, description="Whether the gateway keeps the response (Responses).")
    include: list[str] | None = Field(default=None, description="Further output to return (Responses).")
    truncation: str | None = Field(default=None, description="`auto` cuts a conversation that is too long (Responses).")
    built_in_tools: list[dict[str, Any]] | None = Field(
        default=None, description='Tools that the gateway runs, as `{"type": "web_search_preview"}` (Responses).'
    )
    track_previous_responses: bool = Field(
        default=False,
        description="Whether to store answers, and send only what is new since the last (Responses, if served there).",
    )
    previous_response_id: str | None = Field(default=None, description="The stored response to go on from (Responses).")
    call_metadata: dict[str, Any] | None = Field(default=None, description="Sent as `metadata` where it is listed.")
    user: str | None = Field(default=None, description="Your own id of the end user, where the model lists it.")
    provider: str | None = Field(default=None, description="The source to run the model at, without fallback.")
    normalize_tool_schemas: bool | None = Field(
        default=None, description="Whether the gateway may rewrite the schemas of tools for the source's sake."
    )
    chunk_timeout: float | None = Field(
        default=None, description="Seconds from one event of a stream to the next, at most; None: 120, 0: no limit."
    )
    client_request_id: str | None = Field(default=None, description="Your own id of the calls, for the gateway's logs.")
    stream_usage: bool = Field(default=True, description="Whether streams tell their token counts.")
    strict_parameters: bool = Field(
        default=False, description="Whether a parameter that the model does not list is an error instead of a warning."
    )

    if not TYPE_CHECKING:  # type checkers know the fields by name, which this signature would hide

        def __init__(self, model: str | None = None, /, **fields: Any) -> None:
            """As of fields; the model may come first without its name, as in LlamaIndex's own classes."""
            super().__init__(**fields) if model is None else super().__init__(model=model, **fields)

    @model_validator(mode="before")
    @classmethod
    def _take_other_names(cls, values: Any) -> Any:
        return validate_kwargs(cls, values, OTHER_NAMES) if isinstance(values, dict) else values

    @property
    def metadata(self) -> LLMMetadata:
        """What engines and agents go by; an unknown model is assumed to be a good one."""
        model = lookup(self.model)
        return LLMMetadata(
            context_window=self.context_window or model.context or DEFAULT_CONTEXT + (self.max_tokens or 0),
            num_output=self.max_tokens or -1,
            is_chat_model=self.is_chat_model,
            is_function_calling_model=self._takes_tools(model),
            model_name=self.model,
            system_role=MessageRole.USER if model.chat and not model.system_role else MessageRole.SYSTEM,
        )

    def _takes_tools(self, model: Model) -> bool:
        return model.tools if self.is_function_calling_model is None else self.is_function_calling_model
