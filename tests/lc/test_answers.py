"""What a reply becomes: plain and streamed, in the default form and in v1, one message."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, message_chunk_to_message

from tests.lc.gateway import Gateway, chat_body

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
NO_ARGUMENTS = {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": ""}}
CUT = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Par'}}
CUT_AT_ONCE = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
SIGNED = {**CALL, "extra_content": {"google": {"thought_signature": "sig"}}}
SOURCE = {
    "type": "url_citation",
    "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2},
}

REPLIES = {
    "text": chat_body("Hello, world"),
    "empty": chat_body(""),
    "reasoning": chat_body("Paris", reasoning_content="The capital is Paris."),
    "tool call": chat_body("", "tool_calls", tool_calls=[CALL, NO_ARGUMENTS]),
    "everything": chat_body(
        "Hello", "tool_calls", reasoning_content="Hm, well", tool_calls=[SIGNED], annotations=[SOURCE]
    ),
    "refusal": chat_body("", refusal="I cannot help with that."),
    "cut": chat_body("", "length", tool_calls=[CUT]),
    "cut at once": chat_body("", "length", tool_calls=[CUT_AT_ONCE]),
    "image": chat_body("Here", images=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]),
    "audio": chat_body("", audio={"id": "audio_1", "data": "AAAA", "transcript": "Hi"}),
}


def merged(chunks: list[Any]) -> AIMessage:
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    assert isinstance(total, AIMessageChunk)
    message = message_chunk_to_message(total)
    assert type(message) is AIMessage
    return message


async def collected(stream: Any) -> list[Any]:
    return [chunk async for chunk in stream]


def invoked(model: Any, **kwargs: Any) -> AIMessage:
    return model.invoke("Hi", **kwargs)


WAYS = {
    "invoke": lambda model: model.invoke("Hi"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("Hi")),
    "stream": lambda model: merged(list(model.stream("Hi"))),
    "astream": lambda model: merged(asyncio.run(collected(model.astream("Hi")))),
    "invoke, streaming": lambda model: model.invoke("Hi", stream=True),
}


def reported(message: AIMessage) -> dict[str, Any]:
    """Return a message without run ids and the indexes of blocks, which only streams have."""
    dumped = message.model_dump(exclude={"id"})
    if isinstance(dumped["content"], list):
        dumped["content"] = [
            {key: value for key, value in block.items() if key != "index"} for block in dumped["content"]
        ]
    dumped["response_metadata"].pop("headers", None)
    return dumped


@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("name", REPLIES)
def test_message_of_every_call_method_is_the_same(name: str, output_version: str | None):
    plain, *others = (way(Gateway(REPLIES[name]).model(output_version=output_version)) for way in WAYS.values())
    for other in others:
        assert reported(other) == reported(plain)


def test_text_of_a_message_is_its_content():
    message = Gateway(REPLIES["text"]).model().invoke("Hi")
    assert message.content == "Hello, world"
    assert message.additional_kwargs == {}
    assert message.content_blocks == [{"type": "text", "text": "Hello, world"}]


def test_response_metadata_of_a_message_is_complete():
    message = Gateway(REPLIES["text"]).model().invoke("Hi")
    assert message.usage_metadata == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 3},
        "output_token_details": {"reasoning": 2},
    }
    expected = {
        "model_provider": "aimlapi",
        "model_name": "gpt-4o-2024",
        "finish_reason": "stop",
        "id": "chatcmpl-1",
        "created": 1700000000,
        "system_fingerprint": "fp_1",
        "endpoint": "chat_completions",
        "inference_id": "inf-1",
        "request_id": "req-1",
        "cost": {"usd": "0.001240000", "credits": 2480},
    }
    assert {key: message.response_metadata[key] for key in expected} == expected
    assert message.response_metadata["token_usage"]["prompt_tokens"] == 10


def test_metadata_and_usage_are_on_one_chunk_alone():
    chunks = list(Gateway(REPLIES["text"]).model().stream("Hi"))
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1
    assert sum("finish_reason" in chunk.response_metadata for chunk in chunks) == 1
    assert [chunk.chunk_position for chunk in chunks].index("last") == len(chunks) - 1
    assert all(type(chunk.content) is str for chunk in chunks)


def test_finish_reason_that_differs_is_also_reported_natively():
    message = Gateway(chat_body("Hi", "end_turn")).model().invoke("Hi")
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["native_finish_reason"] == "end_turn"


FINISHED_CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
NORMALIZED = [
    (chat_body("Hi", "stop"), "stop"),
    (chat_body("Hi", "end_turn"), "stop"),
    (chat_body("Hi", "length"), "length"),
    (chat_body("Hi", "content_filter"), "content_filter"),
    (chat_body("", "tool_calls", tool_calls=[FINISHED_CALL]), "tool_call"),
    (chat_body("", "stop", tool_calls=[FINISHED_CALL]), "tool_call"),
    (chat_body("", "stop", refusal="No."), "refusal"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(("body", "expected"), NORMALIZED, ids=[f"{i}-{each[1]}" for i, each in enumerate(NORMALIZED)])
def test_finish_reason_is_normalized_in_the_terms_of_langchain(body: Any, expected: str, stream: bool):
    model = Gateway(body).model()
    chunks = list(model.stream("Hi")) if stream else [model.invoke("Hi")]
    message = sum(chunks[1:], chunks[0])
    assert message.response_metadata["normalized_finish_reason"] == expected
    try:  # langchain-core 1.8.4 and later
        from langchain_core.language_models._finish_reason import _finish_fields
    except ImportError:
        return
    fields = _finish_fields(message.response_metadata, has_tool_calls=bool(message.tool_calls))
    assert fields["normalized_finish_reason"] == expected


def test_content_blocks_of_a_message_contain_every_part():
    message = Gateway(REPLIES["everything"]).model().invoke("Hi")
    reasoning, text, call = message.content_blocks
    assert reasoning == {"type": "reasoning", "reasoning": "Hm, well"}
    assert text["text"] == "Hello"
    assert text["annotations"][0]["url"] == "https://a.example"
    assert call == {
        "type": "tool_call",
        "id": "call_1",
        "name": "weather",
        "args": {"city": "Paris"},
        "extras": {"extra_content": {"google": {"thought_signature": "sig"}}},
    }
    assert message.additional_kwargs["annotations"] == [SOURCE]
    assert message.additional_kwargs["tool_call_extras"]["call_1"] == call["extras"]


@pytest.mark.parametrize("name", ["cut", "cut at once"])
@pytest.mark.parametrize("output_version", [None, "v1"])
@pytest.mark.parametrize("way", WAYS)
def test_truncated_tool_call_is_never_repaired(way: str, output_version: str | None, name: str):
    message = WAYS[way](Gateway(REPLIES[name]).model(output_version=output_version))
    assert message.tool_calls == []
    [call] = message.invalid_tool_calls
    assert call["id"] == "call_1"
    assert call["args"] == REPLIES[name]["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    assert [block["type"] for block in message.content_blocks] == ["invalid_tool_call"]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("output_version", [None, "v1"])
def test_events_v3_end_with_the_plain_message(output_version: str | None, name: str):
    plain = Gateway(REPLIES[name]).model(output_version="v1").invoke("Hi")
    with_events = Gateway(REPLIES[name]).model(output_version=output_version).stream_events("Hi", version="v3").output
    assert with_events.tool_calls == plain.tool_calls
    assert [call["id"] for call in with_events.invalid_tool_calls] == [call["id"] for call in plain.invalid_tool_calls]
    assert with_events.usage_metadata == plain.usage_metadata
    assert with_events.text == plain.text
    shown = [{k: v for k, v in b.items() if k != "index"} for b in with_events.content_blocks]
    calls = ("tool_call", "invalid_tool_call")
    assert [b for b in shown if b["type"] not in calls] == [b for b in plain.content_blocks if b["type"] not in calls]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
async def test_events_v2_end_with_the_plain_message():
    model = Gateway(REPLIES["cut"]).model()
    events = [event async for event in model.astream_events("Hi", version="v2")]
    message = events[-1]["data"]["output"]
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["args"] == '{"city": "Par'


@pytest.mark.parametrize("output_version", [None, "v1"])
def test_chunk_blocks_have_an_index_of_their_own(output_version: str | None):
    chunks = list(Gateway(REPLIES["everything"]).model(output_version=output_version).stream("Hi"))
    places: dict[str, set[str]] = {}
    for chunk in chunks:
        for block in chunk.content_blocks:
            places.setdefault(block["index"], set()).add(block["type"])
    assert all(len(kinds) == 1 for kinds in places.values())
    assert {kind for kinds in places.values() for kind in kinds} == {"reasoning", "text", "tool_call_chunk"}


def test_usage_of_n_choices_is_counted_once():
    body = chat_body("One")
    body["choices"].append({"index": 1, "finish_reason": "stop", "message": {"role": "assistant", "content": "Two"}})
    result = Gateway(body).model(n=2).generate([[HumanMessage("Hi")]])
    first, second = (generation.message for generation in result.generations[0])
    assert (first.content, second.content) == ("One", "Two")
    assert first.usage_metadata
    assert second.usage_metadata is None
    assert result.llm_output["token_usage"]["total_tokens"] == 15


def test_stream_with_n_choices_raises():
    with pytest.raises(ValueError, match="n must be 1"):
        list(Gateway().model(n=2).stream("Hi"))


def test_generate_with_several_prompts_sums_usage():
    result = Gateway().model().generate([[HumanMessage("Hi")], [HumanMessage("Ho")]])
    assert result.llm_output["token_usage"]["total_tokens"] == 30
    assert result.llm_output["token_usage"]["prompt_tokens_details"]["cached_tokens"] == 6


def test_message_in_history_is_sent_back_unchanged():
    gateway = Gateway(REPLIES["everything"])
    for output_version in (None, "v1"):
        model = gateway.model(model="google/gemini-2.5-flash", output_version=output_version)
        model.invoke([HumanMessage("Hi"), model.invoke("Hi")])
        sent = gateway.bodies[-1]["messages"][1]
        assert sent["content"] == "Hello"
        assert sent["tool_calls"][0]["function"] == CALL["function"]
