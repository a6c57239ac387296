"""Function calling: tools offered, calls found in a response, and both kept within what was asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool
from pydantic_core import from_json
from typing_extensions import override

from ..models import lookup
from .fields import AIMLAPIFields
from .request import tool_dict
from .stream import AsyncMap
from .to_conversation import conversation, safe_name

Tidy = Callable[[ChatResponse], ChatResponse]


class ToolCalling(AIMLAPIFields):
    """What makes an LLM a function calling one."""

    @override
    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: Any = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments of `chat` that offer `tools`; without tools, none that speak of them."""
        messages = [*(chat_history or ()), *_as_messages(user_msg)]
        if not tools:
            return {"messages": messages, **kwargs}
        strict = self.strict if strict is None else strict
        choice = tool_choice if tool_choice is not None else ("required" if tool_required else None)
        asked: dict[str, Any] = {"tools": [tool_dict(tool, strict) for tool in tools]}
        if choice is not None:
            asked["tool_choice"] = choice
        if not allow_parallel_tool_calls and lookup(self.model).parallel_tool_calls:
            asked["parallel_tool_calls"] = False
        return {"messages": messages, **asked, **kwargs}

    @override
    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        return _tidier(tools, allow_parallel_tool_calls)(response)

    def stream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponseGen:
        """Core's, with calls limited and named as in `chat_with_tools`."""
        tidy = _tidier(tools, kwargs.get("allow_parallel_tool_calls", False))
        return _each(super().stream_chat_with_tools(tools, *args, **kwargs), tidy)

    async def astream_chat_with_tools(
        self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Core's, with calls limited and named as in `chat_with_tools`."""
        tidy = _tidier(tools, kwargs.get("allow_parallel_tool_calls", False))
        return AsyncMap(tidy, await super().astream_chat_with_tools(tools, *args, **kwargs))

    @override
    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,
    ) -> list[ToolSelection]:
        """The calls that a response asks for; of one still streaming, as far as their arguments have come.

        Raises:
            ValueError: there are none, and there had to be.
        """
        blocks = _calls(response.message)
        if not blocks and error_on_no_tool_call:
            raise ValueError(f"Expected at least one tool call, but got none: {response.message.content!r}")
        return [
            ToolSelection(
                tool_id=block.tool_call_id or "", tool_name=block.tool_name, tool_kwargs=_arguments(block.tool_kwargs)
            )
            for block in blocks
        ]

    def predict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Core's; a model without tools is asked in text, as ReAct does."""
        return super().predict_and_call(tools, *args, **(self._react() | kwargs))

    async def apredict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Core's; a model without tools is asked in text, as ReAct does."""
        return await super().apredict_and_call(tools, *args, **(self._react() | kwargs))

    def _react(self) -> dict[str, Any]:
        """What core's fallback needs and does not bring: its agent refuses the None that stands for a default."""
        if self.metadata.is_function_calling_model:
            return {}
        from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

        return {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser()}


def _as_messages(user_msg: str | ChatMessage | None) -> list[ChatMessage]:
    if isinstance(user_msg, str):
        return [ChatMessage(role=MessageRole.USER, content=user_msg)]
    return [] if user_msg is None else [user_msg]


def _calls(message: ChatMessage) -> list[ToolCallBlock]:
    """The calls of a message, where older code put them if there are no blocks of them."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks and message.additional_kwargs.keys() & {"tool_calls", "function_call"}:
        calls = (call for turn in conversation([message]) for call in turn.tool_calls)
        blocks = [ToolCallBlock(tool_call_id=one.id, tool_name=one.name, tool_kwargs=one.arguments) for one in calls]
    return [block for block in blocks if block.tool_name]


def _arguments(written: Any) -> dict[str, Any]:
    """Arguments as a dict; of JSON that has not all come, what has."""
    if isinstance(written, dict):
        return written
    try:
        value = from_json(written or "{}", allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# --- calls kept within what was asked -----------------------------------------------------------------------------


def _tidier(tools: Sequence[BaseTool], parallel: bool) -> Tidy:
    """What gives calls the names that the caller's tools have, and keeps only the first where no more are allowed.

    Endpoints take fewer characters in names than Python does: `Box[int]` went out, and came back, as `Box_int_`.
    """
    names = {safe_name(tool.metadata.get_name()): tool.metadata.get_name() for tool in tools}

    def tidy(response: ChatResponse) -> ChatResponse:
        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if (parallel or len(calls) < 2) and all(
            names.get(call.tool_name, "") in ("", call.tool_name) for call in calls
        ):
            return response
        message = _tidied(response.message, names, calls if parallel else calls[:1])
        return response.model_copy(update={"message": message})

    return tidy


def _tidied(message: ChatMessage, names: dict[str, str], kept: Sequence[ToolCallBlock]) -> ChatMessage:
    blocks = [
        _renamed_block(block, names) if isinstance(block, ToolCallBlock) else block
        for block in message.blocks
        if not isinstance(block, ToolCallBlock) or any(block is call for call in kept)
    ]
    entries = [_renamed_entry(entry, names) for entry in message.additional_kwargs["tool_calls"][: len(kept)]]
    beside = {**message.additional_kwargs, "tool_calls": entries}
    return ChatMessage(role=message.role, blocks=blocks, additional_kwargs=beside)


def _renamed_block(call: ToolCallBlock, names: dict[str, str]) -> ToolCallBlock:
    return call.model_copy(update={"tool_name": names.get(call.tool_name, call.tool_name)})


def _renamed_entry(entry: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    kind = entry["type"]
    inner = entry[kind]
    return {**entry, kind: {**inner, "name": names.get(inner["name"], inner["name"])}}


def _each(responses: ChatResponseGen, tidy: Tidy) -> Generator[ChatResponse, None, None]:
    try:
        yield from map(tidy, responses)
    finally:
        responses.close()
