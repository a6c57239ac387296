"""Messages that other LlamaIndex integrations wrote: their calls are sent whole, on every endpoint."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    BaseContentBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

from aimlapi_integrations import ContentWarning
from aimlapi_integrations.llama_index.messages.encode import encode_messages
from aimlapi_integrations.types import HostedItem, Reasoning
from tests.li.tool_calls import MODELS, Replies, calls_sent, results_sent, text_reply

ANYWHERE = pytest.mark.parametrize("endpoint", MODELS)
PARIS = {"city": "Paris"}


class ResponseFunctionToolCall(BaseModel):
    """As in OpenAI's SDK: the id of the item is not that of the call."""

    arguments: str = '{"city": "Paris"}'
    call_id: str = "a1"
    name: str = "get_weather"
    type: str = "function_call"
    id: str | None = "fc_9"
    status: str | None = "completed"


class Function(BaseModel):
    name: str = "get_weather"
    arguments: Any = '{"city": "Paris"}'


class ChatCompletionMessageToolCall(BaseModel):
    id: str = "a1"
    type: str = "function"
    function: Function = Function()


# By who writes them so. Those of the second list have no ids.
CALLS: dict[str, Any] = {
    "Anthropic": {"id": "a1", "input": PARIS, "name": "get_weather", "type": "tool_use"},
    "Anthropic, streamed": {"id": "a1", "input": '{"city": "Paris"}', "name": "get_weather", "type": "tool_use"},
    "Bedrock": {"toolUseId": "a1", "name": "get_weather", "input": PARIS},
    "Bedrock, nested": {"toolUse": {"toolUseId": "a1", "name": "get_weather", "input": PARIS}},
    "OpenAI": ChatCompletionMessageToolCall(),
    "OpenAI, dict": ChatCompletionMessageToolCall().model_dump(),
    "OpenAI Responses": ResponseFunctionToolCall(),
    "OpenAI Responses, dict": ResponseFunctionToolCall().model_dump(),
    "Google": {"id": "a1", "name": "get_weather", "args": PARIS, "thought_signature": None},
    "Google, nested": {"function_call": {"id": "a1", "name": "get_weather", "args": PARIS}},
    "Google, object": SimpleNamespace(id="a1", name="get_weather", args=PARIS),
    "Mistral": SimpleNamespace(id="a1", type=None, index=0, function=Function(arguments=PARIS)),
    "Cohere": {"id": "a1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}},
    "LangChain": {"id": "a1", "name": "get_weather", "args": PARIS, "type": "tool_call"},
    "core": {"tool_id": "a1", "tool_name": "get_weather", "tool_kwargs": PARIS},
}
CALLS_WITHOUT_ID: dict[str, Any] = {
    "Ollama": {"function": {"name": "get_weather", "arguments": PARIS}},
    "Ollama, object": SimpleNamespace(function=SimpleNamespace(name="get_weather", arguments=PARIS)),
    "Google, older": {"id": "", "name": "get_weather", "args": PARIS},
    "Cohere, older": {"name": "get_weather", "parameters": PARIS},
}


def assistant(*blocks: Any, **kwargs: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)


def result(call_id: str, text: str = "Sunny") -> ChatMessage:
    return ChatMessage(text, role="tool", additional_kwargs={"tool_call_id": call_id})


def as_they_are(messages: list[ChatMessage]) -> list[ChatMessage]:
    return messages


def restored(messages: list[ChatMessage]) -> list[ChatMessage]:
    return [ChatMessage.model_validate_json(message.model_dump_json()) for message in messages]


def histories(calls: dict[str, Any]) -> list[Any]:
    """Yield each call as is, and restored from JSON if it can be serialized."""
    as_made = [pytest.param(call, as_they_are, id=name) for name, call in calls.items()]
    written = {name: call for name, call in calls.items() if not isinstance(call, SimpleNamespace)}
    return as_made + [pytest.param(call, restored, id=f"{name}, restored") for name, call in written.items()]


@ANYWHERE
@pytest.mark.parametrize(("call", "travel"), histories(CALLS))
def test_call_of_another_integration_goes_with_its_id_and_arguments(endpoint: str, call: Any, travel: Any) -> None:
    gateway = Replies(text_reply(endpoint))
    history = [ChatMessage("Weather?"), assistant(tool_calls=[call]), result("a1"), ChatMessage("And now?")]
    gateway.on(endpoint).chat(travel(history))
    assert calls_sent(gateway) == [("a1", "get_weather", PARIS)]
    assert results_sent(gateway) == [("a1", "Sunny")]


@ANYWHERE
@pytest.mark.parametrize(("call", "travel"), histories(CALLS_WITHOUT_ID))
@pytest.mark.parametrize("answered", ["get_weather", "0b7c", ""])
def test_call_without_an_id_goes_with_its_result(endpoint: str, call: Any, travel: Any, answered: str) -> None:
    gateway = Replies(text_reply(endpoint))
    turn = [assistant(TextBlock(text="Let me see."), tool_calls=[call]), result(answered)]
    gateway.on(endpoint).chat(
        travel([ChatMessage("Weather?"), *turn, ChatMessage("Again."), *turn, ChatMessage("And?")])
    )
    calls, results = calls_sent(gateway), results_sent(gateway)
    assert [call[1:] for call in calls] == [("get_weather", PARIS)] * 2
    assert len({call[0] for call in calls}) == 2
    assert [call[0] for call in calls] == [answer[0] for answer in results]


@ANYWHERE
def test_calls_as_blocks_and_as_entries_are_sent_once(endpoint: str) -> None:
    block = ToolCallBlock(tool_call_id="a1", tool_name="get_weather", tool_kwargs='{"city": "Paris"}')
    gateway = Replies(text_reply(endpoint))
    message = assistant(block, tool_calls=[ResponseFunctionToolCall()])
    gateway.on(endpoint).chat([ChatMessage("Weather?"), message, result("a1")])
    assert calls_sent(gateway) == [("a1", "get_weather", PARIS)]


class Smell(BaseContentBlock):
    block_type: str = "smell"


class Emphasis(TextBlock):
    strength: int = 1


def foreign() -> ChatMessage:
    """A turn with blocks and entries that only other vendors know, between text and a call."""
    blocks = [
        ThinkingBlock(content="Hm.", additional_information={"thought_signature": b"sig", "signature": {"x": 1}}),
        Emphasis(text="Let me see."),
        CachePoint(cache_control=CacheControl(type="ephemeral")),
        ImageBlock(),
        CitationBlock(cited_content="Sun.", source="s", title="t", additional_location_info={}),
        ToolCallBlock(tool_call_id="a1", tool_name="get_weather", tool_kwargs=PARIS),
    ]
    message = assistant(*blocks, tool_calls=[{"type": "server_tool_use", "id": "s1", "name": "web_search"}])
    message.blocks.insert(2, Smell())
    return message


@ANYWHERE
def test_blocks_that_only_another_vendor_knows_are_left_out_with_one_warning(endpoint: str) -> None:
    gateway = Replies(text_reply(endpoint))
    history = [ChatMessage("Weather?"), foreign(), result("a1"), ChatMessage("And now?"), foreign(), result("a1")]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gateway.on(endpoint).chat(history)
    [warning] = [each for each in caught if issubclass(each.category, ContentWarning)]
    assert "smell, image, server_tool_use in additional_kwargs" in str(warning.message)
    assert [call[1:] for call in calls_sent(gateway)] == [("get_weather", PARIS)] * 2
    assert str(gateway.turns).count("Let me see.") == 2


@pytest.mark.parametrize(
    ("known", "part"),
    [
        ({"type": "thinking", "signature": "sig"}, Reasoning("Hm.", signature="sig")),
        ({"type": "redacted_thinking", "data": "enc"}, Reasoning("Hm.", encrypted="enc")),
        (
            {"id": "rs_1", "type": "reasoning", "encrypted_content": "enc", "status": None, "content": None},
            Reasoning("Hm.", id="rs_1", encrypted="enc"),
        ),
        ({"thought_signature": b"sig", "video_metadata": None}, Reasoning("Hm.")),
        ({"signature": b"sig", "id": 7, "reasoning_details": "x", "parts": "Hm.", "data": "d"}, Reasoning("Hm.")),
    ],
)
def test_reasoning_of_another_integration_is_read_as_far_as_possible(known: dict[str, Any], part: Reasoning) -> None:
    [turn] = encode_messages([assistant(ThinkingBlock(content="Hm.", additional_information=known))])
    assert turn.parts == (part,)


def test_built_in_tool_calls_are_read_from_dicts_and_objects() -> None:
    class Search(BaseModel):
        id: str = "ws_1"
        type: str = "web_search_call"
        action: str | None = None

    item = {"id": "ws_1", "type": "web_search_call"}
    [turn] = encode_messages([assistant(TextBlock(text="x"), built_in_tool_calls=[Search(), item, "odd"])])
    assert [part for part in turn.parts if isinstance(part, HostedItem)] == [HostedItem(item)] * 2


def test_result_that_failed_is_marked_as_an_error() -> None:
    failed = ChatMessage("No.", role="tool", additional_kwargs={"tool_call_id": "a1", "status": "error"})
    assert [turn.is_error for turn in encode_messages([failed, result("a1")])] == [True, False]
