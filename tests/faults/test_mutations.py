"""Randomly mutated replies and streams decode to a valid message or raise a documented error, and nothing else.

`FAULTS_EXAMPLES=50000 pytest tests/faults/test_mutations.py` tries as many for each endpoint, and some thousands
in each framework; without it the run takes a few seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage
from llama_index.core.llms import ChatMessage

from aimlapi_integrations import AIMLAPIError, APIError
from aimlapi_integrations._utils.json import parse_json
from aimlapi_integrations.endpoints import Endpoint, catalogue, chat_completions, embeddings, messages, responses
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.transport.event_stream import EventParser
from aimlapi_integrations.types import Reply
from tests.faults import invariants
from tests.faults.mutating import chunked, mutated_bytes, mutated_json
from tests.support.messages_events import MESSAGES_BODIES, MESSAGES_STREAMS
from tests.support.replies import CHAT_BODIES, CHAT_STREAMS, MODEL, RESPONSES_BODIES, RESPONSES_STREAMS, dumps, sse

EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES", "240"))
SLOW_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)

endpoints = settings(max_examples=EXAMPLES // 4, deadline=None, database=None, suppress_health_check=SLOW_CHECKS)
frameworks = settings(
    max_examples=max(20, EXAMPLES // 20), deadline=None, database=None, suppress_health_check=SLOW_CHECKS
)

BODIES = {"chat_completions": CHAT_BODIES, "responses": RESPONSES_BODIES, "messages": MESSAGES_BODIES}
STREAMS = {"chat_completions": CHAT_STREAMS, "responses": RESPONSES_STREAMS, "messages": MESSAGES_STREAMS}
ENDPOINTS: list[Endpoint] = [chat_completions, responses, messages]
WIRES: dict[str, list[bytes]] = {name: [sse(events) for events in streams] for name, streams in STREAMS.items()}
WHOLE: dict[str, list[bytes]] = {name: list(map(dumps, bodies)) for name, bodies in BODIES.items()}
MODELS = {"messages": "anthropic/claude-opus-5"}

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=list(BODIES))


def name_of(endpoint: Endpoint) -> str:
    return endpoint.PATH.strip("/").replace("/", "_")


def read_plain(endpoint: Endpoint, body: Any) -> Reply | None:
    try:
        reply = endpoint.decode(body, {})
    except APIError:
        return None
    invariants.check_outcome(reply)
    return reply


def read_stream(endpoint: Endpoint, chunks: list[bytes]) -> Reply | None:
    parser, decoder = EventParser(), endpoint.Decoder(MODEL, {})
    try:
        for events in (*map(parser.feed, chunks), parser.close()):
            for event in events:
                decoder.feed(event)
        reply = decoder.close(parser.finished).reply
    except APIError:
        return None
    assert reply is not None
    invariants.check_outcome(reply)
    return reply


# --- the endpoints, without HTTP --------------------------------------------------------------------------------------


@every_endpoint
def test_mutated_body_decodes_or_raises_api_error(endpoint: Endpoint) -> None:
    @endpoints
    @given(mutated_json(BODIES[name_of(endpoint)]))
    def run(body: Any) -> None:
        read_plain(endpoint, body)

    run()


@every_endpoint
def test_mutated_events_decode_or_raise_api_error(endpoint: Endpoint) -> None:
    @endpoints
    @given(mutated_json(STREAMS[name_of(endpoint)]), st.booleans())
    def run(events: Any, done: bool) -> None:
        read_stream(endpoint, [sse(events if isinstance(events, list) else [events], done)])

    run()


@every_endpoint
def test_mutated_stream_bytes_decode_or_raise_api_error(endpoint: Endpoint) -> None:
    @endpoints
    @given(mutated_bytes(WIRES[name_of(endpoint)]).flatmap(chunked))
    def run(chunks: list[bytes]) -> None:
        read_stream(endpoint, chunks)

    run()


@every_endpoint
def test_mutated_body_bytes_decode_or_raise_api_error(endpoint: Endpoint) -> None:
    @endpoints
    @given(mutated_bytes(WHOLE[name_of(endpoint)]))
    def run(content: bytes) -> None:
        try:
            body = parse_json(content)
        except ValueError:
            return
        read_plain(endpoint, body)

    run()


@every_endpoint
def test_truncated_stream_is_never_a_complete_answer(endpoint: Endpoint) -> None:
    for stream in WIRES[name_of(endpoint)]:
        complete = read_stream(endpoint, [stream])
        assert complete is not None
        for end in range(len(stream) % 3, len(stream), 3):
            partial = read_stream(endpoint, [stream[:end]])
            assert partial is None or partial.message == complete.message, stream[max(0, end - 80) : end]


@every_endpoint
def test_stream_split_into_any_chunks_decodes_alike(endpoint: Endpoint) -> None:
    for stream in WIRES[name_of(endpoint)]:
        complete = read_stream(endpoint, [stream])
        for size in (1, 2, 7):
            assert read_stream(endpoint, [stream[at : at + size] for at in range(0, len(stream), size)]) == complete


VECTORS = {
    "object": "list",
    "data": [
        {"object": "embedding", "index": 0, "embedding": [0.5, -0.5]},
        {"object": "embedding", "index": 1, "embedding": "AAAAPwAAAL8="},
    ],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
    "meta": {"usage": {"credits_used": 1}},
}
_INFO = {"name": "GPT", "developer": "OpenAI", "contextLength": 1000, "outputMax": 100, "releasedAt": "2025-01-01"}
_PRICE = {"name": "input", "measure": "token", "price": 1.5, "per": 1000000}
MODEL_ENTRY = {
    "id": MODEL,
    "aliases": ["gpt"],
    "type": "openai/chat-completions",
    "info": _INFO,
    "tags": ["new"],
    "capabilities": ["tools"],
    "modalities": {"input": ["text"], "output": ["text"]},
    "pricing": {"kind": "fixed", "units": [_PRICE]},
}
OTHERS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "embeddings": (VECTORS, lambda body: embeddings.decode(body, {}, 2)),
    "models": ({"object": "list", "data": [MODEL_ENTRY, MODEL_ENTRY]}, lambda body: catalogue.decode_list(body, {})),
    "model": ({"object": "model", "data": MODEL_ENTRY}, lambda body: catalogue.decode_model(body, {})),
    "response": (RESPONSES_BODIES[0], lambda body: responses.decode_status(body, {})),
}


@pytest.mark.parametrize("call_name", OTHERS)
def test_mutated_body_of_other_calls_decodes_or_raises_api_error(call_name: str) -> None:
    good_answer, decode = OTHERS[call_name]
    assert decode(good_answer)

    @endpoints
    @given(mutated_json([good_answer]))
    def run(body: Any) -> None:
        if isinstance(body, dict):  # the transport passes nothing else
            with suppress(APIError):
                assert decode(body) is not None

    run()


# --- in the frameworks ------------------------------------------------------------------------------------------------


def mock_clients(content: bytes, streamed: bool) -> dict[str, Any]:
    kind = "text/event-stream" if streamed else "application/json"
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content, headers={"content-type": kind}))
    return {"http_client": httpx.Client(transport=transport), "async": httpx.AsyncClient(transport=transport)}


def run_langchain(name: str, content: bytes, streamed: bool, asynchronous: bool, version: str | None) -> None:
    clients = mock_clients(content, streamed)
    model = ChatAIMLAPI(
        model=MODELS.get(name, MODEL),
        api_key="key",
        max_retries=0,
        endpoint=name,
        output_version=version,
        http_client=clients["http_client"],
        http_async_client=clients["async"],
    )
    check_langchain(asyncio.run(_alangchain(model, streamed)) if asynchronous else _langchain(model, streamed))


def _langchain(model: ChatAIMLAPI, streamed: bool) -> Any:
    if not streamed:
        return model.invoke("Hello")
    complete = None
    for chunk in model.stream("Hello"):
        complete = chunk if complete is None else complete + chunk
    return complete


async def _alangchain(model: ChatAIMLAPI, streamed: bool) -> Any:
    if not streamed:
        return await model.ainvoke("Hello")
    complete = None
    async for chunk in model.astream("Hello"):
        complete = chunk if complete is None else complete + chunk
    return complete


def check_langchain(message: Any) -> None:
    assert isinstance(message, AIMessage)
    assert isinstance(message.text, str)
    assert all(isinstance(call["args"], dict) for call in message.tool_calls)
    assert all(isinstance(block, dict) for block in message.content_blocks)
    json.dumps(dumpd(message))


def run_llama_index(name: str, content: bytes, streamed: bool, asynchronous: bool, _: str | None) -> None:
    clients = mock_clients(content, streamed)
    llm = AIMLAPI(
        model=MODELS.get(name, MODEL),
        api_key="key",
        max_retries=0,
        endpoint=name,
        http_client=clients["http_client"],
        async_http_client=clients["async"],
    )
    messages = [ChatMessage("Hello")]
    check_llama_index(
        asyncio.run(_allama_index(llm, messages, streamed)) if asynchronous else _llama_index(llm, messages, streamed)
    )


def _llama_index(llm: AIMLAPI, messages: list[ChatMessage], streamed: bool) -> Any:
    if not streamed:
        return llm.chat(messages)
    return list(llm.stream_chat(messages))[-1]


async def _allama_index(llm: AIMLAPI, messages: list[ChatMessage], streamed: bool) -> Any:
    if not streamed:
        return await llm.achat(messages)
    return [response async for response in await llm.astream_chat(messages)][-1]


def check_llama_index(response: Any) -> None:
    assert isinstance(response.message, ChatMessage)
    response.message.model_dump_json()
    assert isinstance(response.message.content, str | None)


RunCall = Callable[[str, bytes, bool, bool, str | None], None]
every_framework = pytest.mark.parametrize(
    "run_call", [run_langchain, run_llama_index], ids=["langchain", "llama_index"]
)
every_endpoint_name = pytest.mark.parametrize("name", ["chat_completions", "responses", "messages"])


def run_suppressed(run_call: RunCall, *arguments: Any) -> None:
    with suppress(AIMLAPIError):
        run_call(*arguments)


VERSIONS = st.sampled_from([None, "v1"])


@every_framework
@every_endpoint_name
def test_mutated_body_in_a_framework_decodes_or_raises(run_call: RunCall, name: str) -> None:
    @frameworks
    @given(mutated_json(BODIES[name]), st.booleans(), VERSIONS)
    def run(body: Any, asynchronous: bool, version: str | None) -> None:
        run_suppressed(run_call, name, dumps(body), False, asynchronous, version)

    run()


@every_framework
@every_endpoint_name
def test_mutated_events_in_a_framework_decode_or_raise(run_call: RunCall, name: str) -> None:
    @frameworks
    @given(mutated_json(STREAMS[name]), st.booleans(), VERSIONS)
    def run(events: Any, asynchronous: bool, version: str | None) -> None:
        run_suppressed(
            run_call, name, sse(events if isinstance(events, list) else [events]), True, asynchronous, version
        )

    run()


@every_framework
@every_endpoint_name
def test_mutated_stream_bytes_in_a_framework_decode_or_raise(run_call: RunCall, name: str) -> None:
    @frameworks
    @given(mutated_bytes(WIRES[name]), st.booleans(), VERSIONS)
    def run(content: bytes, asynchronous: bool, version: str | None) -> None:
        run_suppressed(run_call, name, content, True, asynchronous, version)

    run()


@every_framework
@every_endpoint_name
def test_mutated_body_bytes_in_a_framework_decode_or_raise(run_call: RunCall, name: str) -> None:
    @frameworks
    @given(mutated_bytes(WHOLE[name]), st.booleans(), VERSIONS)
    def run(content: bytes, asynchronous: bool, version: str | None) -> None:
        run_suppressed(run_call, name, content, False, asynchronous, version)

    run()
