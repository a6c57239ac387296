"""Replies of a text and tool calls in the form of each endpoint, plain and streamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tests.support import messages_events, responses_events
from tests.support.chat_events import pieces

Json = dict[str, Any]

MODELS = {
    "chat_completions": "openai/gpt-5-mini-2025-08-07",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}
"""A model by the endpoint that serves it."""


class Call(NamedTuple):
    """A tool call. Arguments that are a text are sent as is, even if the text is not a complete object."""

    name: str
    arguments: Any
    id: str | None = None

    @property
    def json(self) -> str:
        """The arguments as text."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


def endpoint_of(path: str) -> str:
    """Return the name of the endpoint of a URL path."""
    return path.rpartition("/v1/")[2].replace("/", "_")


def reply_body(endpoint: str, text: str, calls: Sequence[Call], *, model: str = "m", number: int = 1) -> Json:
    """Return a reply with a text and calls; a call without an id has none in the reply. `number` makes the id."""
    return _BODIES[endpoint](text, calls, model, number)


def reply_events(endpoint: str, body: Json) -> list[Json]:
    """Return the events of a stream that adds up to `body`."""
    return _EVENTS[endpoint](body)


def _chat(text: str, calls: Sequence[Call], model: str, number: int) -> Json:
    tool_calls = [
        {**_id("id", call), "type": "function", "function": {"name": call.name, "arguments": call.json}}
        for call in calls
    ]
    message = {"role": "assistant", "content": text, **({"tool_calls": tool_calls} if calls else {})}
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1700000000,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def _responses(text: str, calls: Sequence[Call], model: str, number: int) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}
    items = [
        {
            "type": "function_call",
            "id": f"fc_{index}",
            **_id("call_id", call),
            "name": call.name,
            "arguments": call.json,
            "status": "completed",
        }
        for index, call in enumerate(calls)
    ]
    return {
        "id": f"resp_{number}",
        "object": "response",
        "status": "completed",
        "model": model,
        "output": [*([message] if text or not calls else []), *items],
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
    }


def _messages(text: str, calls: Sequence[Call], model: str, number: int) -> Json:
    content: list[Json] = [{"type": "text", "text": text}] if text or not calls else []
    content += [{"type": "tool_use", **_id("id", call), "name": call.name, "input": call.arguments} for call in calls]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def _id(key: str, call: Call) -> Json:
    return {} if call.id is None else {key: call.id}


_BODIES: dict[str, Callable[[str, Sequence[Call], str, int], Json]] = {
    "chat_completions": _chat,
    "responses": _responses,
    "messages": _messages,
}
_EVENTS: dict[str, Callable[[Json], list[Json]]] = {
    "chat_completions": pieces,
    "responses": responses_events.events,
    "messages": messages_events.events,
}
