"""Which tools the emulator calls, with what, and when it stops."""

from __future__ import annotations

import json

import pytest

from .wires import ADD, TOOLS, WEATHER, Json, Wire, function

SEARCH = function("search", {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]})
MULTIPLY = function("multiply", ADD, "Multiplies two numbers")
REPORT = function("WeatherReport", {**WEATHER, "required": ["city"]}, "A weather report")


@pytest.mark.parametrize(
    ("text", "tools", "calls"),
    [
        ("What is the weather in San Francisco, CA?", TOOLS, [("get_weather", {"city": "San Francisco, CA"})]),
        ("What is 2 plus 3?", TOOLS, [("add", {"a": 2, "b": 3})]),
        ("What is 3 * 12?", [TOOLS[1], MULTIPLY], [("multiply", {"a": 3, "b": 12})]),
        (
            "What is the weather in Paris and what is 2 plus 3?",
            TOOLS,
            [("get_weather", {"city": "Paris"}), ("add", {"a": 2, "b": 3})],
        ),
        (
            "Add 2 and 3, then multiply 4 by 5",
            [MULTIPLY, TOOLS[1]],
            [("add", {"a": 2, "b": 3}), ("multiply", {"a": 4, "b": 5})],
        ),
        ("Weather in Paris and London?", TOOLS, [("get_weather", {"city": c}) for c in ("Paris", "London")]),
        ("Who was Goethe?", [*TOOLS, SEARCH], [("search", {"query": "Who was Goethe?"})]),
        ("Hello", TOOLS, []),
        ("Thank you!", [SEARCH], []),
    ],
)
def test_a_free_choice_follows_the_prompt(
    wire: Wire, text: str, tools: list[Json], calls: list[tuple[str, Json]]
) -> None:
    assert wire.called(text, tools) == calls


def test_choices_are_obeyed(wire: Wire) -> None:
    text = "What is the weather in Paris?"
    assert wire.called(text, tool_choice="none") == []
    assert len(wire.called("Hello", tool_choice="required")) == 1
    named = {"type": "function", "function": {"name": "add"}}
    assert [name for name, _ in wire.called(text, tool_choice=named)] == ["add"]
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOLS[1]]}}
    assert [name for name, _ in wire.called(text, tool_choice=allowed, model="z-ai/glm-4.5")] == ["add"]


def test_one_call_at_a_time(wire: Wire) -> None:
    text = "What is the weather in Paris and what is 2 plus 3?"
    assert wire.called(text, parallel_tool_calls=False) == [("get_weather", {"city": "Paris"})]


def test_a_tool_without_parameters(wire: Wire) -> None:
    tool = function("lottery", {"type": "object", "properties": {}})
    assert wire.called("Hello", [tool], tool_choice="required") == [("lottery", {})]


@pytest.mark.parametrize("name", ["你好啊集团", "株式会社テスト", "Ñandú y Compañía"])
def test_names_in_any_script(wire: Wire, name: str) -> None:
    schema = {"type": "object", "properties": {"customer_name": {"type": "string"}}, "required": ["customer_name"]}
    tool = function("create_customer", schema)
    called = wire.called(f"Create a customer named '{name}' with the tool", [tool], tool_choice="required")
    assert called == [("create_customer", {"customer_name": name})]


def run_loop(wire: Wire, text: str, tools: list[Json], results: dict[str, str], **body: object) -> list[str]:
    """An agent's loop: the tools that it called, and what it said at last."""
    messages: list[Json] = [{"role": "user", "content": text}]
    trace: list[str] = []
    for _ in range(6):
        said = wire.said(messages=messages, tools=tools, **body)
        messages.append({key: said[key] for key in ("role", "content", "tool_calls") if key in said})
        for call in said.get("tool_calls", []):
            name = call["function"]["name"]
            trace.append(f"{name} {json.loads(call['function']['arguments'])}")
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": results.get(name, "")})
        if said["content"]:
            return [*trace, said["content"]]
        if trace[-1].startswith("WeatherReport"):
            return trace
    raise AssertionError(f"no end: {trace}")


def test_a_loop_ends_in_an_answer_from_the_results(wire: Wire) -> None:
    trace = run_loop(
        wire, "What is the weather in Paris and what is 2 plus 3?", TOOLS, {"get_weather": "mild", "add": "5"}
    )
    assert trace == [
        "get_weather {'city': 'Paris'}",
        "add {'a': 2, 'b': 3}",
        "[emulated] Based on get_weather: mild; add: 5",
    ]


def test_a_loop_that_must_call_tools_ends_in_the_form_of_the_answer(wire: Wire) -> None:
    trace = run_loop(
        wire, "Give me a weather report for Paris", [TOOLS[0], REPORT], {"get_weather": "mild"}, tool_choice="required"
    )
    assert trace == ["get_weather {'city': 'Paris'}", "WeatherReport {'city': 'Paris'}"]


def test_a_structured_answer_comes_after_the_tools(wire: Wire) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "Report", "schema": schema}}
    *calls, said = run_loop(
        wire, "What is the weather in Paris?", TOOLS, {"get_weather": "21 degrees"}, response_format=wanted
    )
    assert calls == ["get_weather {'city': 'Paris'}"]
    assert json.loads(said) == {"city": "Paris", "degrees": 21}


@pytest.mark.parametrize(
    ("result", "calls"),
    [
        ("Agent weather answers now. Please continue with the current request.", True),  # as LlamaIndex hands over
        ("Successfully transferred to weather", True),  # as LangGraph does
        ("Successfully transferred back to supervisor", False),
    ],
)
def test_hand_off_to_another_agent_is_followed_by_its_call(wire: Wire, result: str, calls: bool) -> None:
    hand_off = {"id": "call_1", "type": "function", "function": {"name": "hand_off", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [hand_off]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]
    called = wire.said(messages=messages, tools=TOOLS).get("tool_calls", [])
    assert [call["function"]["name"] for call in called] == ["get_weather"] * calls
