"""Adapting messages and their content to models on chat completions."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints import adapt
from aimlapi_integrations.errors import UnsupportedContentError
from aimlapi_integrations.types import (
    Audio,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolChoice,
    Video,
)
from tests.endpoints.adapted import (
    ASK,
    BRIEF,
    CALL,
    CLAUDE_BLOCKS,
    CLAUDE_OLD,
    GEMMA,
    GPT_4O,
    RAIN,
    SCHEMA,
    WEATHER,
    encode_adapted,
    make_request,
    roles,
)

# --- roles ------------------------------------------------------------------------------------------------------------


def test_developer_role_becomes_system_where_unsupported() -> None:
    developer = Message("developer", (Text("Be brief."),))
    assert roles(encode_adapted("google/gemini-2.5-flash", developer, ASK)) == ["system", "user"]
    assert roles(encode_adapted(GPT_4O, developer, ASK)) == ["developer", "user"]


def test_system_text_goes_into_the_system_field_where_listed() -> None:
    late = Message("system", (Text("In German."),))
    body = encode_adapted(CLAUDE_BLOCKS, BRIEF, ASK, late)
    assert (body["system"], roles(body)) == ("Be brief.\n\nIn German.", ["user"])
    assert encode_adapted(CLAUDE_BLOCKS, BRIEF, ASK, options={"system": "You."})["system"] == "You.\n\nBe brief."


@pytest.mark.parametrize(
    ("messages", "contents"),
    [
        ((BRIEF, ASK), ["Be brief.\n\nHello"]),
        ((ASK, BRIEF), ["Hello", "Be brief."]),
        ((BRIEF, BRIEF, ASK), ["Be brief.\n\nBe brief.\n\nHello"]),
    ],
)
def test_system_text_goes_before_user_text_without_role_and_field(messages: Any, contents: list[str]) -> None:
    body = encode_adapted(GEMMA, *messages)
    assert set(roles(body)) == {"user"}
    assert [message["content"] for message in body["messages"]] == contents


def test_system_text_goes_before_an_image() -> None:
    [message] = encode_adapted(GEMMA, BRIEF, Message("user", (Image(url="https://a/b.png"),)))["messages"]
    assert message["content"][0] == {"type": "text", "text": "Be brief."}


def test_tool_turns_raise_where_unsupported() -> None:
    with pytest.raises(UnsupportedContentError, match="lists tools"):
        adapt(make_request(GEMMA, ASK, CALL, RAIN))


# --- Claude models that list the Anthropic form only ------------------------------------------------------------------


def test_claude_with_swapped_tool_schema_gets_openai_turns() -> None:
    body = encode_adapted(CLAUDE_BLOCKS, BRIEF, ASK, CALL, RAIN, tools=(WEATHER,), tool_choice=ToolChoice("required"))
    assert roles(body) == ["user", "assistant", "tool"]
    assert (body["tools"][0]["type"], body["tool_choice"], body["system"]) == ("function", {"type": "any"}, "Be brief.")


@pytest.mark.parametrize("model", [CLAUDE_BLOCKS, CLAUDE_OLD])
def test_claude_gets_blocks_where_listed(model: str) -> None:
    failed = Message("tool", (Text("Timeout"),), tool_call_id="c1", is_error=True)
    thought = Message("assistant", (Reasoning("Hm.", signature="s"), Refusal("No."), *CALL.parts))
    _, calls_turn, encoded_results = encode_adapted(model, ASK, thought, failed)["messages"]
    thinking = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}] if model == CLAUDE_BLOCKS else []
    use = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Bern"}}
    assert calls_turn == {"role": "assistant", "content": [*thinking, {"type": "text", "text": "No."}, use]}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "Timeout", "is_error": True}
    assert encoded_results == {"role": "user", "content": [result]}


def test_claude_with_anthropic_tools_gets_blocks() -> None:
    body = encode_adapted(CLAUDE_OLD, ASK, CALL, RAIN, tools=(WEATHER,), tool_choice=ToolChoice("named", "weather"))
    assert body["tools"] == [{"name": "weather", "description": "d", "input_schema": SCHEMA}]
    assert body["tool_choice"] == {"type": "tool", "name": "weather"}
    assert roles(body) == ["user", "assistant", "user"]


def test_results_above_the_part_limit_are_split_into_turns() -> None:
    calls = Message("assistant", tuple(ToolCall(f"c{i}", "weather", "{}") for i in range(7)))
    results = [Message("tool", (Text("Rain"),), tool_call_id=f"c{i}") for i in range(7)]
    turns = encode_adapted(CLAUDE_BLOCKS, ASK, calls, *results)["messages"]
    assert [(turn["role"], len(turn["content"])) for turn in turns[1:]] == [
        ("assistant", 5),
        ("assistant", 2),
        ("user", 5),
        ("user", 2),
    ]


# --- content ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "part", "words"),
    [
        ("gpt-3.5-turbo", File(data="QUI=", filename="a.pdf"), "responses endpoint"),
        ("gpt-4", Image(url="https://a/b.png"), "image input"),
        (GPT_4O, Audio(data="QUI=", format="wav"), "audio input"),
        (GPT_4O, Video(url="https://a/b.mp4"), "video input"),
        (GPT_4O, File(file_id="file-1"), "give its data"),
        (GPT_4O, Image(url="picture.png"), "data URL"),
        ("gpt-4o-audio-preview", Audio(data="QUI=", format="flac"), "mp3, wav"),
    ],
)
def test_unsupported_content_raises_with_an_alternative(model: str, part: Any, words: str) -> None:
    with pytest.raises(UnsupportedContentError, match=words):
        adapt(make_request(model, Message("user", (part,))))


def test_media_in_system_text_raise() -> None:
    with pytest.raises(UnsupportedContentError, match="user turn"):
        adapt(make_request(GEMMA, Message("system", (Image(url="https://a/b.png"),)), ASK))


@pytest.mark.parametrize(
    "file",
    [
        File(data="SGVsbG8=", mime="text/plain", filename="a.txt"),
        File(url="data:text/markdown;base64,SGVsbG8=", filename="a.txt"),
    ],
)
def test_text_file_is_sent_as_text(file: File) -> None:
    [message] = encode_adapted("gpt-4", Message("user", (file,)))["messages"]
    assert message["content"] == "a.txt:\nHello"


def test_audio_format_is_spelled_as_listed() -> None:
    [message] = encode_adapted("google/gemini-3-5-flash", Message("user", (Audio(data="QUI=", format="flac"),)))[
        "messages"
    ]
    assert message["content"][0]["input_audio"]["format"] == "audio/flac"


def test_adjacent_texts_above_the_part_limit_are_merged() -> None:
    image = Image(data="QUI=", mime="image/png")
    texts = tuple(Text(letter) for letter in "abcdef")
    [message] = encode_adapted(CLAUDE_BLOCKS, Message("user", (*texts, image)))["messages"]
    assert [part["type"] for part in message["content"]] == ["text", "image"]
    with pytest.raises(UnsupportedContentError, match="at most 5 parts"):
        adapt(make_request(CLAUDE_BLOCKS, Message("user", (image,) * 6)))
