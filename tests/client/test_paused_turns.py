"""A turn that Claude pauses is continued, plain and streamed, sync and async, by the client and by both frameworks.

The replies are written by hand, after https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations import AsyncClient, Client, errors
from aimlapi_integrations.client.call import MAX_CONTINUATIONS
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import HostedTool, Request
from aimlapi_integrations.types import Message as TurnMessage
from aimlapi_integrations.types import Text as TextPart

Json = dict[str, Any]
MODEL = "anthropic/claude-sonnet-4.5"
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
MODES = ("plain", "stream", "async plain", "async stream")
USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "tides"}}
PAGE = {"type": "web_search_result", "url": "https://a.example", "title": "Tides", "encrypted_content": "sealed"}
RESULT = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [PAGE]}
CITATION = {
    "type": "web_search_result_location",
    "url": "https://a.example",
    "title": "Tides",
    "cited_text": "High at noon",
    "encrypted_index": "index==",
}
PAUSED = [{"type": "text", "text": "Let me search."}, USE, RESULT]
FINAL = [{"type": "text", "text": "High tide is at noon.", "citations": [CITATION]}]


class Observed(NamedTuple):
    """What a user sees of a turn."""

    text: str
    finish_reason: str
    tokens: tuple[int, int]
    cost: str


# --- a gateway that pauses --------------------------------------------------------------------------------------------


class PausingGateway:
    """Pauses the first `pauses` responses. `bodies` are the requests."""

    def __init__(self, pauses: int) -> None:
        self.pauses = pauses
        self.bodies: list[Json] = []
        transport = httpx.MockTransport(self)
        self.clients: Json = {
            "http_client": httpx.Client(transport=transport),
            "async_client": httpx.AsyncClient(transport=transport),
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/messages"
        self.bodies.append(json.loads(request.content))
        is_paused = len(self.bodies) <= self.pauses
        reply = make_reply(PAUSED if is_paused else FINAL, "pause_turn" if is_paused else "end_turn")
        if not self.bodies[-1].get("stream"):
            return httpx.Response(200, json=reply)
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in iter_events(reply))
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


def make_reply(content: list[Json], stop_reason: str) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop_reason,
        "usage": {"input_tokens": 10, "output_tokens": 3},
        "meta": {"usage": {"credits_used": 20, "usd_spent": 0.00001}},
    }


def iter_events(reply: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": {**reply, "content": [], "stop_reason": None}}
    for index, block in enumerate(reply["content"]):
        deltas = list(iter_deltas(block))
        empty = {"text": "", "citations": []} if block["type"] == "text" else {}
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": reply["stop_reason"]}
    yield {"type": "message_delta", "delta": delta, "usage": reply["usage"], "meta": reply["meta"]}
    yield {"type": "message_stop"}


def iter_deltas(block: Json) -> Iterator[Json]:
    if block["type"] == "text":
        yield {"type": "text_delta", "text": block["text"]}
        for citation in block.get("citations", ()):
            yield {"type": "citations_delta", "citation": citation}


# --- the callers --------------------------------------------------------------------------------------------------


async def call_client(gateway: PausingGateway, mode: str) -> Observed:
    request = Request(
        MODEL, (TurnMessage("user", (TextPart("When?"),)),), tools=(HostedTool(SEARCH),), options={"max_tokens": 500}
    )
    with Client("k", http_client=gateway.clients["http_client"]) as client:
        asynchronous = AsyncClient("k", http_client=gateway.clients["async_client"])
        match mode:
            case "plain":
                reply: Any = client.complete(request)
            case "stream":
                with client.stream(request) as deltas:
                    reply = check_deltas(list(deltas))
            case "async plain":
                reply = await asynchronous.complete(request)
            case _:
                async with asynchronous.stream(request) as received:
                    reply = check_deltas([delta async for delta in received])
    return Observed(reply.text, reply.finish_reason, (reply.usage.input, reply.usage.output), reply.cost.usd)


def check_deltas(deltas: list[Any]) -> Any:
    """Return the reply, which only the last delta has. The deltas hold the same text."""
    *earlier, last = deltas
    assert not any(delta.reply for delta in earlier)
    assert "".join(delta.text for delta in deltas) == last.reply.text
    return last.reply


def langchain_model(gateway: PausingGateway, **fields: Any) -> Any:
    clients = {"http_client": gateway.clients["http_client"], "http_async_client": gateway.clients["async_client"]}
    return ChatAIMLAPI(model=MODEL, api_key="k", max_tokens=500, **clients, **fields).bind_tools([SEARCH])


async def call_langchain(gateway: PausingGateway, mode: str) -> Observed:
    model = langchain_model(gateway)
    match mode:
        case "plain":
            message = model.invoke("When?")
        case "stream":
            message = reduce(add, model.stream("When?"))
        case "async plain":
            message = await model.ainvoke("When?")
        case _:
            message = reduce(add, [chunk async for chunk in model.astream("When?")])
    usage, metadata = message.usage_metadata, message.response_metadata
    tokens = (usage["input_tokens"], usage["output_tokens"])
    return Observed(message.text, metadata["finish_reason"], tokens, metadata["cost"]["usd"])


async def call_llama_index(gateway: PausingGateway, mode: str) -> Observed:
    clients = {"http_client": gateway.clients["http_client"], "async_http_client": gateway.clients["async_client"]}
    llm = AIMLAPI(model=MODEL, api_key="k", max_tokens=500, built_in_tools=[SEARCH], **clients)
    messages = [ChatMessage("When?")]
    match mode:
        case "plain":
            response = llm.chat(messages)
        case "stream":
            *_, response = llm.stream_chat(messages)
        case "async plain":
            response = await llm.achat(messages)
        case _:
            *_, response = [each async for each in await llm.astream_chat(messages)]
    facts = response.additional_kwargs
    tokens = (facts["prompt_tokens"], facts["completion_tokens"])
    return Observed(response.message.content or "", facts["finish_reason"], tokens, facts["cost"]["usd"])


CALLERS: dict[str, Callable[[PausingGateway, str], Any]] = {
    "client": call_client,
    "langchain": call_langchain,
    "llama_index": call_llama_index,
}
every_caller = pytest.mark.parametrize("caller", CALLERS)
every_mode = pytest.mark.parametrize("mode", MODES)


# --- tests ------------------------------------------------------------------------------------------------------------


@every_caller
@every_mode
def test_paused_turn_is_continued_and_its_usage_summed(caller: str, mode: str) -> None:
    gateway = PausingGateway(pauses=2)
    observed = asyncio.run(CALLERS[caller](gateway, mode))
    assert len(gateway.bodies) == 3
    assert observed.text.count("Let me search.") == 2
    assert observed.text.endswith("High tide is at noon.")
    assert (observed.finish_reason, observed.tokens, observed.cost) == ("stop", (30, 9), "0.000030000")
    [first, second, third] = [body["messages"] for body in gateway.bodies]
    assert second == [*first, {"role": "assistant", "content": PAUSED}]
    assert third == [*first, {"role": "assistant", "content": [*PAUSED, *PAUSED]}]


@every_caller
@every_mode
def test_turn_paused_beyond_the_limit_ends_with_a_reason_of_its_own(caller: str, mode: str) -> None:
    gateway = PausingGateway(pauses=1000)
    observed = asyncio.run(CALLERS[caller](gateway, mode))
    assert len(gateway.bodies) == 1 + MAX_CONTINUATIONS
    assert observed.finish_reason == "pause_turn"
    assert observed.tokens == (10 * (1 + MAX_CONTINUATIONS), 3 * (1 + MAX_CONTINUATIONS))


@every_caller
@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_error_in_a_continuation_has_the_text_so_far(caller: str, mode: str) -> None:
    gateway = PausingGateway(pauses=1)

    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"message": "No."}) if gateway.bodies else gateway(request)

    gateway.clients["http_client"] = httpx.Client(transport=httpx.MockTransport(respond))
    with pytest.raises(errors.BadRequestError) as caught:
        asyncio.run(CALLERS[caller](gateway, mode))
    assert caught.value.partial == "Let me search."


@pytest.mark.parametrize("mode", ["plain", "stream"])
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_langchain_history_returns_searches_and_encrypted_citations(mode: str, output_version: str) -> None:
    gateway = PausingGateway(pauses=1)
    model = langchain_model(gateway, output_version=output_version)
    message = model.invoke("When?") if mode == "plain" else reduce(add, model.stream("When?"))
    kinds = [block["type"] for block in message.content_blocks]
    assert kinds == ["text", "server_tool_call", "server_tool_result", "text"]
    assert not message.tool_calls
    model.invoke([("user", "When?"), message, ("user", "Sure?")])
    assert gateway.bodies[-1]["messages"][1] == {"role": "assistant", "content": [*PAUSED, *FINAL]}


@pytest.mark.parametrize("mode", ["plain", "stream"])
def test_llama_index_history_returns_text_before_and_after_a_search_apart(mode: str) -> None:
    gateway = PausingGateway(pauses=1)
    clients = {"http_client": gateway.clients["http_client"], "async_http_client": gateway.clients["async_client"]}
    llm = AIMLAPI(model=MODEL, api_key="k", max_tokens=500, built_in_tools=[SEARCH], **clients)
    asked = ChatMessage("When?")
    if mode == "plain":
        message = llm.chat([asked]).message
    else:
        *_, last = llm.stream_chat([asked])
        message = last.message
    llm.chat([asked, message, ChatMessage("Sure?")])
    assert gateway.bodies[-1]["messages"][1] == {"role": "assistant", "content": [*PAUSED, *FINAL]}
