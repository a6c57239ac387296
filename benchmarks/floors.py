"""The floor: what raw httpx, JSON and the framework's bare model cost together. No adapter can be under it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

Json = dict[str, Any]
PATHS = {"chat_completions": "/chat/completions", "responses": "/responses", "embeddings": "/embeddings"}


def body(endpoint: str, model: str, text: str, stream: bool) -> Json:
    asked = {"input": text} if endpoint == "responses" else {"messages": [{"role": "user", "content": text}]}
    return {"model": model, **asked, **({"stream": True} if stream else {})}


def plain_text(reply: Json) -> str:
    if "output" in reply:
        return str(reply["output"][0]["content"][0]["text"])
    return str(reply["choices"][0]["message"]["content"])


def piece(event: Json) -> str | None:
    if "type" in event:
        return event["delta"] if event["type"] == "response.output_text.delta" else None
    choices = event["choices"]
    return choices[0]["delta"].get("content") if choices else None


def events(buffer: bytes) -> tuple[list[Json], bytes]:
    *frames, rest = buffer.split(b"\n\n")
    data = [frame[frame.index(b"data: ") + 6 :] for frame in frames if b"data: " in frame]
    return [json.loads(each) for each in data if each != b"[DONE]"], rest


def stream_pieces(client: httpx.Client, url: str, asked: Json) -> Iterator[str]:
    with client.stream("POST", url, json=asked) as response:
        rest = b""
        for raw in response.iter_bytes():
            found, rest = events(rest + raw)
            yield from (text for event in found if (text := piece(event)) is not None)


async def astream_pieces(client: httpx.AsyncClient, url: str, asked: Json) -> AsyncIterator[str]:
    async with client.stream("POST", url, json=asked) as response:
        rest = b""
        async for raw in response.aiter_bytes():
            found, rest = events(rest + raw)
            for event in found:
                if (text := piece(event)) is not None:
                    yield text


def vectors(client: httpx.Client, url: str, texts: list[str]) -> list[list[float]]:
    reply = json.loads(client.post(url, json={"model": "m", "input": texts}).content)
    return [item["embedding"] for item in reply["data"]]
