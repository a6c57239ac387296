"""An agent with each middleware that langchain has, and with a checkpoint, runs to its end on every endpoint."""

from __future__ import annotations

import gc
import inspect
import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent, middleware
from langchain_core.messages import AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.lc.gateway import Gateway, chat_body
from tests.support.agents import MODEL, QUESTION, bodies, ended, get_weather

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainPendingDeprecationWarning"),
]

ENDPOINTS = {"chat_completions": MODEL, "responses": MODEL, "messages": "anthropic/claude-sonnet-4.5"}

AGENT_MIDDLEWARE = {
    name: each
    for name in middleware.__all__
    if inspect.isclass(each := getattr(middleware, name)) and issubclass(each, middleware.AgentMiddleware)
}
del AGENT_MIDDLEWARE["AgentMiddleware"]


@pytest.fixture(params=ENDPOINTS)
def model(gateway: Emulator, request: pytest.FixtureRequest) -> Iterator[ChatAIMLAPI]:
    settings: dict[str, Any] = {"api_key": "k", "base_url": gateway.base_url, "max_retries": 0}
    chat_model = ChatAIMLAPI(model=ENDPOINTS[request.param], endpoint=request.param, **settings)
    yield chat_model
    chat_model.close()


def deciding(label: str) -> Any:
    """A decision model that always chooses `label`."""
    from langchain_core.decisions import BaseDecisionModel, ChoiceAnswer, ClassifierResponse, NoulAnswer, Question

    def answer(question: Question) -> Any:
        if question.type == "choice":
            return ChoiceAnswer(type="choice", choice=label, probabilities={label: 1.0}, confidence=1.0)
        return NoulAnswer(type="noul", noul=0.0)

    class Decisions(BaseDecisionModel):
        @property
        def _provider(self) -> str:
            return "test"

        def _classify(self, state: Any, questions: dict[str, Question], **_: Any) -> ClassifierResponse:
            answers = {name: answer(question) for name, question in questions.items()}
            return ClassifierResponse(model="test", answers=answers)

    return Decisions(model="test")


Make = Callable[[Any, Any, Path], Any]
MADE: dict[str, Make] = {
    "AutoModeMiddleware": lambda made, model, _: made(tools=["get_weather"], classifier=deciding("allow")),
    "ContextEditingMiddleware": lambda made, model, _: made(token_count_method="model"),
    "FilesystemFileSearchMiddleware": lambda made, model, folder: made(root_path=str(folder), use_ripgrep=False),
    "HumanInTheLoopMiddleware": lambda made, model, _: made(interrupt_on={"another": True}),
    "LLMToolEmulator": lambda made, model, _: made(tools=["get_weather"], model=model),
    "LLMToolSelectorMiddleware": lambda made, model, _: made(model=model, always_include=["get_weather"]),
    "ModelCallLimitMiddleware": lambda made, model, _: made(run_limit=5),
    "ModelFallbackMiddleware": lambda made, model, _: made(model),
    "ModelRefusalMiddleware": lambda made, model, _: made(),
    "ModelRetryMiddleware": lambda made, model, _: made(initial_delay=0),
    "ModelRouterMiddleware": lambda made, model, _: made(
        choices={"only": middleware.ModelChoice(model=model, criteria="Always.")},
        instructions="Choose.",
        classifier=deciding("only"),
    ),
    "PIIMiddleware": lambda made, model, _: made("email", apply_to_output=True, apply_to_tool_results=True),
    "ProviderToolSearchMiddleware": lambda made, model, _: made(),
    "ShellToolMiddleware": lambda made, model, folder: made(workspace_root=str(folder)),
    "SummarizationMiddleware": lambda made, model, _: made(model, trigger=("tokens", 100_000)),
    "TodoListMiddleware": lambda made, model, _: made(),
    "ToolCallLimitMiddleware": lambda made, model, _: made(run_limit=5),
    "ToolErrorMiddleware": lambda made, model, _: made(on_error=lambda *_: None),
    "ToolRetryMiddleware": lambda made, model, _: made(initial_delay=0),
}


def test_table_contains_every_middleware_of_langchain() -> None:
    assert AGENT_MIDDLEWARE.keys() <= MADE.keys()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the shell's leaves its pipes open
@pytest.mark.parametrize("name", AGENT_MIDDLEWARE)
async def test_agent_with_each_middleware_runs_to_its_end(name: str, model: ChatAIMLAPI, tmp_path: Path) -> None:
    agent = create_agent(model, [get_weather], middleware=[MADE[name](AGENT_MIDDLEWARE[name], model, tmp_path)])
    assert ended(agent.invoke(QUESTION)["messages"])
    assert ended((await agent.ainvoke(QUESTION))["messages"])
    streamed = [message async for message, _ in agent.astream(QUESTION, stream_mode="messages")]
    assert any(isinstance(message, AIMessageChunk) for message in streamed)
    del agent
    gc.collect()


@pytest.mark.skipif("ModelRefusalMiddleware" not in AGENT_MIDDLEWARE, reason="langchain has it since 1.5")
@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("streamed", [False, True])
def test_refusal_is_recognized_by_middleware(output_version: str | None, streamed: bool) -> None:
    from langchain_core.exceptions import ModelRefusalError

    gateway = Gateway(chat_body("", refusal="I cannot."))
    model = gateway.model(output_version=output_version, disable_streaming=not streamed)
    agent = create_agent(model, [], middleware=[AGENT_MIDDLEWARE["ModelRefusalMiddleware"]()])
    with pytest.raises(ModelRefusalError, match="I cannot"):
        list(agent.stream(QUESTION, stream_mode="messages"))


# --- checkpoints ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite"])
def checkpointer(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Savers that make nothing but what langgraph holds to be safe, as with LANGGRAPH_STRICT_MSGPACK."""
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    if request.param == "memory":
        yield InMemorySaver(serde=strict)
        return
    with SqliteSaver.from_conn_string(":memory:") as saver:
        saver.serde = strict
        yield saver


def test_agent_with_checkpoint_continues(model: ChatAIMLAPI, gateway: Emulator, checkpointer: Any) -> None:
    agent = create_agent(model, [get_weather], checkpointer=checkpointer)
    thread: Any = {"configurable": {"thread_id": "1"}}
    assert ended(agent.invoke(QUESTION, thread)["messages"])
    agent.invoke({"messages": [HumanMessage("Thanks!")]}, thread)
    assert "Sunny in Paris" in str(bodies(gateway)[-1])


class Conversation(TypedDict):
    messages: Annotated[list[Any], operator.add]  # langgraph's own reducer makes whole messages of chunks


@pytest.mark.parametrize("output_version", [None, "v1"])
def test_graph_with_merged_chunks_continues_from_its_checkpoint(
    model: ChatAIMLAPI, gateway: Emulator, checkpointer: Any, output_version: str | None
) -> None:
    model = model.model_copy(update={"output_version": output_version})
    bound = model.bind_tools([get_weather])

    def talk(state: Conversation) -> Any:
        first, *rest = bound.stream(state["messages"])
        return {"messages": [first + rest]}

    graph: Any = StateGraph(Conversation).add_node(talk).add_edge(START, "talk").add_edge("talk", END)
    runnable, thread = graph.compile(checkpointer=checkpointer), {"configurable": {"thread_id": "1"}}
    runnable.invoke({"messages": [HumanMessage("My name is Ada.")]}, thread)
    messages = runnable.invoke({"messages": [HumanMessage("What is my name?")]}, thread)["messages"]
    assert [message.type for message in messages] == ["human", "AIMessageChunk"] * 2
    assert "My name is Ada." in str(bodies(gateway)[-1])
