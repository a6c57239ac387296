"""The scenarios with neither framework."""

from __future__ import annotations

import asyncio
from typing import Any

from aimlapi_integrations import AsyncClient, Client
from aimlapi_integrations.client import CallOptions
from aimlapi_integrations.conversation import Image, Message, Reply, Request, ResponseFormat, Text, Tool

from . import seen
from .seen import Line, Seen, Sight, Tokens, Vectors

WEATHER = Tool(
    "get_weather",
    "The weather in a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
TRIP = ResponseFormat(
    "json_schema",
    name="trip",
    schema={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
    strict=True,
)


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
    reply: Reply = call(line, "complete", request, CallOptions(use_responses_api=line.use_responses_api))
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
        inference_id=reply.trail.inference_id,
        request_id=reply.trail.request_id,
    )


def ask(line: Line, *messages: Message, model: str = seen.MODEL, **kwargs: Any) -> list[Sight]:
    return [look(complete(line, Request(model, messages, **kwargs)))]


def hello(line: Line) -> list[Sight]:
    return ask(line, user(seen.HELLO))


def plain(line: Line) -> list[Sight]:
    return ask(line, user(seen.GREETING))


def stream(line: Line) -> list[Sight]:
    request = Request(seen.MODEL, (user(seen.GREETING),))
    options = CallOptions(use_responses_api=line.use_responses_api)

    def sync_deltas() -> list[Any]:
        with Client(**settings(line)) as client, client.stream(request, options) as deltas:
            return list(deltas)

    async def async_deltas() -> list[Any]:
        async with AsyncClient(**settings(line)) as client, client.stream(request, options) as deltas:
            return [delta async for delta in deltas]

    parts = asyncio.run(async_deltas()) if line.asynchronous else sync_deltas()
    assert "".join(part.text for part in parts) == parts[-1].reply.text
    return [look(parts[-1].reply)]


def tools(line: Line) -> list[Sight]:
    question = user(seen.QUESTION)
    asked = complete(line, Request(seen.MODEL, (question,), tools=(WEATHER,)))
    results = [
        Message("tool", (Text(seen.get_weather(**(call.parsed() or {}))),), tool_call_id=call.id)
        for call in asked.tool_calls
    ]
    answered = complete(line, Request(seen.MODEL, (question, asked.message, *results), tools=(WEATHER,)))
    return [look(asked), look(answered)]


def structured(line: Line) -> list[Sight]:
    [answer] = ask(line, user(seen.NOTE), response_format=TRIP)
    assert isinstance(answer, Seen)
    assert seen.Trip.model_validate_json(answer.text) == seen.Trip(city="Lisbon", days=4)
    return [answer]


def reasoning(line: Line) -> list[Sight]:
    if line.use_responses_api:
        return ask(line, user(seen.RIDDLE), options={"reasoning": {"effort": "low", "summary": "auto"}})
    return ask(line, user(seen.RIDDLE), model=seen.THINKER)


def image(line: Line) -> list[Sight]:
    return ask(line, user(seen.LOOK, Image(data=seen.PICTURE, mime="image/png")))


def embeddings(line: Line) -> list[Sight]:
    found = call(line, "embed", seen.TEXTS, model=seen.EMBEDDER, dimensions=seen.DIMENSIONS)
    return [Vectors(list(found.vectors))]
