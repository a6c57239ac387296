"""Where a gateway's responses differ from the emulator's to the same requests.

Compared are the status, the names of headers, the fields with their types, finish reasons, and the events of streams.
Texts, numbers, ids and times are not: those differ always.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.cassettes.bodies import readable
from tests.support.proxy import Exchange

_DEEPEST = 10
_COMPARED_HEADERS = ("x-", "content-type", "retry-after", "ratelimit", "www-authenticate")
# Headers of networks and frameworks that lie between: none of them is the gateway's.
_FOREIGN_HEADERS = (
    "x-powered-by",
    "x-frame-options",
    "x-xss-",
    "x-content-type-",
    "x-envoy-",
    "x-forwarded-",
    "x-dns-",
)
_REASONS = ("finish_reason", "stop_reason", "status")


@dataclass(frozen=True, order=True)
class Difference:
    """One difference: from the emulator (`usage`, `headers` …) or from the `table` of models."""

    kind: str
    endpoint: str
    text: str
    model: str


@dataclass(frozen=True)
class Shape:
    """What is compared of a response. `fields` are types by path, such as `{"usage.total_tokens": {"number"}}`."""

    status: int
    headers: frozenset[str]
    fields: dict[str, frozenset[str]]
    reasons: frozenset[str]
    events: frozenset[str]
    ending: str


def compare(exchange: Exchange, emulator_url: str, http: httpx.Client) -> Iterator[Difference]:
    """Send the request of an exchange to the emulator, and yield the differences between the two responses."""
    url = emulator_url.removesuffix("/v1") + exchange.path
    answer = http.request(exchange.method, url, json=exchange.request, headers={"authorization": "Bearer emulator"})
    emulated = Exchange(
        exchange.method, exchange.path, exchange.request, answer.status_code, dict(answer.headers), answer.content
    )
    endpoint = exchange.path.partition("?")[0].removeprefix("/v1/")
    model = str((exchange.request or {}).get("model", ""))
    for kind, text in _differences(shape_of(exchange), shape_of(emulated)):
        yield Difference(kind, endpoint + (", streamed" if exchange.streamed else ""), text, model)


def _differences(live: Shape, emulated: Shape) -> Iterator[tuple[str, str]]:
    if live.status != emulated.status:
        yield "status", f"HTTP {live.status}, the emulator's {emulated.status}"
    if (live.status < 300) != (emulated.status < 300):
        return  # a reply and an error have nothing in common
    yield from (("headers", f"`{name}` is not the emulator's") for name in sorted(live.headers - emulated.headers))
    yield from (("headers", f"`{name}` is missing") for name in sorted(emulated.headers - live.headers))
    for name in sorted(live.reasons - emulated.reasons):
        yield "finish reasons", f"`{name}`, where the emulator has {_list(emulated.reasons)}"
    yield from (("stream events", f"`{name}` is not the emulator's") for name in sorted(live.events - emulated.events))
    yield from (("stream events", f"`{name}` is missing") for name in sorted(emulated.events - live.events))
    if live.ending != emulated.ending:
        yield "stream events", f"ends with {live.ending}, the emulator's with {emulated.ending}"
    yield from _field_differences(live.fields, emulated.fields)


def _field_differences(
    live: dict[str, frozenset[str]], emulated: dict[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    for path in sorted(live.keys() | emulated.keys()):
        ours, theirs = live.get(path), emulated.get(path)
        kind = "token counts" if "usage" in path.split(".") else "fields"
        if ours == theirs or _parent(path) in (live.keys() ^ emulated.keys()):
            continue  # the difference of the field around it says it
        if theirs is None:
            yield kind, f"`{path}` ({_list(ours)}) is not the emulator's"
        elif ours is None:
            yield kind, f"`{path}` is missing"
        elif not ours <= theirs:
            yield kind, f"`{path}` is {_list(ours)}, the emulator's {_list(theirs)}"


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _list(names: frozenset[str] | None) -> str:
    return " or ".join(sorted(names or ())) or "none"


# --- shapes -----------------------------------------------------------------------------------------------------------


def shape_of(exchange: Exchange) -> Shape:
    """Return what is compared of a response. A stream has the fields of all its events."""
    headers = frozenset(name for name in map(str.lower, exchange.headers) if _is_compared(name))
    fields: dict[str, frozenset[str]] = {}
    if not exchange.streamed:
        _add_fields(fields, "", exchange.json)
        return Shape(exchange.status, headers, fields, _reasons(exchange.json), frozenset(), "")
    try:
        events = _whole_events(exchange)
    except ValueError:
        return Shape(exchange.status, headers, fields, frozenset(), frozenset(), "a cut event")
    reasons: frozenset[str] = frozenset()
    names: set[str] = set()
    for event in events:
        data = event.get("data")
        if isinstance(data, dict):
            name = str(data.get("type") or "chunk")
            names.add(name)
            _add_fields(fields, f"{name}:", data)
            reasons |= _reasons(data)
    last = events[-1].get("data") if events else None
    ending = f"`{last}`" if isinstance(last, str) else "an event"
    return Shape(exchange.status, headers, fields, reasons, frozenset(names), ending)


def _is_compared(name: str) -> bool:
    return name.startswith(_COMPARED_HEADERS) and not name.startswith(_FOREIGN_HEADERS)


def _whole_events(exchange: Exchange) -> list[dict[str, Any]]:
    """Return the events of a stream, each with the fields that `readable` stores once for all."""
    stored = readable(exchange.body, "text/event-stream")
    shared = stored.get("every_event", {})
    return [
        {**event, "data": {**shared, **event["data"]}} if isinstance(event.get("data"), dict) else event
        for event in stored.get("events", ())
        if "comment" not in event
    ]


def _add_fields(fields: dict[str, frozenset[str]], path: str, value: Any, depth: int = 0) -> None:
    """Add the types of a value and of all that it contains. Items of a list share the path `[]`."""
    if path:
        fields[path] = fields.get(path, frozenset()) | {_type(value)}
    if depth == _DEEPEST:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            _add_fields(
                fields, f"{path}.{name}" if path and not path.endswith(":") else f"{path}{name}", item, depth + 1
            )
    elif isinstance(value, list):
        for item in value:
            _add_fields(fields, f"{path}.[]" if path else "[]", item, depth + 1)


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _reasons(value: Any) -> frozenset[str]:
    """Return the reasons for which choices, messages and responses ended."""
    if isinstance(value, dict):
        own = {item for name, item in value.items() if name in _REASONS and isinstance(item, str)}
        return frozenset(own).union(*map(_reasons, value.values()))
    return frozenset().union(*map(_reasons, value)) if isinstance(value, list) else frozenset()
