"""A gateway on loopback whose replies a test writes. They are invented: no model wrote them.

It speaks the three chat endpoints, plain and streamed, so that one script serves a program on each of them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any

from tests.support.chat_events import pieces
from tests.support.responses_events import events as responses_events

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A tool call of a reply. Each has an id of its own, unless a test names it."""

    name: str
    arguments: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True)
class Structured:
    """An answer in the form that the request asks for: JSON text, or the arguments of the tool that it forces."""

    value: Any


Turn = str | Call | list[Call] | Structured
Script = Callable[[Json], Turn]


class ScriptedGateway:
    """Answers each request with the next turn of a script, or with what a function makes of the request's body."""

    def __init__(self, script: list[Turn] | Script) -> None:
        self.bodies: list[Json] = []
        self._script = script if callable(script) else _in_order(script)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def texts(self) -> list[str]:
        """Each request's body as text, in which a test looks for what must have been sent."""
        return [json.dumps(body, ensure_ascii=False) for body in self.bodies]

    def reply(self, path: str, body: Json) -> tuple[Json, list[Json]]:
        """The next reply, whole and as the events of a stream."""
        with self._lock:
            self.bodies.append(body)
            turn = self._script(body)
        render = _ENDPOINTS[path.rpartition("/v1/")[2]]
        return render(body, turn)

    def __enter__(self) -> ScriptedGateway:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def tool_results(body: Json) -> list[str]:
    """The texts of the tool results in a request to any endpoint."""
    turns = body.get("messages") or body["input"]
    turns = [] if isinstance(turns, str) else turns
    parts = [part for turn in turns for part in (turn.get("content") or ()) if isinstance(part, dict)]
    results = [turn["content"] for turn in turns if turn.get("role") == "tool"]
    results += [turn["output"] for turn in turns if turn.get("type") == "function_call_output"]
    results += [part["content"] for part in parts if part.get("type") == "tool_result"]
    return [result if isinstance(result, str) else _joined(result) for result in results]


def tool_names(body: Json) -> list[str]:
    """The names of the tools that a request to any endpoint offers."""
    return [tool.get("function", tool)["name"] for tool in body.get("tools", [])]


def tool_described(body: Json, description: str) -> str:
    """The name by which a request offers the tool of that description."""
    tools = [tool.get("function", tool) for tool in body.get("tools", [])]
    [name] = [tool["name"] for tool in tools if tool.get("description", "").endswith(description)]
    return str(name)


def called_names(body: Json) -> list[str]:
    """The names of the calls in the history of a request to any endpoint."""
    turns = body.get("messages") or body["input"]
    turns = [] if isinstance(turns, str) else turns
    parts = [part for turn in turns for part in (turn.get("content") or ()) if isinstance(part, dict)]
    calls = [call["function"]["name"] for turn in turns for call in turn.get("tool_calls", ())]
    calls += [turn["name"] for turn in turns if turn.get("type") == "function_call"]
    return calls + [part["name"] for part in parts if part.get("type") == "tool_use"]


def _joined(parts: list[Json]) -> str:
    return "".join(part.get("text", f"[{part['type']}]") for part in parts)


def _in_order(turns: list[Turn]) -> Script:
    rest = iter(turns)

    def following(body: Json) -> Turn:
        turn = next(rest, None)
        if turn is None:
            raise LookupError("The script has no more turns")
        return turn

    return following


def _handler(gateway: ScriptedGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                whole, events = gateway.reply(self.path, body)
            except Exception as error:  # noqa: BLE001  # the program's test shows it
                self._send(400, json.dumps({"error": {"message": repr(error)}}).encode(), "application/json")
                return
            if body.get("stream"):
                self._send(200, _sse(events), "text/event-stream")
            else:
                self._send(200, json.dumps(whole).encode(), "application/json")

        def _send(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing on stderr."""

    return Handler


def _sse(events: list[Json]) -> bytes:
    named = [f"event: {event['type']}\n" if "type" in event else "" for event in events]
    sent = [f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(named, events, strict=True)]
    return ("".join(sent) + ("" if any(named) else "data: [DONE]\n\n")).encode()


# --- a turn on each endpoint ------------------------------------------------------------------------------------------

_numbers = count(1)


@dataclass(frozen=True)
class _Said:
    text: str = ""
    calls: list[tuple[str, Call]] = field(default_factory=list)


def _said(body: Json, turn: Turn) -> _Said:
    match turn:
        case str():
            return _Said(turn)
        case Call():
            return _said(body, [turn])
        case Structured(value):
            forced = forced_tool(body)
            return _said(body, [Call(forced, value)]) if forced else _Said(json.dumps(value))
        case _:
            return _Said(calls=[(call.id or f"call_{next(_numbers)}", call) for call in turn])


def forced_tool(body: Json) -> str | None:
    """The tool that a request forces; the first one, where it forces any."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        name = choice.get("function", choice).get("name")
        return name or tool_names(body)[0]
    return tool_names(body)[0] if choice in ("required", "any") else None


def _chat(body: Json, turn: Turn) -> tuple[Json, list[Json]]:
    said = _said(body, turn)
    message: Json = {"role": "assistant", "content": said.text}
    if said.calls:
        message["tool_calls"] = [
            {"id": key, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}
            for key, call in said.calls
        ]
    choice = {"finish_reason": "tool_calls" if said.calls else "stop", "message": message}
    reply = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": body["model"],
        "choices": [{"index": index, **choice} for index in range(body.get("n", 1))],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    return reply, pieces(reply) if body.get("stream") else []


def _responses(body: Json, turn: Turn) -> tuple[Json, list[Json]]:
    said = _said(body, turn)
    output: list[Json] = []
    if said.text:
        part = {"type": "output_text", "text": said.text, "annotations": []}
        output = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}]
    for key, call in said.calls:
        item = {"type": "function_call", "id": f"fc_{key}", "call_id": key, "status": "completed", "name": call.name}
        output.append({**item, "arguments": json.dumps(call.arguments)})
    reply = {
        "id": f"resp_{next(_numbers)}",
        "object": "response",
        "status": "completed",
        "model": body["model"],
        "output": output,
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
    }
    return reply, responses_events(reply)


def _messages(body: Json, turn: Turn) -> tuple[Json, list[Json]]:
    said = _said(body, turn)
    content: list[Json] = [{"type": "text", "text": said.text}] if said.text else []
    content += [{"type": "tool_use", "id": k, "name": c.name, "input": dict(c.arguments)} for k, c in said.calls]
    reply = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if said.calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    return reply, list(_messages_events(reply))


def _messages_events(reply: Json) -> Iterator[Json]:
    yield {"type": "message_start", "message": {**reply, "content": [], "stop_reason": None}}
    for index, block in enumerate(reply["content"]):
        if block["type"] == "text":
            begun, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        else:
            arguments = json.dumps(block["input"])
            halves = (arguments[:5], arguments[5:])
            begun, deltas = {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": h} for h in halves]
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": reply["stop_reason"]}, "usage": {"output_tokens": 5}}
    yield {"type": "message_stop"}


_ENDPOINTS: dict[str, Callable[[Json, Turn], tuple[Json, list[Json]]]] = {
    "chat/completions": _chat,
    "responses": _responses,
    "messages": _messages,
}
