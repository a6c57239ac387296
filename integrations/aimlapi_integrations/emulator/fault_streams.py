"""The faults that streams can have, as functions from the events of a good stream to a spoiled one."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import replace

from .ask import JSON
from .faults import Fault
from .sse import Ending, Event, Stream, frame, stream_of

Events = Sequence[Event]
SEPARATORS = "\x85\u2028\u2029"
FAILED = {"message": "emulated: the provider failed", "type": "server_error", "code": "upstream_error"}


def whole(events: Events, _fault: Fault) -> Stream:
    return stream_of(events)


def _error(fault: Fault, number: int) -> Event:
    """An error, as each endpoint sends one amid a stream."""
    if fault.endpoint == "responses":
        body: JSON = {"type": "error", "code": FAILED["code"], "message": FAILED["message"], "param": ""}
        return Event(body | {"sequence_number": number}, "error", "error")
    if fault.endpoint == "messages":
        return Event({"type": "error", "error": {"type": "api_error", "message": FAILED["message"]}}, "error", "error")
    return Event({"error": FAILED}, "error")


def _middle(events: Events, kind: str = "text") -> int:
    """The place half way through the events of a kind; half way through all of them, where there is none."""
    places = [index for index, event in enumerate(events) if event.kind == kind]
    return places[len(places) // 2] if places else len(events) // 2


def error_at_start(_events: Events, fault: Fault) -> Stream:
    return stream_of([_error(fault, 0)])


def error_in_middle(events: Events, fault: Fault) -> Stream:
    at = _middle(events)
    return stream_of([*events[:at], _error(fault, at)])


def failed(events: Events, fault: Fault) -> Stream:
    if fault.endpoint != "responses":
        return error_in_middle(events, fault)
    at = _middle(events)
    response = events[-1].data["response"]
    error = {"code": "server_error", "message": FAILED["message"]}
    body = {
        "type": "response.failed",
        "sequence_number": at,
        "response": response | {"status": "failed", "error": error, "output": [], "output_text": ""},
    }
    return stream_of([*events[:at], Event(body, "finish", "response.failed")])


def empty(events: Events, _fault: Fault) -> Stream:
    """The frame of a stream without anything in it."""
    kept = [event for event in events if event.kind in ("created", "usage", "done")]
    last = [_emptied(event) for event in events if event.kind == "finish"][:1]
    return stream_of(
        [event for event in kept if event.kind == "created"] + last + [e for e in kept if e.kind != "created"]
    )


def _emptied(event: Event) -> Event:
    if "response" in event.data:
        return replace(
            event, data=event.data | {"response": event.data["response"] | {"output": [], "output_text": ""}}
        )
    return replace(event, data=event.data | {"choices": []} if "choices" in event.data else event.data)


def null_content(events: Events, _fault: Fault) -> Stream:
    return stream_of(_nulled(event) for event in events if event.kind != "text")


def _nulled(event: Event) -> Event:
    if not isinstance(event.data, dict) or not event.data.get("choices"):
        return event
    choices = [choice | {"delta": choice.get("delta", {}) | {"content": None}} for choice in event.data["choices"]]
    return replace(event, data=event.data | {"choices": choices})


def cut_before_first(_events: Events, _fault: Fault) -> Stream:
    return Stream((), "cut")


def ends_within(kind: str, end: Ending) -> Callable[[Events, Fault], Stream]:
    def cut(events: Events, _fault: Fault) -> Stream:
        return replace(stream_of(events[: _middle(events, kind)]), end=end)

    return cut


def cut_frame(events: Events, _fault: Fault) -> Stream:
    at = _middle(events)
    last = frame(events[at])
    return Stream((*map(frame, events[:at]), last[: len(last) // 2]), "cut")


def stall_at_start(_events: Events, _fault: Fault) -> Stream:
    return Stream((), "stall")


def stall_at_end(events: Events, _fault: Fault) -> Stream:
    return replace(stream_of(events), end="stall")


def no_final_newline(events: Events, _fault: Fault) -> Stream:
    *others, last = map(frame, events)
    return Stream((*others, last.rstrip(b"\n")))


def drip(events: Events, fault: Fault) -> Stream:
    return dripping(b"".join(map(frame, events)), fault)


def dripping(body: bytes, fault: Fault) -> Stream:
    return Stream(tuple(body[at : at + 1] for at in range(len(body))), delay=fault.number("seconds", 0.01))


def slow(events: Events, fault: Fault) -> Stream:
    return replace(stream_of(events), delay=fault.number("seconds", 0.05))


def malformed(events: Events, _fault: Fault) -> Stream:
    at = _middle(events)
    return Stream((*map(frame, events[:at]), b'data: {"id": "broken\n\n', *map(frame, events[at:])))


def comments(events: Events, _fault: Fault) -> Stream:
    return Stream(tuple(b": emulated keep-alive\n\n" + frame(event) for event in events))


def lines_end_in(ending: bytes) -> Callable[[Events, Fault], Stream]:
    def end(events: Events, _fault: Fault) -> Stream:
        return Stream(tuple(frame(event).replace(b"\n", ending) for event in events))

    return end


def byte_order_mark(events: Events, _fault: Fault) -> Stream:
    return Stream((codecs.BOM_UTF8, *map(frame, events)))


def separators(events: Events, _fault: Fault) -> Stream:
    """Characters that end a line for Python's `splitlines`, though not in an event stream, in every event's padding."""
    return stream_of(_with_separators(event) for event in events)


def _with_separators(event: Event) -> Event:
    return event if isinstance(event.data, str) else replace(event, data=event.data | {"padding": SEPARATORS})


def split(events: Events, _fault: Fault) -> Stream:
    """Threes do not keep to the borders of lines, nor of characters."""
    body = b"".join(map(frame, events))
    return Stream(tuple(body[at : at + 3] for at in range(0, len(body), 3)))


def huge(events: Events, fault: Fault) -> Stream:
    at = _middle(events)
    big = events[at]
    padded = replace(big, data=big.data | {"padding": "x" * int(fault.number("bytes", 10_000_000))})
    return stream_of([*events[:at], padded, *events[at + 1 :]])


def without(kind: str) -> Callable[[Events, Fault], Stream]:
    def drop(events: Events, _fault: Fault) -> Stream:
        return stream_of(event for event in map(_unpriced, events) if event.kind != kind)

    def _unpriced(event: Event) -> Event:
        if kind != "usage" or not isinstance(event.data, dict) or "response" not in event.data:
            return event
        return replace(event, data=event.data | {"response": event.data["response"] | {"usage": None}})

    return drop


def usage_twice(events: Events, _fault: Fault) -> Stream:
    return stream_of(again for event in events for again in [event] * (2 if event.kind == "usage" else 1))


def bare_fragments(events: Events, _fault: Fault) -> Stream:
    return stream_of(_edited(event, _bare) for event in events)


def _bare(call: JSON) -> JSON:
    if call["id"]:
        return call
    return {"index": call["index"], "function": {"arguments": call["function"]["arguments"]}}


def repeated_fragments(events: Events, _fault: Fault) -> Stream:
    heads: dict[int, JSON] = {}
    return stream_of(_edited(event, lambda call: _repeated(call, heads)) for event in events)


def _repeated(call: JSON, heads: dict[int, JSON]) -> JSON:
    head = heads.setdefault(call["index"], call)
    return head | {"function": {"name": head["function"]["name"], "arguments": call["function"]["arguments"]}}


def no_index(events: Events, _fault: Fault) -> Stream:
    return stream_of(_edited(event, lambda call: {k: v for k, v in call.items() if k != "index"}) for event in events)


def _edited(event: Event, edit: Callable[[JSON], JSON]) -> Event:
    """A chat chunk with its tool call fragments edited; any other event as it is."""
    if event.kind != "tool" or not isinstance(event.data, dict) or "choices" not in event.data:
        return event
    choice = event.data["choices"][0]
    delta = choice["delta"] | {"tool_calls": [edit(call) for call in choice["delta"]["tool_calls"]]}
    return replace(event, data=event.data | {"choices": [choice | {"delta": delta}]})
