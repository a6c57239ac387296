"""Function calling in LlamaIndex."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations import CallOptions
from aimlapi_integrations.client.openai_format import parse_request, parse_tool_choice
from aimlapi_integrations.llama_index.request import to_tool
from aimlapi_integrations.types import ToolChoice
from tests.li.gateway import Gateway, call, message_item, reply, response

T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    """Something in a box."""

    value: T


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


def add(a: int, b: int = 1) -> int:
    """Adds numbers."""
    return a + b


TOOLS = [FunctionTool.from_defaults(get_weather), FunctionTool.from_defaults(add)]


@pytest.mark.parametrize("tool", [add, Box, 5, "add"], ids=["function", "class", "number", "name"])
def test_what_is_not_a_tool_raises_and_is_named(tool: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a tool: FunctionTool\.from_defaults"):
        to_tool(tool)


async def _sync(llm: Any, **kwargs: Any) -> ChatResponse:
    response: ChatResponse = llm.chat_with_tools(**kwargs)
    return response


async def _async(llm: Any, **kwargs: Any) -> ChatResponse:
    response: ChatResponse = await llm.achat_with_tools(**kwargs)
    return response


async def _stream(llm: Any, **kwargs: Any) -> ChatResponse:
    response: ChatResponse = list(llm.stream_chat_with_tools(**kwargs))[-1]
    return response


async def _astream(llm: Any, **kwargs: Any) -> ChatResponse:
    return [each async for each in await llm.astream_chat_with_tools(**kwargs)][-1]


all_calls = pytest.mark.parametrize("ask", [_sync, _async, _stream, _astream])


@all_calls
async def test_chat_with_tools_returns_a_tool_call(llm: Any, ask: Any) -> None:
    response = await ask(llm, tools=TOOLS, user_msg="What is the weather in Paris?")
    [selection] = llm.get_tool_calls_from_response(response)
    assert (selection.tool_name, selection.tool_kwargs) == ("get_weather", {"city": "Paris"})
    assert selection.tool_id
    assert response.message.additional_kwargs["tool_calls"][0]["function"]["name"] == "get_weather"


@all_calls
async def test_chat_with_tools_with_tool_required_calls_a_tool(llm: Any, ask: Any) -> None:
    response = await ask(llm, tools=TOOLS[:1], user_msg="Hello", tool_required=True)
    assert llm.get_tool_calls_from_response(response)[0].tool_name == "get_weather"


def sent(**kwargs: Any) -> dict[str, Any]:
    gateway = Gateway(reply("", tool_calls=[call()], finish="tool_calls"))
    gateway.llm(strict=kwargs.pop("strict_field", None)).chat_with_tools(**kwargs)
    return gateway.bodies[0]


@pytest.mark.parametrize(
    ("arguments", "choice"),
    [
        ({}, None),
        ({"tool_required": True}, "required"),
        ({"tool_choice": "any"}, "required"),
        ({"tool_choice": True}, "required"),
        ({"tool_choice": "none"}, "none"),
        ({"tool_choice": "add"}, {"type": "function", "function": {"name": "add"}}),
        ({"tool_choice": {"type": "function", "name": "add"}}, {"type": "function", "function": {"name": "add"}}),
        ({"tool_choice": {"type": "any"}}, "required"),
    ],
)
def test_tool_choice_in_any_form_is_sent(arguments: dict[str, Any], choice: Any) -> None:
    body = sent(tools=TOOLS, user_msg="x", **arguments)
    assert body.get("tool_choice") == choice
    assert body["parallel_tool_calls"] is False
    assert "strict" not in body["tools"][0]["function"]


def test_tool_choice_as_a_dict_is_hosted_or_raw() -> None:
    assert parse_tool_choice({"type": "web_search_preview"}) == ToolChoice("hosted", name="web_search_preview")
    raw = {"type": "allowed_tools", "tools": []}
    assert parse_tool_choice(raw) == ToolChoice("raw", item=raw)
    assert to_tool({"type": "mcp", "server_url": "x"}).item["server_url"] == "x"
    with pytest.raises(ValueError, match="tool_choice"):
        parse_tool_choice(7)


def test_chat_with_tools_without_tools_sends_no_tool_fields() -> None:
    body = sent(tools=[], user_msg="x", tool_required=True, tool_choice="add")
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


def test_chat_with_tools_does_not_change_the_history() -> None:
    history = [ChatMessage("One")]
    body = sent(tools=TOOLS, user_msg="Two", chat_history=history)
    assert len(body["messages"]) == 2
    assert len(history) == 1


def test_tool_schema_with_strict_requires_every_property() -> None:
    function = sent(tools=TOOLS[1:], user_msg="x", strict_field=True)["tools"][0]["function"]
    assert function["strict"] is True
    assert function["parameters"]["required"] == ["a", "b"]
    assert function["parameters"]["additionalProperties"] is False


TWO = reply("", tool_calls=[call(), call(call_id="call_2", arguments='{"city": "Porto"}')], finish="tool_calls")


@all_calls
@pytest.mark.parametrize("parallel", [False, True])
async def test_parallel_calls_without_permission_are_limited_to_one(ask: Any, parallel: bool) -> None:
    llm = Gateway(TWO).llm()
    response = await ask(llm, tools=TOOLS, user_msg="x", allow_parallel_tool_calls=parallel)
    expected = 2 if parallel else 1
    assert len(llm.get_tool_calls_from_response(response)) == expected
    assert len(response.message.additional_kwargs["tool_calls"]) == expected


@all_calls
async def test_tool_name_that_endpoints_refuse_is_mapped_and_restored(ask: Any) -> None:
    gateway = Gateway(reply("", tool_calls=[call("Box_int", '{"value": 7}')], finish="tool_calls"))
    llm = gateway.llm()
    boxed = FunctionTool.from_defaults(lambda value: Box[int](value=value), name="Box[int]", fn_schema=Box[int])
    response = await ask(llm, tools=[boxed], user_msg="x")
    assert gateway.bodies[0]["tools"][0]["function"]["name"] == "Box_int"
    assert llm.get_tool_calls_from_response(response)[0].tool_name == "Box[int]"
    assert response.message.additional_kwargs["tool_calls"][0]["function"]["name"] == "Box[int]"
    llm.chat(
        [
            ChatMessage("x"),
            response.message,
            ChatMessage("7", role="tool", additional_kwargs={"tool_call_id": "call_1"}),
        ]
    )
    assert gateway.bodies[1]["messages"][1]["tool_calls"][0]["function"]["name"] == "Box_int"


def test_stream_with_partial_arguments_parses_them_so_far() -> None:
    llm = Gateway(reply("", tool_calls=[call()], finish="tool_calls")).llm()
    observed = [
        selection.tool_kwargs
        for response in llm.stream_chat_with_tools(TOOLS, user_msg="x")
        for selection in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    ]
    assert observed[0] == {}
    assert {"city": "Pa"} in observed
    assert observed[-1] == {"city": "Paris"}


def test_response_without_required_call_raises() -> None:
    llm = Gateway().llm()
    response = llm.chat([ChatMessage("x")])
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="at least one"):
        llm.get_tool_calls_from_response(response)


async def test_predict_and_call_runs_the_tool(llm: Any) -> None:
    ask = "What is the weather in Paris?"
    assert llm.predict_and_call(TOOLS, user_msg=ask).response == "Sunny in Paris"
    assert (await llm.apredict_and_call(TOOLS, user_msg=ask)).response == "Sunny in Paris"


@pytest.mark.usefixtures("current_loop")
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
def test_predict_and_call_without_tool_support_uses_react(emulated: Any) -> None:
    llm = emulated(is_function_calling_model=False)
    ask = "What is the weather in Paris?"
    assert llm.predict_and_call(TOOLS, user_msg=ask).response == "Sunny in Paris"
    assert asyncio.run(llm.apredict_and_call(TOOLS, user_msg=ask)).response == "Sunny in Paris"


@pytest.mark.parametrize(
    ("model", "arguments", "sent"),
    [
        ("o1", {}, False),
        ("openai/o3-mini", {}, False),
        ("o1", {"use_responses_api": True}, True),
        ("o1", {"endpoint": "chat_completions"}, False),
        ("gpt-4o", {}, True),
        ("anthropic/claude-sonnet-4.5", {}, False),
    ],
)
def test_parallel_tool_calls_is_sent_only_to_models_that_list_it(
    model: str, arguments: dict[str, Any], sent: bool
) -> None:
    gateway = Gateway(response(message_item("Hi")) if arguments.get("use_responses_api") else reply())
    gateway.llm(model=model, **arguments).chat_with_tools(TOOLS, user_msg="x")
    assert ("parallel_tool_calls" in gateway.bodies[0]) is sent


CUSTOM = {"type": "custom", "name": "run_code"}
SEARCH = {"type": "web_search_preview"}
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
ANY = {"type": "function", "function": {"name": "any", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.filterwarnings("ignore:A tool of type:aimlapi_integrations.ParameterWarning")
@pytest.mark.parametrize(
    ("tools", "choice", "expected"),
    [
        ([CUSTOM], "run_code", CUSTOM),
        ([CUSTOM, ADD], "run_code", CUSTOM),
        ([CUSTOM, ADD], "add", {"type": "function", "name": "add"}),
        ([SEARCH], "web_search_preview", SEARCH),
        ([ADD, ANY], "any", {"type": "function", "name": "any"}),
        ([ADD], "any", "required"),
        ([ADD], False, "none"),
        ([CUSTOM], CUSTOM, CUSTOM),
    ],
)
@pytest.mark.parametrize("path", ["LLM", "client"])
def test_tool_chosen_by_name_is_sent_in_the_form_of_its_kind(
    path: str, tools: list[Any], choice: Any, expected: Any
) -> None:
    gateway = Gateway(response(message_item("Hi")))
    llm = gateway.llm(model="openai/gpt-5-mini-2025-08-07", use_responses_api=True)
    if path == "LLM":
        llm.chat([ChatMessage("x")], tools=tools, tool_choice=choice)
    else:
        request = parse_request("x", model=llm.model, tools=tools, tool_choice=choice)
        llm._client().complete(request, CallOptions(use_responses_api=True))
    assert gateway.bodies[0]["tool_choice"] == expected


def test_custom_tool_in_the_form_of_chat_completions_is_chosen_in_that_form() -> None:
    custom = {"type": "custom", "custom": {"name": "run_code"}}
    assert parse_tool_choice("run_code", [to_tool(custom)]) == ToolChoice("raw", item=custom)


@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "json_schema", "json_schema": {"name": "Box", "schema": {"type": "object", "properties": {}}}},
        {"type": "json_schema", "name": "Box", "schema": {"type": "object", "properties": {}}},
    ],
    ids=["nested", "flat"],
)
def test_response_format_in_the_form_of_either_endpoint_is_sent(response_format: dict[str, Any]) -> None:
    gateway = Gateway(reply("{}"))
    gateway.llm().chat([ChatMessage("x")], response_format=response_format)
    sent_format = gateway.bodies[0]["response_format"]["json_schema"]
    assert (sent_format["name"], sent_format["schema"]["type"]) == ("Box", "object")


def test_response_format_without_a_schema_raises() -> None:
    with pytest.raises(ValueError, match="response_format="):
        Gateway().llm().chat([ChatMessage("x")], response_format={"type": "json_schema", "json_schema": {}})
