"""Split a responses body into the events of a stream, in the documented order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from aimlapi_integrations.types import Delta, Json

LATE = ("usage", "meta", "output_text", "incomplete_details", "citations", "error")


def events(body: Json, size: int = 3) -> list[Json]:
    """Return the events of a stream that ends with `body`, with texts in pieces of `size` characters."""
    numbers = count()
    return [{"sequence_number": next(numbers), **event} for event in _events(body, size)]


def without(stream_events: list[Json], *endings: str) -> list[Json]:
    """Drop the events whose type has one of these endings, as some gateways do."""
    return [event for event in stream_events if not event["type"].endswith(endings)]


def folded(deltas: list[Delta]) -> list[tuple[str, str]]:
    """Join the fragments by index: the type and the text of each part, in the order of the indexes."""
    parts: dict[int, tuple[str, str]] = {}
    for fragment in (fragment for delta in deltas for fragment in delta.fragments):
        kind = type(fragment.part).__name__
        known = parts.get(fragment.index, (kind, ""))
        assert known[0] == kind, f"index {fragment.index} is both {known[0]} and {kind}"
        parts[fragment.index] = (kind, known[1] + words(fragment.part))
    return [parts[index] for index in sorted(parts)]


def words(part: Any) -> str:
    """Return the streamed text of a part, or its item."""
    for name in ("text", "arguments", "data", "item"):
        if hasattr(part, name):
            return str(getattr(part, name))
    raise AssertionError(part)


def _events(body: Json, size: int) -> Iterator[Json]:
    initial = {key: value for key, value in body.items() if key not in LATE} | {"status": "in_progress", "output": []}
    yield {"type": "response.created", "response": initial}
    yield {"type": "response.in_progress", "response": initial}
    for index, item in enumerate(body.get("output") or []):
        yield {"type": "response.output_item.added", "output_index": index, "item": _empty_item(item)}
        for event in _inside(item, size):
            yield {"output_index": index, "item_id": item.get("id"), **event}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.incomplete" if body.get("incomplete_details") else "response.completed", "response": body}


def _empty_item(item: Json) -> Json:
    empty: dict[str, Any] = {"content": [], "summary": [], "arguments": "", "input": "", "status": "in_progress"}
    return {key: empty.get(key, value) for key, value in item.items() if key not in ("encrypted_content", "result")}


def _inside(item: Json, size: int) -> Iterator[Json]:
    for index, part in enumerate(item.get("summary") or []):
        at = {"summary_index": index}
        yield {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}}
        yield from _grow("response.reasoning_summary_text", part["text"], "text", size, at)
        yield {"type": "response.reasoning_summary_part.done", **at, "part": part}
    for index, part in enumerate(item.get("content") or []):
        at = {"content_index": index}
        yield {"type": "response.content_part.added", **at, "part": {**part, "text": "", "annotations": []}}
        yield from _content(part, size, at)
        yield {"type": "response.content_part.done", **at, "part": part}
    for field, family in (("arguments", "function_call_arguments"), ("input", "custom_tool_call_input")):
        if isinstance(item.get(field), str) and item["type"] in ("function_call", "custom_tool_call"):
            yield from _grow(f"response.{family}", item[field], field, size, {})


def _content(part: Json, size: int, at: Json) -> Iterator[Json]:
    match part["type"]:
        case "refusal":
            yield from _grow("response.refusal", part["refusal"], "refusal", size, at)
        case "reasoning_text":
            yield from _grow("response.reasoning_text", part["text"], "text", size, at)
        case _:
            *pieces, done = _grow("response.output_text", part["text"], "text", size, {**at, "logprobs": []})
            yield from pieces
            for number, note in enumerate(part.get("annotations") or []):
                kind = "response.output_text.annotation.added"
                yield {"type": kind, **at, "annotation_index": number, "annotation": note}
            yield done


def _grow(family: str, text: str, field: str, size: int, at: Json) -> Iterator[Json]:
    for start in range(0, len(text), size):
        yield {"type": f"{family}.delta", **at, "delta": text[start : start + size]}
    yield {"type": f"{family}.done", **at, field: text}
