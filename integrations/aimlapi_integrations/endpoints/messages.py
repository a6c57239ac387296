"""`/v1/messages`: the Claude family in its own form, the one that tells the text of its thinking.

Used where it is asked for (`endpoint="messages"`), or where thinking is to be told that no other endpoint tells.
https://docs.aimlapi.com/capabilities/anthropic
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..conversation import HostedTool, Json, Message, Part, Request, Text, Tool, ToolChoice
from ..errors import UnsupportedContentError, UnsupportedParameterError
from .messages_blocks import ENDPOINT, text_block, turns_of
from .messages_reply import decode
from .messages_stream import MessagesDecoder as Decoder
from .reading import obj

__all__ = ["LEAST_BUDGET", "PATH", "Decoder", "decode", "encode", "stream_options"]

PATH = "/messages"

LEAST_BUDGET = 1024
"""Tokens; thinking with fewer is refused."""

# Thinking budgets for the words that other models take as effort.
BUDGETS = {"minimal": LEAST_BUDGET, "low": 2048, "medium": 8192, "high": 24576}

_RENAMED = {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def encode(request: Request) -> Json:
    """The body that asks for a plain reply."""
    if request.response_format and request.response_format.kind != "text":
        raise UnsupportedParameterError(f"{ENDPOINT} has no response format: use a tool, or chat completions.")
    system, turns = _parted(request.messages)
    body: Json = {"model": request.model, "messages": turns, **_options(request.options)}
    if system:
        body["system"] = _system(system)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body.update(_tool_choice(request))
    return {**body, **request.extra_body}


def stream_options(body: Json, usage: bool) -> Json:  # noqa: ARG001  # usage always comes
    """The body that asks for the same as a stream, whose usage always comes."""
    return {**body, "stream": True}


# --- options ------------------------------------------------------------------------------------------------------


def _options(options: Mapping[str, Any]) -> Json:
    given = {_RENAMED.get(name, name): value for name, value in options.items() if value is not None}
    if isinstance(given.get("stop_sequences"), str):
        given["stop_sequences"] = [given["stop_sequences"]]
    effort, reasoning = given.pop("reasoning_effort", None), obj(given.pop("reasoning", None))
    budget = reasoning.get("max_tokens") or BUDGETS.get(str(effort or reasoning.get("effort")))
    if budget and "thinking" not in given:
        given["thinking"] = _thinking(budget, given.get("max_tokens"), bool(reasoning.get("exclude")))
    return given


def _thinking(budget: int, most: float | None, omitted: bool) -> Json:
    """Thinking with a budget that leaves something of `max_tokens` for the answer, since it counts towards them."""
    room = budget if most is None else int(most) - LEAST_BUDGET
    thinking: Json = {"type": "enabled", "budget_tokens": max(LEAST_BUDGET, min(budget, room))}
    return {**thinking, "display": "omitted"} if omitted else thinking


# --- system text --------------------------------------------------------------------------------------------------


def _parted(messages: Iterable[Message]) -> tuple[list[Text], list[Json]]:
    """System texts and the turns of the others; the user says what the system does where nobody says anything else."""
    system: list[Message] = []
    others: list[Message] = []
    for message in messages:
        (system if message.role in ("system", "developer") else others).append(message)
    if turns := turns_of(others):
        return [text for message in system for part in message.parts if (text := _text(part)).text.strip()], turns
    return [], turns_of(Message("user", message.parts) for message in system)


def _text(part: Part) -> Text:
    if isinstance(part, Text):
        return part
    kind = type(part).__name__
    raise UnsupportedContentError(f"{kind} content in system text cannot go to {ENDPOINT}: put it in a user turn.")


def _system(texts: Iterable[Text]) -> str | list[Json]:
    blocks = [text_block(part) for part in texts]
    if any("cache_control" in block for block in blocks):
        return blocks
    return "\n\n".join(block["text"] for block in blocks)


# --- tools --------------------------------------------------------------------------------------------------------


def _tool(tool: Tool | HostedTool) -> Json:
    if isinstance(tool, HostedTool):
        return dict(tool.item)
    described = {"description": tool.description} if tool.description else {}
    strict = {} if tool.strict is None else {"strict": tool.strict}
    schema = {"type": "object", **(tool.parameters or {"properties": {}})}
    return {"name": tool.name, **described, "input_schema": schema, **strict, **tool.extra}


def _tool_choice(request: Request) -> Json:
    parallel = (
        {} if request.parallel_tool_calls is None else {"disable_parallel_tool_use": not request.parallel_tool_calls}
    )
    match request.tool_choice:
        case None:
            return {"tool_choice": {"type": "auto", **parallel}} if parallel else {}
        case ToolChoice(mode="named" | "hosted", name=str(name)):
            return {"tool_choice": {"type": "tool", "name": name, **parallel}}
        case ToolChoice(mode="raw", item=Mapping() as item):
            return {"tool_choice": dict(item)}
        case ToolChoice(mode="none"):
            return {"tool_choice": {"type": "none"}}
        case ToolChoice(mode=mode) if mode in _CHOICES:
            return {"tool_choice": {"type": _CHOICES[mode], **parallel}}
    raise UnsupportedParameterError(f"{request.tool_choice!r} is no tool choice.")
