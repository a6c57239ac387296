"""Scenarios of tools, tool choices and tool loops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from aimlapi_integrations.types import Message, Part, Reasoning, Tool, ToolCall, ToolChoice
from tests.contract.scenario import (
    EMPTY,
    HELLO,
    NESTED,
    SCHEMA,
    STRICT,
    WIRE_HELLO,
    Json,
    Scenario,
    anywhere,
    both,
    turn,
    wire_message,
)

# --- tools ------------------------------------------------------------------------------------------------------------


def function(parameters: Json | None, extra: Mapping[str, Any] | None = None, **more: Any) -> Json:
    fields = {"name": "weather", "description": "d", **more}
    return {
        "type": "function",
        "function": fields | ({"parameters": parameters} if parameters else {}),
        **(extra or {}),
    }


# Tools in the forms of the published schemas. A few schemas also have `{"type": "tool", "name": …}`: that is the form
# of `tool_choice` in the wrong place, which can't define a tool.
def tool_forms(parameters: Json, **more: Any) -> tuple[Json, ...]:
    claude = {"name": "weather", "description": "d", "input_schema": parameters}
    return (function(parameters, **more), function(None, **more), claude, function(parameters, extra=more))


def response_tool(parameters: Json, strict: bool = False) -> Json:
    return {"type": "function", "name": "weather", "description": "d", "parameters": parameters, "strict": strict}


CHOICES: dict[str, tuple[ToolChoice, tuple[Any, ...], tuple[Any, ...]]] = {
    "auto": (ToolChoice("auto"), ("auto", {"type": "auto"}), ("auto",)),
    "none": (ToolChoice("none"), ("none", {"type": "none"}), ("none",)),
    "required": (ToolChoice("required"), ("required", {"type": "any"}), ("required",)),
    "named": (
        ToolChoice("named", "weather"),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}, "required"),
        ({"type": "function", "name": "weather"},),
    ),
}


def tools() -> Iterator[Scenario]:
    weather = Tool("weather", "d", SCHEMA)
    kinds: dict[str, tuple[Tool, tuple[Json, ...], Json]] = {
        "tool": (weather, tool_forms(SCHEMA), response_tool(SCHEMA)),
        "tool without parameters": (Tool("weather", "d"), tool_forms(EMPTY), response_tool(EMPTY)),
        "tool without description": (Tool("weather", None, SCHEMA), tool_forms(SCHEMA), response_tool(SCHEMA)),
        "strict tool": (
            Tool("weather", "d", STRICT, True),
            tool_forms(STRICT, strict=True),
            response_tool(STRICT, True),
        ),
        "strict false": (Tool("weather", "d", SCHEMA, False), tool_forms(SCHEMA), response_tool(SCHEMA)),
        "tool with definitions": (Tool("weather", "d", NESTED), tool_forms(SCHEMA), response_tool(SCHEMA)),
        "cached tool": (
            Tool("weather", "d", SCHEMA, extra={"cache_control": {"type": "ephemeral"}}),
            tool_forms(SCHEMA),
            response_tool(SCHEMA),
        ),
    }
    for name, (tool, forms, item) in kinds.items():
        bodies = both(
            ({"messages": [WIRE_HELLO], "tools": [form]} for form in forms), [{"input": "Hello", "tools": [item]}]
        )
        yield Scenario(name, (HELLO,), bodies, {"tools": (tool,)})
    item = response_tool(SCHEMA)
    for name, (choice, chat, items) in CHOICES.items():
        bodies = both(
            (
                {"messages": [WIRE_HELLO], "tools": [form], "tool_choice": word}
                for form, word in product(tool_forms(SCHEMA), chat)
            ),
            ({"input": "Hello", "tools": [item], "tool_choice": word} for word in items),
        )
        yield Scenario(f"tool_choice {name}", (HELLO,), bodies, {"tools": (weather,), "tool_choice": choice})
    for parallel in (True, False):
        more = {"parallel_tool_calls": parallel}
        bodies = both(
            ({"messages": [WIRE_HELLO], "tools": [form], **more} for form in tool_forms(SCHEMA)),
            [{"input": "Hello", "tools": [item], **more}],
        )
        yield Scenario(f"parallel_tool_calls {parallel}", (HELLO,), bodies, {"tools": (weather,), **more})


# --- loops ------------------------------------------------------------------------------------------------------------


CALL = ToolCall("call_1", "weather", '{"city": "Bern"}')
CHAT_CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
USE = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bern"}}
ITEM_CALL = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Bern"}'}
ITEM_RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "Rain"}


def chat_loop(text: str, result: Any) -> list[Json]:
    called = wire_message("assistant", text, tool_calls=[CHAT_CALL])
    return [WIRE_HELLO, called, wire_message("tool", result, tool_call_id="call_1")]


def claude_loop(text: str) -> list[Json]:
    parts = [{"type": "text", "text": text}] if text else []
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "Rain"}
    return [WIRE_HELLO, wire_message("assistant", [*parts, USE]), wire_message("user", [result])]


def loop(name: str, parts: tuple[str | Part, ...], result: Message, after: bool = False, **fields: Any) -> Scenario:
    text = "".join(part for part in parts if isinstance(part, str))
    follow = (
        ([wire_message("assistant", "Rain."), WIRE_HELLO], (turn("assistant", "Rain."), HELLO)) if after else ([], ())
    )
    assistant_turn = [wire_message("assistant", text)] if text else []
    items = [WIRE_HELLO, *assistant_turn, ITEM_CALL, ITEM_RESULT, *follow[0]]
    loops = [chat_loop(text, "Rain"), claude_loop(text)]
    chat: Iterator[Json] = ({"messages": [*turns, *follow[0]]} for turns in loops)
    responses: Json = {"input": items}
    if fields.get("tools"):
        chat = ({**body, "tools": [form]} for body in list(chat) for form in tool_forms(SCHEMA))
        responses = {**responses, "tools": [response_tool(SCHEMA)]}
    messages = (HELLO, turn("assistant", *parts, CALL), result, *follow[1])
    return Scenario(name, messages, both(chat, [responses]), fields)


def loops() -> Iterator[Scenario]:
    weather: Json = {"tools": (Tool("weather", "d", SCHEMA),)}
    rain = turn("tool", "Rain", tool_call_id="call_1")
    yield loop("tool loop", ("Let me see.",), rain, **weather)
    yield loop("tool loop without text", (), rain, **weather)
    yield loop("tool loop earlier in the history", (), rain, after=True)
    yield loop("tool result in parts", (), turn("tool", "Rain", "all day", tool_call_id="call_1"), **weather)
    yield loop("empty tool result", (), turn("tool", "", tool_call_id="call_1"), **weather)
    yield loop("failed tool", (), turn("tool", "Timeout", tool_call_id="call_1", is_error=True), **weather)
    yield loop("named tool result", (), turn("tool", "Rain", tool_call_id="call_1", name="weather"), **weather)
    yield loop("reasoning and tool", (Reasoning("Hm.", id="rs_1"),), rain, **weather)
    signed = Reasoning(
        "Hm.", signature="s", encrypted="e", id="rs_1", details=({"type": "reasoning.text", "text": "Hm."},)
    )
    yield loop("signed reasoning and tool", (signed,), rain, **weather)
    parts = (HELLO, turn("assistant", signed, "Hi"), HELLO)
    yield anywhere("signed reasoning", parts, [WIRE_HELLO, wire_message("assistant", "Hi"), WIRE_HELLO])
    parts = (HELLO, turn("assistant", Reasoning("Hm.", id="rs_1"), "Hi"), HELLO)
    yield anywhere("reasoning", parts, [WIRE_HELLO, wire_message("assistant", "Hi"), WIRE_HELLO])
