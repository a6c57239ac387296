"""A gateway with canned responses for the LlamaIndex tests; `bodies` contains the requests."""

from __future__ import annotations

import json
from typing import Any

import httpx

from aimlapi_integrations.llama_index import AIMLAPI
from tests.support.chat_events import pieces, sse
from tests.support.replies import chat_body
from tests.support.responses_events import events as responses_events

Json = dict[str, Any]


def reply(content: str | None = "Hi", finish: str = "stop", logprobs: Json | None = None, **message: Any) -> Json:
    """A chat completions reply."""
    body = chat_body(content, finish, model="gpt-4o-2024", **message)
    if logprobs:
        body["choices"][0]["logprobs"] = logprobs
    return body


def response(*output: Json, **fields: Any) -> Json:
    """A reply of the Responses endpoint."""
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    known = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5-mini", "usage": usage}
    return {**known, "output": list(output), **fields}


def message_item(*texts: str, item_id: str = "msg_1", annotations: Any = ()) -> Json:
    """An item of a Responses reply: a message."""
    parts = [{"type": "output_text", "text": text, "annotations": list(annotations)} for text in texts]
    return {"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": parts}


def call(
    name: str = "get_weather", arguments: str = '{"city": "Paris"}', call_id: str = "call_1", **extra: Any
) -> Json:
    """A tool call of a reply."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **extra}


def streamed(body: Json) -> list[Json]:
    """Return the events of a stream that adds up to a plain reply, of either endpoint."""
    return responses_events(body) if body.get("object") == "response" else pieces(body, 4)


class Gateway:
    """Respond to every request with `body`; if streamed, with `events` or the body in pieces."""

    def __init__(self, body: Json | None = None, events: list[Json] | None = None) -> None:
        self.body = reply() if body is None else body
        self.events = events
        self.bodies: list[Json] = []
        self.headers: list[httpx.Headers] = []

    @property
    def turns(self) -> Any:
        """The conversation of the last request."""
        return self.bodies[-1].get("messages", self.bodies[-1].get("input"))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        self.headers.append(request.headers)
        headers = {"x-inference-id": "inf-1", "x-request-id": "req-1"}
        if not body.get("stream"):
            return httpx.Response(200, json=self.body, headers=headers)
        events = streamed(self.body) if self.events is None else self.events
        return httpx.Response(200, content=sse(events), headers={**headers, "content-type": "text/event-stream"})

    def llm(self, **settings: Any) -> AIMLAPI:
        """Create an LLM connected to this gateway, sync and async."""
        transport = httpx.MockTransport(self)
        clients = {
            "http_client": httpx.Client(transport=transport),
            "async_http_client": httpx.AsyncClient(transport=transport),
        }
        return AIMLAPI(**{"model": "gpt-4o", "api_key": "sk-test", "max_retries": 0, **clients, **settings})
