"""A gateway whose model calls tools, on each endpoint, and helpers that read calls and results from requests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import httpx

from tests.support.chat_events import chunk, pieces, sse
from tests.support.responses_events import events as responses_events

Json = dict[str, Any]

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}


class Call(NamedTuple):
    """A tool call. In a reply, the arguments may be text that is not a complete object."""

    name: str
    args: Any
    id: str | None = None

    @property
    def written(self) -> str:
        return self.args if isinstance(self.args, str) else json.dumps(self.args)


class ToolGateway:
    """Replies with calls or with text. If `interleaved`, streams alternate between the pieces of the calls."""

    def __init__(self, answer: Callable[[Json], Sequence[Call] | str], interleaved: bool = False) -> None:
        self.answer = answer
        self.interleaved = interleaved
        self.bodies: list[Json] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        endpoint = endpoint_of(body, request.url.path)
        reply = _BODIES[endpoint](self.answer(body), len(self.bodies))
        if not body.get("stream"):
            return httpx.Response(200, json=reply)
        events = _EVENTS[endpoint](reply, self.interleaved)
        return httpx.Response(200, content=sse(events), headers={"content-type": "text/event-stream"})

    def clients(self) -> tuple[httpx.Client, httpx.AsyncClient]:
        transport = httpx.MockTransport(self)
        return httpx.Client(transport=transport), httpx.AsyncClient(transport=transport)


def endpoint_of(body: Json, path: str) -> str:
    return {"completions": "chat_completions"}.get(path.rpartition("/")[2], path.rpartition("/")[2])


# --- replies --------------------------------------------------------------------------------------------------------


def _chat(answer: Sequence[Call] | str, number: int) -> Json:
    calls = [
        {**_id("id", call), "type": "function", "function": {"name": call.name, "arguments": call.written}}
        for call in _calls(answer)
    ]
    message = {"role": "assistant", "content": "" if calls else answer, **({"tool_calls": calls} if calls else {})}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "model": "gpt-4o",
        "choices": [{"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def _responses(answer: Sequence[Call] | str, number: int) -> Json:
    items: list[Json] = [
        {
            "type": "function_call",
            **_id("call_id", call),
            "id": f"fc_{number}",
            "name": call.name,
            "arguments": call.written,
            "status": "completed",
        }
        for call in _calls(answer)
    ]
    if isinstance(answer, str):
        content = [{"type": "output_text", "text": answer, "annotations": []}]
        items = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}]
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    known = {"id": f"resp_{number}", "object": "response", "status": "completed", "model": "gpt-5-mini"}
    return {**known, "output": items, "usage": usage}


def _messages(answer: Sequence[Call] | str, number: int) -> Json:
    blocks: list[Json] = [
        {"type": "tool_use", **_id("id", call), "name": call.name, "input": call.args} for call in _calls(answer)
    ]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4.5",
        "content": blocks or [{"type": "text", "text": answer}],
        "stop_reason": "tool_use" if blocks else "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def _calls(answer: Sequence[Call] | str) -> Sequence[Call]:
    return () if isinstance(answer, str) else answer


def _id(key: str, call: Call) -> Json:
    return {} if call.id is None else {key: call.id}


_BODIES = {"chat_completions": _chat, "responses": _responses, "messages": _messages}


# --- streams --------------------------------------------------------------------------------------------------------


def _chat_events(body: Json, interleaved: bool) -> list[Json]:
    return _mixed(pieces(body), _chat_call) if interleaved else pieces(body)


def _chat_call(event: Json) -> Any:
    calls = event["choices"][0]["delta"].get("tool_calls") if event["choices"] else None
    return calls[0]["index"] if calls else None


def _responses_events(body: Json, interleaved: bool) -> list[Json]:
    events = responses_events(body)
    return _mixed(events, lambda event: event.get("output_index")) if interleaved else events


def _messages_events(body: Json, interleaved: bool) -> list[Json]:
    events = [*_anthropic(body)]
    return _mixed(events, lambda event: event.get("index")) if interleaved else events


def _anthropic(body: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": {**body, "content": [], "stop_reason": None}}
    for index, block in enumerate(body["content"]):
        text = block.get("text") or json.dumps(block["input"])
        initial = {**block, **({"text": ""} if "text" in block else {"input": {}})}
        yield {"type": "content_block_start", "index": index, "content_block": initial}
        kind, field = ("text_delta", "text") if "text" in block else ("input_json_delta", "partial_json")
        for at in range(0, len(text), 3):
            yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: text[at : at + 3]}}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": body["stop_reason"]}, "usage": body["usage"]}
    yield {"type": "message_stop"}


def _mixed(events: list[Json], place: Callable[[Json], Any]) -> list[Json]:
    """Interleave the events of calls: the first of each, then the second of each, and so on."""
    placed = [event for event in events if place(event) is not None]
    by_place = [[event for event in placed if place(event) == at] for at in dict.fromkeys(map(place, placed))]
    turns = [event for turn in itertools.zip_longest(*by_place) for event in turn if event is not None]
    first = next((at for at, event in enumerate(events) if place(event) is not None), 0)
    return [*events[:first], *turns, *(event for event in events[first:] if place(event) is None)]


_EVENTS = {"chat_completions": _chat_events, "responses": _responses_events, "messages": _messages_events}


def call_chunks(*entries: Json) -> list[Json]:
    """Return a chat completions stream with one entry of `tool_calls` in each event."""
    return [*(chunk({"tool_calls": [entry]}) for entry in entries), chunk(finish="tool_calls")]


# --- what a request says --------------------------------------------------------------------------------------------


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
