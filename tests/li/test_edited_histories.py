"""Edits of a message before it is sent back: its blocks decide, whatever `additional_kwargs` still hold."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, TextBlock, ThinkingBlock, ToolCallBlock

from aimlapi_integrations.llama_index.messages.encode import encode_messages
from aimlapi_integrations.types import Audio
from tests.li.chat_calls import all_calls
from tests.li.gateway import Gateway, call, reply
from tests.li.tool_calls import MODELS, Replies, call_reply, calls_sent, text_reply

PARIS = '{"city": "Paris"}'


def unchanged(message: ChatMessage) -> ChatMessage:
    return message


def restored(message: ChatMessage) -> ChatMessage:
    return ChatMessage.model_validate_json(message.model_dump_json())


def copied(message: ChatMessage) -> ChatMessage:
    return message.model_copy(deep=True)


def without_blocks(message: ChatMessage, kind: type) -> ChatMessage:
    blocks = [block for block in message.blocks if not isinstance(block, kind)]
    return ChatMessage(role=message.role, blocks=blocks, additional_kwargs=message.additional_kwargs)


@all_calls
@pytest.mark.parametrize("travel", [unchanged, restored, copied])
@pytest.mark.parametrize("endpoint", MODELS)
async def test_call_whose_block_was_removed_is_not_sent(endpoint: str, travel: Callable[..., Any], ask: Any) -> None:
    gateway = Replies(call_reply(endpoint, PARIS), text_reply(endpoint))
    llm = gateway.on(endpoint)
    message = travel((await ask(llm))[-1].message)
    llm.chat([ChatMessage("Hello"), message, ChatMessage("Go on.")])
    assert [sent[1] for sent in calls_sent(gateway)] == ["get_weather"]
    edited = without_blocks(message, ToolCallBlock)
    edited.blocks.append(TextBlock(text="Never mind."))
    llm.chat([ChatMessage("Hello"), edited, ChatMessage("Go on.")])
    assert calls_sent(gateway) == []
    assert llm.get_tool_calls_from_response(llm.chat([edited]), error_on_no_tool_call=False) == []


@all_calls
async def test_one_of_two_calls_whose_block_was_removed_is_not_sent(ask: Any) -> None:
    two = [call(), call(call_id="call_2", arguments='{"city": "Porto"}')]
    gateway = Gateway(reply("", tool_calls=two, finish="tool_calls"))
    message = (await ask(gateway.llm()))[-1].message
    del message.blocks[-1]
    [turn] = encode_messages([message])
    assert [sent.id for sent in turn.tool_calls] == ["call_1"]


@all_calls
async def test_audio_whose_block_was_removed_is_not_sent(ask: Any) -> None:
    sound = {"id": "audio_1", "data": base64.b64encode(b"ID3 sound").decode(), "transcript": "Paris"}
    message = (await ask(Gateway(reply("Paris.", audio=sound)).llm()))[-1].message
    [turn] = encode_messages([message])
    assert [part.id for part in turn.parts if isinstance(part, Audio)] == ["audio_1"]
    [turn] = encode_messages([without_blocks(message, AudioBlock)])
    assert not [part for part in turn.parts if isinstance(part, Audio)]


SIGNED = {
    "Anthropic": {"type": "thinking", "signature": "s"},
    "Anthropic, redacted": {"type": "redacted_thinking", "data": "d"},
    "OpenAI": {"id": "rs_1", "encrypted_content": "e"},
    "Google": {"reasoning_details": [{"type": "reasoning.encrypted", "format": "google-gemini-v1", "data": "d"}]},
    "unsigned": {},
}


@pytest.mark.parametrize("writer", SIGNED)
def test_message_without_an_author_gets_the_vendor_of_its_signatures(writer: str) -> None:
    blocks = [ThinkingBlock(content="Hm.", additional_information=SIGNED[writer]), TextBlock(text="Paris.")]
    [turn] = encode_messages([ChatMessage(role="assistant", blocks=blocks)])
    assert turn.author == (None if writer == "unsigned" else writer.partition(",")[0])
