"""What LlamaIndex messages become on the wire."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    BaseContentBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from aimlapi_integrations.endpoints.shared.sources import detect_mime_type
from aimlapi_integrations.errors import UnsupportedContentError
from aimlapi_integrations.llama_index.messages.decode import chat_message
from aimlapi_integrations.llama_index.messages.encode import encode_messages
from aimlapi_integrations.types import HostedItem, Message, Reasoning, Text, ToolCall, Video
from tests.li.gateway import Gateway, call

PNG = b"\x89PNG\r\n\x1a\nrest"
PDF = b"%PDF-1.7 rest"
ENCODED = base64.b64encode(PNG).decode()


def sent(*messages: ChatMessage, **settings: Any) -> list[dict[str, Any]]:
    """The messages on the wire."""
    gateway = Gateway()
    gateway.llm(**settings).chat(list(messages))
    return list(gateway.bodies[0]["messages"])


def user(*blocks: Any) -> ChatMessage:
    return ChatMessage(role="user", blocks=list(blocks))


def assistant(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)


def tool(content: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="tool", content=content, additional_kwargs=kwargs)


CALL = ToolCallBlock(tool_call_id="call_1", tool_name="get_weather", tool_kwargs={"city": "Münster"})


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("system", "system"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("chatbot", "assistant"),
        ("model", "assistant"),
    ],
)
def test_roles_of_messages_are_mapped(role: str, expected: str) -> None:
    assert sent(ChatMessage("Hello", role=role), ChatMessage("x"))[0] == {"role": expected, "content": "Hello"}


def test_image_by_url_bytes_path_and_data_url_is_sent(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(PNG)
    [turn] = sent(
        user(
            TextBlock(text="Look"),
            ImageBlock(url="https://x.org/a.png", detail="low"),
            ImageBlock(image=PNG),
            ImageBlock(path=tmp_path / "picture.png"),
            ImageBlock(url=f"data:image/png;base64,{ENCODED}"),
            ImageBlock(image=io.BytesIO(PNG)),
        )
    )
    data = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{ENCODED}"}}
    linked = {"type": "image_url", "image_url": {"url": "https://x.org/a.png", "detail": "low"}}
    assert turn["content"] == [{"type": "text", "text": "Look"}, linked, data, data, data, data]


def test_document_and_audio_blocks_are_sent(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(PDF)
    turns = encode_messages(
        [
            user(
                DocumentBlock(path=tmp_path / "report.pdf"),
                DocumentBlock(data=PDF, title="Report"),
                AudioBlock(audio=b"ID3 s"),
            )
        ]
    )
    by_path, titled, sound = turns[0].parts
    assert (by_path.filename, by_path.mime, by_path.data) == (
        "report.pdf",
        "application/pdf",
        base64.b64encode(PDF).decode(),
    )
    assert titled.filename == "Report.pdf"
    assert (sound.data, sound.format) == (base64.b64encode(b"ID3 s").decode(), "mp3")
    [linked] = encode_messages([user(DocumentBlock(url="https://x.org/a.pdf"))])[0].parts
    assert (linked.url, linked.filename) == ("https://x.org/a.pdf", "a.pdf")


def test_text_document_is_sent_as_text(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Porto\nDouro")
    [turn] = sent(user(DocumentBlock(path=tmp_path / "notes.txt"), TextBlock(text="Which river?")))
    assert "notes.txt\n\nPorto\nDouro" in str([part["text"] for part in turn["content"]]).replace("\\n", "\n")


@pytest.mark.parametrize(
    ("mime", "data"),
    [
        ("text/plain", "café".encode()),
        ("TEXT/Plain; Charset=ISO-8859-1", b"caf\xe9"),
        ('text/csv; header=present; charset="latin-1"', b"caf\xe9"),
        ("Application/JSON", "café".encode()),
        ("application/ld+json; profile=x", "café".encode()),
        ("text/plain; charset=nonsense", "café".encode()),
    ],
)
def test_text_document_with_any_spelling_of_its_type_is_sent_as_text(mime: str, data: bytes) -> None:
    [turn] = sent(user(DocumentBlock(data=data, title="menu", document_mimetype=mime)))
    assert turn["content"] == "menu\n\ncafé"


def test_video_block_is_sent_or_raises() -> None:
    [turn] = encode_messages([user(VideoBlock(url="https://x.org/a.mp4"), VideoBlock(video=b"\0\0\0\x18ftypmp42rest"))])
    assert turn.parts[0] == Video(url="https://x.org/a.mp4")
    assert turn.parts[1].mime == "video/mp4"


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (PNG, None, "image/png"),
        (PDF, "x.bin", "application/pdf"),
        (b"RIFF0000WAVEfmt ", None, "audio/wav"),
        (b"RIFF0000WEBPVP8 ", None, "image/webp"),
        (b"a,b", "table.csv", "text/csv"),
        (b"Hello", None, "text/plain"),
        (b"\x00\xff\xfe", None, "application/octet-stream"),
        (b"nul \x00", None, "application/octet-stream"),
    ],
)
def test_mime_type_of_bytes_is_detected(data: bytes, name: str | None, expected: str) -> None:
    assert detect_mime_type(data, name) == expected


def test_cache_point_marks_the_part_before_it() -> None:
    point = CachePoint(cache_control=CacheControl(type="ephemeral"))
    [turn] = encode_messages(
        [user(point, TextBlock(text="Long"), point, TextBlock(text="Short"), AudioBlock(audio=b"ID3"), point)]
    )
    assert turn.parts[:2] == (Text("Long", cache={"type": "ephemeral", "ttl": "5m"}), Text("Short"))


def test_citable_block_is_sent_as_text() -> None:
    citable = CitableBlock(
        title="T", source="S", content=[TextBlock(text="Body"), ImageBlock(url="https://x.org/a.png")]
    )
    cited = CitationBlock(cited_content=TextBlock(text="Quote"), source="S", title="T", additional_location_info={})
    [question, answered] = encode_messages([user(citable, cited), assistant(TextBlock(text="Said"), cited)])
    assert [part.text for part in question.parts if isinstance(part, Text)] == ["T (S):", "Body", "Quote"]
    assert answered.parts == (Text("Said"),)
    assert encode_messages([assistant(cited)])[0].parts == (Text("Quote"),)


def test_user_message_with_unknown_block_raises() -> None:
    class Smell(BaseContentBlock):
        block_type: str = "smell"

    message = user(TextBlock(text="x"))
    message.blocks.append(Smell())
    with pytest.raises(UnsupportedContentError, match="Smell"):
        sent(message)


def test_conversation_with_tool_calls_ends_with_an_answer() -> None:
    history = [ChatMessage("Weather?"), assistant(TextBlock(text=""), CALL), tool("Sunny", tool_call_id="call_1")]
    turns = sent(*history)
    expected = call(arguments='{"city": "Münster"}')
    assert turns[1] == {"role": "assistant", "content": "", "tool_calls": [expected]}
    assert turns[2] == {"role": "tool", "content": "Sunny", "tool_call_id": "call_1"}


def test_call_arguments_that_nobody_edited_are_sent_back_exactly() -> None:
    entry = call(arguments='{ "city":"Münster" }', extra_content={"google": {"thought_signature": "sig"}})
    [part] = encode_messages([assistant(CALL, tool_calls=[entry])])[0].parts
    assert part.arguments == '{ "city":"Münster" }'
    assert part.extra == {"extra_content": {"google": {"thought_signature": "sig"}}}
    edited = CALL.model_copy(update={"tool_kwargs": {"city": "Porto"}})
    assert encode_messages([assistant(edited, tool_calls=[entry])])[0].parts[0].arguments == '{"city": "Porto"}'


def test_calls_in_additional_kwargs_are_sent_unless_there_are_blocks() -> None:
    [turn] = encode_messages([assistant(tool_calls=[call()])])
    assert turn.parts == (ToolCall("call_1", "get_weather", '{"city": "Paris"}'),)
    [turn] = encode_messages([assistant(CALL, tool_calls=[call(call_id="other")])])
    assert [part.id for part in turn.parts] == ["call_1"]
    legacy = [
        assistant(function_call={"name": "f", "arguments": "{}"}),
        ChatMessage("done", role=MessageRole.FUNCTION, additional_kwargs={"name": "f"}),
    ]
    called, answered = sent(*legacy)
    assert answered["tool_call_id"] == called["tool_calls"][0]["id"]


def test_tool_message_without_an_id_answers_the_open_call() -> None:
    assert sent(assistant(CALL), tool("Sunny"))[1]["tool_call_id"] == "call_1"
    assert sent(assistant(CALL), tool("Sunny", call_id="call_1"))[1]["tool_call_id"] == "call_1"
    with pytest.raises(UnsupportedContentError, match="tool_call_id"):
        sent(tool("Sunny"))


def test_assistant_message_with_tool_call_id_is_sent_without_it() -> None:
    assert "tool_call_id" not in sent(assistant(TextBlock(text="Sunny"), tool_call_id="call_1"), ChatMessage("x"))[0]


def test_image_in_tool_result_is_sent_in_a_user_message() -> None:
    turns = sent(assistant(CALL), tool([TextBlock(text="A map"), ImageBlock(image=PNG)], tool_call_id="call_1"))
    assert turns[1]["content"] == "A map"
    assert turns[2]["role"] == "user"
    assert turns[2]["content"][-1]["image_url"]["url"] == f"data:image/png;base64,{ENCODED}"


def test_response_sent_back_is_unchanged() -> None:
    """Through JSON, as a workflow's context keeps it."""
    parts = (
        Reasoning("One", "summary", id="rs_1", encrypted="enc"),
        Reasoning("Two", "summary", id="rs_1"),
        HostedItem({"type": "web_search_call", "id": "ws_1"}),
        Reasoning("", "text", id="rs_2", signature="sig", details=({"type": "reasoning.text"},)),
        ToolCall("call_1", "f", '{"x": 1}', item_id="fc_1", extra={"extra_content": {"google": {}}}),
        Text("Said"),
        ToolCall("call_2", "g", "print(1)", kind="custom"),
    )
    message = chat_message(Message("assistant", parts), final=True)
    again = ChatMessage.model_validate_json(message.model_dump_json())
    assert encode_messages([again])[0].parts == parts


def test_audio_of_a_response_is_sent_back_by_its_id() -> None:
    spoken = assistant(AudioBlock(audio=b"ID3 s"), reference_audio_id="audio_1")
    [part] = encode_messages([spoken])[0].parts
    assert (part.id, part.data) == ("audio_1", None)


def test_arguments_of_the_caller_are_not_changed() -> None:
    history = [ChatMessage("Weather?"), assistant(CALL, tool_calls=[call()]), tool("Sunny", tool_call_id="call_1")]
    before = [message.model_dump_json() for message in history]
    kwargs = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "tool_choice": "f"}
    Gateway().llm(additional_kwargs={"seed": 1}).chat(history, **kwargs)
    assert [message.model_dump_json() for message in history] == before
    assert set(kwargs) == {"tools", "tool_choice"}


def test_reasoning_is_not_part_of_the_text() -> None:
    [turn, _] = sent(assistant(ThinkingBlock(content="Hm"), TextBlock(text="Said")), ChatMessage("x"))
    assert turn["content"] == "Said"


def test_track_previous_responses_sends_only_new_messages(make: Any, emulator: Any) -> None:
    llm = make(model="openai/gpt-5-mini-2025-08-07", track_previous_responses=True)
    one, other = [ChatMessage("One")], [ChatMessage("Other")]
    one.append(llm.chat(one).message)
    other.append(list(llm.stream_chat(other))[-1].message)
    llm.chat([*one, ChatMessage("And?")])
    llm.chat([*other, ChatMessage("And?")])
    first, second, third, fourth = [record.json for record in emulator.requests]
    assert first["store"] is True
    assert "previous_response_id" not in second
    assert third["previous_response_id"] == one[1].additional_kwargs["response_id"]
    assert fourth["previous_response_id"] == other[1].additional_kwargs["response_id"]
    assert "One" not in str(third["input"])
    assert "Other" not in str(fourth["input"])
