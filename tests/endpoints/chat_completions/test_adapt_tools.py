"""Adapting tools and response formats to models on chat completions."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints import adapt
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.types import HostedTool, ResponseFormat, Tool, ToolChoice
from tests.endpoints.adapted import (
    ASK,
    BRIEF,
    CLAUDE_BLOCKS,
    CLAUDE_BOTH,
    CLAUDE_CLOSED,
    DEEPSEEK,
    FORMAT,
    GPT_4O,
    KIMI,
    NEMOTRON,
    NEWS,
    SONAR,
    WEATHER,
    Json,
    encode_adapted,
    make_request,
    roles,
)

# --- tools ------------------------------------------------------------------------------------------------------------


def test_unlisted_tools_are_sent_with_a_warning() -> None:
    assert "tools" in encode_adapted(SONAR, tools=(WEATHER,), warns="'tools'")


@pytest.mark.parametrize("mode", ["required", "auto", "none"])
def test_refused_tool_choice_is_left_out(mode: Any) -> None:
    warning = KIMI if mode == "required" else None
    body = encode_adapted(KIMI, tools=(WEATHER,), tool_choice=ToolChoice(mode), warns=warning)
    assert ("tools" in body, "tool_choice" in body) == (mode != "none", False)


def test_named_tool_choice_without_that_form_limits_the_tools() -> None:
    body = encode_adapted(NEMOTRON, tools=(WEATHER, NEWS), tool_choice=ToolChoice("named", "news"))
    assert ([tool["function"]["name"] for tool in body["tools"]], body["tool_choice"]) == (["news"], "required")
    with pytest.raises(UnsupportedParameterError, match="sport"):
        adapt(make_request(NEMOTRON, tools=(WEATHER,), tool_choice=ToolChoice("named", "sport")))


def test_unlisted_parallel_tool_calls_are_sent_with_a_warning() -> None:
    assert encode_adapted(CLAUDE_BOTH, tools=(WEATHER,), parallel_tool_calls=False, warns="'parallel_tool_calls'")


@pytest.mark.parametrize("parameters", [{"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}])
def test_reasoning_effort_with_tools_is_left_out_where_refused(parameters: Json) -> None:
    body = encode_adapted("openai/gpt-5-5", tools=(WEATHER,), options=parameters, warns="Responses takes both")
    assert not body.keys() & {"reasoning_effort", "reasoning"}


def test_strict_is_sent_only_where_listed() -> None:
    strict = Tool("f", strict=True)
    assert encode_adapted(GPT_4O, tools=(strict,))["tools"][0]["function"]["strict"] is True
    strict_tool = encode_adapted(DEEPSEEK, tools=(strict,))["tools"][0]
    assert (strict_tool["strict"], "strict" in strict_tool["function"]) == (True, False)
    for model in (KIMI, "zhipu/glm-4.5"):
        without = encode_adapted(model, tools=(strict,), warns="'strict'")["tools"][0]
        assert "strict" not in {*without, *without["function"]}


def test_definitions_are_inlined_where_refused() -> None:
    place = {"type": "object", "properties": {"name": {"type": "string"}}}
    schema = {
        "title": "T",
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/Place"}},
        "$defs": {"Place": place},
    }
    [tool] = encode_adapted(DEEPSEEK, tools=(Tool("f", "d", schema),))["tools"]
    assert tool["function"]["parameters"] == {"type": "object", "properties": {"to": place}}
    loop = {**schema, "$defs": {"Place": {"properties": {"next": {"$ref": "#/$defs/Place"}}}}}
    [tool] = encode_adapted(DEEPSEEK, tools=(Tool("f", "d", loop),), warns="contains itself")["tools"]
    assert "$ref" not in str(tool)
    with pytest.raises(UnsupportedParameterError, match="itself"):
        adapt(make_request(DEEPSEEK, tools=(Tool("f", "d", loop),)), strict=True)


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (GPT_4O, {"tools": (HostedTool({"type": "web_search_preview"}),)}, "use Responses"),
        (CLAUDE_BLOCKS, {"tools": (HostedTool({"type": "web_search_20250305"}),)}, "the messages endpoint"),
        (GPT_4O, {"tools": (WEATHER,), "tool_choice": ToolChoice("hosted", "mcp")}, "Responses"),
        (CLAUDE_CLOSED, {"tools": (WEATHER,), "parallel_tool_calls": True}, "leave it out"),
    ],
)
def test_invalid_tools_raise(model: str, fields: Json, words: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=words):
        adapt(make_request(model, **fields))


# --- the form of the answer -------------------------------------------------------------------------------------------


def test_schema_goes_into_the_instructions_where_only_json_mode_is_listed() -> None:
    body = encode_adapted("stealth/ox-alpha", BRIEF, ASK, response_format=FORMAT, warns="'json_schema'")
    assert body["response_format"] == {"type": "json_object"}
    assert roles(body) == ["system", "system", "user"]
    assert '"city"' in body["messages"][1]["content"]


def test_unlisted_response_format_is_sent_with_a_warning() -> None:
    assert "response_format" in encode_adapted(CLAUDE_BOTH, response_format=FORMAT, warns="'response_format'")
    assert "response_format" not in encode_adapted(CLAUDE_BOTH, response_format=ResponseFormat("text"))
