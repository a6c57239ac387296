"""Tool calls whose arguments are not a JSON object.

Their tools are never run. Programs that need the call get an error. An agent returns the error to the model as the
result of the call, so that the model can call the tool again: core's agents answer a call of an unknown tool with such
a result, so an invalid call selects a tool by a name that no tool has.
"""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection

from .._utils.json import parse_arguments
from ..errors import IncompleteOutputError, InvalidToolCallError, OutputError
from ..types import ToolCall
from .messages.call_entries import message_calls, read_calls

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
        raise _error(calls[0], response.additional_kwargs.get("finish_reason"))


def _error(call: ToolCall, finish_reason: str | None) -> OutputError:
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
