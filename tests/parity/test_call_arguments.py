"""Arguments of a call that say how to send it: headers, query, key. None of them is ever in the body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage
from pydantic import SecretStr

from aimlapi_integrations import Client, UnsupportedParameterError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPIEmbedding
from aimlapi_integrations.types import Message, Text
from tests.parity.sending import every_call, every_endpoint, mode_of, send

HELLO: dict[str, list[Any]] = {
    "client": [Message("user", (Text("Hello"),))],
    "langchain": [HumanMessage("Hello")],
    "llama_index": [ChatMessage("Hello")],
}
HEADERS = ("extra_headers", "default_headers", "headers", "http_headers")
OTHER_KEYS: dict[str, dict[str, Any]] = {
    "api_key": {"api_key": "sk-of-the-call"},
    "secret": {"api_key": SecretStr("sk-of-the-call")},
    "openai_api_key": {"openai_api_key": "sk-of-the-call"},
}


@every_call
@every_endpoint
@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_a_call_are_sent_as_headers(
    gateway: Emulator, client: str, driver: str, endpoint: str, name: str
) -> None:
    arguments = {name: {"X-Team": "blue", "X-None": None}}
    send(mode_of(client, driver, endpoint), gateway.base_url, HELLO, **arguments)
    [request] = gateway.requests
    assert request.headers["x-team"] == "blue"
    assert "x-none" not in request.headers
    assert "blue" not in json.dumps(request.json)


@every_call
@pytest.mark.parametrize("key", OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_key_of_a_call_authorizes_it(gateway: Emulator, client: str, driver: str, key: dict[str, Any]) -> None:
    send(mode_of(client, driver, "chat_completions"), gateway.base_url, HELLO, **key)
    [request] = gateway.requests
    assert request.headers["authorization"] == "Bearer sk-of-the-call"
    assert "sk-of-the-call" not in json.dumps(request.json)


@every_call
@pytest.mark.parametrize(("fields", "sent"), [({"min_p": 0.1}, {"min_p": 0.1}), ({}, {}), (None, {})])
def test_extra_body_of_a_call_is_merged_into_the_body(
    gateway: Emulator, client: str, driver: str, fields: Any, sent: dict[str, Any]
) -> None:
    send(mode_of(client, driver, "chat_completions"), gateway.base_url, HELLO, extra_body=fields)
    send(mode_of(client, driver, "chat_completions"), gateway.base_url, HELLO)
    [with_fields, without] = (request.json for request in gateway.requests)
    assert with_fields == {**without, **sent}


@every_call
def test_extra_body_that_is_no_mapping_raises(gateway: Emulator, client: str, driver: str) -> None:
    with pytest.raises(TypeError, match="extra_body: expected a mapping, received list"):
        send(mode_of(client, driver, "chat_completions"), gateway.base_url, HELLO, extra_body=["min_p"])
    assert not gateway.requests


@every_call
def test_settings_of_a_call_are_not_in_the_body(gateway: Emulator, client: str, driver: str) -> None:
    arguments = {"timeout": 30, "max_retries": 1, "extra_query": {"trace": "1"}}
    send(mode_of(client, driver, "chat_completions"), gateway.base_url, HELLO, **arguments)
    [request] = gateway.requests
    assert request.json is not None
    assert request.json.keys() <= {"model", "messages", "stream", "stream_options"}


@every_call
@pytest.mark.parametrize("name", ["base_url", "http_client"])
def test_argument_of_clients_on_a_call_raises(gateway: Emulator, client: str, driver: str, name: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=f"'{name}' is not an argument of a call"):
        send(mode_of(client, driver, "chat_completions"), gateway.base_url, HELLO, **{name: "x"})
    assert not gateway.requests


def _embed_client(base_url: str, arguments: dict[str, Any]) -> None:
    with Client("k", base_url) as client:
        client.embed(["a"], **arguments)


def _embed_langchain(base_url: str, arguments: dict[str, Any]) -> None:
    with AIMLAPIEmbeddings(api_key="k", base_url=base_url, query_kwargs=arguments) as embeddings:
        embeddings.embed_query("a")


def _embed_llama_index(base_url: str, arguments: dict[str, Any]) -> None:
    with AIMLAPIEmbedding(api_key="k", api_base=base_url, additional_kwargs=arguments) as embedding:
        embedding.get_text_embedding("a")


@pytest.mark.parametrize("embed", [_embed_client, _embed_langchain, _embed_llama_index])
@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_an_embedding_call_are_sent_as_headers(gateway: Emulator, embed: Any, name: str) -> None:
    embed(gateway.base_url, {name: {"X-Team": "blue"}})
    [request] = gateway.requests
    assert request.headers["x-team"] == "blue"
    assert "blue" not in json.dumps(request.json)


def test_traced_arguments_have_no_headers_and_no_api_key() -> None:
    model = ChatAIMLAPI(api_key="k")
    arguments = {"extra_headers": {"X": "secret"}, "default_headers": {"X": "secret"}, "api_key": "secret", "seed": 7}
    shown = model._get_invocation_params(**arguments)
    assert "secret" not in str(shown)
    assert "secret" not in model._get_llm_string(**arguments)
    assert shown["seed"] == 7
