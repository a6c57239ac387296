"""Replies of /v1/responses: plain, streamed, stored and in the background."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.gateway_client import ADD, JSON, WEATHER, GatewayClient, parse_events, refused_fields

TOOLS: list[JSON] = [
    {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": False},
    {"type": "function", "name": "add", "parameters": ADD, "strict": True},
]
CALL = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "mild"}
WEB = [{"type": "web_search_preview"}]
MCP = {"type": "mcp", "server_label": "wiki", "server_url": "https://wiki.invalid/mcp"}

CASES: dict[str, JSON] = {
    "text": {"input": "Hello"},
    "tools": {"input": "What is the weather in Paris and what is 2 plus 3?", "tools": TOOLS},
    "cut text": {"input": "Hello " * 20, "max_output_tokens": 16},
    "cut call": {"input": "Weather in " + "Llanfair" * 9, "tools": TOOLS, "max_output_tokens": 16},
    "reasoning": {"input": "Hi", "reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]},
    "web": {"input": "What was a positive news story from today?", "tools": WEB},
    "code": {
        "input": "Please compute the answer",
        "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
    },
    "mcp": {"input": "Ask the MCP server about it", "tools": [MCP | {"require_approval": "never"}]},
}


def types(reply: JSON) -> list[str]:
    return [item["type"] for item in reply["output"]]


def test_reply_has_text_status_and_cost(client: GatewayClient) -> None:
    reply = client.respond({"input": "Hello"}).json()
    assert reply["output_text"] == "[emulated] You said: Hello"
    assert (reply["status"], reply["error"], reply["incomplete_details"]) == ("completed", None, None)
    assert types(reply) == ["reasoning", "message"]
    assert reply["usage"]["total_tokens"] == reply["usage"]["input_tokens"] + reply["usage"]["output_tokens"]
    assert reply["meta"]["usage"]["credits_used"] > 0


@pytest.mark.parametrize("case", CASES)
def test_stream_events_build_the_plain_reply(client: GatewayClient, case: str) -> None:
    plain = client.respond(CASES[case]).raise_for_status().json()
    streamed = parse_events(client.respond({**CASES[case], "stream": True}).raise_for_status().text)
    assert [event["sequence_number"] for event in streamed] == list(range(len(streamed)))
    assert [event["type"] for event in streamed[:2]] == ["response.created", "response.in_progress"]
    assert streamed[-1]["type"] == f"response.{plain['status']}"
    last = streamed[-1]["response"]
    assert (last["output_text"], types(last), last["usage"]) == (plain["output_text"], types(plain), plain["usage"])
    assert join_events(streamed) == last["output"]


# What an event adds to its item: a part to a list of parts, or text to a field of the item or a part.
PARTS = {"content_part.added": "content", "reasoning_summary_part.added": "summary"}
TEXTS = {
    "output_text.delta": ("content", "content_index"),
    "reasoning_summary_text.delta": ("summary", "summary_index"),
}
FIELDS = {
    "function_call_arguments.delta": "arguments",
    "mcp_call_arguments.delta": "arguments",
    "code_interpreter_call_code.delta": "code",
}
WITHOUT_DELTAS = {"status", "tools", "output", "outputs"}


def join_events(streamed: list[JSON]) -> list[JSON]:
    """Build the output from the deltas alone, and compare each item with its `output_item.done`."""
    output: list[JSON] = []
    for event in streamed:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            output.append(event["item"])
        elif kind == "output_item.done":
            built = output[event["output_index"]]
            assert {key: built[key] for key in built.keys() - WITHOUT_DELTAS} == {
                key: event["item"][key] for key in event["item"].keys() - WITHOUT_DELTAS
            }
            output[event["output_index"]] = event["item"]
        elif "output_index" in event:
            apply_delta(output[event["output_index"]], kind, event)
    return output


def apply_delta(item: JSON, kind: str, event: JSON) -> None:
    if kind in PARTS:
        item[PARTS[kind]].append(event["part"])
    elif kind in TEXTS:
        field, index = TEXTS[kind]
        item[field][event[index]]["text"] += event["delta"]
    elif kind in FIELDS:
        item[FIELDS[kind]] += event["delta"]
    elif kind == "output_text.annotation.added":
        item["content"][event["content_index"]]["annotations"].append(event["annotation"])


def test_tools_are_called_and_their_outputs_answered(client: GatewayClient) -> None:
    reply = client.respond(CASES["tools"]).json()
    assert [item["name"] for item in reply["output"] if item["type"] == "function_call"] == ["get_weather", "add"]
    reply = client.respond({"input": [{"role": "user", "content": "Weather?"}, CALL, OUTPUT], "tools": TOOLS}).json()
    assert reply["output_text"] == "[emulated] Based on get_weather: mild"


def test_token_limit_below_the_call_makes_the_response_incomplete(client: GatewayClient) -> None:
    reply = client.respond(CASES["cut call"]).json()
    assert (reply["status"], reply["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert reply["output"][-1]["status"] == "incomplete"


def test_reasoning_summary_and_encrypted_content_are_returned_on_request(client: GatewayClient) -> None:
    item = client.respond(CASES["reasoning"]).json()["output"][0]
    assert item["summary"][0]["text"].startswith("[emulated]")
    assert item["encrypted_content"]
    bare = client.respond({"input": "Hi"}).json()["output"][0]
    assert (bare["summary"], "encrypted_content" in bare) == ([], False)


def test_web_search_cites_the_page_in_the_text(client: GatewayClient) -> None:
    reply = client.respond({"input": "What is the capital of Austria?", "tools": WEB}).json()
    assert types(reply) == ["reasoning", "web_search_call", "message"]
    [part] = reply["output"][-1]["content"]
    [note] = part["annotations"]
    assert note["url"] == "https://example.com/emulated/vienna"
    assert part["text"][note["start_index"] : note["end_index"]] == f"[{note['title']}]({note['url']})"


def test_mcp_call_is_made_only_after_approval(client: GatewayClient) -> None:
    pending = client.respond({"input": "Ask the MCP server about it", "tools": [MCP]}).json()
    request = pending["output"][-1]
    assert request["type"] == "mcp_approval_request"
    user = {"role": "user", "content": "Ask the MCP server about it"}
    replies_by_approval: dict[bool, JSON] = {}
    for approve in (True, False):
        approval = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve}
        replies_by_approval[approve] = client.respond({"input": [user, request, approval], "tools": [MCP]}).json()
    assert "mcp_call" in types(replies_by_approval[True])
    assert "mcp_call" not in types(replies_by_approval[False])


def test_previous_response_id_of_a_stored_response_continues_it(client: GatewayClient) -> None:
    first = client.respond({"input": "Weather in Oslo?", "tools": TOOLS, "store": True}).json()
    call = first["output"][-1]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "snow"}
    then = client.respond({"input": [result], "previous_response_id": first["id"], "tools": TOOLS}).json()
    assert then["output_text"] == "[emulated] Based on get_weather: snow"
    assert then["previous_response_id"] == first["id"]


def test_response_without_store_is_not_stored(client: GatewayClient) -> None:
    first = client.respond({"input": "Hi"}).json()
    [(path, reason)] = refused_fields(client.respond({"input": "Hi", "previous_response_id": first["id"]}))
    assert path == "previous_response_id"
    assert "store: true" in reason
    assert client.http.get(f"responses/{first['id']}").status_code == 404


def test_background_response_is_queued_then_completed(client: GatewayClient) -> None:
    first = client.respond({"input": "Hi", "background": True}).json()
    assert (first["status"], first["output"]) == ("queued", [])
    replies = [client.http.get(f"responses/{first['id']}").json() for _ in range(2)]
    assert [reply["status"] for reply in replies] == ["in_progress", "completed"]
    assert replies[-1]["output_text"] == "[emulated] You said: Hi"


def test_background_response_cancelled_stays_cancelled(client: GatewayClient) -> None:
    first = client.respond({"input": "Hi", "background": True}).json()
    for _ in range(2):
        assert client.http.post(f"responses/{first['id']}/cancel").json()["status"] == "cancelled"
    assert client.http.get(f"responses/{first['id']}").json()["output"] == []


OUTPUT_TEXT: JSON = {"type": "output_text", "text": "x"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": None}, "input"),
        ({"input": "x", "max_output_tokens": 15}, "max_output_tokens"),
        ({"input": "x", "text": {"verbosity": "low"}}, "text.format"),
        ({"input": "x", "include": ["message.output_text.logprobs"]}, "include.0"),
        ({"input": "x", "tools": [{"type": "function", "name": "f", "parameters": {}}]}, "tools.0.strict"),
        ({"input": "x", "tools": [{"type": "function", "name": "f", "strict": True}]}, "tools.0.parameters"),
        ({"input": "x", "tools": [TOOLS[0] | {"strict": None}]}, "tools.0.strict"),
        ({"input": "x", "tools": [{"type": "file_search"}]}, "tools.0.type"),
        ({"input": "x", "reasoning": {"effort": "minimal"}}, "reasoning.effort"),
        ({"input": [{"role": "user", "content": "x"}, CALL, OUTPUT | {"output": []}]}, "input.2.output"),
        ({"input": [{"role": "user", "content": "x"}, OUTPUT]}, "input"),
        ({"input": [{"role": "user", "content": "x"}, CALL]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "input.0.content.0.type"),
        ({"input": [{"role": "assistant", "content": [OUTPUT_TEXT]}]}, "input.0.content.0.annotations"),
        ({"input": [{"type": "reasoning", "id": "rs_1"}]}, "input.0.summary"),
        ({"input": [{"type": "item_reference", "id": "msg_x"}]}, "input.0.id"),
        ({"input": []}, "input"),
    ],
)
def test_invalid_request_is_refused_at_the_field(client: GatewayClient, body: JSON, path: str) -> None:
    assert path in [refused_path for refused_path, _ in refused_fields(client.respond(body))]


def test_hosted_tool_that_the_model_does_not_support_is_refused(client: GatewayClient) -> None:
    body: dict[str, Any] = {"input": "x", "tools": WEB}
    assert client.respond(body).status_code == 200
    assert refused_fields(client.respond(body, model="gpt-3.5-turbo")) == [("tools.0", "Invalid input")]


def test_history_as_items_or_messages_is_accepted(client: GatewayClient) -> None:
    user = {"role": "user", "content": "Hi"}
    whole = client.respond({"input": "Hi"}).json()["output"]
    assert client.respond({"input": [user, *whole, user]}).status_code == 200
    assert client.respond({"input": [user, {"role": "assistant", "content": "x"}, user]}).status_code == 200
