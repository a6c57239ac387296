"""A gateway whose replies call a tool once, on each endpoint, and the calls and results of its requests."""

from __future__ import annotations

import json
from typing import Any

import httpx

from aimlapi_integrations.llama_index import AIMLAPI
from tests.li.gateway import Gateway, call, message_item, reply, response, streamed
from tests.support import messages_events

Json = dict[str, Any]

MODELS = {
    "chat_completions": "gpt-4o",
    "responses": "openai/gpt-5-mini-2025-08-07",
    "messages": "anthropic/claude-sonnet-4.5",
}


def text_reply(endpoint: str, text: str = "Done.") -> Json:
    """Return a reply of text only."""
    match endpoint:
        case "chat_completions":
            return reply(text)
        case "responses":
            return response(message_item(text))
    return _message([{"type": "text", "text": text}], "end_turn")


def call_reply(endpoint: str, arguments: str, name: str = "get_weather", cut: bool = False) -> Json:
    """Return a reply that calls a tool with these arguments, which may be truncated."""
    match endpoint:
        case "chat_completions":
            return reply("", tool_calls=[call(name, arguments)], finish="length" if cut else "tool_calls")
        case "responses":
            item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name, "arguments": arguments}
            details = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}} if cut else {}
            return response(item, **details)
    block = {"type": "tool_use", "id": "call_1", "name": name, "input": arguments}
    return _message([block], "max_tokens" if cut else "tool_use")


def _message(content: list[Json], stop: str) -> Json:
    usage = {"input_tokens": 10, "output_tokens": 5}
    fields = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4.5"}
    return {**fields, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}


class Replies(Gateway):
    """Respond to each request with the next reply; the last one repeats."""

    def __init__(self, *replies: Json) -> None:
        super().__init__()
        self.replies = list(replies)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        self.body, self.events = body, messages_events.events(body) if body.get("type") == "message" else streamed(body)
        return super().__call__(request)

    def on(self, endpoint: str, **fields: Any) -> AIMLAPI:
        """Create an LLM connected to this gateway on an endpoint."""
        return self.llm(model=MODELS[endpoint], endpoint=endpoint, **fields)


def calls_sent(gateway: Gateway) -> list[tuple[str, str, Any]]:
    """Id, name and arguments of each call in the last request; of text that is not JSON, the text."""
    return [(call_id, name, _read(arguments)) for turn in gateway.turns for call_id, name, arguments in _calls(turn)]


def _calls(turn: Json) -> list[tuple[str, str, Any]]:
    if turn.get("type") == "function_call":
        return [(turn["call_id"], turn["name"], turn["arguments"])]
    functions = [(each["id"], each["function"]) for each in turn.get("tool_calls", ())]
    blocks = [(block["id"], block["name"], block["input"]) for block in _blocks(turn, "tool_use")]
    return [(call_id, function["name"], function["arguments"]) for call_id, function in functions] + blocks


def results_sent(gateway: Gateway) -> list[tuple[str, str]]:
    """Id and text of each result in the last request."""
    return [result for turn in gateway.turns for result in _results(turn)]


def _results(turn: Json) -> list[tuple[str, str]]:
    if turn.get("type") == "function_call_output":
        return [(turn["call_id"], turn["output"])]
    if turn.get("role") == "tool":
        return [(turn["tool_call_id"], turn["content"])]
    results = _blocks(turn, "tool_result")
    return [(block["tool_use_id"], "".join(part["text"] for part in block["content"])) for block in results]


def _blocks(turn: Json, kind: str) -> list[Json]:
    content = turn.get("content")
    return [block for block in content if block.get("type") == kind] if isinstance(content, list) else []


def _read(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        return arguments
