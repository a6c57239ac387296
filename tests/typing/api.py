"""The public API as type checkers see it. Nothing here is run: `make types` reads it."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from langchain_core.document_loaders import BaseBlobParser
from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings as LangChainEmbeddings
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from llama_index.core.base.base_selector import BaseSelector
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM, ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import PromptTemplate
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, SecretStr
from typing_extensions import assert_type

from aimlapi_integrations import (
    AIMLAPIError,
    APIError,
    AsyncClient,
    Batch,
    BatchResult,
    CallOptions,
    ChoiceAnswer,
    Client,
    Cost,
    Decisions,
    Delta,
    Embeddings,
    GeneratedImages,
    Ledger,
    Message,
    OCRImage,
    OCRPage,
    OCRResult,
    ParameterWarning,
    RateLimitError,
    Reply,
    Request,
    Reranking,
    RetryEvent,
    RetryPolicy,
    Segment,
    StreamError,
    Text,
    Tool,
    Transcript,
    Usage,
    track_costs,
)
from aimlapi_integrations.bulk import Answers, RateLimiter, Report, Vectors, aprocess, process, read_results
from aimlapi_integrations.emulator import Emulator, Record
from aimlapi_integrations.langchain import (
    AIMLAPICallbackHandler,
    AIMLAPIDecisions,
    AIMLAPIEmbeddings,
    AIMLAPIImageTool,
    AIMLAPIOCRParser,
    AIMLAPIRerank,
    AIMLAPISpeechParser,
    AIMLAPISpeechTool,
    BatchAPI,
    BatchJob,
    ChatAIMLAPI,
    get_aimlapi_callback,
)
from aimlapi_integrations.llama_index import (
    AIMLAPI,
    AIMLAPIEmbedding,
    AIMLAPIMediaToolSpec,
    AIMLAPIOCRReader,
    AIMLAPISelector,
    AIMLAPISpeechReader,
)
from aimlapi_integrations.llama_index import AIMLAPIRerank as NodeRerank
from aimlapi_integrations.llama_index import BatchAPI as LlamaIndexBatchAPI
from aimlapi_integrations.llama_index import BatchJob as LlamaIndexBatchJob


class City(BaseModel):
    name: str


def the_client(client: Client, http: httpx.Client) -> None:
    reply = client.chat("Hello", model="gpt-4o", temperature=0, call=CallOptions(timeout=5))
    assert_type(reply, Reply)
    assert_type(reply.text, str)
    assert_type(client.billing.balance().amount, Decimal)
    assert_type(reply.cost, Cost | None)
    assert_type(reply.usage, Usage | None)
    client.chat([{"role": "user", "content": "Hello"}, Message("assistant", (Text("Hi"),))], tools=[Tool("add")])
    client.chat("Hello", reasoning_effort="low", verbosity=os.environ["VERBOSITY"], extra_body={"new": 1})
    client.chat("Hello", temprature=0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with client.chat_stream("Hello") as deltas:
        assert_type(deltas, Iterator[Delta])
    assert_type(client.complete(Request("gpt-4o", (Message("user", (Text("Hello"),)),))), Reply)
    assert_type(client.embed(["one", "two"], dimensions=256), Embeddings)
    Client("key", "https://example.com/v1", timeout=(1, 2), http_client=http, on_retry=retried)
    Client(retry=RetryPolicy(max_retries=5, cap=10))


def media(client: Client) -> None:
    result = client.ocr("https://example.com/a.pdf", pages="0-2", annotation=City)
    assert_type(result, OCRResult)
    assert_type(result.pages[0], OCRPage)
    assert_type(client.transcribe(b"ID3", speakers=True), Transcript)
    assert_type(client.transcriptions.submit(b"ID3").segments, tuple[Segment, ...])
    assert_type(client.generate_image("A lighthouse", size="16:9", n=2), GeneratedImages)
    assert_type(client.edit_image("Winter", [b"PNG"]).images[0].url, str | None)
    assert_type(client.transcriptions.wait("job-1", timeout=5), Transcript)
    assert_type(result.pages[0].images, tuple[OCRImage, ...])


def media_components() -> None:
    parsers: list[BaseBlobParser] = [AIMLAPIOCRParser(), AIMLAPISpeechParser(speakers=True)]
    tools: list[BaseTool] = [AIMLAPIImageTool(), AIMLAPISpeechTool()]
    readers: list[BaseReader] = [AIMLAPIOCRReader(), AIMLAPISpeechReader(speakers=True)]
    assert_type(AIMLAPIOCRReader(pages=[0, 1], annotation=City).load_data(b"%PDF"), list[Document])
    assert_type(AIMLAPIMediaToolSpec(folder=Path()).create_image("A lighthouse").result, GeneratedImages)
    assert_type(AIMLAPIMediaToolSpec().to_tool_list(["create_image"]), list[FunctionTool])
    assert parsers
    assert tools
    assert readers


async def async_media(client: AsyncClient) -> None:
    assert_type(await client.ocr(b"%PDF"), OCRResult)
    assert_type(await client.transcribe("talk.mp3"), Transcript)
    assert_type(await client.transcriptions.retrieve("job-1"), Transcript)
    assert_type(await client.generate_image("A lighthouse"), GeneratedImages)
    assert_type(await client.edit_image(None, Path("a.png"), mask=b"PNG"), GeneratedImages)
    assert_type(await AIMLAPIOCRReader().aload_data("https://example.com/a.pdf"), list[Document])


def retried(event: RetryEvent) -> None:
    assert_type(event.error, APIError)
    assert_type(event.delay, float)


async def the_async_client(client: AsyncClient) -> None:
    assert_type(await client.chat("Hello"), Reply)
    async with client.chat_stream("Hello") as deltas:
        assert_type(deltas, AsyncIterator[Delta])
    assert_type(await client.embed(["one"]), Embeddings)


async def batches_and_decisions(client: Client, async_client: AsyncClient, model: ChatAIMLAPI) -> None:
    batch = client.batches.submit(["Hello"], model="anthropic/claude-sonnet-4.5", max_tokens=5)
    assert_type(batch, Batch)
    assert_type(client.batches.results(batch.id), tuple[BatchResult, ...])
    assert_type(await async_client.batches.wait(batch, timeout=5), Batch)
    assert_type(await async_client.batches.results(batch.id), tuple[BatchResult, ...])
    batches = BatchAPI(model.bind_tools([get_weather]))
    assert_type(batches.submit(["Hello"]), BatchJob)
    assert_type(await batches.asubmit(["Hello"]), BatchJob)
    assert_type(await batches.resume(batch.id).aresults(timeout=5), list[Any])
    job = LlamaIndexBatchAPI(AIMLAPI(), tools=[]).submit(["Hello", [ChatMessage("Hello")]])
    assert_type(job, LlamaIndexBatchJob)
    assert_type(await job.aresults(return_exceptions=False), list[Any])
    assert_type(client.batches.cancel(batch), Batch)
    decisions = client.decide("state", {"a": "Is it?"})
    assert_type(decisions, Decisions)
    assert_type(decisions.choice("a"), ChoiceAnswer)
    assert_type(await async_client.rerank("query", ["document"], top_n=1), Reranking)
    compressor: BaseDocumentCompressor = AIMLAPIRerank(top_n=None)
    postprocessor: BaseNodePostprocessor = NodeRerank(top_n=2)
    selector: BaseSelector = AIMLAPISelector(multi=True)
    assert_type(AIMLAPIDecisions(questions={"a": "?"}).invoke("state"), Decisions)
    print(compressor, postprocessor, selector)


def costs() -> None:
    with track_costs(max_cost_usd="0.10") as ledger:
        assert_type(ledger, Ledger)
    with get_aimlapi_callback(max_cost_usd=Decimal("0.1"), max_tokens_total=1000) as handler:
        assert_type(handler, AIMLAPICallbackHandler)
        assert_type(handler.ledger, Ledger)


def errors(client: Client) -> None:
    warnings.simplefilter("error", ParameterWarning)
    try:
        client.chat("Hello")
    except RateLimitError as error:
        assert_type(error.status, int | None)
        assert_type(error.request_id, str | None)
    except StreamError as error:
        assert_type(error.partial, str)
    except AIMLAPIError:
        pass


async def langchain(model: ChatAIMLAPI, embeddings: AIMLAPIEmbeddings) -> None:
    base: BaseChatModel = model
    assert_type(base.invoke("Hello"), AIMessage)
    assert_type(await model.ainvoke("Hello"), AIMessage)
    assert_type(model.stream("Hello"), Generator[AIMessageChunk, None, None])
    assert_type(model.astream("Hello"), AsyncGenerator[AIMessageChunk, None])
    assert_type(model.bind_tools([get_weather], tool_choice="any"), Runnable[LanguageModelInput, AIMessage])
    assert_type(model.with_structured_output(City, strict=True), Runnable[LanguageModelInput, City])
    assert_type(model.with_structured_output({"title": "City"}), Runnable[LanguageModelInput, Any])
    assert_type(model.with_structured_output(City, include_raw=True), Runnable[LanguageModelInput, Any])
    assert_type(model.model, str)
    ChatAIMLAPI(model="gpt-4o", api_key=None, base_url=None, temperature=0, timeout=5, stop_sequences=["."])
    ChatAIMLAPI(model_name="gpt-4o", aimlapi_api_key="key", request_timeout=(1, 5), stop=["."], max_completion_tokens=9)
    ChatAIMLAPI(api_key=lambda: "key", reasoning_effort=os.environ["EFFORT"], reasoning={"summary": "auto"})
    ChatAIMLAPI(temprature=0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    AIMLAPIEmbeddings(model="text-embedding-3-small", api_key="key", dimensions=256)
    known: LangChainEmbeddings = embeddings
    assert_type(known.embed_query("one"), list[float])
    assert_type(await embeddings.aembed_documents(["one"]), list[list[float]])


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


async def llama_index(llm: AIMLAPI, embedding: AIMLAPIEmbedding) -> None:
    base: LLM = llm
    functions: FunctionCallingLLM = llm
    assert_type(functions.metadata.is_function_calling_model, bool)
    assert_type(base.chat([ChatMessage(content="Hello")]), ChatResponse)
    assert_type(llm.chat([ChatMessage(content="Hello")]), ChatResponse)
    assert_type(await llm.achat([ChatMessage(content="Hello")]), ChatResponse)
    assert_type(llm.stream_chat([ChatMessage(content="Hello")]), Generator[ChatResponse, None, None])
    assert_type(await llm.astream_complete("Hello"), AsyncGenerator[CompletionResponse, None])
    assert_type(llm.complete("Hello"), CompletionResponse)
    assert_type(llm.structured_predict(City, PromptTemplate("Hello")), City)
    AIMLAPI(model="gpt-4o", api_key="key", temperature=0, max_tokens=100, reasoning_effort="low")
    AIMLAPI("gpt-4o", reasoning_effort=os.environ["EFFORT"])  # any other string is valid too
    AIMLAPIEmbedding(model="text-embedding-3-small", api_key=SecretStr("key"), batch_size=10)
    known: BaseEmbedding = embedding
    assert_type(known.get_text_embedding("one"), list[float])


def bulk(model: ChatAIMLAPI, llm: AIMLAPI, client: AsyncClient, embeddings: AIMLAPIEmbeddings) -> None:
    Answers(lambda: model.ainvoke, column="question")
    Answers(lambda: llm.acomplete)
    Answers(lambda: client.chat)
    Vectors(lambda: embeddings.aembed_documents, limiter=RateLimiter(60), batch_size=10)
    assert_type(process(["a"], Answers(lambda: client.chat), "a.jsonl", concurrency=8), Report)
    assert_type(read_results("a.jsonl"), list[dict[str, Any]])


async def bulk_async(client: AsyncClient) -> None:
    report = await aprocess([{"id": 1, "text": "a"}], Answers(lambda: client.chat), "a.jsonl", id_column="id")
    assert_type(report.failed, int)


def the_emulator() -> None:
    with Emulator() as gateway:
        assert_type(gateway, Emulator)
        assert_type(gateway.base_url, str)
        assert_type(gateway.requests[-1], Record)
