"""Streams of Responses that leave things out or say them twice: the message is the one of the plain reply."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from aimlapi_integrations.errors import ResponseFailedError, StreamError
from aimlapi_integrations.langchain.errors import ModelAPIError
from tests.lc.gateway import Gateway
from tests.lc.odd_replies import PLAIN, STREAMED, Json, MessageSummary, call, refusal, summarize, text
from tests.support.responses_events import events, without

NOTE = {"type": "file_citation", "file_id": "file_1", "filename": "a.pdf", "index": 7}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}


def body(*output: Json, **further: Any) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "model": "gpt-4o",
        "status": "completed",
        "output": list(output),
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        **further,
    }


def written(*content: Json) -> Json:
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": list(content)}


def words(written_text: str, *annotations: Json) -> Json:
    return {"type": "output_text", "text": written_text, "annotations": list(annotations), "logprobs": []}


def calling(arguments: str, **further: Any) -> Json:
    return {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": arguments, **further}


SUMMARIES = [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Second."}]
OUTPUT = [
    {"id": "rs_1", "type": "reasoning", "summary": SUMMARIES, "encrypted_content": "ENC"},
    {"id": "rs_2", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "In full."}]},
    SEARCH,
    written(words("See the file.", NOTE)),
    calling('{"x": 1}'),
]
BODY = body(*OUTPUT)
WHOLE = events(BODY)


def from_the_start(event: Json) -> Json:
    """Make the first event of an item complete, although its pieces follow."""
    return {**event, "item": OUTPUT[event["output_index"]]} if event["type"].endswith("item.added") else event


def placeless(event: Json) -> Json:
    return {name: value for name, value in event.items() if name != "output_index"}


STREAMS: dict[str, list[Json]] = {
    "as documented": WHOLE,
    "the end alone": WHOLE[-1:],
    "no deltas": without(WHOLE, ".delta"),
    "whole items first": [from_the_start(event) for event in WHOLE],
    "no places": [placeless(event) for event in WHOLE],
    "unknown events": [event for known in WHOLE for event in (known, {"type": "response.novelty", "delta": "x"})],
}


def failed_events(message: AIMessage) -> Json:
    shown = message.model_dump()
    if isinstance(shown["content"], list):
        shown["content"] = [{k: v for k, v in block.items() if k != "index"} for block in shown["content"]]
    return {name: shown[name] for name in ("content", "additional_kwargs", "usage_metadata", "id", "response_metadata")}


@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("mode", STREAMED)
@pytest.mark.parametrize("name", STREAMS)
def test_streamed_response_equals_the_plain_message(name: str, mode: str, output_version: str | None):
    model = Gateway(BODY, events=STREAMS[name]).model(endpoint="responses", output_version=output_version)
    plain, streamed = model.invoke("Hi"), STREAMED[mode](model)
    assert failed_events(streamed) == failed_events(plain)
    assert summarize(streamed) == summarize(plain)


@pytest.mark.parametrize("output_version", [None, "v1"])
def test_content_blocks_of_a_response_are_in_order(output_version: str | None):
    shown = summarize(Gateway(BODY).model(endpoint="responses", output_version=output_version).invoke("Hi"))
    kinds = ["reasoning", "reasoning", "reasoning", "server_tool_call", "server_tool_result", "text", "tool_call"]
    assert [block["type"] for block in shown.blocks] == kinds
    assert [block["reasoning"] for block in shown.blocks[:3]] == ["First.", "Second.", "In full."]
    assert shown.blocks[0]["extras"]["encrypted_content"] == "ENC"
    assert shown.blocks[5]["text"] == "See the file."
    assert shown.blocks[6] == call("c1", "f", {"x": 1}, extras={"item_id": "fc_1"})
    assert (shown.finish, shown.tokens) == ("tool_calls", 15)


ENDS: dict[str, tuple[Json, MessageSummary]] = {
    "whole": (body(written(words("a"))), MessageSummary([text("a")], "stop", 15)),
    "out of tokens": (
        body(written(words("a")), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        MessageSummary([text("a")], "length", 15),
    ),
    "filtered": (
        body(written(words("a")), status="incomplete", incomplete_details={"reason": "content_filter"}),
        MessageSummary([text("a")], "content_filter", 15),
    ),
    "a call cut off": (
        body(calling('{"x'), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        MessageSummary([call("c1", "f", '{"x', extras={"item_id": "fc_1"})], "length", 15),
    ),
    "declined": (
        body(written({"type": "refusal", "refusal": "No."})),
        MessageSummary([refusal("No.")], "stop", 15),
    ),
}


@pytest.mark.parametrize("mode", [*PLAIN, *STREAMED])
@pytest.mark.parametrize("name", ENDS)
def test_end_of_a_response_sets_the_finish_reason(name: str, mode: str):
    """Responses say it by a status; LangChain's agents and parsers look for a finish reason."""
    complete_body, expected = ENDS[name]
    model = Gateway(complete_body, events=events(complete_body)).model(endpoint="responses")
    assert summarize({**PLAIN, **STREAMED}[mode](model)) == expected


FAILED = {"code": "server_error", "message": "it broke"}
ERRORS: dict[str, tuple[list[Json], type[Exception], str]] = {
    "failed": (
        [*WHOLE[:2], {"type": "response.failed", "response": body(status="failed", error=FAILED)}],
        ResponseFailedError,
        "it broke",
    ),
    "an error event": ([*WHOLE[:2], {"type": "error", **FAILED}], ResponseFailedError, "it broke"),
    "no end": (without(WHOLE, "response.completed"), StreamError, "broke off"),
    "nothing": ([], StreamError, "broke off"),
}


@pytest.mark.parametrize("mode", STREAMED)
@pytest.mark.parametrize("name", ERRORS)
def test_failed_response_raises_a_core_error(name: str, mode: str):
    failed_events, error, message = ERRORS[name]
    with pytest.raises(error, match=message) as caught:
        STREAMED[mode](Gateway(events=failed_events).model(endpoint="responses"))
    assert isinstance(caught.value, ModelAPIError)
