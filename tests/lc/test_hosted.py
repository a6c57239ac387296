"""Items of hosted tools, shown as standard blocks and handed back as they were."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from aimlapi_integrations.langchain.messages.decode import MessageFormat, chat_result
from aimlapi_integrations.langchain.messages.encode import encode_messages
from aimlapi_integrations.langchain.messages.stream import ChunkBuilder
from aimlapi_integrations.types import (
    Choice,
    Citation,
    Delta,
    Fragment,
    HostedItem,
    Message,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Text,
    ToolCall,
)

SOURCES = [{"type": "url", "url": "https://a.example"}]
ITEMS = {
    "web_search": {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q", "sources": SOURCES},
    },
    "file_search": {
        "type": "file_search_call",
        "id": "fs_1",
        "status": "completed",
        "queries": ["q"],
        "results": [{"a": 1}],
    },
    "code_interpreter": {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "status": "completed",
        "code": "1+1",
        "outputs": [{"type": "logs", "logs": "2"}],
    },
    "remote_mcp": {
        "type": "mcp_call",
        "id": "mcp_1",
        "name": "roll",
        "server_label": "dice",
        "arguments": '{"n": 1}',
        "output": "6",
    },
    "mcp_list_tools": {"type": "mcp_list_tools", "id": "ml_1", "server_label": "dice", "tools": [{"name": "roll"}]},
}
OTHERS = [
    {"type": "mcp_approval_request", "id": "ar_1", "name": "roll", "arguments": "{}", "server_label": "dice"},
    {"type": "computer_call", "id": "cc_1", "action": {"type": "click"}},
]
IMAGE = {
    "type": "image_generation_call",
    "id": "ig_1",
    "status": "completed",
    "result": "AAAA",
    "output_format": "webp",
}


def answer(*parts: Part, **fields: Any) -> Reply:
    choice = Choice(Message("assistant", parts), "stop", "stop")
    return Reply("m", (choice,), id="resp_1", raw={"object": "response", **fields})


def messages(reply: Reply) -> list[AIMessage]:
    """The reply as a message: plain and streamed, in both forms."""
    parts = reply.message.parts
    deltas = [Delta(id=reply.id)] + [Delta((Fragment(i, part),)) for i, part in enumerate(parts)] + [Delta(reply=reply)]
    actual: list[AIMessage] = []
    for form in (MessageFormat(), MessageFormat(v1=True)):
        actual.append(chat_result(reply, form).generations[0].message)
        chunks = ChunkBuilder(form)
        total, *others = [chunks.chunk(delta).message for delta in deltas]
        for chunk in others:
            total = total + chunk
        actual.append(total)
    return actual


@pytest.mark.parametrize("name", ITEMS)
def test_hosted_item_becomes_call_and_result_and_is_sent_back_unchanged(name: str):
    item = ITEMS[name]
    for message in messages(answer(HostedItem(item), Text("Found."))):
        call, result, text = message.content_blocks
        assert (call["type"], call["name"], call["id"]) == ("server_tool_call", name, item["id"])
        assert (result["type"], result["tool_call_id"], result["status"]) == (
            "server_tool_result",
            item["id"],
            "success",
        )
        assert text["text"] == "Found."
        assert encode_messages([message])[0].parts == (HostedItem(item), Text("Found."))


@pytest.mark.parametrize("item", OTHERS, ids=lambda item: item["type"])
def test_unknown_items_become_non_standard_blocks(item: dict[str, Any]):
    for message in messages(answer(HostedItem(item))):
        [block] = message.content_blocks
        assert (block["type"], block["value"]) == ("non_standard", item)
        assert encode_messages([message])[0].parts == (HostedItem(item),)


def test_generated_image_becomes_an_image_block():
    for message in messages(answer(HostedItem(IMAGE))):
        [block] = message.content_blocks
        assert (block["type"], block["base64"], block["mime_type"]) == ("image", "AAAA", "image/webp")
        assert encode_messages([message])[0].parts == (HostedItem(IMAGE),)


@pytest.mark.parametrize("name", ITEMS)
def test_blocks_of_another_integration_are_rebuilt(name: str):
    item = ITEMS[name]
    blocks = messages(answer(HostedItem(item)))[0].content_blocks
    extras = {"tool_name": "roll", "server_label": "dice"} if "mcp" in name else {}
    blocks[0]["extras"] = (
        {"tool_name": "roll", "server_label": "dice"}
        if name == "remote_mcp"
        else {k: v for k, v in extras.items() if k == "server_label"}
    )
    [part] = encode_messages([AIMessage(blocks)])[0].parts
    assert isinstance(part, HostedItem)
    assert {**part.item, "status": "completed"} == {**item, "status": "completed"}


PARTS: tuple[Part, ...] = (
    Reasoning("A", "summary", "rs_1", encrypted="e"),
    Reasoning("B", "summary", "rs_1"),
    HostedItem(ITEMS["web_search"]),
    Text("One.", (Citation("https://a.example", "A", 0, 3),), id="msg_1"),
    Reasoning("", "summary", "rs_2"),
    ToolCall("c1", "f", '{"a": 1}', item_id="fc_1"),
    Text("Two.", (Citation("https://b.example", "B", 0, 3),), id="msg_2"),
    ToolCall("c2", "g", "{}", item_id="fc_2"),
)


def test_hosted_items_are_sent_back_in_order():
    for message in messages(answer(*PARTS)):
        assert message.id == "resp_1"
        assert message.response_metadata["endpoint"] == "responses"
        assert shorn(encode_messages([message])[0].parts) == shorn(PARTS)


def shorn(parts: tuple[Part, ...]) -> list[Part]:
    """Without the raw form of citations, which depends on the endpoint they came from."""
    return [
        Text(p.text, tuple(Citation(c.url, c.title, c.start, c.end) for c in p.citations), p.id)
        if isinstance(p, Text)
        else p
        for p in parts
    ]


def test_several_texts_in_the_default_format_keep_their_order():
    message = messages(answer(*PARTS))[0]
    assert message.content == "One.Two."
    assert message.additional_kwargs["reasoning_content"] == "A\n\nB"
    places = [
        (a["url_citation"]["start_index"], a["url_citation"]["end_index"])
        for a in message.additional_kwargs["annotations"]
    ]
    assert places == [(0, 3), (4, 7)]


def test_refusal_is_a_block_and_in_additional_kwargs():
    for message in messages(answer(Refusal("No."))):
        assert message.additional_kwargs["refusal"] == "No."
        [block] = message.content_blocks
        assert {key: block[key] for key in block if key != "index"} == {"type": "refusal", "refusal": "No."}
        assert encode_messages([message])[0].parts == (Refusal("No."),)


def test_custom_tool_call_is_sent_back_unchanged():
    call = ToolCall("c1", "shell", "ls -l", kind="custom", item_id="ctc_1")
    for message in messages(answer(call)):
        assert message.tool_calls == [{"id": "c1", "name": "shell", "args": {"__arg1": "ls -l"}, "type": "tool_call"}]
        assert encode_messages([message])[0].parts == (call,)
