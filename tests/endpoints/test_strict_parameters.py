"""Every adaptation that is told: once for a model and a parameter, and an error where `strict_parameters` is on."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from aimlapi_integrations.endpoints import ENDPOINTS, embeddings
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning, adapt
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.types import HostedTool, Image, Message, Request, Tool, ToolChoice

from .fitted import (
    ASK,
    CLAUDE_BLOCKS,
    CLAUDE_BOTH,
    FORMAT,
    GPT_4O,
    GPT_5_MINI,
    KIMI,
    NEMOTRON,
    SONAR,
    WEATHER,
    Json,
)

CHAT, RESPONSES, MESSAGES = ENDPOINTS
BUDGET = {"type": "enabled", "budget_tokens": 2048}


class Told(NamedTuple):
    """A request with one misfit, and the words that name it."""

    words: str
    model: str
    fields: Json
    endpoint: str = CHAT


def option(words: str, model: str, endpoint: str = CHAT, **options: Any) -> Told:
    return Told(words, model, {"options": options}, endpoint)


def linked(url: str) -> Message:
    return Message("user", (Image(url=url),))


TOLD = (
    # --- chat completions ---
    option("'temperature'", GPT_5_MINI, temperature=0.5),
    option("'service_tier'", GPT_5_MINI, service_tier="flex"),
    option("seed=0", GPT_4O, seed=0),
    option("top_p=0", GPT_4O, top_p=0),
    option("'minimal'", GPT_5_MINI, reasoning_effort="minimal"),
    option("'xhigh'", GPT_5_MINI, reasoning_effort="xhigh"),
    option("'max'", "mistralai/mistral-medium-3.1", reasoning={"effort": "max"}),
    option("ignores it", CLAUDE_BLOCKS, reasoning_effort="low"),
    Told("'tools'", SONAR, {"tools": (WEATHER,)}),
    Told("'strict'", KIMI, {"tools": (Tool("f", strict=True),)}),
    Told("tool_choice", KIMI, {"tools": (WEATHER,), "tool_choice": ToolChoice("required")}),
    Told("'parallel_tool_calls'", CLAUDE_BOTH, {"tools": (WEATHER,), "parallel_tool_calls": False}),
    Told("effort", "openai/gpt-5-5", {"tools": (WEATHER,), "options": {"reasoning_effort": "high"}}),
    Told("'response_format'", CLAUDE_BOTH, {"response_format": FORMAT}),
    Told("'json_schema'", "stealth/ox-alpha", {"response_format": FORMAT}),
    # --- responses ---
    option("'temperature'", GPT_5_MINI, RESPONSES, temperature=0.5),
    option("'stop'", GPT_4O, RESPONSES, stop=["END"]),
    option("'logprobs'", GPT_4O, RESPONSES, logprobs=True),
    option("max_tokens=5", GPT_5_MINI, RESPONSES, max_tokens=5),
    option("top_p=0", GPT_4O, RESPONSES, top_p=0),
    option("'minimal'", GPT_5_MINI, RESPONSES, reasoning_effort="minimal"),
    Told("'parallel_tool_calls'", "openai/gpt-5-2-pro", {"tools": (WEATHER,), "parallel_tool_calls": True}, RESPONSES),
    Told("'file_search'", GPT_4O, {"tools": (HostedTool({"type": "file_search"}),)}, RESPONSES),
    # --- messages ---
    option("'seed'", CLAUDE_BLOCKS, MESSAGES, seed=7),
    option("'temperature'", CLAUDE_BOTH, MESSAGES, temperature=0.5),
    option("'container'", CLAUDE_BOTH, MESSAGES, container="c"),
    option("'minimal'", CLAUDE_BOTH, MESSAGES, reasoning_effort="minimal"),
    option("no room to think", CLAUDE_BLOCKS, MESSAGES, reasoning_effort="low", max_tokens=500),
    option("temperature=0", CLAUDE_BLOCKS, MESSAGES, thinking=BUDGET, temperature=0),
    Told(
        "forced tool",
        CLAUDE_BOTH,
        {"tools": (WEATHER,), "tool_choice": ToolChoice("required"), "options": {"thinking": BUDGET}},
        MESSAGES,
    ),
    Told("as a link", CLAUDE_BLOCKS, {"messages": (linked("https://a/b.png"),)}, MESSAGES),
)


def request(told: Told) -> Request:
    return Request(**{"model": told.model, "messages": (ASK,), **told.fields})


@pytest.mark.parametrize("told", TOLD, ids=lambda told: f"{told.endpoint} {told.words}")
class TestTold:
    """What holds of each."""

    def test_it_is_told_once_for_a_model(self, told: Told) -> None:
        asked = request(told)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("default")
            for _ in range(3):
                ENDPOINTS[told.endpoint].encode(adapt(asked, told.endpoint))
        [warning] = seen
        assert warning.category is ParameterWarning
        assert told.words in str(warning.message)
        assert told.model in str(warning.message)

    def test_it_is_told_of_each_model_anew(self, told: Told) -> None:
        asked = request(told)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("default")
            for model in (told.model, told.model.upper()):
                adapt(replace(asked, model=model), told.endpoint)
        assert len({str(warning.message) for warning in seen}) == 2

    def test_strictly_it_is_an_error_that_says_the_same(self, told: Told) -> None:
        asked = request(told)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            adapt(asked, told.endpoint)
        with pytest.raises(UnsupportedParameterError) as refused:
            adapt(asked, told.endpoint, strict=True)
        assert [str(warning.message) for warning in seen] == [str(refused.value)]


def test_of_embeddings_too() -> None:
    with pytest.warns(ParameterWarning, match="'dimensions'"):
        embeddings.encode(["a"], "voyage-2", dimensions=8)
    with pytest.raises(UnsupportedParameterError, match="'dimensions'"):
        embeddings.encode(["a"], "voyage-2", strict=True, dimensions=8)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_fits_needs_no_strictness(endpoint: str) -> None:
    model = {CHAT: GPT_4O, RESPONSES: GPT_5_MINI, MESSAGES: CLAUDE_BOTH}[endpoint]
    asked = Request(model, (ASK,), tools=(WEATHER,), tool_choice=ToolChoice("auto"), options={"max_tokens": 64})
    assert adapt(asked, endpoint, strict=True) is asked
    named = Request(NEMOTRON, (ASK,), tools=(WEATHER,), tool_choice=ToolChoice("named", "weather"))
    assert adapt(named, strict=True).tool_choice == ToolChoice("required")
