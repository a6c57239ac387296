"""Messages and the arguments of a call -> `Request` and `CallOptions`.

An argument of the call is over one of `additional_kwargs`, and that over the field of the same name. None says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from pydantic import BaseModel

from .._utils.json import drop_none
from .._utils.json_schema import object_schema
from .._utils.strict_schema import to_strict_schema
from ..client.openai_format import parse_tool as parse_tool
from ..client.options import CallOptions
from ..client.stored_responses import StoredResponse, continue_stored
from ..types import HostedTool, Json, Request, ResponseFormat, Tool, ToolChoice
from .fields import OTHER_NAMES, AIMLAPIFields, rename_kwargs
from .messages.encode import encode_messages


class CallArguments(NamedTuple):
    """A question, and how to ask it."""

    request: Request
    options: CallOptions


_NAMES = {
    **OTHER_NAMES,
    "reasoning_options": "reasoning",
    "audio_config": "audio",
    "call_metadata": "metadata",
    "stop_sequences": "stop",
}

# Fields that are parameters of an endpoint.
_PARAMETERS = (
    "model",
    "temperature",
    "max_tokens",
    "top_p",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "reasoning_options",
    "modalities",
    "audio_config",
    "instructions",
    "store",
    "include",
    "truncation",
    "previous_response_id",
    "call_metadata",
    "user",
    "provider",
    "normalize_tool_schemas",
)

# What says how to ask, by the name that `CallOptions` has for it.
_OPTIONS = {
    "endpoint": "endpoint",
    "use_responses_api": "use_responses_api",
    "timeout": "timeout",
    "chunk_timeout": "chunk_timeout",
    "client_request_id": "client_request_id",
    "stream_usage": "stream_usage",
    "strict_parameters": "strict_parameters",
}
_OPTION_FIELDS = (
    "endpoint",
    "use_responses_api",
    "chunk_timeout",
    "client_request_id",
    "stream_usage",
    "strict_parameters",
)


def build_request(llm: AIMLAPIFields, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> CallArguments:
    """The call that `messages` and `kwargs` ask for, over the LLM's own settings. Nothing given is changed.

    Raises:
        UnsupportedContentError: a message that no endpoint has a form for.
        ValueError: an argument given twice, or a tool choice that is none.
    """
    given = {**_settings(llm), **_stated(llm.additional_kwargs), **_stated(kwargs)}
    options = {ours: given.pop(name) for name, ours in _OPTIONS.items() if name in given}
    continues = given.pop("track_previous_responses", llm.track_previous_responses)
    tools = [to_tool(tool) for tool in (*given.pop("tools", ()), *given.pop("built_in_tools", ()))]
    choice, parallel = given.pop("tool_choice", None), given.pop("parallel_tool_calls", None)
    wanted = given.pop("response_format", None)
    request = Request(
        model=given.pop("model"),
        messages=encode_messages(messages),
        tools=tuple(tools),
        tool_choice=as_choice(choice) if tools else None,
        parallel_tool_calls=parallel if tools else None,
        response_format=None if wanted is None else as_format(wanted, given.pop("strict", llm.strict)),
        extra_body=given.pop("extra_body", {}),
        options={name: value for name, value in given.items() if name not in _NOT_SENT},
    )
    if not continues:
        return CallArguments(request, CallOptions(**options))
    stored = [_stored_response(message) for message in messages if message.role in _ANSWERS]
    return CallArguments(*continue_stored(request, CallOptions(**options), stored))


_ANSWERS = (MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL)


_NOT_SENT = ("strict", "stream")


def _settings(llm: AIMLAPIFields) -> Json:
    fields = {name: getattr(llm, name) for name in (*_PARAMETERS, *_OPTION_FIELDS, "built_in_tools")}
    return _stated(fields)


def _stated(values: Mapping[str, Any]) -> Json:
    return drop_none(rename_kwargs(values, _NAMES))


def _stored_response(message: ChatMessage) -> StoredResponse | None:
    """The response that a message was, unless it is known not to be stored, or to hold calls that nobody answers."""
    kept = message.additional_kwargs
    response_id = kept.get("response_id")
    if not isinstance(response_id, str) or kept.get("response_stored") is False or kept.get("invalid_tool_calls"):
        return None
    return StoredResponse(response_id, kept.get("model"))


# --- tools --------------------------------------------------------------------------------------------------------


def to_tool(tool: Mapping[str, Any] | Any) -> Tool | HostedTool:
    """A LlamaIndex tool, or a dict in the form of either endpoint."""
    return parse_tool(tool if isinstance(tool, Mapping | Tool | HostedTool) else to_tool_dict(tool))


def to_tool_dict(tool: Any, strict: bool | None = None) -> Json:
    """A LlamaIndex tool as the dict that chat completions takes, which instrumentation reads too."""
    metadata = tool.metadata
    parameters = _parameters(metadata)
    function: Json = {"name": metadata.get_name(), "description": metadata.description or ""}
    function["parameters"] = to_strict_schema(parameters, nullable=False) if strict else parameters
    return {"type": "function", "function": function if strict is None else {**function, "strict": strict}}


def _parameters(metadata: Any) -> Json:
    """The schema of a tool's arguments; core has none of a class that contains itself, or is no object."""
    parameters: Json = metadata.get_parameters_dict()
    if "properties" in parameters or metadata.fn_schema is None:
        return parameters
    return object_schema(metadata.fn_schema.model_json_schema())


_MODES: Mapping[Any, Any] = {
    "auto": "auto",
    "none": "none",
    "any": "required",
    "required": "required",
    True: "required",
    False: "none",
}


def as_choice(choice: Any) -> ToolChoice | None:
    """A tool choice in the vocabulary: a mode, a tool's name, a bool, or a dict in the form of any endpoint.

    Raises:
        ValueError: it is none of these.
    """
    match choice:
        case None:
            return None
        case {"function": {"name": str(name)}} | {"type": "function" | "tool", "name": str(name)}:
            return ToolChoice("named", name=name)
        case {"type": "auto" | "none" | "any" | "required" as mode}:
            return ToolChoice(_MODES[mode])
        case {"type": str(kind), **rest}:
            return ToolChoice("raw", item=choice) if rest else ToolChoice("hosted", name=kind)
        case str() if choice not in _MODES:
            return ToolChoice("named", name=choice)
        case str() | bool():
            return ToolChoice(_MODES[choice])
    raise ValueError(f"tool_choice={choice!r} is no tool choice.")


# --- structured answers -------------------------------------------------------------------------------------------


def as_format(wanted: Any, strict: bool | None) -> ResponseFormat:
    """The form of the answer, from a pydantic class or a `response_format` in the form of either endpoint.

    Raises:
        ValueError: it is neither.
    """
    match wanted:
        case type() if issubclass(wanted, BaseModel):
            return as_format(response_format_dict(wanted), strict)
        case {"type": "text" | "json_object" as kind}:
            return ResponseFormat(kind)
        case Mapping() if wanted.get("type") == "json_schema":
            return _json_schema(wanted.get("json_schema", wanted), strict)
    raise ValueError(f"response_format={wanted!r} is no form of answer.")


def _json_schema(inner: Mapping[str, Any], strict: bool | None) -> ResponseFormat:
    strict = inner.get("strict", strict)
    schema = inner["schema"]
    return ResponseFormat(
        kind="json_schema",
        name=inner.get("name") or "answer",
        schema=to_strict_schema(schema, nullable=False) if strict else schema,
        strict=strict,
        description=inner.get("description"),
    )


def response_format_dict(output_cls: type[BaseModel]) -> Json:
    """What asks for an answer of this class."""
    schema = object_schema(output_cls.model_json_schema())
    inner = {"name": output_cls.__name__, "schema": schema}
    described = {"description": schema["description"]} if schema.get("description") else {}
    return {"type": "json_schema", "json_schema": {**inner, **described}}
