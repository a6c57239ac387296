"""LlamaIndex's agents on `AIMLAPI`, to the end, over loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentStream, AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ImageBlock, TextBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, JsonSerializer

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # core leaves event loops and its memory's database open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

ASK = "What is the weather in Paris?"


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


TOOLS: list[Any] = [get_weather, add]


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_function_agent_with_two_tools(llm: Any, streaming: bool) -> None:
    agent = FunctionAgent(tools=TOOLS, llm=llm, streaming=streaming)
    handler = agent.run(ASK)
    said = [event.delta async for event in handler.stream_events() if isinstance(event, AgentStream)]
    result = await handler
    assert "Sunny in Paris" in str(result)
    assert [call.tool_name for call in result.tool_calls] == ["get_weather"]
    assert ("Sunny in Paris" in "".join(said)) == streaming


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
async def test_a_conversation_goes_on_after_a_round_trip_of_its_context(llm: Any) -> None:
    agent = FunctionAgent(tools=TOOLS, llm=llm)
    context = Context(agent)
    await agent.run(ASK, ctx=context)
    again = Context.from_dict(agent, context.to_dict(serializer=JsonSerializer()), serializer=JsonSerializer())
    assert str(await agent.run("Thank you", ctx=again))


async def test_memory_and_tools_that_end_the_turn(llm: Any) -> None:
    memory = Memory.from_defaults(session_id="one", token_limit=4000)
    direct = FunctionTool.from_defaults(get_weather, return_direct=True)
    agent = FunctionAgent(tools=[direct], llm=llm)
    assert str(await agent.run(ASK, memory=memory)) == "Sunny in Paris"
    assert str(await agent.run("Thank you", memory=memory))


async def test_a_tool_that_returns_a_picture(llm: Any, emulator: Any) -> None:
    def draw(city: str) -> Any:
        """Draws a city."""
        return [TextBlock(text=f"A map of {city}"), ImageBlock(image=b"\x89PNG\r\n\x1a\nrest")]

    assert str(await FunctionAgent(tools=[draw], llm=llm).run("Draw Paris: call draw for 'Paris'."))
    assert "data:image/png;base64" in str(emulator.requests[-1].json)


async def test_agents_hand_over(llm: Any) -> None:
    asking = FunctionAgent(name="asker", description="Asks", tools=[add], llm=llm, can_handoff_to=["weather"])
    weather = FunctionAgent(name="weather", description="Knows the weather", tools=[get_weather], llm=llm)
    workflow = AgentWorkflow(agents=[asking, weather], root_agent="asker")
    handler = workflow.run("Hand off to 'weather', please: use the handoff tool.")
    async for _ in handler.stream_events():
        pass
    assert str(await handler)


async def test_a_workflow_from_functions_and_a_react_agent(llm: Any) -> None:
    workflow = AgentWorkflow.from_tools_or_functions(TOOLS, llm=llm)
    assert "Sunny in Paris" in str(await workflow.run(ASK))
    assert "Sunny in Paris" in str(await ReActAgent(tools=TOOLS, llm=llm).run(ASK))


def test_one_llm_in_several_loops(llm: Any, emulator: Any) -> None:
    async def run() -> str:
        return str(await FunctionAgent(tools=TOOLS, llm=llm).run(ASK))

    assert "Sunny" in asyncio.run(run())
    assert "Sunny" in asyncio.run(run())
    assert len(emulator.requests) == 4


async def test_the_history_goes_back_as_it_was(llm: Any, emulator: Any) -> None:
    await FunctionAgent(tools=TOOLS, llm=llm, system_prompt="Help.").run(
        ASK, chat_history=[ChatMessage("Hi"), ChatMessage("Hello!", role="assistant")]
    )
    first, second = [record.json for record in emulator.requests]
    name = "messages" if "messages" in first else "input"
    assert second[name][: len(first[name])] == first[name]
