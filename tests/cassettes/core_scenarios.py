"""The scenarios without a framework."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

from aimlapi_integrations import AsyncClient, CallOptions, ChoiceQuestion, Client, ScoreQuestion
from aimlapi_integrations.types import (
    HostedTool,
    Image,
    Message,
    Reply,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from tests.cassettes import observed
from tests.cassettes.observed import (
    Answer,
    Decided,
    Listed,
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

WEATHER = Tool(
    "get_weather",
    "The weather in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
TRIP = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TRIP_FORMAT = {"response_format": ResponseFormat("json_schema", name="trip", schema=TRIP, strict=True)}
TRIP_TOOL = {"tools": (Tool("trip", parameters=TRIP),), "tool_choice": ToolChoice("named", name="trip")}
# The messages endpoint has no response format.
TRIP_FROM: dict[str, dict[str, Any]] = {
    "chat_completions": TRIP_FORMAT,
    "responses": TRIP_FORMAT,
    "messages": TRIP_TOOL,
}


def user(text: str, *parts: Image) -> Message:
    return Message("user", (Text(text), *parts))


def settings(target: Target) -> dict[str, Any]:
    return {"api_key": target.api_key, "base_url": target.base_url, "max_retries": 0}


def call(target: Target, method: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method of a client."""
    if not target.is_async:
        with Client(**settings(target)) as client:
            return getattr(client, method)(*args, **kwargs)

    async def answer() -> Any:
        async with AsyncClient(**settings(target)) as client:
            return await getattr(client, method)(*args, **kwargs)

    return asyncio.run(answer())


def complete(target: Target, request: Request) -> Reply:
    reply: Reply = call(target, "complete", request, CallOptions(endpoint=target.endpoint))
    return reply


def observe(reply: Reply) -> Answer:
    """Return what a user observes of a reply."""
    usage = reply.usage
    assert usage is not None
    assert reply.finish_reason is not None
    return Answer(
        text=reply.text,
        reasoning=reply.reasoning,
        finish_reason=reply.finish_reason,
        tokens=Tokens(usage.input, usage.output, usage.total, usage.output_details.get("reasoning", 0)),
        tool_calls=tuple((call.name, call.parsed() or {}) for call in reply.tool_calls),
        cost={"usd": reply.cost.usd, "credits": reply.cost.credits} if reply.cost else None,
        inference_id=reply.call_metadata.inference_id,
        request_id=reply.call_metadata.request_id,
        citations=tuple(citation.url or "" for citation in reply.message.citations),
    )


def ask(target: Target, *messages: Message, **kwargs: Any) -> list[Observation]:
    return [observe(complete(target, Request(target.model, messages, **kwargs)))]


def hello(target: Target) -> list[Observation]:
    return ask(target, user(observed.HELLO))


def plain(target: Target) -> list[Observation]:
    return ask(target, user(observed.GREETING))


def stream_and_check(target: Target, request: Request) -> Reply:
    options = CallOptions(endpoint=target.endpoint)

    def sync_deltas() -> list[Any]:
        with Client(**settings(target)) as client, client.stream(request, options) as deltas:
            return list(deltas)

    async def async_deltas() -> list[Any]:
        async with AsyncClient(**settings(target)) as client, client.stream(request, options) as deltas:
            return [delta async for delta in deltas]

    parts = asyncio.run(async_deltas()) if target.is_async else sync_deltas()
    reply: Reply = parts[-1].reply
    metadata = [fragment.part for part in parts for fragment in part.fragments]
    arguments = "".join(part.arguments for part in metadata if isinstance(part, ToolCall))
    assert "".join(part.text for part in parts) == reply.text
    assert arguments == "".join(call.arguments for call in reply.tool_calls)
    return reply


def stream(target: Target) -> list[Observation]:
    return [observe(stream_and_check(target, Request(target.model, (user(observed.GREETING),))))]


def weather(target: Target, send: Callable[[Target, Request], Reply], **kwargs: Any) -> list[Observation]:
    """Ask a question that needs a tool with `send`, and return its result to the model."""
    question = user(observed.QUESTION)
    first = send(target, Request(target.model, (question,), tools=(WEATHER,), **kwargs))
    assert first.tool_calls
    results = [
        Message("tool", (Text(observed.get_weather(**(call.parsed() or {}))),), tool_call_id=call.id)
        for call in first.tool_calls
    ]
    final = complete(target, Request(target.model, (question, first.message, *results), tools=(WEATHER,), **kwargs))
    return [observe(first), observe(final)]


def tools(target: Target) -> list[Observation]:
    return weather(target, complete)


def tool_stream(target: Target) -> list[Observation]:
    return weather(target, stream_and_check)


def structured(target: Target) -> list[Observation]:
    [answer] = ask(target, user(observed.NOTE), **TRIP_FROM[target.endpoint])
    assert isinstance(answer, Answer)
    parsed = answer.tool_calls[0][1] if answer.tool_calls else json.loads(answer.text)
    assert observed.Trip.model_validate(parsed) == observed.Trip(city="Lisbon", days=4)
    return [answer]


def riddle(target: Target) -> Request:
    model, options = observed.REASONING_MODELS[target.endpoint]
    return Request(model, (user(observed.RIDDLE),), options=options)


def reasoning(target: Target) -> list[Observation]:
    if target.endpoint == "messages":
        return weather(target, complete, options=riddle(target).options)
    return [observe(complete(target, riddle(target)))]


def reasoning_stream(target: Target) -> list[Observation]:
    return [observe(stream_and_check(target, riddle(target)))]


def citations(target: Target) -> list[Observation]:
    return ask(target, user(observed.NEWS_QUESTION), tools=(HostedTool(observed.SEARCH),))


def image(target: Target) -> list[Observation]:
    return ask(target, user(observed.PICTURE_QUESTION, Image(data=observed.PICTURE, mime="image/png")))


def embeddings(target: Target) -> list[Observation]:
    parsed = call(target, "embed", observed.TEXTS, model=observed.EMBEDDER, dimensions=observed.DIMENSIONS)
    return [Vectors(list(parsed.vectors))]


def catalogue(target: Target) -> list[Observation]:
    def get() -> Any:
        with Client(**settings(target)) as client:
            return client.models.get(observed.MODEL)

    async def aget() -> Any:
        async with AsyncClient(**settings(target)) as client:
            return await client.models.get(observed.MODEL)

    model = asyncio.run(aget()) if target.is_async else get()
    return [Listed(model.id, model.context_length, dict(model.prices))]


def batches(target: Target) -> list[Observation]:
    prompts = [observed.GREETING, observed.HELLO]
    options: dict[str, Any] = {"model": observed.CLAUDE, "max_tokens": 50}

    def run() -> tuple[Any, Any, Any]:
        with Client(**settings(target)) as client:
            batch = client.batches.submit(prompts, **options)
            status = client.batches.get(batch.id)
            return (
                batch,
                status,
                client.batches.results(batch.id, interval=target.interval, prices=observed.BATCH_PRICES),
            )

    async def arun() -> tuple[Any, Any, Any]:
        async with AsyncClient(**settings(target)) as client:
            batch = await client.batches.submit(prompts, **options)
            status = await client.batches.get(batch.id)
            return (
                batch,
                status,
                await client.batches.results(batch.id, interval=target.interval, prices=observed.BATCH_PRICES),
            )

    batch, status, results = asyncio.run(arun()) if target.is_async else run()
    replies = [result.unwrap() for result in results]
    texts = tuple((reply.text, reply.usage.input, reply.usage.output) for reply in replies)
    return [Status(batch.id, batch.status), Status(status.id, status.status), Outcomes(texts)]


def decide(target: Target) -> list[Observation]:
    questions = {
        "payments": "Is it about payments?",
        "team": ChoiceQuestion("Which team handles it?", observed.TEAMS),
        "mood": ScoreQuestion("How angry is the customer?", observed.MOODS),
    }
    return [decided(call(target, "decide", observed.TICKET, questions))]


def decided(decisions: Any) -> Decided:
    yes, team, mood = decisions.yes_no("payments"), decisions.choice("team"), decisions.score("mood")
    return Decided(yes.probability, team.choice, mood.score, decisions.cost.usd)


def rerank(target: Target) -> list[Observation]:
    ranking = call(target, "rerank", observed.TEXTS[0], observed.TEXTS)
    return [Relevance(tuple((each.index, each.score) for each in ranking.results))]


def ocr(target: Target) -> list[Observation]:
    result = call(target, "ocr", observed.PDF, annotation=observed.Trip)
    pages = tuple((page.index, page.markdown) for page in result.pages)
    return [Scanned(pages, result.annotation, result.cost.usd)]


def speech(target: Target) -> list[Observation]:
    options: dict[str, Any] = {"language": "en", "speakers": True, "interval": target.interval}
    transcript = call(target, "transcribe", observed.RECORDING, **options)
    segments = tuple((each.start, each.end, each.speaker, each.text) for each in transcript.segments)
    return [Submitted(transcript.id), Transcribed(segments, transcript.cost.usd)]


def images(target: Target) -> list[Observation]:
    source = base64.b64decode(observed.PICTURE)
    options: dict[str, Any] = {"model": observed.EDITOR, **observed.EDITOR_OPTIONS}
    painted = call(target, "generate_image", observed.PAINTING, size="16:9")
    edited = call(target, "edit_image", observed.REPAINTING, source, **options)
    return [
        Pictured(tuple(each.url or each.content for each in made.images), made.cost.usd) for made in (painted, edited)
    ]
