"""Which requests are retried, how often, and after how long."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from aimlapi_integrations import errors
from aimlapi_integrations.transport.retries import HTTPRequest, RetryEvent, RetryPolicy, retry_after
from tests.support.fault_server import DONE, END, EVENT, HEAD, OK, Hang, Stall, chunked, response, serving
from tests.transport.clients import AT_ONCE, KEY, POST, both_clients


class Statuses:
    """A handler that returns one status after another, and then the last one."""

    def __init__(self, *statuses: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.statuses, self.body, self.headers = list(statuses), body or {"message": "no"}, headers
        self.count = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = self.statuses[min(self.count, len(self.statuses) - 1)]
        self.count += 1
        return httpx.Response(status, json=self.body, headers=self.headers)


@both_clients
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_retryable_status_is_retried(client_type: Any, status: int):
    server = Statuses(status, status, 200)
    assert client_type(handler=server).send().status == 200
    assert server.count == 3


@both_clients
@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 413, 422])
def test_other_status_is_not_retried(client_type: Any, status: int):
    server = Statuses(status)
    with pytest.raises(errors.APIStatusError):
        client_type(handler=server).send()
    assert server.count == 1


@both_clients
def test_provider_400_inside_a_500_is_not_retried(client_type: Any):
    server = Statuses(500, body={"message": "400 Unable to access model"})
    with pytest.raises(errors.InternalServerError) as caught:
        client_type(handler=server).send()
    assert server.count == 1
    assert not caught.value.retryable


@both_clients
@pytest.mark.parametrize("where", ["client", "call"])
def test_zero_retries_send_one_request(client_type: Any, where: str):
    server = Statuses(500)
    client = client_type(handler=server, retry=RetryPolicy(0)) if where == "client" else client_type(handler=server)
    with pytest.raises(errors.InternalServerError):
        client.send(POST if where == "client" else HTTPRequest("POST", "/x", {}, max_retries=0))
    assert server.count == 1


@both_clients
def test_broken_connection_is_retried(client_type: Any):
    with serving([Hang()], [OK[:30], Hang()], OK) as server:
        assert client_type(server.base_url).send().body == {"ok": True}
    assert len(server.requests) == 3


@both_clients
def test_stream_is_retried_before_its_first_byte_only(client_type: Any):
    broken = [HEAD, chunked(EVENT), Hang()]
    with serving(response(503, b"{}"), broken) as server, pytest.raises(errors.StreamError):
        client_type(server.base_url).events()
    assert len(server.requests) == 2


@both_clients
def test_retry_sends_the_same_request(client_type: Any):
    with serving(response(500, b"{}"), OK) as server:
        client_type(server.base_url).send()
    assert server.requests[0] == server.requests[1]


@both_clients
def test_each_retry_is_logged_and_passed_to_on_retry(client_type: Any, caplog: pytest.LogCaptureFixture):
    events: list[RetryEvent] = []
    with caplog.at_level(logging.INFO, "aimlapi_integrations"):
        client_type(handler=Statuses(429, 500, 200, headers={"x-request-id": "r-7"}), on_retry=events.append).send()
    assert [(event.attempt, type(event.error)) for event in events] == [
        (1, errors.RateLimitError),
        (2, errors.InternalServerError),
    ]
    records = [record for record in caplog.records if record.name.startswith("aimlapi_integrations")]
    assert len(records) == 2
    assert "r-7" in records[0].getMessage()
    assert KEY not in caplog.text


def test_delays_grow_to_the_cap_with_full_jitter():
    policy = RetryPolicy(max_retries=9, base=0.5, cap=8)
    error = errors.InternalServerError("no")
    for attempt, longest in ((1, 0.5), (2, 1), (3, 2), (5, 8), (9, 8)):
        delays = [policy.delay(error, attempt, 0) or 0.0 for _ in range(200)]
        assert longest * 0.8 < max(delays) <= longest
        assert min(delays) < longest * 0.2
    assert policy.delay(error, 10, 0) is None


@pytest.mark.parametrize("headers", [{}, {"retry-after": "soon"}])
def test_delay_after_a_429_is_at_least_half_of_the_maximum(headers: dict[str, str]):
    policy = RetryPolicy(max_retries=9, base=0.5, cap=8)
    error = errors.RateLimitError("no", headers=headers)
    for attempt, longest in ((1, 0.5), (2, 1), (9, 8)):
        delays = [policy.delay(error, attempt, 0) or 0.0 for _ in range(200)]
        assert longest / 2 <= min(delays) < max(delays) <= longest
    assert policy.delay(errors.RateLimitError("no", headers={"retry-after": "7"}), 1, 0) == 7


def test_retry_after_in_any_form_is_parsed():
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert retry_after({"retry-after": "7"}) == 7
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    assert 28 <= (retry_after({"retry-after": soon}) or 0) <= 30
    past = format_datetime(datetime.now(timezone.utc) - timedelta(seconds=30), usegmt=True)
    assert retry_after({"retry-after": past}) == 0
    for nothing in ({}, {"retry-after": "soon"}, {"retry-after": "-1"}, {"retry-after": "inf"}, {"retry-after": "nan"}):
        assert retry_after(nothing) is None


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y", "%A, %d-%b-%y %H:%M:%S GMT"])
def test_retry_after_date_is_utc_in_any_local_time_zone(form: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        soon = (datetime.now(timezone.utc) + timedelta(seconds=30)).strftime(form)
        assert 28 <= (retry_after({"retry-after": soon}) or 0) <= 30
    finally:
        monkeypatch.undo()
        time.tzset()


def test_retry_after_is_honored_up_to_its_maximum():
    policy = RetryPolicy(max_retry_after=60)
    assert policy.delay(errors.RateLimitError("no", headers={"retry-after": "20"}), 1, 0) == 20
    assert policy.delay(errors.RateLimitError("no", headers={"retry-after": "3600"}), 1, 0) is None


def test_retry_after_the_deadline_is_not_started():
    assert RetryPolicy(base=0, deadline=10).delay(errors.RateLimitError("no"), 1, 9) == 0
    assert RetryPolicy(base=0, deadline=10).delay(errors.RateLimitError("no"), 1, 11) is None


@both_clients
def test_retry_in_progress_ends_at_the_deadline(client_type: Any):
    policy = RetryPolicy(max_retries=3, base=0, deadline=0.15)
    with serving(response(500, b"{}"), [Stall()]) as server, pytest.raises(errors.APITimeoutError) as caught:
        client_type(server.base_url, retry=policy).send()
    assert (caught.value.timeout, caught.value.seconds) == ("total", 0.15)
    assert len(server.requests) == 2


@both_clients
def test_custom_policy_decides_about_retries(client_type: Any):
    class Once(RetryPolicy):
        def delay(self, error: errors.APIError, attempt: int, elapsed: float) -> float | None:
            return 0.0 if attempt == 1 else None

    server = Statuses(400)
    with pytest.raises(errors.BadRequestError):
        client_type(handler=server, retry=Once()).send()
    assert server.count == 2
    assert AT_ONCE.max_retries == 2


@both_clients
def test_stream_after_a_retry_is_complete(client_type: Any):
    whole = HEAD + chunked(EVENT) + chunked(DONE) + END
    with serving(response(429, b"{}", "retry-after-ms: 1"), whole) as server:
        assert client_type(server.base_url).events() == [{"a": 1}]
