"""The scenarios in LangChain."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from aimlapi_integrations import ChoiceQuestion, ScoreQuestion
from aimlapi_integrations.langchain import (
    AIMLAPIDecisions,
    AIMLAPIEmbeddings,
    AIMLAPIImageTool,
    AIMLAPIOCRParser,
    AIMLAPIRerank,
    AIMLAPISpeechParser,
    BatchAPI,
    ChatAIMLAPI,
)
from tests.cassettes import observed
from tests.cassettes.observed import (
    Answer,
    Decided,
    Observation,
    Outcomes,
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


def model(target: Target, name: str = "", **kwargs: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(
        model=name or target.model,
        api_key=target.api_key,
        base_url=target.base_url,
        endpoint=target.endpoint,
        max_retries=0,
        **kwargs,
    )


def observe(message: AIMessage) -> Answer:
    """Return what a user observes of a message."""
    usage, metadata = message.usage_metadata, message.response_metadata
    assert usage is not None
    reasoning = usage.get("output_token_details", {}).get("reasoning", 0)
    return Answer(
        text=str(message.text),
        reasoning=message.additional_kwargs.get("reasoning_content", ""),
        finish_reason=metadata["finish_reason"],
        tokens=Tokens(usage["input_tokens"], usage["output_tokens"], usage["total_tokens"], reasoning),
        tool_calls=tuple((call["name"], call["args"]) for call in message.tool_calls),
        cost=metadata.get("cost"),
        inference_id=metadata.get("inference_id"),
        request_id=metadata.get("request_id"),
        citations=tuple(note["url"] for block in message.content_blocks for note in block.get("annotations", ())),
    )


def hello(target: Target) -> list[Observation]:
    return [observe(target.call(model(target), "invoke", observed.HELLO))]


def plain(target: Target) -> list[Observation]:
    return [observe(target.call(model(target), "invoke", observed.GREETING))]


def invoke(target: Target, runnable: Any, messages: Any) -> AIMessage:
    message: AIMessage = target.call(runnable, "invoke", messages)
    return message


def stream_and_check(target: Target, runnable: Any, messages: Any) -> AIMessage:
    message: AIMessage = reduce(add, target.call(runnable, "stream", messages))
    return message


def stream(target: Target) -> list[Observation]:
    return [observe(stream_and_check(target, model(target), observed.GREETING))]


def weather(target: Target, send: Callable[[Target, Any, Any], AIMessage], **kwargs: Any) -> list[Observation]:
    """Ask a question that needs a tool with `send`, and return its result to the model."""
    forecast = tool(observed.get_weather)
    assistant = model(target, **kwargs).bind_tools([forecast])
    messages: list[Any] = [HumanMessage(observed.QUESTION)]
    first = send(target, assistant, messages)
    assert first.tool_calls
    messages += [first, *(forecast.invoke(call) for call in first.tool_calls)]
    return [observe(first), observe(invoke(target, assistant, messages))]


def tools(target: Target) -> list[Observation]:
    return weather(target, invoke)


def tool_stream(target: Target) -> list[Observation]:
    return weather(target, stream_and_check)


def structured(target: Target) -> list[Observation]:
    answer = target.call(model(target).with_structured_output(observed.Trip, include_raw=True), "invoke", observed.NOTE)
    assert answer["parsed"] == observed.Trip(city="Lisbon", days=4)
    return [observe(answer["raw"])]


def reasoning(target: Target) -> list[Observation]:
    name, options = observed.REASONING_MODELS[target.endpoint]
    if target.endpoint == "messages":
        return weather(target, invoke, **options)
    return [observe(invoke(target, model(target, name, **options), observed.RIDDLE))]


def reasoning_stream(target: Target) -> list[Observation]:
    name, options = observed.REASONING_MODELS[target.endpoint]
    return [observe(stream_and_check(target, model(target, name, **options), observed.RIDDLE))]


def citations(target: Target) -> list[Observation]:
    return [observe(invoke(target, model(target).bind_tools([observed.SEARCH]), observed.NEWS_QUESTION))]


def image(target: Target) -> list[Observation]:
    picture = {"type": "image", "base64": observed.PICTURE, "mime_type": "image/png"}
    return [
        observe(
            target.call(
                model(target), "invoke", [HumanMessage([{"type": "text", "text": observed.PICTURE_QUESTION}, picture])]
            )
        )
    ]


def embeddings(target: Target) -> list[Observation]:
    embedder = AIMLAPIEmbeddings(
        model=observed.EMBEDDER,
        dimensions=observed.DIMENSIONS,
        api_key=target.api_key,
        base_url=target.base_url,
        max_retries=0,
    )
    return [Vectors(target.call(embedder, "embed_documents", observed.TEXTS))]


def batches(target: Target) -> list[Observation]:
    llm = model(target, observed.CLAUDE, max_tokens=50, prices=observed.BATCH_PRICES)
    job = target.call(BatchAPI(llm), "submit", [observed.GREETING, observed.HELLO])
    first = Status(job.id, job.batch.status)
    status = Status(job.id, target.call(job, "status"))
    messages = target.call(job, "results", interval=target.interval)
    counts = [message.usage_metadata for message in messages]
    texts = (str(message.text) for message in messages)
    replies = tuple(
        (text, count["input_tokens"], count["output_tokens"]) for text, count in zip(texts, counts, strict=True)
    )
    return [first, status, Outcomes(replies)]


def decide(target: Target) -> list[Observation]:
    questions = {
        "payments": "Is it about payments?",
        "team": ChoiceQuestion("Which team handles it?", observed.TEAMS),
        "mood": ScoreQuestion("How angry is the customer?", observed.MOODS),
    }
    runnable = AIMLAPIDecisions(questions=questions, **connection(target))
    decisions = target.call(runnable, "invoke", observed.TICKET)
    yes, team, mood = decisions.yes_no("payments"), decisions.choice("team"), decisions.score("mood")
    return [Decided(yes.probability, team.choice, mood.score, decisions.cost.usd)]


def connection(target: Target) -> dict[str, Any]:
    return {"api_key": target.api_key, "base_url": target.base_url, "max_retries": 0}


def rerank(target: Target) -> list[Observation]:
    documents = [Document(text, metadata={"index": place}) for place, text in enumerate(observed.TEXTS)]
    ranked = target.call(AIMLAPIRerank(**connection(target)), "compress_documents", documents, observed.TEXTS[0])
    return [Relevance(tuple((each.metadata["index"], each.metadata["relevance_score"]) for each in ranked))]


def ocr(target: Target) -> list[Observation]:
    parser = AIMLAPIOCRParser(annotation=observed.Trip, **connection(target))
    documents = target.call(parser, "parse", Blob.from_data(observed.PDF, mime_type="application/pdf"))
    pages = tuple((each.metadata["page"], each.page_content) for each in documents)
    trip = observed.Trip.model_validate_json(documents[0].metadata["annotation"])
    return [Scanned(pages, trip, total_cost(documents))]


def total_cost(documents: list[Document]) -> str:
    return str(sum(Decimal(each.metadata["cost_usd"]) for each in documents))


def speech(target: Target) -> list[Observation]:
    options: dict[str, Any] = {"language": "en", "speakers": True, "model_kwargs": {"interval": target.interval}}
    parser = AIMLAPISpeechParser(**options, **connection(target))
    documents = target.call(parser, "parse", Blob(path=observed.RECORDING))
    metadata = [each.metadata for each in documents]
    segments = tuple(
        (each["start"], each["end"], each["speaker"], document.page_content)
        for each, document in zip(metadata, documents, strict=True)
    )
    return [Submitted(metadata[0]["transcription_id"]), Transcribed(segments, total_cost(documents))]


def images(target: Target) -> list[Observation]:
    painter = AIMLAPIImageTool(**connection(target))
    with TemporaryDirectory() as folder:
        Path(folder, "square.png").write_bytes(base64.b64decode(observed.PICTURE))
        options: dict[str, Any] = {"model": observed.EDITOR, "model_kwargs": observed.EDITOR_OPTIONS}
        editor = AIMLAPIImageTool(image_dir=folder, **options, **connection(target))
        return [
            draw(target, painter, {"prompt": observed.PAINTING, "size": "16:9"}),
            draw(target, editor, {"prompt": observed.REPAINTING, "images": ["square.png"]}),
        ]


def draw(target: Target, tool: AIMLAPIImageTool, arguments: dict[str, Any]) -> Pictured:
    call = {"name": tool.name, "args": arguments, "id": "call-1", "type": "tool_call"}
    artifact = target.call(tool, "invoke", call).artifact
    images = (each.get("url") or Path(each["path"]).read_bytes() for each in artifact["images"])
    return Pictured(tuple(images), artifact["cost"]["usd"])
