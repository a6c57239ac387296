"""A gateway with scripted responses on every endpoint, plain and streamed, for tests of history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx

from tests.support.chat_events import pieces, sse
from tests.support.responses_events import events as responses_events

Json = dict[str, Any]

MODELS = {
    "chat_completions": "openai/gpt-5-mini-2025-08-07",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}
ENDPOINTS = tuple(MODELS)


def call(call_id: str, **arguments: Any) -> Json:
    """Return a call of the tool `look`."""
    return {"id": call_id, "name": "look", "arguments": arguments}


class ScriptedGateway:
    """Respond with `text` and the calls of `answers`, one answer per request; the last one repeats.

    Claude's responses have a signature, those of Responses encrypted reasoning, Gemini's a thought signature.
    """

    def __init__(self, *answers: Sequence[Json], text: str = "I look.") -> None:
        self.answers = list(answers) or [()]
        self.text = text
        self.bodies: list[Json] = []

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self)

    @property
    def wire(self) -> str:
        """The conversation of the last request, as JSON text."""
        return json.dumps(self.bodies[-1].get("messages") or self.bodies[-1]["input"], ensure_ascii=False)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        calls = self.answers[min(len(self.bodies), len(self.answers) - 1)]
        self.bodies.append(body)
        reply, events = _WRITERS[request.url.path.rpartition("/v1/")[2]](body["model"], self.text, calls)
        for named in (reply, *(event.get("response", {}) for event in events)):
            named["id"] = f"{reply['id'].partition('-')[0]}-{len(self.bodies)}"
        if not body.get("stream"):
            return httpx.Response(200, json=reply)
        return httpx.Response(200, content=sse(events), headers={"content-type": "text/event-stream"})


def _chat(model: str, text: str, calls: Sequence[Json]) -> tuple[Json, list[Json]]:
    google = {"extra_content": {"google": {"thought_signature": "proof-of-google"}}} if "gemini" in model else {}
    written = [
        {
            "id": each["id"],
            "type": "function",
            "function": {"name": each["name"], "arguments": json.dumps(each["arguments"])},
            **google,
        }
        for each in calls
    ]
    message = {"role": "assistant", "content": text, **({"tool_calls": written} if calls else {})}
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}
    reply = {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": [choice], "usage": {}}
    events = [{**event, "model": model} for event in pieces(reply)]
    return reply, events


def _responses(model: str, text: str, calls: Sequence[Json]) -> tuple[Json, list[Json]]:
    part = {"type": "output_text", "text": text, "annotations": []}
    output: list[Json] = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "proof-of-openai"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]},
    ]
    for place, each in enumerate(calls):
        written = {"call_id": each["id"], "name": each["name"], "arguments": json.dumps(each["arguments"])}
        output.append({"type": "function_call", "id": f"fc_{place}", "status": "completed", **written})
    reply = {"id": "resp_0", "object": "response", "status": "completed", "model": model, "output": output}
    return reply, responses_events(reply)


def _messages(model: str, text: str, calls: Sequence[Json]) -> tuple[Json, list[Json]]:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "proof-of-anthropic"}
    uses = [{"type": "tool_use", "id": c["id"], "name": c["name"], "input": c["arguments"]} for c in calls]
    content: list[Json] = [thinking, {"type": "text", "text": text}, *uses]
    reply: Json = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    events: list[Json] = [{"type": "message_start", "message": {**reply, "content": []}}]
    for index, block in enumerate(content):
        begun, deltas = _cut(block)
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"type": "message_delta", "delta": {"stop_reason": reply["stop_reason"]}, "usage": {"output_tokens": 1}}
    return reply, [*events, end, {"type": "message_stop"}]


def _cut(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "thinking":
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": ""}, [{"type": "thinking_delta", "thinking": "Hm."}, signature]
        case "text":
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
    written = json.dumps(block["input"])
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": written}]


_WRITERS = {"chat/completions": _chat, "responses": _responses, "messages": _messages}
