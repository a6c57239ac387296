"""Traces: OpenInference's spans, and the runs of LangSmith's tracer."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.semconv.trace import SpanAttributes
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import BadRequestError
from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.lc.gateway import Gateway, chat_body

MINI = "openai/gpt-5-mini-2025-08-07"
SECRET = "sk-tracing-secret"
QUESTION = [SystemMessage("Be brief."), HumanMessage("What is the weather in Paris?")]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


async def get_answer(model: Any, mode: str, config: dict[str, Any] | None = None, messages: Any = None) -> Any:
    """Run one call in one of four modes."""
    requested = QUESTION if messages is None else messages
    match mode:
        case "invoke":
            return model.invoke(requested, config)
        case "ainvoke":
            return await model.ainvoke(requested, config)
        case "stream":
            chunks = list(model.stream(requested, config))
        case "astream":
            chunks = [chunk async for chunk in model.astream(requested, config)]
    return sum(chunks[1:], chunks[0])


every_mode = pytest.mark.parametrize("mode", ["invoke", "ainvoke", "stream", "astream"])
endpoints = pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])


@pytest.fixture
def make(gateway: Emulator) -> Iterator[Any]:
    made: list[ChatAIMLAPI] = []

    def model(**arguments: Any) -> ChatAIMLAPI:
        made.append(ChatAIMLAPI(**{"model": MINI, "api_key": SECRET, "base_url": gateway.base_url, **arguments}))
        return made[-1]

    yield model
    for one in made:
        one.close()


# --- OpenInference ----------------------------------------------------------------------------------------------------


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()


def llm_span(exporter: InMemorySpanExporter) -> ReadableSpan:
    kind = SpanAttributes.OPENINFERENCE_SPAN_KIND
    [span] = [span for span in exporter.get_finished_spans() if (span.attributes or {})[kind] == "LLM"]
    return span


@every_mode
@endpoints
async def test_spans_describe_the_call(make: Any, spans: InMemorySpanExporter, mode: str, responses: bool) -> None:
    answer = await get_answer(make(use_responses_api=responses), mode)
    attributes = dict(llm_span(spans).attributes or {})
    usage = answer.usage_metadata
    assert attributes["llm.model_name"] == MINI
    assert attributes["llm.input_messages.0.message.role"] == "system"
    assert attributes["llm.input_messages.1.message.content"] == "What is the weather in Paris?"
    assert attributes["llm.output_messages.0.message.role"] == "assistant"
    assert str(answer.text) in json.dumps(attributes, ensure_ascii=False)
    assert attributes["llm.token_count.prompt"] == usage["input_tokens"]
    assert attributes["llm.token_count.completion"] == usage["output_tokens"]
    assert attributes["llm.token_count.total"] == usage["total_tokens"]
    reasoning = attributes["llm.token_count.completion_details.reasoning"]
    assert reasoning == usage["output_token_details"]["reasoning"]


@every_mode
@endpoints
async def test_spans_describe_tools(make: Any, spans: InMemorySpanExporter, mode: str, responses: bool) -> None:
    answer = await get_answer(make(use_responses_api=responses).bind_tools([get_weather]), mode)
    attributes = dict(llm_span(spans).attributes or {})
    call = "llm.output_messages.0.message.tool_calls.0.tool_call"
    assert attributes[f"{call}.function.name"] == "get_weather"
    assert json.loads(str(attributes[f"{call}.function.arguments"])) == {"city": "Paris"}
    assert attributes[f"{call}.id"] == answer.tool_calls[0]["id"]
    assert "get_weather" in str(attributes["llm.tools.0.tool.json_schema"])


@every_mode
async def test_spans_contain_cost_and_ids_but_no_key(make: Any, spans: InMemorySpanExporter, mode: str) -> None:
    answer = await get_answer(make(default_headers={"X-Private": "private-header"}), mode)
    attributes = dict(llm_span(spans).attributes or {})
    output = str(attributes["output.value"])
    assert answer.response_metadata["cost"]["usd"] in output
    assert answer.response_metadata["inference_id"] in output
    assert SECRET not in str(attributes)
    assert "private-header" not in str(attributes)


async def test_failed_call_is_a_failed_span(make: Any, spans: InMemorySpanExporter) -> None:
    with pytest.raises(BadRequestError):
        make(model="emulator/status-400").invoke("Hello")
    assert not llm_span(spans).status.is_ok


# --- core's tracer, which LangSmith's is one of -----------------------------------------------------------------------


class Runs(BaseTracer):
    """Record runs as LangSmith's tracer posts them."""

    def __init__(self) -> None:
        super().__init__(_schema_format="original+chat")
        self.runs: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.runs.append(run)


@every_mode
@endpoints
async def test_langsmith_run_contains_the_call(make: Any, mode: str, responses: bool) -> None:
    tracer = Runs()
    model = make(model="gpt-4o", use_responses_api=responses, temperature=1, max_tokens=500).bind_tools([get_weather])
    answer = await get_answer(model, mode, {"callbacks": [tracer]})
    [run] = tracer.runs
    metadata = run.extra["metadata"]
    assert (metadata["ls_provider"], metadata["ls_model_name"], metadata["ls_model_type"]) == (
        "aimlapi",
        "gpt-4o",
        "chat",
    )
    assert (metadata["ls_temperature"], metadata["ls_max_tokens"]) == (1, 500)
    assert {"langchain-core", "aimlapi-integrations"} <= metadata["lc_versions"].keys()
    assert run.extra["invocation_params"]["tools"][0]["function"]["name"] == "get_weather"
    [[message]] = [[generation["message"] for generation in each] for each in run.outputs["generations"]]
    observed = message["kwargs"]
    assert observed["usage_metadata"] == answer.usage_metadata
    assert [(call["name"], call["args"]) for call in observed["tool_calls"]] == [("get_weather", {"city": "Paris"})]
    assert observed["response_metadata"]["cost"] == answer.response_metadata["cost"]
    assert observed["response_metadata"]["inference_id"] == answer.response_metadata["inference_id"]
    assert SECRET not in str(run)


# --- client_request_id ------------------------------------------------------------------------------------------------


@every_mode
async def test_run_id_on_request_is_sent(mode: str) -> None:
    gateway, tracer = Gateway(), Runs()
    model = gateway.model(client_request_id="run_id")
    await get_answer(model, mode, {"callbacks": [tracer]})
    await get_answer(model, mode, {"callbacks": [tracer]})
    sent = [headers["x-client-request-id"] for headers in gateway.headers]
    assert sent == [str(run.id) for run in tracer.runs]
    assert sent[0] != sent[1]


@every_mode
@pytest.mark.parametrize(("arguments", "sent"), [({}, None), ({"client_request_id": "mine-1"}, "mine-1")])
async def test_client_request_id_is_sent_as_passed(mode: str, arguments: dict[str, Any], sent: str | None) -> None:
    gateway = Gateway()
    await get_answer(gateway.model(**arguments), mode)
    assert gateway.headers[0].get("x-client-request-id") == sent


def test_each_call_of_a_batch_has_its_own_run_id() -> None:
    gateway, tracer = Gateway(), Runs()
    gateway.model(client_request_id="run_id").batch(["a", "b", "c"], {"callbacks": [tracer]})
    sent = {headers["x-client-request-id"] for headers in gateway.headers}
    assert sent == {str(run.id) for run in tracer.runs}
    assert len(sent) == 3


def test_client_request_id_of_one_call_is_sent() -> None:
    gateway, tracer = Gateway(), Runs()
    gateway.model().invoke("Hi", {"callbacks": [tracer]}, client_request_id="run_id")
    assert gateway.headers[0]["x-client-request-id"] == str(tracer.runs[0].id)


# --- the log ----------------------------------------------------------------------------------------------------------


class Failing(Gateway):
    """Fails once, then answers."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if len(self.bodies) == 0:
            self.bodies.append({})
            body = {"message": "overloaded by PRIVATE PROMPT"}
            return httpx.Response(503, json=body, headers={"x-request-id": "req-0", "retry-after-ms": "0"})
        return super().__call__(request)


@every_mode
async def test_log_contains_ids_and_retries_but_no_content(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="aimlapi_integrations")
    model = Failing(chat_body("PRIVATE ANSWER")).model(max_retries=1, api_key=SECRET, default_query={"q": "PRIVATE"})
    await get_answer(model, mode, messages="PRIVATE PROMPT")
    ours = [record for record in caplog.records if record.name.startswith("aimlapi_integrations")]
    [retry, answered] = [record.getMessage() for record in ours]
    assert "attempt 1 failed (InternalServerError, status 503, request req-0)" in retry
    assert answered == "POST /v1/chat/completions: 200, request req-1, inference inf-1"
    assert [record.levelname for record in ours] == ["INFO", "DEBUG"]
    assert not any(word in caplog.text for word in ("PRIVATE", SECRET))


def test_log_by_default_is_empty(capfd: pytest.CaptureFixture[str]) -> None:
    Failing().model(max_retries=1).invoke("Hello")
    assert capfd.readouterr() == ("", "")
