"""Every adaptation that warns: once per model and parameter, and an error with `strict_parameters`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from aimlapi_integrations.endpoints import ENDPOINTS, adapt, embeddings, get_endpoint
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.types import HostedTool, Image, Message, Request, Tool, ToolChoice
from tests.endpoints.adapted import (
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


class Misfit(NamedTuple):
    """A request with one unsupported field, and words of its warning."""

    words: str
    model: str
    fields: Json
    endpoint: str = CHAT


def option(words: str, model: str, endpoint: str = CHAT, **options: Any) -> Misfit:
    return Misfit(words, model, {"options": options}, endpoint)


def linked(url: str) -> Message:
    return Message("user", (Image(url=url),))


MISFITS = (
    # --- chat completions ---
    option("'temperature'", GPT_5_MINI, temperature=0.5),
    option("'service_tier'", GPT_5_MINI, service_tier="flex"),
    option("seed=0", GPT_4O, seed=0),
    option("top_p=0", GPT_4O, top_p=0),
    option("'minimal'", GPT_5_MINI, reasoning_effort="minimal"),
    option("'xhigh'", GPT_5_MINI, reasoning_effort="xhigh"),
    option("'max'", "mistralai/mistral-medium-3.1", reasoning={"effort": "max"}),
    option("ignores it", CLAUDE_BLOCKS, reasoning_effort="low"),
    Misfit("'tools'", SONAR, {"tools": (WEATHER,)}),
    Misfit("'strict'", KIMI, {"tools": (Tool("f", strict=True),)}),
    Misfit("tool_choice", KIMI, {"tools": (WEATHER,), "tool_choice": ToolChoice("required")}),
    Misfit("'parallel_tool_calls'", CLAUDE_BOTH, {"tools": (WEATHER,), "parallel_tool_calls": False}),
    Misfit("effort", "openai/gpt-5-5", {"tools": (WEATHER,), "options": {"reasoning_effort": "high"}}),
    Misfit("'response_format'", CLAUDE_BOTH, {"response_format": FORMAT}),
    Misfit("'json_schema'", "stealth/ox-alpha", {"response_format": FORMAT}),
    # --- responses ---
    option("'temperature'", GPT_5_MINI, RESPONSES, temperature=0.5),
    option("'stop'", GPT_4O, RESPONSES, stop=["END"]),
    option("'logprobs'", GPT_4O, RESPONSES, logprobs=True),
    option("max_tokens=5", GPT_5_MINI, RESPONSES, max_tokens=5),
    option("top_p=0", GPT_4O, RESPONSES, top_p=0),
    option("'minimal'", GPT_5_MINI, RESPONSES, reasoning_effort="minimal"),
    Misfit(
        "'parallel_tool_calls'", "openai/gpt-5-2-pro", {"tools": (WEATHER,), "parallel_tool_calls": True}, RESPONSES
    ),
    Misfit("'file_search'", GPT_4O, {"tools": (HostedTool({"type": "file_search"}),)}, RESPONSES),
    # --- messages ---
    option("'seed'", CLAUDE_BLOCKS, MESSAGES, seed=7),
    option("'temperature'", CLAUDE_BOTH, MESSAGES, temperature=0.5),
    option("'container'", CLAUDE_BOTH, MESSAGES, container="c"),
    option("'minimal'", CLAUDE_BOTH, MESSAGES, reasoning_effort="minimal"),
    option("thinking is off", CLAUDE_BLOCKS, MESSAGES, reasoning_effort="low", max_tokens=500),
    option("temperature=0", CLAUDE_BLOCKS, MESSAGES, thinking=BUDGET, temperature=0),
    Misfit(
        "forced tool",
        CLAUDE_BOTH,
        {"tools": (WEATHER,), "tool_choice": ToolChoice("required"), "options": {"thinking": BUDGET}},
        MESSAGES,
    ),
    Misfit("as a link", CLAUDE_BLOCKS, {"messages": (linked("https://a/b.png"),)}, MESSAGES),
)


def request(misfit: Misfit) -> Request:
    return Request(**{"model": misfit.model, "messages": (ASK,), **misfit.fields})


@pytest.mark.parametrize("misfit", MISFITS, ids=lambda misfit: f"{misfit.endpoint} {misfit.words}")
class TestMisfits:
    def test_warning_is_shown_once_per_model(self, misfit: Misfit) -> None:
        adaptable = request(misfit)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                get_endpoint(misfit.endpoint).encode(adapt(adaptable, misfit.endpoint))
        [warning] = caught
        assert warning.category is ParameterWarning
        assert misfit.words in str(warning.message)
        assert misfit.model in str(warning.message)

    def test_warning_is_shown_for_each_model(self, misfit: Misfit) -> None:
        adaptable = request(misfit)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for model in (misfit.model, misfit.model.upper()):
                adapt(replace(adaptable, model=model), misfit.endpoint)
        assert len({str(warning.message) for warning in caught}) == 2

    def test_strict_error_has_the_text_of_the_warning(self, misfit: Misfit) -> None:
        adaptable = request(misfit)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            adapt(adaptable, misfit.endpoint)
        with pytest.raises(UnsupportedParameterError) as refused:
            adapt(adaptable, misfit.endpoint, strict=True)
        assert [str(warning.message) for warning in caught] == [str(refused.value)]


def test_embeddings_warn_or_raise_alike() -> None:
    with pytest.warns(ParameterWarning, match="'dimensions'"):
        embeddings.encode(["a"], "voyage-2", dimensions=8)
    with pytest.raises(UnsupportedParameterError, match="'dimensions'"):
        embeddings.encode(["a"], "voyage-2", strict=True, dimensions=8)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_supported_request_passes_strict(endpoint: str) -> None:
    model = {CHAT: GPT_4O, RESPONSES: GPT_5_MINI, MESSAGES: CLAUDE_BOTH}[endpoint]
    adaptable = Request(model, (ASK,), tools=(WEATHER,), tool_choice=ToolChoice("auto"), options={"max_tokens": 64})
    assert adapt(adaptable, endpoint, strict=True) is adaptable
    named = Request(NEMOTRON, (ASK,), tools=(WEATHER,), tool_choice=ToolChoice("named", "weather"))
    assert adapt(named, strict=True).tool_choice == ToolChoice("required")
