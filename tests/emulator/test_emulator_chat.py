"""What the emulator says on /v1/chat/completions, plain and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .wires import MODEL, TOOLS, Json, Wire, events


def test_it_says_that_it_is_emulated(wire: Wire) -> None:
    body = wire.chat("Hello").json()
    assert body["choices"][0]["message"]["content"] == "[emulated] You said: Hello"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["system_fingerprint"] == "aimlapi-emulator"
    assert body["model"] == MODEL


def test_the_price_is_in_the_body_and_in_the_headers(wire: Wire) -> None:
    response = wire.chat("Hello")
    paid = response.json()["meta"]["usage"]
    assert paid["usd_spent"] == paid["credits_used"] / 2_000_000
    assert response.headers["x-aimlapi-credits-used"] == str(paid["credits_used"])
    assert response.headers["x-aimlapi-usd-spent"] == f"{paid['usd_spent']:.9f}"


def test_tokens_add_up(wire: Wire) -> None:
    usage = wire.chat("Hello").json()["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]


def test_a_long_prompt_is_cached_the_second_time(wire: Wire) -> None:
    prompts = [wire.chat("word " * 2000).json()["usage"]["prompt_tokens_details"]["cached_tokens"] for _ in range(2)]
    assert prompts == [0, 1024]


def test_ids_are_on_every_response(wire: Wire) -> None:
    good = wire.post("chat/completions", {}, x_client_request_id="run:1.a-b_c")
    assert good.headers["x-client-request-id"] == "run:1.a-b_c"
    assert good.headers["x-inference-id"]
    assert good.headers["x-request-id"] == good.json()["requestId"]
    assert "x-client-request-id" not in wire.post("chat/completions", {}, x_client_request_id="with space").headers


CASES: dict[str, dict[str, Any]] = {
    "text": {"text": "Hello, how are you today? Ä→𝄞"},
    "tools": {"text": "What is the weather in Paris and what is 2 plus 3?", "tools": TOOLS},
    "cut text": {"text": "Tell me a long story about a fox", "max_tokens": 6},
    "cut call": {"text": "What is the weather in Llanfairpwllgwyngyll?", "tools": TOOLS, "max_tokens": 8},
    "json": {"text": "A joke with the keys 'setup' and 'punchline'", "response_format": {"type": "json_object"}},
}
MODELS = [MODEL, "deepseek/deepseek-v4-pro", "mistralai/mistral-nemo", "minimax/m2-1", "google/gemini-3-5-flash"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("case", CASES)
def test_a_stream_says_what_the_plain_reply_says(wire: Wire, case: str, model: str) -> None:
    asked = {**CASES[case], "model": model}
    plain = wire.chat(**asked).raise_for_status().json()
    chunks = wire.chunks(**asked, stream_options={"include_usage": True})
    *parts, last = chunks
    deltas = [part["choices"][0]["delta"] for part in parts]
    message = plain["choices"][0]["message"]
    assert "".join(delta["content"] for delta in deltas) == message["content"]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == message.get("reasoning_content", "")
    assert parts[-1]["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"]
    assert last["choices"] == []
    assert last["usage"] == plain["usage"]
    assert last["meta"] == plain["meta"]
    arguments: dict[int, str] = {}
    for delta in deltas:
        for call in delta.get("tool_calls", []):
            arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
    assert [*arguments.values()] == [call["function"]["arguments"] for call in message.get("tool_calls", [])]


def test_a_stream_without_include_usage_has_none(wire: Wire) -> None:
    response = wire.chat(stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")
    assert not any("usage" in chunk or "meta" in chunk for chunk in events(response.text))
    assert "x-aimlapi-credits-used" not in response.headers


def test_stop_sequences_end_the_text(wire: Wire) -> None:
    assert wire.said("Hello", stop=["said", "zzz"])["content"] == "[emulated] You "
    assert wire.said("Hello", stop=" said")["content"] == "[emulated] You"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_token_limit_cuts(wire: Wire, name: str) -> None:
    body = wire.chat("Hello there, my friend", **{name: 6}).json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 6
    assert "[emulated] You said".startswith(body["choices"][0]["message"]["content"])


def test_a_cut_call_has_unfinished_arguments(wire: Wire) -> None:
    choice = wire.chat("Weather in Llanfairpwllgwyngyll?", tools=TOOLS, max_tokens=12).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
    assert arguments.startswith('{"')
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(arguments)


def test_several_choices(wire: Wire) -> None:
    assert [choice["index"] for choice in wire.chat(n=3).json()["choices"]] == [0, 1, 2]
    streamed = {choice["index"] for chunk in wire.chunks(n=3) for choice in chunk["choices"]}
    assert streamed == {0, 1, 2}


def test_logprobs_spell_the_text(wire: Wire) -> None:
    choice = wire.chat("Hi", logprobs=True, top_logprobs=2).json()["choices"][0]
    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    assert [len(token["top_logprobs"]) for token in tokens] == [2] * len(tokens)
    assert wire.chat("Hi").json()["choices"][0]["logprobs"] is None


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("deepseek/deepseek-r1", {"reasoning_content"}),
        ("alibaba/qwen3-32b", {"reasoning_content"}),
        ("mistralai/mistral-medium-3-5", {"reasoning", "reasoning_details"}),
        (MODEL, set()),
        ("gpt-4o", set()),
    ],
)
def test_thoughts_are_where_the_family_puts_them(wire: Wire, model: str, fields: set[str]) -> None:
    message = wire.said("Hi", model=model, reasoning_effort="low")
    assert {key for key in message if key.startswith("reasoning")} == fields
    assert all(message[key] for key in fields)


def test_minimax_thinks_aloud(wire: Wire) -> None:
    said = wire.said("Hi", model="minimax/m2-1")["content"]
    assert said.startswith("<think>\n")
    assert said.endswith("</think>\n\n[emulated] You said: Hi")


def test_perplexity_names_its_sources(wire: Wire) -> None:
    body = wire.chat("Hi", model="perplexity/sonar").json()
    assert body["citations"] == [page["url"] for page in body["search_results"]]
    assert wire.chunks("Hi", model="perplexity/sonar")[-1]["citations"] == body["citations"]


def test_claude_ends_its_turn(wire: Wire) -> None:
    assert wire.chat(model="anthropic/claude-sonnet-4.6").json()["choices"][0]["finish_reason"] == "end_turn"


def test_claude_does_not_tell_its_thinking_here(wire: Wire) -> None:
    body: Json = {"model": "anthropic/claude-sonnet-4.6", "thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert wire.said(**body)["reasoning_content"] == ""
    deltas = [choice.get("delta", {}) for chunk in wire.chunks(**body) for choice in chunk["choices"]]
    assert not any(delta.get("reasoning_content") for delta in deltas)


def test_claude_streams_in_its_own_way(wire: Wire) -> None:
    response = wire.chat(model="anthropic/claude-sonnet-4.6", stream=True)
    assert "[DONE]" not in response.text
    first, *rest = events(response.text)
    assert first["id"].startswith("msg_")
    assert {chunk["id"] for chunk in rest} == {""}
    *early, before, last = [chunk["choices"][0] for chunk in [first, *rest]]
    assert not any("finish_reason" in choice for choice in early)
    assert (before["finish_reason"], last) == ("stop", {"index": 0, "finish_reason": "stop"})
    assert rest[-2]["usage"]["total_tokens"] > 0


def test_gemini_signs_its_calls_and_wants_the_signature_back(wire: Wire) -> None:
    model = "google/gemini-3-5-flash"
    message = wire.said("Weather in Oslo?", model=model, tools=TOOLS[:1])
    [call] = message["tool_calls"]
    assert call["extra_content"]["google"]["thought_signature"]
    user = {"role": "user", "content": "Weather in Oslo?"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
    echoed = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert wire.said(messages=[user, echoed, result], model=model)["content"].endswith("get_weather: rain")
    bare = {"role": "assistant", "content": "", "tool_calls": [{k: v for k, v in call.items() if k != "extra_content"}]}
    response = wire.chat(messages=[user, bare, result], model=model)
    assert response.status_code == 400
    assert "thought_signature" in response.text


def test_what_arrived_can_be_looked_at(wire: Wire) -> None:
    wire.post("chat/completions", {"model": MODEL, "messages": []}, X_Title="App")
    [record] = wire.gateway.requests
    assert (record.method, record.path) == ("POST", "/v1/chat/completions")
    assert record.headers["x-title"] == "App"
    assert record.json == {"model": MODEL, "messages": []}
    wire.gateway.reset()
    assert wire.gateway.requests == []
