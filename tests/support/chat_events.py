"""Streams of chat completions, created from plain replies."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def chunk(delta: Json | None = None, finish: str | None = None, **further: Any) -> Json:
    """Return an event of a stream."""
    choices = [] if delta is None and finish is None else [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "gpt-4o-2024",
        "choices": choices,
        **further,
    }


def pieces(body: Json, size: int = 3) -> list[Json]:
    """Return the events of a stream that adds up to a plain reply, with texts in pieces of `size` characters."""
    [choice] = body["choices"]
    message = dict(choice["message"])
    content, thought = message.pop("content") or "", message.pop("reasoning_content", "")
    events = [chunk({"role": message.pop("role"), "content": ""})]
    events += [chunk({"reasoning_content": thought[i : i + size]}) for i in range(0, len(thought), size)]
    events += [chunk({"content": content[i : i + size]}) for i in range(0, len(content), size)]
    for index, call in enumerate(message.pop("tool_calls", [])):
        arguments = call["function"]["arguments"]
        first = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        events.append(chunk({"tool_calls": [first]}))
        events += [
            chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments[i : i + size]}}]})
            for i in range(0, len(arguments), size)
        ]
    events += [chunk({name: value}) for name, value in message.items()]
    further = {name: body[name] for name in ("created", "system_fingerprint", "meta") if name in body}
    return [*events, chunk(finish=choice["finish_reason"]), chunk(usage=body["usage"], **further)]


def sse(events: list[Json]) -> bytes:
    """Return the bytes of a stream."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
