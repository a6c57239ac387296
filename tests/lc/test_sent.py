"""Requests for each kind of message, on both endpoints: cases that other adapters drop or garble."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    filter_messages,
    trim_messages,
)

from aimlapi_integrations import ContentWarning
from aimlapi_integrations.errors import UnsupportedContentError
from tests.lc.gateway import Gateway, chat_body
from tests.lc.odd_replies import Json

URL, PDF = "https://x.example/a.png", "https://x.example/a.pdf"
PNG = "data:image/png;base64,AAAA"
BYTES: Json = {"base64": "AAAA", "mime_type": "image/png"}
ASKED = HumanMessage("Well?")
CALLS: Any = [{"id": "c1", "name": "f", "args": {"city": "東京"}, "type": "tool_call"}]
WRITTEN = '{"city": "東京"}'
BROKEN: Any = [{"id": "c1", "name": "f", "args": '{"ci', "error": "", "type": "invalid_tool_call"}]


def sent(messages: list[AnyMessage], **arguments: Any) -> Any:
    """The messages or the input of the request; the caller's own are left as they are."""
    before = copy.deepcopy(messages)
    gateway = Gateway({**chat_body(), "output": []})  # a reply of either endpoint
    gateway.model(**arguments).invoke(messages)
    assert messages == before
    [body] = gateway.bodies
    return body.get("messages") or body["input"]


# --- a user's blocks --------------------------------------------------------------------------------------------------


def picture(url: str, **further: Any) -> Json:
    return {"type": "image_url", "image_url": {"url": url, **further}}


def observed(url: str, **further: Any) -> Json:
    return {"type": "input_image", "image_url": url, **further}


USER: dict[str, tuple[list[Any], list[Json], list[Json]]] = {
    "strings": (
        ["a", "b"],
        [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
    ),
    "picture by URL": ([{"type": "image", "url": URL}], [picture(URL)], [observed(URL)]),
    "its detail": (
        [{"type": "image", "url": URL, "extras": {"detail": "low"}}],
        [picture(URL, detail="low")],
        [observed(URL, detail="low")],
    ),
    "picture of bytes": ([{"type": "image", **BYTES}], [picture(PNG)], [observed(PNG)]),
    "OpenAI's plain string": ([{"type": "image_url", "image_url": URL}], [picture(URL)], [observed(URL)]),
    "Anthropic's source": (
        [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}],
        [picture(PNG)],
        [observed(PNG)],
    ),
    "document without a name": (
        [{"type": "file", "base64": "AAAA", "mime_type": "application/pdf"}],
        [
            {
                "type": "file",
                "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"},
            }
        ],
        [{"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"}],
    ),
    "document by URL": (
        [{"type": "file", "url": PDF}],
        [{"type": "file", "file": {"filename": "document.pdf", "file_data": PDF}}],
        [{"type": "input_file", "file_url": PDF}],
    ),
}


@pytest.mark.parametrize("name", USER)
def test_blocks_of_a_user_message_are_sent(name: str):
    blocks, chat, responses = USER[name]
    assert sent([HumanMessage(blocks)], endpoint="chat_completions") == [{"role": "user", "content": chat}]
    assert sent([HumanMessage(blocks)], endpoint="responses") == [{"role": "user", "content": responses}]


@pytest.mark.parametrize(
    ("mime", "written"), [("audio/wav", "wav"), ("audio/x-wav", "wav"), ("audio/mpeg", "mp3"), ("audio/mp3", "mp3")]
)
def test_audio_format_has_the_endpoints_name(mime: str, written: str):
    block = {"type": "audio", "base64": "AAAA", "mime_type": mime}
    [turn] = sent([HumanMessage([block])], model="gpt-audio")
    assert turn["content"] == [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": written}}]


@pytest.mark.parametrize(
    ("block", "arguments", "reported"),
    [
        ({"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}, {"endpoint": "responses"}, "Audio.*responses"),
        ({"type": "audio", "url": URL}, {"model": "gpt-audio"}, "Audio by URL"),
        ({"type": "video", "url": URL}, {"endpoint": "responses"}, "Video.*responses"),
        ({"type": "image", "file_id": "file_1"}, {"endpoint": "chat_completions"}, "image by file id"),
        ({"type": "hologram"}, {}, "hologram"),
    ],
)
def test_unsupported_content_is_named_and_nothing_is_sent(block: Json, arguments: Json, reported: str):
    gateway = Gateway()
    with pytest.raises(UnsupportedContentError, match=reported):
        gateway.model(**arguments).invoke([HumanMessage([{"type": "text", "text": "Hi"}, block])])
    assert gateway.bodies == []


# --- the other turns --------------------------------------------------------------------------------------------------

MADE = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": WRITTEN}
ITEM = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": WRITTEN}}
CALLED = {"role": "assistant", "content": "", "tool_calls": [ITEM]}
WELL = {"role": "user", "content": "Well?"}
FILES = "Files from the turns above:"


def answered(content: Any, **further: Any) -> list[AnyMessage]:
    return [ASKED, AIMessage("", tool_calls=CALLS), ToolMessage(content, tool_call_id="c1", **further)]


def results(chat: str, responses: str, picture_url: str | None = None) -> tuple[list[Json], list[Json]]:
    reported = [WELL, CALLED, {"role": "tool", "content": chat, "tool_call_id": "c1"}]
    items = [WELL, MADE, {"type": "function_call_output", "call_id": "c1", "output": responses}]
    if picture_url:
        reported.append({"role": "user", "content": [{"type": "text", "text": FILES}, picture(picture_url)]})
        items.append({"role": "user", "content": [{"type": "input_text", "text": FILES}, observed(picture_url)]})
    return reported, items


def same(*turns: Json) -> tuple[list[Json], list[Json]]:
    return list(turns), list(turns)


TURNS: dict[str, tuple[list[AnyMessage], tuple[list[Json], list[Json]]]] = {
    "arguments keep their letters": (answered("42"), results("42", "42")),
    "a result of blocks loses LangChain's ids": (
        answered([{"type": "text", "text": "a", "id": "lc_1", "index": 0}]),
        results("a", "a"),
    ),
    "a result of strings": (answered(["a", "b"]), results("a\nb", "a\nb")),
    "a result with a picture": (
        answered([{"type": "text", "text": "a"}, {"type": "image", "url": URL}]),
        results("a", "a", URL),
    ),
    "a result that is a picture": (answered([{"type": "image", **BYTES}]), results("", "", PNG)),
    "an artifact stays here": (answered("42", artifact={"private": 1}), results("42", "42")),
    "an invalid call is sent back with its result": (
        [ASKED, AIMessage("", invalid_tool_calls=BROKEN), ToolMessage("no", tool_call_id="c1", status="error")],
        (
            [
                WELL,
                {**CALLED, "tool_calls": [{**ITEM, "function": {"name": "f", "arguments": '{"ci'}}]},
                {"role": "tool", "content": "no", "tool_call_id": "c1"},
            ],
            [
                WELL,
                {**MADE, "arguments": '{"ci'},
                {"type": "function_call_output", "call_id": "c1", "output": "no"},
            ],
        ),
    ),
    "an empty answer": ([ASKED, AIMessage([]), ASKED], same(WELL, {"role": "assistant", "content": ""}, WELL)),
    "a run's id is not the gateway's": (
        [ASKED, AIMessage("a", id="lc_run--1"), ASKED],
        same(WELL, {"role": "assistant", "content": "a"}, WELL),
    ),
    "a merged stream in the history": (
        [ASKED, AIMessageChunk("a", chunk_position="last"), ASKED],
        same(WELL, {"role": "assistant", "content": "a"}, WELL),
    ),
    "a developer's turn": (
        [SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"}), ASKED],
        same({"role": "developer", "content": "Be brief."}, WELL),
    ),
}


@pytest.mark.parametrize("name", TURNS)
def test_messages_of_each_class_are_sent(name: str):
    messages, (chat, responses) = TURNS[name]
    assert sent(messages, endpoint="chat_completions") == chat
    assert sent(messages, endpoint="responses") == responses


def test_hosted_search_is_sent_back_on_responses():
    blocks: list[Any] = [
        {"type": "server_tool_call", "id": "ws_1", "name": "web_search", "args": {"type": "search", "query": "q"}},
        {"type": "server_tool_result", "tool_call_id": "ws_1", "status": "success"},
        {"type": "text", "text": "Found."},
    ]
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    history = [ASKED, AIMessage(blocks), ASKED]
    assert sent(history, endpoint="responses") == [WELL, search, {"role": "assistant", "content": "Found."}, WELL]
    with pytest.warns(ContentWarning, match="web_search_call"):
        assert sent(history, endpoint="chat_completions")[1] == {"role": "assistant", "content": "Found."}


def test_legacy_function_call_with_result_is_sent_as_tool_call():
    old = AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": '{"a": 1}'}})
    _, called, result = sent([ASKED, old, FunctionMessage("42", name="f")])
    assert called["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}
    assert (result["content"], result["tool_call_id"]) == ("42", called["tool_calls"][0]["id"])


def test_legacy_function_call_without_result_is_not_sent():
    old = AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}})
    assert "tool_calls" not in sent([ASKED, old, ASKED])[1]
    both = AIMessage("", tool_calls=CALLS, additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}})
    assert sent([ASKED, both, ToolMessage("42", tool_call_id="c1")]) == results("42", "42")[0]


def test_trimmed_and_filtered_histories_are_sent():
    history = [SystemMessage("Be brief."), *(turn for _ in range(20) for turn in (ASKED, AIMessage("a " * 50)))]
    model = Gateway().model()
    restored = trim_messages(history, max_tokens=200, token_counter=model, include_system=True, start_on="human")
    assert restored[0] == history[0]
    assert restored[1] == ASKED
    assert len(restored) < len(history)
    assert model.get_num_tokens_from_messages(restored) <= 200
    assert [turn["role"] for turn in sent(filter_messages(restored, include_types=["human"]))] == ["user"] * (
        len(restored) // 2
    )
