"""What a chat request must hold beyond its shape: calls that are answered, tools that exist, what its model refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .ask import JSON
from .catalogue import refusals
from .signatures import unsigned_calls
from .wire import problem, refused
from .wire_chat import ChatRequest

Problems = Iterator[JSON]


def check(request: ChatRequest, body: JSON) -> None:
    """Raises the gateway's 400 for the first rule that `body` breaks."""
    for rule in (_pairing, _tools, _model_rules, _live_rules):
        if problems := list(rule(request, body)):
            raise refused(problems)


def _pairing(_request: ChatRequest, body: JSON) -> Problems:
    """Tool messages answer the calls of the assistant turn before them, all of them, before anyone else speaks."""
    open_calls: set[str] = set()
    known: set[str] = set()
    for index, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in known:
                reason = f"No tool call with id '{message['tool_call_id']}' in the preceding assistant turn"
                yield problem(f"messages.{index}.tool_call_id", reason)
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            yield problem(f"messages.{index}", f"Tool calls without an answer: {', '.join(sorted(open_calls))}")
        known = {call["id"] for call in message.get("tool_calls") or []}
        open_calls = set(known)
    if open_calls:
        yield problem("messages", f"Tool calls without an answer: {', '.join(sorted(open_calls))}")


def _tools(_request: ChatRequest, body: JSON) -> Problems:
    if "tools" in body and not body["tools"]:
        yield problem("tools", "Array must contain at least 1 element(s)", "too_small")
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and "tools" not in body:
            yield problem(name, f"'{name}' is only allowed when 'tools' are specified")
    choice = body.get("tool_choice")
    forced = choice.get("function", choice).get("name") if isinstance(choice, dict) else None
    names = [tool.get("function", tool).get("name") for tool in body.get("tools", [])]
    if forced and forced not in names:
        yield problem("tool_choice", f"Tool choice '{forced}' not found in 'tools'")


# --- what one model refuses: thing -> where it is in a body ----------------------------------------------


def _role(role: str) -> Callable[[JSON], Problems]:
    def found(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            if message["role"] == role:
                reason = f"Unsupported value: 'messages[{index}].role' does not support '{role}' with this model."
                yield problem(f"messages.{index}.role", reason)

    return found


def _part(*kinds: str) -> Callable[[JSON], Problems]:
    def found(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            for place, part in enumerate(message.get("content") or []):
                if isinstance(part, dict) and part["type"] in kinds:
                    yield problem(f"messages.{index}.content.{place}", "Invalid input", "invalid_union")

    return found


def _null(role: str, key: str, expected: str) -> Callable[[JSON], Problems]:
    def found(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            if message["role"] == role and key in message and message[key] is None:
                yield problem(f"messages.{index}.{key}", f"Expected {expected}, received null", "invalid_type")

    return found


def _extra(role: str, allowed: set[str]) -> Callable[[JSON], Problems]:
    def found(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            if message["role"] == role and (extra := set(message) - allowed):
                keys = ", ".join(f"'{key}'" for key in sorted(extra))
                yield problem(f"messages.{index}", f"Unrecognized key(s) in object: {keys}", "unrecognized_keys")

    return found


def _tool_parts(body: JSON) -> Problems:
    for index, message in enumerate(body["messages"]):
        if message["role"] == "tool" and not isinstance(message["content"], str):
            yield problem(f"messages.{index}.content", "Expected string, received array", "invalid_type")


def _lists(body: JSON) -> Problems:
    for index, message in enumerate(body["messages"]):
        if isinstance(message.get("content"), list):
            yield problem(f"messages.{index}.content", "Expected string, received array", "invalid_type")


def _tool_keys(allowed: set[str], inner: str = "") -> Callable[[JSON], Problems]:
    def found(body: JSON) -> Problems:
        for index, tool in enumerate(body.get("tools", [])):
            held = tool.get(inner, {}) if inner else tool
            if extra := set(held) - allowed:
                keys = ", ".join(f"'{key}'" for key in sorted(extra))
                yield problem(f"tools.{index}", f"Unrecognized key(s) in object: {keys}", "unrecognized_keys")

    return found


def _no_parameters(body: JSON) -> Problems:
    for index, tool in enumerate(body.get("tools", [])):
        if "function" in tool and "parameters" not in tool["function"]:
            yield problem(f"tools.{index}.function.parameters", "Required", "invalid_type")


def _tool_type(kind: Callable[[JSON], bool]) -> Callable[[JSON], Problems]:
    def found(body: JSON) -> Problems:
        for index, tool in enumerate(body.get("tools", [])):
            if kind(tool):
                yield problem(f"tools.{index}.type", "Invalid input", "invalid_union")

    return found


def _choice(kinds: set[str]) -> Callable[[JSON], Problems]:
    def found(body: JSON) -> Problems:
        choice = body.get("tool_choice")
        if isinstance(choice, dict) and choice["type"] in kinds:
            yield problem("tool_choice", "Invalid input", "invalid_union")

    return found


def _hot(body: JSON) -> Problems:
    if body.get("temperature", 0) > 1:
        yield problem("temperature", "Number must be less than or equal to 1", "too_big")


def _json_schema(body: JSON) -> Problems:
    if body.get("response_format", {}).get("type") == "json_schema":
        reason = "Invalid enum value. Expected 'text' | 'json_object', received 'json_schema'"
        yield problem("response_format.type", reason, "invalid_enum_value")


THINGS: dict[str, Callable[[JSON], Problems]] = {
    **{role: _role(role) for role in ("system", "developer", "assistant", "tool")},
    **{part: _part(part) for part in ("image_url", "file", "input_audio", "video_url")},
    "image": _part("image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"),
    "null_content": _null("assistant", "content", "string"),
    "null_calls": _null("assistant", "tool_calls", "array"),
    "system_extra": _extra("system", {"role", "content", "name"}),
    "tool_message_extra": _extra("tool", {"role", "content", "tool_call_id", "name"}),
    "tool_parts": _tool_parts,
    "lists": _lists,
    "tool_no_parameters": _no_parameters,
    "tool_extra": _tool_keys({"type", "function"}),
    "function_extra": _tool_keys({"name", "description", "parameters", "strict"}, "function"),
    "custom_tool": _tool_type(lambda tool: tool.get("type") == "custom"),
    "any_tool": _tool_type(lambda tool: tool.get("type") not in ("function", "builtin_function", "custom", None)),
    "anthropic_tool": _tool_type(lambda tool: "input_schema" in tool),
    "choice_any": _choice({"any", "auto", "none", "tool"}),
    "choice_allowed": _choice({"allowed_tools"}),
    "hot": _hot,
    "json_schema": _json_schema,
}


def _model_rules(request: ChatRequest, body: JSON) -> Problems:
    refused_things = refusals(request.model)
    for thing, found in THINGS.items():
        if thing in refused_things:
            yield from found(body)


# --- what live calls have shown, and the documentation does not say --------------------------------------

LIVE: tuple[tuple[str, Callable[[JSON], bool], str, str], ...] = (
    (
        r"qwen3\.6-max-preview|kimi-k2[.-]?[567]",
        lambda body: "tool_choice" in body,
        "tool_choice",
        "tool_choice is not supported while thinking is on",
    ),
    (
        r"gpt-5[.-][4-9]",
        lambda body: "reasoning_effort" in body and "tools" in body,
        "reasoning_effort",
        "Function tools with reasoning_effort are not supported for this model",
    ),
    (
        r"^(?!.*(glm|zhipu))",
        lambda body: body.get("reasoning_effort") in ("xhigh", "max"),
        "reasoning_effort",
        "Invalid enum value. Expected 'low' | 'medium' | 'high', received 'xhigh' or 'max'",
    ),
)


def _live_rules(request: ChatRequest, body: JSON) -> Problems:
    for pattern, broken, path, reason in LIVE:
        if re.search(pattern, request.model) and broken(body):
            yield problem(path, reason)
    if "effort" in request.reasoning.model_fields_set and "max_tokens" in request.reasoning.model_fields_set:
        yield problem("reasoning", "max_tokens cannot be used simultaneously with effort")
    for index in unsigned_calls(request.model, body["messages"]):
        yield problem(f"messages.{index}.tool_calls", "Function call is missing a thought_signature")
