"""Function calling: tools offered, calls found in a response, and both kept within what was asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
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
from llama_index.core.program import function_program
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.types import BaseTool
from pydantic_core import from_json
from typing_extensions import override

from .._utils.json import escape_control_characters
from ..models import CHAT, RESPONSES, lookup
from .fields import AIMLAPIFields
from .invalid_calls import call_blocks, check_calls, invalid_selections, is_invalid, is_whole
from .messages.stream import AsyncMap
from .output import reading_json
from .request import to_tool_dict

Limit = Callable[[ChatResponse], ChatResponse]


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
        reject_invalid_calls: bool = False,  # of `_validate_chat_with_tools_response`
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments of `chat` that offer `tools`; without tools, none that speak of them."""
        messages = [*(chat_history or ()), *_as_messages(user_msg)]
        if not tools:
            return {"messages": messages, **kwargs}
        strict = self.strict if strict is None else strict
        choice = tool_choice if tool_choice is not None else ("required" if tool_required else None)
        asked: dict[str, Any] = {"tools": [to_tool_dict(tool, strict) for tool in tools]}
        if choice is not None:
            asked["tool_choice"] = choice
        if not allow_parallel_tool_calls and self._lists_parallel_calls(kwargs):
            asked["parallel_tool_calls"] = False
        return {"messages": messages, **asked, **kwargs}

    def _lists_parallel_calls(self, kwargs: dict[str, Any]) -> bool:
        """Whether the model lists `parallel_tool_calls` on every endpoint that the call may go to."""
        asked = {name: kwargs.get(name, getattr(self, name)) for name in ("model", "endpoint", "use_responses_api")}
        model = lookup(asked["model"])
        path = {"responses": RESPONSES, "chat_completions": CHAT}.get(asked["endpoint"])
        if path is None and asked["use_responses_api"] is not None:
            path = RESPONSES if asked["use_responses_api"] else CHAT
        paths = [path] if path else [each for each in (CHAT, RESPONSES) if each in model.endpoints]
        return model.parallel_tool_calls and all("parallel_tool_calls" in model.parameters(each) for each in paths)

    @override
    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        reject_invalid_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        if reject_invalid_calls:
            check_calls(response)
        return response if allow_parallel_tool_calls else _limit_calls(response)

    def stream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponseGen:
        """Core's, with calls limited as in `chat_with_tools`."""
        responses = super().stream_chat_with_tools(tools, *args, **kwargs)
        return _each(responses, _limit(kwargs), _is_structured(tools))

    async def astream_chat_with_tools(
        self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Core's, with calls limited as in `chat_with_tools`."""
        responses = await super().astream_chat_with_tools(tools, *args, **kwargs)
        return AsyncMap(_limit(kwargs), responses, check_calls if _is_structured(tools) else None)

    @override
    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,
    ) -> list[ToolSelection]:
        """The calls that a response asks for; of one still streaming, as far as their arguments have come.

        A call whose arguments are not a JSON object is never run. Where there has to be a call, it is an error;
        elsewhere it selects a tool that does not exist, so that an agent hands the model an error as its result.

        Raises:
            ValueError: there are no calls, and there had to be.
            InvalidToolCallError: (a ValueError) the arguments of a call are not a JSON object.
            IncompleteOutputError: the arguments of a call were cut off.
        """
        if error_on_no_tool_call:
            check_calls(response)
        invalid = invalid_selections(response)
        blocks = call_blocks(response.message)
        if not blocks and error_on_no_tool_call:
            raise ValueError(f"Expected at least one tool call, but got none: {response.message.content!r}")
        if is_whole(response):
            blocks = [block for block in blocks if not is_invalid(block)]
        return [_selection(block) for block in blocks] + invalid

    def predict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """Core's; a model without tools is asked in text, as ReAct does.

        Raises:
            InvalidToolCallError, IncompleteOutputError: as `get_tool_calls_from_response`; no tool was run.
        """
        tools = [reading_json(tool) for tool in tools]
        return super().predict_and_call(tools, *args, **(self._for_core() | kwargs))

    async def apredict_and_call(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> AgentChatResponse:
        """As `predict_and_call`."""
        tools = [reading_json(tool) for tool in tools]
        return await super().apredict_and_call(tools, *args, **(self._for_core() | kwargs))

    def _for_core(self) -> dict[str, Any]:
        """What core's `predict_and_call` lacks: its ReAct agent refuses the None that stands for a default."""
        if self.metadata.is_function_calling_model:
            return {"reject_invalid_calls": True}
        from llama_index.core.agent.react import ReActChatFormatter, ReActOutputParser

        return {"react_chat_formatter": ReActChatFormatter(), "output_parser": ReActOutputParser()}


def _as_messages(user_msg: str | ChatMessage | None) -> list[ChatMessage]:
    if isinstance(user_msg, str):
        return [ChatMessage(role=MessageRole.USER, content=user_msg)]
    return [] if user_msg is None else [user_msg]


def _selection(block: ToolCallBlock) -> ToolSelection:
    arguments = _arguments(block.tool_kwargs)
    return ToolSelection(tool_id=block.tool_call_id or "", tool_name=block.tool_name, tool_kwargs=arguments)


def _arguments(written: Any) -> dict[str, Any]:
    """Arguments as a dict; of JSON that has not all come, what has."""
    if isinstance(written, dict):
        return written
    try:
        value = from_json(escape_control_characters(written or "{}"), allow_partial="trailing-strings")
    except ValueError:
        return {}
    if isinstance(value, str):
        return _arguments(value)
    return value if isinstance(value, dict) else {}


# --- calls kept within what was asked -----------------------------------------------------------------------------


def _limit(kwargs: Mapping[str, Any]) -> Limit:
    """What keeps the first call of a response alone, unless the arguments allow more."""
    return _same if kwargs.get("allow_parallel_tool_calls") else _limit_calls


def _same(response: ChatResponse) -> ChatResponse:
    return response


def _limit_calls(response: ChatResponse) -> ChatResponse:
    """The response with the first of its calls alone."""
    message = response.message
    places = [place for place, block in enumerate(message.blocks) if isinstance(block, ToolCallBlock)]
    if len(places) < 2:
        return response
    blocks = [block for place, block in enumerate(message.blocks) if place not in places[1:]]
    beside = dict(message.additional_kwargs)
    if "tool_calls" in beside:  # not in messages that others made, of blocks alone
        beside["tool_calls"] = beside["tool_calls"][:1]
    limited = ChatMessage(role=message.role, blocks=blocks, additional_kwargs=beside)
    return response.model_copy(update={"message": limited})


def _is_structured(tools: Sequence[BaseTool]) -> bool:
    """Whether these are the tools of core's program for structured answers, which takes no error from their calls."""
    functions = [tool.real_fn for tool in tools if isinstance(tool, FunctionTool)]
    return any(function.__module__ == function_program.__name__ for function in functions)


def _each(responses: ChatResponseGen, limit: Limit, is_structured: bool) -> Generator[ChatResponse, None, None]:
    """The responses; a structured answer of which no object can be made is an error at their end."""
    response = None
    try:
        for response in map(limit, responses):
            yield response
        if is_structured and response is not None:
            check_calls(response)
    finally:
        responses.close()
