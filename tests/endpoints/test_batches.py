"""The batch endpoint: requests as params of `/v1/messages`, the forms of a status, and results in order."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations import (
    APIError,
    APIResponseError,
    BadRequestError,
    BatchCanceledError,
    BatchError,
    BatchExpiredError,
    InternalServerError,
    RateLimitError,
    UnsupportedParameterError,
)
from aimlapi_integrations.endpoints import batches
from aimlapi_integrations.endpoints.batches import Batch, BatchResult
from aimlapi_integrations.types import Message, Request, ResponseFormat, Text, Tool, ToolChoice

Json = dict[str, Any]
CLAUDE = "anthropic/claude-sonnet-4.5"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORMAT = ResponseFormat("json_schema", name="trip", schema=SCHEMA)
BATCH = Batch("msgbatch_1")


def request(text: str = "Hello", **fields: Any) -> Request:
    return Request(fields.pop("model", CLAUDE), (Message("user", (Text(text),)),), **fields)


def message(text: str = "Hi", **fields: Any) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
        **fields,
    }


def row(custom_id: str, text: str = "Hi", **result: Any) -> Json:
    return {"custom_id": custom_id, "result": result or {"type": "succeeded", "message": message(text)}}


def decoded(*rows: Json, batch: Batch = BATCH) -> tuple[BatchResult, ...]:
    return batches.decode_results(rows, batch)


# --- requests -------------------------------------------------------------------------------------------------------


def test_params_are_a_messages_body_with_plain_text_as_a_string() -> None:
    params, names = batches.encode_params(request(options={"max_tokens": 50, "temperature": 0}))
    assert params == {
        "model": CLAUDE,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 50,
        "temperature": 0,
    }
    assert names == {}


@pytest.mark.parametrize("model", ["openai/gpt-5-mini-2025-08-07", "acme/none", "google/gemini-2.5-flash"])
def test_params_for_another_vendors_model_raise(model: str) -> None:
    with pytest.raises(UnsupportedParameterError, match="not a Claude model"):
        batches.encode_params(request(model=model))


@pytest.mark.parametrize(
    ("tools", "choice"),
    [((), {"type": "tool", "name": batches.ANSWER_TOOL}), ((Tool("add", parameters=SCHEMA),), {"type": "any"})],
    ids=["alone", "with-a-tool"],
)
def test_response_format_is_sent_as_a_tool(tools: tuple[Tool, ...], choice: Json) -> None:
    params, _ = batches.encode_params(request(response_format=FORMAT, tools=tools))
    assert [tool["name"] for tool in params["tools"]] == [*(tool.name for tool in tools), batches.ANSWER_TOOL]
    assert params["tools"][-1]["input_schema"] == SCHEMA
    assert params["tool_choice"] == choice
    assert "response_format" not in params


def test_response_format_with_a_tool_of_its_name_raises() -> None:
    with pytest.raises(UnsupportedParameterError, match=batches.ANSWER_TOOL):
        batches.encode_params(request(response_format=FORMAT, tools=(Tool(batches.ANSWER_TOOL),)))


def test_response_format_keeps_the_callers_tool_choice() -> None:
    choice = ToolChoice("auto")
    params, _ = batches.encode_params(request(response_format=FORMAT, tools=(Tool("add"),), tool_choice=choice))
    assert params["tool_choice"] == {"type": "auto"}


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        ([], "1 to 100,000 requests, received 0"),
        (["a", "b", "a"], "'a' occurs twice"),
        ([""], "expected 1 to 64"),
        (["a b"], "expected 1 to 64"),
        (["x" * 65], "expected 1 to 64"),
        ([5], "expected 1 to 64"),
        ([f"a{place}" for place in range(100_001)], "received 100,001"),
    ],
)
def test_invalid_custom_ids_raise(ids: list[Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        batches.check_custom_ids(ids)


def test_cancel_path_escapes_the_id() -> None:
    assert batches.cancel_path("msgbatch_1") == "/batches/cancel/msgbatch_1"
    with pytest.raises(ValueError, match="a batch"):
        batches.cancel_path(" ")


# --- status ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": "b", "status": "generating"}, "in_progress"),
        ([{"id": "b", "status": "generating"}], "in_progress"),
        ([[{"id": "b", "status": "generating"}]], "in_progress"),
        ({"id": "b", "status": "a new word"}, "in_progress"),
        ({"id": "b", "processing_status": "canceling"}, "canceling"),
        ({"id": "b", "processing_status": "cancelling"}, "canceling"),
        ({"id": "b", "status": "cancelled"}, "canceled"),
        ({"id": "b", "processing_status": "ended"}, "ended"),
        ({"id": "b", "status": "completed"}, "ended"),
        ({"id": "b", "status": "expired"}, "expired"),
        ({"id": "b", "status": "failed"}, "failed"),
        ({"id": "b", "status": "error"}, "failed"),
    ],
)
def test_status_is_decoded_in_every_form(body: Any, status: str) -> None:
    batch, rows = batches.decode(body, {})
    assert (batch.id, batch.status, rows) == ("b", status, None)
    assert batch.ended == (status in {"canceled", "ended", "expired", "failed"})


def test_results_end_the_batch_and_count_its_rows() -> None:
    rows = [row("a"), row("b", type="errored", error={}), row("c", type="expired"), row("d", type="cancelled")]
    batch, received = batches.decode(rows, {}, BATCH)
    assert received == rows
    assert batch.status == "ended"
    assert batch.counts == {"processing": 0, "succeeded": 1, "errored": 1, "canceled": 1, "expired": 1}


def test_a_later_status_keeps_what_is_known() -> None:
    first, _ = batches.decode({"id": "b", "created_at": "2026-01-01", "request_counts": {"processing": 3}}, {})
    later, _ = batches.decode([{"id": "b", "status": "generating"}], {}, first)
    assert (later.created_at, later.counts) == ("2026-01-01", {"processing": 3})


@pytest.mark.parametrize(
    ("body", "error", "problem"),
    [
        ({"error": {"message": "no key"}, "status": 401}, APIError, "no key"),
        ([{"error": {"message": "overloaded", "type": "overloaded_error"}}], APIError, "overloaded"),
        ([], APIResponseError, "neither"),
        ({}, APIResponseError, "neither"),
        (17, APIResponseError, "received number"),
        ([None], APIResponseError, "received null"),
        ("ok", APIResponseError, "received string"),
    ],
)
def test_a_body_without_a_batch_raises(body: Any, error: type[APIError], problem: str) -> None:
    with pytest.raises(error, match=problem):
        batches.decode(body, {})


# --- results --------------------------------------------------------------------------------------------------------


def test_results_are_in_the_order_of_generated_ids() -> None:
    results = decoded(row("row-1-of-3", "one"), row("row-2-of-3", "two"), row("row-0-of-3", "zero"))
    assert [result.unwrap().text for result in results] == ["zero", "one", "two"]


def test_results_are_in_the_order_of_the_batchs_ids_and_unknown_rows_are_last() -> None:
    batch = Batch("msgbatch_1", custom_ids=("b", "a"))
    results = decoded(row("x"), row("a"), row("b"), batch=batch)
    assert [result.custom_id for result in results] == ["b", "a", "x"]


def test_a_request_without_a_row_gets_an_error() -> None:
    zero, one = decoded(row("row-1-of-2"))
    assert one.reply
    assert isinstance(zero.error, BatchError)
    assert (zero.error.batch_id, zero.error.custom_id) == ("msgbatch_1", "row-0-of-2")
    with pytest.raises(BatchError, match="without a result for request 'row-0-of-2'"):
        zero.unwrap()


def test_a_row_that_comes_twice_counts_once() -> None:
    [result] = decoded(row("a", "first"), row("a", "second"))
    assert result.unwrap().text == "first"


@pytest.mark.parametrize(
    ("result", "error", "text"),
    [
        ({"type": "expired"}, BatchExpiredError, "expired before request 'a'"),
        ({"type": "canceled"}, BatchCanceledError, "was canceled before request 'a'"),
        ({"type": "cancelled"}, BatchCanceledError, "was canceled"),
        (
            {"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request_error", "message": "X"}}},
            BadRequestError,
            "X",
        ),
        ({"type": "errored", "error": {"type": "rate_limit_error", "message": "slow"}}, RateLimitError, "slow"),
        ({"type": "errored", "error": {"type": "api_error", "message": "down"}}, InternalServerError, "down"),
        ({"type": "errored", "error": "it failed"}, APIError, "it failed"),
        ({"type": "errored"}, APIResponseError, "result.error: expected an error"),
        ({"type": "postponed"}, APIResponseError, "received 'postponed'"),
        ({"type": "succeeded"}, APIResponseError, "result.message: expected object, received null"),
        ({"type": "succeeded", "message": []}, APIResponseError, "received array"),
        ({"type": "succeeded", "message": {"error": {"message": "no"}}}, APIError, "no"),
    ],
)
def test_a_row_without_a_reply_has_a_typed_error(result: Json, error: type[APIError], text: str) -> None:
    good, bad = decoded(row("b"), row("a", **result))
    assert good.reply
    assert bad.reply is None
    assert isinstance(bad.error, error)
    assert text in str(bad.error)


def test_only_an_expired_request_can_be_retried() -> None:
    expired, canceled = decoded(row("a", type="expired"), row("b", type="canceled"))
    assert expired.error
    assert canceled.error
    assert (expired.error.retryable, canceled.error.retryable) == (True, False)


@pytest.mark.parametrize("place", ["message", "result", "row"])
def test_the_cost_is_read_wherever_it_is(place: str) -> None:
    meta = {"meta": {"usage": {"credits_used": 20, "usd_spent": 0.00001}}}
    body = message(**(meta if place == "message" else {}))
    result = {"type": "succeeded", "message": body, **(meta if place == "result" else {})}
    [decoded_row] = decoded({"custom_id": "a", "result": result, **(meta if place == "row" else {})})
    cost = decoded_row.unwrap().cost
    assert cost
    assert (cost.usd, cost.credits) == ("0.000010000", 20)


def test_a_reply_has_its_author_from_its_model() -> None:
    [result] = decoded(row("a"))
    assert result.unwrap().choices[0].message.author == "claude-sonnet-4-5-20250929"


def test_a_response_format_comes_back_as_text() -> None:
    call = {"type": "tool_use", "id": "t", "name": batches.ANSWER_TOOL, "input": {"city": "Porto"}}
    [result] = decoded(row("a", type="succeeded", message=message(content=[call], stop_reason="tool_use")))
    reply = result.unwrap()
    assert reply.text.replace(" ", "") == '{"city":"Porto"}'
    assert reply.choices[0].message.tool_calls == ()
    assert reply.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("names", [{"a": {"get_x": "get x"}}, {batches.ALL_REQUESTS: {"get_x": "get x"}}])
def test_names_of_tools_are_restored(names: dict[str, dict[str, str]]) -> None:
    call = {"type": "tool_use", "id": "t", "name": "get_x", "input": {}}
    answer = row("a", type="succeeded", message=message(content=[call], stop_reason="tool_use"))
    [result] = decoded(answer, batch=Batch("msgbatch_1", tool_names=names))
    assert [call.name for call in result.unwrap().choices[0].message.tool_calls] == ["get x"]


@pytest.mark.parametrize(
    ("status", "error"),
    [("canceled", BatchCanceledError), ("expired", BatchExpiredError), ("failed", BatchError)],
)
def test_a_batch_that_ends_without_rows(status: Any, error: type[BatchError]) -> None:
    results = batches.results_without_rows(Batch("b", status, custom_ids=("x", "y")))
    assert [(type(result.error), result.custom_id) for result in results] == [(error, "x"), (error, "y")]
    with pytest.raises(error):
        batches.results_without_rows(Batch("b", status))
