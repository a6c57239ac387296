"""What a tool returned is data: content blocks go as content, records with a type of their own as JSON text, whole."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from aimlapi_integrations import ContentWarning
from aimlapi_integrations.langchain.messages.encode import parse_tool_result
from aimlapi_integrations.types import Image, Part, SearchResult, Text
from tests.lc.histories import chat
from tests.support.history_gateway import ENDPOINTS, ScriptedGateway, call

PASSAGE = {
    "type": "search_result",
    "source": "https://a.example",
    "title": "A",
    "content": [{"type": "text", "text": "needle"}],
}
PIXEL = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}

RECORDS: dict[str, Any] = {
    "file with a name": [{"type": "file", "name": "needle.txt", "size": 3}],
    "file with a path": [{"type": "file", "path": "/tmp/needle.txt"}],
    "file with a link and more": [{"type": "file", "url": "https://a.example/needle", "size": 3}],
    "document": [{"type": "document", "page_content": "needle", "metadata": {"page": 1}}],
    "document with a title": [{"type": "document", "title": "needle", "source": {"type": "text", "data": "a"}}],
    "json": [{"type": "json", "json": {"a": ["needle"]}}],
    "image with a path": [{"type": "image", "path": "needle.png"}],
    "image with a path for a link": [{"type": "image", "url": "/srv/needle.png"}],
    "image with no base64": [{"type": "image", "base64": "<needle>", "mime_type": "image/png"}],
    "image link that is none": [{"type": "image_url", "image_url": {"url": "needle.png"}}],
    "search result of another form": [{"type": "search_result", "snippet": "needle"}],
    "search result that is empty": [{"type": "search_result", "source": "needle", "title": "t", "content": []}],
    "text without text": [{"type": "text", "body": "needle"}],
    "text that is none": [{"type": "text", "text": None, "body": "needle"}],
    "text that is a number": [{"type": "text", "text": 5, "body": "needle"}],
    "text with a score": [{"type": "text", "text": "needle", "score": 0.5}],
    "text beside a record": [{"type": "text", "text": "a"}, {"type": "file", "name": "needle"}],
    "string beside a record": ["a", {"type": "file", "name": "needle"}],
    "nested": [{"type": "file", "children": [{"type": "text", "text": {"deep": "needle"}}]}],
    "no type": [{"name": "needle", "size": 3}],
    "one key": [{"needle": 1}],
    "a type that is none": [{"type": 7, "name": "needle"}],
    "an object's call": [{"type": "phone_call", "to": "needle"}],
    "a call of a tool": [{"type": "tool_call", "id": "c1", "name": "needle", "args": {}}],
    "reasoning": [{"type": "reasoning", "reasoning": "needle"}],
    "non-standard": [{"type": "non_standard", "value": {"type": "text", "text": "needle"}}],
    "a date": [{"type": "file", "name": "needle", "day": date(2026, 1, 2)}],
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_tool_record_is_sent_as_complete_json_text(endpoint: str, name: str):
    record = RECORDS[name]
    gateway = ScriptedGateway()
    history = [
        HumanMessage("q"),
        AIMessage("", tool_calls=[{"type": "tool_call", **_look()}]),
        ToolMessage(record, tool_call_id="c1"),
    ]
    chat(gateway, endpoint).invoke(history)
    assert json.dumps(record, default=str) in _result_text(gateway.bodies[-1])


def _look() -> Any:
    return {"id": "c1", "name": "look", "args": {}}


def _result_text(body: Any) -> str:
    """The text of the result that was sent last, by any endpoint."""
    turn = (body.get("messages") or body["input"])[-1]
    content = turn.get("output") or turn["content"]
    if isinstance(content, str):
        return content
    [result] = content
    return "\n".join(block["text"] for block in result["content"])


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_agent_continues_with_any_tool_result(endpoint: str, name: str):
    @tool
    def look(x: int) -> list[Any]:
        """Looks."""
        return RECORDS[name]  # type: ignore[no-any-return]

    gateway = ScriptedGateway([call("c1", x=1)], [])
    answer = create_agent(chat(gateway, endpoint), [look]).invoke({"messages": "q"})["messages"][-1]
    assert answer.text == "I look."
    assert "needle" in gateway.wire


CONTENT: list[tuple[Any, list[Part]]] = [
    ("", []),
    ("a", [Text("a")]),
    ([], [Text("[]")]),
    ([{"type": "text", "text": "a"}, "b"], [Text("a"), Text("b")]),
    ([{"type": "text", "text": ""}], [Text("")]),
    ([PIXEL], [Image(data="iVBORw0KGgo=", mime="image/png")]),
    ([{"type": "image", "url": "https://a.example/b.png"}], [Image(url="https://a.example/b.png")]),
    (
        [{**PIXEL, "caption": "c"}],
        [Image(data="iVBORw0KGgo=", mime="image/png"), Text('{"type": "image", "caption": "c"}')],
    ),
    (
        [PIXEL, {"type": "file", "name": "n"}],
        [Image(data="iVBORw0KGgo=", mime="image/png"), Text('{"type": "file", "name": "n"}')],
    ),
    ([{"type": "custom_tool_call_output", "output": "ok"}], [Text("ok")]),
    ([{"type": "function_call_output", "output": [{"type": "input_text", "text": "ok"}]}], [Text("ok")]),
    ([PASSAGE], [SearchResult(PASSAGE, json.dumps(PASSAGE))]),
    ({"a": 1}, [Text('{"a": 1}')]),
    (42, [Text("42")]),
    (None, [Text("null")]),
    ([{"type": "file", ("a", "b"): 1}], [Text("[{'type': 'file', ('a', 'b'): 1}]")]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "parts"), CONTENT)
def test_tool_result_of_each_form_becomes_parts(content: Any, parts: list[Part]):
    assert parse_tool_result(content) == parts


OUTPUTS: dict[str, tuple[dict[str, Any], str]] = {
    "custom_tool_call": ({"output": "needle"}, "needle"),
    "function_call": ({"output": "needle"}, "needle"),
    "shell_call": ({"output": [{"stdout": "needle"}]}, "stdout"),
}


@pytest.mark.parametrize("kind", OUTPUTS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_output_item_without_a_call_id_gets_that_of_its_message(endpoint: str, kind: str):
    output, expected = OUTPUTS[kind]
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "look", "input": "x"}
    calls: Any = [] if kind == "shell_call" else [{"type": "tool_call", **_look(), "args": {"__arg1": "x"}}]
    asked = AIMessage([custom] if kind == "custom_tool_call" else "", tool_calls=calls)
    gateway = ScriptedGateway()
    result = ToolMessage([{"type": f"{kind}_output", **output}], tool_call_id="c1")
    chat(gateway, endpoint).invoke([HumanMessage("q"), asked, result])
    if endpoint == "responses":
        assert gateway.bodies[-1]["input"][-1] == {"type": f"{kind}_output", "call_id": "c1", **output}
    else:
        assert expected in gateway.wire


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_search_result_is_sent_natively_to_models_that_support_it(endpoint: str):
    gateway = ScriptedGateway()
    calls: Any = [{"type": "tool_call", **_look()}]
    chat(gateway, endpoint).invoke(
        [HumanMessage("q"), AIMessage("", tool_calls=calls), ToolMessage([PASSAGE], tool_call_id="c1")]
    )
    if endpoint == "messages":
        assert gateway.bodies[-1]["messages"][-1]["content"][0]["content"] == [PASSAGE]
    else:
        assert _result_text(gateway.bodies[-1]) == json.dumps(PASSAGE)


@pytest.mark.parametrize(
    ("model", "endpoint"), [("gpt-4", "chat_completions"), ("anthropic/claude-sonnet-4.5", "messages")]
)
def test_medium_that_the_model_cannot_read_is_named_and_described(model: str, endpoint: str):
    medium = {"type": "audio", "base64": "QUI=", "mime_type": "audio/wav"}
    gateway = ScriptedGateway()
    calls: Any = [{"type": "tool_call", **_look()}]
    history = [HumanMessage("q"), AIMessage("", tool_calls=calls), ToolMessage([medium], tool_call_id="c1")]
    with pytest.warns(ContentWarning, match="audio"):
        chat(gateway, endpoint, model=model).invoke(history)
    assert '"type": "audio"' in _result_text(gateway.bodies[-1])
