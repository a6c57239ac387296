"""LangChain messages -> the conversation, row by row: every form of message and block, and those that have none."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from aimlapi_integrations.errors import UnsupportedContentError
from aimlapi_integrations.langchain.messages.encode import encode_messages
from aimlapi_integrations.types import (
    Audio,
    Citation,
    File,
    HostedItem,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Video,
)
from tests.lc.gateway import Gateway, chat_body

URL = "https://x.example/a"
CACHE = {"type": "ephemeral"}

BLOCKS: list[tuple[Any, Part]] = [
    ("bare", Text("bare")),
    ({"type": "text", "text": "a"}, Text("a")),
    ({"type": "text", "text": "a", "cache_control": CACHE}, Text("a", cache=CACHE)),
    ({"type": "input_text", "text": "a"}, Text("a")),
    ({"text": "a"}, Text("a")),
    ({"type": "text-plain", "text": "a", "mime_type": "text/plain"}, Text("a")),
    ({"type": "text-plain", "base64": "YQ==", "mime_type": "text/plain"}, Text("a")),
    # pictures: v1, v0, OpenAI of both endpoints, Anthropic
    ({"type": "image", "url": URL}, Image(url=URL)),
    ({"type": "image", "url": URL, "extras": {"detail": "low"}}, Image(url=URL, detail="low")),
    ({"type": "image", "base64": "AA", "mime_type": "image/png"}, Image(data="AA", mime="image/png")),
    ({"type": "image", "file_id": "f1"}, Image(file_id="f1")),
    ({"type": "image", "source_type": "url", "url": URL}, Image(url=URL)),
    (
        {"type": "image", "source_type": "base64", "data": "AA", "mime_type": "image/png"},
        Image(data="AA", mime="image/png"),
    ),
    ({"type": "image_url", "image_url": {"url": URL, "detail": "high"}}, Image(url=URL, detail="high")),
    ({"type": "image_url", "image_url": URL}, Image(url=URL)),
    ({"type": "input_image", "image_url": URL, "detail": "low"}, Image(url=URL, detail="low")),
    ({"type": "input_image", "file_id": "f1"}, Image(file_id="f1")),
    (
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AA"},
            "cache_control": CACHE,
        },
        Image(data="AA", mime="image/png", cache=CACHE),
    ),
    ({"type": "image", "source": {"type": "url", "url": URL}}, Image(url=URL)),
    # sound
    ({"type": "audio", "base64": "AA", "mime_type": "audio/wav"}, Audio(data="AA", format="wav")),
    ({"type": "audio", "url": URL}, Audio(url=URL)),
    ({"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}, Audio(data="AA", format="mp3")),
    # documents
    (
        {"type": "file", "base64": "AA", "mime_type": "application/pdf", "filename": "a.pdf"},
        File(data="AA", mime="application/pdf", filename="a.pdf"),
    ),
    (
        {"type": "file", "base64": "AA", "mime_type": "application/pdf", "extras": {"filename": "a.pdf"}},
        File(data="AA", mime="application/pdf", filename="a.pdf"),
    ),
    ({"type": "file", "url": URL}, File(url=URL)),
    ({"type": "file", "file_id": "f1"}, File(file_id="f1")),
    (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}},
        File(data="AA", mime="application/pdf", filename="a.pdf"),
    ),
    ({"type": "file", "file": {"file_id": "f1"}}, File(file_id="f1")),
    (
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"},
        File(data="AA", mime="application/pdf", filename="a.pdf"),
    ),
    ({"type": "input_file", "file_url": URL}, File(url=URL)),
    (
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}, "title": "A"},
        File(data="AA", mime="application/pdf", filename="A"),
    ),
    ({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}, Text("a")),
    # films
    ({"type": "video", "url": URL}, Video(url=URL)),
    ({"type": "video", "base64": "AA", "mime_type": "video/mp4"}, Video(data="AA", mime="video/mp4")),
    ({"type": "video_url", "video_url": {"url": URL}}, Video(url=URL)),
    # what is wrapped, and what belongs to hosted tools
    ({"type": "non_standard", "value": {"type": "text", "text": "a"}}, Text("a")),
    (
        {"type": "mcp_approval_response", "approve": True, "approval_request_id": "r1"},
        HostedItem({"type": "mcp_approval_response", "approve": True, "approval_request_id": "r1"}),
    ),
]


@pytest.mark.parametrize(("block", "part"), BLOCKS)
def test_block_of_a_user_message_becomes_parts(block: Any, part: Part):
    before = copy.deepcopy(block)
    assert encode_messages([HumanMessage([block])]) == (Message("user", (part,)),)
    assert block == before


@pytest.mark.parametrize(
    ("block", "name"),
    [
        ({"type": "hologram"}, "hologram"),
        ({"type": "non_standard", "value": {"type": "hologram"}}, "hologram"),
        ({"a": 1, "b": 2}, "type ''"),
        ({"type": "image"}, "image"),
        ({"type": "audio"}, "audio"),
        ({"type": "server_tool_call", "name": "bash", "id": "1", "args": {}}, "bash"),
    ],
)
def test_unsupported_block_is_named(block: Any, name: str):
    with pytest.raises(ValueError, match=name) as caught:
        encode_messages([HumanMessage([block])])
    assert isinstance(caught.value, UnsupportedContentError)


# --- messages ---------------------------------------------------------------------------------------------------------

MESSAGES: list[tuple[Any, Message]] = [
    (SystemMessage("Be brief."), Message("system", (Text("Be brief."),))),
    (SystemMessage("x", additional_kwargs={"__openai_role__": "developer"}), Message("developer", (Text("x"),))),
    (HumanMessage("Hi", name="ann"), Message("user", (Text("Hi"),), "ann")),
    (ChatMessage("Hi", role="developer"), Message("developer", (Text("Hi"),))),
    (ChatMessage("Hi", role="human"), Message("user", (Text("Hi"),))),
    (AIMessage("Hi", name="bot"), Message("assistant", (Text("Hi"),), "bot")),
    (AIMessage(""), Message("assistant", ())),
    (AIMessage([]), Message("assistant", ())),
    (ToolMessage("42", tool_call_id="c1", name="f"), Message("tool", (Text("42"),), "f", "c1")),
    (ToolMessage("no", tool_call_id="c1", status="error"), Message("tool", (Text("no"),), None, "c1", True)),
    (ToolMessage("42", tool_call_id="c1", artifact=object()), Message("tool", (Text("42"),), None, "c1")),
    (
        ToolMessage(["a", {"type": "text", "text": "b"}], tool_call_id="c1"),
        Message("tool", (Text("a"), Text("b")), None, "c1"),
    ),
    (ToolMessage([{"type": "image", "url": URL}], tool_call_id="c1"), Message("tool", (Image(url=URL),), None, "c1")),
]


@pytest.mark.parametrize(("message", "turn"), MESSAGES)
def test_message_of_each_class_is_encoded(message: Any, turn: Message):
    assert encode_messages([message]) == (turn,)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (FunctionMessage("x", name="f"), "FunctionMessage.*ToolMessage"),
        (RemoveMessage(id="1"), "RemoveMessage"),
        (ChatMessage("x", role="critic"), "critic"),
    ],
)
def test_unsupported_message_is_named(message: Any, name: str):
    with pytest.raises(UnsupportedContentError, match=name):
        encode_messages([message])


def test_anthropic_tool_results_become_messages():
    block = {"type": "tool_result", "tool_use_id": "c1", "content": "42", "is_error": True}
    assert encode_messages([HumanMessage([block, {"type": "text", "text": "Well?"}])]) == (
        Message("tool", (Text("42"),), None, "c1", True),
        Message("user", (Text("Well?"),)),
    )


# --- a model's turn, in every form that history has -------------------------------------------------------------------

CALLS = [{"id": "c1", "name": "f", "args": {"a": 1}, "type": "tool_call"}]
CALL = ToolCall("c1", "f", '{"a": 1}')
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
FLAT_SOURCE = {"type": "url_citation", "url": URL, "title": "T", "start_index": 0, "end_index": 1}

ANSWERS: list[tuple[AIMessage, tuple[Part, ...]]] = [
    (AIMessage("Hi", tool_calls=CALLS), (Text("Hi"), CALL)),
    (AIMessage("", tool_calls=CALLS), (CALL,)),
    (
        AIMessage(
            "", invalid_tool_calls=[{"id": "c1", "name": "f", "args": '{"a', "error": "", "type": "invalid_tool_call"}]
        ),
        (ToolCall("c1", "f", '{"a'),),
    ),
    (
        AIMessage(
            "", invalid_tool_calls=[{"id": "c1", "name": "f", "args": None, "error": "", "type": "invalid_tool_call"}]
        ),
        (ToolCall("c1", "f", ""),),
    ),
    (
        AIMessage(
            "",
            additional_kwargs={
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
            },
        ),
        (CALL,),
    ),
    # additional_kwargs, ours and other adapters'
    (AIMessage("Hi", additional_kwargs={"reasoning_content": "Hm"}), (Reasoning("Hm"), Text("Hi"))),
    (AIMessage("Hi", additional_kwargs={"reasoning": "Hm"}), (Reasoning("Hm"), Text("Hi"))),
    (
        AIMessage(
            "Hi", additional_kwargs={"reasoning_content": "Hm", "reasoning_details": [{"type": "reasoning.text"}]}
        ),
        (Reasoning("Hm", details=({"type": "reasoning.text"},)), Text("Hi")),
    ),
    (
        AIMessage(
            "Hi",
            additional_kwargs={
                "reasoning": {
                    "type": "reasoning",
                    "id": "rs_1",
                    "summary": [{"type": "summary_text", "text": "Hm"}],
                    "encrypted_content": "e",
                }
            },
        ),
        (Reasoning("Hm", "summary", "rs_1", encrypted="e"), Text("Hi")),
    ),
    (AIMessage("", additional_kwargs={"refusal": "No."}), (Refusal("No."),)),
    (AIMessage("Hi", additional_kwargs={"tool_outputs": [SEARCH]}), (HostedItem(SEARCH), Text("Hi"))),
    (AIMessage("", additional_kwargs={"audio": {"id": "a1", "data": "AA"}}), (Audio(data="AA", id="a1"),)),
    (
        AIMessage(
            "",
            tool_calls=CALLS,
            additional_kwargs={"tool_call_extras": {"c1": {"extra_content": {"g": 1}, "item_id": "fc_1"}}},
        ),
        (ToolCall("c1", "f", '{"a": 1}', item_id="fc_1", extra={"extra_content": {"g": 1}}),),
    ),
    # standard blocks (v1)
    (
        AIMessage([{"type": "reasoning", "reasoning": "Hm"}, {"type": "text", "text": "Hi"}]),
        (Reasoning("Hm"), Text("Hi")),
    ),
    (
        AIMessage([{"type": "reasoning", "reasoning": "Hm", "extras": {"signature": "s"}}]),
        (Reasoning("Hm", signature="s"),),
    ),
    (
        AIMessage([{"type": "text", "text": "Hi", "annotations": [{"type": "citation", "url": URL, "title": "T"}]}]),
        (Text("Hi", (Citation(URL, "T"),)),),
    ),
    (AIMessage(content_blocks=[{"type": "text", "text": "Hi"}, *CALLS]), (Text("Hi"), CALL)),  # type: ignore[list-item]
    (
        AIMessage([{"type": "text", "text": "Hi"}, {**CALLS[0], "extras": {"item_id": "fc_1"}}], tool_calls=CALLS),
        (Text("Hi"), ToolCall("c1", "f", '{"a": 1}', item_id="fc_1")),
    ),
    (
        AIMessage(
            [
                {
                    "type": "server_tool_call",
                    "id": "ws_1",
                    "name": "web_search",
                    "args": {"type": "search", "query": "q"},
                },
                {"type": "server_tool_result", "tool_call_id": "ws_1", "status": "success"},
            ]
        ),
        (HostedItem(SEARCH),),
    ),
    (AIMessage([{"type": "non_standard", "value": {"type": "refusal", "refusal": "No."}}]), (Refusal("No."),)),
    # ChatOpenAI's responses/v1
    (
        AIMessage(
            [
                {
                    "type": "reasoning",
                    "id": "rs_1",
                    "summary": [{"type": "summary_text", "text": "A"}, {"type": "summary_text", "text": "B"}],
                    "index": 0,
                },
                SEARCH,
                {"type": "text", "text": "Hi", "annotations": [FLAT_SOURCE], "id": "msg_1", "index": 1},
                {"type": "function_call", "name": "f", "arguments": '{"a": 1}', "call_id": "c1", "id": "fc_1"},
            ],
            tool_calls=CALLS,
        ),
        (
            Reasoning("A", "summary", "rs_1"),
            Reasoning("B", "summary", "rs_1"),
            HostedItem(SEARCH),
            Text("Hi", (Citation(URL, "T", 0, 1, raw=FLAT_SOURCE),), id="msg_1"),
            ToolCall("c1", "f", '{"a": 1}', item_id="fc_1"),
        ),
    ),
    (AIMessage([{"type": "reasoning", "id": "rs_1", "summary": []}]), (Reasoning("", "summary", "rs_1"),)),
    (AIMessage([{"type": "refusal", "refusal": "No."}]), (Refusal("No."),)),
    # Anthropic
    (
        AIMessage(
            [
                {"type": "thinking", "thinking": "Hm", "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
            ],
            tool_calls=CALLS,
        ),
        (Reasoning("Hm", signature="s"), CALL),
    ),
    (AIMessage([{"type": "redacted_thinking", "data": "e"}]), (Reasoning(encrypted="e"),)),
]


@pytest.mark.parametrize(("message", "expected"), ANSWERS)
def test_ai_message_in_each_form_is_encoded(message: AIMessage, expected: tuple[Part, ...]):
    [turn] = encode_messages([message])
    assert turn == Message("assistant", expected)


def test_edited_tool_calls_override_their_blocks():
    message = AIMessage([{"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}], tool_calls=CALLS)
    message.tool_calls[0]["args"] = {"a": 2}
    assert encode_messages([message])[0].tool_calls[0].arguments == '{"a": 2}'


def test_edited_text_overrides_the_layout():
    layout = [
        {"type": "text", "length": 1, "citations": 0},
        {"type": "tool_call"},
        {"type": "text", "length": 1, "citations": 0},
    ]
    message = AIMessage("ab", tool_calls=CALLS, additional_kwargs={"layout": layout})
    assert encode_messages([message])[0].parts == (Text("a"), CALL, Text("b"))
    message.content = "changed"
    assert encode_messages([message])[0].parts == (Text("changed"), CALL)


def test_unsupported_block_of_a_user_raises_from_invoke():
    gateway = Gateway(chat_body())
    with pytest.raises(ValueError, match="hologram"):
        gateway.model().invoke([HumanMessage([{"type": "hologram"}])])
    assert gateway.bodies == []
