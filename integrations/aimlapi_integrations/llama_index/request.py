"""Messages and call arguments -> `Request` and `CallOptions`.

Arguments of the call override `additional_kwargs`, which override the fields of the same names. None means not set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.tools.types import BaseTool
from pydantic import BaseModel

from .._utils.json_schema import object_schema, to_strict_schema
from ..client.openai_format import parse_response_format, parse_tool, parse_tool_choice
from ..client.options import CallOptions, parse_extra_body
from ..client.stored_responses import StoredResponse, continue_stored
from ..errors import UnsupportedParameterError
from ..models import CHAT, RESPONSES, lookup
from ..types import HostedTool, Json, Request, ResponseFormat, Tool
from .fields import ALIASES, AIMLAPIFields, rename_kwargs
from .messages.encode import encode_messages

_NAMES = {
    **ALIASES,
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

# Fields of `CallOptions` that a call can set, and those of them that are fields of the LLM.
_OPTIONS = (
    "endpoint",
    "use_responses_api",
    "timeout",
    "chunk_timeout",
    "client_request_id",
    "stream_usage",
    "strict_parameters",
)
_OPTION_FIELDS = tuple(name for name in _OPTIONS if name != "timeout")  # the client has the timeout of the LLM

# What the endpoints call the fields that a request is built from.
_FIELDS = {name: _NAMES.get(name, name) for name in (*_PARAMETERS, *_OPTION_FIELDS, "built_in_tools")}

_NOT_PARAMETERS = ("strict", "stream")

_ASSISTANT_ROLES = (MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL)


def build_request(
    llm: AIMLAPIFields, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]
) -> tuple[Request, CallOptions]:
    """Build the request for `messages` and the arguments of a call. Nothing that is passed in is changed.

    Raises:
        UnsupportedContentError: A message has content that no endpoint can represent.
        ValueError: An argument was passed twice, or the tool choice or response format is invalid.
    """
    arguments = {name: value for field, name in _FIELDS.items() if (value := getattr(llm, field)) is not None}
    for further in filter(None, (llm.additional_kwargs, kwargs)):
        arguments |= _drop_none(further)
    options = CallOptions(**{name: arguments.pop(name) for name in _OPTIONS if name in arguments})
    is_tracked = arguments.pop("track_previous_responses", llm.track_previous_responses)
    tools = tuple(map(to_tool, (*arguments.pop("tools", ()), *arguments.pop("built_in_tools", ()))))
    choice, parallel = arguments.pop("tool_choice", None), arguments.pop("parallel_tool_calls", None)
    response_format = arguments.pop("response_format", None)
    request = Request(
        model=arguments.pop("model"),
        messages=encode_messages(messages),
        tools=tools,
        tool_choice=parse_tool_choice(choice, tools) if tools else None,
        parallel_tool_calls=parallel if tools else None,
        response_format=_response_format(response_format, arguments.get("strict", llm.strict)),
        extra_body=parse_extra_body(arguments.pop("extra_body")) if "extra_body" in arguments else {},
        options={name: value for name, value in arguments.items() if name not in _NOT_PARAMETERS},
    )
    if not is_tracked:
        return request, options
    stored = [_stored_response(message) for message in messages if message.role in _ASSISTANT_ROLES]
    return continue_stored(request, options, stored)


def to_messages(user_msg: str | ChatMessage | None) -> list[ChatMessage]:
    """Return a user message, which may be plain text or missing, as a list."""
    if isinstance(user_msg, str):
        return [ChatMessage(role=MessageRole.USER, content=user_msg)]
    return [] if user_msg is None else [user_msg]


def _drop_none(values: Mapping[str, Any]) -> Json:
    """Rename arguments to what the endpoints call them, without those that are None."""
    return {name: value for name, value in rename_kwargs(values, _NAMES).items() if value is not None}


def _stored_response(message: ChatMessage) -> StoredResponse | None:
    """Return the stored response that a message came from.

    None if the message is known not to be stored, or has invalid calls, which nobody answers.
    """
    kwargs = message.additional_kwargs
    response_id = kwargs.get("response_id")
    if not isinstance(response_id, str) or kwargs.get("response_stored") is False or kwargs.get("invalid_tool_calls"):
        return None
    return StoredResponse(response_id, kwargs.get("model"))


# --- tools --------------------------------------------------------------------------------------------------------


def tool_arguments(
    llm: AIMLAPIFields,
    tools: Sequence[BaseTool],
    choice: Any,
    kwargs: Mapping[str, Any],
    *,
    strict: bool | None = None,
    allow_parallel_tool_calls: bool = False,
) -> dict[str, Any]:
    """Return the arguments of `chat` that offer `tools`: none without tools.

    Args:
        llm: the LLM that will be called.
        tools: LlamaIndex tools.
        choice: the tool choice, or None.
        kwargs: the other arguments of the call.
        strict: whether calls must match the schema exactly; defaults to the LLM's own field.
        allow_parallel_tool_calls: whether the model may call several tools at once.
    """
    if not tools:
        return {}
    strict = llm.strict if strict is None else strict
    arguments: dict[str, Any] = {"tools": [to_tool_dict(tool, strict) for tool in tools]}
    if choice is not None:
        arguments["tool_choice"] = choice
    if not allow_parallel_tool_calls and _supports_parallel_tool_calls(llm, kwargs):
        arguments["parallel_tool_calls"] = False
    return arguments


def _supports_parallel_tool_calls(llm: AIMLAPIFields, kwargs: Mapping[str, Any]) -> bool:
    """Return whether the model lists `parallel_tool_calls` on every endpoint that the call may go to."""
    model_id, endpoint, use_responses_api = (
        kwargs.get(name, getattr(llm, name)) for name in ("model", "endpoint", "use_responses_api")
    )
    model = lookup(model_id)
    path = endpoint if endpoint in (CHAT, RESPONSES) else None
    if path is None and use_responses_api is not None:
        path = RESPONSES if use_responses_api else CHAT
    paths = [path] if path else [path for path in (CHAT, RESPONSES) if path in model.endpoints]
    return model.parallel_tool_calls and all("parallel_tool_calls" in model.parameters(path) for path in paths)


def to_tool(tool: Any, strict: bool | None = None) -> Tool | HostedTool:
    """Convert a LlamaIndex tool to the neutral form. A dict is parsed in the form of any endpoint.

    Args:
        tool: the tool.
        strict: whether the arguments of a LlamaIndex tool must match its schema exactly; None leaves it open.

    Raises:
        UnsupportedParameterError: it is not a tool.
    """
    if isinstance(tool, Mapping | Tool | HostedTool):
        return parse_tool(tool)
    if isinstance(tool, type) or not hasattr(tool, "metadata"):
        raise UnsupportedParameterError(
            f"{tool!r} is not a tool: FunctionTool.from_defaults(…) makes one from a function."
        )
    parameters = _parameters_schema(tool.metadata)
    if strict:
        parameters = to_strict_schema(parameters, nullable=False)
    return Tool(tool.metadata.get_name(), tool.metadata.description or None, parameters, strict)


def to_tool_dict(tool: Any, strict: bool | None = None) -> Json:
    """Convert a LlamaIndex tool to the dict of chat completions, which instrumentation reads too."""
    neutral = to_tool(tool, strict)
    if isinstance(neutral, HostedTool):
        return dict(neutral.item)
    function: Json = {"name": neutral.name, "description": neutral.description or "", "parameters": neutral.parameters}
    if neutral.strict is not None:
        function["strict"] = neutral.strict
    return {"type": "function", "function": function, **neutral.extra}


def _parameters_schema(metadata: Any) -> Json:
    """Return the schema of a tool's arguments, also for classes that contain themselves, where core's is empty."""
    parameters: Json = metadata.get_parameters_dict()
    if "properties" in parameters or metadata.fn_schema is None:
        return parameters
    return object_schema(metadata.fn_schema.model_json_schema())


# --- response formats ---------------------------------------------------------------------------------------------


def _response_format(value: Any, strict: bool | None) -> ResponseFormat | None:
    """Parse a pydantic class, or a response format in the form of either endpoint. Its own `strict` comes first."""
    if value is None:
        return None
    is_class = isinstance(value, type) and issubclass(value, BaseModel)
    response_format = parse_response_format(response_format_dict(value) if is_class else value)
    if response_format is None or response_format.schema is None:
        return response_format
    strict = strict if response_format.strict is None else response_format.strict
    schema = to_strict_schema(response_format.schema, nullable=False) if strict else response_format.schema
    return replace(response_format, schema=schema, strict=strict)


def response_format_dict(output_cls: type[BaseModel]) -> Json:
    """Return the `response_format` of chat completions for an output class."""
    schema = object_schema(output_cls.model_json_schema())
    description = {"description": schema["description"]} if schema.get("description") else {}
    return {
        "type": "json_schema",
        "json_schema": {"name": output_cls.__name__, "schema": schema, **description},
    }
