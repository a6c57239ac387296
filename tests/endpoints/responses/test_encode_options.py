"""Encoding options, tools, and response formats for the responses endpoint."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from aimlapi_integrations.endpoints import responses
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.types import HostedTool, Json, Request, ResponseFormat, Tool, ToolChoice
from tests.endpoints.responses.turns import ADD, MODEL, assistant, encode, user


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"max_tokens": 100}, {"max_output_tokens": 100}),
        ({"max_completion_tokens": 100, "max_tokens": 50}, {"max_output_tokens": 100}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, {"reasoning": {"effort": "high"}}),
        ({"reasoning": {"effort": "low", "summary": None}}, {"reasoning": {"effort": "low"}}),
        ({"verbosity": "low"}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}),
        ({"text": {"verbosity": "high"}}, {"text": {"format": {"type": "text"}, "verbosity": "high"}}),
        ({"temperature": 0.5, "top_p": None, "store": False}, {"temperature": 0.5, "store": False}),
        ({"background": True, "truncation": "auto"}, {"background": True, "truncation": "auto"}),
        (
            {"previous_response_id": "resp_1", "instructions": "x"},
            {"previous_response_id": "resp_1", "instructions": "x"},
        ),
        ({"stop": ["x"], "seed": 1, "n": 1, "user": "me", "metadata": {}, "logprobs": True}, {}),
        ({"provider": "openai"}, {"provider": "openai"}),
    ],
)
def test_options_are_renamed(options: Json, expected: Json) -> None:
    assert encode(user("Hi"), options=options) == {"model": MODEL, "input": "Hi", **expected}


def test_response_format_is_flat() -> None:
    schema = {"type": "object", "properties": {}}
    response_format = ResponseFormat("json_schema", "city", schema, strict=True, description="A city.")
    assert encode(user("Hi"), response_format=response_format, options={"verbosity": "low"})["text"] == {
        "verbosity": "low",
        "format": {
            "type": "json_schema",
            "name": "city",
            "schema": schema,
            "strict": True,
            "description": "A city.",
        },
    }
    assert encode(user("Hi"), response_format=ResponseFormat("json_object"))["text"]["format"] == {
        "type": "json_object"
    }


def test_function_always_has_parameters_and_a_boolean_strict() -> None:
    search = {"type": "web_search_preview", "search_context_size": "low"}
    tools = (
        ADD,
        Tool("now", extra={"cache_control": {"type": "ephemeral"}}),
        replace(ADD, strict=True),
        HostedTool(search),
    )
    body = encode(user("Hi"), tools=tools, parallel_tool_calls=False, model="gpt-4o")
    assert body["tools"] == [
        {"type": "function", "name": "add", "description": "Adds.", "parameters": ADD.parameters, "strict": False},
        {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "function", "name": "add", "description": "Adds.", "parameters": ADD.parameters, "strict": True},
        search,
    ]
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("required"), "required"),
        (ToolChoice("named", "add"), {"type": "function", "name": "add"}),
        (ToolChoice("hosted", "web_search_preview"), {"type": "web_search_preview"}),
        (ToolChoice("raw", item={"type": "mcp", "server_label": "s"}), {"type": "mcp", "server_label": "s"}),
    ],
)
def test_tool_choice_is_encoded_in_its_documented_form(choice: ToolChoice, expected: object) -> None:
    assert encode(user("Hi"), tools=(ADD,), tool_choice=choice)["tool_choice"] == expected
    assert "tool_choice" not in encode(user("Hi"), tool_choice=choice)


def test_invalid_tool_choice_raises() -> None:
    with pytest.raises(UnsupportedParameterError, match="not a tool choice"):
        encode(user("Hi"), tools=(ADD,), tool_choice=ToolChoice("named"))


def test_encrypted_reasoning_is_included_where_a_later_turn_needs_it() -> None:
    encrypted = "reasoning.encrypted_content"
    assert "include" not in encode(user("Hi"))
    assert encode(user("Hi"), tools=(ADD,))["include"] == [encrypted]
    assert encode(user("Hi"), options={"reasoning": {"summary": "auto"}})["include"] == [encrypted]
    assert "include" not in encode(user("Hi"), tools=(ADD,), options={"store": True})
    assert "include" not in encode(user("Hi"), tools=(ADD,), model="gpt-4o")
    own = ["code_interpreter_call.outputs"]
    assert encode(user("Hi"), tools=(ADD,), options={"include": own})["include"] == [*own, encrypted]
    assert own == ["code_interpreter_call.outputs"]
    assert encode(user("Hi"), tools=(ADD,), options={"include": [encrypted]})["include"] == [encrypted]


def test_body_has_no_nulls_and_the_request_is_not_mutated() -> None:
    options: Json = {
        "reasoning": {"effort": None, "summary": "auto"},
        "max_tokens": None,
        "text": None,
        "include": None,
    }
    request = Request(MODEL, (user("Hi"), assistant("Hello")), (ADD,), options=options, extra_body={"x": 1})
    before = copy.deepcopy(request)
    body = responses.encode(request)
    streamed = responses.stream_options(body, True)
    assert "null" not in json.dumps(body)
    assert body["x"] == 1
    assert streamed == {**body, "stream": True}
    assert "stream" not in body
    assert request == before


def test_response_paths_are_quoted() -> None:
    assert responses.PATH == "/responses"
    assert responses.response_path("resp_1") == "/responses/resp_1"
    assert responses.cancel_path("resp 1") == "/responses/resp%201/cancel"
