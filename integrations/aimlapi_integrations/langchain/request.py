"""Messages and the arguments of a call -> `Request` and `CallOptions`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage

from ..client.options import CallOptions
from ..client.stored_responses import StoredResponse, continue_stored
from ..types import Request, ResponseFormat
from .fields import ChatFields, stop_list
from .messages.decode import PROVIDER
from .messages.encode import encode_messages
from .run_ids import request_id
from .structured import response_format
from .tools import to_tool, to_tool_choice, to_tool_dict


class CallArguments(NamedTuple):
    """A question, and how to ask it."""

    request: Request
    options: CallOptions


# Arguments that LangChain itself gives meaning to.
_NOT_SENT = ("stream", "ls_structured_output_format", "structured_output_format", "run_manager")


def build_request(
    model: ChatFields,
    messages: Sequence[BaseMessage],
    stop: Sequence[str] | None,
    kwargs: Mapping[str, Any],
    headers: Mapping[str, str],
    run: BaseRunManager | None = None,
) -> CallArguments:
    """The call that `messages` and the arguments of `invoke`, `stream` or `bind` ask for, over the model's own.

    Args:
        model: the chat model, whose fields hold where `kwargs` say nothing.
        messages: the conversation.
        stop: texts that end the answer; None or empty for the model's own.
        kwargs: parameters of this call by the constructor's or the endpoint's names.
        headers: what authorizes the call, where the key is a function's.
        run: the run that the call is, whose id it carries where `client_request_id` is `"run_id"`.
    """
    asked_for = {**model.model_kwargs, **kwargs}
    given = _named({name: value for name, value in asked_for.items() if name not in _NOT_SENT})
    options = _call_options(model, given, headers, run)
    continues = given.pop("use_previous_response_id", model.use_previous_response_id)
    tools = [to_tool_dict(tool) for tool in given.pop("tools", None) or ()]
    choice = to_tool_choice(given.pop("tool_choice", None), tools)
    parallel = given.pop("parallel_tool_calls", None)
    extra_body = {**(model.extra_body or {}), **(given.pop("extra_body", None) or {})}
    asked = given.pop("model", None) or model.model_name
    parameters = _parameters(model, given, stop)
    wanted = _format(parameters.pop("response_format", None), parameters.pop("strict", None))
    request = Request(
        model=asked,
        messages=encode_messages(messages),
        tools=tuple(map(to_tool, tools)),
        tool_choice=None if _disabled(model, "tool_choice", choice) else choice,
        parallel_tool_calls=None if not tools or _disabled(model, "parallel_tool_calls", parallel) else parallel,
        response_format=wanted,
        options=parameters,
        extra_body=extra_body,
    )
    if not continues:
        return CallArguments(request, options)
    return CallArguments(
        *continue_stored(request, options, [_stored_response(each) for each in messages if _is_answer(each)])
    )


_NAMES = {
    "model_name": "model",
    "stop_sequences": "stop",
    "max_completion_tokens": "max_tokens",
    "request_timeout": "timeout",
}


def _named(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {_NAMES.get(name, name): value for name, value in kwargs.items()}


def _call_options(
    model: ChatFields, given: dict[str, Any], headers: Mapping[str, str], run: BaseRunManager | None
) -> CallOptions:
    """How to ask, taken out of the arguments."""

    def option(name: str, default: Any) -> Any:
        value = given.pop(name, None)
        return default if value is None else value

    usage = (given.pop("stream_options", None) or {}).get("include_usage")
    return CallOptions(
        endpoint=option("endpoint", model.endpoint),
        use_responses_api=option("use_responses_api", model.use_responses_api),
        timeout=option("timeout", None),
        chunk_timeout=option("stream_chunk_timeout", None),
        headers=headers,
        client_request_id=request_id(option("client_request_id", model.client_request_id), run),
        stream_usage=bool(option("stream_usage", model.stream_usage if usage is None else usage)),
        strict_parameters=option("strict_parameters", model.strict_parameters),
    )


def _parameters(model: ChatFields, given: Mapping[str, Any], stop: Sequence[str] | None) -> dict[str, Any]:
    """The endpoint's parameters: the call's over the model's, without those that say nothing or are disabled."""
    merged = {**model._fields_given, **given}
    merged["stop"] = stop_list(stop) or stop_list(merged.get("stop")) or None
    return {name: value for name, value in merged.items() if value is not None and not _disabled(model, name, value)}


def _disabled(model: ChatFields, name: str, value: Any) -> bool:
    disabled = model.disabled_params or {}
    return name in disabled and (disabled[name] is None or value in disabled[name])


def _format(asked: Any, strict: bool | None) -> ResponseFormat | None:
    return None if asked is None else response_format(asked, strict)


def _is_answer(message: BaseMessage) -> bool:
    return isinstance(message, AIMessage) or (isinstance(message, ChatMessage) and message.role in ("assistant", "ai"))


def _stored_response(message: BaseMessage) -> StoredResponse | None:
    """The response that a message was, as far as the gateway may have stored it: not another service's."""
    metadata = message.response_metadata
    response_id = metadata.get("id")
    if not isinstance(response_id, str) or metadata.get("store") is False:
        return None
    ours = metadata.get("model_provider", PROVIDER) == PROVIDER
    if not ours or not (metadata.get("endpoint") == "responses" or response_id.startswith("resp_")):
        return None
    return StoredResponse(response_id, metadata.get("model_name"))
