"""Faults of streams: functions from the events of a good stream to a stream with the fault."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..wire import JSON, Event, encode_event
from . import RequestedFault
from .connections import Stream, StreamEnd, encode_stream

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
