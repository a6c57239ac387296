"""A gateway with structured answers on all three endpoints, plain and streamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from tests.support.chat_events import sse
from tests.support.reply_bodies import Call, endpoint_of, reply_body, reply_events

Json = dict[str, Any]


class AnswerGateway:
    """Respond with the texts and calls that `reply` returns for a request; `bodies` contains the requests."""

    def __init__(self, reply: Callable[[Json], list[str | Call]]) -> None:
        self.reply = reply
        self.bodies: list[Json] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        endpoint, parts = endpoint_of(request.url.path), self.reply(body)
        text = "".join(part for part in parts if isinstance(part, str))
        calls = [part for part in parts if isinstance(part, Call)]
        reply = reply_body(endpoint, text, [call._replace(id=f"call_{index}") for index, call in enumerate(calls)])
        if not body.get("stream"):
            return httpx.Response(200, json=reply)
        events = sse(reply_events(endpoint, reply))
        return httpx.Response(200, content=events, headers={"content-type": "text/event-stream"})

    @property
    def clients(self) -> tuple[httpx.Client, httpx.AsyncClient]:
        transport = httpx.MockTransport(self)
        return httpx.Client(transport=transport), httpx.AsyncClient(transport=transport)


def answering(value: Any) -> AnswerGateway:
    """Create a gateway whose model answers with `value`, by the requested method, name and wrapper object."""

    def reply(body: Json) -> list[str | Call]:
        schema, name = sent_schema(body), sent_tool(body).get("name")
        answer = {"root": value} if schema and list(schema.get("properties", ())) == ["root"] else value
        return [Call(name, answer)] if name else [json.dumps(answer)]

    return AnswerGateway(reply)


def sent_tool(body: Json) -> Json:
    """Return the first tool of a request, in any endpoint's form; an empty dict without one."""
    tool: Json = (body.get("tools") or [{}])[0]
    function: Json = tool.get("function", tool)
    return function


def sent_format(body: Json) -> Json:
    """Return the first tool, or the response format, of a request."""
    form = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    return sent_tool(body) or form.get("json_schema", form)


def sent_schema(body: Json) -> Json | None:
    """Return the schema of the first tool or of the response format."""
    fields = sent_format(body)
    return fields.get("parameters") or fields.get("input_schema") or fields.get("schema")


def schemas_in(part: Any) -> Iterator[Json]:
    """Yield every object in a schema."""
    if isinstance(part, dict):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from schemas_in(each)
