"""What the emulator says on /v1/responses, plain, streamed, stored and in the background."""

from __future__ import annotations

from typing import Any

import pytest

from .wires import ADD, WEATHER, Json, Wire, events, refusal

TOOLS: list[Json] = [
    {"type": "function", "name": "get_weather", "parameters": WEATHER, "strict": False},
    {"type": "function", "name": "add", "parameters": ADD, "strict": True},
]
CALL = {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "mild"}
WEB = [{"type": "web_search_preview"}]
MCP = {"type": "mcp", "server_label": "wiki", "server_url": "https://wiki.invalid/mcp"}

CASES: dict[str, Json] = {
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


def types(reply: Json) -> list[str]:
    return [item["type"] for item in reply["output"]]


def test_an_answer(wire: Wire) -> None:
    reply = wire.respond({"input": "Hello"}).json()
    assert reply["output_text"] == "[emulated] You said: Hello"
    assert (reply["status"], reply["error"], reply["incomplete_details"]) == ("completed", None, None)
    assert types(reply) == ["reasoning", "message"]
    assert reply["usage"]["total_tokens"] == reply["usage"]["input_tokens"] + reply["usage"]["output_tokens"]
    assert reply["meta"]["usage"]["credits_used"] > 0


@pytest.mark.parametrize("case", CASES)
def test_a_stream_ends_in_the_plain_reply(wire: Wire, case: str) -> None:
    plain = wire.respond(CASES[case]).raise_for_status().json()
    streamed = events(wire.respond({**CASES[case], "stream": True}).raise_for_status().text)
    assert [event["sequence_number"] for event in streamed] == list(range(len(streamed)))
    assert [event["type"] for event in streamed[:2]] == ["response.created", "response.in_progress"]
    assert streamed[-1]["type"] == f"response.{plain['status']}"
    last = streamed[-1]["response"]
    assert (last["output_text"], types(last), last["usage"]) == (plain["output_text"], types(plain), plain["usage"])
    assert gathered(streamed) == last["output"]


# What an event adds to its item: a part to a list of parts, or text to a field (of a part).
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
UNSTREAMED = {"status", "tools", "output", "outputs"}


def gathered(streamed: list[Json]) -> list[Json]:
    """The output, put together from the deltas alone; what `output_item.done` says is held against it."""
    output: list[Json] = []
    for event in streamed:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            output.append(event["item"])
        elif kind == "output_item.done":
            made = output[event["output_index"]]
            assert {key: made[key] for key in made.keys() - UNSTREAMED} == {
                key: event["item"][key] for key in event["item"].keys() - UNSTREAMED
            }
            output[event["output_index"]] = event["item"]
        elif "output_index" in event:
            extend(output[event["output_index"]], kind, event)
    return output


def extend(item: Json, kind: str, event: Json) -> None:
    if kind in PARTS:
        item[PARTS[kind]].append(event["part"])
    elif kind in TEXTS:
        field, index = TEXTS[kind]
        item[field][event[index]]["text"] += event["delta"]
    elif kind in FIELDS:
        item[FIELDS[kind]] += event["delta"]
    elif kind == "output_text.annotation.added":
        item["content"][event["content_index"]]["annotations"].append(event["annotation"])


def test_tools_are_called_and_answered(wire: Wire) -> None:
    reply = wire.respond(CASES["tools"]).json()
    assert [item["name"] for item in reply["output"] if item["type"] == "function_call"] == ["get_weather", "add"]
    said = wire.respond({"input": [{"role": "user", "content": "Weather?"}, CALL, OUTPUT], "tools": TOOLS}).json()
    assert said["output_text"] == "[emulated] Based on get_weather: mild"


def test_a_cut_answer_is_incomplete(wire: Wire) -> None:
    reply = wire.respond(CASES["cut call"]).json()
    assert (reply["status"], reply["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert reply["output"][-1]["status"] == "incomplete"


def test_reasoning_is_shown_when_asked_for(wire: Wire) -> None:
    item = wire.respond(CASES["reasoning"]).json()["output"][0]
    assert item["summary"][0]["text"].startswith("[emulated]")
    assert item["encrypted_content"]
    bare = wire.respond({"input": "Hi"}).json()["output"][0]
    assert (bare["summary"], "encrypted_content" in bare) == ([], False)


def test_search_cites_its_pages(wire: Wire) -> None:
    reply = wire.respond({"input": "What is the capital of Austria?", "tools": WEB}).json()
    assert types(reply) == ["reasoning", "web_search_call", "message"]
    [part] = reply["output"][-1]["content"]
    [note] = part["annotations"]
    assert note["url"] == "https://example.com/emulated/vienna"
    assert part["text"][note["start_index"] : note["end_index"]] == f"[{note['title']}]({note['url']})"


def test_an_mcp_call_waits_for_approval(wire: Wire) -> None:
    asked = wire.respond({"input": "Ask the MCP server about it", "tools": [MCP]}).json()
    request = asked["output"][-1]
    assert request["type"] == "mcp_approval_request"
    user = {"role": "user", "content": "Ask the MCP server about it"}
    answers: dict[bool, Json] = {}
    for approve in (True, False):
        verdict = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve}
        answers[approve] = wire.respond({"input": [user, request, verdict], "tools": [MCP]}).json()
    assert "mcp_call" in types(answers[True])
    assert "mcp_call" not in types(answers[False])


def test_a_conversation_goes_on_where_it_was_kept(wire: Wire) -> None:
    first = wire.respond({"input": "Weather in Oslo?", "tools": TOOLS, "store": True}).json()
    call = first["output"][-1]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "snow"}
    then = wire.respond({"input": [result], "previous_response_id": first["id"], "tools": TOOLS}).json()
    assert then["output_text"] == "[emulated] Based on get_weather: snow"
    assert then["previous_response_id"] == first["id"]


def test_nothing_is_kept_unasked(wire: Wire) -> None:
    first = wire.respond({"input": "Hi"}).json()
    [(path, reason)] = refusal(wire.respond({"input": "Hi", "previous_response_id": first["id"]}))
    assert path == "previous_response_id"
    assert "store: true" in reason
    assert wire.http.get(f"responses/{first['id']}").status_code == 404


def test_in_the_background(wire: Wire) -> None:
    first = wire.respond({"input": "Hi", "background": True}).json()
    assert (first["status"], first["output"]) == ("queued", [])
    seen = [wire.http.get(f"responses/{first['id']}").json() for _ in range(2)]
    assert [reply["status"] for reply in seen] == ["in_progress", "completed"]
    assert seen[-1]["output_text"] == "[emulated] You said: Hi"


def test_a_background_response_can_be_cancelled(wire: Wire) -> None:
    first = wire.respond({"input": "Hi", "background": True}).json()
    for _ in range(2):
        assert wire.http.post(f"responses/{first['id']}/cancel").json()["status"] == "cancelled"
    assert wire.http.get(f"responses/{first['id']}").json()["output"] == []


SAID: Json = {"type": "output_text", "text": "x"}


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
        ({"input": [{"role": "assistant", "content": [SAID]}]}, "input.0.content.0.annotations"),
        ({"input": [{"type": "reasoning", "id": "rs_1"}]}, "input.0.summary"),
        ({"input": [{"type": "item_reference", "id": "msg_x"}]}, "input.0.id"),
        ({"input": []}, "input"),
    ],
)
def test_what_is_refused(wire: Wire, body: Json, path: str) -> None:
    assert path in [found for found, _ in refusal(wire.respond(body))]


def test_some_models_refuse_some_tools(wire: Wire) -> None:
    body: dict[str, Any] = {"input": "x", "tools": WEB}
    assert wire.respond(body).status_code == 200
    assert refusal(wire.respond(body, model="gpt-3.5-turbo")) == [("tools.0", "Invalid input")]


def test_history_comes_back_in_either_form(wire: Wire) -> None:
    user = {"role": "user", "content": "Hi"}
    whole = wire.respond({"input": "Hi"}).json()["output"]
    assert wire.respond({"input": [user, *whole, user]}).status_code == 200
    assert wire.respond({"input": [user, {"role": "assistant", "content": "x"}, user]}).status_code == 200
