"""Calls whose arguments are not a JSON object: the tool is not run, and the answer is not empty."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations.errors import IncompleteOutputError, InvalidToolCallError, OutputError
from tests.li.conftest import Runner
from tests.li.tool_calls import MODELS, Replies, call_reply, calls_sent, results_sent, text_reply

pytestmark = [
    # core leaves event loops open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

MALFORMED = ["{'city': 'Paris'}", '{"city": "Par', '["Paris"]', '"Paris"', "Paris", '{"city": "Paris",}']
ANYWHERE = pytest.mark.parametrize("endpoint", MODELS)
EITHER_WAY = pytest.mark.parametrize("streaming", [False, True])


class City(BaseModel):
    """A city; it has a default, so that no arguments would make one."""

    city: str = "nowhere"


@pytest.fixture
def runs() -> list[str]:
    return []


@pytest.fixture
def tool(runs: list[str]) -> FunctionTool:
    def get_weather(city: str = "nowhere") -> str:
        """The weather in a city."""
        runs.append(city)
        return f"Sunny in {city}"

    return FunctionTool.from_defaults(get_weather)


@pytest.fixture
def anything(runs: list[str]) -> FunctionTool:
    """A tool that takes whatever it is given, as those of remote servers do."""

    def get_weather(**kwargs: Any) -> str:
        runs.append(str(kwargs))
        return "Sunny"

    return FunctionTool.from_defaults(get_weather, name="get_weather", description="Weather.", fn_schema=City)


def agents(tool: FunctionTool, llm: Any, streaming: bool) -> Iterator[Any]:
    agent = FunctionAgent(name="A", description="An agent.", tools=[tool], llm=llm, streaming=streaming)
    yield agent
    yield AgentWorkflow(agents=[agent])


@ANYWHERE
@EITHER_WAY
@pytest.mark.parametrize("arguments", MALFORMED)
async def test_agent_with_malformed_arguments_reports_the_error_to_the_model(
    endpoint: str, streaming: bool, arguments: str, tool: FunctionTool, runs: list[str]
) -> None:
    complete = json.dumps({"city": "Porto"})
    for place in range(2):
        gateway = Replies(call_reply(endpoint, arguments), call_reply(endpoint, complete), text_reply(endpoint))
        agent = list(agents(tool, gateway.on(endpoint), streaming))[place]
        assert str(await agent.run("Weather?")) == "Done."
        [(broken, explained), (_, sunny)] = results_sent(gateway)
        assert broken == calls_sent(gateway)[0][0]
        assert "not a JSON object" in explained
        assert arguments in explained
        assert sunny == "Sunny in Porto"
    assert runs == ["Porto", "Porto"]


@ANYWHERE
async def test_agent_with_tool_that_takes_anything_malformed_arguments_do_not_run_it(
    endpoint: str, anything: FunctionTool, runs: list[str]
) -> None:
    gateway = Replies(call_reply(endpoint, "{'city': 'Paris'}"), text_reply(endpoint))
    await FunctionAgent(tools=[anything], llm=gateway.on(endpoint)).run("Weather?")
    assert runs == []


@ANYWHERE
async def test_agent_history_restored_from_json_explains_the_error(endpoint: str, tool: FunctionTool) -> None:
    gateway = Replies(call_reply(endpoint, "Paris"), text_reply(endpoint))
    agent = FunctionAgent(tools=[tool], llm=gateway.on(endpoint))
    memory = ChatMemoryBuffer.from_defaults(token_limit=100_000)
    await agent.run("Weather?", memory=memory)
    first = (calls_sent(gateway), results_sent(gateway))
    written = [message.model_dump_json() for message in memory.get_all()]
    restored = ChatMemoryBuffer.from_defaults(
        [ChatMessage.model_validate_json(each) for each in written], token_limit=100_000
    )
    await agent.run("And now?", memory=restored)
    assert (calls_sent(gateway), results_sent(gateway)) == first
    assert len(first[0]) == len(first[1]) == 1


@ANYWHERE
@EITHER_WAY
async def test_agent_with_incomplete_arguments_raises(
    endpoint: str, streaming: bool, tool: FunctionTool, runs: list[str]
) -> None:
    gateway = Replies(call_reply(endpoint, '{"city": "Par', cut=True))
    with pytest.raises(IncompleteOutputError, match=r"'get_weather' with .*\"Par: .*'length'") as caught:
        await FunctionAgent(tools=[tool], llm=gateway.on(endpoint), streaming=streaming).run("Weather?")
    assert caught.value.finish_reason == "length"
    assert runs == []


def predict_and_call(llm: Any, run: Runner, tool: FunctionTool) -> Any:
    return run(llm, "predict_and_call", [tool], user_msg="x")


def predict_and_call_without_need(llm: Any, run: Runner, tool: FunctionTool) -> Any:
    return run(llm, "predict_and_call", [tool], user_msg="x", error_on_no_tool_call=False)


def structured_predict(llm: Any, run: Runner, _: FunctionTool) -> Any:
    by_tool = llm.model_copy(update={"should_use_structured_outputs": False})
    return run(by_tool, "structured_predict", City, PromptTemplate("x"))


def stream_structured_predict(llm: Any, run: Runner, _: FunctionTool) -> Any:
    by_tool = llm.model_copy(update={"should_use_structured_outputs": False})
    return run.listed(run(by_tool, "stream_structured_predict", City, PromptTemplate("x")))


def program(llm: Any, run: Runner, _: FunctionTool) -> Any:
    made = FunctionCallingProgram.from_defaults(City, prompt_template_str="x", llm=llm)
    return made() if run.name == "sync" else run.loop.run_until_complete(made.acall())


def stream_program(llm: Any, run: Runner, _: FunctionTool) -> Any:
    return run.listed(run(FunctionCallingProgram.from_defaults(City, prompt_template_str="x", llm=llm), "stream_call"))


CALLERS = [
    predict_and_call,
    predict_and_call_without_need,
    structured_predict,
    stream_structured_predict,
    program,
    stream_program,
]


@ANYWHERE
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("cut", [False, True])
def test_program_with_invalid_arguments_raises(
    endpoint: str, caller: Any, cut: bool, run: Runner, tool: FunctionTool, runs: list[str]
) -> None:
    name = "get_weather" if caller in CALLERS[:2] else "City"
    llm = Replies(call_reply(endpoint, '{"city": "Par', name, cut)).on(endpoint)
    with pytest.raises(IncompleteOutputError if cut else InvalidToolCallError) as caught:
        caller(llm, run, tool)
    assert isinstance(caught.value, OutputError)
    assert runs == []


@ANYWHERE
@EITHER_WAY
@pytest.mark.parametrize(
    ("arguments", "read"),
    [
        ('{"city": "Par\nis"}', "Par\nis"),
        ('{"city": "Par\tis \\"x\\""}', 'Par\tis "x"'),
        (json.dumps('{"city": "Paris"}'), "Paris"),
        (json.dumps('{"city": "Par\nis"}'), "Par\nis"),
    ],
)
async def test_arguments_with_one_possible_reading_are_read_and_sent_back_as_json(
    endpoint: str, streaming: bool, arguments: str, read: str, tool: FunctionTool, runs: list[str]
) -> None:
    gateway = Replies(call_reply(endpoint, arguments), text_reply(endpoint))
    await FunctionAgent(tools=[tool], llm=gateway.on(endpoint), streaming=streaming).run("Weather?")
    assert runs == [read]
    assert calls_sent(gateway) == [("call_1", "get_weather", {"city": read})]


@ANYWHERE
def test_result_of_an_invalid_call_by_the_caller_is_sent_unchanged(endpoint: str) -> None:
    gateway = Replies(call_reply(endpoint, "Paris"), text_reply(endpoint))
    llm = gateway.on(endpoint)
    message = llm.chat([ChatMessage("Weather?")]).message
    result = ChatMessage("Say it in JSON.", role="tool", additional_kwargs={"tool_call_id": "call_1"})
    llm.chat([ChatMessage("Weather?"), message, result])
    assert results_sent(gateway) == [("call_1", "Say it in JSON.")]
    assert [call[0] for call in calls_sent(gateway)] == ["call_1"]
    llm.chat([ChatMessage("Weather?"), message, ChatMessage("Never mind.")])
    assert calls_sent(gateway) == []


@pytest.mark.parametrize("arguments", ["[1]", "x", '{"a": '])
def test_blocks_made_by_others_with_invalid_arguments_select_no_tool(arguments: str) -> None:
    llm = Replies(text_reply("chat_completions")).on("chat_completions")
    blocks: Any = [ToolCallBlock(tool_name="f", tool_kwargs=arguments), ToolCallBlock(tool_name="g", tool_kwargs="{}")]
    odd = ChatResponse(message=ChatMessage(role="assistant", blocks=blocks))
    valid, invalid = llm.get_tool_calls_from_response(odd, error_on_no_tool_call=False)
    assert (valid.tool_name, valid.tool_kwargs) == ("g", {})
    assert invalid.tool_name != "f"
    assert invalid.tool_kwargs == {"invalid_arguments": arguments}
    with pytest.raises(InvalidToolCallError) as caught:
        llm.get_tool_calls_from_response(odd)
    assert caught.value.arguments == arguments


def test_agents_with_an_event_loop_each_run_one_after_another() -> None:
    """An error that leaves a stream does not spoil the loop for what comes after it."""
    gateway = Replies(call_reply("chat_completions", "{", cut=True), text_reply("chat_completions"))
    llm = gateway.on("chat_completions")

    async def both() -> str:
        with pytest.raises(IncompleteOutputError):
            await FunctionAgent(tools=[], llm=llm).run("x")
        return str(await FunctionAgent(tools=[], llm=llm).run("x"))

    assert asyncio.run(both()) == "Done."
