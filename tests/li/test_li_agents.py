"""LlamaIndex's agents on `AIMLAPI`, to the end, over loopback."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCall,
)
from llama_index.core.base.llms.types import ImageBlock, TextBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, JsonSerializer
from pydantic import BaseModel

from .conftest import ENDPOINTS

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # core leaves event loops and its memory's database open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

ASK = "What is the weather in Paris?"
PNG = b"\x89PNG\r\n\x1a\nrest"


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@pytest.fixture(params=ENDPOINTS)
def endpoint(request: pytest.FixtureRequest) -> str:
    return str(request.param)


TOOLS: list[Any] = [get_weather, add]
both = pytest.mark.parametrize("streaming", [False, True])


async def told(handler: Any) -> tuple[str, list[tuple[str, dict[str, Any]]], str]:
    """What an agent's run says on its way, the tools it calls, and its answer."""
    said, calls = [], []
    async for event in handler.stream_events():
        if isinstance(event, AgentStream):
            said.append(event.delta)
        elif type(event) is ToolCall:
            calls.append((event.tool_name, event.tool_kwargs))
    return "".join(said), calls, str(await handler)


@both
async def test_a_function_agent_with_two_tools(llm: Any, streaming: bool) -> None:
    said, calls, answer = await told(FunctionAgent(tools=TOOLS, llm=llm, streaming=streaming).run(ASK))
    assert answer == "[emulated] Based on get_weather: Sunny in Paris"
    assert calls == [("get_weather", {"city": "Paris"})]
    assert (answer in said) == streaming


async def test_two_calls_of_one_turn(llm: Any) -> None:
    agent = FunctionAgent(tools=TOOLS, llm=llm, allow_parallel_tool_calls=True)
    _, calls, answer = await told(agent.run("What is the weather in Paris and in Rome?"))
    assert calls == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})]
    assert "Sunny in Paris" in answer
    assert "Sunny in Rome" in answer


@both
@pytest.mark.parametrize("with_tools", [True, False])
async def test_a_react_agent(emulated: Any, streaming: bool, with_tools: bool) -> None:
    llm = emulated(is_function_calling_model=with_tools)  # it works in text, either way
    said, calls, answer = await told(ReActAgent(tools=TOOLS, llm=llm, streaming=streaming).run(ASK))
    assert answer == "[emulated] Based on the observation: Sunny in Paris"
    assert calls == [("get_weather", {"city": "Paris"})]
    assert ("Thought:" in said) == streaming


@both
async def test_an_agent_that_writes_code(llm: Any, streaming: bool) -> None:
    async def execute(code: str) -> str:
        """Runs code."""
        return f"ran {code}"

    agent = CodeActAgent(code_execute_fn=execute, tools=[get_weather], llm=llm, streaming=streaming)
    _, calls, answer = await told(agent.run("Say <execute>print(6 * 7)</execute>"))
    assert calls[0] == ("execute", {"code": "print(6 * 7)"})
    assert "ran print(6 * 7)" in answer


@both
async def test_agents_hand_over(llm: Any, streaming: bool) -> None:
    asking = FunctionAgent(
        name="asker", description="Asks", tools=[add], llm=llm, can_handoff_to=["weather"], streaming=streaming
    )
    weather = FunctionAgent(name="weather", description="Knows the weather", tools=[get_weather], llm=llm)
    workflow = AgentWorkflow(agents=[asking, weather], root_agent="asker")
    handler = workflow.run("Call handoff: to_agent is 'weather', reason is 'the weather in Paris'.")
    _, calls, answer = await told(handler)
    assert [name for name, _ in calls] == ["handoff", "get_weather"]
    assert "Sunny in Paris" in answer
    assert (await handler).current_agent_name == "weather"


@pytest.mark.parametrize(("with_tools", "kind"), [(None, FunctionAgent), (False, ReActAgent)])
async def test_a_workflow_takes_the_agent_that_the_model_can_be(emulated: Any, with_tools: Any, kind: Any) -> None:
    workflow = AgentWorkflow.from_tools_or_functions(TOOLS, llm=emulated(is_function_calling_model=with_tools))
    assert {type(agent) for agent in workflow.agents.values()} == {kind}
    assert "Sunny in Paris" in str(await workflow.run(ASK))


class City(BaseModel):
    """A city."""

    city: str


async def test_a_structured_answer(llm: Any) -> None:
    result = await FunctionAgent(tools=TOOLS, llm=llm, output_cls=City).run(ASK)
    assert result.get_pydantic_model(City) == City(city="Paris")


async def test_an_answer_when_the_turns_run_out(llm: Any) -> None:
    """Core puts a system message at the end of the history then."""
    agent = FunctionAgent(tools=TOOLS, llm=llm, early_stopping_method="generate")
    assert str(await agent.run(ASK, max_iterations=1)).startswith("[emulated]")


# --- what is kept -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
async def test_a_conversation_goes_on_after_a_round_trip_of_its_context(llm: Any, emulator: Any) -> None:
    """Core leaves the memory out of it, to be given again."""
    agent, memory = FunctionAgent(tools=TOOLS, llm=llm), Memory.from_defaults(session_id="two", token_limit=4000)
    context = Context(agent)
    await agent.run(ASK, ctx=context, memory=memory)
    again = Context.from_dict(agent, context.to_dict(serializer=JsonSerializer()), serializer=JsonSerializer())
    assert str(await agent.run("Thank you", ctx=again, memory=memory))
    assert "Sunny in Paris" in str(emulator.requests[-1].json)


async def test_memory_and_tools_that_end_the_turn(llm: Any, emulator: Any) -> None:
    """Core writes such a tool's result as an assistant's message with a `tool_call_id`."""
    memory = Memory.from_defaults(session_id="one", token_limit=4000)
    direct = FunctionTool.from_defaults(get_weather, return_direct=True)
    agent = FunctionAgent(tools=[direct], llm=llm)
    assert str(await agent.run(ASK, memory=memory)) == "Sunny in Paris"
    assert str(await agent.run("Thank you", memory=memory))
    last = emulator.requests[-1].json
    turns = [turn for turn in last.get("messages", last.get("input")) if turn.get("role") == "assistant"]
    assert turns
    assert not [turn for turn in turns if "tool_call_id" in turn]


async def test_a_tool_that_returns_a_picture(llm: Any, emulator: Any) -> None:
    def draw(city: str) -> Any:
        """Draws a city."""
        return [TextBlock(text=f"A map of {city}"), ImageBlock(image=PNG)]

    assert str(await FunctionAgent(tools=[draw], llm=llm).run("Draw Paris: call draw for 'Paris'."))
    assert b64encode(PNG).decode() in str(emulator.requests[-1].json)


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
