"""What only this gateway has, on the wire: routing, tool schemas, the caller's ids of requests, attribution."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_integrations import CallOptions, Client
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI
from tests.parity.family_replies import FAMILIES

MISTRAL = "mistralai/mistral-medium-3.1"  # lists both fields
PUBLIC, OTHER = "https://api.aimlapi.com/v1", "https://proxy.example/v1"
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


class Wire:
    """Records the requests that it receives."""

    def __init__(self, base_url: str = PUBLIC) -> None:
        self.base_url = base_url
        self.requests: list[httpx.Request] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json=FAMILIES["end_turn"].body)

    @property
    def body(self) -> dict[str, Any]:
        [request] = self.requests
        return dict(json.loads(request.content))

    @property
    def headers(self) -> Mapping[str, str]:
        [request] = self.requests
        return request.headers


def core(wire: Wire, model: str, headers: Mapping[str, str] | None = None, **fields: Any) -> None:
    call = CallOptions(client_request_id=fields.pop("client_request_id", None))
    client = Client("k", wire.base_url, default_headers=headers, http_client=wire.client)
    client.chat("Hello", model=model, call=call, **fields)


def langchain(wire: Wire, model: str, headers: Mapping[str, str] | None = None, **fields: Any) -> None:
    tools = fields.pop("tools", None)
    model_object: Any = ChatAIMLAPI(
        model=model, api_key="k", base_url=wire.base_url, default_headers=headers, http_client=wire.client, **fields
    )
    (model_object.bind_tools(tools) if tools else model_object).invoke("Hello")


def llama_index(wire: Wire, model: str, headers: Mapping[str, str] | None = None, **fields: Any) -> None:
    tools = fields.pop("tools", None)
    llm = AIMLAPI(
        model=model, api_key="k", api_base=wire.base_url, default_headers=headers, http_client=wire.client, **fields
    )
    llm.chat([ChatMessage("Hello")], **({"tools": tools} if tools else {}))


CLIENTS: tuple[Callable[..., None], ...] = (core, langchain, llama_index)
every_client = pytest.mark.parametrize("send", CLIENTS, ids=lambda send: send.__name__)


@every_client
@pytest.mark.parametrize("fields", [{"provider": "openai"}, {"normalize_tool_schemas": True}])
def test_gateway_fields_are_sent_as_is(send: Callable[..., None], fields: dict[str, Any]) -> None:
    wire = Wire()
    send(wire, MISTRAL, tools=[TOOL], **fields)
    assert {name: wire.body[name] for name in fields} == fields


@every_client
def test_gateway_fields_are_not_sent_by_default(send: Callable[..., None]) -> None:
    wire = Wire()
    send(wire, MISTRAL, tools=[TOOL])
    assert not wire.body.keys() & {"provider", "normalize_tool_schemas"}


@every_client
@pytest.mark.parametrize(
    ("model", "fields"), [("minimax/m2-1", {"provider": "minimax"}), ("gpt-4o", {"normalize_tool_schemas": True})]
)
def test_gateway_field_that_a_model_does_not_list_warns(send: Any, model: str, fields: dict[str, Any]) -> None:
    [name] = fields
    with pytest.warns(ParameterWarning, match=f"{name}.*{model}"):
        send(Wire(), model, tools=[TOOL], **fields)


# --- the caller's ids of requests -------------------------------------------------------------------------------------


@every_client
@pytest.mark.parametrize("request_id", ["a", "Az09._:-", "x" * 128])
def test_valid_client_request_id_is_sent(send: Callable[..., None], request_id: str) -> None:
    wire = Wire()
    send(wire, "gpt-4o", client_request_id=request_id)
    assert wire.headers["x-client-request-id"] == request_id


@every_client
@pytest.mark.parametrize("request_id", ["", "x" * 129, "a b", "a/b", "a,b", "a#b", "Ä"])
def test_invalid_client_request_id_is_rejected_before_the_call(send: Callable[..., None], request_id: str) -> None:
    wire = Wire()
    with pytest.raises(ValueError, match=r"X-Client-Request-Id|not ASCII"):
        send(wire, "gpt-4o", client_request_id=request_id)
    assert not wire.requests


# --- attribution ------------------------------------------------------------------------------------------------------


@every_client
def test_attribution_headers_are_sent_to_the_gateway(send: Callable[..., None]) -> None:
    wire = Wire()
    send(wire, "gpt-4o")
    assert wire.headers["x-title"] == "aimlapi-integrations"
    assert wire.headers["x-aimlapi-source"] == "agent/aimlapi-integrations"


@every_client
def test_attribution_headers_are_not_sent_elsewhere(send: Callable[..., None]) -> None:
    wire = Wire(OTHER)
    send(wire, "gpt-4o")
    assert not {"x-title", "x-aimlapi-source", "http-referer"} & set(wire.headers)
    assert not [name for name in wire.headers if "partner" in name]


@every_client
@pytest.mark.parametrize("base_url", [PUBLIC, OTHER])
def test_headers_of_the_caller_replace_only_the_same_ones(send: Callable[..., None], base_url: str) -> None:
    wire = Wire(base_url)
    send(wire, "gpt-4o", {"X-Title": "Mine", "HTTP-Referer": "https://mine.example"})
    assert (wire.headers["x-title"], wire.headers["http-referer"]) == ("Mine", "https://mine.example")
    assert ("x-aimlapi-source" in wire.headers) == (base_url == PUBLIC)
