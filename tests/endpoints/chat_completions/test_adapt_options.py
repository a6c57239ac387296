"""Adapting options to models on chat completions, and the warnings about it."""

from __future__ import annotations

import copy
import warnings

import pytest

from aimlapi_integrations.endpoints import adapt, chat_completions
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.langchain.fields import model_profile
from aimlapi_integrations.models import known_models
from aimlapi_integrations.types import Tool, ToolChoice
from tests.endpoints.adapted import (
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
    encode_adapted,
    make_request,
)

QWEN = "alibaba/qwen3-32b"

# --- options ----------------------------------------------------------------------------------------------------------

THINKING = {"type": "enabled", "budget_tokens": 2048}


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
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
def test_accepted_options_are_sent_without_a_warning(model: str, parameters: Json, expected: Json | None) -> None:
    body = encode_adapted(model, options=parameters)
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == (
        parameters if expected is None else expected
    )


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
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
def test_unsupported_option_is_changed_with_a_warning(model: str, parameters: Json, expected: Json) -> None:
    body = encode_adapted(model, options=parameters, warns=model)
    assert {name: body[name] for name in expected} == expected


def test_warning_names_parameter_and_model_and_is_shown_once() -> None:
    request = make_request(GPT_5_MINI, options={"temperature": 0.5})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        adapt(request)
        adapt(request)
    [warning] = caught
    assert "'temperature'" in str(warning.message)
    assert GPT_5_MINI in str(warning.message)


@pytest.mark.parametrize(
    ("model", "parameters", "words"),
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
def test_invalid_option_raises(model: str, parameters: Json, words: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=words):
        adapt(make_request(model, options=parameters))


def test_unknown_model_accepts_any_value() -> None:
    parameters = {"temperature": 9, "another": 1}
    assert {**encode_adapted("acme/new-model", options=parameters), **parameters} == encode_adapted(
        "acme/new-model", options=parameters
    )


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
def test_warning_is_an_error_when_strict(model: str, fields: Json) -> None:
    request = make_request(model, **fields)
    with pytest.warns(ParameterWarning):
        adapt(request)
    with pytest.raises(UnsupportedParameterError, match=model):
        adapt(request, strict=True)


@pytest.mark.parametrize(
    ("name", "suggestion"), [("temprature", "temperature"), ("max_token", "max_tokens"), ("colour_of_the_answer", None)]
)
@pytest.mark.parametrize("strict", [False, True])
def test_unknown_option_is_reported_with_the_name_that_it_resembles(
    name: str, suggestion: str | None, strict: bool
) -> None:
    request = make_request(GPT_4O, options={name: 1})
    with pytest.raises((ParameterWarning, UnsupportedParameterError)) as raised:  # warnings are errors in the suite
        adapt(request, strict=strict)
    assert f"{name!r} is not a parameter that {GPT_4O} lists" in str(raised.value)
    assert str(raised.value).endswith(f"Did you mean {suggestion!r}?") == (suggestion is not None)


# --- nothing is touched -----------------------------------------------------------------------------------------------


def test_request_without_changes_is_returned_as_is() -> None:
    request = make_request(GPT_4O, BRIEF, ASK, CALL, RAIN, tools=(WEATHER,), options={"temperature": 0.2})
    assert adapt(request) is request


def test_callers_request_is_not_mutated() -> None:
    parameters = make_request(
        CLAUDE_BLOCKS,
        BRIEF,
        ASK,
        tools=(WEATHER,),
        tool_choice=ToolChoice("required"),
        options={"stop": ["a"], "reasoning": {"effort": "low"}, "system": "You."},
    )
    before = copy.deepcopy(parameters)
    with pytest.warns(ParameterWarning):
        chat_completions.encode(adapt(parameters))
    assert parameters == before


# --- thinking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "parameters", "expected"),
    [
        (False, {}, False),
        (False, {"enable_thinking": False}, False),
        (True, {}, None),
        (True, {"enable_thinking": True}, True),
        (True, {"enable_thinking": False}, False),
    ],
)
def test_stream_only_thinking_is_turned_off_in_plain_requests(
    stream: bool, parameters: Json, expected: bool | None
) -> None:
    assert encode_adapted(QWEN, options=parameters, stream=stream).get("enable_thinking") is expected


def test_stream_only_thinking_requested_in_a_plain_request_raises() -> None:
    with pytest.raises(UnsupportedParameterError, match="stream the answer"):
        adapt(make_request(QWEN, options={"enable_thinking": True}))


@pytest.mark.parametrize(
    "parameters", [THINKING, {"type": "adaptive"}, {**THINKING, "display": "omitted"}, {"type": "disabled"}]
)
def test_thinking_on_chat_is_sent_as_is(parameters: Json) -> None:
    request = make_request(CLAUDE_BOTH, options={"thinking": parameters})
    assert adapt(request, strict=True) is request


def test_thinking_with_a_forced_tool_is_dropped_with_a_warning() -> None:
    forced: Json = {"tools": (WEATHER,), "tool_choice": ToolChoice("required")}
    body = encode_adapted(
        CLAUDE_BOTH, options={"thinking": THINKING}, warns="refuses a forced tool while it thinks", **forced
    )
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
    body = encode_adapted(
        model, options={"reasoning_effort": level}, warns=model if expected != level or unlisted else None
    )
    assert body["reasoning_effort"] == expected


@pytest.mark.parametrize("model", ["anthropic/claude-haiku-4.5", "z-ai/glm-5-turbo", "xiaomi/mimo-v2.5"])
def test_effort_that_the_model_ignores_is_sent_with_a_warning(model: str) -> None:
    with pytest.warns(ParameterWarning, match="ignores it"):
        adapt(make_request(model, options={"reasoning_effort": "low"}))


def test_effort_levels_are_the_same_for_adapting_and_for_the_profile() -> None:
    for model in known_models():
        if not (model.chat and model.effort_levels) or "effort_ignored" in model.quirks:
            continue
        profile = model_profile(model.id) or {}
        assert profile["reasoning_effort_levels"] == list(model.effort_levels)
        name = "reasoning_effort" if model.parameter("reasoning_effort") else "reasoning"
        for level in model.effort_levels:
            given = {name: level if name == "reasoning_effort" else {"effort": level}}
            assert adapt(make_request(model.id, options=given), strict=True).options == given, model.id
