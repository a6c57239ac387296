"""Agents of LangChain and LangGraph run to their end on `ChatAIMLAPI`, on both endpoints of the emulator."""

from __future__ import annotations

import sys
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from pydantic import BaseModel

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.lc.gateway import Gateway, chat_body
from tests.support.agents import QUESTION, add, bodies, ended, get_weather

# langchain-core and langgraph warn of their own moves, and of v3 events being in beta.
pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainPendingDeprecationWarning"),
]

# Before 3.11, tasks don't accept a context, so the nodes of an agent don't pass its callbacks to their models.
contexts_in_tasks = pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio tasks take no context")


class Weather(BaseModel):
    """The weather."""

    city: str
    sunny: bool
    unit: Literal["c", "f"] = "c"


# --- agents -----------------------------------------------------------------------------------------------------------


async def test_agent_with_one_tool_runs_to_its_end(model: ChatAIMLAPI):
    agent = create_agent(model, [get_weather, add], name="forecaster")
    messages = agent.invoke(QUESTION)["messages"]
    assert ended(messages)
    assert "Sunny in Paris" in messages[-1].text
    assert ended((await agent.ainvoke(QUESTION))["messages"])


@pytest.mark.parametrize("name", ["google/gemini-2.5-pro", "google/gemini-3-5-flash", "anthropic/claude-sonnet-4.5"])
def test_agent_of_another_vendor_runs_to_its_end(gateway: Emulator, name: str):
    model = ChatAIMLAPI(model=name, api_key="k", base_url=gateway.base_url)
    assert ended(create_agent(model, [get_weather]).invoke(QUESTION)["messages"])
    model.close()


def test_agent_with_parallel_calls_runs_to_its_end(model: ChatAIMLAPI):
    requested = HumanMessage("What is the weather in Paris, and add 2 and 3?")
    messages = create_agent(model, [get_weather, add]).invoke({"messages": [requested]})["messages"]
    assert sorted(message.text for message in messages if isinstance(message, ToolMessage)) == ["5", "Sunny in Paris."]


def test_agent_with_checkpoint_continues_its_thread(model: ChatAIMLAPI):
    from langgraph.checkpoint.memory import InMemorySaver

    agent = create_agent(model, [get_weather], checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    first = agent.invoke(QUESTION, thread)["messages"]
    second = agent.invoke({"messages": [HumanMessage("And how is the weather in Oslo?")]}, thread)["messages"]
    assert second[: len(first)] == first
    assert "Sunny in Oslo" in second[-1].text


@pytest.mark.parametrize("tools", [[get_weather], []], ids=["tools", "no-tools"])
@pytest.mark.parametrize(
    "strategy", [ProviderStrategy(Weather), ProviderStrategy(Weather, strict=True), ToolStrategy(Weather), Weather]
)
async def test_agent_with_response_format_returns_an_instance(model: ChatAIMLAPI, strategy: Any, tools: list[Any]):
    agent = create_agent(model, tools, response_format=strategy)
    assert isinstance(agent.invoke(QUESTION)["structured_response"], Weather)
    assert isinstance((await agent.ainvoke(QUESTION))["structured_response"], Weather)


async def test_react_agent_of_langgraph_runs_to_its_end(model: ChatAIMLAPI):
    from langgraph.prebuilt import create_react_agent

    agent = create_react_agent(model, [get_weather, add], response_format=Weather)
    for result in (agent.invoke(QUESTION), await agent.ainvoke(QUESTION)):
        assert ended(result["messages"])
        assert isinstance(result["structured_response"], Weather)


async def test_deep_agent_runs_to_its_end(model: ChatAIMLAPI):
    deepagents = pytest.importorskip("deepagents")
    agent = deepagents.create_deep_agent(model=model, tools=[get_weather])
    result = await agent.ainvoke({"messages": [HumanMessage("Use get_weather: what is the weather in Paris?")]})
    assert "Sunny in Paris." in [message.text for message in result["messages"] if isinstance(message, ToolMessage)]
    assert isinstance(result["messages"][-1], AIMessage)


def test_agent_with_truncated_call_runs_no_tool():
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Par'}}
    gateway = Gateway(chat_body("", "length", tool_calls=[call]))
    agent = create_agent(gateway.model(), [get_weather])
    for mode in ("values", "messages"):
        list(agent.stream(QUESTION, {"recursion_limit": 4}, stream_mode=mode))  # type: ignore[call-overload]
    answered = [message for body in gateway.bodies for message in body["messages"] if message["role"] == "tool"]
    assert not any("Sunny" in message["content"] for message in answered)


def test_agent_without_tools_sends_none(model: ChatAIMLAPI, gateway: Emulator):
    model.bind_tools([], tool_choice="any", parallel_tool_calls=False).invoke("Hello")
    model.bind_tools([], tool_choice=None).invoke("Hello")
    create_agent(model, [], response_format=ProviderStrategy(Weather)).invoke(QUESTION)
    assert not [body for body in bodies(gateway) if {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()]


# --- agents, streamed -------------------------------------------------------------------------------------------------


def texts_by_id(chunks: list[Any]) -> dict[str, str]:
    """The text of each model turn, put together from its chunks."""
    texts: dict[str, str] = {}
    for message in chunks:
        assert isinstance(message, AIMessageChunk | ToolMessage), "a whole message came beside its chunks"
        if isinstance(message, AIMessageChunk):
            assert message.id
            texts[message.id] = texts.get(message.id, "") + message.text
    return texts


@pytest.mark.parametrize("version", [None, "v1"])
def test_stream_messages_are_emitted_once(model: ChatAIMLAPI, version: str | None):
    model = model.model_copy(update={"output_version": version})
    agent = create_agent(model, [get_weather, add])
    final = agent.invoke(QUESTION)["messages"][-1].text
    chunks = [message for message, _ in agent.stream(QUESTION, stream_mode="messages")]
    assert list(texts_by_id(chunks).values()) == ["", final]


@contexts_in_tasks
@pytest.mark.parametrize("version", [None, "v1"])
async def test_astream_messages_are_emitted_once(model: ChatAIMLAPI, version: str | None):
    agent = create_agent(model.model_copy(update={"output_version": version}), [get_weather, add])
    final = (await agent.ainvoke(QUESTION))["messages"][-1].text
    chunks = [message async for message, _ in agent.astream(QUESTION, stream_mode="messages")]
    assert list(texts_by_id(chunks).values()) == ["", final]


def test_streamed_messages_equal_those_of_the_state(model: ChatAIMLAPI):
    agent = create_agent(model, [get_weather])
    chunks, states = [], []
    for mode, part in agent.stream(QUESTION, stream_mode=["messages", "values"]):
        (states if mode == "values" else chunks).append(part)
    turns = [message for message in states[-1]["messages"] if isinstance(message, AIMessage)]
    assert list(texts_by_id([message for message, _ in chunks])) == [message.id for message in turns]


@pytest.mark.parametrize("disabled", [True, "tool_calling"])
def test_stream_with_streaming_disabled_yields_one_message(model: ChatAIMLAPI, gateway: Emulator, disabled: Any):
    model = model.model_copy(update={"disable_streaming": disabled})
    streamed = [message for message, _ in create_agent(model, [get_weather]).stream(QUESTION, stream_mode="messages")]
    assert ended([QUESTION["messages"][0], *streamed])
    assert [body.get("stream", False) for body in bodies(gateway)] == [False, False]
    gateway.reset()
    list(model.stream("Hello"))
    assert bodies(gateway)[0].get("stream", False) is (disabled == "tool_calling")


@contexts_in_tasks
async def test_agent_events_v2_include_model_and_tools(model: ChatAIMLAPI):
    agent = create_agent(model, [get_weather])
    events = [event async for event in agent.astream_events(QUESTION, version="v2")]
    kinds = [event["event"] for event in events]
    assert kinds.count("on_chat_model_end") == 2
    assert kinds.count("on_tool_end") == 1
    last = [event for event in events if event["event"] == "on_chat_model_end"][-1]["data"]["output"]
    parts = [event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"]
    assert texts_by_id(parts)[last.id] == last.text


async def test_agent_events_v3_include_model_and_tools(model: ChatAIMLAPI):
    agent = create_agent(model, [get_weather])
    run = await agent.astream_events(QUESTION, version="v3")
    reported = [await message.output async for message in run.messages]
    state = await run.output()
    turns = [message for message in state["messages"] if isinstance(message, AIMessage)]
    assert [message.text for message in reported] == [message.text for message in turns]
    assert [message.tool_calls for message in reported] == [message.tool_calls for message in turns]
    assert ended(state["messages"])


def test_model_events_v3_end_with_the_message(model: ChatAIMLAPI):
    stream = model.stream_events("Hello", version="v3")
    assert "".join(stream.text) == stream.output.text == "[emulated] You said: Hello"
    assert stream.output.usage_metadata["total_tokens"] > 0
    assert stream.output.response_metadata["cost"]["usd"]
