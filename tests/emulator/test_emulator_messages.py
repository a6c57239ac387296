"""Replies of /v1/messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .gateway_client import JSON, WEATHER, GatewayClient, parse_events, refused_fields

CLAUDE = "anthropic/claude-sonnet-4.6"
TOOL = {"name": "get_weather", "input_schema": WEATHER}
THINK = {"type": "enabled", "budget_tokens": 1024}
BITMAP = {"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "QQ=="}}


def request_body(text: str = "Hello", **body: Any) -> JSON:
    return {"model": CLAUDE, "messages": [{"role": "user", "content": text}], **body}


def test_reply_has_text_status_and_cost(client: GatewayClient) -> None:
    reply = client.post("messages", request_body(system="Be kind", max_tokens=100)).json()
    assert reply["content"] == [{"type": "text", "text": "[emulated] You said: Hello"}]
    assert (reply["stop_reason"], reply["stop_sequence"]) == ("end_turn", None)
    assert reply["meta"]["usage"]["credits_used"] > 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (request_body("Hello there my friend", max_tokens=4), "max_tokens"),
        (request_body(stop_sequences=["said"]), "stop_sequence"),
        (request_body("Weather in Oslo?", tools=[TOOL]), "tool_use"),
        (request_body("Hi", tools=[TOOL], tool_choice={"type": "any"}), "tool_use"),
    ],
)
def test_stop_reason_says_why_the_reply_ended(client: GatewayClient, body: JSON, reason: str) -> None:
    assert client.post("messages", body).json()["stop_reason"] == reason


@pytest.mark.parametrize(
    "body",
    [
        request_body("Ä long answer"),
        request_body("Weather in Oslo?", tools=[TOOL]),
        request_body(thinking=THINK, max_tokens=2000),
    ],
)
def test_stream_joined_equals_the_plain_reply(client: GatewayClient, body: JSON) -> None:
    plain = client.post("messages", body).json()
    streamed = parse_events(client.post("messages", {**body, "stream": True}).text)
    assert [streamed[0]["type"], streamed[-1]["type"]] == ["message_start", "message_stop"]
    deltas = [event["delta"] for event in streamed if event["type"] == "content_block_delta"]
    joined = {kind: "".join(delta.get(kind, "") for delta in deltas) for kind in ("text", "thinking", "partial_json")}
    blocks = {block["type"]: block for block in plain["content"]}
    assert joined["text"] == blocks.get("text", {}).get("text", "")
    assert joined["thinking"] == blocks.get("thinking", {}).get("thinking", "")
    assert json.loads(joined["partial_json"] or "{}") == blocks.get("tool_use", {}).get("input", {})
    assert streamed[-2]["delta"]["stop_reason"] == plain["stop_reason"]


def test_tool_result_is_answered_and_an_unknown_one_refused(client: GatewayClient) -> None:
    first = request_body("Weather in Oslo?", tools=[TOOL])
    [call] = client.post("messages", first).json()["content"]
    assert call["input"] == {"city": "Oslo"}
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "snow"}]}
    turns = [*first["messages"], {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    reply = client.post("messages", {**first, "messages": turns}).json()
    assert reply["content"][0]["text"] == "[emulated] Based on get_weather: snow"
    assert refused_fields(client.post("messages", {**first, "messages": turns[::2]}))


def test_model_of_another_vendor_is_refused(client: GatewayClient) -> None:
    response = client.post("messages", request_body() | {"model": "gpt-4o"})
    assert (response.status_code, response.json()["message"]) == (400, "Model gpt-4o is not available on /v1/messages")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (request_body(max_tokens=None), "max_tokens"),
        (request_body(temperature=1.5), "temperature"),
        (request_body(thinking={"type": "enabled", "budget_tokens": 10}), "thinking.budget_tokens"),
        (request_body(tools=[{"name": "x"}]), "tools.0.input_schema"),
        (request_body(messages=[{"role": "system", "content": "x"}]), "messages.0.role"),
        (request_body(messages=[{"role": "user", "content": []}]), "messages.0"),
        (
            request_body(messages=[{"role": "user", "content": [{"type": "text", "text": ""}]}]),
            "messages.0.content.0.text",
        ),
        (request_body(messages=[{"role": "user", "content": [BITMAP]}]), "messages.0.content.0.source.media_type"),
        (request_body(thinking=THINK, max_tokens=1024), "max_tokens"),
        (request_body(thinking=THINK, temperature=0.5), "temperature"),
        (request_body(thinking=THINK, top_p=0.5), "top_p"),
        (request_body(thinking=THINK, top_k=5), "top_k"),
        (request_body(thinking=THINK, tools=[TOOL], tool_choice={"type": "any"}), "tool_choice"),
        (
            request_body(thinking=THINK, tools=[TOOL], tool_choice={"type": "tool", "name": "get_weather"}),
            "tool_choice",
        ),
    ],
)
def test_invalid_request_is_refused_at_the_field(client: GatewayClient, body: JSON, path: str) -> None:
    assert [refused_path for refused_path, _ in refused_fields(client.post("messages", body))] == [path]
