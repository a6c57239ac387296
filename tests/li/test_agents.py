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

from tests.li.conftest import ENDPOINTS
from tests.li.gateway import reply
from tests.li.tool_calls import Replies

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # core leaves event loops and its memory's database open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

PNG = b"\x89PNG\r\n\x1a\nrest"
QUESTION = "What is the weather in Paris?"


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


async def run_agent(handler: Any) -> tuple[str, list[tuple[str, dict[str, Any]]], str]:
    """Return the streamed text of an agent's run, the tools it calls, and its answer."""
    text, calls = [], []
    async for event in handler.stream_events():
        if isinstance(event, AgentStream):
            text.append(event.delta)
        elif type(event) is ToolCall:
            calls.append((event.tool_name, event.tool_kwargs))
    return "".join(text), calls, str(await handler)


@both
async def test_function_agent_with_two_tools_answers(llm: Any, streaming: bool) -> None:
    text, calls, answer = await run_agent(FunctionAgent(tools=TOOLS, llm=llm, streaming=streaming).run(QUESTION))
    assert answer == "[emulated] Based on get_weather: Sunny in Paris"
    assert calls == [("get_weather", {"city": "Paris"})]
    assert (answer in text) == streaming


async def test_function_agent_with_parallel_calls_runs_both(llm: Any) -> None:
    agent = FunctionAgent(tools=TOOLS, llm=llm, allow_parallel_tool_calls=True)
    _, calls, answer = await run_agent(agent.run("What is the weather in Paris and in Rome?"))
    assert calls == [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})]
    assert "Sunny in Paris" in answer
    assert "Sunny in Rome" in answer


@both
@pytest.mark.parametrize("with_tools", [True, False])
async def test_react_agent_with_tools_answers(emulated: Any, streaming: bool, with_tools: bool) -> None:
    llm = emulated(is_function_calling_model=with_tools)  # it works with text in both cases
    text, calls, answer = await run_agent(ReActAgent(tools=TOOLS, llm=llm, streaming=streaming).run(QUESTION))
    assert answer == "[emulated] Based on the observation: Sunny in Paris"
    assert calls == [("get_weather", {"city": "Paris"})]
    assert ("Thought:" in text) == streaming


ODD_NAMES = ["jobs.start", "mcp/files:read", "Box[int]", "поиск", "a-b", "n" * 80]


@both
@pytest.mark.parametrize("name", ODD_NAMES)
async def test_react_agent_with_invalid_tool_name_runs_the_tool(streaming: bool, name: str) -> None:
    steps = [
        f'Thought: I need to use a tool.\nAction: {name}\nAction Input: {{"city": "Paris"}}',
        "Thought: I can answer without using any more tools.\nAnswer: Sunny.",
    ]
    gateway = Replies(*map(reply, steps))
    tool = FunctionTool.from_defaults(get_weather, name=name)
    agent = ReActAgent(tools=[tool], llm=gateway.on("chat_completions"), streaming=streaming)
    _, calls, answer = await run_agent(agent.run(QUESTION))
    assert (calls, answer) == ([(name, {"city": "Paris"})], "Sunny.")
    assert "Sunny in Paris" in str(gateway.turns)
    assert name in str(gateway.bodies[0]["messages"])


@both
async def test_code_act_agent_with_function_runs_code(llm: Any, streaming: bool) -> None:
    async def execute(code: str) -> str:
        """Runs code."""
        return f"ran {code}"

    agent = CodeActAgent(code_execute_fn=execute, tools=[get_weather], llm=llm, streaming=streaming)
    _, calls, answer = await run_agent(agent.run("Say <execute>print(6 * 7)</execute>"))
    assert calls[0] == ("execute", {"code": "print(6 * 7)"})
    assert "ran print(6 * 7)" in answer


@both
async def test_agent_workflow_with_two_agents_hands_off(llm: Any, streaming: bool) -> None:
    asking = FunctionAgent(
        name="asker", description="Asks", tools=[add], llm=llm, can_handoff_to=["weather"], streaming=streaming
    )
    weather = FunctionAgent(name="weather", description="Knows the weather", tools=[get_weather], llm=llm)
    workflow = AgentWorkflow(agents=[asking, weather], root_agent="asker")
    handler = workflow.run("Call handoff: to_agent is 'weather', reason is 'the weather in Paris'.")
    _, calls, answer = await run_agent(handler)
    assert [name for name, _ in calls] == ["handoff", "get_weather"]
    assert "Sunny in Paris" in answer
    assert (await handler).current_agent_name == "weather"


@pytest.mark.parametrize(("with_tools", "kind"), [(None, FunctionAgent), (False, ReActAgent)])
async def test_agent_workflow_of_tools_selects_the_agent_the_model_supports(
    emulated: Any, with_tools: Any, kind: Any
) -> None:
    workflow = AgentWorkflow.from_tools_or_functions(TOOLS, llm=emulated(is_function_calling_model=with_tools))
    assert {type(agent) for agent in workflow.agents.values()} == {kind}
    assert "Sunny in Paris" in str(await workflow.run(QUESTION))


class City(BaseModel):
    """A city."""

    city: str


async def test_function_agent_with_output_class_returns_it(llm: Any) -> None:
    result = await FunctionAgent(tools=TOOLS, llm=llm, output_cls=City).run(QUESTION)
    assert result.get_pydantic_model(City) == City(city="Paris")


async def test_agent_at_max_iterations_generates_an_answer(llm: Any) -> None:
    """Core puts a system message at the end of the history then."""
    agent = FunctionAgent(tools=TOOLS, llm=llm, early_stopping_method="generate")
    assert str(await agent.run(QUESTION, max_iterations=1)).startswith("[emulated]")


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Skipping serialization of known unserializable key")
async def test_agent_context_restored_from_json_continues_the_conversation(llm: Any, emulator: Any) -> None:
    """Core leaves the memory out of it, to be given again."""
    agent, memory = FunctionAgent(tools=TOOLS, llm=llm), Memory.from_defaults(session_id="two", token_limit=4000)
    context = Context(agent)
    await agent.run(QUESTION, ctx=context, memory=memory)
    again = Context.from_dict(agent, context.to_dict(serializer=JsonSerializer()), serializer=JsonSerializer())
    assert str(await agent.run("Thank you", ctx=again, memory=memory))
    assert "Sunny in Paris" in str(emulator.requests[-1].json)


async def test_agent_with_return_direct_tool_keeps_memory_valid(llm: Any, emulator: Any) -> None:
    """Core writes such a tool's result as an assistant's message with a `tool_call_id`."""
    memory = Memory.from_defaults(session_id="one", token_limit=4000)
    direct = FunctionTool.from_defaults(get_weather, return_direct=True)
    agent = FunctionAgent(tools=[direct], llm=llm)
    assert str(await agent.run(QUESTION, memory=memory)) == "Sunny in Paris"
    assert str(await agent.run("Thank you", memory=memory))
    last = emulator.requests[-1].json
    turns = [turn for turn in last.get("messages", last.get("input")) if turn.get("role") == "assistant"]
    assert turns
    assert not [turn for turn in turns if "tool_call_id" in turn]


async def test_agent_with_tool_that_returns_an_image_sends_it(llm: Any, emulator: Any) -> None:
    def draw(city: str) -> Any:
        """Draws a city."""
        return [TextBlock(text=f"A map of {city}"), ImageBlock(image=PNG)]

    assert str(await FunctionAgent(tools=[draw], llm=llm).run("Draw Paris: call draw for 'Paris'."))
    assert b64encode(PNG).decode() in str(emulator.requests[-1].json)


def test_agent_in_several_event_loops_works(llm: Any, emulator: Any) -> None:
    async def run() -> str:
        return str(await FunctionAgent(tools=TOOLS, llm=llm).run(QUESTION))

    assert "Sunny" in asyncio.run(run())
    assert "Sunny" in asyncio.run(run())
    assert len(emulator.requests) == 4


async def test_agent_history_is_sent_back_unchanged(llm: Any, emulator: Any) -> None:
    await FunctionAgent(tools=TOOLS, llm=llm, system_prompt="Help.").run(
        QUESTION, chat_history=[ChatMessage("Hi"), ChatMessage("Hello!", role="assistant")]
    )
    first, second = [record.json for record in emulator.requests]
    name = "messages" if "messages" in first else "input"
    assert second[name][: len(first[name])] == first[name]
