"""What only this gateway has, seen on the wire: routing, tool schemas, ids of the caller's own, who is calling."""

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

from .family_replies import FAMILIES

MISTRAL = "mistralai/mistral-medium-3.1"  # lists both fields
PUBLIC, OTHER = "https://api.aimlapi.com/v1", "https://proxy.example/v1"
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


class Wire:
    """Keeps what it was sent."""

    def __init__(self, base_url: str = PUBLIC) -> None:
        self.base_url = base_url
        self.seen: list[httpx.Request] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(200, json=FAMILIES["end_turn"].body)

    @property
    def body(self) -> dict[str, Any]:
        [request] = self.seen
        return dict(json.loads(request.content))

    @property
    def headers(self) -> Mapping[str, str]:
        [request] = self.seen
        return request.headers


def core(wire: Wire, model: str, headers: Mapping[str, str] | None = None, **given: Any) -> None:
    call = CallOptions(client_request_id=given.pop("client_request_id", None))
    client = Client("k", wire.base_url, default_headers=headers, http_client=wire.client)
    client.chat("Hello", model=model, call=call, **given)


def langchain(wire: Wire, model: str, headers: Mapping[str, str] | None = None, **given: Any) -> None:
    tools = given.pop("tools", None)
    made: Any = ChatAIMLAPI(
        model=model, api_key="k", base_url=wire.base_url, default_headers=headers, http_client=wire.client, **given
    )
    (made.bind_tools(tools) if tools else made).invoke("Hello")


def llama_index(wire: Wire, model: str, headers: Mapping[str, str] | None = None, **given: Any) -> None:
    tools = given.pop("tools", None)
    llm = AIMLAPI(
        model=model, api_key="k", api_base=wire.base_url, default_headers=headers, http_client=wire.client, **given
    )
    llm.chat([ChatMessage("Hello")], **({"tools": tools} if tools else {}))


WAYS: tuple[Callable[..., None], ...] = (core, langchain, llama_index)
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@every_way
@pytest.mark.parametrize("given", [{"provider": "openai"}, {"normalize_tool_schemas": True}])
def test_fields_of_the_gateway_go_out_as_they_are(way: Callable[..., None], given: dict[str, Any]) -> None:
    wire = Wire()
    way(wire, MISTRAL, tools=[TOOL], **given)
    assert {name: wire.body[name] for name in given} == given


@every_way
def test_neither_goes_out_unasked(way: Callable[..., None]) -> None:
    wire = Wire()
    way(wire, MISTRAL, tools=[TOOL])
    assert not wire.body.keys() & {"provider", "normalize_tool_schemas"}


@every_way
@pytest.mark.parametrize(
    ("model", "given"), [("minimax/m2-1", {"provider": "minimax"}), ("gpt-4o", {"normalize_tool_schemas": True})]
)
def test_where_a_model_does_not_list_them_that_is_told(way: Any, model: str, given: dict[str, Any]) -> None:
    [name] = given
    with pytest.warns(ParameterWarning, match=f"{name}.*{model}"):
        way(Wire(), model, tools=[TOOL], **given)


# --- the caller's own id --------------------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("traced", ["a", "Az09._:-", "x" * 128])
def test_an_id_of_the_documented_alphabet_goes_along(way: Callable[..., None], traced: str) -> None:
    wire = Wire()
    way(wire, "gpt-4o", client_request_id=traced)
    assert wire.headers["x-client-request-id"] == traced


@every_way
@pytest.mark.parametrize("traced", ["", "x" * 129, "a b", "a/b", "a,b", "a#b", "Ä"])
def test_an_id_that_the_gateway_would_drop_is_refused_before_the_call(way: Callable[..., None], traced: str) -> None:
    wire = Wire()
    with pytest.raises(ValueError, match=r"X-Client-Request-Id|not ASCII"):
        way(wire, "gpt-4o", client_request_id=traced)
    assert not wire.seen


# --- who is calling -------------------------------------------------------------------------------------------------


@every_way
def test_the_gateway_is_told_who_calls(way: Callable[..., None]) -> None:
    wire = Wire()
    way(wire, "gpt-4o")
    assert wire.headers["x-title"] == "aimlapi-integrations"
    assert wire.headers["x-aimlapi-source"] == "agent/aimlapi-integrations"


@every_way
def test_nobody_else_is(way: Callable[..., None]) -> None:
    wire = Wire(OTHER)
    way(wire, "gpt-4o")
    assert not {"x-title", "x-aimlapi-source", "http-referer"} & set(wire.headers)
    assert not [name for name in wire.headers if "partner" in name]


@every_way
@pytest.mark.parametrize("base_url", [PUBLIC, OTHER])
def test_the_callers_headers_go_before_ours_and_leave_the_others(way: Callable[..., None], base_url: str) -> None:
    wire = Wire(base_url)
    way(wire, "gpt-4o", {"X-Title": "Mine", "HTTP-Referer": "https://mine.example"})
    assert (wire.headers["x-title"], wire.headers["http-referer"]) == ("Mine", "https://mine.example")
    assert ("x-aimlapi-source" in wire.headers) == (base_url == PUBLIC)
