"""Tool calls: of messages, in the forms of all LlamaIndex integrations; invalid ones; and those of a response.

The integrations for OpenAI's chat completions and Responses, Anthropic, Bedrock, Google, Mistral, Cohere and Ollama
name the same four fields differently, in dicts or in objects of their SDKs.

A call is invalid if its arguments are not a JSON object. Its tool is never run. Programs that need the call get an
error. An agent returns the error to the model as the result of the call, so that the model can call the tool again:
core's agents answer a call of an unknown tool with such a result, so an invalid call selects a tool by a name that no
tool has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseGen, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program import function_program
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.types import BaseTool
from pydantic import BaseModel
from pydantic_core import from_json

from ..._utils.json import escape_control_characters, parse_arguments, parse_json
from ...errors import IncompleteOutputError, InvalidToolCallError, OutputError
from ...types import ToolCall

# --- calls in `additional_kwargs` ---------------------------------------------------------------------------------

# Where a call is inside its entry, and the names of its fields. The first one that is present counts.
_WRAPPERS = ("function", "custom", "function_call", "functionCall", "toolUse", "tool_use")
_IDS = ("call_id", "toolUseId", "tool_use_id", "tool_call_id", "tool_id", "id")
_NAMES = ("name", "tool_name")
_ARGUMENTS = ("arguments", "args", "input", "parameters", "tool_kwargs")

# The types of calls of the caller's tools. Other types are records of tools that a vendor ran itself.
_CALLS = ("function", "custom", "function_call", "custom_tool_call", "tool_use", "toolUse", "tool_call")


def is_own_message(message: ChatMessage) -> bool:
    """Return whether this integration made a message: its blocks say which calls it has.

    Messages of other integrations may have calls in `additional_kwargs` alone.
    """
    return isinstance(message.additional_kwargs.get("author"), str)


def message_calls(message: ChatMessage) -> list[ToolCall]:
    """Read the calls of a message that has no blocks of them: none if its blocks were removed."""
    kwargs = message.additional_kwargs
    if is_own_message(message):
        return []
    calls = read_calls(kwargs.get("tool_calls"))
    if not calls and kwargs.get("function_call"):
        return read_calls([{"function": kwargs["function_call"]}])
    return calls


def read_calls(entries: Any, skipped: list[str] | None = None) -> list[ToolCall]:
    """Read the calls of one message. A missing ID is empty.

    Args:
        entries: a list of calls, or None.
        skipped: collects the types of the entries that are not calls of the caller's tools.
    """
    calls: list[ToolCall] = []
    for entry in entries or ():
        call = read_call(entry)
        if call is not None:
            calls.append(call)
        elif skipped is not None:
            skipped.append(str(_get(entry, "type") or "a tool call without a name"))
    return calls


def read_call(entry: Any) -> ToolCall | None:
    """Read one call. Return None if it is not a call of the caller's tools."""
    kind = _get(entry, "type")
    inner = _first(entry, _WRAPPERS) or entry
    name = _first(inner, _NAMES)
    if not isinstance(name, str) or (isinstance(kind, str) and kind not in _CALLS):
        return None
    is_custom = kind in ("custom", "custom_tool_call")
    extra = _get(entry, "extra_content")
    return ToolCall(
        id=str(_first(entry, _IDS) or _first(inner, _IDS) or ""),
        name=name,
        arguments=arguments_text(_first(inner, _ARGUMENTS), is_custom),
        kind="custom" if is_custom else "function",
        item_id=_get(entry, "item_id"),
        extra={"extra_content": extra} if extra else {},
    )


def arguments_text(arguments: Any, is_custom: bool = False) -> str:
    """Return the arguments of a call as text: JSON, or the plain input of a custom tool."""
    if isinstance(arguments, str):
        return arguments or ("" if is_custom else "{}")
    return json.dumps({} if arguments is None else arguments, ensure_ascii=False, default=_to_jsonable)


def is_json_of(text: str, arguments: Any) -> bool:
    """Return whether `text` is valid JSON of these arguments."""
    try:
        return bool(parse_json(text) == arguments)
    except ValueError:
        return False


def result_id(kwargs: Mapping[str, Any]) -> str | None:
    """Return the ID of the call that a tool message answers, from its `additional_kwargs`."""
    call_id = _first(kwargs, ("tool_call_id", "call_id", "toolUseId", "tool_use_id"))
    return str(call_id) if call_id else None


def _first(entry: Any, names: Iterable[str]) -> Any:
    return next((value for name in names if (value := _get(entry, name)) is not None), None)


def _get(entry: Any, name: str) -> Any:
    """Return a field of a dict or an object, or None if it isn't set."""
    value = entry.get(name) if isinstance(entry, Mapping) else getattr(entry, name, None)
    return None if callable(value) else value


def _to_jsonable(value: Any) -> Any:
    """Convert what JSON cannot represent, such as the mappings and lists of protocol buffers."""
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case Mapping():
            return dict(value)
        case Iterable() if not isinstance(value, bytes):
            return list(value)
    return str(value)


# --- invalid calls ------------------------------------------------------------------------------------------------

_NOT_RUN = "(not run: the arguments are not a JSON object)"

_MAX_LENGTH = 500
"""Characters of the arguments that an error repeats."""

INCOMPLETE = {"length": "max_tokens was reached", "content_filter": "it was filtered"}
"""The finish reasons of incomplete output, and what they mean."""


def call_blocks(message: ChatMessage) -> list[ToolCallBlock]:
    """Return the tool calls of a message, also those that other integrations keep in `additional_kwargs` alone."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        calls = message_calls(message)
        blocks = [
            ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments) for call in calls
        ]
    return [block for block in blocks if block.tool_name]


def is_complete(response: ChatResponse) -> bool:
    """Return whether a response is the last of its stream, or not streamed. Before that, arguments may be partial."""
    return response.delta is None or "finish_reason" in response.additional_kwargs


def is_invalid(block: ToolCallBlock) -> bool:
    """Return whether the arguments of a complete call are text other than a JSON object."""
    return isinstance(block.tool_kwargs, str) and parse_arguments(block.tool_kwargs or "{}") is None


def invalid_calls(response: ChatResponse) -> list[ToolCall]:
    """Return the calls of a response that cannot be run."""
    calls = read_calls(response.message.additional_kwargs.get("invalid_tool_calls"))
    if is_complete(response):
        blocks = [block for block in call_blocks(response.message) if is_invalid(block)]
        calls += [ToolCall(block.tool_call_id or "", block.tool_name, str(block.tool_kwargs)) for block in blocks]
    return calls


def check_calls(response: ChatResponse) -> None:
    """Raise for the first call that cannot be run.

    Raises:
        InvalidToolCallError: its arguments are not a JSON object.
        IncompleteOutputError: its arguments were cut off.
    """
    calls = invalid_calls(response)
    if calls:
        raise _invalid_call_error(calls[0], response.additional_kwargs.get("finish_reason"))


def _invalid_call_error(call: ToolCall, finish_reason: str | None) -> OutputError:
    ellipsis = "…" if len(call.arguments) > _MAX_LENGTH else ""
    received = f"The model called {call.name!r} with the arguments {call.arguments[:_MAX_LENGTH]}{ellipsis}"
    if finish_reason in INCOMPLETE:
        text = f"{received}: they were cut off, because {INCOMPLETE[finish_reason]} (finish reason {finish_reason!r})."
        return IncompleteOutputError(text, finish_reason)
    text = f"{received}: they are not a JSON object (finish reason {finish_reason!r}). The tool was not run."
    return InvalidToolCallError(text, call.arguments, finish_reason)


# --- errors as results of the calls -------------------------------------------------------------------------------


def invalid_selections(response: ChatResponse) -> list[ToolSelection]:
    """Return selections that make an agent answer the invalid calls of a response with an error.

    Raises:
        IncompleteOutputError: the calls were cut off, as they would be again.
    """
    if response.additional_kwargs.get("finish_reason") in INCOMPLETE:
        check_calls(response)
    return [
        ToolSelection(
            tool_id=call.id, tool_name=f"{call.name} {_NOT_RUN}", tool_kwargs={"invalid_arguments": call.arguments}
        )
        for call in invalid_calls(response)
    ]


def explain_invalid_call(message: ChatMessage, calls: Sequence[ToolCall]) -> str | None:
    """Return the error that a tool message reports to the model if it answers a call that was not run, or None.

    Args:
        message: the tool message.
        calls: the calls before it with the ID that it answers.
    """
    invalid = [call for call in calls if call.kind == "custom" or call.parsed() is None]
    if not invalid or _NOT_RUN not in (message.content or ""):
        return None
    call = invalid[-1]
    return (
        f"Error: {call.name} was not run, because its arguments are not a JSON object: {call.arguments[:_MAX_LENGTH]}\n"
        f"Call it again with its arguments as one JSON object."
    )


def answered_invalid_calls(message: ChatMessage, result_ids: Sequence[str]) -> list[ToolCall]:
    """Return the invalid calls of an assistant message that have a result, which would be refused without its call."""
    calls = read_calls(message.additional_kwargs.get("invalid_tool_calls"))
    return [call for call in calls if call.id in result_ids]


# --- calls of a response ------------------------------------------------------------------------------------------


def get_tool_calls(response: ChatResponse, error_on_no_tool_call: bool) -> list[ToolSelection]:
    """Return the tool calls of a response. See `AIMLAPI.get_tool_calls_from_response`."""
    if error_on_no_tool_call:
        check_calls(response)
    invalid = invalid_selections(response)
    blocks = call_blocks(response.message)
    if not blocks and error_on_no_tool_call:
        raise ValueError(f"Expected at least one tool call, but got none: {response.message.content!r}")
    if is_complete(response):
        blocks = [block for block in blocks if not is_invalid(block)]
    return [_to_selection(block) for block in blocks] + invalid


def _to_selection(block: ToolCallBlock) -> ToolSelection:
    arguments = _parse_partial_arguments(block.tool_kwargs)
    return ToolSelection(tool_id=block.tool_call_id or "", tool_name=block.tool_name, tool_kwargs=arguments)


def _parse_partial_arguments(arguments: Any) -> dict[str, Any]:
    """Return arguments as a dict. Incomplete JSON is parsed as far as it goes."""
    if isinstance(arguments, dict):
        return arguments
    try:
        value = from_json(escape_control_characters(arguments or "{}"), allow_partial="trailing-strings")
    except ValueError:
        return {}
    if isinstance(value, str):
        return _parse_partial_arguments(value)
    return value if isinstance(value, dict) else {}


def select_limit(kwargs: Mapping[str, Any]) -> Callable[[ChatResponse], ChatResponse]:
    """Return the function that limits a response to its first tool call, unless `kwargs` allow parallel calls."""
    return _unchanged if kwargs.get("allow_parallel_tool_calls") else limit_calls


def _unchanged(response: ChatResponse) -> ChatResponse:
    return response


def limit_calls(response: ChatResponse) -> ChatResponse:
    """Return the response with only the first of its tool calls."""
    message = response.message
    indexes = [index for index, block in enumerate(message.blocks) if isinstance(block, ToolCallBlock)]
    if len(indexes) < 2:
        return response
    blocks = [block for index, block in enumerate(message.blocks) if index not in indexes[1:]]
    kwargs = dict(message.additional_kwargs)
    if "tool_calls" in kwargs:  # messages that others made may have blocks alone
        kwargs["tool_calls"] = kwargs["tool_calls"][:1]
    limited = ChatMessage(role=message.role, blocks=blocks, additional_kwargs=kwargs)
    return response.model_copy(update={"message": limited})


def is_structured_output(tools: Sequence[BaseTool]) -> bool:
    """Return whether `tools` are those of core's program for structured output, which handles no invalid calls."""
    functions = [tool.real_fn for tool in tools if isinstance(tool, FunctionTool)]
    return any(function.__module__ == function_program.__name__ for function in functions)


def map_stream(
    responses: ChatResponseGen,
    function: Callable[[ChatResponse], ChatResponse],
    check: Callable[[ChatResponse], object] | None = None,
) -> ChatResponseGen:
    """Yield each response through `function`. `check` gets the last one at the end, and may raise."""
    response = None
    try:
        for response in map(function, responses):
            yield response
        if check and response is not None:
            check(response)
    finally:
        responses.close()
