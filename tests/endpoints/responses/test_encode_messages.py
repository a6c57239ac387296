"""Encoding messages for the responses endpoint."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aimlapi_integrations.errors import UnsupportedContentError
from aimlapi_integrations.types import (
    Audio,
    Citation,
    File,
    HostedItem,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Video,
)
from tests.endpoints.responses.turns import CITED, MODEL, assistant, encode, items, result, user


def test_single_user_text_is_sent_as_a_string() -> None:
    assert encode(user("Hello")) == {"model": MODEL, "input": "Hello"}


def test_turns_become_message_items() -> None:
    system = Message("system", (Text("Be brief."),))
    developer = Message("developer", (Text("No emoji."),))
    assert items(system, developer, user("Hi"), assistant("Hello"), user("Again", "please")) == [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "No emoji."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "Again"}, {"type": "input_text", "text": "please"}],
        },
    ]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Image(url="https://example.com/a.png"), {"type": "input_image", "image_url": "https://example.com/a.png"}),
        (
            Image(data="QUJD", mime="image/webp", detail="low"),
            {"type": "input_image", "image_url": "data:image/webp;base64,QUJD", "detail": "low"},
        ),
        (Image(file_id="file_1"), {"type": "input_image", "file_id": "file_1"}),
        (
            File(data="QUJD", mime="application/pdf", filename="a.pdf"),
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
        ),
        (
            File(url="data:application/pdf;base64,QUJD"),
            {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,QUJD"},
        ),
        (File(url="https://example.com/a.pdf"), {"type": "input_file", "file_url": "https://example.com/a.pdf"}),
        (File(file_id="file_2"), {"type": "input_file", "file_id": "file_2"}),
    ],
)
def test_user_media_is_encoded_in_its_documented_form(part: Part, expected: Json) -> None:
    assert items(user("See", part)) == [{"role": "user", "content": [{"type": "input_text", "text": "See"}, expected]}]


@pytest.mark.parametrize(
    ("message", "message_text"),
    [
        (user(Audio(data="QUJD", format="wav")), "Audio content.*chat completions can carry it"),
        (user(Video(url="https://example.com/a.mp4")), "Video content.*chat completions can carry it"),
        (user(Reasoning("hm")), "Reasoning content in a user turn"),
        (user(Image()), "neither a URL, nor data, nor a file id"),
        (result("3", call=""), "tool_call_id"),
        (Message("assistant", (Audio(id="audio_1"),)), "Audio content in an assistant turn"),
        (replace(result(Refusal("no"))), "Refusal content in a tool result"),
    ],
)
def test_unsupported_content_raises_and_is_named(message: Message, message_text: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message_text):
        encode(message, user("And?"))


def test_tool_loop_keeps_the_order_of_its_items() -> None:
    thought = [
        Reasoning("First.", "summary", "rs_1", encrypted="ENC"),
        Reasoning("Then.", "summary", "rs_1"),
        Reasoning("", "summary", "rs_2", encrypted="ENC2"),
    ]
    turn = assistant(*thought, "Let me add.", ToolCall("call_1", "add", '{"a": 1}', item_id="fc_1"))
    assert items(user("Add"), turn, result("3", "done"))[1:] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}],
            "encrypted_content": "ENC",
        },
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "ENC2"},
        {"role": "assistant", "content": "Let me add."},
        {"type": "function_call", "arguments": '{"a": 1}', "call_id": "call_1", "name": "add"},
        {"type": "function_call_output", "call_id": "call_1", "output": "3\ndone"},
    ]


def test_reasoning_is_sent_back_only_where_accepted() -> None:
    turn = assistant(Reasoning("", "summary", "rs_1"), Reasoning("from chat"), "Hi")
    assert items(user("?"), turn)[1:] == [{"role": "assistant", "content": "Hi"}]
    assert items(user("?"), turn, store=True)[1] == {"type": "reasoning", "id": "rs_1", "summary": []}
    for_a_model_without = encode(user("?"), assistant(Reasoning("a", "summary", "rs_1"), "Hi"), model="gpt-4o")
    assert for_a_model_without["input"][1:] == [{"role": "assistant", "content": "Hi"}]


def test_assistant_text_is_an_item_where_ids_or_citations_matter() -> None:
    turn = assistant(Text("It is.", (CITED, Citation("https://example.com/b")), "msg_1"))
    note = {"type": "url_citation", "url": CITED.url, "title": "A", "start_index": 0, "end_index": 2}
    assert items(user("?"), turn)[1] == {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "It is.", "annotations": [note]}],
    }
    assert items(user("?"), assistant(Text("Plain", id="msg_1")))[1] == {"role": "assistant", "content": "Plain"}
    stored = items(user("?"), assistant(Text("Kept", id="msg_1"), ToolCall("c", "f", "{}", item_id="fc_1")), store=True)
    assert stored[1]["id"] == "msg_1"
    assert stored[2]["id"] == "fc_1"


def test_several_message_items_of_one_turn_stay_separate() -> None:
    turn = assistant(Text("One", id="msg_1"), Text("Two", id="msg_2"), Refusal("Not three."))
    assert [item["content"] for item in items(user("?"), turn)[1:]] == ["One", "Two", "Not three."]


def test_media_of_a_tool_result_moves_to_a_user_turn() -> None:
    calls = assistant(ToolCall("call_1", "draw", "{}"), ToolCall("call_2", "draw", "{}"))
    encoded = items(user("Draw"), calls, result("here", Image(data="QUJD")), result("none", call="call_2"))
    assert [item.get("output") for item in encoded[3:5]] == ["here", "none"]
    assert encoded[5]["role"] == "user"
    assert encoded[5]["content"][1] == {"type": "input_image", "image_url": "data:image/png;base64,QUJD"}


def test_failed_tool_result_is_sent_as_text() -> None:
    failed = replace(result("Error: no such city"), is_error=True)
    assert items(user("?"), assistant(ToolCall("call_1", "f", "{}")), failed)[-1]["output"] == "Error: no such city"


def test_custom_tool_result_has_its_own_type() -> None:
    encoded = items(user("?"), assistant(ToolCall("call_1", "sql", "select 1", "custom")), result("1"))
    assert encoded[1] == {"type": "custom_tool_call", "input": "select 1", "call_id": "call_1", "name": "sql"}
    assert encoded[2] == {"type": "custom_tool_call_output", "call_id": "call_1", "output": "1"}


def test_hosted_items_are_sent_back_without_nulls():
    called = {
        "type": "mcp_call",
        "id": "mcp_1",
        "error": None,
        "output": "4",
        "tools": [{"name": "roll", "title": None}],
    }
    [encoded, _] = items(assistant(HostedItem(called)), user("?"))
    assert encoded == {"type": "mcp_call", "id": "mcp_1", "output": "4", "tools": [{"name": "roll"}]}


def test_hosted_items_and_approvals_are_sent_back_as_is() -> None:
    approval_request = {"type": "mcp_approval_request", "id": "m", "name": "n", "arguments": "{}", "server_label": "s"}
    approved = {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True}
    encoded = items(user("?"), assistant(HostedItem(approval_request), "Ask"), user(HostedItem(approved), "Go on"))
    assert encoded[1:] == [
        approval_request,
        {"role": "assistant", "content": "Ask"},
        approved,
        {"role": "user", "content": "Go on"},
    ]
    shot = {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}}
    assert items(user("?"), result(HostedItem(shot)))[1] == shot


def test_model_without_list_input_gets_strings() -> None:
    codex = "openai/gpt-5-2-codex"
    system = Message("system", (Text("Be brief."),))
    assert encode(system, user("Hi"), model=codex) == {"model": codex, "instructions": "Be brief.", "input": "Hi"}
    document = user("See", File(file_id="file_1"))
    assert encode(document, model=codex)["input"]["role"] == "user"
    assert isinstance(encode(user("Hi"), assistant("Hello"), user("So?"), model=codex)["input"], list)
