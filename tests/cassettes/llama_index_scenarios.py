"""The scenarios in LlamaIndex."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CitationBlock, ImageBlock, TextBlock, ThinkingBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.tools import FunctionTool

from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding, AIMLAPIRerank, BatchAPI
from tests.cassettes import observed as seen
from tests.cassettes.observed import Line, Outcomes, Parsed, Relevance, Seen, Sight, Status, Tokens, Vectors


def model(line: Line, name: str = "", **kwargs: Any) -> AIMLAPI:
    return AIMLAPI(
        model=name or line.model,
        api_key=line.api_key,
        api_base=line.base_url,
        endpoint=line.endpoint,
        max_retries=0,
        **kwargs,
    )


def look(response: ChatResponse, calls: list[Any] | None = None) -> Seen:
    """What a user reads off a response, and the tool calls that the model found in it."""
    told, raw = response.additional_kwargs, response.raw
    assert isinstance(raw, dict)
    usage = raw["usage"]
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    thoughts = [block.content for block in response.message.blocks if isinstance(block, ThinkingBlock)]
    return Seen(
        text=response.message.content or "",
        reasoning="\n\n".join(thought for thought in thoughts if thought),
        finish_reason=told["finish_reason"],
        tokens=Tokens(
            told["prompt_tokens"],
            told["completion_tokens"],
            told["total_tokens"],
            details.get("reasoning_tokens", 0),
        ),
        tool_calls=tuple((call.tool_name, call.tool_kwargs) for call in calls or ()),
        cost=told.get("cost"),
        inference_id=told.get("inference_id"),
        request_id=told.get("request_id"),
        citations=tuple(block.source for block in response.message.blocks if isinstance(block, CitationBlock)),
    )


def chat(line: Line, llm: AIMLAPI, content: Any) -> list[Sight]:
    return [look(line.call(llm, "chat", [ChatMessage(role="user", content=content)]))]


def hello(line: Line) -> list[Sight]:
    return chat(line, model(line), seen.HELLO)


def plain(line: Line) -> list[Sight]:
    return chat(line, model(line), seen.GREETING)


def stream(line: Line) -> list[Sight]:
    return whole(line, model(line), seen.GREETING)


def whole(line: Line, llm: AIMLAPI, question: str) -> list[Sight]:
    """A question whose answer streams."""
    parts = line.call(llm, "stream_chat", [ChatMessage(question)])
    assert "".join(part.delta or "" for part in parts) == parts[-1].message.content
    return [look(parts[-1])]


def chatted(line: Line, llm: AIMLAPI, tool: FunctionTool, **said: Any) -> ChatResponse:
    response: ChatResponse = line.call(llm, "chat_with_tools", [tool], **said)
    return response


def streamed(line: Line, llm: AIMLAPI, tool: FunctionTool, **said: Any) -> ChatResponse:
    response: ChatResponse = line.call(llm, "stream_chat_with_tools", [tool], **said)[-1]
    return response


def weather(line: Line, asking: Callable[..., ChatResponse], **kwargs: Any) -> list[Sight]:
    """A question that needs a tool, put by `asking`, and the answer once its result is there."""
    llm = model(line, **kwargs)
    forecast = FunctionTool.from_defaults(seen.get_weather, description="The weather in a city.")
    asked = asking(line, llm, forecast, user_msg=seen.QUESTION)
    calls = llm.get_tool_calls_from_response(asked)
    assert calls
    history = [ChatMessage(seen.QUESTION), asked.message]
    for call in calls:
        said = forecast(**call.tool_kwargs).content
        history.append(ChatMessage(role="tool", content=said, additional_kwargs={"tool_call_id": call.tool_id}))
    answered = chatted(line, llm, forecast, chat_history=history)
    return [look(asked, calls), look(answered)]


def tools(line: Line) -> list[Sight]:
    return weather(line, chatted)


def tool_stream(line: Line) -> list[Sight]:
    return weather(line, streamed)


def structured(line: Line) -> list[Sight]:
    trip = line.call(model(line), "structured_predict", seen.Trip, PromptTemplate(seen.NOTE))
    assert trip == seen.Trip(city="Lisbon", days=4)
    return [Parsed(trip)]


def thinker(line: Line) -> AIMLAPI:
    name, options = seen.THINKERS[line.endpoint]
    return model(line, name, **{_NAMES.get(option, option): value for option, value in options.items()})


_NAMES = {"reasoning": "reasoning_options"}


def reasoning(line: Line) -> list[Sight]:
    if line.endpoint == "messages":
        return weather(line, chatted, **seen.THINKERS[line.endpoint][1])
    return chat(line, thinker(line), seen.RIDDLE)


def reasoning_stream(line: Line) -> list[Sight]:
    return whole(line, thinker(line), seen.RIDDLE)


def citations(line: Line) -> list[Sight]:
    return chat(line, model(line, built_in_tools=[seen.SEARCH]), seen.NEWS)


def image(line: Line) -> list[Sight]:
    blocks = [TextBlock(text=seen.LOOK), ImageBlock(image=seen.PICTURE.encode(), image_mimetype="image/png")]
    return chat(line, model(line), blocks)


def embeddings(line: Line) -> list[Sight]:
    embedder = AIMLAPIEmbedding(
        model_name=seen.EMBEDDER,
        dimensions=seen.DIMENSIONS,
        api_key=line.api_key,
        api_base=line.base_url,
        max_retries=0,
    )
    return [Vectors(line.call(embedder, "get_text_embedding_batch", seen.TEXTS))]


def batches(line: Line) -> list[Sight]:
    llm = model(line, seen.CLAUDE, max_tokens=50, prices=seen.BATCH_PRICES)
    job = line.call(BatchAPI(llm), "submit", [seen.GREETING, seen.HELLO])
    first = Status(job.id, job.batch.status)
    status = Status(job.id, line.call(job, "status"))
    responses = line.call(job, "results", interval=0)
    replies = tuple(
        (each.message.content, each.additional_kwargs["prompt_tokens"], each.additional_kwargs["completion_tokens"])
        for each in responses
    )
    return [first, status, Outcomes(replies)]


def rerank(line: Line) -> list[Sight]:
    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(place))) for place, text in enumerate(seen.TEXTS)]
    reranker = AIMLAPIRerank(api_key=line.api_key, api_base=line.base_url, max_retries=0)
    ranked = line.call(reranker, "postprocess_nodes", nodes, query_str=seen.TEXTS[0])
    return [Relevance(tuple((int(each.node.node_id), each.score) for each in ranked))]
