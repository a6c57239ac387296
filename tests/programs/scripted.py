"""A gateway on loopback whose replies a test scripts. They are invented: no model wrote them.

It serves the three chat endpoints, plain and streamed, so that a program runs with the same script on each.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Any

from tests.support.reply_bodies import Call, endpoint_of, reply_body, reply_events

Json = dict[str, Any]


@dataclass(frozen=True)
class Structured:
    """An answer in the form that the request asks for: JSON text, or the arguments of the tool that it forces."""

    value: Any


Turn = str | Call | list[Call] | Structured
Script = Callable[[Json], Turn]


class ScriptedGateway:
    """Respond to each request with the next turn of a script, or with the result of a function of its body."""

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
        """The body of each request as text."""
        return [json.dumps(body, ensure_ascii=False) for body in self.bodies]

    def reply(self, path: str, body: Json) -> tuple[Json, list[Json]]:
        """Return the next reply, plain and as the events of a stream."""
        with self._lock:
            self.bodies.append(body)
            turn = self._script(body)
        endpoint = endpoint_of(path)
        reply = _reply(endpoint, body, turn)
        return reply, reply_events(endpoint, reply) if body.get("stream") else []

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


# --- replies ----------------------------------------------------------------------------------------------------------

_numbers = count(1)


def _parts(body: Json, turn: Turn) -> tuple[str, list[Call]]:
    """Return the text and the calls of a turn. A call without an id gets a new one."""
    match turn:
        case str():
            return turn, []
        case Call():
            return _parts(body, [turn])
        case Structured(value):
            forced = forced_tool(body)
            return _parts(body, [Call(forced, value)]) if forced else (json.dumps(value), [])
        case _:
            return "", [call if call.id else call._replace(id=f"call_{next(_numbers)}") for call in turn]


def forced_tool(body: Json) -> str | None:
    """Return the tool that a request forces; the first one if it forces any."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        name = choice.get("function", choice).get("name")
        return name or tool_names(body)[0]
    return tool_names(body)[0] if choice in ("required", "any") else None


def _reply(endpoint: str, body: Json, turn: Turn) -> Json:
    text, calls = _parts(body, turn)
    reply = reply_body(endpoint, text, calls, model=body["model"], number=next(_numbers))
    if endpoint == "chat_completions":
        reply["choices"] = [{**reply["choices"][0], "index": index} for index in range(body.get("n", 1))]
    return reply
