"""A completion as a stream of chunks.

Two things of the documented streams break the documented schema of a chunk, and are kept because clients meet them:
`finish_reason` is null until the last chunk (the schema has no null), and Claude's chunks have none at all until then.
For the rest the schema is followed to the letter: every delta has a role and a content, every fragment of a tool call
an id, a type and a name, which are empty strings after the first.
"""

from __future__ import annotations

from collections.abc import Iterator

from .ask import JSON, Answer
from .chat import Completion, call_body, extras, logprobs, paid, reasoning_fields, text_of, usage_body
from .sse import Event
from .usage import pieces


def events(done: Completion) -> Iterator[Event]:
    yield from _claude(done) if done.family.name == "claude" else _usual(done)


def _usual(done: Completion) -> Iterator[Event]:
    for index, said in enumerate(done.answers):
        for event in _deltas(done, said):
            yield _chunk(done, index, event.data, event.kind)
        yield _chunk(done, index, {"delta": _delta(), "finish_reason": said.finish}, "finish")
    if done.request.stream_options.include_usage:
        tail = {"choices": [], "usage": usage_body(done.usage)} | paid(done)
        yield Event(_head(done) | tail, "usage")
    yield Event("[DONE]", "done")


def _head(done: Completion) -> JSON:
    return done.head | {"object": "chat.completion.chunk"} | extras(done)


def _chunk(done: Completion, index: int, choice: JSON, kind: str) -> Event:
    return Event(_head(done) | {"choices": [{"index": index, "finish_reason": None, "logprobs": None} | choice]}, kind)


def _delta(content: str = "", **rest: object) -> JSON:
    return {"role": "assistant", "content": content, **rest}


def _deltas(done: Completion, said: Answer) -> Iterator[Event]:
    """The parts of a choice, in order: the role, the thoughts, the text, the calls."""
    yield Event({"delta": _delta()}, "start")
    if done.family.reasoning in ("field", "details"):
        for piece in pieces(said.reasoning):
            yield Event({"delta": _delta(**reasoning_fields(done, piece))}, "reasoning")
    for piece in pieces(text_of(done, said)):
        yield Event({"delta": _delta(piece), "logprobs": logprobs(done, [piece])}, "text")
    for number, call in enumerate(said.calls):
        first = call_body(done, call) | {"index": number, "function": {"name": call.name, "arguments": ""}}
        yield Event({"delta": _delta(tool_calls=[first])}, "tool")
        for piece in pieces(call.arguments):
            rest = {"index": number, "id": "", "type": "function", "function": {"name": "", "arguments": piece}}
            yield Event({"delta": _delta(tool_calls=[rest])}, "tool")


def _claude(done: Completion) -> Iterator[Event]:
    """Claude's chunks: the id only on the first, two that say stop, usage unasked on the first of them, no [DONE]."""
    said = done.answers[0]
    for number, event in enumerate(_deltas(done, said)):
        choice = {"index": 0, "delta": event.data["delta"] | {"refusal": None}}
        yield Event(_head(done) | {"id": "" if number else done.id, "choices": [choice]}, event.kind)
    usage = usage_body(done.usage)
    brief = {key: usage[key] for key in ("prompt_tokens", "completion_tokens", "total_tokens")}
    last = {"index": 0, "finish_reason": said.finish}
    tail = _head(done) | {"id": ""}
    price = paid(done)  # Claude lists no stream_options
    yield Event(tail | price | {"choices": [last | {"delta": _delta(refusal=None)}], "usage": brief}, "finish")
    yield Event(tail | {"choices": [last], "usage": None}, "finish")
