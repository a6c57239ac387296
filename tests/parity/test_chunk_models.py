"""Chunks are created without validation, and equal what the frameworks' own constructors create of the same values."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage
from pydantic import BaseModel

from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from tests.support.chat_events import chunk, sse

Json = dict[str, Any]


def arguments(text: str, **more: Any) -> Json:
    return chunk({"tool_calls": [{"index": 0, "function": {"arguments": text, **more}}]})


TEXT = [chunk({"content": text}) for text in ("One", " two", "\n", " three")]
REASONING = [chunk({"reasoning_content": text}) for text in ("Let me", " see")]
CALL = [
    chunk({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": ""}}]}),
    *map(arguments, ['{"x"', ': "', "a", " ", "null", '{"', '"}']),
]
STREAMS = {"text": TEXT, "reasoning and text": REASONING + TEXT, "call": CALL, "text and call": TEXT + CALL}


def llama_index_models(client: httpx.Client) -> list[BaseModel]:
    model = AIMLAPI(model="gpt-4o", api_key="none", http_client=client)
    responses = list(model.stream_chat([ChatMessage("Hello")]))
    return [each for one in responses for each in (one, one.message, *one.message.blocks)]


def langchain_stream(client: httpx.Client) -> list[BaseModel]:
    return list(ChatAIMLAPI(model="gpt-4o", api_key="none", http_client=client).stream("Hello"))


def created_by_constructor(model: BaseModel) -> BaseModel:
    return type(model)(**{name: copy.deepcopy(getattr(model, name)) for name in model.model_fields_set})


@pytest.fixture
def client(events: list[Json]) -> httpx.Client:
    body = sse([*events, chunk(finish="stop")])
    headers = {"content-type": "text/event-stream"}
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=body)))


@pytest.mark.parametrize("events", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("models", [langchain_stream, llama_index_models])
def test_chunk_equals_constructed_one(models: Callable[[httpx.Client], list[BaseModel]], client: httpx.Client) -> None:
    for model in models(client):
        constructed = created_by_constructor(model)
        assert model == constructed
        assert model.model_fields_set <= constructed.model_fields_set
        assert model.model_dump() == constructed.model_dump()
        assert repr(model) == repr(constructed)
        assert list(vars(model)) == list(vars(constructed))
        assert (
            model == copy.copy(model) == copy.deepcopy(model) == pickle.loads(pickle.dumps(model)) == model.model_copy()
        )


@pytest.mark.parametrize("events", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("models", [langchain_stream, llama_index_models])
def test_chunk_changed_leaves_others_unchanged(
    models: Callable[[httpx.Client], list[BaseModel]], client: httpx.Client
) -> None:
    chunks = models(client)
    for model in chunks:
        unchanged = [copy.deepcopy(other) for other in chunks if not shares(model, other)]
        for value in vars(model).values():
            if isinstance(value, dict):
                value["added"] = 1
            elif isinstance(value, list):
                value.append("added")
        assert unchanged == [other for other in chunks if not shares(model, other)]


def shares(model: BaseModel, other: BaseModel) -> bool:
    """Return whether a model is the other one, or part of it."""
    return model is other or any(
        shares(model, each)
        for value in vars(other).values()
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, BaseModel)
    )
