"""Tool calls through every client: the plain one, LangChain, and LlamaIndex; sync, async, and streamed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Message, Text, ToolCall
from tests.support.tool_gateway import MODELS, Call, Json, ToolGateway

CALL_MODES = ("plain", "stream", "async plain", "async stream")

Turn = str | list[Call] | tuple[str, str | None, str | None]
"""A user text, the calls of an assistant turn, or a tool result: its text, its call id, and its name."""


def function(name: str) -> Json:
    """Return a tool with this name, as chat completions expects it."""
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    return {"type": "function", "function": {"name": name, "description": "It runs.", "parameters": schema}}


class CallScenario:
    """A conversation and options for the model of an endpoint."""

    def __init__(self, endpoint: str, turns: Sequence[Turn] = ("Go on.",), **options: Any) -> None:
        self.endpoint, self.turns = endpoint, turns
        self.options: Mapping[str, Any] = options


# --- the plain client -------------------------------------------------------------------------------------------------


async def plain_client(gateway: ToolGateway, scenario: CallScenario, call_mode: str) -> list[Call]:
    sync, asynchronous = gateway.clients()
    arguments = {
        "messages": [_as_message(turn) for turn in scenario.turns],
        "model": MODELS[scenario.endpoint],
        "call": CallOptions(endpoint=scenario.endpoint),
        **scenario.options,
    }
    match call_mode:
        case "plain":
            calls = Client("k", http_client=sync).chat(**arguments).tool_calls
        case "stream":
            with Client("k", http_client=sync).chat_stream(**arguments) as deltas:
                calls = _last_calls(list(deltas))
        case "async plain":
            calls = (await AsyncClient("k", http_client=asynchronous).chat(**arguments)).tool_calls
        case _:
            async with AsyncClient("k", http_client=asynchronous).chat_stream(**arguments) as deltas:
                calls = _last_calls([delta async for delta in deltas])
    return [Call(call.name, call.parsed() or {}, call.id) for call in calls]


def _last_calls(deltas: list[Any]) -> tuple[ToolCall, ...]:
    """Return the calls of the complete reply, after checking that the streamed pieces match."""
    pieces: dict[int, list[ToolCall]] = {}
    for fragment in (fragment for delta in deltas for fragment in delta.fragments):
        if isinstance(fragment.part, ToolCall):
            pieces.setdefault(fragment.index, []).append(fragment.part)
    calls: tuple[ToolCall, ...] = deltas[-1].reply.tool_calls
    streamed_calls = [
        tuple("".join(getattr(one, name) for one in call) for name in ("id", "name")) for call in pieces.values()
    ]
    assert sorted(streamed_calls) == sorted((call.id, call.name) for call in calls)
    return calls


def _as_message(turn: Turn) -> Message:
    match turn:
        case str():
            return Message("user", (Text(turn),))
        case list():
            return Message("assistant", tuple(ToolCall(c.id or "", c.name, json.dumps(c.arguments)) for c in turn))
    text, call_id, name = turn
    return Message("tool", (Text(text),), name=name, tool_call_id=call_id)


# --- LangChain --------------------------------------------------------------------------------------------------------


async def langchain(gateway: ToolGateway, scenario: CallScenario, call_mode: str) -> list[Call]:
    options = dict(scenario.options)
    model: Any = langchain_model(gateway, scenario.endpoint)
    if tools := options.pop("tools", ()):
        model = model.bind_tools(tools, tool_choice=options.pop("tool_choice", None))
    messages = [_as_langchain(turn) for turn in scenario.turns]
    match call_mode:
        case "plain":
            message = model.invoke(messages, **options)
        case "stream":
            message = reduce(add, list(model.stream(messages, **options)))
        case "async plain":
            message = await model.ainvoke(messages, **options)
        case _:
            message = reduce(add, [chunk async for chunk in model.astream(messages, **options)])
    return [Call(call["name"], call["args"], call["id"]) for call in message.tool_calls]


def langchain_model(gateway: ToolGateway, endpoint: str, **overrides: Any) -> ChatAIMLAPI:
    sync, asynchronous = gateway.clients()
    arguments = {"model": MODELS[endpoint], "endpoint": endpoint, "api_key": "k", "max_retries": 0, **overrides}
    return ChatAIMLAPI(http_client=sync, http_async_client=asynchronous, **arguments)


def _as_langchain(turn: Turn) -> BaseMessage:
    match turn:
        case str():
            return HumanMessage(turn)
        case list():
            return AIMessage("", tool_calls=[{"name": c.name, "args": c.arguments, "id": c.id} for c in turn])
    text, call_id, name = turn
    return ToolMessage(text, tool_call_id=call_id or "", name=name)


# --- LlamaIndex -------------------------------------------------------------------------------------------------------


async def llama_index(gateway: ToolGateway, scenario: CallScenario, call_mode: str) -> list[Call]:
    llm, options = llama_index_llm(gateway, scenario.endpoint), scenario.options
    messages = [_as_llama_index(turn) for turn in scenario.turns]
    match call_mode:
        case "plain":
            response = llm.chat(messages, **options)
        case "stream":
            response = list(llm.stream_chat(messages, **options))[-1]
        case "async plain":
            response = await llm.achat(messages, **options)
        case _:
            response = [each async for each in await llm.astream_chat(messages, **options)][-1]
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    return [Call(call.tool_name, call.tool_kwargs, call.tool_id) for call in calls]


def llama_index_llm(gateway: ToolGateway, endpoint: str) -> AIMLAPI:
    sync, asynchronous = gateway.clients()
    arguments: Json = {"model": MODELS[endpoint], "endpoint": endpoint, "api_key": "k", "max_retries": 0}
    return AIMLAPI(http_client=sync, async_http_client=asynchronous, **arguments)


def _as_llama_index(turn: Turn) -> ChatMessage:
    match turn:
        case str():
            return ChatMessage(turn)
        case list():
            blocks = [ToolCallBlock(tool_call_id=c.id, tool_name=c.name, tool_kwargs=c.arguments) for c in turn]
            return ChatMessage(role="assistant", blocks=blocks)
    text, call_id, name = turn
    kwargs = {"tool_call_id": call_id, "name": name}
    return ChatMessage(text, role="tool", additional_kwargs={key: value for key, value in kwargs.items() if value})


CallRunner = Callable[[ToolGateway, CallScenario, str], Awaitable[list[Call]]]
CALL_RUNNERS: dict[str, CallRunner] = {"plain client": plain_client, "LangChain": langchain, "LlamaIndex": llama_index}

every_endpoint = pytest.mark.parametrize("endpoint", MODELS)
every_client = pytest.mark.parametrize("run_calls", CALL_RUNNERS.values(), ids=CALL_RUNNERS)
every_call_mode = pytest.mark.parametrize("call_mode", CALL_MODES)


def ignore_framework_warnings(test: Any) -> Any:
    """Ignore deprecation warnings of LlamaIndex's agents, and the database that their memory leaves open."""
    for warning in ("DeprecationWarning", "ResourceWarning", "pytest.PytestUnhandledThreadExceptionWarning"):
        test = pytest.mark.filterwarnings(f"ignore::{warning}")(test)
    return test
