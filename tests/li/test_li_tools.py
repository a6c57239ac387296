"""Function calling in LlamaIndex."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations.client.openai_format import parse_tool_choice
from aimlapi_integrations.llama_index.request import to_tool
from aimlapi_integrations.types import ToolChoice

from .li_gateway import Gateway, call, reply, response
from .li_gateway import said as message_item

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


anyhow = pytest.mark.parametrize("ask", [_sync, _async, _stream, _astream])


@anyhow
async def test_a_tool_is_called(llm: Any, ask: Any) -> None:
    response = await ask(llm, tools=TOOLS, user_msg="What is the weather in Paris?")
    [selection] = llm.get_tool_calls_from_response(response)
    assert (selection.tool_name, selection.tool_kwargs) == ("get_weather", {"city": "Paris"})
    assert selection.tool_id
    assert response.message.additional_kwargs["tool_calls"][0]["function"]["name"] == "get_weather"


@anyhow
async def test_a_tool_can_be_required(llm: Any, ask: Any) -> None:
    response = await ask(llm, tools=TOOLS[:1], user_msg="Hello", tool_required=True)
    assert llm.get_tool_calls_from_response(response)[0].tool_name == "get_weather"


def sent(**kwargs: Any) -> dict[str, Any]:
    gateway = Gateway(reply("", tool_calls=[call()], finish="tool_calls"))
    gateway.llm(strict=kwargs.pop("strict_field", None)).chat_with_tools(**kwargs)
    return gateway.bodies[0]


@pytest.mark.parametrize(
    ("given", "choice"),
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
def test_tool_choices(given: dict[str, Any], choice: Any) -> None:
    body = sent(tools=TOOLS, user_msg="x", **given)
    assert body.get("tool_choice") == choice
    assert body["parallel_tool_calls"] is False
    assert "strict" not in body["tools"][0]["function"]


def test_hosted_and_raw_choices() -> None:
    assert parse_tool_choice({"type": "web_search_preview"}) == ToolChoice("hosted", name="web_search_preview")
    raw = {"type": "allowed_tools", "tools": []}
    assert parse_tool_choice(raw) == ToolChoice("raw", item=raw)
    assert to_tool({"type": "mcp", "server_url": "x"}).item["server_url"] == "x"
    with pytest.raises(ValueError, match="tool_choice"):
        parse_tool_choice(7)


def test_without_tools_nothing_speaks_of_them() -> None:
    body = sent(tools=[], user_msg="x", tool_required=True, tool_choice="add")
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


def test_the_callers_history_is_not_changed() -> None:
    history = [ChatMessage("One")]
    body = sent(tools=TOOLS, user_msg="Two", chat_history=history)
    assert len(body["messages"]) == 2
    assert len(history) == 1


def test_strict_schemas_are_strict() -> None:
    function = sent(tools=TOOLS[1:], user_msg="x", strict_field=True)["tools"][0]["function"]
    assert function["strict"] is True
    assert function["parameters"]["required"] == ["a", "b"]
    assert function["parameters"]["additionalProperties"] is False


TWO = reply("", tool_calls=[call(), call(call_id="call_2", arguments='{"city": "Porto"}')], finish="tool_calls")


@anyhow
@pytest.mark.parametrize("parallel", [False, True])
async def test_calls_are_limited_where_asked(ask: Any, parallel: bool) -> None:
    llm = Gateway(TWO).llm()
    response = await ask(llm, tools=TOOLS, user_msg="x", allow_parallel_tool_calls=parallel)
    expected = 2 if parallel else 1
    assert len(llm.get_tool_calls_from_response(response)) == expected
    assert len(response.message.additional_kwargs["tool_calls"]) == expected


@anyhow
async def test_names_that_endpoints_refuse_come_back(ask: Any) -> None:
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


def test_arguments_in_a_stream_are_taken_as_far_as_they_came() -> None:
    llm = Gateway(reply("", tool_calls=[call()], finish="tool_calls")).llm()
    seen = [
        selection.tool_kwargs
        for response in llm.stream_chat_with_tools(TOOLS, user_msg="x")
        for selection in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    ]
    assert seen[0] == {}
    assert {"city": "Pa"} in seen
    assert seen[-1] == {"city": "Paris"}


def test_no_call_where_one_had_to_be() -> None:
    llm = Gateway().llm()
    response = llm.chat([ChatMessage("x")])
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="at least one"):
        llm.get_tool_calls_from_response(response)


async def test_predict_and_call(llm: Any) -> None:
    ask = "What is the weather in Paris?"
    assert llm.predict_and_call(TOOLS, user_msg=ask).response == "Sunny in Paris"
    assert (await llm.apredict_and_call(TOOLS, user_msg=ask)).response == "Sunny in Paris"


@pytest.mark.usefixtures("current_loop")
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
def test_a_model_without_tools_is_asked_in_text(emulated: Any) -> None:
    llm = emulated(is_function_calling_model=False)
    ask = "What is the weather in Paris?"
    assert llm.predict_and_call(TOOLS, user_msg=ask).response == "Sunny in Paris"
    assert asyncio.run(llm.apredict_and_call(TOOLS, user_msg=ask)).response == "Sunny in Paris"


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("o1", {}, False),
        ("openai/o3-mini", {}, False),
        ("o1", {"use_responses_api": True}, True),
        ("o1", {"endpoint": "chat_completions"}, False),
        ("gpt-4o", {}, True),
        ("anthropic/claude-sonnet-4.5", {}, False),
    ],
)
def test_limit_of_calls_goes_to_models_that_list_it_alone(model: str, given: dict[str, Any], sent: bool) -> None:
    gateway = Gateway(response(message_item("Hi")) if given.get("use_responses_api") else reply())
    gateway.llm(model=model, **given).chat_with_tools(TOOLS, user_msg="x")
    assert ("parallel_tool_calls" in gateway.bodies[0]) is sent
