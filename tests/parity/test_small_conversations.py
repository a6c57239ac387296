"""What is in a conversation that endpoints read differently: blank texts, system texts, MIME types, nothing at all."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)

from aimlapi_integrations import UnsupportedContentError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.types import File, Image, Message, Text, ToolCall
from tests.parity.sending import ENDPOINTS, every_call, every_client, every_endpoint, mode_of, send

PNG = "iVBORw0KGgo="
PDF = base64.b64encode(b"%PDF-1.7 rest").decode()
LATIN = base64.b64encode("Grüße".encode("latin-1")).decode()

Turns = dict[str, list[Any]]


def sent(gateway: Emulator) -> dict[str, Any]:
    """The body of the last request."""
    body = gateway.requests[-1].json
    assert body is not None
    return body


def user_turns(*texts: str) -> Turns:
    return {
        "client": [Message("user", tuple(map(Text, texts)))],
        "langchain": [HumanMessage([{"type": "text", "text": text} for text in texts])],
        "llama_index": [ChatMessage(blocks=[TextBlock(text=text) for text in texts])],
    }


# --- nothing to send --------------------------------------------------------------------------------------------------

EMPTY: dict[str, Turns] = {
    "no messages": {"client": [], "langchain": [], "llama_index": []},
    "an empty text": user_turns(""),
    "white space": user_turns(" ", "\n\n"),
    "an empty answer": {
        "client": [Message("assistant")],
        "langchain": [AIMessage("")],
        "llama_index": [ChatMessage("", role="assistant")],
    },
    "empty instructions": {
        "client": [Message("system", (Text(""),)), Message("user")],
        "langchain": [SystemMessage(""), HumanMessage("")],
        "llama_index": [ChatMessage("", role="system"), ChatMessage("")],
    },
}


@every_call
@every_endpoint
@pytest.mark.parametrize("turns", EMPTY.values(), ids=EMPTY)
def test_conversation_without_content_raises_before_anything_is_sent(
    gateway: Emulator, client: str, driver: str, endpoint: str, turns: Turns
) -> None:
    with pytest.raises(UnsupportedContentError, match="conversation is empty"):
        send(mode_of(client, driver, endpoint), gateway.base_url, turns)
    assert not gateway.requests


@every_endpoint
def test_system_text_alone_is_sent(gateway: Emulator, endpoint: str) -> None:
    messages = {"langchain": [SystemMessage("Say hello."), HumanMessage(" ")]}
    send(mode_of("langchain", "plain", endpoint), gateway.base_url, messages)
    assert "Say hello." in json.dumps(sent(gateway))


# --- blank texts ------------------------------------------------------------------------------------------------------

BLANK: dict[str, list[Any]] = {
    "client": [
        Message("user", (Text("Weather?"), Text("\n"))),
        Message("assistant", (Text("\n\n"), ToolCall("c1", "add", '{"a": 1}'))),
        Message("tool", (Text("1"),), tool_call_id="c1"),
    ],
    "langchain": [
        HumanMessage([{"type": "text", "text": "Weather?"}, {"type": "text", "text": "\n"}]),
        AIMessage("\n\n", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c1"}]),
        ToolMessage("1", tool_call_id="c1"),
    ],
    "llama_index": [
        ChatMessage(blocks=[TextBlock(text="Weather?"), TextBlock(text="\n")]),
        ChatMessage(
            role="assistant",
            blocks=[
                TextBlock(text="\n\n"),
                ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs={"a": 1}),
            ],
        ),
        ChatMessage("1", role="tool", additional_kwargs={"tool_call_id": "c1"}),
    ],
}


@every_call
@pytest.mark.parametrize(
    ("endpoint", "model"), [("messages", None), ("chat_completions", "anthropic/claude-3.5-sonnet")]
)
def test_response_with_whitespace_alone_has_no_text_block(
    gateway: Emulator, client: str, driver: str, endpoint: str, model: str | None
) -> None:
    send(mode_of(client, driver, endpoint), gateway.base_url, BLANK, model)
    blocks = [block for turn in sent(gateway)["messages"] for block in turn["content"]]
    assert [block["text"] for block in blocks if block["type"] == "text"] == ["Weather?"]
    assert [block["id"] for block in blocks if block["type"] == "tool_use"] == ["c1"]


# --- several system texts ---------------------------------------------------------------------------------------------

SYSTEM: dict[str, Turns] = {
    "two turns": {
        "client": [Message("system", (Text("Be brief."),)), Message("system", (Text("Be kind."),))],
        "langchain": [SystemMessage("Be brief."), SystemMessage("Be kind.")],
        "llama_index": [ChatMessage("Be brief.", role="system"), ChatMessage("Be kind.", role="system")],
    },
    "two texts of one turn": {
        "client": [Message("system", (Text("Be brief."), Text("Be kind.")))],
        "langchain": [SystemMessage([{"type": "text", "text": "Be brief."}, "Be kind."])],
        "llama_index": [
            ChatMessage(role=MessageRole.SYSTEM, blocks=[TextBlock(text="Be brief."), TextBlock(text="Be kind.")])
        ],
    },
}
# Models of each endpoint, and some that take system text as a field of its own, or as a string only.
SYSTEM_MODELS = {
    **{endpoint: (endpoint, None) for endpoint in ENDPOINTS},
    "instructions": ("responses", "openai/gpt-5-2-pro"),
    "system field": ("chat_completions", "anthropic/claude-3.5-sonnet"),
    "system string": ("chat_completions", "nvidia/nemotron-3-ultra-550b-a55b"),
}


@every_call
@pytest.mark.parametrize("case", SYSTEM_MODELS)
@pytest.mark.parametrize("turns", SYSTEM.values(), ids=SYSTEM)
def test_system_texts_are_joined_by_a_blank_line(
    gateway: Emulator, client: str, driver: str, case: str, turns: Turns
) -> None:
    endpoint, model = SYSTEM_MODELS[case]
    messages = {client: [*turns[client], *user_turns("Hello")[client]]}
    send(mode_of(client, driver, endpoint), gateway.base_url, messages, model)
    wire = json.dumps(sent(gateway))
    assert "Be brief." in wire
    assert "Be kind." in wire
    assert "brief.Be" not in wire
    assert "brief.\\nBe" not in wire


# --- MIME types -------------------------------------------------------------------------------------------------------


class Media(NamedTuple):
    """An image or document as declared, what a request must contain, and the endpoints that accept it."""

    declared: str
    data: str
    expected: str
    is_file: bool = False
    endpoints: tuple[str, ...] = ENDPOINTS


MEDIA = {
    "capitals": Media("IMAGE/PNG", PNG, "image/png"),
    "parameters": Media("image/PNG; charset=binary", PNG, "image/png"),
    "jpg": Media("image/jpg", PNG, "image/jpeg"),
    "pjpeg": Media("image/pjpeg", PNG, "image/jpeg"),
    "x-png": Media("image/x-png", PNG, "image/png"),
    "extension": Media("png", PNG, "image/png"),
    "white space": Media(" image/gif ", PNG, "image/gif"),
    "x-pdf": Media("application/x-pdf", PDF, "application/pdf", True),
    "pdf in capitals": Media("Application/PDF; version=1.7", PDF, "application/pdf", True),
}


def _parts(media: Media, by_url: bool) -> Turns:
    """The media by its data, or in a data URL of the declared type."""
    url = f"data:{media.declared};base64,{media.data}"
    source: dict[str, Any] = {"url": url} if by_url else {"base64": media.data, "mime_type": media.declared}
    kind = "file" if media.is_file else "image"
    part = (File if media.is_file else Image)(
        **({"url": url} if by_url else {"data": media.data, "mime": media.declared})
    )
    raw = base64.b64decode(media.data)
    block = (
        DocumentBlock(data=raw, document_mimetype=media.declared)
        if media.is_file
        else ImageBlock(image=raw, image_mimetype=media.declared)
    )
    named = {"filename": "report.pdf"} if media.is_file else {}
    return {
        "client": [Message("user", (Text("What?"), part))],
        "langchain": [HumanMessage([{"type": "text", "text": "What?"}, {"type": kind, **source, **named}])],
        "llama_index": [ChatMessage(blocks=[TextBlock(text="What?"), block])],
    }


@every_client
@every_endpoint
@pytest.mark.parametrize("by_url", [False, True], ids=["data", "url"])
@pytest.mark.parametrize("media", MEDIA.values(), ids=MEDIA)
def test_mime_type_is_sent_by_its_registered_name(
    gateway: Emulator, client: str, endpoint: str, by_url: bool, media: Media
) -> None:
    send(mode_of(client, "plain", endpoint), gateway.base_url, _parts(media, by_url))
    wire = json.dumps(sent(gateway))
    assert media.data in wire
    if endpoint == "messages":
        assert f'"media_type": "{media.expected}"' in wire
    else:
        assert f"data:{media.expected};base64,{media.data}" in wire


@pytest.mark.parametrize(
    "declared", ["audio/x-wav", "AUDIO/WAV", "audio/vnd.wave; codecs=1", "audio/wave", "wav", "audio/x-pn-wav"]
)
def test_audio_format_is_a_short_name(gateway: Emulator, declared: str) -> None:
    sound = {"type": "audio", "base64": "UklGRg==", "mime_type": declared}
    messages = {"langchain": [HumanMessage([{"type": "text", "text": "What?"}, sound])]}
    mode = mode_of("langchain", "plain", "chat_completions")
    send(mode, gateway.base_url, messages, "gpt-4o-audio-preview")
    [_, part] = sent(gateway)["messages"][0]["content"]
    assert part["input_audio"] == {"data": "UklGRg==", "format": "wav"}


@pytest.mark.parametrize("endpoint", ["chat_completions", "messages"])
def test_text_file_is_decoded_by_its_charset(gateway: Emulator, endpoint: str) -> None:
    file = File(data=LATIN, mime="Text/Plain; charset=ISO-8859-1", filename="a.txt")
    messages = {"client": [Message("user", (Text("Sum it up."), file))]}
    send(mode_of("client", "plain", endpoint), gateway.base_url, messages)
    assert "Grüße" in json.dumps(sent(gateway), ensure_ascii=False)
