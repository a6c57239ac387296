"""Which endpoint carries a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aimlapi_integrations.conversation import HostedItem, HostedTool, Message, Request, Text, Tool
from aimlapi_integrations.endpoints.choice import choose
from aimlapi_integrations.errors import UnsupportedParameterError

CHAT, RESPONSES, MESSAGES = "/chat/completions", "/responses", "/messages"
SEARCH = HostedTool({"type": "web_search_preview"})
HELLO = (Message("user", (Text("Hello"),)),)
SEARCHED = (*HELLO, Message("assistant", (HostedItem({"type": "web_search_call", "id": "ws_1"}), Text("Hi"))), *HELLO)


def path(model: str, messages: tuple[Message, ...] = HELLO, asked: Mapping[str, Any] = {}, **fields: Any) -> str:
    return choose(Request(model, messages, **fields), **asked).PATH


@pytest.mark.parametrize(
    "model", ["gpt-4o", "openai/gpt-5-mini-2025-08-07", "anthropic/claude-sonnet-4.5", "some/unknown"]
)
def test_chat_completions_is_what_carries_most(model: str) -> None:
    assert (
        path(model, tools=(Tool("add"),), options={"temperature": 0.5, "reasoning_effort": "low", "store": True})
        == CHAT
    )


@pytest.mark.parametrize("model", ["openai/gpt-5-pro", "openai/gpt-5-1-codex", "openai/o3-pro", "openai/gpt-5-4"])
def test_models_of_responses_alone(model: str) -> None:
    assert path(model) == RESPONSES


@pytest.mark.parametrize(
    "options",
    [
        {"background": True},
        {"include": ["reasoning.encrypted_content"]},
        {"instructions": "Be brief."},
        {"previous_response_id": "resp_1"},
        {"prompt": {"id": "pmpt_1"}},
        {"truncation": "auto"},
        {"reasoning": {"effort": "low", "summary": "auto"}},
    ],
)
def test_options_that_only_responses_has(options: dict[str, Any]) -> None:
    assert path("openai/gpt-5-mini-2025-08-07", options=options) == RESPONSES
    assert path("openai/gpt-5-mini-2025-08-07", options=dict.fromkeys(options)) == CHAT


@pytest.mark.parametrize("options", [{"background": False}, {"include": []}, {"reasoning": {"effort": "low"}}])
def test_options_that_say_nothing_of_responses(options: dict[str, Any]) -> None:
    assert path("openai/gpt-5-mini-2025-08-07", options=options) == CHAT


def test_hosted_tools_and_what_they_did() -> None:
    assert path("gpt-4o", tools=(SEARCH,)) == RESPONSES
    assert path("gpt-4o", SEARCHED) == RESPONSES
    assert path("some/unknown", tools=(HostedTool({"type": "custom", "custom": {"name": "sql"}}),)) == CHAT


def test_models_that_responses_does_not_serve_stay_on_chat() -> None:
    assert path("anthropic/claude-sonnet-4.5", SEARCHED) == CHAT
    assert path("zhipu/glm-4.5", tools=(HostedTool({"type": "web_search"}),)) == CHAT


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"use_responses_api": True}, RESPONSES),
        ({"use_responses_api": False}, CHAT),
        ({"endpoint": "responses"}, RESPONSES),
        ({"endpoint": "chat_completions", "use_responses_api": True}, CHAT),
    ],
)
def test_the_caller_has_the_last_word(asked: dict[str, Any], expected: str) -> None:
    assert path("gpt-4o", SEARCHED if expected == CHAT else HELLO, asked) == expected


def test_messages_only_when_asked_for() -> None:
    claude = Request("anthropic/claude-opus-5", HELLO)
    assert choose(claude).PATH == CHAT
    assert choose(claude, endpoint="messages").PATH == MESSAGES
    assert choose(Request("some/unknown", HELLO), endpoint="messages").PATH == MESSAGES


@pytest.mark.parametrize(
    ("model", "asked", "told"),
    [
        ("openai/gpt-5-pro", {"use_responses_api": False}, "not served on chat_completions: choose responses"),
        ("anthropic/claude-opus-5", {"use_responses_api": True}, "choose chat_completions or messages"),
        ("gpt-4o", {"endpoint": "messages"}, "not served on messages"),
        ("gpt-4o", {"endpoint": "completions"}, "one of chat_completions, responses, messages"),
    ],
)
def test_what_is_known_not_to_work_raises(model: str, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=told):
        choose(Request(model, HELLO), **asked)
