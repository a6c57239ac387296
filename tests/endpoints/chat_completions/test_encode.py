"""Encoding requests for chat completions."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints import adapt, chat_completions
from aimlapi_integrations.errors import UnsupportedContentError
from aimlapi_integrations.types import (
    Audio,
    File,
    HostedItem,
    HostedTool,
    Image,
    Message,
    Reasoning,
    Refusal,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Video,
)

Json = dict[str, Any]
HELLO = Message("user", (Text("Hello"),))


def body(*messages: Message, model: str = "openai/gpt-5-mini-2025-08-07", **fields: Any) -> Json:
    return chat_completions.encode(Request(model, messages or (HELLO,), **fields))


def turn(*parts: Any, role: Any = "user", model: str = "openai/gpt-5-mini-2025-08-07", **fields: Any) -> Json:
    [message] = body(Message(role, parts, **fields), model=model)["messages"]
    return message  # type: ignore[no-any-return]


def test_documented_request_is_encoded_as_documented() -> None:
    assert body() == {"model": "openai/gpt-5-mini-2025-08-07", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Image(url="https://a/b.png"), {"type": "image_url", "image_url": {"url": "https://a/b.png"}}),
        (
            Image(data="QUI=", mime="image/jpeg", detail="low"),
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,QUI=", "detail": "low"}},
        ),
        (
            Audio(data="QUI=", format="audio/mpeg"),
            {"type": "input_audio", "input_audio": {"data": "QUI=", "format": "mp3"}},
        ),
        (
            File(data="QUI=", mime="application/pdf"),
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,QUI="}},
        ),
        (File(file_id="file-1"), {"type": "file", "file": {"file_id": "file-1"}}),
        (
            File(url="https://a/b.pdf", filename="b.pdf"),
            {"type": "file", "file": {"filename": "b.pdf", "file_data": "https://a/b.pdf"}},
        ),
        (
            Video(data="QUI=", mime="video/webm"),
            {"type": "video_url", "video_url": {"url": "data:video/webm;base64,QUI="}},
        ),
    ],
)
def test_user_part_is_encoded_in_its_documented_form(part: Any, expected: Json) -> None:
    assert turn(Text("Look"), part)["content"] == [{"type": "text", "text": "Look"}, expected]


@pytest.mark.parametrize("part", [Image(file_id="file-1"), Audio(id="a"), Audio(url="https://a"), Reasoning("hm")])
def test_unsupported_part_raises_and_is_named(part: Any) -> None:
    with pytest.raises(UnsupportedContentError, match=r"(?i)image|audio|reasoning"):
        turn(part)


def test_claude_image_is_encoded_as_a_base64_block() -> None:
    content = turn(Image(data="QUI=", mime="image/png"), model="anthropic/claude-sonnet-4.5")["content"]
    assert content == [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUI="}}]
    with pytest.raises(UnsupportedContentError, match="base64"):
        turn(Image(url="https://a/b.png"), model="anthropic/claude-sonnet-4.5")


def test_assistant_turn_with_calls_has_string_content() -> None:
    call = ToolCall("c1", "f", '{"x": 1}', extra={"extra_content": {"google": {"thought_signature": "s"}}})
    plain = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    assert turn(call, role="assistant", model="gpt-4o") == {"role": "assistant", "content": "", "tool_calls": [plain]}
    [signed] = turn(call, role="assistant", model="google/gemini-3-1-pro-preview")["tool_calls"]
    assert signed == {**plain, "extra_content": {"google": {"thought_signature": "s"}}}


def test_reasoning_is_sent_back_only_to_models_that_need_it() -> None:
    parts = (Reasoning("Hm."), Text("So."))
    assert turn(*parts, role="assistant", model="gpt-4o") == {"role": "assistant", "content": "So."}
    assert turn(*parts, role="assistant", model="moonshot/kimi-k2-6")["reasoning_content"] == "Hm."


def test_hosted_items_of_responses_are_left_out() -> None:
    parts = (HostedItem({"type": "web_search_call", "id": "ws_1"}), Text("So."), Refusal("No."))
    assert turn(*parts, role="assistant") == {"role": "assistant", "content": "So.", "refusal": "No."}


def test_tool_result_with_image_is_a_string_and_a_user_turn() -> None:
    calls = Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}")))
    shown = Message("tool", (Text("one"), Text("two"), Image(url="https://a/b.png")), tool_call_id="a")
    plain = Message("tool", (Text("ok"),), tool_call_id="b", name="g")
    request = Request("openai/gpt-5-mini-2025-08-07", (HELLO, calls, shown, plain))
    encoded_messages = chat_completions.encode(adapt(request))["messages"]
    assert [message["role"] for message in encoded_messages] == ["user", "assistant", "tool", "tool", "user"]
    assert encoded_messages[2] == {"role": "tool", "content": "one\ntwo", "tool_call_id": "a"}
    assert encoded_messages[4]["content"][1] == {"type": "image_url", "image_url": {"url": "https://a/b.png"}}


def test_cache_marker_is_sent_only_where_listed() -> None:
    part = Text("Long", cache={"type": "ephemeral"})
    assert turn(part)["content"] == "Long"
    marked = turn(part, model="mistralai/mistral-large-2512")["content"]
    assert marked == [{"type": "text", "text": "Long", "cache_control": {"type": "ephemeral"}}]


def test_tool_without_parameters_has_an_empty_schema_and_no_nulls() -> None:
    encoded_messages = body(tools=(Tool("now"), Tool("add", "Adds", {"type": "object"}, strict=True)))["tools"]
    assert encoded_messages == [
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
        {
            "type": "function",
            "function": {"name": "add", "description": "Adds", "parameters": {"type": "object"}, "strict": True},
        },
    ]
    assert body(tools=(HostedTool({"type": "web_search"}),))["tools"] == [{"type": "web_search"}]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("required"), "required"),
        (ToolChoice("named", "f"), {"type": "function", "function": {"name": "f"}}),
        (ToolChoice("raw", item={"type": "allowed_tools"}), {"type": "allowed_tools"}),
    ],
)
def test_tool_choice_is_encoded_in_its_documented_form(choice: ToolChoice, expected: Any) -> None:
    assert body(tools=(Tool("f"),), tool_choice=choice)["tool_choice"] == expected
    assert "tool_choice" not in body(tool_choice=choice)


def test_options_and_response_format_are_encoded() -> None:
    response_format = ResponseFormat("json_schema", "Trip", {"type": "object"}, strict=True)
    encoded_messages = body(
        options={"max_tokens": 5, "seed": None}, response_format=response_format, extra_body={"provider": "openai"}
    )
    assert encoded_messages["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "Trip", "schema": {"type": "object"}, "strict": True},
    }
    assert (encoded_messages["max_tokens"], encoded_messages["provider"], "seed" in encoded_messages) == (
        5,
        "openai",
        False,
    )


def test_stream_options_are_sent_only_where_listed() -> None:
    streamed = chat_completions.stream_options(body(), usage=True)
    assert (streamed["stream"], streamed["stream_options"]) == (True, {"include_usage": True})
    claude = chat_completions.stream_options(body(model="anthropic/claude-opus-4-8"), usage=True)
    assert "stream_options" not in claude
    assert "stream_options" not in chat_completions.stream_options(body(), usage=False)
