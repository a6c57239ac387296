"""Unusual tool calls in every mode: invalid arguments are returned unchanged, never repaired, and don't raise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.faults_calls import CUT_TEXTS_FOR_TOOLS, TOOL_CALL_CASES, ToolCallCase
from tests.faults.test_fault_table import call_error, respond_with
from tests.support.answers import Answer
from tests.support.call_matrix import MODES, CallMode, combine_modes, every_call_mode, run_call, spread
from tests.support.fault_server import FaultServer, whole_stream
from tests.support.replies import Json, call_item, chat_body, responses_body, sse

ADD = {"name": "add", "arguments": "{}"}


def is_supported(case: ToolCallCase, mode: CallMode) -> bool:
    """Responses reports truncation in one form only, and streams have arguments as text."""
    supported = mode.endpoint == "chat" or case.reason in ("tool_calls", "length")
    return supported and (isinstance(case.raw_arguments, str) or not mode.streamed)


CASES = [(case, mode) for case, mode in combine_modes(TOOL_CALL_CASES) if is_supported(case, mode)]


@pytest.mark.parametrize(("tool_call", "mode"), CASES, ids=str)
def test_tool_call_with_unusual_arguments_is_parsed_or_marked_invalid(
    server: FaultServer, tool_call: ToolCallCase, mode: CallMode
) -> None:
    case = server.case(respond_with(mode, tool_call.body(mode.endpoint)))
    assert run_call(mode, case.base_url) == tool_call.answer(mode.endpoint)
    assert len(case.requests) == 1


def reply_with_calls(mode: CallMode, *calls: Json) -> Json:
    """Return a reply with calls, whose fields have the names of chat completions."""
    if mode.endpoint == "chat":
        return chat_body("", "tool_calls", tool_calls=[{"type": "function", **call} for call in calls])
    items = [call_item("", "", "") | {"call_id": each.get("id"), **(each.get("function") or {})} for each in calls]
    return responses_body(*({**item, "id": f"fc_{place}"} for place, item in enumerate(items)))


@spread("missing", [None, 5, ""])
def test_tool_call_without_id_is_returned(server: FaultServer, missing: Any, mode: CallMode) -> None:
    case = server.case(respond_with(mode, reply_with_calls(mode, {"id": missing, "function": ADD})))
    assert run_call(mode, case.base_url).calls == (("add", {}),)


@spread("name", [None, 5, ""])
def test_tool_call_without_name_gets_an_empty_name(server: FaultServer, name: Any, mode: CallMode) -> None:
    case = server.case(respond_with(mode, reply_with_calls(mode, {"id": "call_1", "function": {**ADD, "name": name}})))
    assert run_call(mode, case.base_url).calls == (("", {}),)


@every_call_mode
def test_custom_tool_input_cut_by_length_is_an_invalid_call(server: FaultServer, mode: CallMode) -> None:
    case = server.case(respond_with(mode, CUT_TEXTS_FOR_TOOLS[mode.endpoint]))
    assert run_call(mode, case.base_url) == Answer("", invalid_calls=(("run", "rm -r /tmp"),), reason="length")


# --- streamed chunks --------------------------------------------------------------------------------------------------

CHAT_STREAMS = [mode for mode in MODES if mode.endpoint == "chat" and mode.streamed]
chat_streams = pytest.mark.parametrize("mode", CHAT_STREAMS, ids=str)


def chunked_calls(*pieces: Json, reason: str | None = "tool_calls") -> list[Json]:
    """Return a stream with these chunks of calls."""
    deltas: list[Json] = [
        {"role": "assistant", "content": None},
        *({"tool_calls": [call_chunk]} for call_chunk in pieces),
    ]
    events = [{"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*events, {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}]


def call_chunk(index: Any, arguments: str, **further: Any) -> Json:
    name = {"name": further.pop("name")} if "name" in further else {}
    return {"index": index, "function": {"arguments": arguments, **name}, **further}


@spread("index", [None, 0, -1, 10**9, "0", 1.5], CHAT_STREAMS, parts=2)
def test_tool_call_chunks_with_invalid_index_are_joined(server: FaultServer, index: Any, mode: CallMode) -> None:
    pieces = call_chunk(index, "", id="call_1", name="add"), call_chunk(index, '{"a"'), call_chunk(index, ": 1}")
    case = server.case(whole_stream(sse(chunked_calls(*pieces))))
    assert run_call(mode, case.base_url) == Answer("", (("add", {"a": 1}),), reason="tool_calls")


@chat_streams
def test_tool_calls_with_the_same_id_stay_two_calls(server: FaultServer, mode: CallMode) -> None:
    pieces = call_chunk(0, '{"a": 1}', id="call_1", name="add"), call_chunk(1, '{"a": 2}', id="call_1", name="sub")
    case = server.case(whole_stream(sse(chunked_calls(*pieces))))
    assert run_call(mode, case.base_url).calls == (("add", {"a": 1}), ("sub", {"a": 2}))


@spread("nothing", [None, 5, "x", {}, {"name": None}], CHAT_STREAMS, parts=2)
def test_tool_call_chunk_without_content_is_ignored(server: FaultServer, nothing: Any, mode: CallMode) -> None:
    pieces = call_chunk(0, '{"a": 1}', id="call_1", name="add"), {"index": 0, "function": nothing}
    case = server.case(whole_stream(sse(chunked_calls(*pieces))))
    assert run_call(mode, case.base_url).calls == (("add", {"a": 1}),)


@chat_streams
def test_complete_tool_call_without_finish_reason_is_returned(server: FaultServer, mode: CallMode) -> None:
    events = chunked_calls(call_chunk(0, '{"a": 1}', id="call_1", name="add"), reason=None)
    case = server.case(whole_stream(sse(events)))
    assert run_call(mode, case.base_url) == Answer("", (("add", {"a": 1}),))


@chat_streams
@pytest.mark.parametrize("done", [True, False])
def test_incomplete_tool_call_without_finish_reason_raises(server: FaultServer, done: bool, mode: CallMode) -> None:
    events = chunked_calls(call_chunk(0, '{"a": 1', id="call_1", name="add"), reason=None)
    case = server.case(whole_stream(sse(events, done)))
    assert "broke off" in str(call_error(mode, case.base_url))
    assert len(case.requests) == 1
