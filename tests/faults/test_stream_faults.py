"""The faults of streams in every streamed mode: the outcome, the partial text, and exactly one request."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aimlapi_integrations import APIConnectionError, APIError, APITimeoutError
from tests.faults import faults_events as events
from tests.faults import faults_stream as faults
from tests.faults.faults_before import Fault
from tests.faults.faults_stream import HALF_TEXT, StreamFault
from tests.faults.test_fault_table import call_error, check_error
from tests.support.answers import Answer
from tests.support.call_matrix import STREAMED, CallMode, combine_modes, run_call, spread
from tests.support.fault_server import FaultServer, Stall, whole_stream


def spread_faults(table: list[StreamFault]) -> pytest.MarkDecorator:
    """Parametrize by the faults and half of the modes that can have them."""
    cases = combine_modes(table, STREAMED, parts=2)
    supported = [(fault, mode) for fault, mode in cases if fault.only in (None, mode.endpoint)]
    return pytest.mark.parametrize(("fault", "mode"), supported, ids=str)


@spread_faults([*faults.CUT, *faults.MALFORMED, *faults.ERRORS, *faults.NO_STREAM, *events.REPORTED, *events.INSTEAD])
def test_broken_stream_raises_with_partial_text(server: FaultServer, fault: StreamFault, mode: CallMode) -> None:
    case = server.case(fault.act(mode.endpoint))
    error = call_error(mode, case.base_url)
    check_error(error, Fault(fault.name, (), fault.error, 1, fault.in_message), mode)
    assert isinstance(error, APIError)
    assert error.partial == fault.partial
    assert (error.request_id, error.inference_id) == ("req-1", "inf-1")
    assert len(case.requests) == 1


@pytest.mark.parametrize("mode", STREAMED, ids=str)
def test_stream_reset_raises_with_text_received_so_far(server: FaultServer, mode: CallMode) -> None:
    case = server.case(faults.RESET.act(mode.endpoint))
    error = call_error(mode, case.base_url, max_retries=0)
    assert isinstance(error, APIError)
    assert HALF_TEXT.startswith(error.partial)
    assert len(case.requests) == 1


@spread_faults([*faults.GOOD, *events.IGNORED])
def test_unusual_valid_stream_is_decoded(server: FaultServer, fault: StreamFault, mode: CallMode) -> None:
    case = server.case(fault.act(mode.endpoint))
    assert run_call(mode, case.base_url) == fault.answer
    assert len(case.requests) == 1


@spread(
    "texts,expected",
    [
        (("a\ud83d", "\ude00b"), "a😀b"),
        (("\ud83d", "\ude00\ud83d", "\ude01"), "😀😁"),
        (("a\ud83d", "b"), "a\ufffdb"),
        (("a", "\ude00b"), "a\ufffdb"),
        (("a\ud83d", "\ud83d\ude00"), "a\ufffd😀"),
        (("a\ud83d",), "a\ufffd"),
    ],
    STREAMED,
    parts=2,
)
def test_surrogates_split_between_events_are_joined(
    server: FaultServer, texts: tuple[str, ...], expected: str, mode: CallMode
) -> None:
    case = server.case(whole_stream(events.split_surrogates(mode.endpoint, *texts)))
    assert run_call(mode, case.base_url) == Answer(expected, reason="stop")


@pytest.mark.parametrize("mode", [mode for mode in STREAMED if mode.client == "client"], ids=str)
@pytest.mark.parametrize("fault", faults.LONG, ids=str)
def test_long_stream_is_decoded(server: FaultServer, fault: StreamFault, mode: CallMode) -> None:
    assert run_call(mode, server.case(fault.act(mode.endpoint)).base_url) == fault.answer


@spread("chunk_timeout", faults.SILENCES, STREAMED, parts=2)
def test_silent_stream_raises_chunk_timeout(server: FaultServer, chunk_timeout: str, mode: CallMode) -> None:
    case = server.case(faults.SILENCES[chunk_timeout](mode.endpoint))
    error = call_error(mode, case.base_url, chunk_timeout=0.1)
    assert isinstance(error, APITimeoutError)
    assert (error.timeout, error.seconds) == ("chunk", 0.1)
    assert error.partial == (HALF_TEXT if "amid" in chunk_timeout else "")
    assert "0.1 s" in str(error)
    assert case.wait_for_disconnect()
    assert len(case.requests) == 1


@spread("timeout", [(0.08,), ((5.0, 0.08),), (httpx.Timeout(5, read=0.08),)])
def test_stalled_response_raises_read_timeout(server: FaultServer, timeout: Any, mode: CallMode) -> None:
    case = server.case([Stall()])
    error = call_error(mode, case.base_url, timeout=timeout)
    assert isinstance(error, APITimeoutError)
    assert isinstance(error, APIConnectionError)
    assert (error.timeout, error.seconds) == ("read", 0.08)
    assert all(case.wait_for_disconnect() for _ in range(3))
    assert len(case.requests) == 3
