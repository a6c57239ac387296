"""Selecting the endpoint of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from aimlapi_integrations.client.options import Endpoint
from aimlapi_integrations.endpoints import ENDPOINTS, get_endpoint, name_of_reply
from aimlapi_integrations.endpoints.routing import messages_endpoint_blocker, select_endpoint
from aimlapi_integrations.errors import UnsupportedParameterError
from aimlapi_integrations.models import Model, known_models, lookup
from aimlapi_integrations.types import (
    Audio,
    File,
    HostedItem,
    HostedTool,
    Image,
    Message,
    Reasoning,
    Request,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)

CHAT, RESPONSES, MESSAGES = "/chat/completions", "/responses", "/messages"
SEARCH = HostedTool({"type": "web_search_preview"})
HELLO = (Message("user", (Text("Hello"),)),)
SEARCHED = (*HELLO, Message("assistant", (HostedItem({"type": "web_search_call", "id": "ws_1"}), Text("Hi"))), *HELLO)


def test_endpoint_argument_lists_the_names_of_the_registry() -> None:
    assert get_args(Endpoint) == ENDPOINTS


def test_registry_has_endpoints_by_the_names_that_they_state() -> None:
    assert [get_endpoint(name).NAME for name in ENDPOINTS] == list(ENDPOINTS)
    assert len(ENDPOINTS) == 3
    assert "embeddings" not in ENDPOINTS
    with pytest.raises(KeyError):
        get_endpoint("embeddings")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"object": "chat.completion"}, "chat_completions"),
        ({"object": "response"}, "responses"),
        ({"type": "message"}, "messages"),
        ({"object": "list"}, None),
        ({}, None),
    ],
)
def test_reply_is_of_the_endpoint_that_its_object_names(body: dict[str, str], name: str | None) -> None:
    assert name_of_reply(body) == name


def path(
    model: str, messages: tuple[Message, ...] = HELLO, request_options: Mapping[str, Any] = {}, **fields: Any
) -> str:
    return select_endpoint(Request(model, messages, **fields), **request_options).PATH


@pytest.mark.parametrize(
    "model", ["gpt-4o", "openai/gpt-5-mini-2025-08-07", "anthropic/claude-sonnet-4.5", "some/unknown"]
)
def test_plain_request_goes_to_chat_completions(model: str) -> None:
    assert path(model, tools=(Tool("add"),), options={"temperature": 0.5, "store": True}) == CHAT


@pytest.mark.parametrize(
    "model",
    [
        *("openai/gpt-5-1-codex", "openai/gpt-5-1-codex-mini", "openai/gpt-5-2-codex", "openai/gpt-5-3-codex"),
        *("openai/gpt-5-pro", "openai/gpt-5-2-pro", "openai/gpt-5-4", "openai/gpt-5-4-pro", "openai/gpt-5-5-pro"),
        *("openai/o3-pro", "gpt-5-pro", "OPENAI/GPT-5-PRO", "openai/gpt-5-1.codex"),
    ],
)
def test_responses_only_model_goes_to_responses(model: str) -> None:
    assert path(model) == RESPONSES


@pytest.mark.parametrize("model", [model for model in known_models() if not model.embeddings], ids=lambda m: m.id)
def test_every_id_and_alias_goes_where_the_model_is_served(model: Model) -> None:
    alone = RESPONSES if model.chat is None or "responses_only" in model.quirks else CHAT
    assert {CHAT: "chat_completions", RESPONSES: "responses"}[alone] in model.endpoints
    assert {path(name) for name in (model.id, model.id.upper(), *model.aliases)} == {alone}


@pytest.mark.parametrize(
    "request_options", ["somebody/new", "openai/gpt-99", "anthropic/claude-opus-99", "google/gemini-99", "x" * 999, ""]
)
def test_unknown_model_goes_to_chat_completions(request_options: str) -> None:
    assert path(request_options) == CHAT


def test_unknown_model_with_responses_options_goes_to_responses() -> None:
    assert path("openai/gpt-99", options={"background": True}) == RESPONSES
    assert path("claude-sonnet-4-99", options={"reasoning_effort": "low"}) == MESSAGES


@pytest.mark.parametrize(
    "options",
    [
        {"background": True},
        {"include": ["reasoning.encrypted_content"]},
        {"instructions": "Be brief."},
        {"conversation": "conv_1"},
        {"previous_response_id": "resp_1"},
        {"prompt": {"id": "pmpt_1"}},
        {"truncation": "auto"},
        {"reasoning": {"effort": "low", "summary": "auto"}},
    ],
)
def test_option_of_responses_selects_responses(options: dict[str, Any]) -> None:
    assert path("openai/gpt-5-mini-2025-08-07", options=options) == RESPONSES
    assert path("openai/gpt-5-mini-2025-08-07", options=dict.fromkeys(options)) == CHAT


@pytest.mark.parametrize("options", [{"background": False}, {"include": []}, {"reasoning": {"effort": "low"}}])
def test_option_of_both_endpoints_stays_on_chat(options: dict[str, Any]) -> None:
    assert path("openai/gpt-5-mini-2025-08-07", options=options) == CHAT


def test_hosted_tools_and_their_items_select_responses() -> None:
    assert path("gpt-4o", tools=(SEARCH,)) == RESPONSES
    assert path("gpt-4o", SEARCHED) == RESPONSES
    assert path("some/unknown", tools=(HostedTool({"type": "custom", "custom": {"name": "sql"}}),)) == CHAT


def test_model_without_responses_stays_on_chat() -> None:
    assert path("anthropic/claude-sonnet-4.5", SEARCHED) == CHAT
    assert path("zhipu/glm-4.5", tools=(HostedTool({"type": "web_search"}),)) == CHAT


@pytest.mark.parametrize(
    ("request_options", "expected"),
    [
        ({"use_responses_api": True}, RESPONSES),
        ({"use_responses_api": False}, CHAT),
        ({"endpoint": "responses"}, RESPONSES),
        ({"endpoint": "chat_completions", "use_responses_api": True}, CHAT),
    ],
)
def test_endpoint_argument_overrides_the_rules(request_options: dict[str, Any], expected: str) -> None:
    assert path("gpt-4o", SEARCHED if expected == CHAT else HELLO, request_options) == expected


def test_messages_endpoint_is_used_on_request() -> None:
    claude = Request("anthropic/claude-opus-5", HELLO)
    assert select_endpoint(claude).PATH == CHAT
    assert select_endpoint(claude, endpoint="messages").PATH == MESSAGES
    assert select_endpoint(Request("some/unknown", HELLO), endpoint="messages").PATH == MESSAGES


# --- thinking, effort and the tools of Claude -------------------------------------------------------------------------

CLAUDES = ["anthropic/claude-opus-5", "anthropic/claude-sonnet-4.5", "claude-opus-4-8", "anthropic/claude-opus-99"]
EFFORT = {"reasoning_effort": "low"}
BUDGET = {"type": "enabled", "budget_tokens": 2048}
PNG = Image(data="QQ==", mime="image/png")
LOOP = (
    *HELLO,
    Message("assistant", (Reasoning("Hm.", signature="s"), ToolCall("t1", "add", "{}"))),
    Message("tool", (Text("3"),), tool_call_id="t1"),
)


@pytest.mark.parametrize("model", CLAUDES)
@pytest.mark.parametrize(
    "options", [{"thinking": BUDGET}, {"thinking": {"type": "adaptive"}}, {}, {"reasoning_effort": "none"}]
)
def test_thinking_stays_on_chat_which_returns_its_text(model: str, options: dict[str, Any]) -> None:
    assert path(model, options=options) == CHAT


@pytest.mark.parametrize(
    "options",
    [
        {"reasoning_effort": "low", "temperature": None},
        {"reasoning_effort": "low", "stop": ["END"], "max_completion_tokens": 9000},
        {"reasoning": {"effort": "high"}, "n": 1, "metadata": {"user_id": "u"}},
        {"reasoning": {"max_tokens": 2048}},
    ],
)
def test_effort_goes_where_the_model_honors_it(options: dict[str, Any]) -> None:
    assert path("anthropic/claude-sonnet-4.5", options=options) == MESSAGES
    loop = {"tools": (Tool("add"),), "tool_choice": ToolChoice("auto")}
    assert path("claude-opus-4-6", LOOP, options=options, **loop) == MESSAGES
    assert path("anthropic/claude-opus-5", options=options) == CHAT


def test_effort_with_n_stays_on_chat() -> None:
    assert path("anthropic/claude-sonnet-4.5", options={"reasoning_effort": "low", "n": 2}) == CHAT


@pytest.mark.parametrize(
    "model", ["openai/gpt-5-5", "openai/gpt-6-luna", "openai/gpt-6.1-sol", "openai/gpt-99", "gpt-99"]
)
@pytest.mark.parametrize("options", [{"reasoning_effort": "low"}, {"reasoning": {"effort": "high"}}])
def test_effort_with_function_tools_goes_to_responses(model: str, options: dict[str, Any]) -> None:
    assert path(model, tools=(Tool("add"),), options=options) == RESPONSES
    assert path(model, tools=(Tool("add"),)) == CHAT
    assert path(model, tools=(Tool("add"),), options={"reasoning_effort": "none"}) == CHAT
    assert path(model, options=options) == CHAT


@pytest.mark.parametrize("model", ["openai/gpt-5-mini-2025-08-07", "openai/gpt-5.6-luna", "deepseek/deepseek-v4-pro"])
def test_effort_with_function_tools_stays_on_chat_elsewhere(model: str) -> None:
    assert path(model, tools=(Tool("add"),), options={"reasoning_effort": "low"}) == CHAT


CLAUDE_TOOLS = (
    *("web_search_20250305", "web_search_20260209", "web_fetch_20250910", "code_execution_20250825"),
    *("tool_search_tool_bm25_20251119", "tool_search_tool_regex", "memory_20250818", "text_editor_20250728"),
    *("bash_20250124", "computer_20250124", "memory", "bash"),
)


@pytest.mark.parametrize("kind", CLAUDE_TOOLS)
@pytest.mark.parametrize("model", CLAUDES)
def test_tools_of_claude_go_to_messages(model: str, kind: str) -> None:
    assert path(model, tools=(HostedTool({"type": kind, "name": "t"}), Tool("add"))) == MESSAGES


@pytest.mark.parametrize("kind", ["custom", "web_search"])
def test_other_tools_of_claude_stay_on_chat(kind: str) -> None:
    assert path("anthropic/claude-opus-5", tools=(HostedTool({"type": kind}),)) == CHAT


def test_history_of_a_search_by_claude_goes_to_messages() -> None:
    search = HostedItem({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}})
    turn = Message("assistant", (search, Text("Found.")), author="anthropic/claude-opus-5")
    assert path("anthropic/claude-sonnet-4.5", (*HELLO, turn, *HELLO)) == MESSAGES
    assert path("gpt-4o", (*HELLO, turn, *HELLO)) == CHAT


@pytest.mark.parametrize(
    "model", ["alibaba/qwen3.8-flash-zz", "some/unknown", "google/gemini-99", "deepseek/deepseek-v9"]
)
def test_responses_is_only_for_families_that_have_it(model: str) -> None:
    assert path(model, tools=(SEARCH,)) == CHAT
    assert path(model, SEARCHED) == CHAT
    assert path(model, options={"include": ["x"]}) == CHAT


@pytest.mark.parametrize(
    ("blocker", "fields"),
    [
        ("a response format", {"response_format": ResponseFormat("json_object")}),
        ("a forced tool", {"tools": (Tool("add"),), "tool_choice": ToolChoice("required")}),
        ("a forced tool", {"tools": (Tool("add"),), "tool_choice": ToolChoice("named", "add")}),
        ("a tool that is no function", {"tools": (HostedTool({"type": "custom", "custom": {"name": "sql"}}),)}),
        ("an extra_body", {"extra_body": {"top_k": 3}}),
        ("'logprobs'", {"options": {**EFFORT, "logprobs": True}}),
        ("'seed'", {"options": {**EFFORT, "seed": 7}}),
        ("Audio content", {"messages": (Message("user", (Audio(data="QQ=="),)),)}),
        ("Image content", {"messages": (Message("user", (Image(url="https://a/b.png"),)),)}),
        ("File content", {"messages": (Message("user", (File(file_id="f"),)),)}),
        ("ToolCall content", {"messages": (Message("assistant", (ToolCall("c", "sql", "SELECT 1", "custom"),)),)}),
        ("HostedItem content", {"messages": SEARCHED}),
    ],
)
def test_request_that_messages_would_lose_parts_of_stays_on_chat(blocker: str, fields: dict[str, Any]) -> None:
    request = Request(**{"model": FAST, "messages": HELLO, "options": EFFORT, **fields})
    assert messages_endpoint_blocker(request, lookup(FAST)) == blocker
    assert select_endpoint(request).PATH == CHAT
    assert select_endpoint(request, endpoint="messages").PATH == MESSAGES


FAST = "anthropic/claude-opus-4"  # lists more on chat than on the messages endpoint


def test_base64_images_and_documents_go_to_messages() -> None:
    turn = Message("user", (PNG, File(url="data:application/pdf;base64,QQ==")))
    assert path(FAST, (turn,), options=EFFORT) == MESSAGES


@pytest.mark.parametrize("request_options", [{"use_responses_api": False}, {"endpoint": "chat_completions"}])
def test_effort_with_endpoint_argument_stays_on_chat(request_options: dict[str, Any]) -> None:
    assert path("anthropic/claude-sonnet-4.5", HELLO, request_options, options=EFFORT) == CHAT


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "request_options", "blocker"),
    [
        ("openai/gpt-5-pro", {"use_responses_api": False}, "not served on chat_completions: choose responses"),
        ("anthropic/claude-opus-5", {"use_responses_api": True}, "choose chat_completions or messages"),
        ("gpt-4o", {"endpoint": "messages"}, "not served on messages"),
        ("gpt-4o", {"endpoint": "completions"}, "one of chat_completions, responses, messages"),
        ("text-embedding-3-small", {}, "makes embeddings"),
        ("voyage-2", {"endpoint": "chat_completions"}, "makes embeddings"),
    ],
)
def test_endpoint_that_does_not_serve_the_model_raises(
    model: str, request_options: dict[str, Any], blocker: str
) -> None:
    with pytest.raises(UnsupportedParameterError, match=blocker):
        select_endpoint(Request(model, HELLO), **request_options)
