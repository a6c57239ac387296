"""What each kind of message is on the wire, on either endpoint: nothing dropped, nothing that a gateway refuses."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    BaseContentBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from aimlapi_integrations.errors import UnsupportedContentError
from tests.li.gateway import Gateway, call, message_item, reply, response

MINI = "openai/gpt-5-mini-2025-08-07"
PICTURE = "data:image/png;base64,iVBORw0KGgpyZXN0"
PNG = b"\x89PNG\r\n\x1a\nrest"
PDF = {"filename": "Report.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjcgcmVzdA=="}
MESSAGES = {"role": "user", "content": "x"}
ARGUMENTS = '{"city": "Münster"}'


def user(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="user", blocks=list(blocks), additional_kwargs=kwargs)


def assistant(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)


def text(content: str) -> TextBlock:
    return TextBlock(text=content)


def tool(content: Any = "Sunny", role: str = "tool", **kwargs: Any) -> ChatMessage:
    return ChatMessage(role=role, content=content, additional_kwargs={"tool_call_id": "call_1", **kwargs})


CALL = ToolCallBlock(tool_call_id="call_1", tool_name="get_weather", tool_kwargs={"city": "Münster"})
CACHE = CachePoint(cache_control=CacheControl(type="ephemeral"))
THOUGHT = ThinkingBlock(
    content="Hm", additional_information={"id": "rs_1", "kind": "summary", "encrypted_content": "enc"}
)

# What they become as turns of chat completions, and as items of the Responses endpoint.
CHAT_CALL = {"role": "assistant", "content": "", "tool_calls": [call(arguments=ARGUMENTS)]}
CHAT_RESULT = {"role": "tool", "content": "Sunny", "tool_call_id": "call_1"}
CALL_ITEM = {"type": "function_call", "arguments": ARGUMENTS, "call_id": "call_1", "name": "get_weather"}
RESULT_ITEM = {"type": "function_call_output", "call_id": "call_1", "output": "Sunny"}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm"}],
    "encrypted_content": "enc",
}
FILES = "Files from the turns above:"


def of(part: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": [part]}


# Name, messages, their turns on chat completions, their items on the Responses endpoint.
CASES: list[tuple[str, list[ChatMessage], Any, Any]] = [
    ("one text", [user(text("x"))], [MESSAGES], "x"),
    (
        "a picture by URL",
        [user(ImageBlock(url="https://x.org/ü.png", detail="low"))],
        [of({"type": "image_url", "image_url": {"url": "https://x.org/%C3%BC.png", "detail": "low"}})],
        [of({"type": "input_image", "image_url": "https://x.org/%C3%BC.png", "detail": "low"})],
    ),
    (
        "a picture",
        [user(ImageBlock(image=PNG))],
        [of({"type": "image_url", "image_url": {"url": PICTURE}})],
        [of({"type": "input_image", "image_url": PICTURE})],
    ),
    (
        "a picture of no known type",
        [user(ImageBlock(image=b"\x00\xff"))],
        [of({"type": "image_url", "image_url": {"url": "data:application/octet-stream;base64,AP8="}})],
        [of({"type": "input_image", "image_url": "data:application/octet-stream;base64,AP8="})],
    ),
    (
        "a document",
        [user(DocumentBlock(data=b"%PDF-1.7 rest", title="Report"))],
        [of({"type": "file", "file": PDF})],
        [of({"type": "input_file", **PDF})],
    ),
    (
        "a document of text",
        [user(DocumentBlock(data=b"Porto", title="notes.txt"))],
        [{"role": "user", "content": "notes.txt\n\nPorto"}],
        "notes.txt\n\nPorto",
    ),
    ("a cache point where none are listed", [user(text("x"), CACHE)], [MESSAGES], "x"),
    (
        "what can be cited",
        [user(CitableBlock(title="T", source="S", content=[text("Body")]))],
        [{"role": "user", "content": "T (S):\nBody"}],
        "T (S):\nBody",
    ),
    (
        "system and developer",
        [ChatMessage("s", role="system"), ChatMessage("d", role="developer"), user(text("x"))],
        [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, MESSAGES],
        [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, MESSAGES],
    ),
    (
        "a system message at the end, as agents put it",
        [user(text("x")), ChatMessage("Answer now.", role="system")],
        [MESSAGES, {"role": "system", "content": "Answer now."}],
        [MESSAGES, {"role": "system", "content": "Answer now."}],
    ),
    ("a name", [user(text("x"), name="ann")], [{**MESSAGES, "name": "ann"}], "x"),
    (
        "roles of other vendors",
        [user(text("x")), ChatMessage("a", role="model"), ChatMessage("b", role="chatbot"), user(text("x"))],
        [MESSAGES, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, MESSAGES],
        [MESSAGES, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}, MESSAGES],
    ),
    (
        "an empty answer",
        [user(text("x")), assistant(), user(text("x"))],
        [MESSAGES, {"role": "assistant", "content": ""}, MESSAGES],
        [MESSAGES, {"role": "assistant", "content": ""}, MESSAGES],
    ),
    (
        "a picture of the model's own",
        [user(text("x")), assistant(text("See"), ImageBlock(image=PNG)), user(text("x"))],
        [
            MESSAGES,
            {"role": "assistant", "content": "See"},
            {
                "role": "user",
                "content": [{"type": "text", "text": FILES}, {"type": "image_url", "image_url": {"url": PICTURE}}],
            },
            MESSAGES,
        ],
        [
            MESSAGES,
            {"role": "assistant", "content": "See"},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": FILES}, {"type": "input_image", "image_url": PICTURE}],
            },
            MESSAGES,
        ],
    ),
    (
        "a loop of tools, with what was thought",
        [user(text("x")), assistant(THOUGHT, text(""), CALL), tool()],
        [MESSAGES, CHAT_CALL, CHAT_RESULT],
        [MESSAGES, REASONING, CALL_ITEM, RESULT_ITEM],
    ),
    (
        "calls of older code, and nothing else of what it kept",
        [user(text("x")), assistant(tool_calls=[call(arguments=ARGUMENTS)], leak="secret"), tool()],
        [MESSAGES, CHAT_CALL, CHAT_RESULT],
        [MESSAGES, CALL_ITEM, RESULT_ITEM],
    ),
    (
        "a function's result in the old role",
        [
            user(text("x")),
            assistant(CALL),
            ChatMessage("Sunny", role="function", additional_kwargs={"name": "get_weather"}),
        ],
        [MESSAGES, CHAT_CALL, {**CHAT_RESULT, "name": "get_weather"}],
        [MESSAGES, CALL_ITEM, RESULT_ITEM],
    ),
    (
        "an empty result",
        [user(text("x")), assistant(CALL), tool("")],
        [MESSAGES, CHAT_CALL, {**CHAT_RESULT, "content": ""}],
        [MESSAGES, CALL_ITEM, {**RESULT_ITEM, "output": ""}],
    ),
    ("nothing but a result", [tool()], [CHAT_RESULT], [RESULT_ITEM]),
    ("nothing but a call", [assistant(CALL)], [CHAT_CALL], [CALL_ITEM]),
    (
        "a result that ends the turn",
        [user(text("x")), assistant(text("Sunny"), tool_call_id="call_1"), user(text("x"))],
        [MESSAGES, {"role": "assistant", "content": "Sunny"}, MESSAGES],
        [MESSAGES, {"role": "assistant", "content": "Sunny"}, MESSAGES],
    ),
]


@pytest.mark.parametrize(("messages", "expected"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_messages_on_chat_completions_are_encoded(messages: list[ChatMessage], expected: Any) -> None:
    gateway = Gateway(reply())
    gateway.llm().chat(messages)
    assert gateway.turns == expected


@pytest.mark.parametrize(("messages", "expected"), [case[1::2] for case in CASES], ids=[case[0] for case in CASES])
def test_messages_on_responses_are_encoded(messages: list[ChatMessage], expected: Any) -> None:
    gateway = Gateway(response(message_item("Hi")))
    gateway.llm(model=MINI, use_responses_api=True).chat(messages)
    assert gateway.turns == expected


class Smell(BaseContentBlock):
    """A block that nobody knows."""

    block_type: str = "smell"


def unknown() -> ChatMessage:
    message = user(text("x"))
    message.blocks.append(Smell())
    return message


@pytest.mark.parametrize("responses", [False, True])
@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (user(AudioBlock(audio=b"ID3 sound")), "Audio"),
        (user(VideoBlock(url="https://x.org/a.mp4")), "Video"),
        (unknown(), "Smell"),
        (ChatMessage("Sunny", role="tool"), "tool_call_id"),
    ],
)
def test_content_without_a_wire_form_raises_with_its_name(messages: ChatMessage, text: str, responses: bool) -> None:
    gateway = Gateway()
    with pytest.raises(UnsupportedContentError, match=text):
        gateway.llm(use_responses_api=responses).chat([messages])
    assert gateway.bodies == []


def test_cache_point_is_sent_where_the_model_supports_it() -> None:
    gateway = Gateway()
    gateway.llm(model="mistralai/mistral-large-2512").chat([user(text("Long"), CACHE, text("Short"))])
    marked, plain = gateway.turns[0]["content"]
    assert marked["cache_control"]["type"] == "ephemeral"
    assert "cache_control" not in plain
