"""Decoding responses bodies, including incomplete ones."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints import responses
from aimlapi_integrations.errors import APIResponseError, InsufficientCreditsError, ResponseFailedError
from aimlapi_integrations.types import Citation, Cost, HostedItem, Image, Json, Reasoning, Refusal, Text, ToolCall

NOTE = {"type": "url_citation", "url": "https://example.com", "title": "E", "start_index": 0, "end_index": 2}


def message(text: str, item_id: str = "msg_1", **fields: Any) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": [], **fields}]
    return {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content}


def call(**fields: Any) -> Json:
    return {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "add", "arguments": "{}", **fields}


def body(*output: Json, **fields: Any) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1754668409,
        "model": "gpt-5-mini",
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "usage": None,
        **fields,
    }


def parts(*output: Json, **fields: Any) -> tuple[object, ...]:
    return responses.decode(body(*output, **fields), {}).message.parts


def test_documented_reply_is_decoded() -> None:
    usage = {
        "input_tokens": 4,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 63,
        "output_tokens_details": {"reasoning_tokens": 60},
        "total_tokens": 67,
    }
    raw = body(message("Hi"), usage=usage, meta={"usage": {"credits_used": 2480, "usd_spent": 0.00124}})
    reply = responses.decode(raw, {"x-inference-id": "inf", "x-request-id": "req"})
    assert (reply.text, reply.finish_reason, reply.status) == ("Hi", "stop", "completed")
    assert (reply.id, reply.model, reply.created) == ("resp_1", "gpt-5-mini", 1754668409)
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output, reply.usage.total) == (4, 63, 67)
    assert reply.usage.input_details == {"cache_read": 1}
    assert reply.usage.output_details == {"reasoning": 60}
    assert reply.cost == Cost("0.001240000", 2480)
    assert (reply.call_metadata.inference_id, reply.call_metadata.request_id) == ("inf", "req")
    assert reply.raw is raw


def test_cost_is_parsed_from_the_headers() -> None:
    reply = responses.decode(
        body(message("Hi")), {"x-aimlapi-credits-used": "20", "x-aimlapi-usd-spent": "0.000010000"}
    )
    assert reply.cost == Cost("0.000010000", 20)
    assert reply.usage is None


def test_items_become_parts_in_order() -> None:
    searched = {"id": "ws_1", "type": "web_search_call", "status": "completed"}
    drawn = {"id": "ig_1", "type": "image_generation_call", "result": "QUJD", "output_format": "webp"}
    thought = {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}],
        "content": [{"type": "reasoning_text", "text": "In full."}],
        "encrypted_content": "ENC",
    }
    custom = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_2", "name": "sql", "input": "select 1"}
    assert parts(
        thought, searched, message("It is", annotations=[NOTE]), message("so.", "msg_2"), call(), custom, drawn
    ) == (
        Reasoning("First.", "summary", "rs_1", encrypted="ENC"),
        Reasoning("Then.", "summary", "rs_1"),
        Reasoning("In full.", "text", "rs_1"),
        HostedItem(searched),
        Text("It is", (Citation("https://example.com", "E", 0, 2, raw=NOTE),), "msg_1"),
        Text("so.", id="msg_2"),
        ToolCall("call_1", "add", "{}", item_id="fc_1"),
        ToolCall("call_2", "sql", "select 1", "custom", item_id="ctc_1"),
        Image(data="QUJD", mime="image/webp", id="ig_1"),
    )


def test_empty_reasoning_keeps_its_id() -> None:
    assert parts({"id": "rs_1", "type": "reasoning", "summary": []}) == (Reasoning("", "summary", "rs_1"),)


def test_refusal_is_not_part_of_the_text() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "I cannot."}]}
    reply = responses.decode(body(item), {})
    assert reply.message.parts == (Refusal("I cannot."),)
    assert (reply.text, reply.message.refusal) == ("", "I cannot.")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"arguments": '{"a": 1}'}, ToolCall("call_1", "add", '{"a": 1}', item_id="fc_1")),
        ({"arguments": {"a": 1}}, ToolCall("call_1", "add", '{"a": 1}', item_id="fc_1")),
        ({"arguments": ""}, ToolCall("call_1", "add", "{}", item_id="fc_1")),
        ({"arguments": None}, ToolCall("call_1", "add", "{}", item_id="fc_1")),
        ({"arguments": "", "status": "incomplete"}, ToolCall("call_1", "add", "", item_id="fc_1")),
        ({"call_id": None}, ToolCall("fc_1", "add", "{}", item_id="fc_1")),
        ({"call_id": None, "id": None}, ToolCall("call_resp_1_0", "add", "{}")),
    ],
)
def test_calls_are_decoded(fields: Json, expected: ToolCall) -> None:
    reply = responses.decode(body(call(**fields)), {})
    assert reply.message.parts == (expected,)
    assert reply.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("fields", "status", "reason", "native"),
    [
        ({}, "completed", "stop", "completed"),
        ({"status": "completed"}, "completed", "stop", "completed"),
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "incomplete", "length", "max_output_tokens"),
        ({"status": "incomplete"}, "incomplete", "length", "incomplete"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "incomplete",
            "content_filter",
            "content_filter",
        ),
        ({"status": "queued"}, "queued", None, "queued"),
        ({"status": "in_progress"}, "in_progress", None, "in_progress"),
    ],
)
def test_status_becomes_the_finish_reason(fields: Json, status: str, reason: str | None, native: str) -> None:
    reply = responses.decode(body(message("so far"), **fields), {})
    assert (reply.status, reply.finish_reason, reply.choices[0].native_finish_reason) == (status, reason, native)
    assert reply.text == "so far"


def test_incomplete_call_is_not_repaired() -> None:
    cut = {"incomplete_details": {"reason": "max_output_tokens"}}
    whole, broken = call(arguments="", status="completed"), call(arguments='{"a": ', status="incomplete")
    assert [one.arguments for one in responses.decode(body(whole, broken, **cut), {}).tool_calls] == ["{}", '{"a": ']


def test_background_response_has_a_status_and_no_finish_reason() -> None:
    reply = responses.decode({"id": "resp_1", "object": "response", "model": "m", "status": "queued"}, {})
    assert (reply.id, reply.status, reply.text, reply.finish_reason) == ("resp_1", "queued", "", None)


@pytest.mark.parametrize("output", [None, [], [{"id": "rs_1", "type": "reasoning", "summary": []}]])
def test_output_text_replaces_a_missing_message(output: list[Json] | None) -> None:
    assert responses.decode(body(output_text="Hi", output=output), {}).text == "Hi"


def test_incomplete_message_in_a_completed_body_is_decoded() -> None:
    item = {**message("Hello"), "status": "in_progress"}
    assert responses.decode(body(item, output_text="Hello"), {}).text == "Hello"


def test_string_content_is_decoded() -> None:
    assert parts({"type": "message", "content": "Hi"}) == (Text("Hi"),)


def test_sources_of_the_whole_reply_go_to_the_last_text() -> None:
    first, last = parts(message("a"), message("b", "msg_2"), citations=["https://example.com"])
    assert first == Text("a", id="msg_1")
    assert last == Text("b", (Citation("https://example.com"),), "msg_2")


def test_logprobs_are_parsed() -> None:
    entry = {"token": "Hi", "logprob": -0.1}
    assert responses.decode(body(message("Hi", logprobs=[entry])), {}).choices[0].logprobs == (entry,)
    assert responses.decode(body(message("Hi")), {}).choices[0].logprobs is None


def test_failed_response_raises_with_the_reason() -> None:
    failed = body(status="failed", error={"code": "server_error", "message": "The model failed."})
    with pytest.raises(ResponseFailedError, match="resp_1 failed: The model failed") as caught:
        responses.decode(failed, {"x-request-id": "req"})
    error = caught.value
    assert (error.code, error.response_id, error.request_id, error.body) == ("server_error", "resp_1", "req", failed)


def test_cancelled_response_raises_unless_decoded_as_status() -> None:
    cancelled = body(status="cancelled")
    with pytest.raises(ResponseFailedError, match="was cancelled"):
        responses.decode(cancelled, {})
    assert responses.decode_status(cancelled, {}).status == "cancelled"


@pytest.mark.parametrize("answer", [[], "text", {}, {"id": "x"}, body(output="text"), {"choices": []}])
def test_invalid_response_raises(answer: Any) -> None:
    with pytest.raises(APIResponseError):
        responses.decode(answer, {})


def test_error_inside_a_200_raises_that_error() -> None:
    kind = {"kind": "err_insufficent_credits"}
    answer = {"status": 403, "message": "out of credits", "error": {"name": "ForbiddenException", "data": kind}}
    with pytest.raises(InsufficientCreditsError):
        responses.decode(answer, {})
