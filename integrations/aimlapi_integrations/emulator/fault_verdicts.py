"""Faults that are good replies with a sad message: the model refuses, or a filter takes its text away."""

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
    return JSONResponse(_REFUSING[fault.endpoint](body))


def refuse_stream(events: Sequence[Event], fault: Fault) -> Stream:
    return _edited(events, fault, _REFUSING, _refusing_chunk)


def filter_out(body: JSON, fault: Fault) -> Response:
    return JSONResponse(_FILTERED[fault.endpoint](body))


def filter_stream(events: Sequence[Event], fault: Fault) -> Stream:
    return _edited(events, fault, _FILTERED, _filtered_chunk)


def _edited(
    events: Sequence[Event], fault: Fault, edits: dict[str, Edit], chunk: Callable[[Event], Event | None]
) -> Stream:
    if fault.endpoint == "responses":
        return stream_of(responses_stream.events(edits["responses"](events[-1].data["response"])))
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


_REFUSING: dict[str, Edit] = {
    "chat": _refused_chat,
    "responses": _refused_response,
    "messages": _refused_message,
}
_FILTERED: dict[str, Edit] = _REFUSING | {"chat": _filtered_chat, "responses": _filtered_response}


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
    if event.name != "message_delta":
        return event
    return replace(event, data=event.data | {"delta": event.data["delta"] | {"stop_reason": "refusal"}})
