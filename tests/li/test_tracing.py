"""OpenInference's spans of LlamaIndex calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from openinference.semconv.trace import SpanAttributes
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aimlapi_integrations.errors import BadRequestError
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

SECRET = "sk-tracing-secret"
MESSAGES = [ChatMessage(role="system", content="Be brief."), ChatMessage(content="What is the weather in Paris?")]

all_modes = pytest.mark.parametrize("mode", ["chat", "achat", "stream_chat", "astream_chat"])


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


async def call_in_mode(llm: AIMLAPI, mode: str, **kwargs: Any) -> ChatResponse:
    """Run one call in one of four modes."""
    match mode:
        case "chat":
            return llm.chat(MESSAGES, **kwargs)
        case "achat":
            return await llm.achat(MESSAGES, **kwargs)
        case "stream_chat":
            return list(llm.stream_chat(MESSAGES, **kwargs))[-1]
    return [each async for each in await llm.astream_chat(MESSAGES, **kwargs)][-1]


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = LlamaIndexInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()


def span_of(exporter: InMemorySpanExporter, kind: str = "LLM") -> ReadableSpan:
    kinds = SpanAttributes.OPENINFERENCE_SPAN_KIND
    [span] = [span for span in exporter.get_finished_spans() if (span.attributes or {}).get(kinds) == kind]
    return span


@all_modes
async def test_span_of_a_call_has_its_attributes(
    emulated: Callable[..., AIMLAPI], spans: InMemorySpanExporter, mode: str
) -> None:
    llm = emulated(api_key=SECRET)
    answer = await call_in_mode(llm, mode)
    attributes = dict(span_of(spans).attributes or {})
    usage = answer.raw["usage"]
    assert attributes["llm.model_name"] == llm.model
    assert attributes["llm.input_messages.0.message.role"] == "system"
    assert "What is the weather in Paris?" in str(attributes)
    assert attributes["llm.output_messages.0.message.role"] == "assistant"
    assert str(answer.message.content) in str(attributes["output.value"])
    assert attributes["llm.token_count.prompt"] == usage["prompt_tokens"]
    assert attributes["llm.token_count.completion"] == usage["completion_tokens"]
    assert attributes["llm.token_count.total"] == usage["total_tokens"]
    assert SECRET not in str(attributes)


@all_modes
async def test_span_of_a_call_with_tools_has_them(
    emulated: Callable[..., AIMLAPI], spans: InMemorySpanExporter, mode: str
) -> None:
    tool = FunctionTool.from_defaults(get_weather)
    answer = await call_in_mode(emulated(), mode, tools=[tool.metadata.to_openai_tool()])
    attributes = dict(span_of(spans).attributes or {})
    [call] = answer.message.additional_kwargs["tool_calls"]
    prefix = "llm.output_messages.0.message.tool_calls.0.tool_call"
    assert attributes[f"{prefix}.function.name"] == "get_weather" == call["function"]["name"]
    assert json.loads(str(attributes[f"{prefix}.function.arguments"])) == {"city": "Paris"}


async def test_span_of_a_failed_call_has_error_status(
    emulated: Callable[..., AIMLAPI], spans: InMemorySpanExporter
) -> None:
    with pytest.raises(BadRequestError):
        emulated(model="emulator/status-400").chat(MESSAGES)
    assert not span_of(spans).status.is_ok


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_embedding_call_creates_one_span(
    embedding: AIMLAPIEmbedding, spans: InMemorySpanExporter, asynchronous: bool
) -> None:
    if asynchronous:
        await embedding.aget_text_embedding_batch(["one", "two"])
    else:
        embedding.get_text_embedding_batch(["one", "two"])
    attributes = dict(span_of(spans, "EMBEDDING").attributes or {})
    assert attributes["embedding.model_name"] == embedding.model_name
    assert attributes["embedding.embeddings.1.embedding.text"] == "two"
