"""The cost of a call in what LangSmith's tracer and Langfuse's callback handler send."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableLambda
from langsmith import Client as LangSmithClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aimlapi_integrations import tracing
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.langchain import costs as langchain_costs

MINI = "openai/gpt-5-mini-2025-08-07"


@pytest.fixture
def chat(gateway: Emulator) -> Iterator[ChatAIMLAPI]:
    with ChatAIMLAPI(model=MINI, api_key="key", base_url=gateway.base_url) as model:
        yield model


def _joined(chunks: list[Any]) -> Any:
    return sum(chunks[1:], chunks[0])


async def _call(chat: ChatAIMLAPI, mode: str, config: Any = None) -> Any:
    match mode:
        case "invoke":
            return chat.invoke("Name a river.", config)
        case "stream":
            return _joined(list(chat.stream("Name a river.", config)))
        case "ainvoke":
            return await chat.ainvoke("Name a river.", config)
        case "astream":
            return _joined([chunk async for chunk in chat.astream("Name a river.", config)])
        case "n":
            return chat.invoke("Name a river.", config, n=2)
        case "responses":
            return chat.model_copy(update={"use_responses_api": True}).invoke("Name a river.", config)
        case "chain":
            return (chat | RunnableLambda(lambda message: message)).invoke("Name a river.", config)
    raise AssertionError(mode)


modes = pytest.mark.parametrize("mode", ["invoke", "stream", "ainvoke", "astream", "n", "responses", "chain"])


# --- LangSmith -------------------------------------------------------------------------------------------------------


class LangSmithServer(ThreadingHTTPServer):
    """Records the runs that a LangSmith client sends."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        super().__init__(("127.0.0.1", 0), _LangSmithHandler)

    @property
    def llm_runs(self) -> list[dict[str, Any]]:
        return [run for run in self.runs.values() if run["run_type"] == "llm"]


class _LangSmithHandler(BaseHTTPRequestHandler):
    server: LangSmithServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        run_id = body.get("id") or self.path.rpartition("/")[2]
        self.server.runs.setdefault(run_id, {}).update(body)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_PATCH = do_POST  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def langsmith() -> Iterator[LangSmithServer]:
    with LangSmithServer() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(langsmith: LangSmithServer) -> Iterator[LangSmithClient]:
    client = LangSmithClient(
        api_url=f"http://127.0.0.1:{langsmith.server_port}", api_key="ls-key", auto_batch_tracing=False, info={}
    )
    yield client
    client.close()


def _usages(run: dict[str, Any]) -> tuple[Any, Any]:
    """The usage of the first message of a run, and that of the run."""
    message = run["outputs"]["generations"][0][0]["message"]["kwargs"]
    return message["usage_metadata"], run["extra"]["metadata"]["usage_metadata"]


@modes
async def test_langsmith_run_has_the_cost_of_its_call(
    chat: ChatAIMLAPI, langsmith: LangSmithServer, client: LangSmithClient, mode: str
) -> None:
    answer = await _call(chat, mode, {"callbacks": [tracing.LangSmithTracer(client=client)]})
    [run] = langsmith.llm_runs
    total_cost = float(answer.response_metadata["cost"]["usd"])
    assert total_cost > 0
    assert _usages(run) == ({**answer.usage_metadata, "total_cost": total_cost},) * 2
    assert "total_cost" not in answer.usage_metadata


async def test_langsmith_costs_traces_every_run_in_the_block(
    chat: ChatAIMLAPI, langsmith: LangSmithServer, client: LangSmithClient
) -> None:
    with tracing.langsmith_costs(client=client, project_name="rivers"):
        chat.invoke("Name a river.")
        await chat.ainvoke("Name a lake.")
    chat.invoke("Name a sea.")
    assert [run["session_name"] for run in langsmith.llm_runs] == ["rivers"] * 2
    assert all(usage["total_cost"] > 0 for run in langsmith.llm_runs for usage in _usages(run))


def test_langsmith_tracer_replaces_the_one_of_the_environment(
    chat: ChatAIMLAPI, langsmith: LangSmithServer, client: LangSmithClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    chat.invoke("Name a river.", {"callbacks": [tracing.LangSmithTracer(client=client)]})
    assert len(langsmith.llm_runs) == 1


def test_langsmith_costs_leave_additions_of_usages_alone(
    chat: ChatAIMLAPI, langsmith: LangSmithServer, client: LangSmithClient
) -> None:
    usages = UsageMetadataCallbackHandler()
    answers = chat.batch(["One", "Two"], {"callbacks": [tracing.LangSmithTracer(client=client), usages]})
    [usage] = usages.usage_metadata.values()
    assert usage["total_tokens"] == sum(answer.usage_metadata["total_tokens"] for answer in answers)
    assert len(langsmith.llm_runs) == 2


def _result(*costs: str | None) -> LLMResult:
    """A result with several usages, as a wrapper of several calls returns it."""
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    metadata = [{"model_provider": "x", **({"cost": {"usd": cost, "credits": 1}} if cost else {})} for cost in costs]
    messages = [AIMessage("Hi", usage_metadata=usage, response_metadata=each) for each in metadata]
    return LLMResult(generations=[[ChatGeneration(message=message)] for message in messages])


@pytest.mark.parametrize(
    ("costs", "total"), [(("0.1", "0.2"), 0.3), (("0.1", None), 0.1), ((None,), None)], ids=["sum", "part", "none"]
)
def test_langsmith_run_with_several_usages_has_their_sum(
    langsmith: LangSmithServer, client: LangSmithClient, costs: tuple[str | None, ...], total: float | None
) -> None:
    tracer, run_id = tracing.LangSmithTracer(client=client), uuid4()
    tracer.on_chat_model_start({}, [[]], run_id=run_id)
    tracer.on_llm_end(_result(*costs), run_id=run_id)
    [run] = langsmith.llm_runs
    usage = run["extra"]["metadata"]["usage_metadata"]
    assert (usage["total_tokens"], usage.get("total_cost")) == (3 * len(costs), total)


# --- Langfuse --------------------------------------------------------------------------------------------------------


class Langfuse:
    """A Langfuse client that exports to memory. Its public key is its own: Langfuse keeps one client for each key."""

    def __init__(self) -> None:
        langfuse = pytest.importorskip("langfuse")
        self.exporter, self.key = InMemorySpanExporter(), f"pk-{uuid4()}"
        self.client = langfuse.Langfuse(
            public_key=self.key,
            secret_key="sk-test",
            base_url="http://127.0.0.1:9",
            tracer_provider=TracerProvider(),
            span_exporter=self.exporter,
        )

    def generations(self) -> list[dict[str, Any]]:
        """Return the attributes of the generations that were exported."""
        self.client.flush()
        attributes = [dict(span.attributes or {}) for span in self.exporter.get_finished_spans()]
        return [each for each in attributes if each.get("langfuse.observation.type") == "generation"]


@pytest.fixture
def langfuse() -> Iterator[Langfuse]:
    langfuse = Langfuse()
    yield langfuse
    langfuse.client.shutdown()


@modes
async def test_langfuse_generation_has_the_cost_of_its_call(chat: ChatAIMLAPI, langfuse: Langfuse, mode: str) -> None:
    answer = await _call(chat, mode, {"callbacks": [tracing.langfuse_handler(public_key=langfuse.key)]})
    [generation] = langfuse.generations()
    cost = json.loads(generation["langfuse.observation.cost_details"])
    assert cost == {"total": float(answer.response_metadata["cost"]["usd"])}
    assert generation["langfuse.observation.model.name"] == MINI


def test_langfuse_generation_of_another_model_stays_as_it_is(langfuse: Langfuse) -> None:
    model = FakeListChatModel(responses=["Hi"])
    model.invoke("Hi", {"callbacks": [tracing.langfuse_handler(public_key=langfuse.key)]})
    [generation] = langfuse.generations()
    assert "langfuse.observation.cost_details" not in generation


def test_langfuse_handler_without_langfuse_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langfuse.langchain", None)
    langchain_costs._langfuse_class.cache_clear()
    with pytest.raises(ImportError, match="pip install langfuse"):
        tracing.langfuse_handler()
