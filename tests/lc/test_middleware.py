"""LangChain's agent middleware finds in `ChatAIMLAPI` what it needs: profile, token counts, error classes, schemas."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    LLMToolEmulator,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.langchain.errors import ModelAuthenticationError, ModelError
from tests.lc.gateway import Gateway, chat_body
from tests.support.agents import MODEL, QUESTION, add, bodies, ended, get_weather, retries_by_error

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainPendingDeprecationWarning"),
]


def long_history(turns: int = 10) -> list[AnyMessage]:
    content_text = "The quick brown fox jumps over the lazy dog. " * 20
    return [
        message
        for turn in range(turns)
        for message in (HumanMessage(f"{turn}: {content_text}"), AIMessage(content_text))
    ]


def small(model: ChatAIMLAPI, tokens: int) -> ChatAIMLAPI:
    """The same model, as if its context were of so many tokens."""
    assert model.profile
    return model.model_copy(update={"profile": {**model.profile, "max_input_tokens": tokens}})


# --- summaries --------------------------------------------------------------------------------------------------------


async def test_summary_at_the_fraction_of_the_context_is_made(model: ChatAIMLAPI):
    model = small(model, 4000)
    middleware: Any = SummarizationMiddleware(model, trigger=("fraction", 0.5), keep=("fraction", 0.1))
    agent = create_agent(model, [get_weather], middleware=[middleware])
    requested = {"messages": [*long_history(), *QUESTION["messages"]]}
    for result in (agent.invoke(requested), await agent.ainvoke(requested)):
        assert len(result["messages"]) < 10
        assert "summary" in result["messages"][0].text
        assert "Sunny in Paris" in result["messages"][-1].text


def test_summary_below_the_fraction_is_not_made(model: ChatAIMLAPI, gateway: Emulator):
    middleware: Any = SummarizationMiddleware(model, trigger=("fraction", 0.5), keep=("messages", 2))
    assert ended(create_agent(model, [get_weather], middleware=[middleware]).invoke(QUESTION)["messages"])
    assert len(bodies(gateway)) == 2


def test_summary_at_reported_tokens_is_made():
    """Reported tokens count only if the message and the model name the same provider."""
    gateway = Gateway(chat_body("Fine", finish="stop"))
    model = small(gateway.model(), 20)
    middleware: Any = SummarizationMiddleware(model, trigger=("fraction", 0.6), keep=("messages", 1))
    first = model.invoke("Hi")
    assert first.usage_metadata
    assert first.usage_metadata["total_tokens"] == 15
    agent = create_agent(model, [], middleware=[middleware])
    result = agent.invoke({"messages": [HumanMessage("Hi"), first, HumanMessage("Ho")]})
    assert "summary" in result["messages"][0].text


# --- retries and fallbacks --------------------------------------------------------------------------------------------


@retries_by_error
def test_permanent_error_falls_back_without_a_retry():
    failing = Gateway({"message": "x"}, status=401)
    fallback = Gateway(chat_body("Saved"))
    retry: Any = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")
    falling_back: Any = ModelFallbackMiddleware(fallback.model())
    agent = create_agent(failing.model(), [], middleware=[falling_back, retry])
    assert agent.invoke(QUESTION)["messages"][-1].text == "Saved"
    assert len(failing.bodies) == 1, "an error that will not pass was tried again"


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
async def test_fallback_to_another_vendor_answers(gateway: Emulator, responses: bool):
    reported: dict[str, Any] = {"api_key": "k", "base_url": gateway.base_url, "max_retries": 0}
    first = ChatAIMLAPI(model=f"{MODEL}#fault=status-503", use_responses_api=responses, **reported)
    second = ChatAIMLAPI(model="anthropic/claude-sonnet-4.5", **reported)
    agent = create_agent(first, [get_weather], middleware=[ModelFallbackMiddleware(second)])
    for result in (agent.invoke(QUESTION), await agent.ainvoke(QUESTION)):
        assert ended(result["messages"])
    assert {body["model"].partition("#")[0] for body in bodies(gateway)} == {MODEL, "anthropic/claude-sonnet-4.5"}
    await first.aclose()
    await second.aclose()


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_transient_error_is_retried_by_middleware(gateway: Emulator, status: int):
    reported: dict[str, Any] = {"api_key": "k", "base_url": gateway.base_url, "max_retries": 0}
    model = ChatAIMLAPI(model=f"{MODEL}#fault=status-{status};times=2", **reported)
    retry: Any = ModelRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="error")
    result = await create_agent(model, [], middleware=[retry]).ainvoke(QUESTION)
    assert "[emulated]" in result["messages"][-1].text
    assert len(bodies(gateway)) == 3
    await model.aclose()


@retries_by_error
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_permanent_error_is_not_retried_by_middleware(gateway: Emulator, status: int):
    model = ChatAIMLAPI(model=f"{MODEL}#fault=status-{status}", api_key="k", base_url=gateway.base_url)
    retry: Any = ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="continue")
    with pytest.raises(ModelError):
        create_agent(model, [], middleware=[retry]).invoke(QUESTION)
    assert len(bodies(gateway)) == 1
    model.close()


def test_errors_of_an_agent_are_core_errors():
    with pytest.raises(ModelAuthenticationError):
        create_agent(Gateway({"message": "x"}, status=401).model(), []).invoke(QUESTION)


# --- requests ---------------------------------------------------------------------------------------------------------


def names(body: dict[str, Any]) -> list[str]:
    return [tool.get("function", tool)["name"] for tool in body.get("tools", [])]


async def test_tool_selector_middleware_selects_tools(model: ChatAIMLAPI, gateway: Emulator):
    selector: Any = LLMToolSelectorMiddleware(max_tools=1, always_include=["add"])
    agent = create_agent(model, [get_weather, search_books, add], middleware=[selector])
    for result in (agent.invoke(QUESTION), await agent.ainvoke(QUESTION)):
        assert isinstance(result["messages"][-1], AIMessage)
    offered = [names(body) for body in bodies(gateway) if names(body)]
    assert offered
    assert all(len(tools) == 2 and "add" in tools for tools in offered)


def search_books(title: str) -> str:
    """Searches the library."""
    return f"{title}: on the shelf."


@pytest.mark.parametrize("method", ["approximate", "model"])
def test_context_editing_clears_old_tool_results(model: ChatAIMLAPI, gateway: Emulator, method: Any):
    call = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_1", "type": "tool_call"}
    old = [HumanMessage("Oslo?"), AIMessage("", tool_calls=[call]), ToolMessage("Rain. " * 200, tool_call_id="call_1")]
    edit = ClearToolUsesEdit(trigger=100, keep=0, placeholder="[cleared]")
    editing: Any = ContextEditingMiddleware(edits=[edit], token_count_method=method)
    agent = create_agent(model, [get_weather], middleware=[editing])
    agent.invoke({"messages": [*old, *QUESTION["messages"]]})
    sent = str(bodies(gateway)[0])
    assert "[cleared]" in sent
    assert "Rain." not in sent


def test_call_limit_ends_the_run(model: ChatAIMLAPI, gateway: Emulator):
    limit: Any = ModelCallLimitMiddleware(run_limit=1, exit_behavior="end")
    create_agent(model, [get_weather], middleware=[limit]).invoke(QUESTION)
    assert len(bodies(gateway)) == 1


# --- what tools do ----------------------------------------------------------------------------------------------------


async def test_failing_tool_is_retried(model: ChatAIMLAPI):
    failures = ["first", "second"]

    def get_tide(city: str) -> str:
        """The tide in a city."""
        if failures:
            raise ConnectionError(failures.pop())
        return f"High in {city}."

    retry: Any = ToolRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)
    requested = {"messages": [HumanMessage("What is the tide in Porto?")]}
    result = await create_agent(model, [get_tide], middleware=[retry]).ainvoke(requested)
    assert "High in Porto" in result["messages"][-1].text


async def test_tool_emulator_answers_for_a_tool(model: ChatAIMLAPI):
    emulating: Any = LLMToolEmulator(tools=["get_weather"], model=model)
    result = await create_agent(model, [get_weather], middleware=[emulating]).ainvoke(QUESTION)
    [played] = [message for message in result["messages"] if isinstance(message, ToolMessage)]
    assert played.text.startswith("[emulated]")


def test_todo_list_middleware_runs_to_its_end(model: ChatAIMLAPI, gateway: Emulator):
    agent = create_agent(model, [get_weather], middleware=[TodoListMiddleware()])
    assert ended(agent.invoke(QUESTION)["messages"])
    assert set(names(bodies(gateway)[0])) == {"get_weather", "write_todos"}


def test_human_in_the_loop_approves_a_call(model: ChatAIMLAPI):
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    approval: Any = HumanInTheLoopMiddleware(interrupt_on={"get_weather": True})
    agent = create_agent(model, [get_weather], middleware=[approval], checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    assert "__interrupt__" in agent.invoke(QUESTION, thread)
    result = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), thread)
    assert "Sunny in Paris" in result["messages"][-1].text
