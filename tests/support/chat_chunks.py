"""Split chat completions replies into the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

# Message fields that stream as growing strings.
GROWING = ("reasoning_content", "reasoning", "content", "refusal")
WHOLE = ("annotations", "images", "audio", "extra_content", "encrypted_content")


def cut(body: Json, size: int = 7) -> Iterator[Json]:
    """Yield the chunks of a stream of `body`: texts in pieces of `size` characters, then finish, then usage."""
    [choice] = body["choices"]
    message = choice.get("message") or {}
    head = {key: value for key, value in body.items() if key not in ("choices", "usage", "meta", "object")}

    def chunk(delta: Json, **more: Any) -> Json:
        return {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, **more}]}

    yield chunk({"role": "assistant", "content": ""}, finish_reason=None)
    for key in GROWING:
        yield from (chunk({key: piece}, finish_reason=None) for piece in pieces(message.get(key), size))
    for detail in message.get("reasoning_details") or ():
        yield chunk({"reasoning_details": [detail]})
    for key in WHOLE:
        if message.get(key):
            yield chunk({key: message[key]})
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield from (chunk({"tool_calls": [piece]}) for piece in call_pieces(index, call, size))
    yield chunk({}, **{key: value for key, value in choice.items() if key not in ("index", "message", "delta")})
    yield {**head, "choices": [], "usage": body.get("usage"), "meta": body.get("meta")}


def pieces(text: Any, size: int) -> Iterator[str]:
    if isinstance(text, str):
        yield from (text[at : at + size] for at in range(0, len(text), size))


def call_pieces(index: int, call: Json, size: int) -> Iterator[Json]:
    function = call["function"]
    yield {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
    for piece in pieces(function["arguments"], size):
        yield {"index": index, "function": {"arguments": piece}}
