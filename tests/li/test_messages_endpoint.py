"""`endpoint="messages"` through the LLM: Claude's own format, with thinking returned and sent back."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.tools import FunctionTool

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.llama_index import AIMLAPI

CLAUDE = "anthropic/claude-sonnet-4.5"
THINK = {"type": "enabled", "budget_tokens": 1024}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HELLO = ChatMessage("Hello")


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


TOOL = FunctionTool.from_defaults(get_weather)


@pytest.fixture
def llm(make: Callable[..., AIMLAPI]) -> AIMLAPI:
    return make(model=CLAUDE, endpoint="messages", max_tokens=4000)


@pytest.fixture(params=["chat", "stream_chat"])
def ask(request: pytest.FixtureRequest) -> Any:
    """Call an LLM, plain or streamed, and return the last response."""

    def asking(llm: AIMLAPI, messages: list[ChatMessage], tools: tuple[FunctionTool, ...] = (), **kwargs: Any) -> Any:
        named = f"{request.param}_with_tools" if tools else request.param
        arguments = {"tools": tools, "chat_history": messages} if tools else {"messages": messages}
        answer = getattr(llm, named)(**arguments, **kwargs)
        if isinstance(answer, ChatResponse):
            return answer
        *_, last = answer
        return last

    return asking


def thinking(response: ChatResponse) -> list[ThinkingBlock]:
    return [block for block in response.message.blocks if isinstance(block, ThinkingBlock)]


def test_system_message_is_sent_as_system_text(llm: AIMLAPI, emulator: Emulator, ask: Any) -> None:
    answer = ask(llm, [ChatMessage(role=MessageRole.SYSTEM, content="Be brief."), HELLO])
    assert answer.message.content == "[emulated] You said: Hello"
    assert answer.additional_kwargs["finish_reason"] == "stop"
    assert answer.additional_kwargs["native_finish_reason"] == "end_turn"
    assert answer.additional_kwargs["cost"]["credits"] > 0
    assert answer.additional_kwargs["total_tokens"] > 0
    observed = emulator.requests[-1]
    assert (observed.path, observed.json["system"], observed.json["max_tokens"]) == ("/v1/messages", "Be brief.", 4000)


def test_reasoning_with_signature_is_sent_back(llm: AIMLAPI, emulator: Emulator, ask: Any) -> None:
    answer = ask(llm, [HELLO], thinking=THINK)
    [thought] = thinking(answer)
    assert (thought.content or "").startswith("[emulated]")
    ask(llm, [HELLO, answer.message, ChatMessage("And now?")], thinking=THINK)
    [back, text] = emulator.requests[-1].json["messages"][1]["content"]
    signature = thought.additional_information["signature"]
    assert back == {"type": "thinking", "thinking": thought.content, "signature": signature}
    assert text == {"type": "text", "text": answer.message.content}


def test_tool_result_on_messages_endpoint_continues_the_conversation(
    llm: AIMLAPI, emulator: Emulator, ask: Any
) -> None:
    question = ChatMessage("What is the weather in Oslo?")
    called = ask(llm, [question], (TOOL,), thinking=THINK)
    [call] = llm.get_tool_calls_from_response(called)
    assert (call.tool_name, call.tool_kwargs) == ("get_weather", {"city": "Oslo"})
    assert called.additional_kwargs["finish_reason"] == "tool_calls"
    result = ChatMessage(
        role=MessageRole.TOOL, content="Sunny in Oslo", additional_kwargs={"tool_call_id": call.tool_id}
    )
    answer = ask(llm, [question, called.message, result], (TOOL,), thinking=THINK)
    assert "Sunny in Oslo" in answer.message.content
    _, assistant_message, tool_message = emulator.requests[-1].json["messages"]
    assert [block["type"] for block in assistant_message["content"]] == ["thinking", "tool_use"]
    assert [(block["type"], block["tool_use_id"]) for block in tool_message["content"]] == [
        ("tool_result", call.tool_id)
    ]


def test_tool_choice_with_a_tool_name_forces_the_call(llm: AIMLAPI, emulator: Emulator, ask: Any) -> None:
    answer = ask(llm, [HELLO], (TOOL,), tool_required=True)
    assert any(isinstance(block, ToolCallBlock) for block in answer.message.blocks)
    assert emulator.requests[-1].json["tool_choice"]["type"] == "any"


def test_image_in_a_user_message_is_sent(llm: AIMLAPI, emulator: Emulator, ask: Any) -> None:
    picture = ImageBlock(image=base64.b64decode(PNG), image_mimetype="image/png")
    answer = ask(llm, [ChatMessage(blocks=[TextBlock(text="Look"), picture])])
    assert "image" in answer.message.content
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    assert emulator.requests[-1].json["messages"][0]["content"][1] == {"type": "image", "source": source}
