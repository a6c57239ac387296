"""Tool calls with equal, empty or missing ids in histories: each is sent with a unique id and its result."""

from __future__ import annotations

import pytest

from aimlapi_integrations.endpoints.shared.identifiers import identify_calls
from aimlapi_integrations.errors import UnsupportedContentError
from aimlapi_integrations.types import Message, Request, Text, ToolCall
from tests.parity.sending import Turn, every_client, every_endpoint, mode_of, send_turns
from tests.support.tool_gateway import Call, ToolGateway, calls_of, results_of


def call(x: int, call_id: str | None, name: str = "add") -> Call:
    return Call(name, {"x": x}, call_id)


HISTORIES: dict[str, list[Turn]] = {
    "equal ids": ["q", [call(1, "w"), call(2, "w")], ("1", "w", None), ("2", "w", None)],
    "equal ids of two functions, out of order": [
        "q",
        [call(1, "w"), call(2, "w", "mul")],
        ("2", "w", "mul"),
        ("1", "w", "add"),
    ],
    "no ids": ["q", [call(1, ""), call(2, "")], ("1", "", None), ("2", "", None)],
    "no ids, out of order": ["q", [call(1, "", "mul"), call(2, "")], ("2", "", "add"), ("1", "", "mul")],
    "no ids of calls, names as ids of results": [
        "q",
        [call(1, "", "mul"), call(2, "")],
        ("2", "add", None),
        ("1", "mul", None),
    ],
    "ids that are the functions' names": [
        "q",
        [call(1, "add"), call(2, "mul", "mul"), call(3, "add")],
        ("2", "mul", None),
        ("1", "add", None),
        ("3", "add", None),
    ],
    "names as ids of results alone": [
        "q",
        [call(1, "c1", "mul"), call(2, "c2")],
        ("2", "add", None),
        ("1", "mul", None),
    ],
    "equal ids across turns": [
        "q",
        [call(1, "w")],
        ("1", "w", None),
        [call(2, "w")],
        ("2", "w", None),
        "and?",
        [call(3, "w"), call(4, "w")],
        ("3", "w", None),
        ("4", "w", None),
    ],
    "a call that nobody answered": ["q", [call(0, "w")], "never mind", [call(1, "w")], ("1", "w", None)],
    "one message for each call": ["q", [call(1, "w")], [call(2, "w")], ("1", "w", None), ("2", "w", None)],
    "an id like one made here": [
        "q",
        [call(1, "w"), call(2, "w"), call(3, "w_2")],
        ("1", "w", None),
        ("2", "w", None),
        ("3", "w_2", None),
    ],
    "a missing result": ["q", [call(1, "w"), call(0, "w")], ("1", "w", None), "and?"],
    "valid ids, out of order": ["q", [call(1, "c1"), call(2, "c2")], ("2", "c2", None), ("1", "c1", None)],
}


@every_endpoint
@every_client
@pytest.mark.parametrize("driver", ["plain", "async stream"])
@pytest.mark.parametrize("turns", HISTORIES.values(), ids=HISTORIES)
async def test_each_call_is_sent_with_a_unique_id_and_its_result(
    endpoint: str, client: str, driver: str, turns: list[Turn]
) -> None:
    gateway = ToolGateway(lambda _: "Done.")
    await send_turns(mode_of(client, driver, endpoint), gateway, turns)
    calls = calls_of(gateway.bodies[0])
    assert [one.arguments for one in calls] == [
        one.arguments for turn in turns if isinstance(turn, list) for one in turn
    ]
    by_id = {one.id: one for one in calls}
    assert len(by_id) == len(calls)
    assert all(by_id)
    results = results_of(gateway.bodies[0])
    assert [text for _, text in results] == [turn[0] for turn in turns if isinstance(turn, tuple)]
    assert [str(by_id[call_id].arguments["x"]) for call_id, _ in results] == [text for _, text in results]


@every_endpoint
async def test_growing_history_keeps_its_ids(endpoint: str) -> None:
    turns: list[Turn] = ["q"]
    before: list[Call] = []
    for x in range(4):
        turns += [[call(x, "w"), call(x, "w_2")], (str(x), "w", None), (str(x), "w_2", None)]
        gateway = ToolGateway(lambda _: "Done.")
        await send_turns(mode_of("langchain", "plain", endpoint), gateway, turns)
        calls = calls_of(gateway.bodies[0])
        assert calls[: len(before)] == before
        before = calls


def request(*messages: Message, model: str = "gpt-4o") -> Request:
    return Request(model, messages)


def calling(*ids: str) -> Message:
    return Message("assistant", tuple(ToolCall(call_id, "add", "{}") for call_id in ids))


def result(call_id: str | None, name: str | None = None) -> Message:
    return Message("tool", (Text("1"),), name=name, tool_call_id=call_id)


def test_history_with_valid_ids_is_returned_as_is() -> None:
    original = request(calling("c1", "c2"), result("c2"), result("c1"), calling("c3"), result("c3"))
    assert identify_calls(original, "chat_completions") is original


def test_result_without_its_call_is_unchanged() -> None:
    """As with `previous_response_id`, or after the history was trimmed."""
    original = request(result("call_of_before", "add"), calling("c1"), result("c1"))
    assert identify_calls(original, "responses") == original


def test_second_result_of_a_call_has_its_id() -> None:
    original = request(calling("w", "w"), result("w"), result("w"), result("w"))
    [_, *results] = identify_calls(original, "chat_completions").messages
    assert [one.tool_call_id for one in results] == ["w", "w_2", "w_2"]


@pytest.mark.parametrize("messages", [(result(None),), (calling("c1"), result(None, "mul"))])
def test_result_without_a_possible_call_raises(messages: tuple[Message, ...]) -> None:
    with pytest.raises(UnsupportedContentError, match="set its tool_call_id"):
        identify_calls(request(*messages), "chat_completions")


@pytest.mark.parametrize(
    ("model", "endpoint", "expected"),
    [
        ("anthropic/claude-sonnet-4.5", "messages", "functions_add_0"),
        ("anthropic/claude-sonnet-4.5", "chat_completions", "functions_add_0"),
        ("gpt-4o", "chat_completions", "functions.add:0"),
        ("openai/gpt-5-mini-2025-08-07", "responses", "functions.add:0"),
    ],
)
def test_ids_have_only_characters_that_the_model_accepts(model: str, endpoint: str, expected: str) -> None:
    original = identify_calls(request(calling("functions.add:0"), result("functions.add:0"), model=model), endpoint)
    assert [original.messages[0].tool_calls[0].id, original.messages[1].tool_call_id] == [expected, expected]
