"""Requests that the gateway refuses are refused, with its messages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.gateway_client import JSON, MODEL, TOOLS, GatewayClient, refused_fields

USER = {"role": "user", "content": "Hi"}
CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
ASSISTANT = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "sunny"}

TEXT = {"type": "text", "text": "x"}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QQ=="}}
TOOL_USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}

NULLS = (
    "temperature top_p seed tools tool_choice response_format stream stream_options parallel_tool_calls max_tokens "
    "max_completion_tokens"
)


@pytest.mark.parametrize("name", NULLS.split())
def test_null_in_a_field_that_is_not_nullable_is_refused(client: GatewayClient, name: str) -> None:
    [(path, reason)] = refused_fields(client.chat(**{name: None}))
    assert path == name
    assert reason.startswith("Expected ")
    assert reason.endswith(", received null")


@pytest.mark.parametrize("name", ["stop", "n", "logit_bias", "logprobs", "top_logprobs", "frequency_penalty"])
def test_null_in_a_nullable_field_is_accepted(client: GatewayClient, name: str) -> None:
    assert client.chat(**{name: None}).status_code == 200


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        ({"seed": 0}, "seed", "Number must be greater than or equal to 1"),
        ({"top_p": 0}, "top_p", "Number must be greater than or equal to 0.01"),
        ({"temperature": 2.1}, "temperature", "Number must be less than or equal to 2"),
        ({"max_tokens": 0}, "max_tokens", "Number must be greater than or equal to 1"),
        ({"stream_options": {}}, "stream_options.include_usage", "Required"),
        ({"tools": []}, "tools", "Array must contain at least 1 element(s)"),
        ({"tool_choice": "auto"}, "tool_choice", "'tool_choice' is only allowed when 'tools' are specified"),
        (
            {"reasoning_effort": "minimal"},
            "reasoning_effort",
            "Invalid enum value. Expected 'none' | 'low' | 'medium' | 'high', received 'minimal'",
        ),
        ({"messages": []}, "messages", "Array must contain at least 1 element(s)"),
        (
            {"messages": [{"role": "bot", "content": "x"}]},
            "messages.0.role",
            "Invalid enum value. Expected 'system' | 'developer' | 'user' | 'assistant' | 'tool', received 'bot'",
        ),
        ({"messages": [{"role": "user", "content": None}]}, "messages.0.content", "Expected string, received null"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "Invalid input"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages.0.content.0.image_url.url",
            "Required",
        ),
        (
            {"response_format": {"type": "text", "x": 1}},
            "response_format.x",
            "Unrecognized key(s) in object: 'x'",
        ),
        (
            {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT]},
            "messages.1.content",
            "Expected string, received null",
        ),
        (
            {"messages": [USER, ASSISTANT, RESULT | {"content": [{"type": "text", "text": "x"}]}]},
            "messages.2.content",
            "Expected string, received array",
        ),
        (
            {"messages": [USER, ASSISTANT, RESULT | {"status": "ok"}]},
            "messages.2",
            "Unrecognized key(s) in object: 'status'",
        ),
        (
            {"messages": [USER, RESULT]},
            "messages.1.tool_call_id",
            "No tool call with id 'c1' in the preceding assistant turn",
        ),
        ({"messages": [USER, ASSISTANT, USER]}, "messages.2", "Tool calls without an answer: c1"),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            "tools.0.function.parameters",
            "Required",
        ),
        (
            {"tools": [TOOLS[0] | {"cache_control": {"type": "ephemeral"}}]},
            "tools.0",
            "Unrecognized key(s) in object: 'cache_control'",
        ),
        (
            {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "nope"}}},
            "tool_choice",
            "Tool choice 'nope' not found in 'tools'",
        ),
        ({"reasoning": {"effort": "low", "max_tokens": 9}}, "reasoning", "max_tokens cannot be used simultaneously"),
    ],
)
def test_invalid_chat_request_is_refused_with_path_and_reason(
    client: GatewayClient, body: JSON, path: str, reason: str
) -> None:
    [(refused_path, refused_reason)] = refused_fields(client.chat(**body))
    assert refused_path == path
    assert refused_reason.startswith(reason)


def test_unknown_fields_are_ignored(client: GatewayClient) -> None:
    assert client.chat(verbosity="low", user="me", made_up={"a": 1}).status_code == 200


@pytest.mark.parametrize(
    ("model", "messages"),
    [
        ("google/gemma-3-4b-it", [{"role": "system", "content": "x"}, USER]),
        ("google/gemma-3n-e4b-it", [{"role": "system", "content": "x"}, USER]),
        ("alibaba/qwen-max", [{"role": "developer", "content": "x"}, USER]),
    ],
)
def test_role_that_the_model_does_not_support_is_refused(
    client: GatewayClient, model: str, messages: list[JSON]
) -> None:
    [(path, reason)] = refused_fields(client.chat(model=model, messages=messages))
    assert path == "messages.0.role"
    assert "does not support" in reason


@pytest.mark.parametrize(
    ("model", "turns", "path"),
    [
        ("nvidia/nemotron-3-ultra-550b-a55b", [{"role": "user", "content": [TEXT]}], "messages.0.content"),
        (
            "alibaba/qwen3-omni-30b-a3b-captioner",
            [USER, {"role": "assistant", "content": "x"}, USER],
            "messages.1.role",
        ),
        ("gpt-4o", [{"role": "user", "content": [TEXT, DOCUMENT]}], "messages.0.content.1"),
        ("gpt-4o", [USER, {"role": "assistant", "content": [TOOL_USE]}, USER], "messages.1.content.0"),
    ],
)
def test_content_form_that_the_model_does_not_support_is_refused(
    client: GatewayClient, model: str, turns: list[JSON], path: str
) -> None:
    assert [refused_path for refused_path, _ in refused_fields(client.chat(model=model, messages=turns))] == [path]


def test_tool_choice_of_kimi_is_refused(client: GatewayClient) -> None:
    assert client.chat(model="moonshot/kimi-k2-6", tools=TOOLS).status_code == 200
    [(path, _)] = refused_fields(client.chat(model="moonshot/kimi-k2-6", tools=TOOLS, tool_choice="required"))
    assert path == "tool_choice"


def test_null_content_and_cache_control_of_a_permissive_model_are_accepted(client: GatewayClient) -> None:
    parts = [{"type": "text", "text": "sunny", "cache_control": {"type": "ephemeral"}}]
    assistant = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    turns = [USER, assistant, {"role": "tool", "tool_call_id": "c1", "content": parts}]
    assert client.chat(model="z-ai/glm-4.5v", messages=turns).status_code == 200


def test_refusal_is_a_problem_document(client: GatewayClient) -> None:
    body = client.chat(seed=0).json()
    assert (body["status"], body["title"], body["instance"]) == (400, "Bad Request", "/v1/chat/completions")
    assert body["error"]["name"] == "PublicApiValidationException"
    assert body["requestId"]
    assert body["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("header", "message"),
    [(None, "requires a valid API key"), ("Bearer", "empty string"), ("Basic abc", "requires a valid API key")],
)
def test_request_without_a_key_answers_401(client: GatewayClient, header: str | None, message: str) -> None:
    del client.http.headers["authorization"]
    headers = {"authorization": header} if header else {}
    response = client.http.post("chat/completions", json={"model": MODEL, "messages": [USER]}, headers=headers)
    assert response.status_code == 401
    assert response.json()["error"]["name"] == "UnauthorizedException"
    assert message in response.json()["message"]


@pytest.mark.parametrize("content", [b"{", b"[1]", b'"x"'])
def test_body_that_is_not_a_json_object_answers_400(client: GatewayClient, content: bytes) -> None:
    assert client.http.post("chat/completions", content=content).status_code == 400


@pytest.mark.parametrize("model", ["emulated/nope", "this-does-not-exist"])
def test_nonexistent_model_answers_404(client: GatewayClient, model: str) -> None:
    response = client.chat(model=model)
    assert (response.status_code, response.json()["message"]) == (404, f"Model {model} not found")


def test_responses_only_model_on_chat_is_refused(client: GatewayClient) -> None:
    response = client.chat(model="openai/gpt-5-pro")
    assert (response.status_code, "not available on /v1/chat" in response.text) == (400, True)


@pytest.mark.parametrize(("method", "path"), [("POST", "completions"), ("GET", "nothing/here"), ("GET", "embeddings")])
def test_unknown_path_or_method_answers_404_or_405(client: GatewayClient, method: str, path: str) -> None:
    assert client.http.request(method, path).status_code in (404, 405)


def test_path_without_version_is_served(client: GatewayClient) -> None:
    root = client.gateway.base_url.removesuffix("/v1")
    body: dict[str, Any] = {"model": MODEL, "messages": [USER]}
    assert client.http.post(f"{root}/chat/completions", json=body).status_code == 200
