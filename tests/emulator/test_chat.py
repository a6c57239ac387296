"""Replies of /v1/chat/completions, plain and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.gateway_client import JSON, MODEL, TOOLS, GatewayClient, parse_events


def test_chat_reply_states_that_it_is_emulated(client: GatewayClient) -> None:
    body = client.chat("Hello").json()
    assert body["choices"][0]["message"]["content"] == "[emulated] You said: Hello"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["system_fingerprint"] == "aimlapi-emulator"
    assert body["model"] == MODEL


def test_chat_reply_has_the_cost_in_body_and_headers(client: GatewayClient) -> None:
    response = client.chat("Hello")
    cost = response.json()["meta"]["usage"]
    assert cost["usd_spent"] == cost["credits_used"] / 2_000_000
    assert response.headers["x-aimlapi-credits-used"] == str(cost["credits_used"])
    assert response.headers["x-aimlapi-usd-spent"] == f"{cost['usd_spent']:.9f}"


def test_chat_usage_adds_up_and_includes_reasoning(client: GatewayClient) -> None:
    usage = client.chat("Hello").json()["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]


def test_long_prompt_sent_twice_reports_cached_tokens(client: GatewayClient) -> None:
    prompts = [client.chat("word " * 2000).json()["usage"]["prompt_tokens_details"]["cached_tokens"] for _ in range(2)]
    assert prompts == [0, 1024]


def test_response_has_request_ids_and_echoes_a_valid_client_request_id(client: GatewayClient) -> None:
    response = client.post("chat/completions", {}, x_client_request_id="run:1.a-b_c")
    assert response.headers["x-client-request-id"] == "run:1.a-b_c"
    assert response.headers["x-inference-id"]
    assert response.headers["x-request-id"] == response.json()["requestId"]
    assert "x-client-request-id" not in client.post("chat/completions", {}, x_client_request_id="with space").headers


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
def test_stream_joined_equals_the_plain_reply(client: GatewayClient, case: str, model: str) -> None:
    request = {**CASES[case], "model": model}
    plain = client.chat(**request).raise_for_status().json()
    chunks = client.chat_chunks(**request, stream_options={"include_usage": True})
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


@pytest.mark.parametrize(("options", "has_usage"), [({}, True), ({"include_usage": False}, False)])
def test_stream_has_usage_unless_the_request_says_no(client: GatewayClient, options: JSON, has_usage: bool) -> None:
    response = client.chat(stream=True, **({"stream_options": options} if options else {}))
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("data: [DONE]\n\n")
    assert any("usage" in chunk or "meta" in chunk for chunk in parse_events(response.text)) == has_usage
    assert "x-aimlapi-credits-used" not in response.headers


def test_stop_sequence_in_the_text_ends_it(client: GatewayClient) -> None:
    assert client.chat_message("Hello", stop=["said", "zzz"])["content"] == "[emulated] You "
    assert client.chat_message("Hello", stop=" said")["content"] == "[emulated] You"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_token_limit_below_the_text_truncates_it(client: GatewayClient, name: str) -> None:
    body = client.chat("Hello there, my friend", **{name: 6}).json()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 6
    assert "[emulated] You said".startswith(body["choices"][0]["message"]["content"])


def test_token_limit_below_the_call_leaves_incomplete_arguments(client: GatewayClient) -> None:
    choice = client.chat("Weather in Llanfairpwllgwyngyll?", tools=TOOLS, max_tokens=12).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
    assert arguments.startswith('{"')
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(arguments)


def test_n_above_one_returns_that_many_choices(client: GatewayClient) -> None:
    assert [choice["index"] for choice in client.chat(n=3).json()["choices"]] == [0, 1, 2]
    streamed = {choice["index"] for chunk in client.chat_chunks(n=3) for choice in chunk["choices"]}
    assert streamed == {0, 1, 2}


def test_logprobs_when_requested_cover_the_text(client: GatewayClient) -> None:
    choice = client.chat("Hi", logprobs=True, top_logprobs=2).json()["choices"][0]
    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    assert [len(token["top_logprobs"]) for token in tokens] == [2] * len(tokens)
    assert client.chat("Hi").json()["choices"][0]["logprobs"] is None


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
def test_reasoning_is_in_the_fields_of_the_models_family(client: GatewayClient, model: str, fields: set[str]) -> None:
    message = client.chat_message("Hi", model=model, reasoning_effort="low")
    assert {key for key in message if key.startswith("reasoning")} == fields
    assert all(message[key] for key in fields)


def test_reasoning_of_minimax_is_in_think_tags(client: GatewayClient) -> None:
    content = client.chat_message("Hi", model="minimax/m2-1")["content"]
    assert content.startswith("<think>\n")
    assert content.endswith("</think>\n\n[emulated] You said: Hi")


def test_perplexity_reply_has_citations_and_search_results(client: GatewayClient) -> None:
    body = client.chat("Hi", model="perplexity/sonar").json()
    assert body["citations"] == [page["url"] for page in body["search_results"]]
    assert client.chat_chunks("Hi", model="perplexity/sonar")[-1]["citations"] == body["citations"]


def test_claude_reply_finishes_with_end_turn(client: GatewayClient) -> None:
    assert client.chat(model="anthropic/claude-sonnet-4.6").json()["choices"][0]["finish_reason"] == "end_turn"


def test_claude_reasoning_on_chat_is_empty(client: GatewayClient) -> None:
    body: JSON = {"model": "anthropic/claude-sonnet-4.6", "thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert client.chat_message(**body)["reasoning_content"] == ""
    deltas = [choice.get("delta", {}) for chunk in client.chat_chunks(**body) for choice in chunk["choices"]]
    assert not any(delta.get("reasoning_content") for delta in deltas)


def test_claude_stream_has_claudes_chunks(client: GatewayClient) -> None:
    response = client.chat(model="anthropic/claude-sonnet-4.6", stream=True)
    assert "[DONE]" not in response.text
    first, *rest = parse_events(response.text)
    assert first["id"].startswith("msg_")
    assert {chunk["id"] for chunk in rest} == {""}
    *early, before, last = [chunk["choices"][0] for chunk in [first, *rest]]
    assert not any("finish_reason" in choice for choice in early)
    assert (before["finish_reason"], last) == ("stop", {"index": 0, "finish_reason": "stop"})
    assert rest[-2]["usage"]["total_tokens"] > 0


def test_gemini_call_returned_without_its_signature_is_refused(client: GatewayClient) -> None:
    model = "google/gemini-3-5-flash"
    message = client.chat_message("Weather in Oslo?", model=model, tools=TOOLS[:1])
    [call] = message["tool_calls"]
    assert call["extra_content"]["google"]["thought_signature"]
    user = {"role": "user", "content": "Weather in Oslo?"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
    echoed = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert client.chat_message(messages=[user, echoed, result], model=model)["content"].endswith("get_weather: rain")
    bare = {"role": "assistant", "content": "", "tool_calls": [{k: v for k, v in call.items() if k != "extra_content"}]}
    response = client.chat(messages=[user, bare, result], model=model)
    assert response.status_code == 400
    assert "thought_signature" in response.text


def test_requests_are_recorded_until_reset(client: GatewayClient) -> None:
    client.post("chat/completions", {"model": MODEL, "messages": []}, X_Title="App")
    [record] = client.gateway.requests
    assert (record.method, record.path) == ("POST", "/v1/chat/completions")
    assert record.headers["x-title"] == "App"
    assert record.json == {"model": MODEL, "messages": []}
    client.gateway.reset()
    assert client.gateway.requests == []
