"""Every way to ask: (bare client, LangChain, LlamaIndex) × (sync, async) × (plain, stream) × (both endpoints).

Whatever the way, the answer is an `Answer` or an error is raised.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage
from llama_index.core.llms import ChatMessage, ChatResponse

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Reply
from tests.support.fault_server import KEY
from tests.support.replies import MODEL

QUESTION = "Where?"


class Way(NamedTuple):
    """One way to ask."""

    who: str
    asynchronous: bool
    streamed: bool
    endpoint: str

    def __str__(self) -> str:
        colour, shape = ("async" if self.asynchronous else "sync"), ("stream" if self.streamed else "plain")
        return f"{self.who}-{colour}-{shape}-{self.endpoint}"


WAYS = [Way(*way) for way in product(("bare", "lc", "li"), (False, True), (False, True), ("chat", "responses"))]

HALF = [way for way in WAYS if (way.asynchronous == way.streamed) == (way.endpoint == "chat")]
"""Half of them, in which each thing still meets each other: for faults that are read in one place."""


@dataclass(frozen=True)
class Answer:
    """What is the same in every framework."""

    text: str
    calls: tuple[tuple[str, Any], ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


def ask(
    way: Way, base_url: str, retries: int = 2, silence: float | None = None, key: str = KEY, **further: Any
) -> Answer:
    """One call.

    Args:
        way: which one.
        base_url: where to.
        retries: `max_retries`.
        silence: the chunk timeout, in seconds.
        key: the API key.
        further: settings by the names that all of them have.
    """
    settings = {"api_key": key, "base_url": base_url, "max_retries": retries, **further}
    if way.asynchronous:
        return asyncio.run(_ASYNC[way.who](settings, way, silence))
    return _SYNC[way.who](settings, way, silence)


def endpoint_of(way: Way) -> str:
    """The endpoint by the name that the package gives it."""
    return "chat_completions" if way.endpoint == "chat" else "responses"


# --- without a framework ----------------------------------------------------------------------------------------------


def _bare(settings: dict[str, Any], way: Way, silence: float | None) -> Answer:
    options = CallOptions(endpoint=endpoint_of(way), chunk_timeout=silence)
    with Client(**settings) as client:
        if not way.streamed:
            return of_reply(client.chat(QUESTION, model=MODEL, call=options))
        with client.chat_stream(QUESTION, model=MODEL, call=options) as deltas:
            told = list(deltas)
    return _told(told)


async def _abare(settings: dict[str, Any], way: Way, silence: float | None) -> Answer:
    options = CallOptions(endpoint=endpoint_of(way), chunk_timeout=silence)
    async with AsyncClient(**settings) as client:
        if not way.streamed:
            return of_reply(await client.chat(QUESTION, model=MODEL, call=options))
        async with client.chat_stream(QUESTION, model=MODEL, call=options) as deltas:
            told = [delta async for delta in deltas]
    return _told(told)


def _told(deltas: list[Any]) -> Answer:
    assert [delta.reply is not None for delta in deltas] == [*(False for _ in deltas[1:]), True]
    answer = of_reply(deltas[-1].reply)
    assert "".join(delta.text for delta in deltas) == answer.text
    return answer


def of_reply(reply: Reply) -> Answer:
    calls = [(call.name, call.parsed(), call.arguments) for call in reply.tool_calls]
    return Answer(
        reply.text,
        tuple((name, parsed) for name, parsed, _ in calls if parsed is not None),
        tuple((name, written) for name, parsed, written in calls if parsed is None),
        reply.finish_reason,
    )


# --- LangChain --------------------------------------------------------------------------------------------------------


def langchain_model(settings: dict[str, Any], way: Way, silence: float | None = None) -> ChatAIMLAPI:
    return ChatAIMLAPI(model=MODEL, endpoint=endpoint_of(way), stream_chunk_timeout=silence, **settings)


def _lc(settings: dict[str, Any], way: Way, silence: float | None) -> Answer:
    model = langchain_model(settings, way, silence)
    try:
        if not way.streamed:
            return of_message(model.invoke(QUESTION))
        whole: Any = None
        for chunk in model.stream(QUESTION):
            whole = chunk if whole is None else whole + chunk
        return of_message(whole)
    finally:
        model.close()


async def _alc(settings: dict[str, Any], way: Way, silence: float | None) -> Answer:
    model = langchain_model(settings, way, silence)
    try:
        if not way.streamed:
            return of_message(await model.ainvoke(QUESTION))
        whole: Any = None
        async for chunk in model.astream(QUESTION):
            whole = chunk if whole is None else whole + chunk
        return of_message(whole)
    finally:
        await model.aclose()


def of_message(message: AIMessage) -> Answer:
    return Answer(
        message.text,
        tuple((call["name"], call["args"]) for call in message.tool_calls),
        tuple((call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls),
        message.response_metadata.get("finish_reason"),
    )


# --- LlamaIndex -------------------------------------------------------------------------------------------------------


def llama_index_model(settings: dict[str, Any], way: Way) -> AIMLAPI:
    where = {("api_base" if name == "base_url" else name): value for name, value in settings.items()}
    return AIMLAPI(model=MODEL, endpoint=endpoint_of(way), **where)


def _li(settings: dict[str, Any], way: Way, silence: float | None) -> Answer:
    llm, asked, limit = llama_index_model(settings, way), [ChatMessage(QUESTION)], _limit(silence)
    if not way.streamed:
        return of_response(llm.chat(asked, **limit))
    return of_response(list(llm.stream_chat(asked, **limit))[-1])


async def _ali(settings: dict[str, Any], way: Way, silence: float | None) -> Answer:
    llm, asked, limit = llama_index_model(settings, way), [ChatMessage(QUESTION)], _limit(silence)
    if not way.streamed:
        return of_response(await llm.achat(asked, **limit))
    return of_response([response async for response in await llm.astream_chat(asked, **limit)][-1])


def _limit(silence: float | None) -> dict[str, float]:
    return {} if silence is None else {"chunk_timeout": silence}


def of_response(response: ChatResponse) -> Answer:
    blocks = [block for block in response.message.blocks if block.block_type == "tool_call"]
    broken = response.message.additional_kwargs.get("invalid_tool_calls", [])
    return Answer(
        response.message.content or "",
        tuple((block.tool_name, block.tool_kwargs) for block in blocks),
        tuple(tuple(call[call["type"]].values()) for call in broken),
        response.additional_kwargs.get("finish_reason"),
    )


_SYNC = {"bare": _bare, "lc": _lc, "li": _li}
_ASYNC = {"bare": _abare, "lc": _alc, "li": _ali}
