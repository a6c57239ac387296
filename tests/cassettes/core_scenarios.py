"""The scenarios with neither framework."""

from __future__ import annotations

import asyncio
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
from tests.cassettes import observed as seen
from tests.cassettes.observed import Decided, Line, Listed, Outcomes, Relevance, Seen, Sight, Status, Tokens, Vectors

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


def settings(line: Line) -> dict[str, Any]:
    return {"api_key": line.api_key, "base_url": line.base_url, "max_retries": 0}


def call(line: Line, method: str, *args: Any, **kwargs: Any) -> Any:
    """What a method of a client answers."""
    if not line.asynchronous:
        with Client(**settings(line)) as client:
            return getattr(client, method)(*args, **kwargs)

    async def answer() -> Any:
        async with AsyncClient(**settings(line)) as client:
            return await getattr(client, method)(*args, **kwargs)

    return asyncio.run(answer())


def complete(line: Line, request: Request) -> Reply:
    reply: Reply = call(line, "complete", request, CallOptions(endpoint=line.endpoint))
    return reply


def look(reply: Reply) -> Seen:
    """What a user reads off a reply."""
    usage = reply.usage
    assert usage is not None
    assert reply.finish_reason is not None
    return Seen(
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


def ask(line: Line, *messages: Message, **kwargs: Any) -> list[Sight]:
    return [look(complete(line, Request(line.model, messages, **kwargs)))]


def hello(line: Line) -> list[Sight]:
    return ask(line, user(seen.HELLO))


def plain(line: Line) -> list[Sight]:
    return ask(line, user(seen.GREETING))


def streamed(line: Line, request: Request) -> Reply:
    options = CallOptions(endpoint=line.endpoint)

    def sync_deltas() -> list[Any]:
        with Client(**settings(line)) as client, client.stream(request, options) as deltas:
            return list(deltas)

    async def async_deltas() -> list[Any]:
        async with AsyncClient(**settings(line)) as client, client.stream(request, options) as deltas:
            return [delta async for delta in deltas]

    parts = asyncio.run(async_deltas()) if line.asynchronous else sync_deltas()
    reply: Reply = parts[-1].reply
    told = [fragment.part for part in parts for fragment in part.fragments]
    arguments = "".join(part.arguments for part in told if isinstance(part, ToolCall))
    assert "".join(part.text for part in parts) == reply.text
    assert arguments == "".join(call.arguments for call in reply.tool_calls)
    return reply


def stream(line: Line) -> list[Sight]:
    return [look(streamed(line, Request(line.model, (user(seen.GREETING),))))]


def weather(line: Line, asking: Callable[[Line, Request], Reply], **kwargs: Any) -> list[Sight]:
    """A question that needs a tool, put by `asking`, and the answer once its result is there."""
    question = user(seen.QUESTION)
    asked = asking(line, Request(line.model, (question,), tools=(WEATHER,), **kwargs))
    assert asked.tool_calls
    results = [
        Message("tool", (Text(seen.get_weather(**(call.parsed() or {}))),), tool_call_id=call.id)
        for call in asked.tool_calls
    ]
    answered = complete(line, Request(line.model, (question, asked.message, *results), tools=(WEATHER,), **kwargs))
    return [look(asked), look(answered)]


def tools(line: Line) -> list[Sight]:
    return weather(line, complete)


def tool_stream(line: Line) -> list[Sight]:
    return weather(line, streamed)


def structured(line: Line) -> list[Sight]:
    [answer] = ask(line, user(seen.NOTE), **TRIP_FROM[line.endpoint])
    assert isinstance(answer, Seen)
    found = answer.tool_calls[0][1] if answer.tool_calls else json.loads(answer.text)
    assert seen.Trip.model_validate(found) == seen.Trip(city="Lisbon", days=4)
    return [answer]


def riddle(line: Line) -> Request:
    model, options = seen.THINKERS[line.endpoint]
    return Request(model, (user(seen.RIDDLE),), options=options)


def reasoning(line: Line) -> list[Sight]:
    if line.endpoint == "messages":
        return weather(line, complete, options=riddle(line).options)
    return [look(complete(line, riddle(line)))]


def reasoning_stream(line: Line) -> list[Sight]:
    return [look(streamed(line, riddle(line)))]


def citations(line: Line) -> list[Sight]:
    return ask(line, user(seen.NEWS), tools=(HostedTool(seen.SEARCH),))


def image(line: Line) -> list[Sight]:
    return ask(line, user(seen.LOOK, Image(data=seen.PICTURE, mime="image/png")))


def embeddings(line: Line) -> list[Sight]:
    found = call(line, "embed", seen.TEXTS, model=seen.EMBEDDER, dimensions=seen.DIMENSIONS)
    return [Vectors(list(found.vectors))]


def catalogue(line: Line) -> list[Sight]:
    def get() -> Any:
        with Client(**settings(line)) as client:
            return client.models.get(seen.MODEL)

    async def aget() -> Any:
        async with AsyncClient(**settings(line)) as client:
            return await client.models.get(seen.MODEL)

    model = asyncio.run(aget()) if line.asynchronous else get()
    return [Listed(model.id, model.context_length, dict(model.prices))]


def batches(line: Line) -> list[Sight]:
    prompts = [seen.GREETING, seen.HELLO]
    options: dict[str, Any] = {"model": seen.CLAUDE, "max_tokens": 50}

    def run() -> tuple[Any, Any, Any]:
        with Client(**settings(line)) as client:
            batch = client.batches.submit(prompts, **options)
            status = client.batches.get(batch.id)
            return batch, status, client.batches.results(batch.id, interval=0, prices=seen.BATCH_PRICES)

    async def arun() -> tuple[Any, Any, Any]:
        async with AsyncClient(**settings(line)) as client:
            batch = await client.batches.submit(prompts, **options)
            status = await client.batches.get(batch.id)
            return batch, status, await client.batches.results(batch.id, interval=0, prices=seen.BATCH_PRICES)

    batch, status, results = asyncio.run(arun()) if line.asynchronous else run()
    replies = [result.unwrap() for result in results]
    texts = tuple((reply.text, reply.usage.input, reply.usage.output) for reply in replies)
    return [Status(batch.id, batch.status), Status(status.id, status.status), Outcomes(texts)]


def decide(line: Line) -> list[Sight]:
    questions = {
        "payments": "Is it about payments?",
        "team": ChoiceQuestion("Which team handles it?", seen.TEAMS),
        "mood": ScoreQuestion("How angry is the customer?", seen.MOODS),
    }
    return [decided(call(line, "decide", seen.TICKET, questions))]


def decided(decisions: Any) -> Decided:
    yes, team, mood = decisions.yes_no("payments"), decisions.choice("team"), decisions.score("mood")
    return Decided(yes.probability, team.choice, mood.score, decisions.cost.usd)


def rerank(line: Line) -> list[Sight]:
    ranking = call(line, "rerank", seen.TEXTS[0], seen.TEXTS)
    return [Relevance(tuple((each.index, each.score) for each in ranking.results))]
