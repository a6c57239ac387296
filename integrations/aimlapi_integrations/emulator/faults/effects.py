"""What faults do: functions from a good reply, or the events of a good stream, to one with the fault."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import replace

from starlette.responses import JSONResponse, Response

from ..endpoints.responses import stream_response
from ..model import LABEL
from ..wire import JSON, Event, encode_event
from . import RequestedFault, Stream, StreamEnd, encode_stream

Events = Sequence[Event]
SEPARATORS = "\x85\u2028\u2029"
ERROR = {"message": "emulated: the provider failed", "type": "server_error", "code": "upstream_error"}
REFUSAL = f"{LABEL} I can't help with that."
Edit = Callable[[JSON], JSON]


# --- broken streams -----------------------------------------------------------------------------------------------


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


# --- valid replies with an unwelcome end: a refusal, a content filter, a token limit, a pause ---------------------


def refuse_reply(body: JSON, fault: RequestedFault) -> Response:
    return _edit_reply(body, fault, _REFUSE)


def refuse_stream(events: Sequence[Event], fault: RequestedFault) -> Stream:
    return _edit_stream(events, fault, _REFUSE, _refuse_chunk)


def filter_reply(body: JSON, fault: RequestedFault) -> Response:
    return _edit_reply(body, fault, _FILTER)


def filter_stream(events: Sequence[Event], fault: RequestedFault) -> Stream:
    return _edit_stream(events, fault, _FILTER, _filter_chunk)


def truncate_reply(body: JSON, fault: RequestedFault) -> Response:
    return _edit_reply(body, fault, _TRUNCATE)


def truncate_stream(events: Sequence[Event], fault: RequestedFault) -> Stream:
    """Drop the second half of the last tool call, or of the text if there is no call."""
    if fault.endpoint == "responses":
        return _stream_edited_response(events, _truncate_response)
    last_kind = "tool" if any(event.kind == "tool" for event in events) else "text"
    indexes = [index for index, event in enumerate(events) if event.kind == last_kind]
    dropped = set(indexes[len(indexes) // 2 :])
    return encode_stream(_with_length_stop(event) for index, event in enumerate(events) if index not in dropped)


def pause_reply(body: JSON, fault: RequestedFault) -> Response:
    return _edit_reply(body, fault, {"messages": _pause_message})


def pause_stream(events: Sequence[Event], fault: RequestedFault) -> Stream:
    """Drop the blocks after the server tool's, and stop with `pause_turn`."""
    starts = [event.data for event in events if event.name == "content_block_start"]
    if fault.endpoint != "messages" or not any(_is_server_block(start["content_block"]) for start in starts):
        return encode_stream(events)
    length = len(_server_blocks([start["content_block"] for start in starts]))
    sent = [event for event in events if event.data.get("index", -1) < length]
    return encode_stream(
        _with_stop_reason(event, "pause_turn") if event.name == "message_delta" else event for event in sent
    )


def _pause_message(body: JSON) -> JSON:
    blocks = _server_blocks(body["content"])
    return body | {"content": blocks, "stop_reason": "pause_turn"} if blocks else body


def _server_blocks(blocks: list[JSON]) -> list[JSON]:
    """The blocks up to the last one of a server tool."""
    indexes = [index for index, block in enumerate(blocks) if _is_server_block(block)]
    return blocks[: indexes[-1] + 1] if indexes else []


def _is_server_block(block: JSON) -> bool:
    return block["type"] in ("server_tool_use", "web_search_tool_result")


def _edit_reply(body: JSON, fault: RequestedFault, edits: dict[str, Edit]) -> Response:
    """Edit the replies of endpoints that generate text. Others stay as they are."""
    edit = edits.get(fault.endpoint)
    return JSONResponse(edit(body) if edit else body)


def _stream_edited_response(events: Sequence[Event], edit: Edit) -> Stream:
    """The events that build the edited response."""
    return encode_stream(stream_response(edit(events[-1].data["response"])))


def _edit_stream(
    events: Sequence[Event], fault: RequestedFault, edits: dict[str, Edit], edit_chunk: Callable[[Event], Event | None]
) -> Stream:
    if fault.endpoint == "responses":
        return _stream_edited_response(events, edits["responses"])
    if fault.endpoint == "messages":
        return encode_stream(_with_refusal_stop(event) for event in events if event.kind != "text")
    return encode_stream(event for event in map(edit_chunk, events) if event is not None)


def _refuse_chat(body: JSON) -> JSON:
    message = {"content": "", "refusal": REFUSAL}
    return body | {"choices": [choice | {"message": choice["message"] | message} for choice in body["choices"]]}


def _refuse_response(body: JSON) -> JSON:
    part = {"type": "refusal", "refusal": REFUSAL}
    output = [item | {"content": [part]} if item["type"] == "message" else item for item in body["output"]]
    return body | {"output": output, "output_text": ""}


def _refuse_message(body: JSON) -> JSON:
    return body | {"content": [], "stop_reason": "refusal"}


def _filter_chat(body: JSON) -> JSON:
    return body | {"choices": [choice | {"finish_reason": "content_filter"} for choice in body["choices"]]}


def _filter_response(body: JSON) -> JSON:
    return body | {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}


def _truncate_chat(body: JSON) -> JSON:
    choices = [choice | {"message": _truncate_chat_message(choice["message"])} for choice in body["choices"]]
    return body | {"choices": [choice | {"finish_reason": "length"} for choice in choices]}


def _truncate_chat_message(message: JSON) -> JSON:
    if not message.get("tool_calls"):
        return message | {"content": _first_half(message["content"])}
    *complete, last = message["tool_calls"]
    function = last["function"] | {"arguments": _first_half(last["function"]["arguments"])}
    return message | {"tool_calls": [*complete, last | {"function": function}]}


def _truncate_response(body: JSON) -> JSON:
    *complete, last = body["output"]
    cut = body | {"output": [*complete, _truncate_item(last)], "output_text": _first_half(body["output_text"])}
    return cut | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def _truncate_item(item: JSON) -> JSON:
    match item["type"]:
        case "function_call":
            return item | {"status": "incomplete", "arguments": _first_half(item["arguments"])}
        case "message":
            parts = [part | {"text": _first_half(part["text"]), "annotations": []} for part in item["content"]]
            return item | {"status": "incomplete", "content": parts}
        case _:
            return item


def _truncate_anthropic_message(body: JSON) -> JSON:
    *complete, last = body["content"]
    return body | {"content": [*complete, _truncate_block(last)], "stop_reason": "max_tokens"}


def _truncate_block(block: JSON) -> JSON:
    match block["type"]:
        case "tool_use":
            return block | {"input": {}}
        case "text":
            return block | {"text": _first_half(block["text"])}
        case _:
            return block


def _first_half(text: str) -> str:
    return text[: len(text) // 2]


_REFUSE: dict[str, Edit] = {
    "chat": _refuse_chat,
    "responses": _refuse_response,
    "messages": _refuse_message,
}
_FILTER: dict[str, Edit] = _REFUSE | {"chat": _filter_chat, "responses": _filter_response}


_TRUNCATE: dict[str, Edit] = {
    "chat": _truncate_chat,
    "responses": _truncate_response,
    "messages": _truncate_anthropic_message,
}


def _refuse_chunk(event: Event) -> Event | None:
    """Send the refusal with the first chunk, in place of the text."""
    if event.kind == "text":
        return None
    if event.kind != "start":
        return event
    [choice] = event.data["choices"]
    return replace(event, data=event.data | {"choices": [choice | {"delta": choice["delta"] | {"refusal": REFUSAL}}]})


def _filter_chunk(event: Event) -> Event | None:
    if event.kind != "finish":
        return event
    return replace(event, data=_filter_chat(event.data))


def _with_refusal_stop(event: Event) -> Event:
    return _with_stop_reason(event, "refusal") if event.name == "message_delta" else event


def _with_length_stop(event: Event) -> Event:
    if event.kind != "finish":
        return event
    if event.name == "message_delta":
        return _with_stop_reason(event, "max_tokens")
    choices = [choice | {"finish_reason": "length"} for choice in event.data["choices"]]
    return replace(event, data=event.data | {"choices": choices})


def _with_stop_reason(event: Event, reason: str) -> Event:
    return replace(event, data=event.data | {"delta": event.data["delta"] | {"stop_reason": reason}})
