"""A request made to fit its model on chat completions: options, and how misfits are told."""

from __future__ import annotations

import copy
import warnings

import pytest

from aimlapi_integrations.endpoints import chat_completions
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning, adapt
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.langchain.profile import model_profile
from aimlapi_integrations.models import known_models
from aimlapi_integrations.types import Tool, ToolChoice

from .fitted import (
    ASK,
    BRIEF,
    CALL,
    CLAUDE_BLOCKS,
    CLAUDE_BOTH,
    CLAUDE_CLOSED,
    FORMAT,
    GPT_4O,
    GPT_5_MINI,
    KIMI,
    RAIN,
    SONAR,
    WEATHER,
    Json,
    asked,
    sent,
)

QWEN = "alibaba/qwen3-32b"

# --- options ----------------------------------------------------------------------------------------------------------

THINKING = {"type": "enabled", "budget_tokens": 2048}


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        (
            GPT_4O,
            {"temperature": 0, "max_tokens": 5, "stop": ["a"]},
            {"temperature": 0, "max_tokens": 5, "stop": ["a"]},
        ),
        (CLAUDE_BOTH, {"stop": "END"}, {"stop_sequences": ["END"]}),
        (GPT_4O, {"stop_sequences": ["END"]}, {"stop": ["END"]}),
        (GPT_4O, {"stop": [], "seed": None}, {}),
        ("openai/gpt-5-5", {"max_completion_tokens": 9}, {"max_tokens": 9}),
        (GPT_4O, {"max_completion_tokens": 9}, {"max_completion_tokens": 9}),
        (GPT_5_MINI, {"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
        (GPT_5_MINI, {"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
        (CLAUDE_BOTH, {"thinking": {"type": "disabled"}}, None),
    ],
)
def test_options_that_survive(model: str, given: Json, expected: Json | None) -> None:
    body = sent(model, options=given)
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == (
        given if expected is None else expected
    )


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        (GPT_4O, {"seed": 0}, {"seed": 1}),
        (GPT_4O, {"top_p": 0}, {"top_p": 0.01}),
        (GPT_5_MINI, {"reasoning_effort": "minimal"}, {"reasoning_effort": "low"}),
        (GPT_5_MINI, {"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}),
        ("mistralai/mistral-medium-3.1", {"reasoning": {"effort": "max"}}, {"reasoning": {"effort": "max"}}),
        (GPT_5_MINI, {"temperature": 0.5}, {"temperature": 0.5}),
        (GPT_5_MINI, {"service_tier": "flex"}, {"service_tier": "flex"}),
        (GPT_5_MINI, {"verbosity": "low"}, {"verbosity": "low"}),
        (CLAUDE_BOTH, {"presence_penalty": 1}, {"presence_penalty": 1}),
    ],
)
def test_options_that_are_told(model: str, given: Json, expected: Json) -> None:
    body = sent(model, options=given, warns=model)
    assert {name: body[name] for name in expected} == expected


def test_a_warning_names_the_parameter_and_the_model_and_is_shown_once() -> None:
    request = asked(GPT_5_MINI, options={"temperature": 0.5})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        adapt(request)
        adapt(request)
    [warning] = told
    assert "'temperature'" in str(warning.message)
    assert GPT_5_MINI in str(warning.message)


@pytest.mark.parametrize(
    ("model", "given", "words"),
    [
        (GPT_4O, {"temperature": 3}, "number from 0 to 2"),
        (GPT_4O, {"seed": -1}, "from 1"),
        (GPT_4O, {"max_tokens": "many"}, "number from 1"),
        (CLAUDE_BLOCKS, {"temperature": 1.5}, "from 0 to 1"),
        (CLAUDE_BLOCKS, {"thinking": {"type": "enabled"}}, "budget_tokens"),
        (GPT_5_MINI, {"reasoning_effort": "a lot"}, "'low', 'medium', 'high'"),
        (CLAUDE_CLOSED, {"seed": 3}, "leave it out"),
        (GPT_4O, {"previous_response_id": "resp_1"}, "Responses"),
    ],
)
def test_options_that_are_refused(model: str, given: Json, words: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=words):
        adapt(asked(model, options=given))


def test_an_unknown_model_takes_anything_in_any_range() -> None:
    given = {"temperature": 9, "another": 1}
    assert {**sent("acme/new-model", options=given), **given} == sent("acme/new-model", options=given)


# --- strictly ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (GPT_5_MINI, {"options": {"temperature": 0.5}}),
        (GPT_4O, {"options": {"seed": 0}}),
        (GPT_5_MINI, {"options": {"reasoning_effort": "minimal"}}),
        (KIMI, {"tools": (WEATHER,), "tool_choice": ToolChoice("required")}),
        (KIMI, {"tools": (Tool("f", strict=True),)}),
        (SONAR, {"tools": (WEATHER,)}),
        (CLAUDE_BOTH, {"response_format": FORMAT}),
        ("stealth/ox-alpha", {"response_format": FORMAT}),
    ],
)
def test_what_is_told_is_an_error_where_strict(model: str, fields: Json) -> None:
    request = asked(model, **fields)
    with pytest.warns(ParameterWarning):
        adapt(request)
    with pytest.raises(UnsupportedParameterError, match=model):
        adapt(request, strict=True)


# --- nothing is touched -----------------------------------------------------------------------------------------------


def test_the_same_request_where_nothing_has_to_change() -> None:
    request = asked(GPT_4O, BRIEF, ASK, CALL, RAIN, tools=(WEATHER,), options={"temperature": 0.2})
    assert adapt(request) is request


def test_what_the_caller_gave_is_not_mutated() -> None:
    given = asked(
        CLAUDE_BLOCKS,
        BRIEF,
        ASK,
        tools=(WEATHER,),
        tool_choice=ToolChoice("required"),
        options={"stop": ["a"], "reasoning": {"effort": "low"}, "system": "You."},
    )
    before = copy.deepcopy(given)
    with pytest.warns(ParameterWarning):
        chat_completions.encode(adapt(given))
    assert given == before


# --- thinking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "given", "expected"),
    [
        (False, {}, False),
        (False, {"enable_thinking": False}, False),
        (True, {}, None),
        (True, {"enable_thinking": True}, True),
        (True, {"enable_thinking": False}, False),
    ],
)
def test_a_model_that_thinks_in_streams_only_is_told_not_to_elsewhere(
    stream: bool, given: Json, expected: bool | None
) -> None:
    assert sent(QWEN, options=given, stream=stream).get("enable_thinking") is expected


def test_thinking_in_a_plain_answer_of_such_a_model_is_refused() -> None:
    with pytest.raises(UnsupportedParameterError, match="stream the answer"):
        adapt(asked(QWEN, options={"enable_thinking": True}))


@pytest.mark.parametrize(
    "given", [THINKING, {"type": "adaptive"}, {**THINKING, "display": "omitted"}, {"type": "disabled"}]
)
def test_thinking_on_chat_is_sent_as_is(given: Json) -> None:
    request = asked(CLAUDE_BOTH, options={"thinking": given})
    assert adapt(request, strict=True) is request


def test_thinking_with_a_forced_tool_is_dropped_with_a_warning() -> None:
    forced: Json = {"tools": (WEATHER,), "tool_choice": ToolChoice("required")}
    body = sent(CLAUDE_BOTH, options={"thinking": THINKING}, warns="refuses a forced tool while it thinks", **forced)
    assert ("thinking" in body, body["tool_choice"]) == (False, "required")


# --- reasoning effort -------------------------------------------------------------------------------------------------

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

# Model, and what it gets for each level. A level that changes comes with one warning.
EFFORTS = {
    "anthropic/claude-sonnet-5": "low low low medium high xhigh max",
    "anthropic/claude-opus-4.8": "none low low medium high xhigh max",
    "claude-opus-4-7": "none low low medium high xhigh max",
    "anthropic/claude-opus-99": "none low low medium high xhigh max",
    "google/gemini-3.7-flash": "low low low medium high high max",
    "google/gemini-3.6-flash": "minimal minimal low medium high high max",
    "google/gemini-99-flash": "low low low medium high high high",
    "openai/gpt-5.6-luna": "none low low medium high xhigh xhigh",
    "openai/gpt-5-mini-2025-08-07": "none low low medium high high high",
    "openai/gpt-99": "none low low medium high high high",
    "o3-mini": "none low low medium high high high",
    "deepseek/deepseek-v4-pro": "none low low low high high high",
    "deepseek/deepseek-chat": "none low low medium high high high",
    "alibaba/qwen3.8-max": "none low low medium high high high",
    "moonshotai/kimi-k3": "none low low medium high high high",
    "mistralai/mistral-medium-3.1": "none low low medium high xhigh max",
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("model", EFFORTS)
def test_effort_is_sent_as_the_nearest_level_that_the_model_supports(model: str, level: str) -> None:
    expected = EFFORTS[model].split()[LEVELS.index(level)]
    unlisted = model.startswith("mistralai/") and level in ("xhigh", "max")
    body = sent(model, options={"reasoning_effort": level}, warns=model if expected != level or unlisted else None)
    assert body["reasoning_effort"] == expected


@pytest.mark.parametrize("model", ["anthropic/claude-haiku-4.5", "z-ai/glm-5-turbo", "xiaomi/mimo-v2.5"])
def test_effort_that_the_model_ignores_is_sent_with_a_warning(model: str) -> None:
    with pytest.warns(ParameterWarning, match="ignores it"):
        adapt(asked(model, options={"reasoning_effort": "low"}))


def test_effort_levels_are_the_same_for_adapting_and_for_the_profile() -> None:
    for model in known_models():
        if not (model.chat and model.effort_levels) or "effort_ignored" in model.quirks:
            continue
        profile = model_profile(model.id) or {}
        assert profile["reasoning_effort_levels"] == list(model.effort_levels)
        name = "reasoning_effort" if model.parameter("reasoning_effort") else "reasoning"
        for level in model.effort_levels:
            given = {name: level if name == "reasoning_effort" else {"effort": level}}
            assert adapt(asked(model.id, options=given), strict=True).options == given, model.id
