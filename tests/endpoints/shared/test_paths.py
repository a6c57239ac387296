"""Ids in request paths: none can address another resource."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AsyncClient, Client
from aimlapi_integrations.endpoints import catalogue, responses
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

ANYWHERE = (
    "",
    ".",
    "..",
    "../keys",
    "a/../b",
    "a/..",
    "/keys",
    "keys/",
    "a//b",
    "..\\keys",
    "a\n",
    "a\x00b",
    " ",
    ". .",
    None,
)


@pytest.mark.parametrize("unsafe", ANYWHERE)
def test_unsafe_id_raises(unsafe: Any) -> None:
    with pytest.raises(ValueError, match="is not the id of a model: expected one like 'openai/gpt-4o'"):
        catalogue.model_url("https://api.aimlapi.com/v1", unsafe)
    for path in (responses.response_path, responses.cancel_path):
        with pytest.raises(ValueError, match="is not the id of a response"):
            path(unsafe)


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4.1", "a/b/c", "meta:70b", "o1@2025", "gpt 4o", "50%?#..x"])
def test_model_id_stays_inside_its_path(model: str) -> None:
    url = httpx.URL(catalogue.model_url("https://api.aimlapi.com/v1", model))
    assert url.path == f"/model/{model}"
    assert (url.host, url.query, url.fragment) == ("api.aimlapi.com", b"", "")


@pytest.mark.parametrize("unsafe", ["../keys", "resp/1"])
def test_unsafe_id_raises_before_anything_is_sent(unsafe: str) -> None:
    def nothing(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"sent to {request.url}")

    transport = httpx.MockTransport(nothing)
    sync, asynchronous = httpx.Client(transport=transport), httpx.AsyncClient(transport=transport)
    client, aclient = Client("k", http_client=sync), AsyncClient("k", http_client=asynchronous)
    calls = [client.responses.retrieve, client.responses.cancel, client.responses.wait]
    acalls = [aclient.responses.retrieve, aclient.responses.cancel, aclient.responses.wait]
    if unsafe.startswith(".."):
        calls += [client.models.get, lambda model: ChatAIMLAPI.from_catalogue(model, api_key="k", http_client=sync)]
        calls += [lambda model: AIMLAPI.from_catalogue(model, api_key="k", http_client=sync)]
        acalls += [aclient.models.get]
    for call in calls:
        with pytest.raises(ValueError, match="is not the id"):
            call(unsafe)
    for acall in acalls:
        with pytest.raises(ValueError, match="is not the id"):
            asyncio.run(acall(unsafe))
