"""Faults that are valid replies with an unwelcome end: a refusal, a content filter, a token limit, a pause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from starlette.responses import JSONResponse, Response

from ..endpoints.responses import stream_response
from ..model import LABEL
from ..wire import JSON, Event
from . import RequestedFault
from .streams import Stream, encode_stream

REFUSAL = f"{LABEL} I can't help with that."
Edit = Callable[[JSON], JSON]


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
