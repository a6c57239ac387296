"""Several agents at work: langgraph-supervisor, langgraph-swarm and deepagents. `make programs` runs this."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("langgraph_supervisor", reason="the extra `programs-test` is not installed")
pytest.importorskip("langgraph_swarm", reason="the extra `programs-test` is not installed")
pytest.importorskip("deepagents", reason="the extra `programs-test` is not installed")

from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph_supervisor import create_handoff_tool as supervisor_handoff
from langgraph_supervisor import create_supervisor
from langgraph_supervisor.handoff import create_forward_message_tool
from langgraph_swarm import create_handoff_tool, create_swarm

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.programs.scripted import Call, tool_names, tool_results
from tests.support.agents import add, get_weather

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::langchain_core._api.deprecation.LangChainPendingDeprecationWarning",
)

THREAD: Any = {"configurable": {"thread_id": "1"}}


def ask(text: str) -> dict[str, Any]:
    return {"messages": [("user", text)]}


def steps(messages: list[Any]) -> list[tuple[str | None, str]]:
    """Who called which tool, in order."""
    return [
        (message.name, call["name"])
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    ]


# --- langgraph-supervisor ---------------------------------------------------------------------------------------------


def supervisor(model: ChatAIMLAPI, **options: Any) -> Any:
    workers = [
        create_agent(model, [get_weather], name="meteorologist"),
        create_agent(model, [add], name="accountant"),
    ]
    return create_supervisor(workers, model=model, prompt="You manage two experts.", **options).compile()


async def test_supervisor_hands_over_and_gets_the_experts_answer(run: Any, model: ChatAIMLAPI) -> None:
    team = supervisor(model, output_mode="full_history")
    state = await run(team, "invoke", ask("Ask the meteorologist: what is the weather in Oslo?"))
    assert steps(state["messages"]) == [
        ("supervisor", "transfer_to_meteorologist"),
        ("meteorologist", "get_weather"),
        ("meteorologist", "transfer_back_to_supervisor"),
    ]
    assert "get_weather: Sunny in Oslo." in state["messages"][-1].text
    assert state["messages"][-1].name == "supervisor"


async def test_supervisor_with_names_in_the_text_reads_them_off_again(run: Any, endpoint: Any, scripted: Any) -> None:
    gateway = scripted(
        [
            Call("transfer_to_meteorologist", {}),
            "<name>meteorologist</name><content>Sunny.</content>",
            "<name>supervisor</name><content>It is sunny.</content>",
        ]
    )
    team = supervisor(ChatAIMLAPI(base_url=gateway.base_url, **endpoint), include_agent_name="inline")
    state = await run(team, "invoke", ask("How is the weather?"))
    assert state["messages"][-1].text == "It is sunny."
    assert "<name>meteorologist</name><content>" in gateway.texts[-1]
    assert tool_results(gateway.bodies[-1])[-1] == "Successfully transferred back to supervisor"


async def test_expert_sees_only_the_hand_off_that_was_meant_for_it(run: Any, endpoint: Any, scripted: Any) -> None:
    """Of two hand-offs at once the supervisor carries out either, and takes the other's call out of the message."""
    both: list[Any] = [Call("transfer_to_meteorologist", {}), Call("transfer_to_accountant", {})]
    gateway = scripted([both, "Sunny in Oslo.", "It is sunny."])
    team = supervisor(ChatAIMLAPI(base_url=gateway.base_url, **endpoint), parallel_tool_calls=True)
    state = await run(team, "invoke", ask("The weather in Oslo, and 2 and 3?"))
    _, expert, last = gateway.bodies
    [result] = tool_results(expert)
    [other] = {"meteorologist", "accountant"} - {result.removeprefix("Successfully transferred to ")}
    assert f"transfer_to_{other}" not in gateway.texts[1]
    assert "Sunny in Oslo." in str(last)
    assert state["messages"][-1].text == "It is sunny."


async def test_supervisor_forwards_an_experts_message_unchanged(run: Any, endpoint: Any, scripted: Any) -> None:
    gateway = scripted(
        [
            Call("ask_the_meteorologist", {}),
            "Sunny, 21 degrees.",
            Call("forward_message", {"from_agent": "meteorologist"}),
        ]
    )
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    team = create_supervisor(
        [create_agent(model, [get_weather], name="meteorologist")],
        model=model,
        tools=[
            supervisor_handoff(agent_name="meteorologist", name="ask_the_meteorologist"),
            create_forward_message_tool(),
        ],
    ).compile()
    state = await run(team, "invoke", ask("How is the weather?"))
    assert (state["messages"][-1].name, state["messages"][-1].text) == ("supervisor", "Sunny, 21 degrees.")


# --- langgraph-swarm --------------------------------------------------------------------------------------------------


def swarm(first: ChatAIMLAPI, second: ChatAIMLAPI) -> Any:
    adder = create_agent(first, [add, create_handoff_tool(agent_name="forecaster")], name="adder")
    forecaster = create_agent(second, [get_weather, create_handoff_tool(agent_name="adder")], name="forecaster")
    return create_swarm([adder, forecaster], default_active_agent="adder").compile(checkpointer=InMemorySaver())


async def test_swarm_hands_over_to_the_agent_that_has_the_tool(run: Any, model: ChatAIMLAPI) -> None:
    state = await run(swarm(model, model), "invoke", ask("Ask the forecaster: what is the weather in Oslo?"), THREAD)
    assert steps(state["messages"]) == [("adder", "transfer_to_forecaster"), ("forecaster", "get_weather")]
    assert (state["active_agent"], state["messages"][-1].name) == ("forecaster", "forecaster")
    assert "get_weather: Sunny in Oslo." in state["messages"][-1].text


async def test_swarm_stays_with_the_agent_until_it_hands_back(run: Any, model: ChatAIMLAPI) -> None:
    team = swarm(model, model)
    await run(team, "invoke", ask("Ask the forecaster: what is the weather in Oslo?"), THREAD)
    second = await run(team, "invoke", ask("And the weather in Rome?"), THREAD)
    assert steps(second["messages"])[2:] == [("forecaster", "get_weather")]
    third = await run(team, "invoke", ask("To the adder: add 2 and 3."), THREAD)
    assert steps(third["messages"])[3:] == [("forecaster", "transfer_to_adder"), ("adder", "add")]
    assert "add: 5" in third["messages"][-1].text


@pytest.mark.parametrize("first", ["gpt-4o", "google/gemini-2.5-pro", "anthropic/claude-sonnet-4.5"])
async def test_swarm_hands_over_between_vendors(run: Any, model: ChatAIMLAPI, gateway: Emulator, first: str) -> None:
    other = ChatAIMLAPI(model=first, api_key="k", base_url=gateway.base_url, max_retries=0)
    team = swarm(other, model)
    state = await run(team, "invoke", ask("Ask the forecaster: what is the weather in Oslo?"), THREAD)
    assert "get_weather: Sunny in Oslo." in state["messages"][-1].text
    state = await run(team, "invoke", ask("To the adder: add 2 and 3."), THREAD)
    assert "add: 5" in state["messages"][-1].text


async def test_swarm_streams_the_second_agents_text(model: ChatAIMLAPI) -> None:
    team = swarm(model, model)
    question = ask("Ask the forecaster: what is the weather in Oslo?")
    said = [
        (metadata["langgraph_node"], chunk.text)
        async for _, (chunk, metadata) in team.astream(question, THREAD, stream_mode="messages", subgraphs=True)
        if not isinstance(chunk, ToolMessage)
    ]
    assert len([text for _, text in said if text]) > 3
    assert "".join(text for _, text in said).endswith("get_weather: Sunny in Oslo.")


# --- deepagents -------------------------------------------------------------------------------------------------------


def deep_agent(model: ChatAIMLAPI, **options: Any) -> Any:
    accountant: Any = {
        "name": "accountant",
        "description": "Adds numbers.",
        "system_prompt": "You add numbers.",
        "tools": [add],
        "model": model,
    }
    return create_deep_agent(model=model, tools=[get_weather], subagents=[accountant], **options)


async def test_deep_agent_calls_the_users_tool_among_its_own(run: Any, model: ChatAIMLAPI) -> None:
    state = await run(deep_agent(model), "invoke", ask("What is the weather in Oslo?"))
    assert state["messages"][-1].text == "[emulated] Based on get_weather: Sunny in Oslo."


async def test_deep_agent_writes_a_file(run: Any, model: ChatAIMLAPI) -> None:
    question = ask("write_file with file_path '/notes.txt' and content 'milk'")
    state = await run(deep_agent(model), "invoke", question)
    assert state["files"]["/notes.txt"]["content"] == "milk"


async def test_deep_agent_gives_a_task_to_a_subagent_and_gets_its_answer(run: Any, model: ChatAIMLAPI) -> None:
    question = ask("task: description 'add 2 and 3', subagent_type 'accountant'")
    state = await run(deep_agent(model), "invoke", question)
    [result] = [message for message in state["messages"] if isinstance(message, ToolMessage)]
    assert (result.name, result.text) == ("task", "[emulated] Based on add: 5")


async def test_deep_agent_edits_files_and_runs_tasks_side_by_side(run: Any, endpoint: Any, scripted: Any) -> None:
    turns = iter(
        [
            Call("write_file", {"file_path": "/a.txt", "content": 'He said "21 °C"\n\tand left.'}),
            Call("edit_file", {"file_path": "/a.txt", "old_string": "21", "new_string": "22"}),
            Call("read_file", {"file_path": "/a.txt"}),
            [
                Call("task", {"description": "add 2 and 3", "subagent_type": "accountant"}),
                Call("task", {"description": "add 4 and 5", "subagent_type": "accountant"}),
            ],
            "Done.",
        ]
    )

    def script(body: Any) -> Any:
        if "task" in tool_names(body):
            return next(turns)
        return "It is 9." if "add 4 and 5" in str(body) else "It is 5."

    gateway = scripted(script)
    agent = deep_agent(ChatAIMLAPI(base_url=gateway.base_url, **endpoint))
    state = await run(agent, "invoke", ask("Measure and write it down."))
    assert state["files"]["/a.txt"]["content"] == 'He said "22 °C"\n\tand left.'
    results = tool_results(gateway.bodies[-1])
    assert 'He said "22 °C"' in results[2]
    assert results[3:] == ["It is 5.", "It is 9."]
    assert state["messages"][-1].text == "Done."


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def test_deep_agent_shows_the_model_a_picture_that_it_read(run: Any, endpoint: Any, scripted: Any) -> None:
    gateway = scripted([Call("read_file", {"file_path": "/dot.png"}), "A dot."])
    agent = deep_agent(ChatAIMLAPI(base_url=gateway.base_url, **endpoint))
    stamp = "2026-01-01T00:00:00+00:00"
    file = {"content": PNG, "encoding": "base64", "created_at": stamp, "modified_at": stamp}
    state = await run(agent, "invoke", {**ask("What does it show?"), "files": {"/dot.png": file}})
    assert state["messages"][-1].text == "A dot."
    assert PNG in gateway.texts[-1]


async def test_deep_agent_streamed_gives_the_same_answer(model: ChatAIMLAPI) -> None:
    agent = deep_agent(model, checkpointer=InMemorySaver())
    question = ask("What is the weather in Oslo?")
    texts = [chunk.text async for chunk, _ in agent.astream(question, THREAD, stream_mode="messages")]
    assert len(texts) > 3
    assert "".join(texts).endswith("[emulated] Based on get_weather: Sunny in Oslo.")
    again = await agent.ainvoke(ask("And the weather in Rome?"), THREAD)
    assert again["messages"][-1].text == "[emulated] Based on get_weather: Sunny in Rome."
