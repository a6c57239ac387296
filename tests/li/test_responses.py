"""Replies of the Responses endpoint, plain and streamed, sync and async; failures raise."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatResponse,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_integrations.errors import ResponseFailedError
from aimlapi_integrations.llama_index import AIMLAPI
from tests.li.chat_calls import all_calls, streamed_calls
from tests.li.gateway import Gateway, message_item, response
from tests.support.responses_events import events as events_of

MINI = "openai/gpt-5-mini-2025-08-07"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()


def source(number: int) -> dict[str, Any]:
    return {"type": "url_citation", "url": f"https://x.org/{number}", "title": "X", "start_index": 0, "end_index": 3}


def function_call(number: int, arguments: str = '{"city": "Paris"}', name: str = "get_weather") -> dict[str, Any]:
    known = {"id": f"fc_{number}", "call_id": f"call_{number}", "status": "completed"}
    return {"type": "function_call", "name": name, "arguments": arguments, **known}


THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Let me think."}],
    "encrypted_content": "enc",
}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
DRAWN = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PNG}


def llm_of(gateway: Gateway, **arguments: Any) -> AIMLAPI:
    return gateway.llm(**{"model": MINI, "use_responses_api": True, **arguments})


async def answer(ask: Any, *output: dict[str, Any], **fields: Any) -> ChatResponse:
    """The last response to a reply of these items."""
    last: ChatResponse = (await ask(llm_of(Gateway(response(*output, **fields)))))[-1]
    return last


@all_calls
async def test_response_with_two_messages_has_each_text_once(ask: Any) -> None:
    last = await answer(ask, message_item("One. "), message_item("Two."), message_item("Three.", item_id="msg_3"))
    assert "".join(block.text for block in last.message.blocks if isinstance(block, TextBlock)).count("Two.") == 1
    assert last.message.content == "One. Two.Three."


@all_calls
async def test_response_with_image_item_alone_has_an_image_block(ask: Any) -> None:
    last = await answer(ask, DRAWN)
    [picture] = [block for block in last.message.blocks if isinstance(block, ImageBlock)]
    assert picture.resolve_image().read() == b"\x89PNG\r\n\x1a\nrest"


@all_calls
async def test_annotations_of_every_part_are_kept(ask: Any) -> None:
    one, other = (
        message_item("One", annotations=[source(1)]),
        message_item("Two", annotations=[source(2)], item_id="msg_2"),
    )
    last = await answer(ask, one, other)
    cited = [block.source for block in last.message.blocks if isinstance(block, CitationBlock)]
    assert cited == ["https://x.org/1", "https://x.org/2"]
    assert len(last.message.additional_kwargs["annotations"]) == 2


@all_calls
async def test_response_with_reasoning_tools_and_text_keeps_their_order(ask: Any) -> None:
    last = await answer(
        ask, THOUGHT, SEARCH, message_item("Here:"), function_call(1), function_call(2, '{"city": "Porto"}')
    )
    thought, text, *calls = last.message.blocks
    assert (thought.content, thought.additional_information["encrypted_content"]) == ("Let me think.", "enc")
    assert text == TextBlock(text="Here:")
    assert [(call.tool_call_id, call.tool_kwargs["city"]) for call in calls] == [
        ("call_1", "Paris"),
        ("call_2", "Porto"),
    ]
    assert last.message.additional_kwargs["built_in_tool_calls"] == [SEARCH]


@all_calls
async def test_token_counts_have_the_names_that_handlers_read(ask: Any) -> None:
    last = await answer(ask, message_item("Hi"))
    assert last.raw["usage"]["prompt_tokens"] == last.additional_kwargs["prompt_tokens"] == 10
    assert last.raw["usage"]["completion_tokens"] == last.additional_kwargs["completion_tokens"] == 5


@all_calls
async def test_response_without_usage_is_accepted(ask: Any) -> None:
    last = await answer(ask, message_item("Hi"), usage=None)
    assert last.message.content == "Hi"
    assert "prompt_tokens" not in last.additional_kwargs


@all_calls
async def test_response_that_is_cut_off_keeps_its_text_and_reports_length(ask: Any) -> None:
    last = await answer(
        ask, message_item("Half"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    )
    assert last.message.content == "Half"
    assert last.additional_kwargs["finish_reason"] == "length"


@all_calls
async def test_response_with_refusal_reports_it(ask: Any) -> None:
    last = await answer(ask, {**message_item(), "content": [{"type": "refusal", "refusal": "I will not."}]})
    assert last.additional_kwargs["refusal"] == last.message.additional_kwargs["refusal"] == "I will not."


@all_calls
async def test_response_with_status_failed_raises(ask: Any) -> None:
    with pytest.raises(ResponseFailedError, match="It broke"):
        await answer(ask, status="failed", error={"code": "server_error", "message": "It broke."})


@streamed_calls
@pytest.mark.parametrize(
    "end",
    [
        {"type": "error", "code": "server_error", "message": "It broke."},
        {"type": "response.failed", "response": response(status="failed", error={"message": "It broke."})},
    ],
)
async def test_stream_with_failure_event_raises(ask: Any, end: Any) -> None:
    events = [event for event in events_of(response(message_item("Half a"))) if event["type"] != "response.completed"]
    with pytest.raises(ResponseFailedError, match="It broke") as caught:
        await ask(llm_of(Gateway(events=[*events, end])))
    assert caught.value.partial == "Half a"


@streamed_calls
async def test_stream_responses_have_the_message_so_far(ask: Any) -> None:
    responses = await ask(llm_of(Gateway(response(THOUGHT, message_item("It is Paris, of course.")))))
    assert "".join(each.delta for each in responses) == "It is Paris, of course."
    assert "".join(each.additional_kwargs.get("thinking_delta", "") for each in responses) == "Let me think."
    text_so_far = ""
    for each in responses:
        text_so_far += each.delta
        assert (each.message.content or "") == text_so_far
    assert any(isinstance(block, ThinkingBlock) for block in responses[0].message.blocks)


@streamed_calls
async def test_stream_with_interleaved_call_items_returns_each_call(ask: Any) -> None:
    def piece(number: int, arguments: str) -> dict[str, Any]:
        kind = "response.function_call_arguments.delta"
        return {"type": kind, "output_index": number, "item_id": f"fc_{number}", "delta": arguments}

    calls = [function_call(0, '{"x": 1}', "add"), function_call(1, '{"y": 2}', "mul")]
    begun = [
        {"type": "response.output_item.added", "output_index": place, "item": {**call, "arguments": ""}}
        for place, call in enumerate(calls)
    ]
    pieces = [piece(1, '{"y"'), piece(0, '{"x": '), piece(1, ": 2}"), piece(0, "1}")]
    end = {"type": "response.completed", "response": response(*calls)}
    responses = await ask(llm_of(Gateway(events=[*begun, *pieces, end])))
    for each in (responses[-2], responses[-1]):
        blocks = [block for block in each.message.blocks if isinstance(block, ToolCallBlock)]
        assert [(block.tool_call_id, block.tool_name) for block in blocks] == [("call_0", "add"), ("call_1", "mul")]
    assert [block.tool_kwargs for block in responses[-2].message.blocks] == ['{"x": 1}', '{"y": 2}']
    assert [block.tool_kwargs for block in responses[-1].message.blocks] == [{"x": 1}, {"y": 2}]


# --- requests ---------------------------------------------------------------------------------------------------------


def get_weather(city: str) -> str:
    """The weather in a city."""
    return city


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


TOOLS = [FunctionTool.from_defaults(get_weather), FunctionTool.from_defaults(add)]


def nulls(value: Any) -> bool:
    """Whether there is a null anywhere."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(nulls, inner))


def test_unset_field_is_not_sent() -> None:
    gateway = Gateway(response(message_item("Hi")))
    llm_of(gateway).chat_with_tools([], user_msg="Hello", tool_required=True)
    [body] = gateway.bodies
    assert not nulls(body)
    assert body.keys() <= {"model", "input", "include"}


@pytest.mark.parametrize(
    ("arguments", "choice"),
    [
        ({"tool_required": True}, "required"),
        ({"tool_choice": "add"}, {"type": "function", "name": "add"}),
        ({"tool_choice": {"type": "function", "function": {"name": "add"}}}, {"type": "function", "name": "add"}),
    ],
)
def test_tools_and_choice_on_responses_are_flat(arguments: Any, choice: Any) -> None:
    gateway = Gateway(response(function_call(1), function_call(2)))
    llm = llm_of(gateway)
    responses = llm.chat_with_tools(TOOLS, user_msg="Hello", **arguments)
    [body] = gateway.bodies
    assert [(tool["type"], tool["name"]) for tool in body["tools"]] == [
        ("function", "get_weather"),
        ("function", "add"),
    ]
    assert body["tool_choice"] == choice
    assert len(llm.get_tool_calls_from_response(responses)) == 1  # parallel calls were not requested


class Trip(BaseModel):
    """A journey."""

    city: str


@pytest.mark.parametrize("by_schema", [True, False])
def test_structured_predict_uses_every_setting(by_schema: bool) -> None:
    output = message_item('{"city": "Rome"}') if by_schema else function_call(1, '{"city": "Rome"}', "Trip")
    gateway = Gateway(response(output))
    llm = llm_of(
        gateway,
        should_use_structured_outputs=by_schema,
        max_tokens=500,
        reasoning_effort="low",
        instructions="Be kind.",
        system_prompt="Be brief.",
        additional_kwargs={"truncation": "auto", "store": True},
    )
    trip = llm.structured_predict(Trip, PromptTemplate("To {where}"), llm_kwargs={"store": False}, where="Rome")
    assert trip == Trip(city="Rome")
    [body] = gateway.bodies
    assert ("text" in body, "tools" in body) == (by_schema, not by_schema)
    assert body["max_output_tokens"] == 500
    assert body["reasoning"]["effort"] == "low"
    assert (body["instructions"], body["truncation"], body["store"]) == ("Be kind.", "auto", False)
    assert [turn["content"] for turn in body["input"]] == ["Be brief.", "To Rome"]
