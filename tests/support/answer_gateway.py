"""A gateway with structured answers on all three endpoints, plain and streamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx

from tests.support.chat_events import pieces, sse
from tests.support.responses_events import events as responses_events

Json = dict[str, Any]

MODELS = {
    "chat_completions": "openai/gpt-5-mini-2025-08-07",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}


class Call(NamedTuple):
    """A tool call that the model makes."""

    name: str
    arguments: Any


class AnswerGateway:
    """Respond with the texts and calls that `reply` returns for a request; `bodies` contains the requests."""

    def __init__(self, reply: Callable[[Json], list[str | Call]]) -> None:
        self.reply = reply
        self.bodies: list[Json] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        endpoint = request.url.path.rpartition("/v1/")[2]
        encode, to_events = _FORMS[endpoint]
        reply = encode(self.reply(body))
        if not body.get("stream"):
            return httpx.Response(200, json=reply)
        return httpx.Response(200, content=sse(to_events(reply)), headers={"content-type": "text/event-stream"})

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


# --- the forms of the endpoints -----------------------------------------------------------------------------------


def _chat(parts: list[str | Call]) -> Json:
    calls = [
        {"id": f"call_{i}", "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.arguments)}}
        for i, c in enumerate(_calls(parts))
    ]
    message = {"role": "assistant", "content": _text(parts), **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


def _responses(parts: list[str | Call]) -> Json:
    content = [{"type": "output_text", "text": _text(parts), "annotations": []}]
    output: list[Json] = [
        {"type": "message", "id": "m1", "role": "assistant", "status": "completed", "content": content}
    ]
    for i, call in enumerate(_calls(parts)):
        item = {"call_id": f"call_{i}", "name": call.name, "arguments": json.dumps(call.arguments)}
        output.append({"type": "function_call", "id": f"fc_{i}", "status": "completed", **item})
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "m",
        "output": output[0 if _text(parts) else 1 :],
        "usage": usage,
    }


def _messages(parts: list[str | Call]) -> Json:
    content: list[Json] = [{"type": "text", "text": part} for part in parts if isinstance(part, str)]
    for i, call in enumerate(_calls(parts)):
        content.append({"type": "tool_use", "id": f"call_{i}", "name": call.name, "input": call.arguments})
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content}
    reason = "tool_use" if _calls(parts) else "end_turn"
    return {**message, "stop_reason": reason, "usage": {"input_tokens": 10, "output_tokens": 5}}


def _messages_events(reply: Json) -> list[Json]:
    events: list[Json] = [{"type": "message_start", "message": {**reply, "content": [], "stop_reason": None}}]
    for index, block in enumerate(reply["content"]):
        key = "text" if block["type"] == "text" else "input"
        empty = {**block, key: "" if key == "text" else {}}
        written = block["text"] if key == "text" else json.dumps(block["input"])
        kind, field = ("text_delta", "text") if key == "text" else ("input_json_delta", "partial_json")
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        for place in range(0, len(written), 4):
            delta = {"type": kind, field: written[place : place + 4]}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": reply["stop_reason"]}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}})
    return [*events, {"type": "message_stop"}]


def _calls(parts: list[str | Call]) -> list[Call]:
    return [part for part in parts if isinstance(part, Call)]


def _text(parts: list[str | Call]) -> str:
    return "".join(part for part in parts if isinstance(part, str))


_FORMS: dict[str, tuple[Callable[[list[str | Call]], Json], Callable[[Json], list[Json]]]] = {
    "chat/completions": (_chat, pieces),
    "responses": (_responses, responses_events),
    "messages": (_messages, _messages_events),
}
