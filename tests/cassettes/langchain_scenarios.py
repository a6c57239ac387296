"""The scenarios in LangChain."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from aimlapi_integrations import ChoiceQuestion, ScoreQuestion
from aimlapi_integrations.langchain import AIMLAPIDecisions, AIMLAPIEmbeddings, AIMLAPIRerank, BatchAPI, ChatAIMLAPI
from tests.cassettes import observed as seen
from tests.cassettes.observed import Decided, Line, Outcomes, Relevance, Seen, Sight, Status, Tokens, Vectors


def model(line: Line, name: str = "", **kwargs: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(
        model=name or line.model,
        api_key=line.api_key,
        base_url=line.base_url,
        endpoint=line.endpoint,
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
        citations=tuple(note["url"] for block in message.content_blocks for note in block.get("annotations", ())),
    )


def hello(line: Line) -> list[Sight]:
    return [look(line.call(model(line), "invoke", seen.HELLO))]


def plain(line: Line) -> list[Sight]:
    return [look(line.call(model(line), "invoke", seen.GREETING))]


def invoked(line: Line, runnable: Any, messages: Any) -> AIMessage:
    message: AIMessage = line.call(runnable, "invoke", messages)
    return message


def streamed(line: Line, runnable: Any, messages: Any) -> AIMessage:
    message: AIMessage = reduce(add, line.call(runnable, "stream", messages))
    return message


def stream(line: Line) -> list[Sight]:
    return [look(streamed(line, model(line), seen.GREETING))]


def weather(line: Line, asking: Callable[[Line, Any, Any], AIMessage], **kwargs: Any) -> list[Sight]:
    """A question that needs a tool, put by `asking`, and the answer once its result is there."""
    forecast = tool(seen.get_weather)
    assistant = model(line, **kwargs).bind_tools([forecast])
    messages: list[Any] = [HumanMessage(seen.QUESTION)]
    asked = asking(line, assistant, messages)
    assert asked.tool_calls
    messages += [asked, *(forecast.invoke(call) for call in asked.tool_calls)]
    return [look(asked), look(invoked(line, assistant, messages))]


def tools(line: Line) -> list[Sight]:
    return weather(line, invoked)


def tool_stream(line: Line) -> list[Sight]:
    return weather(line, streamed)


def structured(line: Line) -> list[Sight]:
    answer = line.call(model(line).with_structured_output(seen.Trip, include_raw=True), "invoke", seen.NOTE)
    assert answer["parsed"] == seen.Trip(city="Lisbon", days=4)
    return [look(answer["raw"])]


def reasoning(line: Line) -> list[Sight]:
    name, options = seen.THINKERS[line.endpoint]
    if line.endpoint == "messages":
        return weather(line, invoked, **options)
    return [look(invoked(line, model(line, name, **options), seen.RIDDLE))]


def reasoning_stream(line: Line) -> list[Sight]:
    name, options = seen.THINKERS[line.endpoint]
    return [look(streamed(line, model(line, name, **options), seen.RIDDLE))]


def citations(line: Line) -> list[Sight]:
    return [look(invoked(line, model(line).bind_tools([seen.SEARCH]), seen.NEWS))]


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


def batches(line: Line) -> list[Sight]:
    llm = model(line, seen.CLAUDE, max_tokens=50, prices=seen.BATCH_PRICES)
    job = line.call(BatchAPI(llm), "submit", [seen.GREETING, seen.HELLO])
    first = Status(job.id, job.batch.status)
    status = Status(job.id, line.call(job, "status"))
    messages = line.call(job, "results", interval=0)
    counts = [message.usage_metadata for message in messages]
    texts = (str(message.text) for message in messages)
    replies = tuple(
        (text, count["input_tokens"], count["output_tokens"]) for text, count in zip(texts, counts, strict=True)
    )
    return [first, status, Outcomes(replies)]


def decide(line: Line) -> list[Sight]:
    questions = {
        "payments": "Is it about payments?",
        "team": ChoiceQuestion("Which team handles it?", seen.TEAMS),
        "mood": ScoreQuestion("How angry is the customer?", seen.MOODS),
    }
    runnable = AIMLAPIDecisions(questions=questions, **connection(line))
    decisions = line.call(runnable, "invoke", seen.TICKET)
    yes, team, mood = decisions.yes_no("payments"), decisions.choice("team"), decisions.score("mood")
    return [Decided(yes.probability, team.choice, mood.score, decisions.cost.usd)]


def connection(line: Line) -> dict[str, Any]:
    return {"api_key": line.api_key, "base_url": line.base_url, "max_retries": 0}


def rerank(line: Line) -> list[Sight]:
    documents = [Document(text, metadata={"index": place}) for place, text in enumerate(seen.TEXTS)]
    ranked = line.call(AIMLAPIRerank(**connection(line)), "compress_documents", documents, seen.TEXTS[0])
    return [Relevance(tuple((each.metadata["index"], each.metadata["relevance_score"]) for each in ranked))]
