"""Replies of /v1/messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.gateway_client import JSON, WEATHER, GatewayClient, parse_events, refused_fields

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


SEARCH = {"type": "web_search_20250305", "name": "web_search"}
SEARCH_REQUEST = request_body("What is the capital of Austria?", tools=[SEARCH])


def join_blocks(streamed: list[JSON]) -> list[JSON]:
    """The content blocks of a streamed message."""
    blocks: list[JSON] = []
    for event in streamed:
        delta = event.get("delta", {})
        match delta.get("type"), event["type"]:
            case _, "content_block_start":
                blocks.append(event["content_block"])
            case "text_delta", _:
                blocks[-1]["text"] += delta["text"]
            case "citations_delta", _:
                blocks[-1]["citations"].append(delta["citation"])
            case "input_json_delta", _:
                blocks[-1]["input"] = blocks[-1]["input"] or ""
                blocks[-1]["input"] += delta["partial_json"]
    return [block | {"input": json.loads(block["input"])} if "input" in block else block for block in blocks]


def without_ids(blocks: list[JSON]) -> list[JSON]:
    return [{key: value for key, value in block.items() if key not in ("id", "tool_use_id")} for block in blocks]


def test_web_search_of_claude_returns_server_tool_blocks_and_citations(client: GatewayClient) -> None:
    reply = client.post("messages", SEARCH_REQUEST).json()
    use, results, text = reply["content"]
    assert (use["type"], use["name"], use["input"]) == (
        "server_tool_use",
        "web_search",
        {"query": "What is the capital of Austria?"},
    )
    assert (results["type"], results["tool_use_id"]) == ("web_search_tool_result", use["id"])
    assert text["text"] == "[emulated] Vienna is the capital of Austria and lies on the Danube."
    assert text["citations"][0]["url"] == results["content"][0]["url"] == "https://example.com/emulated/vienna"
    assert reply["stop_reason"] == "end_turn"
    assert reply["usage"]["server_tool_use"] == {"web_search_requests": 1}
    streamed = parse_events(client.post("messages", {**SEARCH_REQUEST, "stream": True}).text)
    assert without_ids(join_blocks(streamed)) == without_ids(reply["content"])


def test_search_results_returned_with_other_encrypted_content_are_refused(client: GatewayClient) -> None:
    content = client.post("messages", SEARCH_REQUEST).json()["content"]
    turns = [*SEARCH_REQUEST["messages"], {"role": "assistant", "content": content}, {"role": "user", "content": "Ok"}]
    assert client.post("messages", {**SEARCH_REQUEST, "messages": turns}).status_code == 200
    content[1]["content"][0]["encrypted_content"] = "other"
    [(path, _)] = refused_fields(client.post("messages", {**SEARCH_REQUEST, "messages": turns}))
    assert path == "messages.1.content.1.content.0.encrypted_content"


@pytest.mark.parametrize("stream", [False, True])
def test_pause_turn_fault_pauses_after_the_search_until_the_turn_is_sent_back(
    client: GatewayClient, stream: bool
) -> None:
    request = {**SEARCH_REQUEST, "stream": stream}
    response = client.post("messages", request, x_emulator_fault="pause-turn; times=1")
    if stream:
        streamed = parse_events(response.text)
        content, stop_reason = join_blocks(streamed), streamed[-2]["delta"]["stop_reason"]
    else:
        content, stop_reason = response.json()["content"], response.json()["stop_reason"]
    assert stop_reason == "pause_turn"
    assert [block["type"] for block in content] == ["server_tool_use", "web_search_tool_result"]
    turns = [*SEARCH_REQUEST["messages"], {"role": "assistant", "content": content}]
    reply = client.post("messages", {**SEARCH_REQUEST, "messages": turns}).json()
    assert reply["stop_reason"] == "end_turn"
    assert [block["type"] for block in reply["content"]] == ["text"]
    assert reply["content"][0]["text"].startswith("[emulated] Vienna is the capital of Austria")


def test_pause_turn_fault_without_a_server_tool_changes_nothing(client: GatewayClient) -> None:
    for stream in (False, True):
        response = client.post("messages", request_body(stream=stream), x_emulator_fault="pause-turn")
        assert "pause_turn" not in response.text
        assert "end_turn" in response.text
