"""The scenarios in LangChain."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI

from . import seen
from .seen import Line, Seen, Sight, Tokens, Vectors


def model(line: Line, name: str = seen.MODEL, **kwargs: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(
        model=name,
        api_key=line.api_key,
        base_url=line.base_url,
        use_responses_api=line.use_responses_api,
        max_retries=0,
        **kwargs,
    )


def look(message: AIMessage) -> Seen:
    """What a user reads off a message."""
    usage, metadata = message.usage_metadata, message.response_metadata
    assert usage is not None
    reasoning = usage.get("output_token_details", {}).get("reasoning", 0)
    return Seen(
        text=str(message.text),
        reasoning=message.additional_kwargs.get("reasoning_content", ""),
        finish_reason=metadata["finish_reason"],
        tokens=Tokens(usage["input_tokens"], usage["output_tokens"], usage["total_tokens"], reasoning),
        tool_calls=tuple((call["name"], call["args"]) for call in message.tool_calls),
        cost=metadata.get("cost"),
        inference_id=metadata.get("inference_id"),
        request_id=metadata.get("request_id"),
    )


def hello(line: Line) -> list[Sight]:
    return [look(line.call(model(line), "invoke", seen.HELLO))]


def plain(line: Line) -> list[Sight]:
    return [look(line.call(model(line), "invoke", seen.GREETING))]


def stream(line: Line) -> list[Sight]:
    return [look(reduce(add, line.call(model(line), "stream", seen.GREETING)))]


def tools(line: Line) -> list[Sight]:
    weather = tool(seen.get_weather)
    assistant = model(line).bind_tools([weather])
    messages: list[Any] = [HumanMessage(seen.QUESTION)]
    asked = line.call(assistant, "invoke", messages)
    messages += [asked, *(weather.invoke(call) for call in asked.tool_calls)]
    return [look(asked), look(line.call(assistant, "invoke", messages))]


def structured(line: Line) -> list[Sight]:
    answer = line.call(model(line).with_structured_output(seen.Trip, include_raw=True), "invoke", seen.NOTE)
    assert answer["parsed"] == seen.Trip(city="Lisbon", days=4)
    return [look(answer["raw"])]


def reasoning(line: Line) -> list[Sight]:
    thinker = (
        model(line, reasoning={"effort": "low", "summary": "auto"})
        if line.use_responses_api
        else model(line, seen.THINKER)
    )
    return [look(line.call(thinker, "invoke", seen.RIDDLE))]


def image(line: Line) -> list[Sight]:
    picture = {"type": "image", "base64": seen.PICTURE, "mime_type": "image/png"}
    return [look(line.call(model(line), "invoke", [HumanMessage([{"type": "text", "text": seen.LOOK}, picture])]))]


def embeddings(line: Line) -> list[Sight]:
    embedder = AIMLAPIEmbeddings(
        model=seen.EMBEDDER,
        dimensions=seen.DIMENSIONS,
        api_key=line.api_key,
        base_url=line.base_url,
        max_retries=0,
    )
    return [Vectors(line.call(embedder, "embed_documents", seen.TEXTS))]
