"""The scenarios in LlamaIndex."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CitationBlock, ImageBlock, TextBlock, ThinkingBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import Document, NodeWithScore, TextNode
from llama_index.core.tools import FunctionTool

from aimlapi_integrations.llama_index import (
    AIMLAPI,
    AIMLAPIEmbedding,
    AIMLAPIMediaToolSpec,
    AIMLAPIOCRReader,
    AIMLAPIRerank,
    AIMLAPISpeechReader,
    BatchAPI,
)
from tests.cassettes import observed
from tests.cassettes.observed import (
    Answer,
    Observation,
    Outcomes,
    Parsed,
    Pictured,
    Relevance,
    Scanned,
    Status,
    Submitted,
    Target,
    Tokens,
    Transcribed,
    Vectors,
)


def model(target: Target, name: str = "", **kwargs: Any) -> AIMLAPI:
    return AIMLAPI(
        model=name or target.model,
        api_key=target.api_key,
        api_base=target.base_url,
        endpoint=target.endpoint,
        max_retries=0,
        **kwargs,
    )


def observe(response: ChatResponse, calls: list[Any] | None = None) -> Answer:
    """Return what a user observes of a response and of its tool calls."""
    metadata, raw = response.additional_kwargs, response.raw
    assert isinstance(raw, dict)
    usage = raw["usage"]
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    thoughts = [block.content for block in response.message.blocks if isinstance(block, ThinkingBlock)]
    return Answer(
        text=response.message.content or "",
        reasoning="\n\n".join(thought for thought in thoughts if thought),
        finish_reason=metadata["finish_reason"],
        tokens=Tokens(
            metadata["prompt_tokens"],
            metadata["completion_tokens"],
            metadata["total_tokens"],
            details.get("reasoning_tokens", 0),
        ),
        tool_calls=tuple((call.tool_name, call.tool_kwargs) for call in calls or ()),
        cost=metadata.get("cost"),
        inference_id=metadata.get("inference_id"),
        request_id=metadata.get("request_id"),
        citations=tuple(block.source for block in response.message.blocks if isinstance(block, CitationBlock)),
    )


def chat(target: Target, llm: AIMLAPI, content: Any) -> list[Observation]:
    return [observe(target.call(llm, "chat", [ChatMessage(role="user", content=content)]))]


def hello(target: Target) -> list[Observation]:
    return chat(target, model(target), observed.HELLO)


def plain(target: Target) -> list[Observation]:
    return chat(target, model(target), observed.GREETING)


def stream(target: Target) -> list[Observation]:
    return stream_chat(target, model(target), observed.GREETING)


def stream_chat(target: Target, llm: AIMLAPI, question: str) -> list[Observation]:
    """Ask a question and stream the answer."""
    parts = target.call(llm, "stream_chat", [ChatMessage(question)])
    assert "".join(part.delta or "" for part in parts) == parts[-1].message.content
    return [observe(parts[-1])]


def chat_with_tools(target: Target, llm: AIMLAPI, tool: FunctionTool, **content: Any) -> ChatResponse:
    response: ChatResponse = target.call(llm, "chat_with_tools", [tool], **content)
    return response


def stream_and_check(target: Target, llm: AIMLAPI, tool: FunctionTool, **content: Any) -> ChatResponse:
    response: ChatResponse = target.call(llm, "stream_chat_with_tools", [tool], **content)[-1]
    return response


def weather(target: Target, send: Callable[..., ChatResponse], **kwargs: Any) -> list[Observation]:
    """Ask a question that needs a tool with `send`, and return its result to the model."""
    llm = model(target, **kwargs)
    forecast = FunctionTool.from_defaults(observed.get_weather, description="The weather in a city.")
    first = send(target, llm, forecast, user_msg=observed.QUESTION)
    calls = llm.get_tool_calls_from_response(first)
    assert calls
    history = [ChatMessage(observed.QUESTION), first.message]
    for call in calls:
        content = forecast(**call.tool_kwargs).content
        history.append(ChatMessage(role="tool", content=content, additional_kwargs={"tool_call_id": call.tool_id}))
    final = chat_with_tools(target, llm, forecast, chat_history=history)
    return [observe(first, calls), observe(final)]


def tools(target: Target) -> list[Observation]:
    return weather(target, chat_with_tools)


def tool_stream(target: Target) -> list[Observation]:
    return weather(target, stream_and_check)


def structured(target: Target) -> list[Observation]:
    trip = target.call(model(target), "structured_predict", observed.Trip, PromptTemplate(observed.NOTE))
    assert trip == observed.Trip(city="Lisbon", days=4)
    return [Parsed(trip)]


def reasoning_model(target: Target) -> AIMLAPI:
    name, options = observed.REASONING_MODELS[target.endpoint]
    return model(target, name, **{_NAMES.get(option, option): value for option, value in options.items()})


_NAMES = {"reasoning": "reasoning_options"}


def reasoning(target: Target) -> list[Observation]:
    if target.endpoint == "messages":
        return weather(target, chat_with_tools, **observed.REASONING_MODELS[target.endpoint][1])
    return chat(target, reasoning_model(target), observed.RIDDLE)


def reasoning_stream(target: Target) -> list[Observation]:
    return stream_chat(target, reasoning_model(target), observed.RIDDLE)


def citations(target: Target) -> list[Observation]:
    return chat(target, model(target, built_in_tools=[observed.SEARCH]), observed.NEWS_QUESTION)


def image(target: Target) -> list[Observation]:
    blocks = [
        TextBlock(text=observed.PICTURE_QUESTION),
        ImageBlock(image=observed.PICTURE.encode(), image_mimetype="image/png"),
    ]
    return chat(target, model(target), blocks)


def embeddings(target: Target) -> list[Observation]:
    embedder = AIMLAPIEmbedding(
        model_name=observed.EMBEDDER,
        dimensions=observed.DIMENSIONS,
        api_key=target.api_key,
        api_base=target.base_url,
        max_retries=0,
    )
    return [Vectors(target.call(embedder, "get_text_embedding_batch", observed.TEXTS))]


def batches(target: Target) -> list[Observation]:
    llm = model(target, observed.CLAUDE, max_tokens=50, prices=observed.BATCH_PRICES)
    job = target.call(BatchAPI(llm), "submit", [observed.GREETING, observed.HELLO])
    first = Status(job.id, job.batch.status)
    status = Status(job.id, target.call(job, "status"))
    responses = target.call(job, "results", interval=target.interval)
    replies = tuple(
        (each.message.content, each.additional_kwargs["prompt_tokens"], each.additional_kwargs["completion_tokens"])
        for each in responses
    )
    return [first, status, Outcomes(replies)]


def rerank(target: Target) -> list[Observation]:
    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(place))) for place, text in enumerate(observed.TEXTS)]
    reranker = AIMLAPIRerank(**connection(target))
    ranked = target.call(reranker, "postprocess_nodes", nodes, query_str=observed.TEXTS[0])
    return [Relevance(tuple((int(each.node.node_id), each.score) for each in ranked))]


def connection(target: Target) -> dict[str, Any]:
    return {"api_key": target.api_key, "api_base": target.base_url, "max_retries": 0}


def ocr(target: Target) -> list[Observation]:
    reader = AIMLAPIOCRReader(annotation=observed.Trip, **connection(target))
    documents = target.call(reader, "load_data", observed.PDF)
    pages = tuple((each.metadata["page"], each.text) for each in documents)
    trip = observed.Trip.model_validate_json(documents[0].metadata["annotation"])
    return [Scanned(pages, trip, total_cost(documents))]


def total_cost(documents: list[Document]) -> str:
    return str(sum(Decimal(each.metadata["cost_usd"]) for each in documents))


def speech(target: Target) -> list[Observation]:
    options: dict[str, Any] = {"language": "en", "speakers": True, "additional_kwargs": {"interval": target.interval}}
    reader = AIMLAPISpeechReader(**options, **connection(target))
    documents = target.call(reader, "load_data", observed.RECORDING)
    metadata = [each.metadata for each in documents]
    segments = tuple(
        (each["start"], each["end"], each["speaker"], document.text)
        for each, document in zip(metadata, documents, strict=True)
    )
    return [Submitted(metadata[0]["transcription_id"]), Transcribed(segments, total_cost(documents))]


def images(target: Target) -> list[Observation]:
    painter = AIMLAPIMediaToolSpec(**connection(target))
    with TemporaryDirectory() as folder:
        Path(folder, "square.png").write_bytes(base64.b64decode(observed.PICTURE))
        options: dict[str, Any] = {"image_model": observed.EDITOR, "image_kwargs": observed.EDITOR_OPTIONS}
        editor = AIMLAPIMediaToolSpec(folder=folder, **options, **connection(target))
        return [
            draw(target, painter, prompt=observed.PAINTING, size="16:9"),
            draw(target, editor, prompt=observed.REPAINTING, images=["square.png"]),
        ]


def draw(target: Target, spec: AIMLAPIMediaToolSpec, **arguments: Any) -> Pictured:
    [tool] = spec.to_tool_list(["create_image"])
    artifact = target.call(tool, "call", **arguments).raw_output.artifact
    images = (each.get("url") or Path(each["path"]).read_bytes() for each in artifact["images"])
    return Pictured(tuple(images), artifact["cost"]["usd"])
