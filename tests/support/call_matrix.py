"""Every mode of a call: (plain client, LangChain, LlamaIndex) × (sync, async) × (plain, stream) × (both endpoints).

Each mode returns an `Answer` or raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage
from llama_index.core.llms import ChatMessage, ChatResponse

from aimlapi_integrations import AsyncClient, CallOptions, Client
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Reply
from tests.support.combinations import combine
from tests.support.fault_server import KEY
from tests.support.replies import MODEL

QUESTION = "Where?"
CLIENTS = ("client", "langchain", "llama_index")


class CallMode(NamedTuple):
    """A client, sync or async, plain or streamed, on an endpoint."""

    client: str
    is_async: bool
    streamed: bool
    endpoint: str

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


@dataclass(frozen=True)
class Answer:
    """What every client returns."""

    text: str
    calls: tuple[tuple[str, Any], ...] = ()
    invalid_calls: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


def run_call(
    mode: CallMode,
    base_url: str,
    max_retries: int = 2,
    chunk_timeout: float | None = None,
    key: str = KEY,
    **extra: Any,
) -> Answer:
    """Run one call.

    Args:
        mode: the client, the driver and the endpoint.
        base_url: of the server.
        max_retries: of the client.
        chunk_timeout: in seconds.
        key: the API key.
        extra: settings that all clients have under the same name.
    """
    settings = {"api_key": key, "base_url": base_url, "max_retries": max_retries, **extra}
    if mode.is_async:
        return asyncio.run(_ASYNC[mode.client](settings, mode, chunk_timeout))
    return _SYNC[mode.client](settings, mode, chunk_timeout)


def endpoint_of(mode: CallMode) -> str:
    """Return the package's name of the endpoint."""
    return "chat_completions" if mode.endpoint == "chat" else "responses"


# --- without a framework ----------------------------------------------------------------------------------------------


def _client(settings: dict[str, Any], mode: CallMode, chunk_timeout: float | None) -> Answer:
    options = CallOptions(endpoint=endpoint_of(mode), chunk_timeout=chunk_timeout)
    with Client(**settings) as client:
        if not mode.streamed:
            return of_reply(client.chat(QUESTION, model=MODEL, call=options))
        with client.chat_stream(QUESTION, model=MODEL, call=options) as stream:
            deltas = list(stream)
    return _join_deltas(deltas)


async def _aclient(settings: dict[str, Any], mode: CallMode, chunk_timeout: float | None) -> Answer:
    options = CallOptions(endpoint=endpoint_of(mode), chunk_timeout=chunk_timeout)
    async with AsyncClient(**settings) as client:
        if not mode.streamed:
            return of_reply(await client.chat(QUESTION, model=MODEL, call=options))
        async with client.chat_stream(QUESTION, model=MODEL, call=options) as stream:
            deltas = [delta async for delta in stream]
    return _join_deltas(deltas)


def _join_deltas(deltas: list[Any]) -> Answer:
    assert [delta.reply is not None for delta in deltas] == [*(False for _ in deltas[1:]), True]
    answer = of_reply(deltas[-1].reply)
    assert "".join(delta.text for delta in deltas) == answer.text
    return answer


def of_reply(reply: Reply) -> Answer:
    calls = [(call.name, call.parsed(), call.arguments) for call in reply.tool_calls]
    return Answer(
        reply.text,
        tuple((name, parsed) for name, parsed, _ in calls if parsed is not None),
        tuple((name, raw_arguments) for name, parsed, raw_arguments in calls if parsed is None),
        reply.finish_reason,
    )


# --- LangChain --------------------------------------------------------------------------------------------------------


def langchain_model(settings: dict[str, Any], mode: CallMode, chunk_timeout: float | None = None) -> ChatAIMLAPI:
    return ChatAIMLAPI(model=MODEL, endpoint=endpoint_of(mode), stream_chunk_timeout=chunk_timeout, **settings)


def _langchain(settings: dict[str, Any], mode: CallMode, chunk_timeout: float | None) -> Answer:
    model = langchain_model(settings, mode, chunk_timeout)
    try:
        if not mode.streamed:
            return of_message(model.invoke(QUESTION))
        message: Any = None
        for chunk in model.stream(QUESTION):
            message = chunk if message is None else message + chunk
        return of_message(message)
    finally:
        model.close()


async def _alangchain(settings: dict[str, Any], mode: CallMode, chunk_timeout: float | None) -> Answer:
    model = langchain_model(settings, mode, chunk_timeout)
    try:
        if not mode.streamed:
            return of_message(await model.ainvoke(QUESTION))
        message: Any = None
        async for chunk in model.astream(QUESTION):
            message = chunk if message is None else message + chunk
        return of_message(message)
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


def llama_index_model(settings: dict[str, Any], mode: CallMode) -> AIMLAPI:
    arguments = {("api_base" if name == "base_url" else name): value for name, value in settings.items()}
    return AIMLAPI(model=MODEL, endpoint=endpoint_of(mode), **arguments)


def _llama_index(settings: dict[str, Any], mode: CallMode, chunk_timeout: float | None) -> Answer:
    llm, messages, limit = llama_index_model(settings, mode), [ChatMessage(QUESTION)], _timeout_option(chunk_timeout)
    if not mode.streamed:
        return of_response(llm.chat(messages, **limit))
    return of_response(list(llm.stream_chat(messages, **limit))[-1])


async def _allama_index(settings: dict[str, Any], mode: CallMode, chunk_timeout: float | None) -> Answer:
    llm, messages, limit = llama_index_model(settings, mode), [ChatMessage(QUESTION)], _timeout_option(chunk_timeout)
    if not mode.streamed:
        return of_response(await llm.achat(messages, **limit))
    return of_response([response async for response in await llm.astream_chat(messages, **limit)][-1])


def _timeout_option(chunk_timeout: float | None) -> dict[str, float]:
    return {} if chunk_timeout is None else {"chunk_timeout": chunk_timeout}


def of_response(response: ChatResponse) -> Answer:
    blocks = [block for block in response.message.blocks if block.block_type == "tool_call"]
    invalid_calls = response.message.additional_kwargs.get("invalid_tool_calls", [])
    return Answer(
        response.message.content or "",
        tuple((block.tool_name, block.tool_kwargs) for block in blocks),
        tuple(tuple(call[call["type"]].values()) for call in invalid_calls),
        response.additional_kwargs.get("finish_reason"),
    )


_SYNC = dict(zip(CLIENTS, (_client, _langchain, _llama_index), strict=True))
_ASYNC = dict(zip(CLIENTS, (_aclient, _alangchain, _allama_index), strict=True))
