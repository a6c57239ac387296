"""Function calling: tools offered, calls found in a response, and both kept within what was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.llm import ToolSelection
from pydantic_core import from_json
from typing_extensions import override

from ..models import lookup
from .fields import AIMLAPIFields
from .request import tool_dict
from .to_conversation import conversation

if TYPE_CHECKING:
    from llama_index.core.chat_engine.types import AgentChatResponse
    from llama_index.core.tools.types import BaseTool


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
        return response if allow_parallel_tool_calls else _limit_calls(response)

    def stream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponseGen:
        """Core's, with calls limited as in `chat_with_tools`."""
        responses = super().stream_chat_with_tools(tools, *args, **kwargs)
        return responses if kwargs.get("allow_parallel_tool_calls") else _limit_all(responses)

    async def astream_chat_with_tools(
        self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Core's, with calls limited as in `chat_with_tools`."""
        responses = await super().astream_chat_with_tools(tools, *args, **kwargs)
        return responses if kwargs.get("allow_parallel_tool_calls") else _alimit_all(responses)

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


def _limit_calls(response: ChatResponse) -> ChatResponse:
    """The response with the first of its calls alone."""
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if len(calls) < 2:
        return response
    blocks = [block for block in message.blocks if not isinstance(block, ToolCallBlock) or block is calls[0]]
    beside = {**message.additional_kwargs, "tool_calls": message.additional_kwargs["tool_calls"][:1]}
    limited = ChatMessage(role=message.role, blocks=blocks, additional_kwargs=beside)
    return response.model_copy(update={"message": limited})


def _limit_all(responses: ChatResponseGen) -> Generator[ChatResponse, None, None]:
    try:
        yield from map(_limit_calls, responses)
    finally:
        responses.close()


async def _alimit_all(responses: ChatResponseAsyncGen) -> AsyncGenerator[ChatResponse, None]:
    try:
        async for response in responses:
            yield _limit_calls(response)
    finally:
        await responses.aclose()
