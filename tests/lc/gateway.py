"""A gateway with canned responses for the LangChain tests; `bodies` contains the requests."""

from __future__ import annotations

import json
from typing import Any

import httpx

from aimlapi_integrations.langchain import ChatAIMLAPI
from tests.support import replies
from tests.support.chat_events import pieces, sse

Json = dict[str, Any]


def chat_body(content: str | None = "Hi", finish: str = "stop", **message: Any) -> Json:
    """Return a chat completions response body."""
    return replies.chat_body(content, finish, model="gpt-4o-2024", **message)


class Gateway:
    """Respond to every request with `body` (streamed if requested), or with `status` and `body`."""

    def __init__(self, body: Json | None = None, *, status: int = 200, events: list[Json] | None = None) -> None:
        self.body = chat_body() if body is None else body
        self.status = status
        self.events = events
        self.bodies: list[Json] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request_body = json.loads(request.content)
        self.bodies.append(request_body)
        self.headers.append(request.headers)
        headers = {"x-inference-id": "inf-1", "x-request-id": "req-1"}
        if self.status != 200 or not request_body.get("stream"):
            return httpx.Response(self.status, json=self.body, headers=headers)
        events = pieces(self.body) if self.events is None else self.events
        return httpx.Response(200, content=sse(events), headers={**headers, "content-type": "text/event-stream"})

    def model(self, **kwargs: Any) -> ChatAIMLAPI:
        """Create a chat model that is connected to this gateway, sync and async."""
        transport = httpx.MockTransport(self)
        return ChatAIMLAPI(
            **{
                "model": "gpt-4o",
                "api_key": "sk-test",
                "max_retries": 0,
                "http_client": httpx.Client(transport=transport),
                "http_async_client": httpx.AsyncClient(transport=transport),
                **kwargs,
            }
        )
