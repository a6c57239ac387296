"""Streams whose events refer to items and parts that were never added, in odd orders, or without their indexes.

Every kind of event is tried in every such stream: the reply, and the deltas joined, must be those of the plain body.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, combinations, permutations

import pytest

from aimlapi_integrations.endpoints import responses
from aimlapi_integrations.types import Json
from tests.endpoints.responses.test_stream import NOTE, OUTPUT, original_reply, play, reply, without_raw
from tests.support.responses_events import events, folded, without

CUSTOM_JSON: Json = {"id": "ctc_2", "type": "custom_tool_call", "call_id": "call_6", "name": "sql", "input": '{"a":1}'}
ITEMS: dict[str, Json] = {
    "summary": OUTPUT[0],
    "reasoning": OUTPUT[1],
    "text, note and refusal": OUTPUT[4],
    "text": OUTPUT[5],
    "refusal": {"id": "msg_3", "type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]},
    "call": OUTPUT[6],
    "custom call": OUTPUT[10],
    "custom call with JSON": CUSTOM_JSON,
    "search": OUTPUT[3],
}

Change = Callable[[list[Json]], list[Json]]


def leave_out(*endings: str) -> Change:
    return lambda stream: without(stream, *endings)


def drop(field: str) -> Change:
    return lambda stream: [{name: value for name, value in event.items() if name != field} for event in stream]


def names_last(stream: list[Json]) -> list[Json]:
    """Leave the name of a call out of all events but the last."""
    return [{**event, "item": _without_name(event["item"])} if "item" in event else event for event in stream]


def _without_name(item: Json) -> Json:
    return {name: value for name, value in item.items() if name != "name"}


def annotations_first(stream: list[Json]) -> list[Json]:
    """Move annotations before the first piece of their text."""
    return _before(stream, lambda event: event["type"].endswith("annotation.added"), "response.output_text.delta")


def whole_parts_first(stream: list[Json]) -> list[Json]:
    """Move each event that ends a part, and so has all of it, before its pieces."""
    ends = ("text.done", "refusal.done", "arguments.done", "input.done")
    return _before(stream, lambda event: event["type"].endswith(ends), ".delta")


def _before(stream: list[Json], is_moved: Callable[[Json], bool], ending: str) -> list[Json]:
    def part(event: Json) -> tuple[Json | None, ...]:
        return tuple(event.get(name) for name in ("item_id", "output_index", "content_index", "summary_index"))

    moved = [event for event in stream if is_moved(event)]
    result = []
    for event in stream:
        if event["type"].endswith(ending):
            earlier = [each for each in moved if part(each) == part(event)]
            moved = [each for each in moved if each not in earlier]
            result += earlier
        if not is_moved(event):
            result.append(event)
    return result


CHANGES: dict[str, Change] = {
    "no item added": leave_out("item.added"),
    "no part added": leave_out("part.added"),
    "no item done": leave_out("item.done"),
    "no pieces": leave_out(".delta"),
    "annotations first": annotations_first,
    "whole parts first": whole_parts_first,
    "no content_index": drop("content_index"),
    "no output_index": drop("output_index"),
    "names last": names_last,
}
# Without the items' starts, ends and positions, what belongs together can't be told.
IMPOSSIBLE = {"no item added", "no item done", "no output_index"}
COMBINATIONS = [names for size in range(1, 5) for names in combinations(CHANGES, size) if not set(names) >= IMPOSSIBLE]


def body_of(*items: Json) -> Json:
    text = "".join(part.get("text", "") for item in items if item["type"] == "message" for part in item["content"])
    return {"id": "resp_1", "status": "completed", "model": "m", "output": list(items), "output_text": text}


BODIES = {
    " + ".join(names): body_of(*map(ITEMS.__getitem__, names))
    for names in chain(((name,) for name in ITEMS), permutations(ITEMS, 2))
}


@pytest.mark.parametrize("changes", COMBINATIONS, ids=" and ".join)
def test_reply_is_the_plain_one_whatever_events_are_missing_or_moved(changes: tuple[str, ...]) -> None:
    for name, body in BODIES.items():
        stream = events(body)
        for change in changes:
            stream = CHANGES[change](stream)
        deltas = play(stream)
        assert without_raw(reply(deltas)) == without_raw(responses.decode(body, {})), name
        assert sorted(folded(deltas)) == sorted(original_reply(body)), name


def event(kind: str, **fields: object) -> Json:
    return {"type": f"response.{kind}", "item_id": "x_1", **fields}


FIRST_EVENTS = {
    "annotation": event("output_text.annotation.added", annotation=NOTE),
    "text": event("output_text.delta", delta="Hi"),
    "whole text": event("output_text.done", text="Hi"),
    "refusal": event("refusal.delta", delta="No"),
    "whole refusal": event("refusal.done", refusal="No"),
    "reasoning": event("reasoning_text.delta", delta="Hm"),
    "whole reasoning": event("reasoning_text.done", text="Hm"),
    "summary": event("reasoning_summary_text.delta", delta="Hm"),
    "whole summary": event("reasoning_summary_text.done", text="Hm"),
    "arguments": event("function_call_arguments.delta", delta="{}"),
    "whole arguments": event("function_call_arguments.done", arguments="{}"),
    "input": event("custom_tool_call_input.delta", delta="x"),
    "whole input": event("custom_tool_call_input.done", input="x"),
}


@pytest.mark.parametrize("first", FIRST_EVENTS.values(), ids=FIRST_EVENTS)
@pytest.mark.parametrize("position", [{}, {"output_index": 0}, {"output_index": 2}], ids=str)
def test_first_event_of_an_item_that_was_never_added_is_kept(first: Json, position: Json) -> None:
    text = {"type": "response.output_text.delta", "item_id": "msg_9", "delta": "The answer."}
    last = {"output_index": position["output_index"] + 1} if position else {}
    deltas = play([{**first, **position}, {**text, **last}, {"type": "response.completed", "response": {"id": "r"}}])
    assert reply(deltas).text.endswith("The answer.")
    expected = [(type(part).__name__, part) for part in reply(deltas).message.parts]
    assert [kind for kind, _ in folded(deltas)][-len(expected) :] == [kind for kind, _ in expected]


def test_text_after_its_annotation_is_one_part_with_both() -> None:
    note, text = FIRST_EVENTS["annotation"], FIRST_EVENTS["text"]
    deltas = play([note, text, {"type": "response.completed", "response": {"id": "r"}}])
    [part] = reply(deltas).message.parts
    assert (reply(deltas).text, [citation.url for citation in part.citations]) == ("Hi", [NOTE["url"]])
    assert {fragment.index for delta in deltas for fragment in delta.fragments} == {0}


def test_pieces_of_an_item_whose_id_changes_belong_to_the_added_one() -> None:
    added = {"type": "response.output_item.added", "item": {"id": "a", "type": "message", "content": []}}
    pieces = [event("output_text.delta", delta=text, item_id=name) for name, text in (("b", "Two "), ("c", "words"))]
    deltas = play([added, *pieces, {"type": "response.completed", "response": {"id": "r"}}])
    assert reply(deltas).text == "Two words"
    assert len(reply(deltas).message.parts) == 1
