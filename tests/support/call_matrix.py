"""Every way to call a model: (plain client, LangChain, LlamaIndex) × (sync, async) × (plain, stream) × endpoint.

`respond` and `arespond` return what the client returns: a `Reply`, an `AIMessage` or a `ChatResponse`. Functions of
`answers.py` read them alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from operator import add
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.llms import ChatMessage, ChatResponse

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Reply, ToolCall
from tests.support.answers import Answer, answer_of
from tests.support.combinations import combine
from tests.support.fault_server import KEY
from tests.support.replies import MODEL

QUESTION = "Where?"
CLIENTS = ("client", "langchain", "llama_index")
DRIVERS = {"plain": (False, False), "stream": (False, True), "async plain": (True, False), "async stream": (True, True)}
"""Whether a call is async, and whether it is streamed."""


class CallMode(NamedTuple):
    """A client, sync or async, plain or streamed, on an endpoint. None lets the model and the request decide."""

    client: str
    is_async: bool
    streamed: bool
    endpoint: str | None

    def __str__(self) -> str:
        driver, form = ("async" if self.is_async else "sync"), ("stream" if self.streamed else "plain")
        return f"{self.client}-{driver}-{form}-{self.endpoint}"


MODES = [CallMode(*mode) for mode in product(CLIENTS, (False, True), (False, True), ("chat", "responses"))]
PLAIN, STREAMED = ([mode for mode in MODES if mode.streamed == streamed] for streamed in (False, True))
every_call_mode = pytest.mark.parametrize("mode", MODES, ids=str)
plain_call_modes = pytest.mark.parametrize("mode", PLAIN, ids=str)


def spread(
    names: str, rows: Iterable[Any], modes: Sequence[CallMode] = MODES, *, parts: int = 4
) -> pytest.MarkDecorator:
    """Parametrize by rows, each in a part of the modes: see `combine_modes`. `names` are those of the row's values."""
    return pytest.mark.parametrize(f"{names},mode", combine_modes(rows, modes, parts=parts), ids=str)


def combine_modes(rows: Iterable[Any], modes: Sequence[CallMode] = MODES, *, parts: int = 4) -> list[tuple[Any, ...]]:
    """Combine each row with a half or a quarter of the modes, and the next row with the next part.

    A part of all modes has every pair of values: each client sync and async, each endpoint plain and streamed … So does
    half of the plain or of the streamed ones; a quarter of those has every value.
    """
    return combine(rows, modes, parts=parts, part_of=_quarter_of)


def _quarter_of(mode: CallMode) -> int:
    """Return which quarter of the modes this one is in: an orthogonal array."""
    client = CLIENTS.index(mode.client)
    form = mode.is_async ^ mode.streamed ^ (client == 1)
    endpoint = mode.is_async ^ (mode.endpoint == "chat") ^ (client == 2)
    return 2 * form + endpoint


def endpoint_of(mode: CallMode) -> str | None:
    """Return the package's name of the endpoint."""
    return "chat_completions" if mode.endpoint == "chat" else mode.endpoint


# --- calls ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelCall:
    """What to send, and how.

    Attributes:
        messages: a text, or messages of the client's own.
        settings: of the client or model, by their names in the plain client.
        options: of the call.
        tools: in any form that all clients take.
        use_responses_api: instead of an endpoint.
        chunk_timeout: in seconds.
        http_clients: sync and async.
    """

    messages: Any = QUESTION
    model: str = MODEL
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    tools: Sequence[Any] = ()
    use_responses_api: bool | None = None
    chunk_timeout: float | None = None
    http_clients: tuple[Any, Any] | None = None

    def options_and_tools(self) -> dict[str, Any]:
        return {**self.options, **({"tools": self.tools} if self.tools else {})}


def respond(mode: CallMode, call: ModelCall) -> Any:
    """Make a call, outside of any event loop if it is sync."""
    if mode.is_async:
        return asyncio.run(_ASYNC[mode.client](mode, call))
    return _SYNC[mode.client](mode, call)


async def arespond(mode: CallMode, call: ModelCall) -> Any:
    """Make a call in the running event loop, which a sync one blocks."""
    if mode.is_async:
        return await _ASYNC[mode.client](mode, call)
    return _SYNC[mode.client](mode, call)


def run_call(
    mode: CallMode,
    base_url: str,
    max_retries: int = 2,
    chunk_timeout: float | None = None,
    key: Any = KEY,
    **extra: Any,
) -> Answer:
    """Ask a question.

    Args:
        mode: the client, the driver and the endpoint.
        base_url: of the server.
        max_retries: of the client.
        chunk_timeout: in seconds.
        key: the API key.
        extra: further settings.
    """
    settings = {"api_key": key, "base_url": base_url, "max_retries": max_retries, **extra}
    return answer_of(respond(mode, ModelCall(settings=settings, chunk_timeout=chunk_timeout)))


# --- the plain client -------------------------------------------------------------------------------------------------


def _client_arguments(mode: CallMode, call: ModelCall) -> dict[str, Any]:
    options = CallOptions(
        endpoint=endpoint_of(mode), use_responses_api=call.use_responses_api, chunk_timeout=call.chunk_timeout
    )
    return {"model": call.model, "call": options, **call.options_and_tools()}


def _client(mode: CallMode, call: ModelCall) -> Reply:
    arguments = _client_arguments(mode, call)
    http_client = {"http_client": call.http_clients[0]} if call.http_clients else {}
    with Client(**call.settings, **http_client) as client:
        if not mode.streamed:
            return client.chat(call.messages, **arguments)
        with client.chat_stream(call.messages, **arguments) as stream:
            return _last_reply(list(stream))


async def _aclient(mode: CallMode, call: ModelCall) -> Reply:
    arguments = _client_arguments(mode, call)
    http_client = {"http_client": call.http_clients[1]} if call.http_clients else {}
    async with AsyncClient(**call.settings, **http_client) as client:
        if not mode.streamed:
            return await client.chat(call.messages, **arguments)
        async with client.chat_stream(call.messages, **arguments) as stream:
            return _last_reply([delta async for delta in stream])


def _last_reply(deltas: list[Any]) -> Reply:
    """Return the reply of the last delta, after checking that the others add up to it."""
    assert [delta.reply is not None for delta in deltas] == [*(False for _ in deltas[1:]), True]
    reply: Reply = deltas[-1].reply
    assert "".join(delta.text for delta in deltas) == reply.text
    pieces: dict[int, list[ToolCall]] = {}
    for fragment in (fragment for delta in deltas for fragment in delta.fragments):
        if isinstance(fragment.part, ToolCall):
            pieces.setdefault(fragment.index, []).append(fragment.part)
    streamed = [
        tuple("".join(getattr(one, name) for one in call) for name in ("id", "name")) for call in pieces.values()
    ]
    assert sorted(streamed) == sorted((call.id, call.name) for call in reply.tool_calls)
    return reply


# --- LangChain --------------------------------------------------------------------------------------------------------


def langchain_model(mode: CallMode, settings: Mapping[str, Any], **fields: Any) -> ChatAIMLAPI:
    """Create a model with settings, as in a `ModelCall`, and further fields."""
    return ChatAIMLAPI(**{"model": MODEL, "endpoint": endpoint_of(mode), **settings, **fields})


def _langchain_model(mode: CallMode, call: ModelCall) -> ChatAIMLAPI:
    clients = dict(zip(("http_client", "http_async_client"), call.http_clients or (), strict=False))
    how = {"use_responses_api": call.use_responses_api, "stream_chunk_timeout": call.chunk_timeout}
    return langchain_model(mode, call.settings, model=call.model, **clients, **how)


def _langchain(mode: CallMode, call: ModelCall) -> AIMessage:
    with _langchain_model(mode, call) as model:
        llm, options = _bind(model, call)
        if not mode.streamed:
            return llm.invoke(call.messages, **options)
        return reduce(add, list(llm.stream(call.messages, **options)))


async def _alangchain(mode: CallMode, call: ModelCall) -> AIMessage:
    async with _langchain_model(mode, call) as model:
        llm, options = _bind(model, call)
        if not mode.streamed:
            return await llm.ainvoke(call.messages, **options)
        return reduce(add, [chunk async for chunk in llm.astream(call.messages, **options)])


def _bind(model: ChatAIMLAPI, call: ModelCall) -> tuple[Any, dict[str, Any]]:
    options = dict(call.options)
    if not call.tools:
        return model, options
    return model.bind_tools(call.tools, tool_choice=options.pop("tool_choice", None)), options


# --- LlamaIndex -------------------------------------------------------------------------------------------------------


def llama_index_model(mode: CallMode, settings: Mapping[str, Any], **fields: Any) -> AIMLAPI:
    """Create an LLM with settings, as in a `ModelCall`, and further fields."""
    named = {("api_base" if name == "base_url" else name): value for name, value in settings.items()}
    return AIMLAPI(**{"model": MODEL, "endpoint": endpoint_of(mode), **named, **fields})


def _llama_index_model(mode: CallMode, call: ModelCall) -> AIMLAPI:
    clients = dict(zip(("http_client", "async_http_client"), call.http_clients or (), strict=False))
    how = {"use_responses_api": call.use_responses_api}
    return llama_index_model(mode, call.settings, model=call.model, **clients, **how)


def _llama_index(mode: CallMode, call: ModelCall) -> ChatResponse:
    messages, options = _llama_index_arguments(call)
    with _llama_index_model(mode, call) as llm:
        if not mode.streamed:
            return llm.chat(messages, **options)
        return list(llm.stream_chat(messages, **options))[-1]


async def _allama_index(mode: CallMode, call: ModelCall) -> ChatResponse:
    messages, options = _llama_index_arguments(call)
    async with _llama_index_model(mode, call) as llm:
        if not mode.streamed:
            return await llm.achat(messages, **options)
        return [response async for response in await llm.astream_chat(messages, **options)][-1]


def _llama_index_arguments(call: ModelCall) -> tuple[list[ChatMessage], dict[str, Any]]:
    messages = [ChatMessage(call.messages)] if isinstance(call.messages, str) else call.messages
    limit = {} if call.chunk_timeout is None else {"chunk_timeout": call.chunk_timeout}
    return messages, {**call.options_and_tools(), **limit}


_SYNC: dict[str, Callable[[CallMode, ModelCall], Any]] = dict(
    zip(CLIENTS, (_client, _langchain, _llama_index), strict=True)
)
_ASYNC: dict[str, Callable[[CallMode, ModelCall], Awaitable[Any]]] = dict(
    zip(CLIENTS, (_aclient, _alangchain, _allama_index), strict=True)
)
