"""Rules for chat requests beyond their types: answered calls, existing tools, and what the model refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..model.catalogue import chat_refusals, effort_refusal, unsigned_calls
from . import JSON, invalid_request, problem
from .chat_completions import ChatRequest

Problems = Iterator[JSON]


def check_chat_request(request: ChatRequest, body: JSON) -> None:
    """Raise the gateway's 400 for the first rule that `body` breaks."""
    for rule in (_check_tool_results, _check_tools, _check_model_refusals, _check_observed_refusals):
        if problems := list(rule(request, body)):
            raise invalid_request(problems)


def _check_tool_results(_request: ChatRequest, body: JSON) -> Problems:
    """Tool messages must answer every call of the assistant message before them, before any other message."""
    unanswered_ids: set[str] = set()
    call_ids: set[str] = set()
    for index, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in call_ids:
                reason = f"No tool call with id '{message['tool_call_id']}' in the preceding assistant turn"
                yield problem(f"messages.{index}.tool_call_id", reason)
            unanswered_ids.discard(message["tool_call_id"])
            continue
        if unanswered_ids:
            yield problem(f"messages.{index}", f"Tool calls without an answer: {', '.join(sorted(unanswered_ids))}")
        call_ids = {call["id"] for call in message.get("tool_calls") or []}
        unanswered_ids = set(call_ids)
    if unanswered_ids:
        yield problem("messages", f"Tool calls without an answer: {', '.join(sorted(unanswered_ids))}")


def _check_tools(_request: ChatRequest, body: JSON) -> Problems:
    if "tools" in body and not body["tools"]:
        yield problem("tools", "Array must contain at least 1 element(s)", "too_small")
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and "tools" not in body:
            yield problem(name, f"'{name}' is only allowed when 'tools' are specified")
    choice = body.get("tool_choice")
    named_tool = choice.get("function", choice).get("name") if isinstance(choice, dict) else None
    names = [tool.get("function", tool).get("name") for tool in body.get("tools", [])]
    if named_tool and named_tool not in names:
        yield problem("tool_choice", f"Tool choice '{named_tool}' not found in 'tools'")


# --- what single models refuse: feature -> its places in a body ---------------------------------------------------


def _role_problems(role: str) -> Callable[[JSON], Problems]:
    def find(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            if message["role"] == role:
                reason = f"Unsupported value: 'messages[{index}].role' does not support '{role}' with this model."
                yield problem(f"messages.{index}.role", reason)

    return find


def _part_problems(*types: str) -> Callable[[JSON], Problems]:
    def find(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            for position, part in enumerate(message.get("content") or []):
                if isinstance(part, dict) and part["type"] in types:
                    yield problem(f"messages.{index}.content.{position}", "Invalid input", "invalid_union")

    return find


def _null_problems(role: str, key: str, expected: str) -> Callable[[JSON], Problems]:
    def find(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            if message["role"] == role and key in message and message[key] is None:
                yield problem(f"messages.{index}.{key}", f"Expected {expected}, received null", "invalid_type")

    return find


def _extra_key_problems(role: str, allowed: set[str]) -> Callable[[JSON], Problems]:
    def find(body: JSON) -> Problems:
        for index, message in enumerate(body["messages"]):
            if message["role"] == role and (extra := set(message) - allowed):
                keys = ", ".join(f"'{key}'" for key in sorted(extra))
                yield problem(f"messages.{index}", f"Unrecognized key(s) in object: {keys}", "unrecognized_keys")

    return find


def _tool_part_problems(body: JSON) -> Problems:
    for index, message in enumerate(body["messages"]):
        if message["role"] == "tool" and not isinstance(message["content"], str):
            yield problem(f"messages.{index}.content", "Expected string, received array", "invalid_type")


def _content_list_problems(body: JSON) -> Problems:
    for index, message in enumerate(body["messages"]):
        if isinstance(message.get("content"), list):
            yield problem(f"messages.{index}.content", "Expected string, received array", "invalid_type")


def _tool_key_problems(allowed: set[str], inner: str = "") -> Callable[[JSON], Problems]:
    def find(body: JSON) -> Problems:
        for index, tool in enumerate(body.get("tools", [])):
            definition = tool.get(inner, {}) if inner else tool
            if extra := set(definition) - allowed:
                keys = ", ".join(f"'{key}'" for key in sorted(extra))
                yield problem(f"tools.{index}", f"Unrecognized key(s) in object: {keys}", "unrecognized_keys")

    return find


def _missing_parameter_problems(body: JSON) -> Problems:
    for index, tool in enumerate(body.get("tools", [])):
        if "function" in tool and "parameters" not in tool["function"]:
            yield problem(f"tools.{index}.function.parameters", "Required", "invalid_type")


def _tool_type_problems(is_refused: Callable[[JSON], bool]) -> Callable[[JSON], Problems]:
    def find(body: JSON) -> Problems:
        for index, tool in enumerate(body.get("tools", [])):
            if is_refused(tool):
                yield problem(f"tools.{index}.type", "Invalid input", "invalid_union")

    return find


def _tool_choice_problems(types: set[str]) -> Callable[[JSON], Problems]:
    def find(body: JSON) -> Problems:
        choice = body.get("tool_choice")
        if isinstance(choice, dict) and choice["type"] in types:
            yield problem("tool_choice", "Invalid input", "invalid_union")

    return find


def _temperature_problems(body: JSON) -> Problems:
    if body.get("temperature", 0) > 1:
        yield problem("temperature", "Number must be less than or equal to 1", "too_big")


def _json_schema_problems(body: JSON) -> Problems:
    if body.get("response_format", {}).get("type") == "json_schema":
        reason = "Invalid enum value. Expected 'text' | 'json_object', received 'json_schema'"
        yield problem("response_format.type", reason, "invalid_enum_value")


REFUSALS: dict[str, Callable[[JSON], Problems]] = {
    **{role: _role_problems(role) for role in ("system", "developer", "assistant", "tool")},
    **{part: _part_problems(part) for part in ("image_url", "file", "input_audio", "video_url")},
    "image": _part_problems("image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"),
    "null_content": _null_problems("assistant", "content", "string"),
    "null_calls": _null_problems("assistant", "tool_calls", "array"),
    "system_extra": _extra_key_problems("system", {"role", "content", "name"}),
    "tool_message_extra": _extra_key_problems("tool", {"role", "content", "tool_call_id", "name"}),
    "tool_parts": _tool_part_problems,
    "lists": _content_list_problems,
    "tool_no_parameters": _missing_parameter_problems,
    "tool_extra": _tool_key_problems({"type", "function"}),
    "function_extra": _tool_key_problems({"name", "description", "parameters", "strict"}, "function"),
    "custom_tool": _tool_type_problems(lambda tool: tool.get("type") == "custom"),
    "any_tool": _tool_type_problems(
        lambda tool: tool.get("type") not in ("function", "builtin_function", "custom", None)
    ),
    "anthropic_tool": _tool_type_problems(lambda tool: "input_schema" in tool),
    "choice_any": _tool_choice_problems({"any", "auto", "none", "tool"}),
    "choice_allowed": _tool_choice_problems({"allowed_tools"}),
    "hot": _temperature_problems,
    "json_schema": _json_schema_problems,
}


def _check_model_refusals(request: ChatRequest, body: JSON) -> Problems:
    refused_features = chat_refusals(request.model)
    for feature, find in REFUSALS.items():
        if feature in refused_features:
            yield from find(body)


# --- refusals seen in live calls that the documentation doesn't mention -------------------------------------------

OBSERVED_REFUSALS: tuple[tuple[str, Callable[[JSON], bool], str, str], ...] = (
    (
        r"qwen3\.6-max-preview|kimi-k2[.-]?[567]",
        lambda body: "tool_choice" in body,
        "tool_choice",
        "tool_choice is not supported while thinking is on",
    ),
    (
        r"gpt-(5[.-][4-9]|6)",
        lambda body: "reasoning_effort" in body and "tools" in body,
        "reasoning_effort",
        "Function tools with reasoning_effort are not supported for this model",
    ),
    (
        r"claude-fable-5[.-]1",
        lambda body: body.get("tool_choice", "auto") not in ("auto", "none"),
        "tool_choice",
        "This model doesn't support a forced tool_choice",
    ),
    (
        r"kimi-k3",
        lambda body: isinstance(body.get("tool_choice"), dict),
        "tool_choice",
        "This model doesn't support a tool_choice that names a tool",
    ),
)


def _check_observed_refusals(request: ChatRequest, body: JSON) -> Problems:
    for pattern, is_refused, path, reason in OBSERVED_REFUSALS:
        if re.search(pattern, request.model) and is_refused(body):
            yield problem(path, reason)
    if refusal := effort_refusal(request.model, body.get("reasoning_effort")):
        yield problem("reasoning_effort", refusal, "invalid_enum_value")
    if "effort" in request.reasoning.model_fields_set and "max_tokens" in request.reasoning.model_fields_set:
        yield problem("reasoning", "max_tokens cannot be used simultaneously with effort")
    for index in unsigned_calls(request.model, body["messages"]):
        yield problem(f"messages.{index}.tool_calls", "Function call is missing a thought_signature")
