"""Function calling: the tools of a call, and the tool calls of a response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ChatResponseGen, MessageRole, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program import function_program
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.types import BaseTool
from pydantic_core import from_json

from .._utils.json import escape_control_characters
from ..models import CHAT, RESPONSES, lookup
from .fields import AIMLAPIFields
from .messages.tool_calls import call_blocks, check_calls, invalid_selections, is_complete, is_invalid
from .request import to_tool_dict

# --- the request --------------------------------------------------------------------------------------------------


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


def to_messages(user_msg: str | ChatMessage | None) -> list[ChatMessage]:
    """Return a user message, which may be plain text or missing, as a list."""
    if isinstance(user_msg, str):
        return [ChatMessage(role=MessageRole.USER, content=user_msg)]
    return [] if user_msg is None else [user_msg]


# --- the response -------------------------------------------------------------------------------------------------


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
