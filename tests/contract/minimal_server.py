"""A server with minimal valid responses that stores the last request."""

from __future__ import annotations

import json
from typing import Any

import httpx

Json = dict[str, Any]

_CHAT: Json = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
_WIRE_MESSAGE: Json = {"role": "assistant", "content": "ok"}
_MESSAGE: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "ok", "annotations": []}],
}
_RESPONSE: Json = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [_MESSAGE],
    "parallel_tool_calls": True,
}
_ANTHROPIC: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "ok"}],
    "stop_reason": "end_turn",
}
_PLAIN: dict[str, Json] = {
    "/v1/chat/completions": {**_CHAT, "choices": [{"index": 0, "message": _WIRE_MESSAGE, "finish_reason": "stop"}]},
    "/v1/responses": _RESPONSE,
    "/v1/messages": _ANTHROPIC,
}
_STREAMED: dict[str, list[Json]] = {
    "/v1/chat/completions": [{**_CHAT, "choices": [{"index": 0, "delta": _WIRE_MESSAGE, "finish_reason": "stop"}]}],
    "/v1/responses": [{"type": "response.completed", "sequence_number": 0, "response": _RESPONSE}],
    "/v1/messages": [{"type": "message_start", "message": _ANTHROPIC}, {"type": "message_stop"}],
}


class MinimalServer:
    """A handler for `httpx.MockTransport`; `sent` is the body of the last request, `path` its path."""

    def __init__(self) -> None:
        self.sent: Json = {}
        self.path = ""
        self.client = httpx.Client(transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent, self.path = json.loads(request.content), request.url.path
        if self.path == "/v1/embeddings":
            return httpx.Response(200, json=_vectors(self.sent["input"]))
        if self.sent.get("stream"):
            text = "".join(f"data: {json.dumps(event)}\n\n" for event in _STREAMED[self.path])
            return httpx.Response(200, text=f"{text}data: [DONE]\n\n", headers={"content-type": "text/event-stream"})
        return httpx.Response(200, json=_PLAIN[self.path])


def _vectors(texts: str | list[str]) -> Json:
    count = 1 if isinstance(texts, str) else len(texts)
    rows = [{"object": "embedding", "index": index, "embedding": [0.0, 1.0]} for index in range(count)]
    return {"object": "list", "data": rows, "model": "m", "usage": {"total_tokens": 1}}
