"""Tool calls whose arguments are not a JSON object.

Their tools are never run. Programs that cannot go on without the call get an error. An agent hands the error to the
model as the result of the call, so that it can call the tool again: core's agents answer the call of a tool that they
do not have with such a result, so an invalid call selects a tool by a name that none has.
"""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection

from .._utils.json import parse_arguments
from ..errors import IncompleteOutputError, InvalidToolCallError, OutputError
from ..types import ToolCall
from .messages.call_entries import read_calls

_NOT_RUN = "(not run: the arguments are not a JSON object)"

_SHOWN = 500
"""Characters of the arguments that a message repeats."""


def call_blocks(message: ChatMessage) -> list[ToolCallBlock]:
    """The calls of a message, where older code put them if there are no blocks of them."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        kept = message.additional_kwargs
        function_call = kept.get("function_call")
        calls = read_calls(kept.get("tool_calls") or ([{"function": function_call}] if function_call else None))
        blocks = [ToolCallBlock(tool_call_id=one.id, tool_name=one.name, tool_kwargs=one.arguments) for one in calls]
    return [block for block in blocks if block.tool_name]


def is_whole(response: ChatResponse) -> bool:
    """Whether a response is the last of its stream, or not streamed: until then, arguments may come in part."""
    return response.delta is None or "finish_reason" in response.additional_kwargs


def is_invalid(block: ToolCallBlock) -> bool:
    """Whether the arguments of a whole call are text, but not that of a JSON object."""
    return isinstance(block.tool_kwargs, str) and parse_arguments(block.tool_kwargs or "{}") is None


def invalid_calls(response: ChatResponse) -> list[ToolCall]:
    """The calls of a response that cannot be run."""
    calls = read_calls(response.message.additional_kwargs.get("invalid_tool_calls"))
    if is_whole(response):
        blocks = [block for block in call_blocks(response.message) if is_invalid(block)]
        calls += [ToolCall(block.tool_call_id or "", block.tool_name, str(block.tool_kwargs)) for block in blocks]
    return calls


def check_calls(response: ChatResponse) -> None:
    """Raise the error of the first call that cannot be run, if there is one."""
    calls = invalid_calls(response)
    if calls:
        raise _error(calls[0], response.additional_kwargs.get("finish_reason"))


def _error(call: ToolCall, finish_reason: str | None) -> OutputError:
    called = f"The model called {call.name!r} with {_shown(call)}"
    if finish_reason in CUT:
        text = f"{called}: they were cut off, because {CUT[finish_reason]} (finish reason {finish_reason!r})."
        return IncompleteOutputError(text, finish_reason)
    text = f"{called}: they are not a JSON object (finish reason {finish_reason!r}). The tool was not run."
    return InvalidToolCallError(text, call.arguments, finish_reason)


CUT = {"length": "max_tokens ran out", "content_filter": "it was filtered"}


def _shown(call: ToolCall) -> str:
    more = "…" if len(call.arguments) > _SHOWN else ""
    return f"the arguments {call.arguments[:_SHOWN]}{more}"


# --- errors as results of the calls -------------------------------------------------------------------------------


def invalid_selections(response: ChatResponse) -> list[ToolSelection]:
    """What makes an agent answer the invalid calls of a response with an error.

    Raises:
        IncompleteOutputError: they were cut off, as they would be again.
    """
    if response.additional_kwargs.get("finish_reason") in CUT:
        check_calls(response)
    return [
        ToolSelection(
            tool_id=call.id, tool_name=f"{call.name} {_NOT_RUN}", tool_kwargs={"invalid_arguments": call.arguments}
        )
        for call in invalid_calls(response)
    ]


def explanation(message: ChatMessage, answered: Sequence[ToolCall]) -> str | None:
    """What a tool message tells the model where it answers a call that was not run; None of any other message.

    Args:
        message: the tool's.
        answered: the calls before it that have the id that it answers.
    """
    invalid = [call for call in answered if call.kind == "custom" or call.parsed() is None]
    if not invalid or _NOT_RUN not in (message.content or ""):
        return None
    call = invalid[-1]
    return (
        f"Error: {call.name} was not run, because its arguments are not a JSON object: {call.arguments[:_SHOWN]}\n"
        f"Call it again with its arguments as one JSON object."
    )


def answered_calls(message: ChatMessage, results: Sequence[str]) -> list[ToolCall]:
    """The invalid calls of a model's turn that have a result: without one, the call would make a request invalid."""
    calls = read_calls(message.additional_kwargs.get("invalid_tool_calls"))
    return [call for call in calls if call.id in results]
