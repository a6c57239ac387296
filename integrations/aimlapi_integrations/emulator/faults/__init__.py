"""Failing on demand: which fault a request asks for, how often it applies, and how connections break.

Tests schedule a fault for the next requests with `Emulator.fail`. Other requests ask for one by the header
`x-emulator-fault: NAME; key=value`, by a model id that ends in `#fault=NAME;key=value`, or by the model id
`emulator/NAME`. Every such fault takes `times=N`: it applies to the first N such requests only. Requests are told apart
by their `x-client-request-id`, if they have one. `table.py` lists the faults, `effects.py` has what
they do to replies.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..wire import JSON, Event, GatewayError, encode_event

FAULT_HEADER = "x-emulator-fault"
StreamEnd = Literal["complete", "cut", "reset", "stall"]
STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


@dataclass(frozen=True)
class RequestedFault:
    """A fault that a request asks for: its name, its options, and the endpoint and path of the request."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    endpoint: str = "chat"
    path: str = ""

    def number(self, key: str, default: float) -> float:
        """A numeric option."""
        try:
            return float(self.options.get(key, default))
        except ValueError:
            raise GatewayError(400, f"The emulator's fault option {key!r} must be a number") from None


def parse_fault(spec: str) -> RequestedFault:
    """Parse `status-429; retry-after=1; times=2`."""
    name, *options = (part.strip() for part in spec.split(";"))
    pairs = (option.partition("=") for option in options if option)
    return RequestedFault(name.lower(), {key.strip().lower(): value.strip() for key, _, value in pairs})


def pop_fault_spec(headers: Headers, body: JSON) -> str:
    """Return the fault that a request asks for, "" if it asks for none, and remove it from the model id."""
    model = body.get("model")
    model = model if isinstance(model, str) else ""
    model_id, separator, model_spec = model.partition("#fault=")
    if separator:
        body["model"] = model_id
    if model.startswith("emulator/"):
        model_spec = model_spec or model_id.removeprefix("emulator/")
    return headers.get(FAULT_HEADER, model_spec)


@dataclass(eq=False)
class ScheduledFault:
    """A fault for the next `remaining` requests, whatever they ask for; with `model`, for those of that model."""

    spec: str
    remaining: float
    model: str | None = None

    def matches(self, model: object) -> bool:
        """Whether it applies to a request with this model."""
        return self.model in (None, model)


class FaultCounter:
    """Counts the requests that asked for each fault."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count_and_check(self, fault: RequestedFault, spec: str, client_request_id: str) -> bool:
        """Count a request, and return whether its fault still applies."""
        key = (spec, client_request_id)
        self._counts[key] += 1
        return self._counts[key] <= fault.number("times", float("inf"))

    def clear(self) -> None:
        self._counts.clear()


# --- connections --------------------------------------------------------------------------------------------------


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
