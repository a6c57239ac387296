"""A gateway with scripted responses on every endpoint, plain and streamed, for tests of history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx

from tests.support.chat_events import sse
from tests.support.reply_bodies import MODELS, Call, endpoint_of, reply_body, reply_events

Json = dict[str, Any]

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
        endpoint = endpoint_of(request.url.path)
        reply = _reply(endpoint, body["model"], self.text, calls, len(self.bodies))
        if not body.get("stream"):
            return httpx.Response(200, json=reply)
        events = [{**event, **_identity(endpoint, reply)} for event in reply_events(endpoint, reply)]
        return httpx.Response(200, content=sse(events), headers={"content-type": "text/event-stream"})


def _reply(endpoint: str, model: str, text: str, calls: Sequence[Json], number: int) -> Json:
    made = [Call(each["name"], each["arguments"], each["id"]) for each in calls]
    reply = reply_body(endpoint, text, made, model=model, number=number)
    match endpoint:
        case "chat_completions" if "gemini" in model:
            signature = {"google": {"thought_signature": "proof-of-google"}}
            for tool_call in reply["choices"][0]["message"].get("tool_calls", ()):
                tool_call["extra_content"] = signature
        case "responses":
            reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "proof-of-openai"}
            reply["output"].insert(0, reasoning)
        case "messages":
            reply["content"].insert(0, {"type": "thinking", "thinking": "Hm.", "signature": "proof-of-anthropic"})
    return reply


def _identity(endpoint: str, reply: Json) -> Json:
    return {"id": reply["id"], "model": reply["model"]} if endpoint == "chat_completions" else {}
