"""A gateway on loopback, in a process of its own, that returns prepared bytes and so costs next to nothing.

The model id of a request selects the response. A stream's is KIND-COUNT-EVENTS: `text-500-1` sends 500 chunks of text,
one event to a TCP packet, as gateways do. The other kinds are `long` (1,000 characters per chunk), `tools` (pieces of
one tool call), `pause` (a pause after the third event), and `hold` (waits there until the client disconnects).
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import suppress
from functools import cache
from typing import Any

Json = dict[str, Any]
PAUSE = 0.25
# Seconds between two packets, times the open streams: longer than a client computes, so that a read returns one packet.
INTERVAL = 0.00025
WORD = " word"
CHUNK_TEXTS = {"long": " word" * 200}  # of the kinds whose chunks are not one word each
USAGE = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
META = {"usage": {"credits_used": 20, "usd_spent": 0.00001}}


@cache
def chat_plain() -> bytes:
    message = {"role": "assistant", "content": WORD * 20}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
    return _json({"object": "chat.completion", **_head(), "choices": [choice], "usage": USAGE, "meta": META})


@cache
def chat_stream(kind: str, count: int) -> tuple[bytes, ...]:
    text = CHUNK_TEXTS.get(kind, WORD)
    deltas: list[Json] = [{"content": text}] * count if kind != "tools" else list(_tool_deltas(count))
    chunks = [_chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    chunks.append(_chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls" if kind == "tools" else "stop"}]))
    chunks.append(_chunk([], usage=USAGE, meta=META))
    return (*map(_event, chunks), b"data: [DONE]\n\n")


def _tool_deltas(count: int) -> list[Json]:
    name = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x": "'}}
    piece = {"index": 0, "function": {"arguments": "word "}}
    end = {"index": 0, "function": {"arguments": '"}'}}
    return [{"tool_calls": [call]} for call in [name, *[piece] * (count - 2), end]]


@cache
def responses_plain() -> bytes:
    return _json(_response("completed", _message(WORD * 20)))


@cache
def responses_stream(kind: str, count: int) -> tuple[bytes, ...]:
    events: list[Json] = [
        {"type": "response.created", "response": {**_response("in_progress"), "output": []}},
        *(_call_events(count) if kind == "tools" else _text_events(count, CHUNK_TEXTS.get(kind, WORD))),
    ]
    return tuple(
        f"event: {event['type']}\n".encode() + _event({**event, "sequence_number": at})
        for at, event in enumerate(events)
    )


def _text_events(count: int, text: str) -> list[Json]:
    part = {"type": "output_text", "text": "", "annotations": []}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **at, "part": part},
        *[{"type": "response.output_text.delta", **at, "delta": text, "logprobs": []}] * count,
        {"type": "response.output_text.done", **at, "text": text * count, "logprobs": []},
        {"type": "response.completed", "response": _response("completed", _message(text * count))},
    ]


def _call_events(count: int) -> list[Json]:
    pieces = ['{"x": "', *["word "] * (count - 2), '"}']
    at = {"item_id": "fc_1", "output_index": 0}
    item = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "f", "status": "in_progress"}
    whole = {**item, "arguments": "".join(pieces), "status": "completed"}
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "arguments": ""}},
        *[{"type": "response.function_call_arguments.delta", **at, "delta": piece} for piece in pieces],
        {"type": "response.function_call_arguments.done", **at, "arguments": whole["arguments"], "name": "f"},
        {"type": "response.output_item.done", "output_index": 0, "item": whole},
        {"type": "response.completed", "response": _response("completed", whole)},
    ]


@cache
def embeddings(texts: int) -> bytes:
    vector = [round(0.001 * at - 0.3, 6) for at in range(256)]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(texts)]
    return _json({"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}})


def _message(text: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}


def _response(status: str, item: Json | None = None) -> Json:
    usage = {"input_tokens": 12, "output_tokens": 34, "total_tokens": 46}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    head = {"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "m", "tools": []}
    more = {"parallel_tool_calls": True, "tool_choice": "auto", "error": None, "incomplete_details": None}
    return {**head, **more, "output": [item], "usage": {**usage, **details}, "meta": META}


def _head() -> Json:
    return {"id": "chatcmpl-1", "created": 1, "model": "m", "system_fingerprint": "canned"}


def _chunk(choices: list[Json], **more: Any) -> Json:
    return {"object": "chat.completion.chunk", **_head(), "choices": choices, **more}


def _event(body: Json) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _json(body: Json) -> bytes:
    raw = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(raw), raw)


class Pace:
    """Waits between packets. A timer of asyncio is too coarse for a single stream, and blocking would delay others."""

    def __init__(self) -> None:
        self._streams = 0

    def __enter__(self) -> Pace:
        self._streams += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._streams -= 1

    async def next_packet(self) -> None:
        if self._streams == 1:
            time.sleep(INTERVAL)
        await asyncio.sleep(0 if self._streams == 1 else INTERVAL * self._streams)


PACE = Pace()


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            size = next((line for line in lines if line.startswith(b"content-length:")), b":0")
            body = json.loads(await reader.readexactly(int(size.partition(b":")[2])) or b"{}")
            await respond(head.split(b" ", 2)[1].decode(), body, reader, writer)
    writer.close()


async def respond(path: str, body: Json, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if path.endswith("/embeddings"):
        writer.write(embeddings(len(body["input"])))
    elif not body.get("stream"):
        writer.write(responses_plain() if path.endswith("/responses") else chat_plain())
    else:
        kind, count, events_per_packet = body["model"].split("-")
        make = responses_stream if path.endswith("/responses") else chat_stream
        with PACE:
            await stream(make(kind, int(count)), int(events_per_packet), kind, reader, writer)
    await writer.drain()


async def stream(
    events: tuple[bytes, ...],
    events_per_packet: int,
    kind: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Send so many events in each TCP packet, at a pace at which one read of the client returns one packet."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for start in range(0, len(events), events_per_packet):
        piece = b"".join(events[start : start + events_per_packet])
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        await PACE.next_packet()
        if start == 3 and kind == "pause":
            await asyncio.sleep(PAUSE)
        elif start == 3 and kind == "hold":
            await reader.read()
    writer.write(b"0\r\n\r\n")


async def serve() -> None:
    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 26, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
