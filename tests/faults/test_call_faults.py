"""Odd tool calls on every way: broken arguments are handed over as they are, never mended, and never raise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.faults_calls import CUT_TEXTS_FOR_TOOLS, ODD_CALLS, OddCall
from tests.faults.test_fault_table import answered, failed
from tests.support.call_matrix import HALF, WAYS, Answer, Way, ask
from tests.support.fault_server import FaultServer, whole_stream
from tests.support.replies import Json, call_item, chat_body, responses_body, sse

ADD = {"name": "add", "arguments": "{}"}
on_every_way = pytest.mark.parametrize("way", WAYS, ids=str)


def possible(odd: OddCall, way: Way) -> bool:
    """Responses has but one way of being cut off, and streams have arguments as text."""
    whole = way.endpoint == "chat" or odd.reason in ("tool_calls", "length")
    return whole and (isinstance(odd.written, str) or not way.streamed)


CASES = [(odd, way) for odd in ODD_CALLS for way in HALF if possible(odd, way)]


@pytest.mark.parametrize(("odd", "way"), CASES, ids=str)
def test_odd_arguments(server: FaultServer, odd: OddCall, way: Way) -> None:
    case = server.case(answered(way, odd.body(way.endpoint)))
    assert ask(way, case.base_url) == odd.answer(way.endpoint)
    assert len(case.requests) == 1


def calling(way: Way, *calls: Json) -> Json:
    """A reply with calls, their fields by the names that chat completions gives them."""
    if way.endpoint == "chat":
        return chat_body("", "tool_calls", tool_calls=[{"type": "function", **call} for call in calls])
    items = [call_item("", "", "") | {"call_id": each.get("id"), **(each.get("function") or {})} for each in calls]
    return responses_body(*({**item, "id": f"fc_{place}"} for place, item in enumerate(items)))


@on_every_way
@pytest.mark.parametrize("missing", [None, 5, ""])
def test_a_call_without_an_id_is_given_one(server: FaultServer, missing: Any, way: Way) -> None:
    case = server.case(answered(way, calling(way, {"id": missing, "function": ADD})))
    assert ask(way, case.base_url).calls == (("add", {}),)


@on_every_way
@pytest.mark.parametrize("name", [None, 5, ""])
def test_a_call_of_no_name(server: FaultServer, name: Any, way: Way) -> None:
    case = server.case(answered(way, calling(way, {"id": "call_1", "function": {**ADD, "name": name}})))
    assert ask(way, case.base_url).calls == (("", {}),)


@on_every_way
def test_half_a_text_for_a_custom_tool_is_no_call(server: FaultServer, way: Way) -> None:
    case = server.case(answered(way, CUT_TEXTS_FOR_TOOLS[way.endpoint]))
    assert ask(way, case.base_url) == Answer("", broken=(("run", "rm -r /tmp"),), reason="length")


# --- in pieces --------------------------------------------------------------------------------------------------------

STREAMED = [way for way in WAYS if way.endpoint == "chat" and way.streamed]
on_chat_streams = pytest.mark.parametrize("way", STREAMED, ids=str)


def in_pieces(*pieces: Json, reason: str | None = "tool_calls") -> list[Json]:
    """A stream with these pieces of calls."""
    deltas: list[Json] = [{"role": "assistant", "content": None}, *({"tool_calls": [piece]} for piece in pieces)]
    told = [{"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*told, {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}]


def piece(index: Any, arguments: str, **further: Any) -> Json:
    name = {"name": further.pop("name")} if "name" in further else {}
    return {"index": index, "function": {"arguments": arguments, **name}, **further}


@on_chat_streams
@pytest.mark.parametrize("index", [None, 0, -1, 10**9, "0", 1.5])
def test_an_index_that_is_none(server: FaultServer, index: Any, way: Way) -> None:
    pieces = piece(index, "", id="call_1", name="add"), piece(index, '{"a"'), piece(index, ": 1}")
    case = server.case(whole_stream(sse(in_pieces(*pieces))))
    assert ask(way, case.base_url) == Answer("", (("add", {"a": 1}),), reason="tool_calls")


@on_chat_streams
def test_two_calls_of_one_id(server: FaultServer, way: Way) -> None:
    pieces = piece(0, '{"a": 1}', id="call_1", name="add"), piece(1, '{"a": 2}', id="call_1", name="sub")
    case = server.case(whole_stream(sse(in_pieces(*pieces))))
    assert ask(way, case.base_url).calls == (("add", {"a": 1}), ("sub", {"a": 2}))


@on_chat_streams
@pytest.mark.parametrize("nothing", [None, 5, "x", {}, {"name": None}])
def test_a_piece_of_nothing(server: FaultServer, nothing: Any, way: Way) -> None:
    pieces = piece(0, '{"a": 1}', id="call_1", name="add"), {"index": 0, "function": nothing}
    case = server.case(whole_stream(sse(in_pieces(*pieces))))
    assert ask(way, case.base_url).calls == (("add", {"a": 1}),)


@on_chat_streams
def test_a_whole_call_without_a_finish_reason(server: FaultServer, way: Way) -> None:
    events = in_pieces(piece(0, '{"a": 1}', id="call_1", name="add"), reason=None)
    case = server.case(whole_stream(sse(events)))
    assert ask(way, case.base_url) == Answer("", (("add", {"a": 1}),))


@on_chat_streams
@pytest.mark.parametrize("done", [True, False])
def test_a_cut_call_without_a_finish_reason(server: FaultServer, done: bool, way: Way) -> None:
    events = in_pieces(piece(0, '{"a": 1', id="call_1", name="add"), reason=None)
    case = server.case(whole_stream(sse(events, done)))
    assert "broke off" in str(failed(way, case.base_url))
    assert len(case.requests) == 1
