"""Streams: how they are sent, how a connection breaks, and faults.

A fault is a function from the events of a good stream to a stream with the fault. ASGI has no messages for a connection
that breaks.
"""

from __future__ import annotations

import asyncio
import codecs
import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..wire import JSON, Event, encode_event
from . import RequestedFault

# --- connections --------------------------------------------------------------------------------------------------

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which also remembers the transport of each client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if self.client:
            _TRANSPORTS[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client:
            _TRANSPORTS.pop(self.client, None)
        super().connection_lost(exc)


class _NoResponse(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send nothing: the connection is closed."""


NO_RESPONSE = _NoResponse()


async def drop_connection(request: Request) -> None:
    """Close the connection of a request. Works only under this package's own server."""
    transport = _find_transport(request.scope)
    if transport is not None:
        transport.abort()
    await request.receive()


def reset_connection(scope: Scope) -> None:
    """Reset the connection, so that the client sees an error rather than the end of the stream."""
    transport = _find_transport(scope)
    if transport is not None:
        no_linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        transport.abort()


def _find_transport(scope: Scope) -> asyncio.Transport | None:
    client: Any = scope.get("client")
    return _TRANSPORTS.get(tuple(client)) if client else None


# --- streams ------------------------------------------------------------------------------------------------------

StreamEnd = Literal["complete", "cut", "reset", "stall"]
STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


@dataclass(frozen=True)
class Stream:
    """A stream to send.

    Attributes:
        chunks: its bytes, sent one after the other.
        end: how it ends: properly, with the connection closed too early (cut), with a reset, or never (stall).
        delay: seconds to wait before each chunk.
        headers: replace or add to the usual ones.
    """

    chunks: tuple[bytes, ...]
    end: StreamEnd = "complete"
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


def encode_stream(events: Iterable[Event]) -> Stream:
    return Stream(tuple(map(encode_event, events)))


class StreamResponse(Response):
    """Sends a `Stream` chunk by chunk, and stops when the client disconnects."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(headers={**STREAM_HEADERS, **stream.headers})
        self.raw_headers = [pair for pair in self.raw_headers if pair[0] != b"content-length"]
        self.stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(scope, send))
        disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await asyncio.wait({sending, disconnected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, disconnected):
                task.cancel()
            await asyncio.gather(sending, disconnected, return_exceptions=True)

    async def _send(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for chunk in self.stream.chunks:
            await asyncio.sleep(self.stream.delay)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        match self.stream.end:
            case "complete":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            case "stall":
                await asyncio.Event().wait()
            case "reset":
                reset_connection(scope)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


# --- faults -------------------------------------------------------------------------------------------------------

Events = Sequence[Event]
SEPARATORS = "\x85\u2028\u2029"
ERROR = {"message": "emulated: the provider failed", "type": "server_error", "code": "upstream_error"}


def complete_stream(events: Events, _fault: RequestedFault) -> Stream:
    return encode_stream(events)


def _error_event(fault: RequestedFault, number: int) -> Event:
    """The event that the endpoint sends for an error in the middle of a stream."""
    if fault.endpoint == "responses":
        body: JSON = {"type": "error", "code": ERROR["code"], "message": ERROR["message"], "param": ""}
        return Event(body | {"sequence_number": number}, "error", "error")
    if fault.endpoint == "messages":
        return Event({"type": "error", "error": {"type": "api_error", "message": ERROR["message"]}}, "error", "error")
    return Event({"error": ERROR}, "error")


def _middle_index(events: Events, kind: str = "text") -> int:
    """The index halfway through the events of a kind. Halfway through all events if there are none."""
    indexes = [index for index, event in enumerate(events) if event.kind == kind]
    return indexes[len(indexes) // 2] if indexes else len(events) // 2


def error_at_start(_events: Events, fault: RequestedFault) -> Stream:
    return encode_stream([_error_event(fault, 0)])


def error_in_middle(events: Events, fault: RequestedFault) -> Stream:
    middle = _middle_index(events)
    return encode_stream([*events[:middle], _error_event(fault, middle)])


def failed_response(events: Events, fault: RequestedFault) -> Stream:
    if fault.endpoint != "responses":
        return error_in_middle(events, fault)
    middle = _middle_index(events)
    response = events[-1].data["response"]
    error = {"code": "server_error", "message": ERROR["message"]}
    body = {
        "type": "response.failed",
        "sequence_number": middle,
        "response": response | {"status": "failed", "error": error, "output": [], "output_text": ""},
    }
    return encode_stream([*events[:middle], Event(body, "finish", "response.failed")])


def empty_stream(events: Events, _fault: RequestedFault) -> Stream:
    """Only the events that open and close a stream."""
    framing = [event for event in events if event.kind in ("created", "usage", "done")]
    last = [_without_content(event) for event in events if event.kind == "finish"][:1]
    opening = [event for event in framing if event.kind == "created"]
    closing = [event for event in framing if event.kind != "created"]
    return encode_stream([*opening, *last, *closing])


def _without_content(event: Event) -> Event:
    if "response" in event.data:
        response = event.data["response"] | {"output": [], "output_text": ""}
        return replace(event, data=event.data | {"response": response})
    return replace(event, data=event.data | {"choices": []} if "choices" in event.data else event.data)


def null_content(events: Events, _fault: RequestedFault) -> Stream:
    return encode_stream(_with_null_content(event) for event in events if event.kind != "text")


def _with_null_content(event: Event) -> Event:
    if not isinstance(event.data, dict) or not event.data.get("choices"):
        return event
    choices = [choice | {"delta": choice.get("delta", {}) | {"content": None}} for choice in event.data["choices"]]
    return replace(event, data=event.data | {"choices": choices})


def cut_before_first(_events: Events, _fault: RequestedFault) -> Stream:
    return Stream((), "cut")


def end_amid(kind: str, end: StreamEnd) -> Callable[[Events, RequestedFault], Stream]:
    def cut(events: Events, _fault: RequestedFault) -> Stream:
        return replace(encode_stream(events[: _middle_index(events, kind)]), end=end)

    return cut


def cut_event(events: Events, _fault: RequestedFault) -> Stream:
    middle = _middle_index(events)
    last = encode_event(events[middle])
    return Stream((*map(encode_event, events[:middle]), last[: len(last) // 2]), "cut")


def stall_at_start(_events: Events, _fault: RequestedFault) -> Stream:
    return Stream((), "stall")


def stall_at_end(events: Events, _fault: RequestedFault) -> Stream:
    return replace(encode_stream(events), end="stall")


def no_final_newline(events: Events, _fault: RequestedFault) -> Stream:
    *others, last = map(encode_event, events)
    return Stream((*others, last.rstrip(b"\n")))


def drip_stream(events: Events, fault: RequestedFault) -> Stream:
    return drip_bytes(b"".join(map(encode_event, events)), fault)


def drip_bytes(body: bytes, fault: RequestedFault) -> Stream:
    return Stream(tuple(body[index : index + 1] for index in range(len(body))), delay=fault.number("seconds", 0.01))


def slow_stream(events: Events, fault: RequestedFault) -> Stream:
    return replace(encode_stream(events), delay=fault.number("seconds", 0.05))


def malformed_event(events: Events, _fault: RequestedFault) -> Stream:
    middle = _middle_index(events)
    broken = b'data: {"id": "broken\n\n'
    return Stream((*map(encode_event, events[:middle]), broken, *map(encode_event, events[middle:])))


def with_comments(events: Events, _fault: RequestedFault) -> Stream:
    return Stream(tuple(b": emulated keep-alive\n\n" + encode_event(event) for event in events))


def with_line_endings(ending: bytes) -> Callable[[Events, RequestedFault], Stream]:
    def end(events: Events, _fault: RequestedFault) -> Stream:
        return Stream(tuple(encode_event(event).replace(b"\n", ending) for event in events))

    return end


def with_byte_order_mark(events: Events, _fault: RequestedFault) -> Stream:
    return Stream((codecs.BOM_UTF8, *map(encode_event, events)))


def with_line_separators(events: Events, _fault: RequestedFault) -> Stream:
    """Pad every event with characters that end a line in Python's `splitlines` but not in an event stream."""
    return encode_stream(_pad_with_separators(event) for event in events)


def _pad_with_separators(event: Event) -> Event:
    return event if isinstance(event.data, str) else replace(event, data=event.data | {"padding": SEPARATORS})


def split_into_threes(events: Events, _fault: RequestedFault) -> Stream:
    """Send three bytes at a time, which splits lines and characters."""
    body = b"".join(map(encode_event, events))
    return Stream(tuple(body[index : index + 3] for index in range(0, len(body), 3)))


def huge_event(events: Events, fault: RequestedFault) -> Stream:
    middle = _middle_index(events)
    padding = "x" * int(fault.number("bytes", 10_000_000))
    padded = replace(events[middle], data=events[middle].data | {"padding": padding})
    return encode_stream([*events[:middle], padded, *events[middle + 1 :]])


def without_kind(kind: str) -> Callable[[Events, RequestedFault], Stream]:
    def drop(events: Events, _fault: RequestedFault) -> Stream:
        return encode_stream(event for event in map(_without_usage, events) if event.kind != kind)

    def _without_usage(event: Event) -> Event:
        if kind != "usage" or not isinstance(event.data, dict) or "response" not in event.data:
            return event
        return replace(event, data=event.data | {"response": event.data["response"] | {"usage": None}})

    return drop


def repeat_usage(events: Events, _fault: RequestedFault) -> Stream:
    return encode_stream(copy for event in events for copy in [event] * (2 if event.kind == "usage" else 1))


def strip_fragments(events: Events, _fault: RequestedFault) -> Stream:
    return encode_stream(_edit_call_fragments(event, _strip_fragment) for event in events)


def _strip_fragment(call: JSON) -> JSON:
    if call["id"]:
        return call
    return {"index": call["index"], "function": {"arguments": call["function"]["arguments"]}}


def repeat_fragment_heads(events: Events, _fault: RequestedFault) -> Stream:
    heads: dict[int, JSON] = {}
    return encode_stream(_edit_call_fragments(event, lambda call: _repeat_head(call, heads)) for event in events)


def _repeat_head(call: JSON, heads: dict[int, JSON]) -> JSON:
    head = heads.setdefault(call["index"], call)
    return head | {"function": {"name": head["function"]["name"], "arguments": call["function"]["arguments"]}}


def without_fragment_index(events: Events, _fault: RequestedFault) -> Stream:
    return encode_stream(_edit_call_fragments(event, _without_index) for event in events)


def _without_index(call: JSON) -> JSON:
    return {key: value for key, value in call.items() if key != "index"}


def _edit_call_fragments(event: Event, edit: Callable[[JSON], JSON]) -> Event:
    """Edit the tool call fragments of a chat chunk. Any other event stays as it is."""
    if event.kind != "tool" or not isinstance(event.data, dict) or "choices" not in event.data:
        return event
    choice = event.data["choices"][0]
    delta = choice["delta"] | {"tool_calls": [edit(call) for call in choice["delta"]["tool_calls"]]}
    return replace(event, data=event.data | {"choices": [choice | {"delta": delta}]})
