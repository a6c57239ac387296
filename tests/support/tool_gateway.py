"""A gateway whose model calls tools, on each endpoint, and helpers that read calls and results from requests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from tests.support.chat_events import chunk, sse
from tests.support.reply_bodies import Call, endpoint_of, reply_body, reply_events

Json = dict[str, Any]

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}


class ToolGateway:
    """Replies with calls or with text. If `interleaved`, streams alternate between the pieces of the calls."""

    def __init__(self, answer: Callable[[Json], Sequence[Call] | str], interleaved: bool = False) -> None:
        self.answer = answer
        self.interleaved = interleaved
        self.bodies: list[Json] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        endpoint, answer = endpoint_of(request.url.path), self.answer(body)
        text, calls = (answer, ()) if isinstance(answer, str) else ("", answer)
        reply = reply_body(endpoint, text, calls, model=MODELS[endpoint], number=len(self.bodies))
        if not body.get("stream"):
            return httpx.Response(200, json=reply)
        events = reply_events(endpoint, reply)
        if self.interleaved:
            events = _interleave(events, _POSITIONS[endpoint])
        return httpx.Response(200, content=sse(events), headers={"content-type": "text/event-stream"})

    def clients(self) -> tuple[httpx.Client, httpx.AsyncClient]:
        transport = httpx.MockTransport(self)
        return httpx.Client(transport=transport), httpx.AsyncClient(transport=transport)


# --- streams ----------------------------------------------------------------------------------------------------------


def _chat_position(event: Json) -> Any:
    calls = event["choices"][0]["delta"].get("tool_calls") if event["choices"] else None
    return calls[0]["index"] if calls else None


_POSITIONS: dict[str, Callable[[Json], Any]] = {
    "chat_completions": _chat_position,
    "responses": lambda event: event.get("output_index"),
    "messages": lambda event: event.get("index"),
}


def _interleave(events: list[Json], position: Callable[[Json], Any]) -> list[Json]:
    """Interleave the events of calls: the first of each, then the second of each, and so on."""
    placed = [event for event in events if position(event) is not None]
    by_position = [[event for event in placed if position(event) == at] for at in dict.fromkeys(map(position, placed))]
    turns = [event for turn in itertools.zip_longest(*by_position) for event in turn if event is not None]
    first = next((at for at, event in enumerate(events) if position(event) is not None), 0)
    return [*events[:first], *turns, *(event for event in events[first:] if position(event) is None)]


def call_chunks(*entries: Json) -> list[Json]:
    """Return a chat completions stream with one entry of `tool_calls` in each event."""
    return [*(chunk({"tool_calls": [entry]}) for entry in entries), chunk(finish="tool_calls")]


# --- contents of requests ---------------------------------------------------------------------------------------------


def tool_names(body: Json) -> list[str]:
    return [(tool.get("function") or tool.get("custom") or tool)["name"] for tool in body["tools"]]


def history(body: Json) -> list[Json]:
    turns: list[Json] = body.get("messages") or body["input"]
    return [
        part
        for turn in turns
        for part in (turn["content"] if isinstance(turn.get("content"), list) else turn.get("tool_calls") or [turn])
    ]


def calls_of(body: Json) -> list[Call]:
    """Return the calls in the history of a request."""
    extracted = []
    for part in history(body):
        match part:
            case {"id": str(call_id), "function": {"name": str(name), "arguments": str(written)}}:
                extracted.append(Call(name, json.loads(written), call_id))
            case {"type": "function_call", "call_id": str(call_id), "name": str(name), "arguments": str(written)}:
                extracted.append(Call(name, json.loads(written), call_id))
            case {"type": "tool_use", "id": str(call_id), "name": str(name), "input": dict(args)}:
                extracted.append(Call(name, args, call_id))
    return extracted


def results_of(body: Json) -> list[tuple[str, str]]:
    """Return the results in the history of a request: the ids of their calls, and their texts."""
    extracted = []
    for part in history(body):
        match part:
            case {"role": "tool", "tool_call_id": str(call_id), "content": str(text)}:
                extracted.append((call_id, text))
            case {"type": "function_call_output", "call_id": str(call_id), "output": str(text)}:
                extracted.append((call_id, text))
            case {"type": "tool_result", "tool_use_id": str(call_id), "content": [{"text": str(text)}]}:
                extracted.append((call_id, text))
    return extracted
