"""Adapting requests to models on the responses endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_integrations.endpoints import adapt, responses
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import UnsupportedContentError, UnsupportedParameterError
from aimlapi_integrations.types import Audio, File, HostedTool, Image, Message, Request, Text, Tool, ToolCall

Json = dict[str, Any]

GPT_5_MINI, GPT_4O = "openai/gpt-5-mini-2025-08-07", "gpt-4o"
ASK = Message("user", (Text("Hello"),))
WEATHER = Tool("weather")
CALL = Message("assistant", (ToolCall("c1", "weather", "{}"),))


def make_request(model: str, *messages: Message, **fields: Any) -> Request:
    return Request(model, messages or (ASK,), **fields)


def encode_adapted(model: str, **fields: Any) -> Json:
    return responses.encode(adapt(make_request(model, **fields), "responses"))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"temperature": 0.2, "store": True}, {"temperature": 0.2, "store": True}),
        ({"max_tokens": 64}, {"max_output_tokens": 64}),
        ({"stop": [], "n": 1, "seed": None}, {}),
        ({"verbosity": "low"}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}),
    ],
)
def test_accepted_options_are_sent_without_a_warning(parameters: Json, expected: Json) -> None:
    assert encode_adapted(GPT_4O, options=parameters) == {"model": GPT_4O, "input": "Hello", **expected}


@pytest.mark.parametrize(
    "parameters",
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
def test_chat_only_options_are_left_out_with_a_warning(parameters: Json) -> None:
    [name] = parameters
    with pytest.warns(ParameterWarning, match=f"'{name}'.*{GPT_4O}"):
        assert name not in encode_adapted(GPT_4O, options=parameters)
    with pytest.raises(UnsupportedParameterError, match=name):
        adapt(make_request(GPT_4O, options=parameters), "responses", strict=True)


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        (GPT_5_MINI, {"max_tokens": 5}, {"max_output_tokens": 16}),
        (GPT_5_MINI, {"temperature": 0.5}, {"temperature": 0.5}),
        (GPT_5_MINI, {"reasoning_effort": "minimal"}, {"reasoning": {"effort": "low"}}),
        (GPT_5_MINI, {"reasoning": {"effort": "xhigh"}}, {"reasoning": {"effort": "high"}}),
        (GPT_4O, {"top_p": 0}, {"top_p": 0.01}),
        (GPT_4O, {"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low"}}),
    ],
)
def test_unsupported_option_is_changed_with_a_warning(model: str, parameters: Json, expected: Json) -> None:
    with pytest.warns(ParameterWarning, match=model):
        body = encode_adapted(model, options=parameters)
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n": 2}, "one answer"),
        ({"temperature": 3}, "from 0 to 2"),
        ({"truncation": "middle"}, "'auto', 'disabled'"),
        ({"include": ["web_search_call.action.sources"]}, "reasoning.encrypted_content"),
    ],
)
def test_invalid_option_raises(parameters: Json, words: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=words):
        adapt(make_request(GPT_4O, options=parameters), "responses")


def test_unlisted_parallel_tool_calls_are_left_out_with_a_warning() -> None:
    request = make_request("openai/gpt-5-2-pro", tools=(WEATHER,), parallel_tool_calls=True)
    with pytest.warns(ParameterWarning, match="'parallel_tool_calls'"):
        assert "parallel_tool_calls" not in responses.encode(adapt(request, "responses"))


def test_unlisted_hosted_tool_is_sent_with_a_warning() -> None:
    with pytest.warns(ParameterWarning, match="'file_search'"):
        assert encode_adapted(GPT_4O, tools=(HostedTool({"type": "file_search"}),))["tools"] == [
            {"type": "file_search"}
        ]


def test_function_tools_raise_where_unsupported() -> None:
    with pytest.raises(UnsupportedParameterError, match="no function tools"):
        adapt(make_request("openai/gpt-5-chat-latest", tools=(WEATHER,)), "responses")
    with pytest.raises(UnsupportedContentError, match="no tool calls"):
        adapt(make_request("x-ai/grok-4-3", ASK, CALL), "responses")


@pytest.mark.parametrize(
    ("model", "part", "words"),
    [
        ("openai/gpt-5-1", Image(url="https://a/b.png"), "chat completions carries it"),
        ("gpt-4", Image(url="https://a/b.png"), "another model"),
        ("x-ai/grok-4-3", File(data="QUI="), "another model"),
    ],
)
def test_unsupported_content_raises_with_an_alternative(model: str, part: Any, words: str) -> None:
    with pytest.raises(UnsupportedContentError, match=words):
        adapt(make_request(model, Message("user", (part,))), "responses")


def test_request_without_changes_is_returned_as_is() -> None:
    request = make_request(GPT_5_MINI, tools=(WEATHER,), options={"max_tokens": 64, "reasoning_effort": "low"})
    assert adapt(request, "responses") is request


def test_unknown_model_accepts_anything() -> None:
    request = make_request(
        "acme/new", Message("user", (Audio(data="QUI="),)), options={"temperature": 9, "include": ["x"]}
    )
    assert adapt(request, "responses") is request
