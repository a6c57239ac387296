"""Responses of a stream: a piece added to the last part has the result of all pieces converted at once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel

from aimlapi_integrations.llama_index.messages.stream import ResponseBuilder
from aimlapi_integrations.types import Audio, Citation, Delta, Fragment, Image, Part, Reasoning, Refusal, Text, ToolCall

Pieces = list[tuple[int, Part]]


def texts(index: int, *texts: str, item_id: str | None = None) -> Pieces:
    return [(index, Text(text, id=item_id)) for text in texts]


def thoughts(index: int, *texts: str, item_id: str | None = None) -> Pieces:
    return [(index, Reasoning(text, id=item_id)) for text in texts]


def call(index: int, *arguments: str, item_id: str | None = None, extra: bool = False) -> Pieces:
    first = ToolCall(f"call_{index}", "f", "", item_id=item_id, extra={"extra_content": {"x": 1}} if extra else {})
    return [(index, first), *((index, ToolCall("", "", each, item_id=item_id)) for each in arguments)]


def custom_call(index: int, *inputs: str) -> Pieces:
    return [(index, ToolCall("call_1", "run", "", "custom")), *((index, ToolCall("", "", each)) for each in inputs)]


STREAMS: dict[str, Pieces] = {
    "text": texts(0, "One", " two", "", " three"),
    "text with an item id": texts(0, "One", " two", item_id="msg_1"),
    "two texts": texts(0, "One", " two") + texts(1, " three", " four"),
    "text with citations": [*texts(0, "One", " two"), (0, Text("", (Citation("https://a.org"),))), *texts(0, " three")],
    "reasoning": thoughts(0, "Let", " me", " see"),
    "reasoning with an item id": thoughts(0, "Let", " me", item_id="rs_1"),
    "summary": [(0, Reasoning("Let")), (0, Reasoning(" me", "summary")), (0, Reasoning(" see", "summary"))],
    "summary with an item id": [(0, Reasoning(text, "summary", id="rs_1")) for text in ("Let", " me", " see")],
    "summaries of one item": [(index, Reasoning("Let", "summary", id="rs_1")) for index in (0, 0, 1, 1, 2)],
    "summaries of one item, text": [
        *((index, Reasoning("Let", "summary", id="rs_1")) for index in (0, 1)),
        *texts(2, "One", " two", " three"),
    ],
    "reasoning with details": [(0, Reasoning("Let", details=({"type": "x"},))), *thoughts(0, " me", " see")],
    "reasoning that gets an id": [*thoughts(0, "Let", " me"), *thoughts(0, " see", item_id="rs_1")],
    "encrypted reasoning": [*thoughts(0, "Let"), (0, Reasoning(encrypted="abc")), *thoughts(0, " me", " see")],
    "signed reasoning": [*thoughts(0, "Let", " me"), (0, Reasoning(signature="abc")), *texts(1, "One", " two")],
    "reasoning, text": thoughts(0, "Let", " me") + texts(1, "One", " two"),
    "two items of reasoning, text": thoughts(0, "A", item_id="a") + thoughts(1, "B", "C") + texts(2, "One", " two"),
    "text, reasoning": texts(0, "One", " two") + thoughts(1, "Let", " me", " see"),
    "call": call(0, '{"x"', ": 1", "}"),
    "call with an item id and more": call(0, '{"x"', ": 1", "}", item_id="fc_1", extra=True),
    "call whose name comes late": [(0, ToolCall("call_0", "", '{"x"')), (0, ToolCall("", "f", "")), *call(0)[1:]],
    "call whose id comes last": [(0, ToolCall("", "f", "{")), (0, ToolCall("", "", "}")), (0, ToolCall("id", "", ""))],
    "call that gets more at the end": [*call(0, "{"), (0, ToolCall("", "", "}", extra={"extra_content": 1}))],
    "two calls": call(0, "{", "}") + call(1, '{"x"', ": 1", "}"),
    "interleaved calls": call(0, "{") + call(1, "{") + call(0, "}")[1:] + call(1, "}")[1:],
    "custom call": custom_call(0, "ls", " -l"),
    "call that turns out to be custom": [*call(0, ""), (0, ToolCall("", "", "ls", "custom")), *call(0, " -l")[1:]],
    "reasoning, text, two calls": thoughts(0, "A") + texts(1, "B", "C") + call(2, "{", "}") + call(3, "{", "}"),
    "call, text": call(0, "{", "}") + texts(1, "One", " two"),
    "refusal": [(0, Refusal("I")), (0, Refusal(" can't")), *texts(1, "One", " two")],
    "image, text": [(0, Image(url="https://a.org/1.png")), *texts(1, "One", " two")],
    "audio": [(0, Audio(id="audio_1")), (0, Audio(transcript="One")), *texts(1, "One", " two")],
    "earlier part": texts(1, "One") + thoughts(0, "Let", " me") + texts(1, " two", " three"),
}


@pytest.mark.parametrize("pieces", STREAMS.values(), ids=STREAMS)
def test_response_equals_that_of_all_pieces_at_once(pieces: Pieces) -> None:
    builder = ResponseBuilder()
    fragments = tuple(Fragment(index, part) for index, part in pieces)
    for count, fragment in enumerate(fragments, 1):
        response = builder.add(Delta((fragment,)))
        at_once = ResponseBuilder().add(Delta(fragments[:count]))
        assert response is not None
        assert at_once is not None
        assert response.message == at_once.message
        assert response.message.model_dump_json() == at_once.message.model_dump_json()
        assert response.delta == (fragment.part.text if isinstance(fragment.part, Text) else "")
        thinking = fragment.part.text if isinstance(fragment.part, Reasoning) else ""
        assert response.additional_kwargs == ({"thinking_delta": thinking} if thinking else {})


@pytest.mark.parametrize("pieces", STREAMS.values(), ids=STREAMS)
def test_response_emptied_leaves_later_ones_unchanged(pieces: Pieces) -> None:
    untouched, builder = ResponseBuilder(), ResponseBuilder()
    for index, part in pieces:
        expected = untouched.add(Delta((Fragment(index, part),)))
        response = builder.add(Delta((Fragment(index, deepcopy(part)),)))
        assert response == expected
        empty(response)


def empty(value: Any) -> None:
    """Empty the lists and dicts of a model, and those in them."""
    match value:
        case BaseModel():
            for field in vars(value).values():
                empty(field)
        case dict() | list():
            for item in value.values() if isinstance(value, dict) else value:
                empty(item)
            value.clear()
