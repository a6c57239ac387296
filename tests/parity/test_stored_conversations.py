"""Conversations that the gateway keeps: only what is new is sent, by itself, in both frameworks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import httpx
import pytest
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

from aimlapi_integrations import ParameterWarning
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI

MINI = "openai/gpt-5-mini-2025-08-07"
CLAUDE = "anthropic/claude-sonnet-4.5"
GROK = "x-ai/grok-4-3"
MODES = ("plain", "stream", "async plain", "async stream")


# --- how each framework asks ------------------------------------------------------------------------------------------


class LangChain:
    """Call a LangChain model in one mode; `extra` are further arguments of the model."""

    def __init__(self, base_url: str, mode: str, **extra: Any) -> None:
        defaults = {"model": MINI, "api_key": "k", "base_url": base_url, "max_retries": 0}
        self.model = ChatAIMLAPI(**{**defaults, "use_previous_response_id": True, **extra})
        self.mode = mode

    def ask(self, turns: list[Any], **arguments: Any) -> AIMessage:
        match self.mode:
            case "plain":
                return self.model.invoke(turns, **arguments)
            case "stream":
                return self._added(list(self.model.stream(turns, **arguments)))
            case "async plain":
                return asyncio.run(self.model.ainvoke(turns, **arguments))
        return asyncio.run(self._streamed(turns, arguments))

    async def _streamed(self, turns: list[Any], arguments: dict[str, Any]) -> AIMessage:
        return self._added([chunk async for chunk in self.model.astream(turns, **arguments)])

    @staticmethod
    def _added(chunks: list[Any]) -> AIMessage:
        complete: AIMessage = reduce(add, chunks)
        return complete

    system, user = staticmethod(SystemMessage), staticmethod(HumanMessage)


class LlamaIndex:
    """The same of LlamaIndex."""

    def __init__(self, base_url: str, mode: str, **extra: Any) -> None:
        defaults = {"model": MINI, "api_key": "k", "api_base": base_url, "max_retries": 0}
        self.model = AIMLAPI(**{**defaults, "track_previous_responses": True, **extra})
        self.mode = mode

    def ask(self, turns: list[ChatMessage], **arguments: Any) -> ChatMessage:
        match self.mode:
            case "plain":
                return self.model.chat(turns, **arguments).message
            case "stream":
                return list(self.model.stream_chat(turns, **arguments))[-1].message
            case "async plain":
                return asyncio.run(self.model.achat(turns, **arguments)).message
        return asyncio.run(self._streamed(turns, arguments))

    async def _streamed(self, turns: list[ChatMessage], arguments: dict[str, Any]) -> ChatMessage:
        return [each async for each in await self.model.astream_chat(turns, **arguments)][-1].message

    @staticmethod
    def system(text: str) -> ChatMessage:
        return ChatMessage(text, role="system")

    @staticmethod
    def user(text: str) -> ChatMessage:
        return ChatMessage(text)


def _langchain_v1(base_url: str, mode: str, **extra: Any) -> LangChain:
    return LangChain(base_url, mode, output_version="v1", **extra)


ASKERS: dict[str, Callable[..., Any]] = {
    "LangChain": LangChain,
    "LangChain v1": _langchain_v1,
    "LlamaIndex": LlamaIndex,
}


@pytest.fixture(params=ASKERS)
def asker(request: pytest.FixtureRequest, gateway: Emulator) -> Callable[..., Any]:
    """Create a caller for one mode."""
    return lambda mode="plain", **extra: ASKERS[request.param](gateway.base_url, mode, **extra)


def sent(gateway: Emulator) -> list[dict[str, Any]]:
    return [record.json for record in gateway.requests if record.json is not None]


# --- what is sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_second_request_has_only_the_new_messages(gateway: Emulator, asker: Any, mode: str) -> None:
    one = asker(mode)
    turns = [one.system("Be brief."), one.user("My name is Ada.")]
    turns.append(one.ask(turns))
    one.ask([*turns, one.user("What is it?")])
    first, second = sent(gateway)
    assert [record.path for record in gateway.requests] == ["/v1/responses"] * 2
    assert first["store"] is second["store"] is True
    assert "previous_response_id" not in first
    assert second["previous_response_id"]
    assert second["input"] == "What is it?"
    assert first["instructions"] == second["instructions"] == "Be brief."


def test_instructions_and_system_texts_are_sent_with_every_request(gateway: Emulator, asker: Any) -> None:
    one = asker()
    turns = [one.system("Be brief."), one.system("Be kind."), one.user("Hello")]
    turns.append(one.ask(turns, instructions="Speak French."))
    turns[0] = one.system("Be long.")
    one.ask([*turns, one.user("And?")], instructions="Speak French.")
    first, second = sent(gateway)
    assert first["instructions"] == "Speak French.\n\nBe brief.\n\nBe kind."
    assert second["instructions"] == "Speak French.\n\nBe long.\n\nBe kind."
    assert second["input"] == "And?"


def test_system_text_among_new_messages_stays_in_place(gateway: Emulator, asker: Any) -> None:
    one = asker()
    turns = [one.user("Hello")]
    turns.append(one.ask(turns))
    one.ask([*turns, one.system("Now be brief."), one.user("And?")])
    assert [item["role"] for item in sent(gateway)[1]["input"]] == ["system", "user"]
    assert "instructions" not in sent(gateway)[1]


def _as_dicts(message: Any) -> Any:
    if isinstance(message, BaseMessage):
        return messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))[0]
    return ChatMessage.model_validate(json.loads(json.dumps(message.model_dump(mode="json"))))


def _by_load(message: Any) -> Any:
    if isinstance(message, BaseMessage):
        return loads(dumps(message), allowed_objects=[AIMessage, type(message)])
    return ChatMessage.model_validate_json(message.model_dump_json())


@pytest.mark.filterwarnings("ignore:The function `loads`")
@pytest.mark.parametrize("mode", ["plain", "stream"])
@pytest.mark.parametrize("restored", [_as_dicts, _by_load])
def test_history_restored_from_json_is_continued(gateway: Emulator, asker: Any, mode: str, restored: Any) -> None:
    one = asker(mode)
    turns = [one.user("Hello")]
    turns.append(restored(one.ask(turns)))
    one.ask([*turns, one.user("And?")])
    assert sent(gateway)[1]["previous_response_id"]
    assert sent(gateway)[1]["input"] == "And?"


# --- complete conversations -------------------------------------------------------------------------------------------

WHOLE: dict[str, dict[str, Any]] = {
    "a model of another endpoint": {"model": CLAUDE, "max_tokens": 100},
    "chat completions named": {"endpoint": "chat_completions"},
    "Responses declined": {"use_responses_api": False},
    "nothing stored": {"store": False, "use_responses_api": True},
}


@pytest.mark.parametrize("arguments", WHOLE.values(), ids=WHOLE)
def test_call_that_cannot_continue_sends_the_whole_conversation(
    gateway: Emulator, asker: Any, arguments: dict[str, Any]
) -> None:
    one = asker()
    turns = [one.system("Be brief."), one.user("Hello")]
    turns.append(one.ask(turns))
    one.ask([*turns, one.user("And?")], **arguments)
    body = sent(gateway)[1]
    assert "previous_response_id" not in body
    for text in ("Be brief.", "Hello", "And?"):
        assert text in json.dumps(body)


def test_messages_of_a_fallback_are_sent_after_the_stored_response(gateway: Emulator, asker: Any) -> None:
    one, other = asker(), asker(model=CLAUDE, max_tokens=100)
    turns = [one.user("Hello")]
    turns.append(one.ask(turns))
    turns.append(one.user("And?"))
    turns.append(other.ask(turns))
    one.ask([*turns, one.user("More?")])
    first, second, third = sent(gateway)
    assert gateway.requests[1].path == "/v1/chat/completions"
    assert "Hello" in json.dumps(second)
    assert third["previous_response_id"]
    assert [item["role"] for item in third["input"]] == ["user", "assistant", "user"]
    assert first["input"] == "Hello"


OF_OTHERS = {
    "another service's": {"id": "resp_9", "model_provider": "openai", "model_name": "gpt-5"},
    "another vendor's": {"id": "resp_9", "model_provider": "aimlapi", "endpoint": "responses", "model_name": GROK},
    "not stored": {"id": "resp_9", "model_provider": "aimlapi", "endpoint": "responses", "store": False},
    "of chat completions": {"id": "chatcmpl-9", "model_provider": "aimlapi", "endpoint": "chat_completions"},
}


@pytest.mark.parametrize("metadata", OF_OTHERS.values(), ids=OF_OTHERS)
def test_response_that_is_not_stored_for_the_model_is_not_continued(
    gateway: Emulator, metadata: dict[str, Any]
) -> None:
    model = LangChain(gateway.base_url, "plain")
    model.ask([HumanMessage("Hello"), AIMessage("Hi", response_metadata=metadata), HumanMessage("And?")])
    [body] = sent(gateway)
    assert "previous_response_id" not in body
    assert [item["content"] for item in body["input"]] == ["Hello", "Hi", "And?"]


def test_previous_response_id_of_the_call_is_used_and_nothing_is_left_out(gateway: Emulator, asker: Any) -> None:
    one = asker()
    answer = one.ask([one.user("Hello")])
    known = answer.response_metadata["id"] if isinstance(answer, AIMessage) else answer.additional_kwargs["response_id"]
    one.ask([one.user("One"), answer, one.user("And?")], previous_response_id=known)
    assert sent(gateway)[1]["previous_response_id"] == known
    assert "One" in json.dumps(sent(gateway)[1]["input"])


# --- results of tools -------------------------------------------------------------------------------------------------

CUSTOM_CALL = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "code", "input": "print(1)"}
FUNCTION_CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "code", "arguments": "{}"}
CUSTOM_TOOL = {"type": "custom", "name": "code", "description": "Runs code."}


class Canned:
    """Respond to every request with one call, under an id like the gateway's, which has no prefix."""

    def __init__(self, item: dict[str, Any]) -> None:
        self.item = item
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        body = {"id": f"xoNMzdFi15mSM{len(self.bodies)}", "object": "response", "status": "completed", "model": MINI}
        return httpx.Response(200, json={**body, "output": [self.item], "usage": usage})

    def asker(self, who: str) -> Any:
        client = httpx.Client(transport=httpx.MockTransport(self))
        return ASKERS[who]("https://api.aimlapi.com/v1", "plain", http_client=client)


@pytest.mark.parametrize(
    ("call", "form"),
    [(CUSTOM_CALL, "custom_tool_call_output"), (FUNCTION_CALL, "function_call_output")],
    ids=["custom", "function"],
)
@pytest.mark.parametrize("who", ASKERS)
def test_result_of_a_stored_call_is_sent_in_its_own_form(who: str, call: dict[str, Any], form: str) -> None:
    canned = Canned(call)
    one = canned.asker(who)
    answer = one.ask([one.user("Run it.")])
    result: Any = ToolMessage("1", tool_call_id="c1")
    if who == "LlamaIndex":
        result = ChatMessage("1", role="tool", additional_kwargs={"tool_call_id": "c1", "name": "code"})
    one.ask([one.user("Run it."), answer, result])
    assert canned.bodies[1]["previous_response_id"] == "xoNMzdFi15mSM1"
    assert canned.bodies[1]["input"] == [{"type": form, "call_id": "c1", "output": "1"}]


def test_result_of_a_custom_tool_alone_is_recognized_by_name() -> None:
    canned = Canned(CUSTOM_CALL)
    result = ToolMessage("1", tool_call_id="c9", name="code")
    with pytest.warns(ParameterWarning, match="'custom'"):
        canned.asker("LangChain").ask([result], previous_response_id="resp_9", tools=[CUSTOM_TOOL])
    assert canned.bodies[0]["input"] == [{"type": "custom_tool_call_output", "call_id": "c9", "output": "1"}]


def test_response_with_calls_that_are_not_valid_is_not_continued() -> None:
    canned = Canned({**FUNCTION_CALL, "arguments": '{"a": '})
    one = canned.asker("LlamaIndex")
    answer = one.ask([one.user("Run it.")])
    assert not [block for block in answer.blocks if isinstance(block, ToolCallBlock)]
    one.ask([one.user("Run it."), answer, one.user("Again.")])
    assert "previous_response_id" not in canned.bodies[1]
