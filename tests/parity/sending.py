"""The same call through every client: a conversation, messages, or turns with tool calls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from aimlapi_integrations.types import Message, Text, ToolCall
from tests.parity.conversations import TOOL, Conversation
from tests.support.answers import Observed, calls_in, observe
from tests.support.call_matrix import (
    CLIENTS,
    DRIVERS,
    CallMode,
    ModelCall,
    arespond,
    langchain_model,
    llama_index_model,
    respond,
)
from tests.support.combinations import combine
from tests.support.tool_gateway import MODELS, Call, Json, ToolGateway

ENDPOINTS = tuple(MODELS)
SETTINGS: Json = {"api_key": "k", "max_retries": 0}

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS)
every_client = pytest.mark.parametrize("client", CLIENTS)
every_driver = pytest.mark.parametrize("driver", DRIVERS)


def every_call(test: Any) -> Any:
    """Parametrize by `client` and `driver`."""
    return every_client(every_driver(test))


def in_turns(names: str, *values: Iterable[Any]) -> pytest.MarkDecorator:
    """Parametrize by every combination of the values, in each client with one of the drivers by turns.

    The names are those of the values; `client` and `driver` come after them.
    """
    rows = combine(product(*values), list(product(CLIENTS, DRIVERS)))
    return pytest.mark.parametrize(f"{names},client,driver", [(*row, *way) for *row, way in rows])


def mode_of(client: str, driver: str, endpoint: str | None) -> CallMode:
    return CallMode(client, *DRIVERS[driver], endpoint)


# --- conversations ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A conversation for a model on an endpoint."""

    base_url: str
    conversation: Conversation
    model: str
    responses: bool
    with_tool: bool = False
    max_retries: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


async def converse(case: Case, client: str, driver: str) -> Observed:
    """Send a conversation, in the words of the client."""
    call = ModelCall(
        getattr(case.conversation, client),
        case.model,
        {"api_key": "k", "base_url": case.base_url, "max_retries": case.max_retries},
        case.options,
        [TOOL] if case.with_tool or case.conversation.with_tool else (),
        case.responses,
    )
    return observe(await arespond(mode_of(client, driver, None), call))


# --- messages ---------------------------------------------------------------------------------------------------------


def send(
    mode: CallMode, base_url: str, messages: Mapping[str, Sequence[Any]], model: str | None = None, /, **options: Any
) -> None:
    """Send messages, which are given in the words of each client, to a model that is served on the endpoint."""
    assert mode.endpoint
    least = {"max_tokens": 1000} if mode.endpoint == "messages" else {}
    call = ModelCall(
        list(messages[mode.client]),
        model or MODELS[mode.endpoint],
        {**SETTINGS, "base_url": base_url},
        {**least, **options},
    )
    respond(mode, call)


# --- turns with tool calls --------------------------------------------------------------------------------------------

Turn = str | list[Call] | tuple[str, str | None, str | None]
"""A user text, the calls of an assistant turn, or a tool result: its text, its call id, and its name."""


def function(name: str) -> Json:
    """Return a tool with this name, as chat completions expects it."""
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    return {"type": "function", "function": {"name": name, "description": "It runs.", "parameters": schema}}


async def send_turns(
    mode: CallMode, gateway: ToolGateway, turns: Sequence[Turn] = ("Go on.",), tools: Sequence[Any] = (), **options: Any
) -> list[Call]:
    """Send turns and tools, and return the calls of the reply."""
    assert mode.endpoint
    messages = [_MESSAGES[mode.client](turn) for turn in turns]
    call = ModelCall(messages, MODELS[mode.endpoint], SETTINGS, options, tools, http_clients=gateway.clients())
    return calls_in(await arespond(mode, call))


def chat_model(gateway: ToolGateway, endpoint: str, **fields: Any) -> ChatAIMLAPI:
    sync, asynchronous = gateway.clients()
    clients = {"http_client": sync, "http_async_client": asynchronous}
    mode = mode_of("langchain", "plain", endpoint)
    return langchain_model(mode, SETTINGS, model=MODELS[endpoint], **clients, **fields)


def llama_index_llm(gateway: ToolGateway, endpoint: str) -> AIMLAPI:
    sync, asynchronous = gateway.clients()
    clients = {"http_client": sync, "async_http_client": asynchronous}
    mode = mode_of("llama_index", "plain", endpoint)
    return llama_index_model(mode, SETTINGS, model=MODELS[endpoint], **clients)


def _as_message(turn: Turn) -> Message:
    match turn:
        case str():
            return Message("user", (Text(turn),))
        case list():
            return Message("assistant", tuple(ToolCall(c.id or "", c.name, json.dumps(c.arguments)) for c in turn))
    text, call_id, name = turn
    return Message("tool", (Text(text),), name=name, tool_call_id=call_id)


def _as_langchain(turn: Turn) -> BaseMessage:
    match turn:
        case str():
            return HumanMessage(turn)
        case list():
            return AIMessage("", tool_calls=[{"name": c.name, "args": c.arguments, "id": c.id} for c in turn])
    text, call_id, name = turn
    return ToolMessage(text, tool_call_id=call_id or "", name=name)


def _as_llama_index(turn: Turn) -> ChatMessage:
    match turn:
        case str():
            return ChatMessage(turn)
        case list():
            blocks = [ToolCallBlock(tool_call_id=c.id, tool_name=c.name, tool_kwargs=c.arguments) for c in turn]
            return ChatMessage(role="assistant", blocks=blocks)
    text, call_id, name = turn
    kwargs = {"tool_call_id": call_id, "name": name}
    return ChatMessage(text, role="tool", additional_kwargs={key: value for key, value in kwargs.items() if value})


_MESSAGES: dict[str, Any] = dict(zip(CLIENTS, (_as_message, _as_langchain, _as_llama_index), strict=True))


def ignore_framework_warnings(test: Any) -> Any:
    """Ignore deprecation warnings of LlamaIndex's agents, and the database that their memory leaves open."""
    for warning in ("DeprecationWarning", "ResourceWarning", "pytest.PytestUnhandledThreadExceptionWarning"):
        test = pytest.mark.filterwarnings(f"ignore::{warning}")(test)
    return test
