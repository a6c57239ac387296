"""`endpoint="messages"` through the chat model: Claude's own format, with thinking returned and sent back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI

CLAUDE = "anthropic/claude-sonnet-4.5"
THINK = {"type": "enabled", "budget_tokens": 1024}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


@pytest.fixture(params=[None, "v1"])
def model(gateway: Emulator, request: pytest.FixtureRequest) -> Iterator[ChatAIMLAPI]:
    settings: dict[str, Any] = {"api_key": "k", "base_url": gateway.base_url, "max_tokens": 4000}
    made = ChatAIMLAPI(model=CLAUDE, endpoint="messages", output_version=request.param, max_retries=0, **settings)
    yield made
    made.close()


@pytest.fixture(params=["plain", "stream"])
def ask(request: pytest.FixtureRequest) -> Any:
    """Call a model, plain or streamed, and return the complete answer."""

    def asking(model: Any, messages: Any, **kwargs: Any) -> AIMessage:
        if request.param == "plain":
            return model.invoke(messages, **kwargs)
        return reduce(add, model.stream(messages, **kwargs))

    return asking


def reasoning(message: AIMessage) -> list[dict[str, Any]]:
    return [dict(block) for block in message.content_blocks if block["type"] == "reasoning"]


def test_system_message_is_sent_as_system_text(model: ChatAIMLAPI, gateway: Emulator, ask: Any) -> None:
    answer = ask(model, [SystemMessage("Be brief."), HumanMessage("Hello")], stop=["###"])
    assert answer.text == "[emulated] You said: Hello"
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.response_metadata["native_finish_reason"] == "end_turn"
    assert answer.response_metadata["cost"]["credits"] > 0
    assert answer.usage_metadata["total_tokens"] > 0
    observed = gateway.requests[-1]
    assert observed.path == "/v1/messages"
    assert (observed.json["system"], observed.json["max_tokens"], observed.json["stop_sequences"]) == (
        "Be brief.",
        4000,
        ["###"],
    )


def test_metadata_names_the_endpoint(model: ChatAIMLAPI, ask: Any) -> None:
    assert ask(model, "Hello").response_metadata["endpoint"] == "messages"


def test_thinking_is_sent_back_with_its_signature(model: ChatAIMLAPI, gateway: Emulator, ask: Any) -> None:
    requested = HumanMessage("Hello")
    answer = ask(model, [requested], thinking=THINK)
    [thought] = reasoning(answer)
    assert thought["reasoning"].startswith("[emulated]")
    assert answer.text == "[emulated] You said: Hello"
    ask(model, [requested, answer, HumanMessage("And now?")], thinking=THINK)
    [thinking, text] = gateway.requests[-1].json["messages"][1]["content"]
    signed = {"type": "thinking", "thinking": thought["reasoning"], "signature": thought["extras"]["signature"]}
    assert thinking == signed
    assert text == {"type": "text", "text": answer.text}


def test_reasoning_effort_becomes_a_thinking_budget(model: ChatAIMLAPI, gateway: Emulator, ask: Any) -> None:
    assert reasoning(ask(model, "Hello", reasoning_effort="low"))
    assert gateway.requests[-1].json["thinking"] == {"type": "enabled", "budget_tokens": 2048}


def test_tool_loop_ends_with_an_answer(model: ChatAIMLAPI, gateway: Emulator, ask: Any) -> None:
    bound = model.bind_tools([get_weather])
    requested = HumanMessage("What is the weather in Oslo?")
    called = ask(bound, [requested], thinking=THINK)
    [call] = called.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Oslo"})
    assert called.response_metadata["finish_reason"] == "tool_calls"
    failed = ToolMessage("Timeout", tool_call_id=call["id"], status="error")
    answer = ask(bound, [requested, called, failed], thinking=THINK)
    assert "Timeout" in answer.text
    _, reply, result = gateway.requests[-1].json["messages"]
    assert [block["type"] for block in reply["content"]] == ["thinking", "tool_use"]
    [block] = result["content"]
    assert (result["role"], block["type"], block["tool_use_id"]) == ("user", "tool_result", call["id"])
    assert block["is_error"]


def test_forced_tool_is_called(model: ChatAIMLAPI, gateway: Emulator, ask: Any) -> None:
    bound = model.bind_tools([get_weather], tool_choice="get_weather", parallel_tool_calls=False)
    assert ask(bound, "Hello").tool_calls[0]["name"] == "get_weather"
    choice = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    assert gateway.requests[-1].json["tool_choice"] == choice


def test_image_is_sent_as_a_base64_source(model: ChatAIMLAPI, gateway: Emulator, ask: Any) -> None:
    picture = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    answer = ask(model, [HumanMessage([{"type": "text", "text": "Look"}, picture])])
    assert "image" in answer.text
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    assert gateway.requests[-1].json["messages"][0]["content"][1] == {"type": "image", "source": source}


@pytest.mark.parametrize("name", [CLAUDE, "anthropic/claude-opus-4-8"])
def test_structured_output_is_requested_by_a_tool(gateway: Emulator, name: str) -> None:
    model = ChatAIMLAPI(model=name, endpoint="messages", api_key="k", base_url=gateway.base_url)
    schema = {"title": "Place", "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert set(model.with_structured_output(schema).invoke("A trip to 'Oslo'")) == {"city"}
    model.close()
