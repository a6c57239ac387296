"""Tool names that not every model accepts: mapped one to one in requests, and back in replies."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any, Generic, TypeVar

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations.endpoints.shared.identifiers import map_names, rename_tools
from aimlapi_integrations.llama_index.request import to_tool
from aimlapi_integrations.types import Request, Tool
from tests.parity.sending import (
    chat_model,
    every_client,
    every_driver,
    every_endpoint,
    function,
    ignore_framework_warnings,
    llama_index_llm,
    mode_of,
    send_turns,
)
from tests.support.tool_gateway import Call, Json, ToolGateway, calls_of, history, results_of, tool_names

LONG = "mcp__environment_agency_of_the_city_of_paris_production__measurements_of_"
NAMES = [
    "jobs.start",
    "jobs_start",
    "jobs start",
    "mcp/files:read",
    "поиск",
    "письмо",
    "🔥",
    "_private_",
    "café",
    "2fa",
    "Box[int]",
    "Box(int)",
    LONG + "air",
    LONG + "rain",
    "x" * 100,
    "jobs_start_a4f0d4a0",
]
VALID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


# --- the mapping ------------------------------------------------------------------------------------------------------


def test_names_map_one_to_one_in_any_order() -> None:
    mapped = map_names(NAMES)
    names = [mapped.get(name, name) for name in NAMES]
    assert all(VALID.fullmatch(name) for name in names)
    assert len(set(names)) == len(NAMES)
    assert {name for name in NAMES if name not in mapped} == {"jobs_start", "_private_", "jobs_start_a4f0d4a0"}
    assert mapped == map_names(reversed(NAMES)) == map_names(NAMES * 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jobs.start", "jobs_start"),
        ("mcp/files:read", "mcp_files_read"),
        ("Box[int]", "Box_int"),
        ("café au lait", "cafe_au_lait"),
        ("2fa", "_2fa"),
        ("a\n", "a"),
    ],
)
def test_single_name_stays_readable(name: str, expected: str) -> None:
    assert map_names([name, "other"]) == {name: expected}


def test_name_equal_to_a_mapped_name_stays_distinct() -> None:
    names = ["a.b", "a_b"]
    for _ in range(3):
        names.append(map_names(names)["a.b"])
    mapped = map_names(names)
    assert set(mapped) == {"a.b"}
    assert mapped["a.b"] not in names


def test_request_with_valid_names_is_returned_as_is() -> None:
    request = Request("gpt-4o", (), tools=(Tool("add"), Tool("_private_")))
    assert rename_tools(request) == (request, {})
    assert rename_tools(request)[0] is request


# --- requests and replies, with every client --------------------------------------------------------------------------


@every_endpoint
@every_client
@every_driver
async def test_tool_of_any_name_is_called_by_its_own_name(endpoint: str, client: str, driver: str) -> None:
    gateway = ToolGateway(lambda body: [Call(name, {"x": at}, f"c{at}") for at, name in enumerate(tool_names(body))])
    tools = [function(name) for name in NAMES]
    calls = await send_turns(mode_of(client, driver, endpoint), gateway, tools=tools)
    assert [(call.name, call.arguments) for call in calls] == [(name, {"x": at}) for at, name in enumerate(NAMES)]
    names = tool_names(gateway.bodies[0])
    assert all(VALID.fullmatch(name) for name in names)
    assert len(set(names)) == len(NAMES)
    results = [(f"ran {call.name}", call.id, call.name) for call in calls]
    await send_turns(mode_of(client, driver, endpoint), gateway, ["Go on.", calls, *results], tools=tools)
    assert [call.name for call in calls_of(gateway.bodies[1])] == names == tool_names(gateway.bodies[1])
    assert {part["name"] for part in history(gateway.bodies[1]) if part.get("role") == "tool"} <= set(names)


@every_endpoint
@every_client
@pytest.mark.parametrize("name", ["jobs.start", "jobs_start", LONG + "rain", "поиск"])
async def test_tool_choice_uses_the_tools_own_name(endpoint: str, client: str, name: str) -> None:
    gateway = ToolGateway(lambda _: "Done.")
    tools = [function(each) for each in NAMES]
    await send_turns(mode_of(client, "plain", endpoint), gateway, tools=tools, tool_choice=name)
    [body] = gateway.bodies
    assert json.dumps(tool_names(body)[NAMES.index(name)]) in json.dumps(body["tool_choice"])


@every_endpoint
async def test_past_calls_of_tools_no_longer_offered_are_renamed(endpoint: str) -> None:
    gateway = ToolGateway(lambda _: "Done.")
    turns: Any = ["Go on.", [Call("a.b", {}, "c1"), Call("a_b", {}, "c2")], ("1", "c1", None), ("2", "c2", None)]
    await send_turns(mode_of("client", "plain", endpoint), gateway, turns)
    first, second = calls_of(gateway.bodies[0])
    assert first.name != second.name == "a_b"
    assert VALID.fullmatch(first.name)


# --- tools and choices as dicts ---------------------------------------------------------------------------------------

SCHEMA: Json = {"type": "object", "properties": {"x": {"type": "integer"}}}
FORMS: dict[str, Json] = {
    "chat completions": {"type": "function", "function": {"name": "jobs.start", "parameters": SCHEMA}},
    "responses": {"type": "function", "name": "jobs.start", "parameters": SCHEMA},
    "a bare function": {"name": "jobs.start", "description": "Starts.", "parameters": SCHEMA},
    "anthropic": {"name": "jobs.start", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}},
    "anthropic, custom": {"type": "custom", "name": "jobs.start", "input_schema": SCHEMA},
    "a schema with a title": {"title": "jobs.start", **SCHEMA},
}


@every_endpoint
@every_client
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_tool_in_any_form_is_called_by_its_own_name(endpoint: str, client: str, form: Json) -> None:
    gateway = ToolGateway(lambda body: [Call(tool_names(body)[0], {"x": 1}, "c1")])
    [call] = await send_turns(mode_of(client, "plain", endpoint), gateway, tools=[form])
    assert (call.name, call.arguments) == ("jobs.start", {"x": 1})
    assert tool_names(gateway.bodies[0]) == ["jobs_start"]
    [tool] = gateway.bodies[0]["tools"]
    inner = tool.get("function") or tool
    assert (inner.get("parameters") or inner["input_schema"])["properties"] == SCHEMA["properties"]


CHOICES: dict[str, tuple[str, Json]] = {
    "chat completions": ("chat_completions", {"type": "function", "function": {"name": "jobs.start"}}),
    "several, chat completions": (
        "chat_completions",
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function("jobs.start")]}},
    ),
    "responses": ("responses", {"type": "function", "name": "jobs.start"}),
    "several, responses": (
        "responses",
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "jobs.start"}]},
    ),
    "messages": ("messages", {"type": "tool", "name": "jobs.start"}),
}


@every_client
@pytest.mark.parametrize(("endpoint", "choice"), CHOICES.values(), ids=CHOICES)
async def test_tool_choice_dict_is_renamed_on_the_wire(endpoint: str, choice: Json, client: str) -> None:
    if client == "client":
        pytest.skip("The plain client takes names and modes.")
    gateway = ToolGateway(lambda _: "Done.")
    await send_turns(mode_of(client, "plain", endpoint), gateway, tools=[function("jobs.start")], tool_choice=choice)
    wire = json.dumps(gateway.bodies[0]["tool_choice"])
    assert '"jobs_start"' in wire
    assert "jobs.start" not in wire


@pytest.mark.filterwarnings("ignore::aimlapi_integrations.ParameterWarning")
def test_custom_tool_is_chosen_and_called_by_its_own_name() -> None:
    gateway = ToolGateway(lambda _: "Done.")
    custom = {"type": "custom", "name": "run.code", "description": "Runs code."}
    model = chat_model(gateway, "responses").bind_tools([custom], tool_choice="run.code")
    model.invoke("Go on.")
    body = gateway.bodies[0]
    assert (body["tools"][0]["name"], body["tool_choice"]) == ("run_code", {"type": "custom", "name": "run_code"})


def test_mcp_tool_names_are_unchanged() -> None:
    item = {"type": "mcp", "server_label": "s", "name": "a.b", "allowed_tools": {"tool_names": ["a.b"]}}
    request, own_names = rename_tools(Request("gpt-4o", (), tools=(to_tool(item), Tool("c.d"))))
    assert (request.tools[0], list(own_names)) == (to_tool(item), ["c_d"])


# --- broken calls, structured output, agents --------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["chat_completions", "responses"])
@pytest.mark.parametrize("streamed", [False, True])
def test_invalid_call_has_its_own_name(endpoint: str, streamed: bool) -> None:
    gateway = ToolGateway(lambda body: [Call(tool_names(body)[0], '{"x": 1', "c1")])
    model = chat_model(gateway, endpoint, streaming=streamed).bind_tools([function("jobs.start")])
    broken = model.invoke("Go on.")
    assert [call["name"] for call in broken.invalid_tool_calls] == ["jobs.start"]
    model.invoke(["Go on.", broken, ToolMessage("It broke off.", tool_call_id="c1")])
    assert '"jobs.start"' not in json.dumps(gateway.bodies[1])
    llm = llama_index_llm(gateway, endpoint)
    response = list(llm.stream_chat([ChatMessage("x")], tools=[function("jobs.start")]))[-1]
    assert response.message.additional_kwargs["invalid_tool_calls"][0]["function"]["name"] == "jobs.start"


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    """A box."""

    held: T


def structured_answer(value: Json) -> Any:
    def answer(body: Json) -> Any:
        return [Call(tool_names(body)[0], value, "c1")] if body.get("tools") else json.dumps(value)

    return answer


@every_endpoint
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_generic_class_output_is_parsed(endpoint: str, method: str) -> None:
    if (endpoint, method) == ("messages", "json_schema"):
        pytest.skip("The messages endpoint has no response format.")
    gateway = ToolGateway(structured_answer({"held": 1}))
    structured = chat_model(gateway, endpoint).with_structured_output(Box[int], method=method)
    assert structured.invoke("q") == Box[int](held=1)
    assert '"Box_int"' in json.dumps(gateway.bodies[0])
    assert llama_index_llm(gateway, endpoint).structured_predict(Box[int], PromptTemplate("q")) == Box[int](held=1)


def runner(name: str, ran: list[str]) -> Any:
    def run(x: int) -> str:
        """It runs."""
        ran.append(f"{name} {x}")
        return ran[-1]

    return run


def calls_in_turn(*places: int) -> Any:
    """Calls the tools at these positions, one in each turn, with the same id, then replies with text."""
    waiting = list(places)

    def answer(body: Json) -> Any:
        return [Call(tool_names(body)[waiting.pop(0)], {"x": len(waiting)}, "same")] if waiting else "Done."

    return answer


AGENT_NAMES = ["jobs.start", "jobs_start", LONG + "air", LONG + "rain", "поиск"]


@every_endpoint
@pytest.mark.parametrize("streamed", [False, True])
async def test_langchain_agent_runs_the_called_tool(endpoint: str, streamed: bool) -> None:
    ran: list[str] = []
    gateway = ToolGateway(calls_in_turn(0, 1, 2, 3, 4))
    tools = [StructuredTool.from_function(runner(name, ran), name=name, description="Runs.") for name in AGENT_NAMES]
    agent = create_agent(chat_model(gateway, endpoint, streaming=streamed), tools)
    state = await agent.ainvoke({"messages": [{"role": "user", "content": "Go on."}]})
    assert ran == [f"{name} {4 - at}" for at, name in enumerate(AGENT_NAMES)]
    assert [message.content for message in state["messages"] if message.type == "tool"] == ran
    assert_answered(gateway.bodies[-1], ran)


def assert_answered(body: Json, results: list[str]) -> None:
    """Assert that each call in the history has a unique id and its own result."""
    ids = [call.id for call in calls_of(body)]
    assert len(set(ids)) == len(ids) == len(results)
    assert list(zip(ids, results, strict=True)) == results_of(body)


@ignore_framework_warnings
@every_endpoint
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("workflow", [False, True])
async def test_llama_index_agent_runs_the_called_tool(endpoint: str, streaming: bool, workflow: bool) -> None:
    ran: list[str] = []
    gateway = ToolGateway(calls_in_turn(0, 1, 2, 3, 4))
    tools: Any = [FunctionTool.from_defaults(runner(name, ran), name=name) for name in AGENT_NAMES]
    agent: Any = FunctionAgent(
        name="agent", description="Runs.", tools=tools, llm=llama_index_llm(gateway, endpoint), streaming=streaming
    )
    await (AgentWorkflow(agents=[agent]) if workflow else agent).run("Go on.")
    assert ran == [f"{name} {4 - at}" for at, name in enumerate(AGENT_NAMES)]
    assert_answered(gateway.bodies[-1], ran)


def test_all_pairs_of_names_map_one_to_one() -> None:
    for pair in itertools.combinations(NAMES, 2):
        mapped = map_names(pair)
        assert mapped.get(pair[0], pair[0]) != mapped.get(pair[1], pair[1])
