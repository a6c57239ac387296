"""Messages, tools and the arguments of a call -> `Request` and `CallOptions`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from .._utils.json_schema import to_strict_schema
from ..client.openai_format import parse_tool_choice
from ..client.options import CallOptions, parse_extra_body
from ..client.stored_responses import StoredResponse, continue_stored
from ..models import RESPONSES
from ..types import HostedTool, Json, Request, ResponseFormat, Tool, ToolChoice
from .fields import USE_RUN_ID, ChatFields, current_run_id
from .messages.decode import PROVIDER
from .messages.encode import encode_messages
from .schemas import BaseTool, function_schema, is_tool, kind_of, parse_tool_dict, supports_defaults
from .structured import to_response_format


class CallArguments(NamedTuple):
    """The arguments of a client's call: the request, and the options to send it with."""

    request: Request
    options: CallOptions


# Fields that are parameters of the endpoint by the same name.
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

# Arguments that LangChain itself handles.
_NOT_SENT = ("stream", "ls_structured_output_format", "structured_output_format", "run_manager")


def build_request(
    model: ChatFields,
    messages: Sequence[BaseMessage],
    stop: Sequence[str] | None,
    kwargs: Mapping[str, Any],
    headers: Mapping[str, str],
    run: BaseRunManager | None = None,
) -> CallArguments:
    """Build the request from the messages, the model's fields and the arguments of `invoke`, `stream` or `bind`.

    Args:
        model: the chat model; its fields are the defaults of `kwargs`.
        messages: the conversation.
        stop: stop sequences; None or empty for the model's own.
        kwargs: parameters of this call by the constructor's or the endpoint's names.
        headers: the authorization, where the key is a function's.
        run: the current run; its id is sent where `client_request_id` is `"run_id"`.
    """
    arguments = _rename({**model.model_kwargs, **kwargs})
    options = _pop_call_options(model, arguments, headers, run)
    continues = arguments.pop("use_previous_response_id", model.use_previous_response_id)
    bound_tools = arguments.pop("tools", None)
    tools = to_tools(bound_tools) if bound_tools else ()
    choice = arguments.pop("tool_choice", None)
    tool_choice = to_tool_choice(choice, tools) if tools else None
    parallel = arguments.pop("parallel_tool_calls", None)
    extra_body = {**(model.extra_body or {})}
    if "extra_body" in arguments:
        extra_body |= parse_extra_body(arguments.pop("extra_body"))
    model_name = arguments.pop("model", None) or model.model_name
    parameters = _merge_parameters(model, arguments, stop)
    request = Request(
        model=model_name,
        messages=encode_messages(messages),
        tools=tools,
        tool_choice=None if _is_disabled(model, "tool_choice", choice) else tool_choice,
        parallel_tool_calls=None if not tools or _is_disabled(model, "parallel_tool_calls", parallel) else parallel,
        response_format=_pop_response_format(parameters),
        options=parameters,
        extra_body=extra_body,
    )
    if not continues:
        return CallArguments(request, options)
    return CallArguments(
        *continue_stored(request, options, [_stored_response(each) for each in messages if _is_from_model(each)])
    )


def authorization(model: ChatFields) -> dict[str, str]:
    """Return the authorization header, where the key is a function's."""
    if not callable(model.aimlapi_api_key):
        return {}
    key = model.aimlapi_api_key()
    if not isinstance(key, str):
        raise TypeError("api_key is an async function, which only async calls support. Pass a function or a string.")
    return {"Authorization": f"Bearer {key}"}


async def aauthorization(model: ChatFields) -> dict[str, str]:
    """`authorization`, async."""
    if not callable(model.aimlapi_api_key):
        return {}
    key = model.aimlapi_api_key()
    return {"Authorization": f"Bearer {await key if inspect.isawaitable(key) else key}"}


_NAMES = {
    "model_name": "model",
    "stop_sequences": "stop",
    "max_completion_tokens": "max_tokens",
    "request_timeout": "timeout",
}


def _rename(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are sent, by the names of the endpoint or of `CallOptions`."""
    return {_NAMES.get(name, name): value for name, value in kwargs.items() if name not in _NOT_SENT}


def _pop_call_options(
    model: ChatFields, arguments: dict[str, Any], headers: Mapping[str, str], run: BaseRunManager | None
) -> CallOptions:
    def pop(name: str, default: Any) -> Any:
        value = arguments.pop(name, None)
        return default if value is None else value

    client_request_id = pop("client_request_id", model.client_request_id)
    if client_request_id == USE_RUN_ID:
        client_request_id = current_run_id(run)
    include_usage = (arguments.pop("stream_options", None) or {}).get("include_usage")
    return CallOptions(
        endpoint=pop("endpoint", model.endpoint),
        use_responses_api=pop("use_responses_api", model.use_responses_api),
        timeout=pop("timeout", None),
        chunk_timeout=pop("stream_chunk_timeout", None),
        headers=headers,
        client_request_id=client_request_id,
        stream_usage=bool(pop("stream_usage", model.stream_usage if include_usage is None else include_usage)),
        strict_parameters=pop("strict_parameters", model.strict_parameters),
    )


def _merge_parameters(model: ChatFields, arguments: Mapping[str, Any], stop: Sequence[str] | None) -> dict[str, Any]:
    """Merge the call's parameters over the model's; drop those that are None or disabled."""
    merged = {**_field_parameters(model), **arguments}
    merged["stop"] = stop_list(stop) or stop_list(merged.get("stop")) or None
    return {name: value for name, value in merged.items() if value is not None and not _is_disabled(model, name, value)}


def default_parameters(model: ChatFields) -> dict[str, Any]:
    """Return the parameters of every request: the fields that are set, and `model_kwargs`."""
    return {**_field_parameters(model), **model.model_kwargs}


def _field_parameters(model: ChatFields) -> dict[str, Any]:
    fields = vars(model)
    return {name: value for name in _PARAMETERS if (value := fields[name]) is not None}


def stop_list(stop: str | Sequence[str] | None) -> list[str]:
    """Return stop sequences as a list."""
    return [stop] if isinstance(stop, str) else list(stop or ())


def _is_disabled(model: ChatFields, name: str, value: Any) -> bool:
    disabled = model.disabled_params or {}
    return name in disabled and (disabled[name] is None or value in disabled[name])


def _pop_response_format(parameters: dict[str, Any]) -> ResponseFormat | None:
    response_format, strict = parameters.pop("response_format", None), parameters.pop("strict", None)
    return None if response_format is None else to_response_format(response_format, strict)


def _is_from_model(message: BaseMessage) -> bool:
    return isinstance(message, AIMessage) or (isinstance(message, ChatMessage) and message.role in ("assistant", "ai"))


def _stored_response(message: BaseMessage) -> StoredResponse | None:
    """Return the response behind a message, if this gateway may have stored it."""
    metadata = message.response_metadata
    response_id = metadata.get("id")
    if not isinstance(response_id, str) or metadata.get("store") is False:
        return None
    ours = metadata.get("model_provider", PROVIDER) == PROVIDER
    if not ours or not (metadata.get("endpoint") == RESPONSES or response_id.startswith("resp_")):
        return None
    return StoredResponse(response_id, metadata.get("model_name"))


def require_one_choice(call: CallArguments) -> None:
    """ValueError if several answers are requested: chunks of several can't be told apart."""
    if (call.request.options.get("n") or 1) > 1:
        raise ValueError("n must be 1 when streaming.")


# --- tools --------------------------------------------------------------------------------------------------------

# Tools in every form that LangChain accepts -> the neutral types -> dicts in the form of chat completions.

NeutralTool: TypeAlias = Tool | HostedTool
AnyTool: TypeAlias = NeutralTool | Mapping[str, Any] | type | Callable[..., Any] | BaseTool


def to_tool(tool: AnyTool, strict: bool | None = None) -> NeutralTool:
    """Convert one tool to the neutral form.

    Args:
        tool: a dict (a tool in OpenAI's, Anthropic's or Bedrock's form, a JSON schema with a title, a hosted tool), a
            pydantic or TypedDict class, a function, a LangChain tool, or a tool in the neutral form, returned as is.
        strict: whether the model must follow the schema exactly; None leaves `strict` as it is.

    Raises:
        ValueError: the value is not a tool.
    """
    match tool:
        case Tool() | HostedTool():
            return tool
        case Mapping():
            return _apply_strict(parse_tool_dict(tool), strict)
    if kind_of(tool) == "type":
        raise ValueError(f"{tool!r} is not a tool: pass a class, a function, a LangChain tool or a dict.")
    extras = getattr(tool, "extras", None) or {} if is_tool(tool) else {}
    if is_tool(tool) and (tool.metadata or {}).get("type") == "custom_tool":
        return HostedTool({**convert_to_openai_tool(tool), **extras})
    function = function_schema(tool)
    neutral = Tool(function["name"], function.get("description"), function.get("parameters"), extra=extras)
    return _apply_strict(neutral, strict, nullable=not supports_defaults(tool))


def _apply_strict(tool: NeutralTool, strict: bool | None, *, nullable: bool = True) -> NeutralTool:
    """Set `strict`. In a strict schema every property is required."""
    if strict is None or isinstance(tool, HostedTool):
        return tool
    parameters = tool.parameters
    if strict and parameters:
        parameters = to_strict_schema(dict(parameters), nullable=nullable)
    return replace(tool, strict=strict, parameters=parameters)


def to_tool_dict(tool: NeutralTool) -> Json:
    """Convert a tool to the dict that chat completions takes; a hosted tool is returned as is."""
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    fields = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict,
    }
    function = {name: value for name, value in fields.items() if value is not None}
    return {"type": "function", "function": function, **tool.extra}


class BoundTools(list[Json]):
    """The tools of a bound model: dicts in OpenAI's form, which core and LangSmith read, and the neutral tools.

    The neutral form is created once, so that calls of the bound model convert nothing. Where the dicts were edited
    after binding, the edited ones are converted.
    """

    def __init__(self, tools: Iterable[NeutralTool]) -> None:
        self._neutral = tuple(tools)
        super().__init__(map(to_tool_dict, self._neutral))
        self._unedited = [_copy_two_levels(tool) for tool in self]

    def to_neutral(self) -> tuple[NeutralTool, ...]:
        """Return the neutral tools."""
        # Cheap: unchanged values are identical objects. Schemas are shared with the neutral tools, edited or not.
        return self._neutral if self._unedited == self else tuple(map(to_tool, self))


def _copy_two_levels(tool: Json) -> Json:
    return {name: {**value} if isinstance(value, dict) else value for name, value in tool.items()}


def to_tools(tools: Iterable[AnyTool]) -> tuple[NeutralTool, ...]:
    """Convert the tools of a call to the neutral form; those of a bound model already are."""
    return tools.to_neutral() if isinstance(tools, BoundTools) else tuple(map(to_tool, tools))


def redact_tool(tool: Any) -> Any:
    """Redact the credentials in a tool, such as those of MCP servers."""
    if not isinstance(tool, Mapping):
        return tool
    return {name: "**REDACTED**" if name in ("headers", "authorization") else value for name, value in tool.items()}


# --- tool choice --------------------------------------------------------------------------------------------------

_MODES: dict[Any, str] = {"auto": "auto", "none": "none", "any": "required", "required": "required", True: "required"}


def to_tool_choice(choice: Any, tools: Sequence[NeutralTool]) -> ToolChoice | None:
    """Convert a tool choice to the neutral form; None without a choice, or without tools to choose from.

    Args:
        choice: `"auto"`, `"none"`, `"any"` or `"required"`, a bool, the name of a tool, the type of a hosted one, or a
            dict in OpenAI's or Anthropic's form. None and False leave the choice to the model.
        tools: the tools to choose from.

    Raises:
        ValueError: no tool has this name.
    """
    if choice is None or choice is False or not tools:
        return None
    if isinstance(choice, Mapping | ToolChoice):
        return parse_tool_choice(choice)
    named = choices_by_name(tools)
    if choice in named:
        return named[choice]
    if choice in _MODES:
        return parse_tool_choice(_MODES[choice])
    if any(isinstance(tool, HostedTool) and tool.type == choice for tool in tools):
        return ToolChoice("hosted", name=choice)
    modes = ", ".join(map(str, _MODES))
    raise ValueError(f"tool_choice={choice!r} is neither a mode ({modes}) nor one of {[*named]}.")


def choices_by_name(tools: Iterable[NeutralTool]) -> dict[str, ToolChoice]:
    """Return the choice of each tool that has a name: functions and custom tools."""
    choices: dict[str, ToolChoice] = {}
    for tool in tools:
        match tool:
            case Tool(name=name):
                choices[name] = ToolChoice("named", name=name)
            case HostedTool(item={"type": "custom", "custom": {"name": str(name)}}):
                choices[name] = ToolChoice("raw", item={"type": "custom", "custom": {"name": name}})
            case HostedTool(item={"type": "custom", "name": str(name)}):
                choices[name] = ToolChoice("raw", item={"type": "custom", "name": name})
    return choices


def to_tool_choice_dict(choice: ToolChoice | None) -> str | Json | None:
    """Convert a tool choice to the value that chat completions takes."""
    match choice:
        case None:
            return None
        case ToolChoice(mode="named", name=name):
            return {"type": "function", "function": {"name": name}}
        case ToolChoice(mode="hosted", name=kind):
            return {"type": kind}
        case ToolChoice(mode="raw", item=item):
            return dict(item or {})
    return choice.mode
