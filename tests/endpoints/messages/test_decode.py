"""Decoding replies and streams of the messages endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from aimlapi_integrations.endpoints import messages
from aimlapi_integrations.errors import AIMLAPIError, APIError, StreamError
from aimlapi_integrations.types import Citation, HostedItem, Reasoning, Reply, Text, ToolCall
from tests.support.messages_events import block_events

Json = dict[str, Any]
MODEL = "anthropic/claude-opus-5"

REPLY: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"},
        {
            "type": "text",
            "text": "It rains.",
            "citations": [{"type": "char_location", "cited_text": "rain", "document_title": "Weather"}],
        },
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "rain"}},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "output_tokens": 7,
        "service_tier": "standard",
    },
    "meta": {"usage": {"credits_used": 2480, "usd_spent": 0.00124}},
}


def events(reply: Json, size: int = 4) -> Iterator[Json]:
    head = {**reply, "content": [], "stop_reason": None, "usage": {"input_tokens": 10}}
    yield {"type": "message_start", "message": {key: value for key, value in head.items() if key != "meta"}}
    yield {"type": "ping"}
    for index, whole in enumerate(reply["content"]):
        yield from block_events(index, whole, size)
    yield {"type": "message_delta", "delta": {"stop_reason": reply["stop_reason"]}, "usage": reply["usage"]}
    yield {"type": "message_stop", "meta": reply["meta"]}


def test_documented_reply_is_decoded() -> None:
    reply = messages.decode(REPLY, {"x-inference-id": "i"})
    assert reply.message.parts == (
        Reasoning("Let me see.", signature="sig"),
        Reasoning(encrypted="enc"),
        Text("It rains.", (Citation(title="Weather", quote="rain", raw=REPLY["content"][2]["citations"][0]),)),
        HostedItem(REPLY["content"][3]),
        ToolCall("t1", "f", '{"x": 1}'),
    )
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output, reply.usage.total) == (17, 7, 24)
    assert reply.usage.input_details == {"cache_read": 5, "cache_creation": 2}
    assert (reply.finish_reason, reply.call_metadata.inference_id) == ("tool_calls", "i")
    assert reply.cost is not None
    assert (reply.cost.usd, reply.cost.credits) == ("0.001240000", 2480)


@pytest.mark.parametrize("size", [1, 4, 100])
def test_streamed_reply_equals_the_plain_reply(size: int) -> None:
    decoder = messages.Decoder(MODEL, {})
    streamed = [delta for event in events(REPLY, size) if (delta := decoder.feed(event))]
    last = decoder.close(finished=False)
    assert last.reply is not None
    assert replace(last.reply, raw={}) == replace(messages.decode(REPLY, {}), raw={})
    assert "".join(delta.text for delta in streamed) == "It rains."
    assert "".join(delta.reasoning for delta in streamed) == "Let me see."
    assert [delta.id for delta in streamed if delta.id] == ["msg_1"]
    hosted = [piece.part for delta in streamed for piece in delta.fragments if isinstance(piece.part, HostedItem)]
    assert hosted == [HostedItem(REPLY["content"][3])]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "pause_turn"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("tomorrows_reason", None),
    ],
)
def test_stop_reason_is_normalized_and_kept(native: str, reason: str | None) -> None:
    [choice] = messages.decode({**REPLY, "stop_reason": native}, {}).choices
    assert (choice.finish_reason, choice.native_finish_reason) == (reason, native)


def test_minimal_reply_has_the_cost_of_the_headers() -> None:
    headers = {"x-aimlapi-credits-used": "2480", "x-aimlapi-usd-spent": "0.001240000"}
    reply = messages.decode({"content": [], "stop_reason": None, "usage": None}, headers)
    assert (reply.text, reply.finish_reason, reply.usage, reply.message.parts) == ("", None, None, ())
    assert reply.cost is not None
    assert (reply.cost.usd, reply.cost.credits) == ("0.001240000", 2480)


@pytest.mark.parametrize("written", ['{"x": 1', ""])
def test_incomplete_arguments_are_not_repaired(written: str) -> None:
    decoder = messages.Decoder(MODEL, {})
    tool = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    decoder.feed({"type": "content_block_start", "index": 0, "content_block": tool})
    delta = {"type": "input_json_delta", "partial_json": written}
    decoder.feed({"type": "content_block_delta", "index": 0, "delta": delta})
    decoder.feed({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 3}})
    reply = decoder.close(finished=False).reply
    assert reply is not None
    assert (reply.finish_reason, reply.tool_calls[0].arguments, reply.tool_calls[0].parsed()) == (
        "length",
        written,
        None,
    )


def test_message_stop_ends_the_stream() -> None:
    decoder = messages.Decoder(MODEL, {})
    decoder.feed({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}})
    assert not decoder.ended
    decoder.feed({"type": "message_stop"})
    assert decoder.ended


def play(*stream_events: Json, stop: str = "tool_use") -> Reply:
    """Return the reply to a stream of these events, with `stop` as its stop reason."""
    decoder = messages.Decoder(MODEL, {})
    for event in (*stream_events, {"type": "message_delta", "delta": {"stop_reason": stop}}, {"type": "message_stop"}):
        decoder.feed(event)
    reply = decoder.close(finished=False).reply
    assert reply is not None
    return reply


def block_start(kind: str, index: Any = 0, **fields: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **fields}}


def block_delta(kind: str, index: Any = 0, **fields: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


TOOL = {"id": "t1", "name": "f", "input": {}}
FULL_TOOL = {"id": "t1", "name": "f", "input": {"x": 1}}
SEARCH = {"id": "srv_1", "name": "web_search"}
ONE = block_delta("input_json_delta", partial_json='{"x": 1}')


@pytest.mark.parametrize(
    "stream_events",
    [
        [block_start("tool_use", **FULL_TOOL)],
        [block_start("tool_use", **FULL_TOOL), block_delta("input_json_delta", partial_json="")],
        [block_start("tool_use", **TOOL), block_delta("input_json_delta", partial_json={"x": 1})],
        [{"type": "message_start", "message": {"id": "m", "content": [{"type": "tool_use", **FULL_TOOL}]}}],
    ],
    ids=["in the start", "in the start, with an empty delta", "as an object", "in the start of the message"],
)
def test_arguments_arrive_in_any_form(stream_events: list[Json]) -> None:
    assert [call.parsed() for call in play(*stream_events).tool_calls] == [{"x": 1}]


@pytest.mark.parametrize("piece", ['{"query": "x"}', {"query": "x"}, ""], ids=str)
def test_input_of_a_server_tool_arrives_in_any_form(piece: Any) -> None:
    start = block_start("server_tool_use", **SEARCH, input={} if piece else {"query": "x"})
    [part] = play(start, block_delta("input_json_delta", partial_json=piece)).message.parts
    assert part == HostedItem({"type": "server_tool_use", **SEARCH, "input": {"query": "x"}})


def test_content_in_the_start_of_a_message_is_emitted_once() -> None:
    decoder = messages.Decoder(MODEL, {})
    decoder.feed({"type": "message_start", "message": {"id": "m", "content": [{"type": "text", "text": "Hi"}]}})
    decoder.feed({"type": "message_stop"})
    last = decoder.close(finished=False)
    assert last.reply is not None
    assert ([fragment.part for fragment in last.fragments], last.reply.text) == ([Text("Hi")], "Hi")


@pytest.mark.parametrize(("stop", "arguments"), [("tool_use", "{}"), ("max_tokens", ""), ("tomorrows_reason", "")])
def test_missing_arguments_are_empty_unless_the_reply_is_cut(stop: str, arguments: str) -> None:
    body = {**REPLY, "content": [{"type": "tool_use", **TOOL}], "stop_reason": stop}
    for reply in (play(block_start("tool_use", **TOOL), stop=stop), messages.decode(body, {})):
        assert [call.arguments for call in reply.tool_calls] == [arguments]


@pytest.mark.parametrize(
    "stream_events",
    [
        [block_start("tool_use", **TOOL), block_start("tool_use", **TOOL), ONE],
        [block_start("text", text="a"), block_start("tool_use", **TOOL), ONE],
        [block_start("text", text="a"), block_start("tool_use", None, **TOOL), {**ONE, "index": None}],
    ],
    ids=["a start that is repeated", "every block at index 0", "no index"],
)
def test_delta_goes_to_its_block(stream_events: list[Json]) -> None:
    assert [call.arguments for call in play(*stream_events).tool_calls] == ['{"x": 1}']


@pytest.mark.parametrize(
    "stream_events",
    [
        [ONE],
        [block_start("text", text="a"), ONE],
        [block_start("tool_use", 5, **TOOL), ONE],
        [
            block_start("tool_use", **TOOL),
            {"type": "content_block_stop", "index": 0},
            block_start("text", 1, text="a"),
            ONE,
        ],
        [{"type": "content_block_start", "index": 0}],
        [block_start("text", text="a"), {"type": "content_block_delta", "index": 0}],
    ],
    ids=["no block", "a block of text", "another block", "a block that had ended", "no type", "a delta of no type"],
)
def test_delta_without_its_block_raises(stream_events: list[Json]) -> None:
    with pytest.raises(StreamError, match="broke off"):
        play(*stream_events)


@pytest.mark.parametrize(
    "invalid_body",
    [
        [],
        {"content": None},
        {"content": [{"type": 5}]},
        {"content": [{"type": "text", "text": "a"}, None]},
        {"content": [5]},
        {"type": "error", "error": {"message": "overloaded"}},
        {"error": "no"},
    ],
)
def test_invalid_reply_raises_a_typed_error(invalid_body: Any) -> None:
    with pytest.raises(APIError):
        messages.decode(invalid_body, {})


@pytest.mark.parametrize(
    "stream_events", [[], [block_delta("input_json_delta", partial_json='{"x": ')]], ids=["no piece", "a piece"]
)
def test_done_after_an_incomplete_call_raises(stream_events: list[Json]) -> None:
    decoder = messages.Decoder(MODEL, {})
    for event in (block_start("tool_use", **TOOL), *stream_events):
        decoder.feed(event)
    with pytest.raises(StreamError, match="broke off"):
        decoder.close(finished=True)


def test_done_after_complete_calls_ends_the_stream() -> None:
    decoder = messages.Decoder(MODEL, {})
    for event in (block_start("text", text="a"), block_start("tool_use", 1, **TOOL), {**ONE, "index": 1}):
        decoder.feed(event)
    reply = decoder.close(finished=True).reply
    assert reply is not None
    assert (reply.text, [call.parsed() for call in reply.tool_calls]) == ("a", [{"x": 1}])


def test_cut_stream_raises() -> None:
    decoder = messages.Decoder(MODEL, {})
    for event in list(events(REPLY))[:6]:
        decoder.feed(event)
    with pytest.raises(StreamError, match="broke off"):
        decoder.close(finished=False)


@pytest.mark.parametrize("event", [5, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}])
def test_error_inside_a_stream_raises(event: Any) -> None:
    with pytest.raises(AIMLAPIError):
        messages.Decoder(MODEL, {}).feed(event)
