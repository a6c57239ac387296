"""The tables of faults in every mode of a call: the outcome, and the number of requests."""

from __future__ import annotations

import json
import socket
from itertools import combinations, product
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AIMLAPIError, APIConnectionError, APIError, RetryEvent, RetryPolicy
from aimlapi_integrations.langchain.errors import ModelError
from tests.faults import faults_before as before
from tests.faults import faults_plain as plain
from tests.faults.faults_before import Fault
from tests.faults.secret_scan import exposed_texts
from tests.support.answers import Answer
from tests.support.call_matrix import (
    MODES,
    PLAIN,
    CallMode,
    combine_modes,
    every_call_mode,
    plain_call_modes,
    run_call,
    spread,
)
from tests.support.fault_server import KEY, Act, Case, FaultServer, reply, whole_stream
from tests.support.replies import TEXT, chat_body, chat_events, message_item, responses_body, sse
from tests.support.responses_events import events as responses_events

GOOD = Answer(TEXT, reason="stop")


def good_answer(mode: CallMode) -> Act:
    """Return a valid response for this mode."""
    body = chat_body() if mode.endpoint == "chat" else responses_body()
    return respond_with(mode, body)


def respond_with(mode: CallMode, body: Any) -> Act:
    if not mode.streamed:
        return [reply(body)]
    return whole_stream(sse(chat_events(body) if mode.endpoint == "chat" else responses_events(body, 5)))


def start_case(server: FaultServer, fault: Fault, mode: CallMode) -> Case:
    return server.case(*(good_answer(mode) if act is None else act for act in fault.responses_by_request))


def check_outcome(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    case = start_case(server, fault, mode)
    if fault.error is None:
        assert run_call(mode, case.base_url) == GOOD
    else:
        error = call_error(mode, case.base_url)
        check_error(error, fault, mode)
    assert len(case.requests) == fault.requests


def call_error(mode: CallMode, base_url: str, **how: Any) -> AIMLAPIError:
    """Return the error of a call, after checking that it does not contain the key."""
    with pytest.raises(AIMLAPIError) as caught:
        run_call(mode, base_url, **how)
    assert [text for text in exposed_texts(caught.value) if KEY in text] == []
    return caught.value


def check_error(error: AIMLAPIError, fault: Fault, mode: CallMode) -> None:
    kind = type(error).__mro__[1] if mode.client == "langchain" else type(error)
    assert kind is fault.error, repr(error)
    assert isinstance(error, ModelError) == (mode.client == "langchain")
    assert mode.client != "langchain" or error.is_retryable == error.retryable  # type: ignore[attr-defined]  # it is core's
    for part in fault.in_message:
        assert part in str(error)
    for name, value in fault.attributes:
        assert getattr(error, name) == value, name


# --- before a response ------------------------------------------------------------------------------------------------


@every_call_mode
def test_closed_port_raises_connection_error(mode: CallMode) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = call_error(mode, f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
    assert isinstance(error, APIConnectionError)


@spread("fault", [*before.CONNECTIONS, *before.UNREADABLE])
def test_broken_connection_raises_connection_error(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


@spread("fault", before.SPECIAL)
def test_special_error_body_maps_to_its_class(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


@spread("fault", before.STATUSES)
def test_error_status_maps_to_its_class(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


@spread("fault", before.SHAPES)
def test_error_body_of_any_shape_is_read(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


@pytest.mark.parametrize("fault", before.STATUSES_IN_SHAPES, ids=str)
def test_shape_of_an_error_body_does_not_change_its_class(server: FaultServer, fault: Fault) -> None:
    check_outcome(server, fault, MODES[0])


@spread("fault", before.RETRIES)
def test_retry_follows_status_and_retry_after(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


@spread("fault", [*before.CONNECTIONS[:2], before.STATUSES[-1]], parts=2)
def test_max_retries_zero_sends_one_request(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    case = start_case(server, fault, mode)
    check_error(call_error(mode, case.base_url, max_retries=0), fault, mode)
    assert len(case.requests) == 1


@every_call_mode
def test_retry_policy_hook_and_limits_apply_to_every_client(server: FaultServer, mode: CallMode) -> None:
    events: list[RetryEvent] = []
    case = server.case([reply(b"", 503)], [reply(b"", 503)], [reply(b"", 503)], good_answer(mode))
    policy = RetryPolicy(max_retries=3, base=0.0)
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    assert run_call(mode, case.base_url, max_retries=0, retry=policy, on_retry=events.append, limits=limits) == GOOD
    assert [(event.attempt, event.error.status) for event in events] == [(1, 503), (2, 503), (3, 503)]
    assert len(case.requests) == 4


@spread("fault", before.STATUS_THEN_SILENCE)
def test_error_status_without_body_maps_to_its_class(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    case = server.case(*(act or good_answer(mode) for act in fault.responses_by_request))
    check_error(call_error(mode, case.base_url, timeout=0.08), fault, mode)
    assert case.wait_for_disconnect()
    assert len(case.requests) == fault.requests


@every_call_mode
def test_informational_responses_are_skipped(server: FaultServer, mode: CallMode) -> None:
    informed = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    case = server.case([informed, *good_answer(mode)])
    assert run_call(mode, case.base_url) == GOOD
    assert len(case.requests) == 1


@spread("status,host", product([301, 302, 303, 307, 308], ["localhost", "127.0.0.1"]))
def test_redirect_is_not_followed(server: FaultServer, status: int, host: str, mode: CallMode) -> None:
    target = server.case(good_answer(mode), host=host)
    case = server.case([reply(b"", status, location=f"{target.base_url}/chat/completions?key={KEY}")])
    error = call_error(mode, case.base_url)
    assert isinstance(error, APIError)
    assert error.status == status
    assert (len(case.requests), len(target.requests)) == (1, 0)


@every_call_mode
def test_redirect_without_location_raises(server: FaultServer, mode: CallMode) -> None:
    case = server.case([reply(b"", 302)])
    error = call_error(mode, case.base_url)
    assert isinstance(error, APIError)
    assert error.status == 302
    assert len(case.requests) == 1


# --- plain responses --------------------------------------------------------------------------------------------------


@spread("fault", plain.EVERYWHERE, PLAIN)
def test_unreadable_body_raises(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


def faults_by_endpoint(**faults: list[Fault]) -> pytest.MarkDecorator:
    """Parametrize by the faults of each endpoint, in half of its plain modes."""
    modes = {endpoint: [mode for mode in PLAIN if mode.endpoint == endpoint] for endpoint in faults}
    cases = [case for endpoint, table in faults.items() for case in combine_modes(table, modes[endpoint], parts=2)]
    return pytest.mark.parametrize(("fault", "mode"), cases, ids=str)


@faults_by_endpoint(chat=plain.CHAT, responses=plain.RESPONSES)
def test_body_without_an_answer_raises(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


@faults_by_endpoint(chat=plain.CHAT_GOOD, responses=plain.RESPONSES_GOOD)
def test_unusual_valid_body_is_decoded(server: FaultServer, fault: Fault, mode: CallMode) -> None:
    check_outcome(server, fault, mode)


@spread("index", range(len(plain.ODD_USAGES["chat"])))
def test_invalid_usage_is_ignored(server: FaultServer, index: int, mode: CallMode) -> None:
    body = chat_body() if mode.endpoint == "chat" else responses_body()
    case = server.case(respond_with(mode, {**body, "usage": plain.ODD_USAGES[mode.endpoint][index]}))
    assert run_call(mode, case.base_url) == GOOD


@every_call_mode
def test_tool_call_cut_by_length_is_invalid(server: FaultServer, mode: CallMode) -> None:
    case = server.case(respond_with(mode, plain.CUT_CALLS[mode.endpoint]))
    assert run_call(mode, case.base_url) == Answer("", invalid_calls=(("get_weather", plain.CUT),), reason="length")
    assert len(case.requests) == 1


@every_call_mode
def test_text_cut_by_length_has_finish_reason_length(server: FaultServer, mode: CallMode) -> None:
    case = server.case(respond_with(mode, plain.CUT_TEXTS[mode.endpoint]))
    assert run_call(mode, case.base_url) == Answer("Half an ans", reason="length")


@plain_call_modes
def test_body_without_message_gives_empty_text(server: FaultServer, mode: CallMode) -> None:
    case = server.case([reply(plain.NO_MESSAGE[mode.endpoint])])
    assert run_call(mode, case.base_url) == Answer("", reason="stop")


@every_call_mode
def test_lone_surrogate_is_replaced(server: FaultServer, mode: CallMode) -> None:
    body = chat_body("x\ud83d") if mode.endpoint == "chat" else responses_body(message_item("x\ud83d"))
    if mode.streamed:
        events = chat_events(body, 2) if mode.endpoint == "chat" else responses_events(body, 2)
        content = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        case = server.case(whole_stream(content))
    else:
        case = server.case([reply(json.dumps(body).encode())])
    assert run_call(mode, case.base_url) == Answer("x\ufffd", reason="stop")


@pytest.mark.parametrize(("modes", "parts", "width"), [(MODES, 4, 2), (MODES, 2, 2), (PLAIN, 2, 2), (PLAIN, 4, 1)])
def test_rows_are_combined_with_every_value_and_pair_of_values(modes: list[CallMode], parts: int, width: int) -> None:
    def combinations_of(chosen: list[CallMode]) -> set[tuple[Any, ...]]:
        return {combination for mode in chosen for combination in combinations(enumerate(mode), width)}

    cases = combine_modes(range(parts), modes, parts=parts)
    rows = [[mode for number, mode in cases if number == row] for row in range(parts)]
    assert all(combinations_of(row) == combinations_of(modes) for row in rows)
    assert sorted(mode for _, mode in cases) == sorted(modes)
