"""Answers edited before they are sent back: the request has the edited content and nothing else."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
    filter_messages,
    messages_from_dict,
    messages_to_dict,
)

from tests.lc.histories import CALL_MODES, chat
from tests.support.history_gateway import ENDPOINTS, ScriptedGateway, call

QUESTION = HumanMessage("q")


def results(*ids: str) -> list[Any]:
    return [ToolMessage("done", tool_call_id=call_id) for call_id in ids]


def _updated(message: AIMessage, **fields: Any) -> AIMessage:
    return message.model_copy(update=fields)


def _assigned(message: AIMessage) -> AIMessage:
    message = copy.deepcopy(message)
    message.tool_calls = message.tool_calls[1:]
    return message


def _argued(message: AIMessage) -> AIMessage:
    message = copy.deepcopy(message)
    message.tool_calls[0]["args"] = {"a": 77}
    return message


def _filtered(excluded: Any) -> Callable[[AIMessage], list[Any]]:
    return lambda message: filter_messages([QUESTION, message, *results("c1", "c2")], exclude_tool_calls=excluded)


ADDED: Any = {"type": "tool_call", "id": "c9", "name": "look", "args": {"a": 55}}

# What is done to an answer with the calls c1 and c2 and the text "I look.", what is sent of it, and what is not.
EDITS: dict[str, tuple[Callable[[AIMessage], list[Any]], list[str], list[str]]] = {
    "nothing": (lambda m: [QUESTION, m, *results("c1", "c2")], ['"c1"', '"c2"', "I look."], []),
    "one call kept by model_copy": (
        lambda m: [QUESTION, _updated(m, tool_calls=m.tool_calls[:1]), *results("c1")],
        ['"c1"', "I look."],
        ['"c2"'],
    ),
    "one call kept by assignment": (lambda m: [QUESTION, _assigned(m), *results("c2")], ['"c2"'], ['"c1"']),
    "no call kept": (lambda m: [QUESTION, _updated(m, tool_calls=[]), QUESTION], ["I look."], ['"c1"', '"c2"']),
    "a call filtered": (_filtered(["c2"]), ['"c1"'], ['"c2"']),
    "all calls filtered": (_filtered(True), [], ['"c1"', '"c2"']),
    "arguments edited": (lambda m: [QUESTION, _argued(m), *results("c1", "c2")], ["77", '"c2"'], []),
    "a call added": (
        lambda m: [QUESTION, _updated(m, tool_calls=[*m.tool_calls, ADDED]), *results("c1", "c2", "c9")],
        ["55", '"c1"', '"c2"', '"c9"'],
        [],
    ),
    "text edited": (
        lambda m: [QUESTION, _updated(m, content="I refrain."), *results("c1", "c2")],
        ["I refrain.", '"c1"', '"c2"'],
        ["I look."],
    ),
}

# How an answer may have travelled before it is edited.
TRAVELS: dict[str, Callable[[AIMessage], Any]] = {
    "as it came": lambda message: message,
    "deep copy": copy.deepcopy,
    "JSON": lambda message: messages_from_dict(messages_to_dict([message]))[0],
    "pickle": lambda message: pickle.loads(pickle.dumps(message)),
}


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize("version", [None, "v0", "responses/v1", "v1"])
@pytest.mark.parametrize("mode", CALL_MODES)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_edited_answer_is_sent_as_edited(endpoint: str, mode: str, version: str | None, travel: str):
    gateway = ScriptedGateway([call("c1", a=1), call("c2", a=2)])
    model = chat(gateway, endpoint, **({"output_version": version} if version else {}))
    answer = TRAVELS[travel](CALL_MODES[mode](model, [QUESTION]))
    for name, (edit, sent, left_out) in EDITS.items():
        model.invoke(edit(answer))
        assert [text for text in sent if text not in gateway.wire] == [], name
        assert [text for text in left_out if text in gateway.wire] == [], name


# Messages of other integrations, or written by hand, whose calls stand nowhere but in their content or raw fields.
STORED: dict[str, tuple[Any, dict[str, Any]]] = {
    "Anthropic": ([{"type": "tool_use", "id": "c1", "name": "look", "input": {"a": "needle"}}], {}),
    "Bedrock": ([{"toolUse": {"toolUseId": "c1", "name": "look", "input": {"a": "needle"}}}], {}),
    "Responses": (
        [{"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": '{"a": "needle"}'}],
        {},
    ),
    "OpenAI, raw": (
        "",
        {"tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": '{"a": "needle"}'}}]},
    ),
    "Anthropic, raw": ("", {"tool_calls": [{"id": "c1", "name": "look", "input": {"a": "needle"}}]}),
    "Ollama, raw": ("", {"tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": {"a": "needle"}}}]}),
    "Responses, raw": (
        "",
        {"tool_calls": [{"id": "fc_1", "call_id": "c1", "name": "look", "arguments": '{"a": "needle"}'}]},
    ),
}


@pytest.mark.parametrize("form", STORED)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_call_that_only_content_holds_is_sent_where_a_result_answers_it(endpoint: str, form: str):
    content, kwargs = STORED[form]
    stored = AIMessage(content).model_copy(update={"additional_kwargs": kwargs})
    gateway = ScriptedGateway()
    model = chat(gateway, endpoint)
    model.invoke([QUESTION, stored, *results("c1")])
    assert "needle" in gateway.wire
    assert '"c1"' in gateway.wire
    model.invoke([QUESTION, stored, QUESTION])
    assert "needle" not in gateway.wire


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_function_call_with_its_result_is_sent_as_call_of_a_tool(endpoint: str):
    old = AIMessage("", additional_kwargs={"function_call": {"name": "look", "arguments": '{"a": "needle"}'}})
    gateway = ScriptedGateway()
    chat(gateway, endpoint).invoke([QUESTION, old, FunctionMessage("done", name="look")])
    assert "needle" in gateway.wire
    assert "done" in gateway.wire


def test_reasoning_that_led_to_a_call_goes_with_it():
    gateway = ScriptedGateway([call("c1", a=1)], text="")
    model = chat(gateway, "responses", output_version="v1")
    answer = model.invoke([QUESTION]).model_copy(update={"tool_calls": []})
    model.invoke([QUESTION, answer, QUESTION])
    assert "rs_1" not in gateway.wire


def test_edited_text_of_a_custom_call_is_sent():
    block = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c1", "name": "sql", "input": "SELECT 1"}
    edited: Any = [{"type": "tool_call", "id": "c1", "name": "sql", "args": {"__arg1": "SELECT 2"}}]
    gateway = ScriptedGateway()
    chat(gateway, "responses").invoke([QUESTION, AIMessage([block], tool_calls=edited), *results("c1")])
    [called] = [item for item in gateway.bodies[-1]["input"] if item.get("type") == "custom_tool_call"]
    assert called["input"] == "SELECT 2"
