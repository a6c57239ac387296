"""A request made to fit its model on chat completions: tools and the form of the answer."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints.shared.adapt import adapt
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.types import HostedTool, ResponseFormat, Tool, ToolChoice

from .fitted import (
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
    asked,
    roles,
    sent,
)

# --- tools ------------------------------------------------------------------------------------------------------------


def test_tools_are_sent_and_told_where_none_are_listed() -> None:
    assert "tools" in sent(SONAR, tools=(WEATHER,), warns="'tools'")


@pytest.mark.parametrize("mode", ["required", "auto", "none"])
def test_a_refused_tool_choice_is_left_out(mode: Any) -> None:
    told = KIMI if mode == "required" else None
    body = sent(KIMI, tools=(WEATHER,), tool_choice=ToolChoice(mode), warns=told)
    assert ("tools" in body, "tool_choice" in body) == (mode != "none", False)


def test_a_named_tool_is_the_only_one_where_none_can_be_named() -> None:
    body = sent(NEMOTRON, tools=(WEATHER, NEWS), tool_choice=ToolChoice("named", "news"))
    assert ([tool["function"]["name"] for tool in body["tools"]], body["tool_choice"]) == (["news"], "required")
    with pytest.raises(UnsupportedParameterError, match="sport"):
        adapt(asked(NEMOTRON, tools=(WEATHER,), tool_choice=ToolChoice("named", "sport")))


def test_parallel_calls_are_sent_and_told_where_not_listed() -> None:
    assert sent(CLAUDE_BOTH, tools=(WEATHER,), parallel_tool_calls=False, warns="'parallel_tool_calls'")


@pytest.mark.parametrize("given", [{"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}])
def test_no_reasoning_effort_beside_tools_where_it_is_refused(given: Json) -> None:
    body = sent("openai/gpt-5-5", tools=(WEATHER,), options=given, warns="Responses takes both")
    assert not body.keys() & {"reasoning_effort", "reasoning"}


def test_strict_is_sent_where_the_model_lists_it() -> None:
    strict = Tool("f", strict=True)
    assert sent(GPT_4O, tools=(strict,))["tools"][0]["function"]["strict"] is True
    beside = sent(DEEPSEEK, tools=(strict,))["tools"][0]
    assert (beside["strict"], "strict" in beside["function"]) == (True, False)
    for model in (KIMI, "zhipu/glm-4.5"):
        without = sent(model, tools=(strict,), warns="'strict'")["tools"][0]
        assert "strict" not in {*without, *without["function"]}


def test_definitions_are_written_out_where_they_are_refused() -> None:
    place = {"type": "object", "properties": {"name": {"type": "string"}}}
    schema = {
        "title": "T",
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/Place"}},
        "$defs": {"Place": place},
    }
    [tool] = sent(DEEPSEEK, tools=(Tool("f", "d", schema),))["tools"]
    assert tool["function"]["parameters"] == {"type": "object", "properties": {"to": place}}
    loop = {**schema, "$defs": {"Place": {"properties": {"next": {"$ref": "#/$defs/Place"}}}}}
    [tool] = sent(DEEPSEEK, tools=(Tool("f", "d", loop),), warns="contains itself")["tools"]
    assert "$ref" not in str(tool)
    with pytest.raises(UnsupportedParameterError, match="itself"):
        adapt(asked(DEEPSEEK, tools=(Tool("f", "d", loop),)), strict=True)


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (GPT_4O, {"tools": (HostedTool({"type": "web_search_preview"}),)}, "use Responses"),
        (CLAUDE_BLOCKS, {"tools": (HostedTool({"type": "web_search_20250305"}),)}, "the messages endpoint"),
        (GPT_4O, {"tools": (WEATHER,), "tool_choice": ToolChoice("hosted", "mcp")}, "Responses"),
        (CLAUDE_CLOSED, {"tools": (WEATHER,), "parallel_tool_calls": True}, "leave it out"),
    ],
)
def test_tools_that_are_refused(model: str, fields: Json, words: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=words):
        adapt(asked(model, **fields))


# --- the form of the answer -------------------------------------------------------------------------------------------


def test_a_schema_is_told_in_words_where_only_json_is_listed() -> None:
    body = sent("stealth/ox-alpha", BRIEF, ASK, response_format=FORMAT, warns="'json_schema'")
    assert body["response_format"] == {"type": "json_object"}
    assert roles(body) == ["system", "system", "user"]
    assert '"city"' in body["messages"][1]["content"]


def test_a_format_is_sent_and_told_where_none_is_listed() -> None:
    assert "response_format" in sent(CLAUDE_BOTH, response_format=FORMAT, warns="'response_format'")
    assert "response_format" not in sent(CLAUDE_BOTH, response_format=ResponseFormat("text"))
