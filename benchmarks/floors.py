"""What both frameworks' floors do over raw httpx. See `floor_langchain.py` and `floor_llama_index.py`.

A plain floor is a working model class: it sends the prompt with httpx, parses with `json`, and returns the text.

A strict floor is no model at all but two costs that any adapter has, added up: that of httpx and the JSON parser alone
(`iter_bytes`, a split at blank lines, pydantic-core's `from_json`), and that of the framework with a bare model class
that makes up its chunks and needs no network.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from typing import Any

import httpx
from pydantic_core import from_json

from benchmarks.server import CHUNK_TEXTS, WORD

Json = dict[str, Any]
PATHS = {"chat_completions": "/chat/completions", "responses": "/responses", "embeddings": "/embeddings"}


def request_body(endpoint: str, model: str, text: str, stream: bool) -> Json:
    prompt = {"input": text} if endpoint == "responses" else {"messages": [{"role": "user", "content": text}]}
    return {"model": model, **prompt, **({"stream": True} if stream else {})}


def vectors(client: httpx.Client, url: str, texts: list[str]) -> list[list[float]]:
    body = json.loads(client.post(url, json={"model": "m", "input": texts}).content)
    return [item["embedding"] for item in body["data"]]


# --- plain floors -----------------------------------------------------------------------------------------------------


def response_text(body: Json) -> str:
    if "output" in body:
        return str(body["output"][0]["content"][0]["text"])
    return str(body["choices"][0]["message"]["content"])


def event_text(event: Json) -> str | None:
    if "type" in event:
        return event["delta"] if event["type"] == "response.output_text.delta" else None
    choices = event["choices"]
    return choices[0]["delta"].get("content") if choices else None


def parse_events(buffer: bytes) -> tuple[list[Json], bytes]:
    *frames, rest = buffer.split(b"\n\n")
    data = [frame[frame.index(b"data: ") + 6 :] for frame in frames if b"data: " in frame]
    return [json.loads(each) for each in data if each != b"[DONE]"], rest


def stream_texts(client: httpx.Client, url: str, body: Json) -> Iterator[str]:
    with client.stream("POST", url, json=body) as response:
        rest = b""
        for chunk in response.iter_bytes():
            events, rest = parse_events(rest + chunk)
            yield from (text for event in events if (text := event_text(event)) is not None)


async def astream_texts(client: httpx.AsyncClient, url: str, body: Json) -> AsyncIterator[str]:
    async with client.stream("POST", url, json=body) as response:
        rest = b""
        async for chunk in response.aiter_bytes():
            events, rest = parse_events(rest + chunk)
            for event in events:
                if (text := event_text(event)) is not None:
                    yield text


# --- strict floors ----------------------------------------------------------------------------------------------------


class RawHTTP:
    """Requests of httpx alone, and the events of their streams as pydantic-core parses them."""

    def __init__(self, base_url: str, endpoint: str, model: str, prompt: str) -> None:
        self._url = base_url + PATHS[endpoint]
        self._plain = request_body(endpoint, model, prompt, stream=False)
        self._stream = request_body(endpoint, model, prompt, stream=True)
        self._client, self._async_client = httpx.Client(timeout=60), httpx.AsyncClient(timeout=60)

    def post(self) -> Json:
        return from_json(self._client.post(self._url, json=self._plain).content)

    async def apost(self) -> Json:
        return from_json((await self._async_client.post(self._url, json=self._plain)).content)

    def events(self) -> Iterator[Json]:
        with self._client.stream("POST", self._url, json=self._stream) as response:
            rest = b""
            for chunk in response.iter_bytes():
                *frames, rest = (rest + chunk).split(b"\n\n")
                for frame in frames:
                    data = frame[frame.index(b"data: ") + 6 :]
                    if data != b"[DONE]":
                        yield from_json(data)

    async def aevents(self) -> AsyncIterator[Json]:
        async with self._async_client.stream("POST", self._url, json=self._stream) as response:
            rest = b""
            async for chunk in response.aiter_bytes():
                *frames, rest = (rest + chunk).split(b"\n\n")
                for frame in frames:
                    data = frame[frame.index(b"data: ") + 6 :]
                    if data != b"[DONE]":
                        yield from_json(data)


def made_up_texts(model: str) -> Iterator[str]:
    """Yield the texts, or the arguments of the tool call, that the server sends for this model id."""
    kind, count, _ = model.split("-")
    if kind == "tools":
        return iter(['{"x": "', *["word "] * (int(count) - 2), '"}'])
    return repeat(CHUNK_TEXTS.get(kind, WORD), int(count))


def is_tool_call(model: str) -> bool:
    return model.startswith("tools-")


PLAIN_TEXT = WORD * 20
