"""Models, messages, and helpers shared by the tests of `adapt`."""

from __future__ import annotations

import warnings
from typing import Any

from aimlapi_integrations.endpoints import adapt, chat_completions
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.types import Message, Request, ResponseFormat, Text, Tool, ToolCall

Json = dict[str, Any]

ASK = Message("user", (Text("Hello"),))
BRIEF = Message("system", (Text("Be brief."),))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER, NEWS = Tool("weather", "d", SCHEMA), Tool("news", "d", SCHEMA)
FORMAT = ResponseFormat("json_schema", "Trip", SCHEMA)
CALL = Message("assistant", (ToolCall("c1", "weather", '{"city": "Bern"}'),))
RAIN = Message("tool", (Text("Rain"),), tool_call_id="c1")

GPT_4O, GPT_5_MINI, SONAR = "gpt-4o", "openai/gpt-5-mini-2025-08-07", "perplexity/sonar"
CLAUDE_BLOCKS = "anthropic/claude-sonnet-4.5"  # lists the Anthropic form only
CLAUDE_BOTH = "anthropic/claude-opus-5"
CLAUDE_OLD = "anthropic/claude-3-sonnet"
CLAUDE_CLOSED = "claude-3-5-sonnet-20240620"  # rejects fields that it does not list
GEMMA = "google/gemma-3-4b-it"  # neither a system role nor tools
KIMI = "moonshot/kimi-k2-6"
NEMOTRON = "nvidia/nemotron-3-ultra-550b-a55b"
DEEPSEEK = "deepseek/deepseek-thinking-v3.2-exp"


def make_request(model: str, *messages: Message, **fields: Any) -> Request:
    return Request(model, messages or (ASK,), **fields)


def encode_adapted(
    model: str, *messages: Message, warns: str | None = None, stream: bool = False, **fields: Any
) -> Json:
    """Encode the adapted request; expect one warning that contains `warns`, or none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        body = chat_completions.encode(adapt(make_request(model, *messages, **fields), stream=stream))
    texts = [str(warning.message) for warning in caught]
    assert all(warning.category is ParameterWarning for warning in caught)
    assert (len(texts) == 1 and warns in texts[0]) if warns else not texts, texts
    return body


def roles(body: Json) -> list[str]:
    return [message["role"] for message in body["messages"]]
