"""A response as the events that lead to it, numbered, in the order that the vendor documents."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from .ask import JSON
from .sse import Event
from .usage import pieces

_ENDS = {"completed": "response.completed", "incomplete": "response.incomplete"}


def events(reply: JSON) -> Iterator[Event]:
    numbers = count()
    for event in _events(reply):
        data = {"type": event.name, "sequence_number": next(numbers)} | event.data
        yield Event(data, event.kind, event.name)


def _event(name: str, kind: str = "", **data: object) -> Event:
    return Event(data, kind, f"response.{name}")


def _events(reply: JSON) -> Iterator[Event]:
    late = ("usage", "meta", "output_text", "incomplete_details")
    begun = {key: value for key, value in reply.items() if key not in late} | {"status": "in_progress", "output": []}
    yield _event("created", "created", response=begun)
    yield _event("in_progress", response=begun)
    for index, item in enumerate(reply["output"]):
        yield _event("output_item.added", output_index=index, item=_begun(item))
        for event in _inside(item):
            yield Event({"output_index": index, "item_id": item["id"]} | event.data, event.kind, event.name)
        yield _event("output_item.done", output_index=index, item=item)
    yield Event({"response": reply}, "finish", _ENDS[reply["status"]])


def _begun(item: JSON) -> JSON:
    """An item as it is announced: with what the following events will fill left empty."""
    empty: dict[str, JSON] = {
        "message": {"content": [], "status": "in_progress"},
        "function_call": {"arguments": "", "status": "in_progress"},
        "reasoning": {"summary": []},
        "web_search_call": {"status": "in_progress"},
        "code_interpreter_call": {"status": "in_progress", "code": "", "outputs": None},
        "mcp_call": {"arguments": "", "output": None},
        "mcp_list_tools": {"tools": []},
    }
    return item | empty.get(item["type"], {})


def _inside(item: JSON) -> Iterator[Event]:
    match item["type"]:
        case "message":
            return _message(item)
        case "reasoning":
            return _summaries(item)
        case "function_call":
            return _arguments("function_call_arguments", item)
        case "web_search_call":
            return iter([_event(f"web_search_call.{step}") for step in ("in_progress", "searching", "completed")])
        case "code_interpreter_call":
            return _code(item)
        case "mcp_call":
            return _mcp(item)
        case "mcp_list_tools":
            return iter([_event(f"mcp_list_tools.{step}") for step in ("in_progress", "completed")])
        case _:
            return iter(())


def _message(item: JSON) -> Iterator[Event]:
    for index, part in enumerate(item["content"]):
        yield from _refusal(index, part) if part["type"] == "refusal" else _text(index, part)


def _refusal(index: int, part: JSON) -> Iterator[Event]:
    yield _event("content_part.added", content_index=index, part=part | {"refusal": ""})
    for piece in pieces(part["refusal"]):
        yield _event("refusal.delta", "text", content_index=index, delta=piece)
    yield _event("refusal.done", content_index=index, refusal=part["refusal"])
    yield _event("content_part.done", content_index=index, part=part)


def _text(index: int, part: JSON) -> Iterator[Event]:
    yield _event("content_part.added", content_index=index, part=part | {"text": "", "annotations": []})
    for piece in pieces(part["text"]):
        yield _event("output_text.delta", "text", content_index=index, delta=piece, logprobs=[])
    for number, note in enumerate(part["annotations"]):
        yield _event("output_text.annotation.added", content_index=index, annotation_index=number, annotation=note)
    yield _event("output_text.done", content_index=index, text=part["text"], logprobs=[])
    yield _event("content_part.done", content_index=index, part=part)


def _summaries(item: JSON) -> Iterator[Event]:
    for index, part in enumerate(item["summary"]):
        yield _event("reasoning_summary_part.added", summary_index=index, part=part | {"text": ""})
        for piece in pieces(part["text"]):
            yield _event("reasoning_summary_text.delta", "reasoning", summary_index=index, delta=piece)
        yield _event("reasoning_summary_text.done", summary_index=index, text=part["text"])
        yield _event("reasoning_summary_part.done", summary_index=index, part=part)


def _arguments(name: str, item: JSON) -> Iterator[Event]:
    for piece in pieces(item["arguments"]):
        yield _event(f"{name}.delta", "tool", delta=piece)
    yield _event(f"{name}.done", arguments=item["arguments"])


def _code(item: JSON) -> Iterator[Event]:
    yield _event("code_interpreter_call.in_progress")
    for piece in pieces(item["code"]):
        yield _event("code_interpreter_call_code.delta", delta=piece)
    yield _event("code_interpreter_call_code.done", code=item["code"])
    yield _event("code_interpreter_call.interpreting")
    yield _event("code_interpreter_call.completed")


def _mcp(item: JSON) -> Iterator[Event]:
    yield _event("mcp_call.in_progress")
    yield from _arguments("mcp_call_arguments", item)
    yield _event("mcp_call.completed")
