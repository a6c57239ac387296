"""Faults that are good replies with a sad message: the model refuses, a filter takes its text, a limit cuts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from starlette.responses import JSONResponse, Response

from . import responses_stream
from .ask import JSON
from .faults import Fault
from .sse import Event, Stream, stream_of

REFUSAL = "[emulated] I can't help with that."
Edit = Callable[[JSON], JSON]


def refuse(body: JSON, fault: Fault) -> Response:
    return _edited_body(body, fault, _REFUSING)


def refuse_stream(events: Sequence[Event], fault: Fault) -> Stream:
    return _edited(events, fault, _REFUSING, _refusing_chunk)


def filter_out(body: JSON, fault: Fault) -> Response:
    return _edited_body(body, fault, _FILTERED)


def filter_stream(events: Sequence[Event], fault: Fault) -> Stream:
    return _edited(events, fault, _FILTERED, _filtered_chunk)


def cut_short(body: JSON, fault: Fault) -> Response:
    return _edited_body(body, fault, _CUT)


def cut_stream(events: Sequence[Event], fault: Fault) -> Stream:
    """The second half of what is said last, a tool call or else the text, is never sent."""
    if fault.endpoint == "responses":
        return _replayed(events, _cut_response)
    last = "tool" if any(event.kind == "tool" for event in events) else "text"
    places = [at for at, event in enumerate(events) if event.kind == last]
    unsent = set(places[len(places) // 2 :])
    return stream_of(_stopped_by_limit(event) for at, event in enumerate(events) if at not in unsent)


def _edited_body(body: JSON, fault: Fault, edits: dict[str, Edit]) -> Response:
    """Embeddings and the catalogue have nothing to say, so they stay as they are."""
    edit = edits.get(fault.endpoint)
    return JSONResponse(edit(body) if edit else body)


def _replayed(events: Sequence[Event], edit: Edit) -> Stream:
    """The events that lead to the edited response."""
    return stream_of(responses_stream.events(edit(events[-1].data["response"])))


def _edited(
    events: Sequence[Event], fault: Fault, edits: dict[str, Edit], chunk: Callable[[Event], Event | None]
) -> Stream:
    if fault.endpoint == "responses":
        return _replayed(events, edits["responses"])
    if fault.endpoint == "messages":
        return stream_of(_stop_refused(event) for event in events if event.kind != "text")
    return stream_of(event for event in map(chunk, events) if event is not None)


def _refused_chat(body: JSON) -> JSON:
    message = {"content": "", "refusal": REFUSAL}
    return body | {"choices": [choice | {"message": choice["message"] | message} for choice in body["choices"]]}


def _refused_response(body: JSON) -> JSON:
    part = {"type": "refusal", "refusal": REFUSAL}
    output = [item | {"content": [part]} if item["type"] == "message" else item for item in body["output"]]
    return body | {"output": output, "output_text": ""}


def _refused_message(body: JSON) -> JSON:
    return body | {"content": [], "stop_reason": "refusal"}


def _filtered_chat(body: JSON) -> JSON:
    return body | {"choices": [choice | {"finish_reason": "content_filter"} for choice in body["choices"]]}


def _filtered_response(body: JSON) -> JSON:
    return body | {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}


def _cut_chat(body: JSON) -> JSON:
    choices = [choice | {"message": _cut_message(choice["message"])} for choice in body["choices"]]
    return body | {"choices": [choice | {"finish_reason": "length"} for choice in choices]}


def _cut_message(message: JSON) -> JSON:
    if not message.get("tool_calls"):
        return message | {"content": _half(message["content"])}
    *whole, last = message["tool_calls"]
    function = last["function"] | {"arguments": _half(last["function"]["arguments"])}
    return message | {"tool_calls": [*whole, last | {"function": function}]}


def _cut_response(body: JSON) -> JSON:
    *whole, last = body["output"]
    cut = body | {"output": [*whole, _cut_item(last)], "output_text": _half(body["output_text"])}
    return cut | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def _cut_item(item: JSON) -> JSON:
    match item["type"]:
        case "function_call":
            return item | {"status": "incomplete", "arguments": _half(item["arguments"])}
        case "message":
            parts = [part | {"text": _half(part["text"]), "annotations": []} for part in item["content"]]
            return item | {"status": "incomplete", "content": parts}
        case _:
            return item


def _cut_anthropic(body: JSON) -> JSON:
    *whole, last = body["content"]
    return body | {"content": [*whole, _cut_block(last)], "stop_reason": "max_tokens"}


def _cut_block(block: JSON) -> JSON:
    match block["type"]:
        case "tool_use":
            return block | {"input": {}}
        case "text":
            return block | {"text": _half(block["text"])}
        case _:
            return block


def _half(text: str) -> str:
    return text[: len(text) // 2]


_REFUSING: dict[str, Edit] = {
    "chat": _refused_chat,
    "responses": _refused_response,
    "messages": _refused_message,
}
_FILTERED: dict[str, Edit] = _REFUSING | {"chat": _filtered_chat, "responses": _filtered_response}


_CUT: dict[str, Edit] = {"chat": _cut_chat, "responses": _cut_response, "messages": _cut_anthropic}


def _refusing_chunk(event: Event) -> Event | None:
    """The refusal comes with the first chunk, in place of the text."""
    if event.kind == "text":
        return None
    if event.kind != "start":
        return event
    [choice] = event.data["choices"]
    return replace(event, data=event.data | {"choices": [choice | {"delta": choice["delta"] | {"refusal": REFUSAL}}]})


def _filtered_chunk(event: Event) -> Event | None:
    if event.kind != "finish":
        return event
    return replace(event, data=_filtered_chat(event.data))


def _stop_refused(event: Event) -> Event:
    return _stopped(event, "refusal") if event.name == "message_delta" else event


def _stopped_by_limit(event: Event) -> Event:
    if event.kind != "finish":
        return event
    if event.name == "message_delta":
        return _stopped(event, "max_tokens")
    choices = [choice | {"finish_reason": "length"} for choice in event.data["choices"]]
    return replace(event, data=event.data | {"choices": choices})


def _stopped(event: Event, reason: str) -> Event:
    return replace(event, data=event.data | {"delta": event.data["delta"] | {"stop_reason": reason}})
