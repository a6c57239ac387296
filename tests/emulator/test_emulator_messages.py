"""What the emulator says on /v1/messages, in Anthropic's own form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .wires import WEATHER, Json, Wire, events, refusal

CLAUDE = "anthropic/claude-sonnet-4.6"
TOOL = {"name": "get_weather", "input_schema": WEATHER}
THINK = {"type": "enabled", "budget_tokens": 1024}
BITMAP = {"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "QQ=="}}


def ask(text: str = "Hello", **body: Any) -> Json:
    return {"model": CLAUDE, "messages": [{"role": "user", "content": text}], **body}


def test_an_answer(wire: Wire) -> None:
    reply = wire.post("messages", ask(system="Be kind", max_tokens=100)).json()
    assert reply["content"] == [{"type": "text", "text": "[emulated] You said: Hello"}]
    assert (reply["stop_reason"], reply["stop_sequence"]) == ("end_turn", None)
    assert reply["meta"]["usage"]["credits_used"] > 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (ask("Hello there my friend", max_tokens=4), "max_tokens"),
        (ask(stop_sequences=["said"]), "stop_sequence"),
        (ask("Weather in Oslo?", tools=[TOOL]), "tool_use"),
        (ask("Hi", tools=[TOOL], tool_choice={"type": "any"}), "tool_use"),
    ],
)
def test_why_it_stops(wire: Wire, body: Json, reason: str) -> None:
    assert wire.post("messages", body).json()["stop_reason"] == reason


@pytest.mark.parametrize(
    "body", [ask("Ä long answer"), ask("Weather in Oslo?", tools=[TOOL]), ask(thinking=THINK, max_tokens=2000)]
)
def test_a_stream_says_what_the_plain_reply_says(wire: Wire, body: Json) -> None:
    plain = wire.post("messages", body).json()
    streamed = events(wire.post("messages", {**body, "stream": True}).text)
    assert [streamed[0]["type"], streamed[-1]["type"]] == ["message_start", "message_stop"]
    deltas = [event["delta"] for event in streamed if event["type"] == "content_block_delta"]
    said = {kind: "".join(delta.get(kind, "") for delta in deltas) for kind in ("text", "thinking", "partial_json")}
    blocks = {block["type"]: block for block in plain["content"]}
    assert said["text"] == blocks.get("text", {}).get("text", "")
    assert said["thinking"] == blocks.get("thinking", {}).get("thinking", "")
    assert json.loads(said["partial_json"] or "{}") == blocks.get("tool_use", {}).get("input", {})
    assert streamed[-2]["delta"]["stop_reason"] == plain["stop_reason"]


def test_a_tool_loop(wire: Wire) -> None:
    first = ask("Weather in Oslo?", tools=[TOOL])
    [call] = wire.post("messages", first).json()["content"]
    assert call["input"] == {"city": "Oslo"}
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "snow"}]}
    turns = [*first["messages"], {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    reply = wire.post("messages", {**first, "messages": turns}).json()
    assert reply["content"][0]["text"] == "[emulated] Based on get_weather: snow"
    assert refusal(wire.post("messages", {**first, "messages": turns[::2]}))


def test_only_claude_is_here(wire: Wire) -> None:
    response = wire.post("messages", ask() | {"model": "gpt-4o"})
    assert (response.status_code, response.json()["message"]) == (400, "Model gpt-4o is not available on /v1/messages")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (ask(max_tokens=None), "max_tokens"),
        (ask(temperature=1.5), "temperature"),
        (ask(thinking={"type": "enabled", "budget_tokens": 10}), "thinking.budget_tokens"),
        (ask(tools=[{"name": "x"}]), "tools.0.input_schema"),
        (ask(messages=[{"role": "system", "content": "x"}]), "messages.0.role"),
        (ask(messages=[{"role": "user", "content": []}]), "messages.0"),
        (ask(messages=[{"role": "user", "content": [{"type": "text", "text": ""}]}]), "messages.0.content.0.text"),
        (ask(messages=[{"role": "user", "content": [BITMAP]}]), "messages.0.content.0.source.media_type"),
        (ask(thinking=THINK, max_tokens=1024), "max_tokens"),
        (ask(thinking=THINK, temperature=0.5), "temperature"),
        (ask(thinking=THINK, top_p=0.5), "top_p"),
        (ask(thinking=THINK, top_k=5), "top_k"),
        (ask(thinking=THINK, tools=[TOOL], tool_choice={"type": "any"}), "tool_choice"),
        (ask(thinking=THINK, tools=[TOOL], tool_choice={"type": "tool", "name": "get_weather"}), "tool_choice"),
    ],
)
def test_what_is_refused(wire: Wire, body: Json, path: str) -> None:
    assert [found for found, _ in refusal(wire.post("messages", body))] == [path]
