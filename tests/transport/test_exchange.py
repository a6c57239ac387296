"""When a call is tried again, and when not."""

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

from .colours import AT_ONCE, KEY, POST, both_colours
from .fault_server import DONE, END, EVENT, HEAD, PLAIN, Answer, answer, chunk, serving


class Statuses:
    """Answers with one status after another, the last one for ever."""

    def __init__(self, *statuses: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.statuses, self.body, self.headers = list(statuses), body or {"message": "no"}, headers
        self.seen = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status = self.statuses[min(self.seen, len(self.statuses) - 1)]
        self.seen += 1
        return httpx.Response(status, json=self.body, headers=self.headers)


@both_colours
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_tried_again(colour: Any, status: int):
    server = Statuses(status, status, 200)
    assert colour(handler=server).send().status == 200
    assert server.seen == 3


@both_colours
@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 413, 422])
def test_not_tried_again(colour: Any, status: int):
    server = Statuses(status)
    with pytest.raises(errors.APIStatusError):
        colour(handler=server).send()
    assert server.seen == 1


@both_colours
def test_a_providers_400_inside_a_500_is_not_tried_again(colour: Any):
    server = Statuses(500, body={"message": "400 Unable to access model"})
    with pytest.raises(errors.InternalServerError) as caught:
        colour(handler=server).send()
    assert server.seen == 1
    assert not caught.value.retryable


@both_colours
@pytest.mark.parametrize("where", ["client", "call"])
def test_no_retries_is_one_request(colour: Any, where: str):
    server = Statuses(500)
    client = colour(handler=server, retry=RetryPolicy(0)) if where == "client" else colour(handler=server)
    with pytest.raises(errors.InternalServerError):
        client.send(POST if where == "client" else HTTPRequest("POST", "/x", {}, max_retries=0))
    assert server.seen == 1


@both_colours
def test_a_broken_connection_is_tried_again(colour: Any):
    with serving(Answer([], "close"), Answer([PLAIN[:30]], "close"), PLAIN) as server:
        assert colour(server.base_url).send().body == {"ok": True}
    assert len(server.requests) == 3


@both_colours
def test_streams_are_tried_again_before_their_first_byte_and_never_after(colour: Any):
    broken = Answer([HEAD, chunk(EVENT)], "close")
    with serving(answer(503, b"{}"), broken) as server, pytest.raises(errors.StreamError):
        colour(server.base_url).events()
    assert len(server.requests) == 2


@both_colours
def test_the_same_body_goes_out_each_time(colour: Any):
    with serving(answer(500, b"{}"), PLAIN) as server:
        colour(server.base_url).send()
    assert server.requests[0] == server.requests[1]


@both_colours
def test_the_hook_and_the_log_tell_of_each_retry(colour: Any, caplog: pytest.LogCaptureFixture):
    told: list[RetryEvent] = []
    with caplog.at_level(logging.INFO, "aimlapi_integrations"):
        colour(handler=Statuses(429, 500, 200, headers={"x-request-id": "r-7"}), on_retry=told.append).send()
    assert [(event.attempt, type(event.error)) for event in told] == [
        (1, errors.RateLimitError),
        (2, errors.InternalServerError),
    ]
    records = [record for record in caplog.records if record.name.startswith("aimlapi_integrations")]
    assert len(records) == 2
    assert "r-7" in records[0].getMessage()
    assert KEY not in caplog.text


def test_back_off_grows_to_its_cap_with_full_jitter():
    policy = RetryPolicy(max_retries=9, base=0.5, cap=8)
    error = errors.InternalServerError("no")
    for attempt, most in ((1, 0.5), (2, 1), (3, 2), (5, 8), (9, 8)):
        delays = [policy.delay(error, attempt, 0) or 0.0 for _ in range(200)]
        assert most * 0.8 < max(delays) <= most
        assert min(delays) < most * 0.2
    assert policy.delay(error, 10, 0) is None


@pytest.mark.parametrize("headers", [{}, {"retry-after": "soon"}])
def test_delay_after_a_429_is_at_least_half_of_the_longest(headers: dict[str, str]):
    policy = RetryPolicy(max_retries=9, base=0.5, cap=8)
    error = errors.RateLimitError("no", headers=headers)
    for attempt, most in ((1, 0.5), (2, 1), (9, 8)):
        delays = [policy.delay(error, attempt, 0) or 0.0 for _ in range(200)]
        assert most / 2 <= min(delays) < max(delays) <= most
    assert policy.delay(errors.RateLimitError("no", headers={"retry-after": "7"}), 1, 0) == 7


def test_retry_after_in_all_its_forms():
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert retry_after({"retry-after": "7"}) == 7
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=30), usegmt=True)
    assert 28 <= (retry_after({"retry-after": soon}) or 0) <= 30
    past = format_datetime(datetime.now(timezone.utc) - timedelta(seconds=30), usegmt=True)
    assert retry_after({"retry-after": past}) == 0
    for nothing in ({}, {"retry-after": "soon"}, {"retry-after": "-1"}, {"retry-after": "inf"}, {"retry-after": "nan"}):
        assert retry_after(nothing) is None


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y", "%A, %d-%b-%y %H:%M:%S GMT"])
def test_dates_are_of_greenwich_wherever_this_machine_is(form: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        soon = (datetime.now(timezone.utc) + timedelta(seconds=30)).strftime(form)
        assert 28 <= (retry_after({"retry-after": soon}) or 0) <= 30
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_gateways_wait_is_kept_to_unless_it_is_too_long():
    policy = RetryPolicy(max_retry_after=60)
    assert policy.delay(errors.RateLimitError("no", headers={"retry-after": "20"}), 1, 0) == 20
    assert policy.delay(errors.RateLimitError("no", headers={"retry-after": "3600"}), 1, 0) is None


def test_no_try_is_begun_after_the_deadline():
    assert RetryPolicy(base=0, deadline=10).delay(errors.RateLimitError("no"), 1, 9) == 0
    assert RetryPolicy(base=0, deadline=10).delay(errors.RateLimitError("no"), 1, 11) is None


@both_colours
def test_a_further_try_waits_no_longer_than_the_deadline(colour: Any):
    policy = RetryPolicy(max_retries=3, base=0, deadline=0.15)
    with serving(answer(500, b"{}"), Answer([], "hang")) as server, pytest.raises(errors.APITimeoutError) as caught:
        colour(server.base_url, retry=policy).send()
    assert (caught.value.timeout, caught.value.seconds) == ("total", 0.15)
    assert len(server.requests) == 2


@both_colours
def test_a_policy_of_ones_own(colour: Any):
    class Once(RetryPolicy):
        def delay(self, error: errors.APIError, attempt: int, elapsed: float) -> float | None:
            return 0.0 if attempt == 1 else None

    server = Statuses(400)
    with pytest.raises(errors.BadRequestError):
        colour(handler=server, retry=Once()).send()
    assert server.seen == 2
    assert AT_ONCE.max_retries == 2


@both_colours
def test_a_stream_after_a_retry_is_whole(colour: Any):
    whole = HEAD + chunk(EVENT) + chunk(DONE) + END
    with serving(answer(429, b"{}", "retry-after-ms: 1"), whole) as server:
        assert colour(server.base_url).events() == [{"a": 1}]
