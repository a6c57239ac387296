"""The table of faults, met on every way to ask: the outcome, and how many requests the server saw."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AIMLAPIError, APIConnectionError, APIError, RetryEvent, RetryPolicy
from aimlapi_integrations.langchain.errors import ModelError
from tests.faults import faults_before as before
from tests.faults import faults_plain as plain
from tests.faults.faults_before import Fault
from tests.faults.secret_scan import everything_in
from tests.support.call_matrix import HALF, WAYS, Answer, Way, ask
from tests.support.fault_server import KEY, Act, Case, FaultServer, reply, whole_stream
from tests.support.replies import TEXT, chat_body, chat_events, message_item, responses_body, sse
from tests.support.responses_events import events as responses_events

GOOD = Answer(TEXT, reason="stop")
PLAIN = [way for way in WAYS if not way.streamed]

on_every_way = pytest.mark.parametrize("way", WAYS, ids=str)
on_plain_ways = pytest.mark.parametrize("way", PLAIN, ids=str)


def good(way: Way) -> Act:
    """A good answer, as this way wants it."""
    body = chat_body() if way.endpoint == "chat" else responses_body()
    return answered(way, body)


def answered(way: Way, body: Any) -> Act:
    if not way.streamed:
        return [reply(body)]
    return whole_stream(sse(chat_events(body) if way.endpoint == "chat" else responses_events(body, 5)))


def begun(server: FaultServer, fault: Fault, way: Way) -> Case:
    return server.case(*(good(way) if act is None else act for act in fault.acts))


def check(server: FaultServer, fault: Fault, way: Way) -> None:
    case = begun(server, fault, way)
    if fault.error is None:
        assert ask(way, case.base_url) == GOOD
    else:
        error = failed(way, case.base_url)
        check_error(error, fault, way)
    assert len(case.requests) == fault.requests


def failed(way: Way, base_url: str, **how: Any) -> AIMLAPIError:
    """The error of a call, in which the key is nowhere."""
    with pytest.raises(AIMLAPIError) as caught:
        ask(way, base_url, **how)
    assert [text for text in everything_in(caught.value) if KEY in text] == []
    return caught.value


def check_error(error: AIMLAPIError, fault: Fault, way: Way) -> None:
    kind = type(error).__mro__[1] if way.who == "lc" else type(error)
    assert kind is fault.error, repr(error)
    assert isinstance(error, ModelError) == (way.who == "lc")
    assert way.who != "lc" or error.is_retryable == error.retryable  # type: ignore[attr-defined]  # it is core's
    for said in fault.says:
        assert said in str(error)
    for name, value in fault.facts:
        assert getattr(error, name) == value, name


# --- before an answer -------------------------------------------------------------------------------------------------


@on_every_way
def test_nobody_listens(way: Way) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = failed(way, f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
    assert isinstance(error, APIConnectionError)


@on_every_way
@pytest.mark.parametrize("fault", [*before.CONNECTIONS, *before.UNREADABLE], ids=str)
def test_no_answer(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@on_every_way
@pytest.mark.parametrize("fault", before.SPECIAL, ids=str)
def test_special_cases(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@pytest.mark.parametrize("way", HALF, ids=str)
@pytest.mark.parametrize("fault", [*before.STATUSES, *before.SHAPES], ids=str)
def test_statuses_and_shapes(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@pytest.mark.parametrize("fault", before.STATUSES_IN_ALL_SHAPES, ids=str)
def test_every_status_in_every_shape(server: FaultServer, fault: Fault) -> None:
    check(server, fault, WAYS[0])


@on_every_way
@pytest.mark.parametrize("fault", before.RETRIES, ids=str)
def test_retries(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@on_every_way
@pytest.mark.parametrize("fault", [*before.CONNECTIONS[:2], before.STATUSES[-1]], ids=str)
def test_no_retries_are_none(server: FaultServer, fault: Fault, way: Way) -> None:
    case = begun(server, fault, way)
    check_error(failed(way, case.base_url, retries=0), fault, way)
    assert len(case.requests) == 1


@on_every_way
def test_every_model_takes_a_hook_a_policy_and_limits(server: FaultServer, way: Way) -> None:
    told: list[RetryEvent] = []
    case = server.case([reply(b"", 503)], [reply(b"", 503)], [reply(b"", 503)], good(way))
    policy = RetryPolicy(max_retries=3, base=0.0)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    assert ask(way, case.base_url, retries=0, retry=policy, on_retry=told.append, limits=limits) == GOOD
    assert [(event.attempt, event.error.status) for event in told] == [(1, 503), (2, 503), (3, 503)]
    assert len(case.requests) == 4


@pytest.mark.parametrize("way", HALF, ids=str)
@pytest.mark.parametrize("fault", before.HALF_SAID_THEN_SILENT, ids=str)
def test_a_status_holds_though_the_body_does_not_come(server: FaultServer, fault: Fault, way: Way) -> None:
    case = server.case(*(act or good(way) for act in fault.acts))
    check_error(failed(way, case.base_url, timeout=0.08), fault, way)
    assert case.was_left()
    assert len(case.requests) == fault.requests


@on_every_way
def test_informed_before_the_answer(server: FaultServer, way: Way) -> None:
    informed = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    case = server.case([informed, *good(way)])
    assert ask(way, case.base_url) == GOOD
    assert len(case.requests) == 1


@pytest.mark.parametrize("way", HALF, ids=str)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_redirects_are_not_followed(server: FaultServer, way: Way, status: int, host: str) -> None:
    elsewhere = server.case(good(way), host=host)
    case = server.case([reply(b"", status, location=f"{elsewhere.base_url}/chat/completions?key={KEY}")])
    error = failed(way, case.base_url)
    assert isinstance(error, APIError)
    assert error.status == status
    assert (len(case.requests), len(elsewhere.requests)) == (1, 0)


@pytest.mark.parametrize("way", HALF, ids=str)
def test_a_redirect_to_nowhere(server: FaultServer, way: Way) -> None:
    case = server.case([reply(b"", 302)])
    error = failed(way, case.base_url)
    assert isinstance(error, APIError)
    assert error.status == 302
    assert len(case.requests) == 1


# --- plain answers ----------------------------------------------------------------------------------------------------


@on_plain_ways
@pytest.mark.parametrize("fault", plain.EVERYWHERE, ids=str)
def test_no_good_body(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


def of_endpoint(**faults: list[Fault]) -> pytest.MarkDecorator:
    """The faults of each endpoint with the plain ways to it."""
    cases = [(fault, way) for way in PLAIN for fault in faults[way.endpoint]]
    return pytest.mark.parametrize(("fault", "way"), cases, ids=str)


@of_endpoint(chat=plain.CHAT, responses=plain.RESPONSES)
def test_no_answer_in_the_body(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@of_endpoint(chat=plain.CHAT_GOOD, responses=plain.RESPONSES_GOOD)
def test_odd_but_good_bodies(server: FaultServer, fault: Fault, way: Way) -> None:
    check(server, fault, way)


@pytest.mark.parametrize("way", HALF, ids=str)
@pytest.mark.parametrize("place", range(len(plain.ODD_USAGES["chat"])))
def test_counts_that_are_none(server: FaultServer, place: int, way: Way) -> None:
    body = chat_body() if way.endpoint == "chat" else responses_body()
    case = server.case(answered(way, {**body, "usage": plain.ODD_USAGES[way.endpoint][place]}))
    assert ask(way, case.base_url) == GOOD


@on_every_way
def test_a_call_that_was_cut_off_is_never_mended(server: FaultServer, way: Way) -> None:
    case = server.case(answered(way, plain.CUT_CALLS[way.endpoint]))
    assert ask(way, case.base_url) == Answer("", broken=(("get_weather", plain.CUT),), reason="length")
    assert len(case.requests) == 1


@on_every_way
def test_a_text_that_was_cut_off_says_so(server: FaultServer, way: Way) -> None:
    case = server.case(answered(way, plain.CUT_TEXTS[way.endpoint]))
    assert ask(way, case.base_url) == Answer("Half an ans", reason="length")


@on_plain_ways
def test_a_message_of_nothing(server: FaultServer, way: Way) -> None:
    case = server.case([reply(plain.NO_MESSAGE[way.endpoint])])
    assert ask(way, case.base_url) == Answer("", reason="stop")


@on_every_way
def test_half_an_emoji_does_no_harm(server: FaultServer, way: Way) -> None:
    body = chat_body("x\ud83d") if way.endpoint == "chat" else responses_body(message_item("x\ud83d"))
    if way.streamed:
        events = chat_events(body, 2) if way.endpoint == "chat" else responses_events(body, 2)
        content = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        case = server.case(whole_stream(content))
    else:
        case = server.case([reply(json.dumps(body).encode())])
    assert ask(way, case.base_url) == Answer("x\ufffd", reason="stop")
