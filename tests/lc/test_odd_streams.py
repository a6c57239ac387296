"""Odd streams of chat completions, which adapters of other gateways misread: each still makes one right message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lc.gateway import Gateway
from tests.lc.odd_replies import STREAMED, Json, MessageSummary, call, refusal, summarize, text, thought
from tests.support.chat_events import chunk

USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
STOP = chunk(finish="stop")
CALLED = chunk(finish="tool_calls")
SOURCE = {"type": "url_citation", "url_citation": {"url": "https://a.example"}}
SIGNATURE = {"google": {"thought_signature": "sig"}}
DETAIL = {"type": "reasoning.text", "index": 0, "format": "google-gemini-v1"}


def piece(name: str | None = None, arguments: Any = "", **further: Any) -> Json:
    """Return an event with a chunk of a tool call; without a name, it continues the call."""
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return chunk({"tool_calls": [{"function": function, **further}]})


def choice(**fields: Any) -> Json:
    return {**chunk(), "choices": [{"index": 0, "finish_reason": None, **fields}]}


def called(*calls: Json) -> MessageSummary:
    return MessageSummary(list(calls), "tool_calls")


A, AB = [text("a")], [text("ab")]

ROWS: dict[str, tuple[list[Json], MessageSummary]] = {
    # counts and ends
    "usage grows on every chunk": (
        [
            chunk({"content": "a"}, usage={**USAGE, "completion_tokens": 1, "total_tokens": 11}),
            chunk({"content": "b"}, usage=USAGE),
            chunk(finish="stop", usage=USAGE),
        ],
        MessageSummary(AB, tokens=12),
    ),
    "usage with the end and again after it": (
        [chunk({"content": "a"}), chunk(finish="stop", usage=USAGE), chunk(usage=USAGE)],
        MessageSummary(A, tokens=12),
    ),
    "usage of nulls": (
        [chunk({"content": "a"}, usage=None), STOP, chunk(usage={**USAGE, "prompt_tokens_details": None})],
        MessageSummary(A, tokens=12),
    ),
    "usage of floats": (
        [chunk({"content": "a"}), STOP, chunk(usage={name: float(count) for name, count in USAGE.items()})],
        MessageSummary(A, tokens=12),
    ),
    "two finish reasons": ([chunk({"content": "a"}), STOP, STOP, chunk(usage=USAGE)], MessageSummary(A, tokens=12)),
    # tool calls
    "calls without an index": (
        [
            piece("f", '{"x":', id="c1"),
            piece(arguments="1}"),
            piece("g", '{"y":', id="c2"),
            piece(arguments="2}"),
            CALLED,
        ],
        called(call("c1", "f", {"x": 1}), call("c2", "g", {"y": 2})),
    ),
    "an index of null": ([piece("f", "{}", id="c1", index=None), CALLED], called(call("c1", "f", {}))),
    "every call at index 0": (
        [
            piece("f", '{"x":1}', id="c1", index=0),
            piece("g", '{"y":', id="c2", index=0),
            piece(arguments="2}", index=0),
            CALLED,
        ],
        called(call("c1", "f", {"x": 1}), call("c2", "g", {"y": 2})),
    ),
    "interleaved calls": (
        [
            piece("f", '{"x":', id="c1", index=0),
            piece("g", '{"y":', id="c2", index=1),
            piece(arguments="1}", index=0),
            piece(arguments="2}", index=1),
            CALLED,
        ],
        called(call("c1", "f", {"x": 1}), call("c2", "g", {"y": 2})),
    ),
    "id and name in every piece": (
        [piece("f", '{"x":', id="c1", index=0), piece("f", "1}", id="c1", index=0), CALLED],
        called(call("c1", "f", {"x": 1})),
    ),
    "a piece without a function": (
        [chunk({"tool_calls": [{"index": 0, "id": "c1"}]}), piece("f", "{}", index=0), CALLED],
        called(call("c1", "f", {})),
    ),
    "arguments as an object": ([piece("f", {"x": 1}, id="c1", index=0), CALLED], called(call("c1", "f", {"x": 1}))),
    "arguments of null": ([piece("f", None, id="c1", index=0), CALLED], called(call("c1", "f", {}))),
    "arguments that are a list": ([piece("f", "[1]", id="c1", index=0), CALLED], called(call("c1", "f", "[1]"))),
    "arguments that were cut off": (
        [piece("f", '{"city": "Par', id="c1", index=0), chunk(finish="length")],
        MessageSummary([call("c1", "f", '{"city": "Par')], "length"),
    ),
    "text before a call": (
        [chunk({"content": "Wait"}), piece("f", "{}", id="c1", index=0), CALLED],
        called(text("Wait"), call("c1", "f", {})),
    ),
    "a thought signature": (
        [piece("f", "{}", id="c1", index=0, extra_content=SIGNATURE), CALLED],
        called(call("c1", "f", {}, extras={"extra_content": SIGNATURE})),
    ),
    # content
    "a delta of null": ([chunk({"content": "a"}), choice(delta=None), STOP], MessageSummary(A)),
    "no delta": ([chunk({"content": "a"}), choice(), STOP], MessageSummary(A)),
    "content as a list": ([chunk({"content": [text("a")]}), chunk({"content": [text("b")]}), STOP], MessageSummary(AB)),
    "another choice in between": (
        [chunk({"content": "a"}), choice(index=1, delta={"content": "z"}), STOP],
        MessageSummary(A),
    ),
    "line separators in the text": (
        [chunk({"content": "a\u2028b\x85c"}), STOP],
        MessageSummary([text("a\u2028b\x85c")]),
    ),
    "a refusal": (
        [chunk({"refusal": "I "}), chunk({"refusal": "won't."}), STOP],
        MessageSummary([refusal("I won't.")]),
    ),
    "sources": (
        [chunk({"content": "a"}), chunk({"annotations": [SOURCE]}), STOP],
        MessageSummary([text("a", annotations=[{"type": "citation", "url": "https://a.example"}])]),
    ),
    # reasoning
    "reasoning": (
        [chunk({"reasoning": "H"}), chunk({"reasoning": "m"}), chunk({"content": "a"}), STOP],
        MessageSummary([thought("Hm"), text("a")]),
    ),
    "reasoning_content": (
        [chunk({"reasoning_content": "Hm"}), chunk({"content": "a"}), STOP],
        MessageSummary([thought("Hm"), *A]),
    ),
    "the same reasoning by both names": (
        [chunk({"reasoning": "Hm", "reasoning_content": "Hm"}), chunk({"content": "a"}), STOP],
        MessageSummary([thought("Hm"), text("a")]),
    ),
    "reasoning_details in pieces": (
        [
            chunk({"reasoning_details": [{**DETAIL, "text": "H"}]}),
            chunk({"reasoning_details": [{**DETAIL, "text": "m", "signature": "s"}]}),
            chunk({"content": "a"}),
            STOP,
        ],
        MessageSummary(
            [thought("Hm", signature="s", reasoning_details=[{**DETAIL, "text": "Hm", "signature": "s"}]), *A]
        ),
    ),
}


@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("mode", STREAMED)
@pytest.mark.parametrize("name", ROWS)
def test_odd_stream_becomes_the_right_message(name: str, mode: str, output_version: str | None):
    events, expected = ROWS[name]
    assert summarize(STREAMED[mode](Gateway(events=events).model(output_version=output_version))) == expected


# Core's own reading of these events takes any JSON for the arguments of a call, and then fails on what is no object.
IN_EVENTS = [name for name in ROWS if name != "arguments that are a list"]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("name", IN_EVENTS)
def test_events_of_an_odd_stream_end_in_the_same_message(name: str):
    events, expected = ROWS[name]
    message = Gateway(events=events).model().stream_events("Hi", version="v3").output
    assert [plain(block) for block in summarize(message).blocks] == [plain(block) for block in expected.blocks]
    assert message.response_metadata.get("finish_reason") == expected.finish


def plain(block: Json) -> Json:
    """A block without what core's own reading of events leaves out, or words itself."""
    return {name: value for name, value in block.items() if name not in ("error", "extras")}


@pytest.mark.parametrize("name", ROWS)
def test_usage_and_finish_reason_are_on_one_chunk(name: str):
    """Core adds up counts and joins strings: on two chunks, twelve tokens are 24 and `stop` is `stopstop`."""
    chunks = list(Gateway(events=ROWS[name][0]).model().stream("Hi"))
    for field in ("finish_reason", "model_name", "id", "endpoint"):
        assert sum(field in chunk.response_metadata for chunk in chunks) <= 1, field
    assert sum(chunk.usage_metadata is not None for chunk in chunks) <= 1
    assert {type(chunk.content) for chunk in chunks} == {str}
    assert len({chunk.id for chunk in chunks}) == 1
