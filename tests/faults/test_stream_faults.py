"""The faults of streams, met on every way to stream: the outcome, the text so far, and one request in any case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from aimlapi_integrations import APIConnectionError, APIError, APITimeoutError
from tests.faults import faults_events as events
from tests.faults import faults_stream as faults
from tests.faults.faults_before import Fault
from tests.faults.faults_stream import SAID, StreamFault
from tests.faults.test_fault_table import check_error, failed
from tests.support.call_matrix import HALF, WAYS, Answer, Way, ask
from tests.support.fault_server import FaultServer, Stall, whole_stream

STREAMED = [way for way in WAYS if way.streamed]
HALF_STREAMED = [way for way in HALF if way.streamed]


def on_its_ways(table: list[StreamFault], *, half: Sequence[StreamFault] = ()) -> pytest.MarkDecorator:
    """The faults with the ways that can have them; those of `half` with half of them."""
    asked = [*((fault, STREAMED) for fault in table), *((fault, HALF_STREAMED) for fault in half)]
    cases = [(fault, way) for fault, ways in asked for way in ways if fault.only in (None, way.endpoint)]
    return pytest.mark.parametrize(("fault", "way"), cases, ids=str)


@on_its_ways(
    [*faults.CUT, *faults.MALFORMED, *faults.ERRORS, *faults.NO_STREAM], half=[*events.REPORTED, *events.INSTEAD]
)
def test_streams_that_break(server: FaultServer, fault: StreamFault, way: Way) -> None:
    case = server.case(fault.act(way.endpoint))
    error = failed(way, case.base_url)
    check_error(error, Fault(fault.name, (), fault.error, 1, fault.says), way)
    assert isinstance(error, APIError)
    assert error.partial == fault.partial
    assert (error.request_id, error.inference_id) == ("req-1", "inf-1")
    assert len(case.requests) == 1


@on_its_ways([faults.RESET])
def test_a_reset_may_lose_what_was_sent_before(server: FaultServer, fault: StreamFault, way: Way) -> None:
    case = server.case(fault.act(way.endpoint))
    error = failed(way, case.base_url, retries=0)
    assert isinstance(error, APIError)
    assert SAID.startswith(error.partial)
    assert len(case.requests) == 1


@on_its_ways(faults.GOOD, half=events.ODD)
def test_odd_but_good_streams(server: FaultServer, fault: StreamFault, way: Way) -> None:
    case = server.case(fault.act(way.endpoint))
    assert ask(way, case.base_url) == fault.answer
    assert len(case.requests) == 1


@pytest.mark.parametrize("way", STREAMED, ids=str)
@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (("a\ud83d", "\ude00b"), "a😀b"),
        (("\ud83d", "\ude00\ud83d", "\ude01"), "😀😁"),
        (("a\ud83d", "b"), "a\ufffdb"),
        (("a", "\ude00b"), "a\ufffdb"),
        (("a\ud83d", "\ud83d\ude00"), "a\ufffd😀"),
        (("a\ud83d",), "a\ufffd"),
    ],
)
def test_an_emoji_in_two_events(server: FaultServer, texts: tuple[str, ...], told: str, way: Way) -> None:
    case = server.case(whole_stream(events.halves(way.endpoint, *texts)))
    assert ask(way, case.base_url) == Answer(told, reason="stop")


@pytest.mark.parametrize("way", [way for way in STREAMED if way.who == "bare"], ids=str)
@pytest.mark.parametrize("fault", faults.LONG, ids=str)
def test_long_streams(server: FaultServer, fault: StreamFault, way: Way) -> None:
    assert ask(way, server.case(fault.act(way.endpoint)).base_url) == fault.answer


@pytest.mark.parametrize("way", STREAMED, ids=str)
@pytest.mark.parametrize("silence", faults.SILENCES)
def test_silence_runs_out(server: FaultServer, silence: str, way: Way) -> None:
    case = server.case(faults.SILENCES[silence](way.endpoint))
    error = failed(way, case.base_url, silence=0.1)
    assert isinstance(error, APITimeoutError)
    assert (error.timeout, error.seconds) == ("chunk", 0.1)
    assert error.partial == (SAID if "amid" in silence else "")
    assert "0.1 s" in str(error)
    assert case.was_left()
    assert len(case.requests) == 1


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("timeout", [0.08, (5.0, 0.08), httpx.Timeout(5, read=0.08)], ids=["seconds", "pair", "httpx"])
def test_no_answer_in_time(server: FaultServer, timeout: Any, way: Way) -> None:
    case = server.case([Stall()])
    error = failed(way, case.base_url, timeout=timeout)
    assert isinstance(error, APITimeoutError)
    assert isinstance(error, APIConnectionError)
    assert (error.timeout, error.seconds) == ("read", 0.08)
    assert all(case.was_left() for _ in range(3))
    assert len(case.requests) == 3
