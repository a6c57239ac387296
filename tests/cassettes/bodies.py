"""HTTP bodies in readable form, and back: JSON as its structure, a stream as the list of its events, a form by field.

The round trip preserves every byte except spaces in JSON. A form is restored as JSON: its boundary is random.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any, TypeAlias

Stored: TypeAlias = dict[str, Any]
"""At most one of `json`, `events`, `form` and `text`; none of them without a body.

Fields that all JSON events of a stream share (`id`, `model` …) are stored once, in `every_event`. `event_is_type` means
that the name of each event is its `type`.
"""

EVENT_STREAM = "text/event-stream"
FORM = "multipart/form-data"


def readable(body: bytes | str | None, content_type: str) -> Stored:
    """Return a body as a cassette stores it.

    Raises:
        ValueError: the body is not text, or can't be restored.
    """
    if content_type.startswith(FORM) and body:
        return {"form": _form(body, content_type)}
    text = body.decode("utf-8") if isinstance(body, bytes) else body
    if not text:
        return {}
    if content_type.startswith(EVENT_STREAM):
        return _events(text)
    parsed = _parsed(text)
    return {"text": text} if parsed is text else {"json": parsed}


def wire(stored: Stored) -> str:
    """Return the body as it was sent."""
    if "json" in stored:
        return _dumps(stored["json"])
    if "events" in stored:
        return "".join(f"{line}\n" for event in _whole(stored) for line in _lines(event))
    if "form" in stored:
        return _dumps(stored["form"])
    return str(stored.get("text", ""))


def _form(body: bytes | str, content_type: str) -> list[Stored]:
    """Return the fields of a form, in order. Without a boundary, the body has been restored from a cassette."""
    boundary = re.search('boundary="?([^";]+)', content_type)
    if boundary is None:
        fields: list[Stored] = json.loads(body)
        return fields
    parts = (body.encode() if isinstance(body, str) else body).split(b"--" + boundary[1].encode())
    return [_field(part.removeprefix(b"\r\n")) for part in parts[1:-1]]


def _field(part: bytes) -> Stored:
    """Return a field of a form: its value as text, or a file as base64."""
    head, _, content = part.partition(b"\r\n\r\n")
    headers, content = message_from_bytes(head), content.removesuffix(b"\r\n")
    name = headers.get_param("name", header="content-disposition")
    if (file := headers.get_filename()) is None:
        return {"name": name, "value": content.decode("utf-8")}
    encoded = base64.b64encode(content).decode()
    return {"name": name, "filename": file, "content_type": headers.get_content_type(), "base64": encoded}


def payloads(stored: Stored) -> list[Stored]:
    """Return the JSON of a stream's events, in order."""
    return [event["data"] for event in _whole(stored) if isinstance(event.get("data"), dict)]


def _whole(stored: Stored) -> Iterator[Stored]:
    """Yield the events with their shared fields."""
    shared, named = stored.get("every_event", {}), stored.get("event_is_type", False)
    for event in stored.get("events", ()):
        data = event.get("data")
        if isinstance(data, dict):
            whole = {**shared, **data}
            yield {**({"event": whole["type"]} if named else {}), **event, "data": whole}
        else:
            yield event


def _events(text: str) -> Stored:
    blocks = text.replace("\r\n", "\n").split("\n\n")
    if blocks[-1] and not blocks[-1].endswith("\n"):
        raise ValueError(f"A stream that ends inside an event can't be stored: {blocks[-1]!r}")
    return _named(_shared([event for block in blocks for event in _block(block)]))


def _named(stored: Stored) -> Stored:
    """Remove the names of events if they equal the types."""
    found = [event for event in _whole(stored) if isinstance(event.get("data"), dict)]
    if not found or not all(event.get("event") and event["event"] == event["data"].get("type") for event in found):
        return stored
    events = [_unnamed(event) if isinstance(event.get("data"), dict) else event for event in stored["events"]]
    return {"event_is_type": True, **stored, "events": events}


def _unnamed(event: Stored) -> Stored:
    return {name: value for name, value in event.items() if name != "event"}


def _shared(events: list[Stored]) -> Stored:
    """Split events into shared and individual fields."""
    found = payloads({"events": events})
    first = found[0] if len(found) > 1 else {}
    shared = {name: value for name, value in first.items() if all(_has(data, name, value) for data in found)}
    if not shared:
        return {"events": events}
    return {"every_event": shared, "events": [_without(shared, event) for event in events]}


def _without(shared: Stored, event: Stored) -> Stored:
    data = event.get("data")
    if not isinstance(data, dict):
        return event
    return {**event, "data": {name: value for name, value in data.items() if name not in shared}}


def _has(data: Stored, name: str, value: Any) -> bool:
    return name in data and _dumps(data[name]) == _dumps(value)


def _block(block: str) -> Iterator[Stored]:
    """Yield the comments of a block, then its event."""
    fields: dict[str, list[str]] = {}
    for line in filter(None, block.split("\n")):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name:
            fields.setdefault(name, []).append(value)
        else:
            yield {"comment": value}
    if fields:
        event = {name: "\n".join(values) for name, values in fields.items()}
        yield event | ({"data": _parsed(event["data"])} if "data" in event else {})


def _lines(event: Stored) -> Iterator[str]:
    if "comment" in event:
        yield f": {event['comment']}"
    for name, value in event.items():
        if name != "comment":
            text = value if isinstance(value, str) else _dumps(value)
            yield from (f"{name}: {line}" for line in text.split("\n"))
    yield ""


def _parsed(text: str) -> Any:
    """Return the object or list that the text encodes; otherwise the text itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
