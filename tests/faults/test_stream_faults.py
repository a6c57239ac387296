"""The faults of streams in every streamed mode: the outcome, the partial text, and exactly one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from aimlapi_integrations import APIConnectionError, APIError, APITimeoutError
from tests.faults import faults_events as events
from tests.faults import faults_stream as faults
from tests.faults.faults_before import Fault
from tests.faults.faults_stream import HALF_TEXT, StreamFault
from tests.faults.test_fault_table import call_error, check_error
from tests.support.call_matrix import HALF_OF_MODES, MODES, Answer, CallMode, run_call
from tests.support.fault_server import FaultServer, Stall, whole_stream

STREAMED = [mode for mode in MODES if mode.streamed]
HALF_OF_STREAMED = [mode for mode in HALF_OF_MODES if mode.streamed]


def supported_call_modes(table: list[StreamFault], *, half: Sequence[StreamFault] = ()) -> pytest.MarkDecorator:
    """Parametrize by the faults and the modes that can have them; those of `half` by half of the modes."""
    rows = [*((fault, STREAMED) for fault in table), *((fault, HALF_OF_STREAMED) for fault in half)]
    cases = [(fault, mode) for fault, call_modes in rows for mode in call_modes if fault.only in (None, mode.endpoint)]
    return pytest.mark.parametrize(("fault", "mode"), cases, ids=str)


@supported_call_modes(
    [*faults.CUT, *faults.MALFORMED, *faults.ERRORS, *faults.NO_STREAM], half=[*events.REPORTED, *events.INSTEAD]
)
def test_broken_stream_raises_with_partial_text(server: FaultServer, fault: StreamFault, mode: CallMode) -> None:
    case = server.case(fault.act(mode.endpoint))
    error = call_error(mode, case.base_url)
    check_error(error, Fault(fault.name, (), fault.error, 1, fault.in_message), mode)
    assert isinstance(error, APIError)
    assert error.partial == fault.partial
    assert (error.request_id, error.inference_id) == ("req-1", "inf-1")
    assert len(case.requests) == 1


@supported_call_modes([faults.RESET])
def test_stream_reset_raises_with_text_received_so_far(server: FaultServer, fault: StreamFault, mode: CallMode) -> None:
    case = server.case(fault.act(mode.endpoint))
    error = call_error(mode, case.base_url, max_retries=0)
    assert isinstance(error, APIError)
    assert HALF_TEXT.startswith(error.partial)
    assert len(case.requests) == 1


@supported_call_modes(faults.GOOD, half=events.IGNORED)
def test_unusual_valid_stream_is_decoded(server: FaultServer, fault: StreamFault, mode: CallMode) -> None:
    case = server.case(fault.act(mode.endpoint))
    assert run_call(mode, case.base_url) == fault.answer
    assert len(case.requests) == 1


@pytest.mark.parametrize("mode", STREAMED, ids=str)
@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("a\ud83d", "\ude00b"), "a😀b"),
        (("\ud83d", "\ude00\ud83d", "\ude01"), "😀😁"),
        (("a\ud83d", "b"), "a\ufffdb"),
        (("a", "\ude00b"), "a\ufffdb"),
        (("a\ud83d", "\ud83d\ude00"), "a\ufffd😀"),
        (("a\ud83d",), "a\ufffd"),
    ],
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


@pytest.mark.parametrize("mode", STREAMED, ids=str)
@pytest.mark.parametrize("chunk_timeout", faults.SILENCES)
def test_silent_stream_raises_chunk_timeout(server: FaultServer, chunk_timeout: str, mode: CallMode) -> None:
    case = server.case(faults.SILENCES[chunk_timeout](mode.endpoint))
    error = call_error(mode, case.base_url, chunk_timeout=0.1)
    assert isinstance(error, APITimeoutError)
    assert (error.timeout, error.seconds) == ("chunk", 0.1)
    assert error.partial == (HALF_TEXT if "amid" in chunk_timeout else "")
    assert "0.1 s" in str(error)
    assert case.wait_for_disconnect()
    assert len(case.requests) == 1


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("timeout", [0.08, (5.0, 0.08), httpx.Timeout(5, read=0.08)], ids=["seconds", "pair", "httpx"])
def test_stalled_response_raises_read_timeout(server: FaultServer, timeout: Any, mode: CallMode) -> None:
    case = server.case([Stall()])
    error = call_error(mode, case.base_url, timeout=timeout)
    assert isinstance(error, APITimeoutError)
    assert isinstance(error, APIConnectionError)
    assert (error.timeout, error.seconds) == ("read", 0.08)
    assert all(case.wait_for_disconnect() for _ in range(3))
    assert len(case.requests) == 3
