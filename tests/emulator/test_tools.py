"""Which tools are called, with which arguments, and when a tool loop ends."""

from __future__ import annotations

import json

import pytest

from tests.emulator.gateway_client import ADD, JSON, TOOLS, WEATHER, GatewayClient, function

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
def test_tool_choice_auto_follows_the_prompt(
    client: GatewayClient, text: str, tools: list[JSON], calls: list[tuple[str, JSON]]
) -> None:
    assert client.tool_calls(text, tools) == calls


def test_tool_choice_none_required_named_and_allowed_is_obeyed(client: GatewayClient) -> None:
    text = "What is the weather in Paris?"
    assert client.tool_calls(text, tool_choice="none") == []
    assert len(client.tool_calls("Hello", tool_choice="required")) == 1
    named = {"type": "function", "function": {"name": "add"}}
    assert [name for name, _ in client.tool_calls(text, tool_choice=named)] == ["add"]
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TOOLS[1]]}}
    assert [name for name, _ in client.tool_calls(text, tool_choice=allowed, model="z-ai/glm-4.5v")] == ["add"]


def test_parallel_tool_calls_false_returns_one_call(client: GatewayClient) -> None:
    text = "What is the weather in Paris and what is 2 plus 3?"
    assert client.tool_calls(text, parallel_tool_calls=False) == [("get_weather", {"city": "Paris"})]


def test_tool_without_parameters_is_called_with_none(client: GatewayClient) -> None:
    tool = function("lottery", {"type": "object", "properties": {}})
    assert client.tool_calls("Hello", [tool], tool_choice="required") == [("lottery", {})]


@pytest.mark.parametrize("name", ["你好啊集团", "株式会社テスト", "Ñandú y Compañía"])
def test_quoted_name_in_any_script_becomes_the_argument(client: GatewayClient, name: str) -> None:
    schema = {"type": "object", "properties": {"customer_name": {"type": "string"}}, "required": ["customer_name"]}
    tool = function("create_customer", schema)
    called = client.tool_calls(f"Create a customer named '{name}' with the tool", [tool], tool_choice="required")
    assert called == [("create_customer", {"customer_name": name})]


def run_loop(client: GatewayClient, text: str, tools: list[JSON], results: dict[str, str], **body: object) -> list[str]:
    """Run an agent's loop. Return the calls and the final text."""
    messages: list[JSON] = [{"role": "user", "content": text}]
    trace: list[str] = []
    for _ in range(6):
        message = client.chat_message(messages=messages, tools=tools, **body)
        messages.append({key: message[key] for key in ("role", "content", "tool_calls") if key in message})
        for call in message.get("tool_calls", []):
            name = call["function"]["name"]
            trace.append(f"{name} {json.loads(call['function']['arguments'])}")
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": results.get(name, "")})
        if message["content"]:
            return [*trace, message["content"]]
        if trace[-1].startswith("WeatherReport"):
            return trace
    raise AssertionError(f"no end: {trace}")


def test_tool_loop_ends_with_an_answer_from_the_results(client: GatewayClient) -> None:
    trace = run_loop(
        client, "What is the weather in Paris and what is 2 plus 3?", TOOLS, {"get_weather": "mild", "add": "5"}
    )
    assert trace == [
        "get_weather {'city': 'Paris'}",
        "add {'a': 2, 'b': 3}",
        "[emulated] Based on get_weather: mild; add: 5",
    ]


def test_tool_loop_with_required_calls_ends_with_the_output_schema(client: GatewayClient) -> None:
    trace = run_loop(
        client,
        "Give me a weather report for Paris",
        [TOOLS[0], REPORT],
        {"get_weather": "mild"},
        tool_choice="required",
    )
    assert trace == ["get_weather {'city': 'Paris'}", "WeatherReport {'city': 'Paris'}"]


def test_tool_loop_with_response_format_ends_with_structured_output(client: GatewayClient) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
    }
    response_format = {"type": "json_schema", "json_schema": {"name": "Report", "schema": schema}}
    *calls, message = run_loop(
        client, "What is the weather in Paris?", TOOLS, {"get_weather": "21 degrees"}, response_format=response_format
    )
    assert calls == ["get_weather {'city': 'Paris'}"]
    assert json.loads(message) == {"city": "Paris", "degrees": 21}


@pytest.mark.parametrize(
    ("result", "calls"),
    [
        ("Agent weather answers now. Please continue with the current request.", True),  # as LlamaIndex hands over
        ("Successfully transferred to weather", True),  # as LangGraph does
        ("Successfully transferred back to supervisor", False),
    ],
)
def test_hand_off_to_another_agent_is_followed_by_its_call(client: GatewayClient, result: str, calls: bool) -> None:
    hand_off = {"id": "call_1", "type": "function", "function": {"name": "hand_off", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [hand_off]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]
    called = client.chat_message(messages=messages, tools=TOOLS).get("tool_calls", [])
    assert [call["function"]["name"] for call in called] == ["get_weather"] * calls
