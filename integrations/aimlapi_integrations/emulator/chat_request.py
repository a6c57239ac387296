"""A chat request as an `Ask`. `/v1/messages` has the same tools, choices and parts, and reads them here too."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

from .ask import JSON, Ask, Call, Tool, Turn
from .wire_chat import ChatRequest

Role = Literal["system", "user", "assistant", "tool"]


def ask_of(request: ChatRequest, body: JSON) -> Ask:
    stop = [request.stop] if isinstance(request.stop, str) else request.stop or []
    tools = tuple(tool for tool in map(tool_of, body.get("tools", [])) if tool is not None)
    ask = Ask(
        model=request.model,
        turns=tuple(turn for message in body["messages"] for turn in turns_of(message)),
        tools=tools,
        parallel=request.parallel_tool_calls,
        json_mode=request.response_format.type == "json_object",
        schema=_schema(body),
        stop=(*stop, *request.stop_sequences),
        limit=_limit(request),
        thinks=_asked_to_think(request),
    )
    return choose(ask, body.get("tool_choice", "auto"))


def _asked_to_think(request: ChatRequest) -> bool:
    set_fields = request.model_fields_set
    effort = "reasoning_effort" in set_fields and request.reasoning_effort != "none"
    return effort or "reasoning" in set_fields or request.thinking.type != "disabled" or request.enable_thinking


def _schema(body: JSON) -> JSON | None:
    wanted = body.get("response_format", {})
    if wanted.get("type") != "json_schema":
        return None
    schema: JSON = wanted["json_schema"].get("schema", {"type": "object"})
    return schema


def _limit(request: ChatRequest) -> int | None:
    names = {"max_tokens", "max_completion_tokens"} & request.model_fields_set
    limits = [getattr(request, name) for name in names]
    finite = [int(limit) for limit in limits if math.isfinite(limit)]
    return min(finite, default=None)


def tool_of(tool: JSON) -> Tool | None:
    """A function of the caller's; what the maker of the model runs is none."""
    inner = tool.get("function", tool)
    if "name" not in inner:
        return None
    return Tool(inner["name"], inner.get("description", ""), inner.get("parameters") or inner.get("input_schema") or {})


def choose(ask: Ask, choice: Any) -> Ask:
    match choice:
        case "none" | "auto" | "required":
            return replace(ask, choice=choice)
        case {"type": "function", "function": {"name": name}} | {"type": "tool", "name": name}:
            return replace(ask, forced=name)
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}:
            names = {tool.get("function", tool).get("name") for tool in allowed}
            return replace(ask, choice=mode, tools=tuple(tool for tool in ask.tools if tool.name in names))
        case {"type": "any"}:
            return replace(ask, choice="required")
        case {"type": "none"}:
            return replace(ask, choice="none")
        case _:
            return ask


def turns_of(message: JSON) -> list[Turn]:
    """A message as turns: one, but for Anthropic's user messages, whose tool results are turns of their own."""
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    role: Role = "system" if message["role"] == "developer" else message["role"]
    results = [_result(part) for part in parts if part["type"] == "tool_result"]
    rest = [part for part in parts if part["type"] != "tool_result"]
    if results and not rest:
        return results
    calls = tuple(_call(call) for call in message.get("tool_calls") or [])
    used = tuple(Call(part["name"], str(part["input"]), part["id"]) for part in rest if part["type"] == "tool_use")
    text = "\n".join(_text(part) for part in rest if part["type"] in ("text", "search_result"))
    seen = tuple(_ATTACHMENTS[part["type"]] for part in rest if part["type"] in _ATTACHMENTS)
    return [*results, Turn(role, text, calls + used, message.get("tool_call_id", ""), seen)]


_ATTACHMENTS = {
    "image_url": "an image",
    "image": "an image",
    "file": "a file",
    "document": "a file",
    "input_audio": "audio",
    "video_url": "a video",
}


def _text(part: JSON) -> str:
    """The text of a part; of a search result, that of its passage."""
    if part["type"] == "search_result":
        return "\n".join(passage["text"] for passage in part["content"])
    return str(part.get("text", ""))


def _result(part: JSON) -> Turn:
    content = part.get("content", "")
    text = content if isinstance(content, str) else "\n".join(map(_text, content))
    return Turn("tool", text, call_id=part["tool_use_id"])


def _call(call: JSON) -> Call:
    function = call.get("function") or {"name": call["custom"]["name"], "arguments": call["custom"]["input"]}
    return Call(function["name"], function["arguments"], call["id"])
