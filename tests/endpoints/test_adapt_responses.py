"""A request made to fit its model on Responses."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints import responses
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning, adapt
from aimlapi_integrations.errors import UnsupportedContentError, UnsupportedParameterError
from aimlapi_integrations.types import Audio, File, HostedTool, Image, Message, Request, Text, Tool, ToolCall

Json = dict[str, Any]

GPT_5_MINI, GPT_4O = "openai/gpt-5-mini-2025-08-07", "gpt-4o"
ASK = Message("user", (Text("Hello"),))
WEATHER = Tool("weather")
CALL = Message("assistant", (ToolCall("c1", "weather", "{}"),))


def asked(model: str, *messages: Message, **fields: Any) -> Request:
    return Request(model, messages or (ASK,), **fields)


def sent(model: str, **fields: Any) -> Json:
    return responses.encode(adapt(asked(model, **fields), "responses"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0.2, "store": True}, {"temperature": 0.2, "store": True}),
        ({"max_tokens": 64}, {"max_output_tokens": 64}),
        ({"stop": [], "n": 1, "seed": None}, {}),
        ({"verbosity": "low"}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}),
    ],
)
def test_options_that_survive(given: Json, expected: Json) -> None:
    assert sent(GPT_4O, options=given) == {"model": GPT_4O, "input": "Hello", **expected}


@pytest.mark.parametrize(
    "given",
    [
        {"stop": ["END"]},
        {"seed": 7},
        {"logprobs": True},
        {"frequency_penalty": 1},
        {"logit_bias": {"1": 1}},
        {"user": "u"},
        {"metadata": {"a": "b"}},
        {"service_tier": "flex"},
    ],
)
def test_what_the_endpoint_has_nothing_for_is_left_out_and_told(given: Json) -> None:
    [name] = given
    with pytest.warns(ParameterWarning, match=f"'{name}'.*{GPT_4O}"):
        assert name not in sent(GPT_4O, options=given)
    with pytest.raises(UnsupportedParameterError, match=name):
        adapt(asked(GPT_4O, options=given), "responses", strict=True)


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        (GPT_5_MINI, {"max_tokens": 5}, {"max_output_tokens": 16}),
        (GPT_5_MINI, {"temperature": 0.5}, {"temperature": 0.5}),
        (GPT_5_MINI, {"reasoning_effort": "minimal"}, {"reasoning": {"effort": "low"}}),
        (GPT_5_MINI, {"reasoning": {"effort": "xhigh"}}, {"reasoning": {"effort": "high"}}),
        (GPT_4O, {"top_p": 0}, {"top_p": 0.01}),
        (GPT_4O, {"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low"}}),
    ],
)
def test_options_that_are_told(model: str, given: Json, expected: Json) -> None:
    with pytest.warns(ParameterWarning, match=model):
        body = sent(model, options=given)
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"n": 2}, "one answer"),
        ({"temperature": 3}, "from 0 to 2"),
        ({"truncation": "middle"}, "'auto', 'disabled'"),
        ({"include": ["web_search_call.action.sources"]}, "reasoning.encrypted_content"),
    ],
)
def test_options_that_are_refused(given: Json, words: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=words):
        adapt(asked(GPT_4O, options=given), "responses")


def test_parallel_calls_are_left_out_and_told_where_not_listed() -> None:
    request = asked("openai/gpt-5-2-pro", tools=(WEATHER,), parallel_tool_calls=True)
    with pytest.warns(ParameterWarning, match="'parallel_tool_calls'"):
        assert "parallel_tool_calls" not in responses.encode(adapt(request, "responses"))


def test_a_hosted_tool_that_is_not_listed_is_sent_and_told() -> None:
    with pytest.warns(ParameterWarning, match="'file_search'"):
        assert sent(GPT_4O, tools=(HostedTool({"type": "file_search"}),))["tools"] == [{"type": "file_search"}]


def test_function_tools_are_refused_where_there_are_none() -> None:
    with pytest.raises(UnsupportedParameterError, match="no function tools"):
        adapt(asked("openai/gpt-5-chat-latest", tools=(WEATHER,)), "responses")
    with pytest.raises(UnsupportedContentError, match="no tool calls"):
        adapt(asked("x-ai/grok-4-3", ASK, CALL), "responses")


@pytest.mark.parametrize(
    ("model", "part", "words"),
    [
        ("openai/gpt-5-1", Image(url="https://a/b.png"), "chat completions carries it"),
        ("gpt-4", Image(url="https://a/b.png"), "another model"),
        ("x-ai/grok-4-3", File(data="QUI="), "another model"),
    ],
)
def test_content_that_is_refused_with_what_could_carry_it(model: str, part: Any, words: str) -> None:
    with pytest.raises(UnsupportedContentError, match=words):
        adapt(asked(model, Message("user", (part,))), "responses")


def test_the_same_request_where_nothing_has_to_change() -> None:
    request = asked(GPT_5_MINI, tools=(WEATHER,), options={"max_tokens": 64, "reasoning_effort": "low"})
    assert adapt(request, "responses") is request


def test_a_model_that_is_not_known_there_takes_anything() -> None:
    request = asked("acme/new", Message("user", (Audio(data="QUI="),)), options={"temperature": 9, "include": ["x"]})
    assert adapt(request, "responses") is request
