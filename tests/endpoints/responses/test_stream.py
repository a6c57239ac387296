"""Decoding responses streams: the same reply as without streaming, whatever events are left out or repeated."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from aimlapi_integrations.endpoints import responses
from aimlapi_integrations.errors import APIError, APIResponseError, ResponseFailedError, StreamError
from aimlapi_integrations.types import Delta, HostedItem, Json, Reasoning, Reply, Text, ToolCall
from tests.support.responses_events import events, folded, without, words

NOTE = {"type": "url_citation", "url": "https://example.com", "title": "E", "start_index": 0, "end_index": 2}

OUTPUT: list[Json] = [
    {
        "id": "rs_1",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "First thought"}, {"type": "summary_text", "text": "Second"}],
        "encrypted_content": "ENC",
    },
    {"id": "rs_2", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "In full"}]},
    {"id": "rs_3", "type": "reasoning", "summary": []},
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "Hello there", "annotations": [NOTE], "logprobs": []},
            {"type": "refusal", "refusal": "No more."},
        ],
    },
    {
        "id": "msg_2",
        "type": "message",
        "role": "assistant",
        "status": "in_progress",
        "content": [{"type": "output_text", "text": "A second message", "annotations": [], "logprobs": []}],
    },
    {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "add", "arguments": '{"a": 1}'},
    {"id": "fc_2", "type": "function_call", "call_id": "call_2", "name": "now", "arguments": ""},
    {"id": "fc_3", "type": "function_call", "name": "put", "arguments": {"b": 2}},
    {"type": "function_call", "name": "nameless", "arguments": "{}"},
    {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_5", "name": "sql", "input": "select 1"},
    {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "QUJD"},
    {"id": "mcp_1", "type": "mcp_call", "name": "n", "arguments": "{}", "server_label": "s", "output": "ok"},
]

BODY: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1754668409,
    "status": "completed",
    "model": "gpt-5-mini",
    "output": OUTPUT,
    "output_text": "Hello thereA second message",
    "usage": {
        "input_tokens": 4,
        "output_tokens": 63,
        "total_tokens": 67,
        "output_tokens_details": {"reasoning_tokens": 9},
    },
    "meta": {"usage": {"credits_used": 2480, "usd_spent": 0.00124}},
}


def play(stream: Iterable[Json], finished: bool = True) -> list[Delta]:
    decoder = responses.Decoder("gpt-5-mini", {})
    deltas = [delta for event in stream if (delta := decoder.feed(event))]
    last = decoder.close(finished)
    assert decoder.text == "".join(delta.text for delta in (*deltas, last))
    return [*deltas, last]


def reply(deltas: list[Delta]) -> Reply:
    final_reply = deltas[-1].reply
    assert final_reply is not None
    return final_reply


def without_raw(original_reply: Reply) -> Reply:
    return replace(original_reply, raw={})


def original_reply(body: Json) -> list[tuple[str, str]]:
    return [(type(part).__name__, words(part)) for part in responses.decode(body, {}).message.parts]


def without_output(stream: list[Json]) -> list[Json]:
    def stripped(response: Json) -> Json:
        return {key: value for key, value in response.items() if key not in ("output", "output_text")}

    return [{**event, "response": stripped(event["response"])} if "response" in event else event for event in stream]


def renamed(stream: list[Json]) -> list[Json]:
    """Change the id of each item in each event, as some gateways do."""
    numbers = itertools.count()
    stream = copy.deepcopy(stream)
    for event in stream:
        if "item_id" in event:
            event["item_id"] = f"x{next(numbers)}"
        for item in [event.get("item"), *event.get("response", {}).get("output", [])]:
            if item and item["type"] == "message":
                item["id"] = f"x{next(numbers)}"
    return stream


ALL = events(BODY)
STREAMS = {
    "as documented": ALL,
    "without deltas": without(ALL, ".delta"),
    "without done": without(ALL, ".done"),
    "without added": without(ALL, ".added"),
    "only the end": ALL[-1:],
    "an end without output": without_output(ALL),
    "whole items from the start": [
        {**event, "item": OUTPUT[event["output_index"]]} if event["type"].endswith("item.added") else event
        for event in ALL
    ],
    "without output_index": [{key: value for key, value in event.items() if key != "output_index"} for event in ALL],
    "with unknown events": [
        *ALL[:2],
        {"type": "response.new.thing", "delta": "x"},
        {"type": "keepalive"},
        {},
        *ALL[2:],
    ],
    "as one body": [BODY | {"type": "response.completed", "response": BODY}],
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_streamed_reply_equals_the_plain_reply(stream: list[Json]) -> None:
    deltas = play(stream)
    assert without_raw(reply(deltas)) == without_raw(responses.decode(BODY, {}))
    assert folded(deltas) == original_reply(BODY)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_pieces_of_any_size_add_up_to_the_plain_reply(size: int) -> None:
    deltas = play(events(BODY, size))
    assert folded(deltas) == original_reply(BODY)
    assert [delta.id for delta in deltas if delta.id] == ["resp_1"]


def test_stream_with_only_deltas_and_end_is_complete() -> None:
    """Without the events that start and end items, their order is that of their first pieces."""
    deltas = play(without(ALL, ".done", ".added"))
    assert without_raw(reply(deltas)) == without_raw(responses.decode(BODY, {}))
    assert sorted(folded(deltas)) == sorted(original_reply(BODY))


def test_items_whose_ids_change_are_emitted_once() -> None:
    deltas = play(renamed(ALL))
    assert reply(deltas).text == BODY["output_text"]
    assert folded(deltas) == original_reply(BODY)


WITH_IDS = {**BODY, "output": [item for item in OUTPUT if "id" in item]}


def moved(stream: list[Json]) -> list[Json]:
    """Set the output index to 0 after the start of each item, as some gateways do."""
    return [
        {**event, "output_index": 0} if event["type"].endswith((".delta", "item.done")) else event for event in stream
    ]


def test_item_keeps_its_first_position() -> None:
    deltas = play(moved(events(WITH_IDS)))
    assert reply(deltas).text == BODY["output_text"]
    assert folded(deltas) == original_reply(WITH_IDS)


def test_items_that_share_index_0_stay_separate() -> None:
    stream = [{**event, "output_index": 0} if "output_index" in event else event for event in events(WITH_IDS)]
    assert folded(play(stream)) == original_reply(WITH_IDS)


def test_items_that_share_an_id_stay_separate() -> None:
    twice = {**BODY, "output": [message("One. "), message("Two.")], "output_text": "One. Two."}
    deltas = play(events(twice))
    assert folded(deltas) == original_reply(twice) == [("Text", "One. "), ("Text", "Two.")]
    assert reply(deltas).text == "One. Two."


@pytest.mark.parametrize("kind", ["response.output_item.added", "response.output_item.done", "response.in_progress"])
def test_repeated_events_add_nothing(kind: str) -> None:
    *most, end = events(WITH_IDS)
    repeats = [event for event in most if event["type"] == kind]
    for stream in (repeated(most, kind), [*most, *repeats]):
        deltas = play([*stream, end])
        assert without_raw(reply(deltas)) == without_raw(responses.decode(WITH_IDS, {}))
        assert folded(deltas) == original_reply(WITH_IDS)


def lost(stream: list[Json], kind: str) -> list[Json]:
    """Drop the second piece of each part of that kind."""
    pieces = [event for event in stream if event["type"] == kind]
    return [event for event in stream if event not in pieces[1::3]]


def repeated(stream: list[Json], kind: str) -> list[Json]:
    return [event for event in stream for _ in range(2 if event["type"] == kind else 1)]


def late(stream: list[Json], kind: str) -> list[Json]:
    """Swap the first two pieces."""
    first, second = [at for at, event in enumerate(stream) if event["type"] == kind][:2]
    return [*stream[:first], stream[second], stream[first], *stream[first + 1 : second], *stream[second + 1 :]]


ANSWERS = [
    "response.output_text.delta",
    "response.refusal.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
]


@pytest.mark.parametrize("spoil", [lost, repeated, late])
@pytest.mark.parametrize("kind", ANSWERS)
def test_pieces_that_differ_from_the_response_raise(kind: str, spoil: Callable[[list[Json], str], list[Json]]) -> None:
    with pytest.raises(StreamError, match="its pieces differ from the complete response"):
        play(spoil(ALL, kind))


def test_call_with_pieces_of_another_item_raises() -> None:
    with pytest.raises(StreamError, match="its pieces"):
        play(moved(ALL))


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [("Hello \n", "Hello"), ("Hello", "\nHello ")],
)
def test_surrounding_white_space_may_differ(pieces: str, whole: str) -> None:
    assert reply(play([delta_of(pieces), ended(message(whole))])).text == whole


@pytest.mark.parametrize(("pieces", "whole"), [('{"a":1}', '{"a": 1}'), ("null", "{}"), ("", "{}")])
def test_arguments_may_be_formatted_differently(pieces: str, whole: str) -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}
    added_event = {"type": "response.output_item.added", "output_index": 0, "item": {**call, "arguments": ""}}
    delta_event = {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": pieces}
    [decoded_call] = reply(play([added_event, delta_event, ended({**call, "arguments": whole})])).tool_calls
    assert decoded_call.arguments == whole


def delta_of(text: str) -> Json:
    return {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "delta": text}


def message(text: str) -> Json:
    return {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": text}]}


def ended(*items: Json) -> Json:
    return {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": list(items)}}


def test_single_fields_are_emitted_once() -> None:
    parts = [fragment.part for delta in play(ALL) for fragment in delta.fragments]
    assert [part.encrypted for part in parts if isinstance(part, Reasoning) and part.encrypted] == ["ENC"]
    assert [part.id for part in parts if isinstance(part, Text) and part.id] == ["msg_1", "msg_2"]
    assert sum(len(part.citations) for part in parts if isinstance(part, Text)) == 1
    calls = [part for part in parts if isinstance(part, ToolCall)]
    assert [part.name for part in calls if part.name] == ["add", "now", "put", "nameless", "sql"]
    assert [part.id for part in calls if part.id] == ["call_1", "call_2", "fc_3", "call_resp_1_9", "call_5"]
    assert [part.type for part in parts if isinstance(part, HostedItem)] == ["web_search_call", "mcp_call"]


def test_call_name_is_emitted_before_its_arguments() -> None:
    calls = [f.part for delta in play(ALL) for f in delta.fragments if isinstance(f.part, ToolCall)]
    assert calls[0] == ToolCall("call_1", "add", "", item_id="fc_1")
    assert calls[1] == ToolCall("", "", '{"a')


def test_interleaved_calls_are_separated() -> None:
    added = {"type": "response.output_item.added"}
    delta_event = {"type": "response.function_call_arguments.delta"}
    calls = [
        {"type": "function_call", "id": f"fc_{n}", "call_id": f"call_{n}", "name": "f", "arguments": ""} for n in (0, 1)
    ]
    stream = [
        *({**added, "output_index": n, "item": call} for n, call in enumerate(calls)),
        *({**delta_event, "item_id": f"fc_{n}", "delta": piece} for piece in ('{"n":', "1}") for n in (0, 1)),
        {"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}},
    ]
    assert [(call.id, call.arguments) for call in reply(play(stream)).tool_calls] == [
        ("call_0", '{"n":1}'),
        ("call_1", '{"n":1}'),
    ]


def test_sources_of_the_whole_reply_are_emitted_at_the_end() -> None:
    plain = {**BODY, "output": [OUTPUT[5]], "citations": ["https://example.com"], "output_text": "A second message"}
    deltas = play(events(plain))
    assert [citation.url for fragment in deltas[-1].fragments for citation in fragment.part.citations] == [
        "https://example.com"
    ]
    assert without_raw(reply(deltas)) == without_raw(responses.decode(plain, {}))


@pytest.mark.parametrize("status", ["incomplete", None])
def test_incomplete_response_keeps_its_text(status: str | None) -> None:
    cut: Json = {**BODY, "output": [OUTPUT[5]], "incomplete_details": {"reason": "max_output_tokens"}, "status": status}
    final_reply = reply(play(events(cut)))
    assert (final_reply.finish_reason, final_reply.status, final_reply.text) == (
        "length",
        "incomplete",
        "A second message",
    )


@pytest.mark.parametrize("finished", [True, False])
def test_stream_without_its_end_raises(finished: bool) -> None:
    with pytest.raises(StreamError, match="broke off") as caught:
        play(ALL[:-1], finished)
    assert caught.value.partial == BODY["output_text"]


def test_empty_stream_raises() -> None:
    with pytest.raises(StreamError):
        play([])


def test_event_that_is_not_an_object_raises() -> None:
    broken: Any = ["x"]
    with pytest.raises(StreamError, match="not an object but array"):
        responses.Decoder("m", {}).feed(broken)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "It broke.", "param": None},
        {"type": "error", "error": {"type": "x", "code": "server_error", "message": "It broke."}},
        {
            "type": "response.failed",
            "response": {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "It broke."}},
        },
    ],
    ids=["flat", "nested", "failed"],
)
def test_failure_event_raises_with_the_partial_text(event: Json) -> None:
    added_event = ALL[:-1]
    with pytest.raises(ResponseFailedError, match="It broke") as caught:
        play([*added_event, event])
    error = caught.value
    assert (error.code, error.response_id) == ("server_error", "resp_1")
    assert error.partial == BODY["output_text"]


def test_failed_status_at_the_end_raises() -> None:
    with pytest.raises(ResponseFailedError):
        play([{"type": "response.completed", "response": {**BODY, "status": "failed"}}])


def test_gateway_error_event_raises() -> None:
    with pytest.raises(APIError, match="Too Many Requests"):
        play([{"error": {"message": "Too Many Requests"}}])


def test_end_without_a_response_is_complete() -> None:
    final_reply = reply(play([{"type": "response.completed", "response": {"id": "resp_1"}}]))
    assert (final_reply.id, final_reply.message.parts) == ("resp_1", ())


def test_progress_events_add_nothing() -> None:
    decoder = responses.Decoder("m", {})
    kinds = (
        "response.web_search_call.searching",
        "response.image_generation_call.partial_image",
        "response.audio.delta",
    )
    assert [decoder.feed({"type": kind, "item_id": "x", "output_index": 0}) for kind in kinds] == [None, None, None]
    assert issubclass(StreamError, APIError)
    assert issubclass(APIResponseError, APIError)
