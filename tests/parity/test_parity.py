"""One conversation through LangChain, LlamaIndex and the bare client: one request on the wire, one answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ToolCallBlock

from aimlapi_integrations import CallOptions, Client
from aimlapi_integrations.conversation import Image, Message, Request, Text, Tool, ToolCall
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

MODEL = "openai/gpt-5-mini-2025-08-07"
PICTURE = "https://example.org/picture.png"

Seen = tuple[str, list[tuple[str, Any]], tuple[int, int, int], dict[str, Any]]


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"name": "get_weather", "description": "The weather in a city.", "parameters": PARAMETERS}
TOOL = {"type": "function", "function": WEATHER}

# Each conversation three times: for the bare client, for LangChain, for LlamaIndex.
CONVERSATIONS: dict[str, tuple[list[Message], list[BaseMessage], list[ChatMessage]]] = {
    "a question": (
        [Message("system", (Text("Be brief."),)), Message("user", (Text("Grüße! What is the weather in Paris?"),))],
        [SystemMessage("Be brief."), HumanMessage("Grüße! What is the weather in Paris?")],
        [ChatMessage("Be brief.", role="system"), ChatMessage("Grüße! What is the weather in Paris?")],
    ),
    "turns": (
        [Message("user", (Text("Hi"),)), Message("assistant", (Text("Hello"),)), Message("user", (Text("Go on"),))],
        [HumanMessage("Hi"), AIMessage("Hello"), HumanMessage("Go on")],
        [ChatMessage("Hi"), ChatMessage("Hello", role="assistant"), ChatMessage("Go on")],
    ),
    "a picture": (
        [Message("user", (Text("What is this?"), Image(url=PICTURE)))],
        [HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image", "url": PICTURE}])],
        [ChatMessage(blocks=[TextBlock(text="What is this?"), ImageBlock(url=PICTURE)])],
    ),
    "a tool's answer": (
        [
            Message("user", (Text("What is the weather in Paris?"),)),
            Message("assistant", (ToolCall("c1", "get_weather", '{"city": "Paris"}'),)),
            Message("tool", (Text("Sunny in Paris"),), tool_call_id="c1"),
        ],
        [
            HumanMessage("What is the weather in Paris?"),
            AIMessage("", tool_calls=[{"name": "get_weather", "args": {"city": "Paris"}, "id": "c1"}]),
            ToolMessage("Sunny in Paris", tool_call_id="c1"),
        ],
        [
            ChatMessage("What is the weather in Paris?"),
            ChatMessage(
                role="assistant",
                blocks=[ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs={"city": "Paris"})],
            ),
            ChatMessage("Sunny in Paris", role="tool", additional_kwargs={"tool_call_id": "c1"}),
        ],
    ),
}


def bare(gateway: Emulator, name: str, with_tool: bool, responses: bool) -> Seen:
    described = Tool("get_weather", "The weather in a city.", PARAMETERS)
    with Client(api_key="k", base_url=gateway.base_url) as client:
        request = Request(MODEL, tuple(CONVERSATIONS[name][0]), tools=(described,) if with_tool else ())
        reply = client.complete(request, CallOptions(use_responses_api=responses))
    assert reply.usage is not None
    assert reply.cost is not None
    calls = [(call.name, call.parsed()) for call in reply.tool_calls]
    usage = (reply.usage.input, reply.usage.output, reply.usage.total)
    return reply.text, calls, usage, {"usd": reply.cost.usd, "credits": reply.cost.credits}


def through_langchain(gateway: Emulator, name: str, with_tool: bool, responses: bool) -> Seen:
    llm = ChatAIMLAPI(model=MODEL, api_key="k", base_url=gateway.base_url, use_responses_api=responses)
    reply = (llm.bind_tools([TOOL]) if with_tool else llm).invoke(CONVERSATIONS[name][1])
    assert reply.usage_metadata is not None
    llm.close()
    usage = tuple(reply.usage_metadata[key] for key in ("input_tokens", "output_tokens", "total_tokens"))
    return (
        reply.text,
        [(call["name"], call["args"]) for call in reply.tool_calls],
        usage,
        reply.response_metadata["cost"],
    )


def through_llama_index(gateway: Emulator, name: str, with_tool: bool, responses: bool) -> Seen:
    llm = AIMLAPI(model=MODEL, api_key="k", api_base=gateway.base_url, use_responses_api=responses)
    reply = llm.chat(CONVERSATIONS[name][2], **({"tools": [TOOL]} if with_tool else {}))
    llm.close()
    calls = llm.get_tool_calls_from_response(reply, error_on_no_tool_call=False)
    usage = tuple(reply.additional_kwargs[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens"))
    text = "".join(block.text for block in reply.message.blocks if isinstance(block, TextBlock))
    return text, [(call.tool_name, call.tool_kwargs) for call in calls], usage, reply.additional_kwargs["cost"]


WAYS: tuple[Callable[[Emulator, str, bool, bool], Seen], ...] = (bare, through_langchain, through_llama_index)


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
@pytest.mark.parametrize("with_tool", [False, True], ids=["plain", "tool"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_three_ways_one_request_one_answer(name: str, with_tool: bool, responses: bool) -> None:
    with_tool = with_tool or name == "a tool's answer"
    with Emulator() as gateway:
        seen = [way(gateway, name, with_tool, responses) for way in WAYS]
        bodies = [json.dumps(record.json, sort_keys=True) for record in gateway.requests]
    assert len(bodies) == len(WAYS)
    assert len(set(bodies)) == 1
    assert seen[0] == seen[1] == seen[2]
