"""Encoding requests for the messages endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints import messages
from aimlapi_integrations.errors import UnsupportedContentError, UnsupportedParameterError
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
)

Json = dict[str, Any]
MODEL = "anthropic/claude-opus-5"
HELLO = Message("user", (Text("Hello"),))


def body(*turns: Message, **fields: Any) -> Json:
    return messages.encode(Request(MODEL, turns or (HELLO,), **fields))


def block(part: Any, role: Any = "user") -> Json:
    [[encoded]] = [turn["content"] for turn in body(Message(role, (part,)))["messages"]]
    return encoded  # type: ignore[no-any-return]


def test_conversation_is_encoded_in_alternating_turns() -> None:
    encoded = body(
        Message("system", (Text("Be brief."),)),
        HELLO,
        Message("assistant", (Reasoning("Hm.", signature="s"), Text("Hi"), ToolCall("t1", "f", '{"x": 1}'))),
        Message("tool", (Text("one"),), tool_call_id="t1", is_error=True),
        Message("user", (Text("Go on"),)),
    )
    assert encoded["system"] == "Be brief."
    assert [turn["role"] for turn in encoded["messages"]] == ["user", "assistant", "user"]
    assert encoded["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
    ]
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "one"}],
        "is_error": True,
    }
    assert encoded["messages"][2]["content"] == [result, {"type": "text", "text": "Go on"}]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Image(data="QQ==", mime="image/jpeg"), {"type": "base64", "media_type": "image/jpeg", "data": "QQ=="}),
        (Image(url="data:image/png;base64,QQ=="), {"type": "base64", "media_type": "image/png", "data": "QQ=="}),
        (Image(url="https://a/b.png"), {"type": "url", "url": "https://a/b.png"}),
        (File(data="QQ=="), {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}),
        (File(url="https://a/b.pdf"), {"type": "url", "url": "https://a/b.pdf"}),
        (File(data="QQ==", mime="text/markdown"), {"type": "text", "media_type": "text/plain", "data": "A"}),
        (File(url="data:text/plain;base64,QQ=="), {"type": "text", "media_type": "text/plain", "data": "A"}),
    ],
)
def test_media_source_is_encoded_in_its_documented_form(part: Any, expected: Json) -> None:
    assert block(part)["source"] == expected


@pytest.mark.parametrize("part", [Image(data="QQ==", cache={"type": "ephemeral"}), File(data="QQ==", filename="a.pdf")])
def test_media_of_an_unsupported_type_raises(part: Any) -> None:
    extra_fields = {key: value for key, value in block(part).items() if key not in ("type", "source")}
    assert extra_fields == ({"cache_control": part.cache} if part.cache else {"title": "a.pdf"})


def test_empty_turn_is_left_out() -> None:
    encoded = body(HELLO, Message("assistant", (Text(""),)), HELLO)
    assert encoded["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hello"}] * 2}]
    empty = Message("tool", (Text(""),), tool_call_id="t1")
    [result] = body(empty)["messages"][0]["content"]
    assert result == {"type": "tool_result", "tool_use_id": "t1"}


def test_system_text_alone_becomes_a_user_turn() -> None:
    encoded = body(Message("system", (Text("Be brief."),)))
    assert "system" not in encoded
    assert encoded["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Be brief."}]}]


def test_server_tool_blocks_are_sent_back() -> None:
    own = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "rain"}}
    encoded = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []}
    undated = {**encoded, "page_age": None}
    other = {"type": "web_search_call", "id": "ws_1"}
    parts = (*map(HostedItem, (own, undated, other)), Refusal("No."))
    assert body(Message("assistant", parts))["messages"][0]["content"] == [
        own,
        encoded,
        {"type": "text", "text": "No."},
    ]


def test_cache_markers_are_kept() -> None:
    marker = {"type": "ephemeral"}
    assert block(Text("Long", cache=marker)) == {"type": "text", "text": "Long", "cache_control": marker}
    encoded = body(Message("system", (Text("Long", cache=marker),)), HELLO)
    assert encoded["system"] == [{"type": "text", "text": "Long", "cache_control": marker}]


def test_thinking_without_signature_is_left_out() -> None:
    assert body(Message("assistant", (Reasoning("Hm."), Text("Hi"))))["messages"][0]["content"] == [
        {"type": "text", "text": "Hi"}
    ]
    assert block(Reasoning(encrypted="e"), "assistant") == {"type": "redacted_thinking", "data": "e"}


@pytest.mark.parametrize("role", ["USER", "human", "model", "function"])
def test_unknown_role_raises_and_is_named(role: Any) -> None:
    with pytest.raises(UnsupportedContentError, match=role):
        body(Message(role, (Text("Hi"),)))


def test_unsupported_content_raises_and_is_named() -> None:
    with pytest.raises(UnsupportedContentError, match="mcp_approval_response"):
        body(HELLO, Message("user", (HostedItem({"type": "mcp_approval_response", "approve": True}),)))
    with pytest.raises(UnsupportedContentError, match="Audio"):
        body(Message("user", (Audio(data="QQ=="),)))
    with pytest.raises(UnsupportedContentError, match="file id"):
        body(Message("user", (Image(file_id="f"),)))
    with pytest.raises(UnsupportedContentError, match="image/bmp"):
        body(Message("user", (Image(data="QQ==", mime="image/bmp"),)))
    with pytest.raises(UnsupportedContentError, match="application/msword"):
        body(Message("user", (File(data="QQ==", mime="application/msword"),)))
    with pytest.raises(UnsupportedContentError, match="ToolCall"):
        body(Message("assistant", (ToolCall("t1", "sql", "SELECT 1", kind="custom"),)))
    with pytest.raises(UnsupportedParameterError, match="response format"):
        body(response_format=ResponseFormat("json_object"))


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required"), None, {"type": "any"}),
        (ToolChoice("named", "f"), True, {"type": "tool", "name": "f", "disable_parallel_tool_use": False}),
        (ToolChoice("none"), None, {"type": "none"}),
        (ToolChoice("raw", item={"type": "auto"}), None, {"type": "auto"}),
    ],
)
def test_tool_choice_is_encoded_in_its_documented_form(
    choice: ToolChoice | None, parallel: bool | None, expected: Json | None
) -> None:
    tools = (Tool("f", "Does f", {"type": "object"}), HostedTool({"type": "web_search_20250305", "name": "web_search"}))
    encoded = body(tools=tools, tool_choice=choice, parallel_tool_calls=parallel)
    assert encoded["tools"] == [
        {"name": "f", "description": "Does f", "input_schema": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    assert encoded.get("tool_choice") == expected


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (Tool("f", strict=True), {"input_schema": {"type": "object", "properties": {}}, "strict": True}),
        (Tool("f", None, {}), {"input_schema": {"type": "object", "properties": {}}}),
        (Tool("f", None, {"$defs": {}}), {"input_schema": {"type": "object", "$defs": {}}}),
        (
            Tool("f", extra={"cache_control": {"type": "ephemeral"}}),
            {"input_schema": {"type": "object", "properties": {}}, "cache_control": {"type": "ephemeral"}},
        ),
    ],
)
def test_tool_is_encoded_in_its_documented_form(tool: Tool, expected: Json) -> None:
    assert body(tools=(tool,))["tools"] == [{"name": "f", **expected}]


def test_options_are_renamed() -> None:
    encoded = body(options={"stop": "END", "max_completion_tokens": 9000, "reasoning_effort": "low", "top_p": None})
    assert encoded["stop_sequences"] == ["END"]
    assert encoded["max_tokens"] == 9000
    assert encoded["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert "top_p" not in encoded
