"""Decoding chat completions streams: the same reply as without streaming, whatever the gateway does to the chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aimlapi_integrations.endpoints import chat_completions
from aimlapi_integrations.errors import AIMLAPIError, APIError, StreamError
from aimlapi_integrations.models import lookup
from aimlapi_integrations.types import Delta, Reasoning, Reply, Text, ToolCall
from tests.support.chat_chunks import cut

Json = dict[str, Any]
NO_HEADERS: dict[str, str] = {}


def chunk(delta: Json | None = None, finish: str | None = None, **top: Any) -> Json:
    choice: Json = {"index": 0, "finish_reason": finish}
    if delta is not None:
        choice["delta"] = delta
    return {"id": "c1", "model": "gpt-4o", "object": "chat.completion.chunk", "choices": [choice], **top}


def deltas(events: list[Json], finished: bool = True, model: str = "gpt-4o") -> list[Delta]:
    decoder = chat_completions.Decoder(model, NO_HEADERS)
    return [delta for event in events if (delta := decoder.feed(event))] + [decoder.close(finished)]


def fold(events: list[Json], finished: bool = True, model: str = "gpt-4o") -> Reply:
    reply = deltas(events, finished, model)[-1].reply
    assert reply is not None
    return reply


def calls(*pieces: Json) -> list[tuple[str, str, str]]:
    reply = fold([chunk({"tool_calls": [piece]}) for piece in pieces] + [chunk({}, "tool_calls")])
    return [(call.id, call.name, call.arguments) for call in reply.tool_calls]


def piece(index: Any = ..., call_id: str | None = None, name: str | None = None, arguments: Any = ...) -> Json:
    fields: Json = {} if index is ... else {"index": index}
    function: Json = {} if name is None else {"name": name}
    if arguments is not ...:
        function["arguments"] = arguments
    return {**fields, **({"id": call_id, "type": "function"} if call_id else {}), "function": function}


MESSAGES = {
    "text": {"content": "Grüße, 世界! How are you?"},
    "reasoning_content": {"reasoning_content": "Let me think about it.", "content": "Done."},
    "reasoning and details": {
        "reasoning": "Because it is so.",
        "reasoning_details": [{"type": "reasoning.text", "text": "Because it is so.", "format": "unknown", "index": 0}],
        "content": "So.",
    },
    "encrypted details": {
        "content": "Yes.",
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "b64==", "format": "google-gemini-v1"}],
    },
    "thought signature": {"content": "Yes.", "extra_content": {"google": {"thought_signature": "sig"}}},
    "refusal": {"content": None, "refusal": "I cannot help with that."},
    "citations": {
        "content": "Paris [1].",
        "annotations": [
            {
                "type": "url_citation",
                "url_citation": {"url": "https://example.org", "title": "P", "start_index": 0, "end_index": 9},
            }
        ],
    },
    "tool calls": {
        "content": "",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 2}'}},
            {
                "id": "b",
                "type": "function",
                "function": {"name": "now", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "s"}},
            },
        ],
    },
    "images": {
        "content": "Here.",
        "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
    },
    "audio": {"content": "", "audio": {"id": "audio_1", "data": "AAAA", "transcript": "Hi", "format": "wav"}},
}


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("name", MESSAGES)
def test_streamed_reply_equals_the_plain_reply(name: str, size: int) -> None:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 7,
        "model": "gpt-4o",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **MESSAGES[name]}}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 13},
        "meta": {"usage": {"credits_used": 2480, "usd_spent": 0.00124}},
    }
    plain = chat_completions.decode(body, NO_HEADERS)
    assert replace(fold(list(cut(body, size))), raw={}) == replace(plain, raw={})


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("content", "expected_reasoning", "expected_text"),
    [
        ("<think>\nHm.\n</think>\n\nHello", "Hm.", "Hello"),
        ("Hello</think>", "", "Hello"),
        ("a </think> b", "", "a </think> b"),
        ("<think>cut off", "cut off", ""),
        ("<thin air", "", "<thin air"),
        ("no tags", "", "no tags"),
    ],
)
def test_inline_thinking_is_split_from_text(
    content: str, expected_reasoning: str, expected_text: str, size: int
) -> None:
    body = {"id": "c", "model": "minimax/m2", "choices": [{"finish_reason": "stop", "message": {"content": content}}]}
    plain = chat_completions.decode(body, NO_HEADERS)
    streamed = deltas(list(cut(body, size)), model="minimax/m2")
    assert (plain.reasoning, plain.text) == (expected_reasoning, expected_text)
    assert ("".join(d.reasoning for d in streamed), "".join(d.text for d in streamed)) == (
        expected_reasoning,
        expected_text,
    )
    assert streamed[-1].reply is not None
    assert streamed[-1].reply.message == plain.message


# The id requested, the id in the reply, and whether a text that begins with `<think>` is split.
WHO_WRITES_TAGS = [
    ("minimax/m2", "MiniMax-M2", True),
    ("minimax/m2", "acme-9", True),  # one of the two ids is enough
    ("acme/router-1", "MiniMax-M2", True),
    ("minimax/m9", "m9", True),  # its family writes tags
    ("zhipu/glm-4.6", "glm-4.6", True),
    ("acme/thinker", "thinker", True),  # unknown
    ("acme/thinker", "", True),
    ("gpt-4o", "gpt-4o-2031-01-01", False),  # known not to write tags: it may write about them
    ("openai/gpt-5-mini-2025-08-07", "gpt-5-mini", False),
    ("acme/router-1", "gpt-4o", False),
]
TAGGED = "\n<think>\nHm.\n</think>\n\nHello"


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(("requested", "echoed", "split"), WHO_WRITES_TAGS)
def test_think_tags_in_plain_and_streamed_replies_are_split_alike(
    requested: str, echoed: str, split: bool, size: int
) -> None:
    body = {"id": "c", "model": echoed, "choices": [{"finish_reason": "stop", "message": {"content": TAGGED}}]}
    plain = chat_completions.decode(body, NO_HEADERS, model=lookup(requested))
    streamed = deltas(list(cut(body, size)), model=requested)
    expected = ("Hm.", "Hello") if split else ("", TAGGED)
    assert (plain.reasoning, plain.text) == expected
    assert ("".join(d.reasoning for d in streamed), "".join(d.text for d in streamed)) == expected
    assert streamed[-1].reply is not None
    assert streamed[-1].reply.message == plain.message


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("text", ["Write <think> first, then </think>", "`<think>` opens it", "Hi</think>", " <thin"])
@pytest.mark.parametrize("model", ["acme/thinker", "gpt-4o"])
def test_think_tags_inside_the_text_stay_text(model: str, text: str, size: int) -> None:
    body = {"id": "c", "model": model, "choices": [{"finish_reason": "stop", "message": {"content": text}}]}
    assert chat_completions.decode(body, NO_HEADERS, model=lookup(model)).text == text
    assert "".join(delta.text for delta in deltas(list(cut(body, size)), model=model)) == text


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param(
            [
                piece(0, "a", "f", '{"x":'),
                piece(1, "b", "g", '{"y":'),
                piece(0, arguments="1}"),
                piece(1, arguments="2}"),
            ],
            [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')],
            id="interleaved",
        ),
        pytest.param(
            [piece(0, "a", "f", '{"x":'), piece(0, "a", "f", "1}")], [("a", "f", '{"x":1}')], id="id and name repeated"
        ),
        pytest.param(
            [piece(0, "a", "f", "{}"), piece(0, "b", "g", '{"y":'), piece(0, arguments="2}")],
            [("a", "f", "{}"), ("b", "g", '{"y":2}')],
            id="every index 0",
        ),
        pytest.param(
            [
                piece(call_id="a", name="f", arguments='{"x":'),
                piece(arguments="1}"),
                piece(call_id="b", name="g", arguments="{}"),
            ],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")],
            id="no index",
        ),
        pytest.param([piece(None, "a", "f", "{}")], [("a", "f", "{}")], id="null index"),
        pytest.param([piece(0, "a", "f", {"x": 1})], [("a", "f", '{"x": 1}')], id="arguments as an object"),
        pytest.param([piece(0, "a", "f", None)], [("a", "f", "{}")], id="null arguments"),
        pytest.param([piece(0, "a", "f")], [("a", "f", "{}")], id="no arguments"),
        pytest.param([piece(0, None, "f", "{}")], [("call_c1_0", "f", "{}")], id="no id"),
        pytest.param(
            [piece(0, None, "f", "{}"), piece(0, None, "f", '{"x":1}')],
            [("call_c1_0", "f", "{}"), ("call_c1_1", "f", '{"x":1}')],
            id="same function twice, no ids",
        ),
        pytest.param([piece(0), piece(0, "a", "f"), piece(0, arguments="{}")], [("a", "f", "{}")], id="nothing first"),
        pytest.param([piece(0, "a", "f", "{}"), piece(1)], [("a", "f", "{}")], id="nothing last"),
    ],
)
def test_tool_call_pieces_are_assembled(pieces: list[Json], expected: list[tuple[str, str, str]]) -> None:
    assert calls(*pieces) == expected


@pytest.mark.parametrize("nothing", [{}, {"index": 0}, {"index": 0, "type": "function", "function": None}], ids=str)
def test_empty_entry_is_no_call(nothing: Json) -> None:
    message = {"role": "assistant", "content": "Hi", "tool_calls": [nothing]}
    body = {"id": "c1", "model": "gpt-4o", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    events = [chunk({"content": "Hi"}), chunk({"tool_calls": [nothing]}), chunk({}, "stop")]
    for answer in (chat_completions.decode(body, {}), fold(events)):
        assert (answer.text, answer.tool_calls) == ("Hi", ())


def test_two_calls_in_one_chunk_are_separate() -> None:
    events = [chunk({"tool_calls": [piece(0, "a", "f", "{}"), piece(1, "b", "g", "{}")]}), chunk({}, "tool_calls")]
    assert [call.name for call in fold(events).tool_calls] == ["f", "g"]


def test_fragments_add_up_to_the_reply() -> None:
    events = [
        chunk({"role": "assistant", "content": None, "reasoning_content": "Hm"}),
        chunk({"reasoning_content": "."}),
        chunk({"content": "Hel", "reasoning_content": None}),
        chunk({"content": "lo"}),
        chunk({"tool_calls": [piece(0, "a", "f", '{"x"')]}),
        chunk({"tool_calls": [piece(0, "a", "f", ":1}")]}),
        chunk({}, "tool_calls"),
    ]
    streamed = deltas(events)
    emitted = [(f.index, f.part) for delta in streamed for f in delta.fragments]
    assert emitted == [
        (0, Reasoning("Hm")),
        (0, Reasoning(".")),
        (1, Text("Hel")),
        (1, Text("lo")),
        (2, ToolCall("a", "f", '{"x"')),
        (2, ToolCall("", "", ":1}")),
    ]
    assert [delta.id for delta in streamed if delta.id] == ["c1"]


def test_incomplete_arguments_are_not_repaired() -> None:
    reply = fold([chunk({"tool_calls": [piece(0, "a", "f", '{"x": 1')]}), chunk({}, "length")])
    assert (reply.finish_reason, reply.tool_calls[0].arguments) == ("length", '{"x": 1')
    assert reply.tool_calls[0].parsed() is None


@pytest.mark.parametrize("reason", ["length", "content_filter", "MAX_OUTPUT_TOKENS", "cancelled", "tomorrows_reason"])
def test_missing_arguments_are_empty_only_for_complete_calls(reason: str) -> None:
    cut_off = fold([chunk({"tool_calls": [piece(0, "a", "f", "")]}), chunk({}, reason)])
    assert cut_off.tool_calls[0].parsed() is None
    message = {"content": "", "tool_calls": [piece(0, "a", "f", "")]}
    plain = chat_completions.decode({"choices": [{"finish_reason": reason, "message": message}]}, NO_HEADERS)
    assert plain.tool_calls[0].parsed() is None


def test_only_the_last_custom_call_is_marked_as_cut() -> None:
    texts = [{"index": at, "id": f"c{at}", "custom": {"name": "run", "input": "ls"}} for at in (0, 1)]
    events = [chunk({"tool_calls": texts})]
    assert [call.cut for call in fold([*events, chunk({}, "length")]).tool_calls] == [False, True]
    assert [call.cut for call in fold([*events, chunk({}, "tool_calls")]).tool_calls] == [False, False]


def test_call_whose_kind_changes_raises() -> None:
    run = {"index": 1, "id": "b", "type": "custom", "custom": {"name": "run", "input": "pri"}}
    lost = {"index": 0, "custom": {"input": "nt(1)"}}
    with pytest.raises(StreamError, match="a function call goes on as a custom call"):
        calls(piece(0, "a", "f", "{}"), run, lost)
    with pytest.raises(StreamError, match="a custom call goes on as a function call"):
        calls(run, piece(1, arguments="nt(1)"))


@pytest.mark.parametrize("nothing", [None, 5, "x", []])
def test_lost_piece_of_a_call_raises(nothing: Any) -> None:
    with pytest.raises(APIError, match=r"tool_calls\[0\]: expected object"):
        calls(piece(0, "a", "f", '{"x": 1'), nothing, piece(0, arguments="}"))


def test_repeated_usage_and_finish_reason_are_merged() -> None:
    events = [
        chunk({"content": "a"}, usage={"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}),
        chunk({"content": "b"}, "stop", usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}),
        chunk(None, "stop", usage=None),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}},
    ]
    reply = fold(events, finished=False)
    assert (reply.usage.input, reply.usage.output, reply.usage.total) == (3, 2, 5)  # type: ignore[union-attr]
    assert (reply.finish_reason, reply.text, reply.id) == ("stop", "ab", "c1")


def test_claude_chunks_are_assembled() -> None:
    events = [
        {**chunk({"role": "assistant", "content": "Hi", "refusal": None}), "id": "msg_1"},
        {**chunk({"role": "assistant", "content": "!"}), "id": ""},
        {**chunk({"content": ""}, "stop", usage={"prompt_tokens": 1, "completion_tokens": 1}), "id": ""},
        {**chunk(None, "stop"), "id": "", "usage": None},
    ]
    reply = fold(events, finished=False, model="anthropic/claude-haiku-4.5")
    assert (reply.id, reply.text, reply.usage.total) == ("msg_1", "Hi!", 2)  # type: ignore[union-attr]


def test_sources_of_the_whole_reply_become_citations() -> None:
    top = {"search_results": [{"title": "T", "url": "https://example.org"}], "citations": ["https://example.org"]}
    streamed = deltas([chunk({"content": "A"}, **top), chunk({}, "stop", **top)], model="perplexity/sonar")
    assert streamed[-1].reply is not None
    assert [c.url for c in streamed[-1].reply.message.citations] == ["https://example.org"]
    assert [c.title for f in streamed[-1].fragments if isinstance(f.part, Text) for c in f.part.citations] == ["T"]


def test_other_choices_are_ignored() -> None:
    other = {**chunk({"content": "B"}), "choices": [{"index": 1, "delta": {"content": "B"}}]}
    assert fold([chunk({"content": "A"}), other, chunk({}, "stop")]).text == "A"


@pytest.mark.parametrize("events", [[], [chunk({"content": "Hal"})]], ids=["nothing", "half an answer"])
def test_cut_stream_raises(events: list[Json]) -> None:
    with pytest.raises(StreamError, match="broke off"):
        deltas(events, finished=False)


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"message": "upstream is down", "code": 502}},
        {"error": "upstream is down"},
        chunk({"content": ""}, "error", error={"message": "upstream is down"})
        | {"error": {"message": "upstream is down"}},
        {**chunk(), "choices": [{"index": 0, "finish_reason": "error", "error": {"message": "upstream is down"}}]},
    ],
)
def test_error_inside_a_stream_raises(event: Json) -> None:
    with pytest.raises(APIError, match="upstream is down"):
        deltas([chunk({"content": "Hal"}), event])


@pytest.mark.parametrize("event", [5, "text", None, [], chunk({"content": 5})])
def test_invalid_chunk_raises_a_typed_error(event: Any) -> None:
    with pytest.raises(AIMLAPIError):
        deltas([event])
