"""`CostExporter`: OpenInference's LLM spans of both frameworks have the price of their call."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from llama_index.core import PromptTemplate
from llama_index.core.llms import ChatMessage
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aimlapi_integrations import Client
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import BadRequestError
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.tracing import CostExporter

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

MINI = "openai/gpt-5-mini-2025-08-07"
MESSAGES = [ChatMessage(content="Name a river.")]
Spans = InMemorySpanExporter


@pytest.fixture(params=["simple", "batch", "instrumented-first"])
def spans(request: pytest.FixtureRequest) -> Iterator[Spans]:
    """What an exporter behind a `CostExporter` receives."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    instrumentors = [LangChainInstrumentor(), LlamaIndexInstrumentor()]
    add = [
        lambda: provider.add_span_processor(
            (BatchSpanProcessor if request.param == "batch" else SimpleSpanProcessor)(CostExporter(exporter))
        ),
        lambda: [each.instrument(tracer_provider=provider) for each in instrumentors],
    ]
    for step in reversed(add) if request.param == "instrumented-first" else add:
        step()
    exporter.flush = provider.force_flush  # type: ignore[attr-defined]
    yield exporter
    provider.shutdown()
    for each in instrumentors:
        each.uninstrument()


@pytest.fixture
def chat(gateway: Emulator) -> Iterator[ChatAIMLAPI]:
    with ChatAIMLAPI(model=MINI, api_key="key", base_url=gateway.base_url) as model:
        yield model


@pytest.fixture
def llm(gateway: Emulator) -> Iterator[AIMLAPI]:
    with AIMLAPI(model=MINI, api_key="key", api_base=gateway.base_url) as model:
        yield model


def priced(exporter: Any) -> list[dict[str, Any]]:
    """The attributes of the spans that have a price."""
    exporter.flush()
    attributes = [dict(span.attributes or {}) for span in exporter.get_finished_spans()]
    return [each for each in attributes if "llm.cost.total" in each]


def _joined(chunks: list[Any]) -> Any:
    return sum(chunks[1:], chunks[0])


async def _last(stream: Awaitable[Any]) -> Any:
    return [each async for each in await stream][-1]


LANGCHAIN: dict[str, Callable[[ChatAIMLAPI], Any]] = {
    "invoke": lambda chat: chat.invoke("Name a river."),
    "stream": lambda chat: _joined(list(chat.stream("Name a river."))),
    "responses": lambda chat: chat.model_copy(update={"use_responses_api": True}).invoke("Name a river."),
    "chain": lambda chat: (chat | (lambda message: message)).invoke("Name a river."),
    "several": lambda chat: chat.invoke("Name a river.", n=2),
}
LLAMA_INDEX: dict[str, Callable[[AIMLAPI], Any]] = {
    "chat": lambda llm: llm.chat(MESSAGES),
    "stream_chat": lambda llm: list(llm.stream_chat(MESSAGES))[-1],
    "complete": lambda llm: llm.complete("Name a river."),
    "stream_complete": lambda llm: list(llm.stream_complete("Name a river."))[-1],
    "achat": lambda llm: llm.achat(MESSAGES),
    "astream_chat": lambda llm: _last(llm.astream_chat(MESSAGES)),
    "acomplete": lambda llm: llm.acomplete("Name a river."),
    "astream_complete": lambda llm: _last(llm.astream_complete("Name a river.")),
}


@pytest.mark.parametrize("call", LANGCHAIN.values(), ids=LANGCHAIN)
def test_langchain_span_has_the_price_of_its_call(chat: ChatAIMLAPI, spans: Spans, call: Any) -> None:
    answer = call(chat)
    [attributes] = priced(spans)
    assert attributes["llm.cost.total"] == float(answer.response_metadata["cost"]["usd"]) > 0
    assert attributes["gen_ai.usage.cost"] == attributes["llm.cost.total"]
    assert attributes["llm.token_count.total"] == answer.usage_metadata["total_tokens"]


@pytest.mark.parametrize("stream", [False, True])
async def test_langchain_span_of_an_async_call_has_its_price(chat: ChatAIMLAPI, spans: Spans, stream: bool) -> None:
    answer = _joined([each async for each in chat.astream("Hi")]) if stream else await chat.ainvoke("Hi")
    [attributes] = priced(spans)
    assert attributes["llm.cost.total"] == float(answer.response_metadata["cost"]["usd"])


@pytest.mark.parametrize("call", LLAMA_INDEX.values(), ids=LLAMA_INDEX)
async def test_llama_index_span_has_the_price_of_its_call(llm: AIMLAPI, spans: Spans, call: Any) -> None:
    answer = call(llm)
    answer = await answer if hasattr(answer, "__await__") else answer
    [attributes] = priced(spans)
    assert attributes["llm.cost.total"] == float(answer.additional_kwargs["cost"]["usd"]) > 0
    assert attributes["gen_ai.usage.cost"] == attributes["llm.cost.total"]


def test_nested_llama_index_spans_count_a_call_once(llm: AIMLAPI, spans: Spans) -> None:
    llm.predict(PromptTemplate("Name a river."))
    assert len(priced(spans)) == 1


def test_concurrent_llama_index_streams_keep_their_prices_apart(llm: AIMLAPI, spans: Spans) -> None:
    streams = [llm.stream_complete("Name a river. " * length) for length in (1, 20)]
    costs = [list(stream)[-1].additional_kwargs["cost"]["usd"] for stream in reversed(streams)]
    assert sorted(each["llm.cost.total"] for each in priced(spans)) == sorted(map(float, costs))
    assert len(set(costs)) == 2


def test_answer_out_of_a_cache_costs_nothing(chat: ChatAIMLAPI, spans: Spans) -> None:
    cached = chat.model_copy(update={"cache": InMemoryCache()})
    cached.invoke("Name a river.")
    cached.invoke("Name a river.")
    assert [each["llm.cost.total"] > 0 for each in priced(spans)] == [True, False]


def test_failed_call_has_no_price(chat: ChatAIMLAPI, llm: AIMLAPI, gateway: Emulator, spans: Spans) -> None:
    failing = {"api_key": "key", "model": "emulator/status-400"}
    with ChatAIMLAPI(base_url=gateway.base_url, **failing) as model, pytest.raises(BadRequestError):
        model.invoke("Hi")
    with AIMLAPI(api_base=gateway.base_url, **failing) as other, pytest.raises(BadRequestError):
        other.complete("Hi")
    assert priced(spans) == []
    assert len(spans.get_finished_spans()) == 2


def test_stream_left_early_has_no_price(llm: AIMLAPI, spans: Spans) -> None:
    stream = llm.stream_complete("Name a river.")
    next(iter(stream))
    stream.close()
    assert priced(spans) == []


# --- the split, and spans of others ----------------------------------------------------------------------------------


def _exported(attributes: dict[str, Any], limits: SpanLimits | None = None, **arguments: Any) -> ReadableSpan:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(CostExporter(exporter, **arguments)))
    with provider.get_tracer("test").start_as_current_span("call", attributes=attributes) as span:
        span.add_event("seen")
    provider.shutdown()
    [finished] = exporter.get_finished_spans()
    return finished


def _output(usd: str) -> str:
    message = {"kwargs": {"content": "Hi", "response_metadata": {"cost": {"usd": usd, "credits": 1}}}}
    return json.dumps({"generations": [[{"message": message}]]})


LLM = {"openinference.span.kind": "LLM", "llm.model_name": "m"}
COUNTS = {"llm.token_count.prompt": 1000, "llm.token_count.completion": 100}
PRICES = {"m": {"input_tokens": 1e-06, "output_tokens": 1e-05}}


@pytest.mark.parametrize(
    ("usd", "prices", "split"),
    [
        ("0.002", PRICES, (0.001, 0.001)),
        ("0.002005", PRICES, (0.001, 0.001)),
        ("0.0015", PRICES, None),  # cheaper than listed: cached tokens, or another tier
        ("0.002", {"other": PRICES["m"]}, None),
        ("0.002", {"m": {"input_tokens": 1e-06}}, None),
        ("0.002", None, None),
    ],
)
def test_split_is_set_where_listed_prices_explain_the_total(usd: str, prices: Any, split: Any) -> None:
    attributes = _exported({**LLM, **COUNTS, "output.value": _output(usd)}, prices=prices).attributes or {}
    assert attributes["llm.cost.total"] == float(usd)
    expected = (None, None) if split is None else split
    assert (attributes.get("llm.cost.prompt"), attributes.get("llm.cost.completion")) == expected


def test_split_follows_from_the_prices_of_the_catalogue(gateway: Emulator, spans: Spans) -> None:
    with Client("key", gateway.base_url) as client:
        prices = {entry.id: entry.token_prices for entry in client.models.list(include="pricing") if entry.id == MINI}
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(CostExporter(exporter, prices)))
    LangChainInstrumentor().uninstrument()
    LangChainInstrumentor().instrument(tracer_provider=provider)
    with ChatAIMLAPI(model=MINI, api_key="key", base_url=gateway.base_url) as chat:
        chat.invoke("Name a river. " * 50)
    [span] = exporter.get_finished_spans()
    attributes = span.attributes or {}
    parts = attributes["llm.cost.prompt"] + attributes["llm.cost.completion"]
    assert parts == pytest.approx(attributes["llm.cost.total"], rel=0.01)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {**LLM},
        {**LLM, "output.value": "__REDACTED__"},
        {**LLM, "output.value": _output("0.1")[:60]},
        {**LLM, "output.value": _output("dollars")},
        {**LLM, "output.value": "[]"},
        {**LLM, "output.value": '{"generations": [[{"text": "no message"}]]}'},
        {**LLM, "output.value": '{"generations": null}'},
        {"openinference.span.kind": "CHAIN", "output.value": _output("0.1")},
        {**LLM, "llm.cost.total": 7.0, "output.value": _output("0.1")},
    ],
)
def test_other_spans_pass_as_they_are(attributes: dict[str, Any]) -> None:
    assert dict(_exported(attributes).attributes or {}) == attributes


def test_everything_else_of_a_span_stays() -> None:
    limits = SpanLimits(max_span_attributes=4)
    span = _exported({"dropped": 1, **LLM, "output.value": _output("0.1"), "last": 2}, limits)
    assert (span.name, span.dropped_attributes, [event.name for event in span.events]) == ("call", 1, ["seen"])
    assert span.context
    assert span.start_time
    assert span.end_time
    assert span.instrumentation_scope
    assert json.loads(span.to_json())["attributes"]["llm.cost.total"] == 0.1


def test_exporter_hands_on_results_flushes_and_the_end() -> None:
    class Recorder(SpanExporter):
        def __init__(self) -> None:
            self.calls: list[Any] = []

        def export(self, spans: Any) -> SpanExportResult:
            self.calls.append(len(spans))
            return SpanExportResult.FAILURE

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            self.calls.append(timeout_millis)
            return False

        def shutdown(self) -> None:
            self.calls.append("shutdown")

    recorder = Recorder()
    exporter = CostExporter(recorder)
    assert exporter.export([]) is SpanExportResult.FAILURE
    assert exporter.force_flush(5) is False
    exporter.shutdown()
    assert recorder.calls == [0, 5, "shutdown"]
