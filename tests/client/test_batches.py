"""Batches with the sync and the async client: submitted once, followed to their end, priced and counted once."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aimlapi_integrations import (
    AsyncClient,
    BadRequestError,
    BatchCanceledError,
    BatchError,
    BatchExpiredError,
    BatchTimeoutError,
    BudgetExceededError,
    CallOptions,
    Client,
    InternalServerError,
    Message,
    NotFoundError,
    Request,
    Text,
    UnsupportedContentError,
    UnsupportedParameterError,
    track_costs,
)
from aimlapi_integrations.emulator import Emulator

CLAUDE = "anthropic/claude-sonnet-4.5"
FAULT = "x-emulator-fault"
Handler = Callable[[httpx.Request], httpx.Response]


class Run:
    """The `batches` of a sync or an async client."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        result = getattr(self.client.batches, method)(*args, **kwargs)
        return asyncio.run(result) if inspect.isawaitable(result) else result

    def submit(self, *texts: str, fault: str = "", **kwargs: Any) -> Any:
        call = CallOptions(headers={FAULT: fault} if fault else {})
        return self("submit", list(texts), **{"model": CLAUDE, "max_tokens": 50, "call": call, **kwargs})


@pytest.fixture(params=[Client, AsyncClient])
def run(request: pytest.FixtureRequest, gateway: Emulator) -> Run:
    return Run(request.param("k", gateway.base_url, max_retries=0))


@pytest.fixture(params=["sync", "async"])
def mocked(request: pytest.FixtureRequest) -> Callable[[Handler], Run]:
    def run(handler: Handler, **settings: Any) -> Run:
        transport = httpx.MockTransport(handler)
        if request.param == "sync":
            return Run(
                Client("k", "https://gateway.test/v1", http_client=httpx.Client(transport=transport), **settings)
            )
        http_client = httpx.AsyncClient(transport=transport)
        return Run(AsyncClient("k", "https://gateway.test/v1", http_client=http_client, **settings))

    return run


def texts(results: Any) -> list[str]:
    return [result.unwrap().text for result in results]


# --- submit ---------------------------------------------------------------------------------------------------------


def test_results_are_replies_in_the_order_of_the_requests(run: Run) -> None:
    batch = run.submit("one", "two", "three")
    assert batch.id.startswith("msgbatch_")
    assert (batch.status, batch.counts["processing"], len(batch.custom_ids)) == ("in_progress", 3, 3)
    results = run("results", batch.id, interval=0)
    assert texts(results) == [f"[emulated] You said: {text}" for text in ("one", "two", "three")]
    first = results[0].unwrap()
    assert (first.service_tier, first.choices[0].finish_reason, first.model) == ("batch", "stop", CLAUDE)
    assert first.usage
    assert first.usage.total > 0


@pytest.mark.parametrize(
    "items",
    [
        [{"custom_id": "b", "messages": "one"}, {"custom_id": "a", "messages": "two", "max_tokens": 9}],
        {"b": "one", "a": [{"role": "user", "content": "two"}]},
        {"b": Request(CLAUDE, (Message("user", (Text("one"),)),)), "a": [Message("user", (Text("two"),))]},
    ],
    ids=["own-ids", "mapping", "requests"],
)
def test_requests_of_every_form_keep_their_ids(run: Run, gateway: Emulator, items: Any) -> None:
    batch = run("submit", items, model=CLAUDE, max_tokens=50)
    assert batch.custom_ids == ("b", "a")
    results = run("results", batch, interval=0)
    assert [result.custom_id for result in results] == ["b", "a"]
    assert texts(results) == ["[emulated] You said: one", "[emulated] You said: two"]


def test_options_hold_for_requests_without_their_own(run: Run, gateway: Emulator) -> None:
    run("submit", [{"messages": "a", "temperature": 1}, {"messages": "b"}], model=CLAUDE, temperature=0, max_tokens=5)
    sent = gateway.requests[-1].json
    assert sent
    assert [each["params"]["temperature"] for each in sent["requests"]] == [1, 0]
    assert set(sent) == {"requests"}


@pytest.mark.parametrize(
    ("items", "kwargs", "error", "problem"),
    [
        ([], {}, ValueError, "1 to 100,000"),
        ("Hello", {}, TypeError, "put one into a list"),
        ({"messages": "Hello"}, {}, TypeError, "put one into a list"),
        (["Hello"], {"model": None}, UnsupportedParameterError, "needs a Claude model"),
        (["Hello"], {"model": "gpt-4o"}, UnsupportedParameterError, r"requests\[0\] \(row-0-of-1\): gpt-4o"),
        (["Hello", ""], {}, UnsupportedContentError, r"requests\[1\] \(row-1-of-2\)"),
        ({"a b": "Hello"}, {}, ValueError, "'a b'"),
    ],
)
def test_what_cannot_be_submitted_raises_and_sends_nothing(
    run: Run, gateway: Emulator, items: Any, kwargs: Any, error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        run("submit", items, **{"model": CLAUDE, **kwargs})
    assert gateway.requests == []


def test_requests_with_different_headers_raise(run: Run) -> None:
    items = [{"messages": "a"}, {"messages": "b", "timeout": 5}]
    with pytest.raises(UnsupportedParameterError, match="differ from those of other requests"):
        run("submit", items, model=CLAUDE)


_MAYBE = "The gateway may have accepted the request, so it isn't retried."


def timeout_error(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow", request=request)


def reset_error(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("reset", request=request)


def refused_error(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    ("failure", "attempts"),
    [
        (timeout_error, 1),
        (reset_error, 1),
        (500, 1),
        (502, 1),
        (503, 1),
        (504, 1),
        (408, 1),
        (409, 1),
        (400, 1),
        (401, 1),
        (429, 3),
        (refused_error, 3),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_nothing_is_submitted_twice(mocked: Any, failure: Any, attempts: int) -> None:
    """It is sent again only if the gateway certainly did not accept it, however many retries are allowed."""
    sent: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        if callable(failure):
            return failure(request)
        return httpx.Response(failure, json={"message": "No."}, headers={"retry-after": "0"})

    with pytest.raises(Exception, match=r"No\.|No response|timed out|timeout") as caught:
        mocked(handle, max_retries=2).submit("Hello")
    assert len(sent) == attempts
    uncertain = failure in (timeout_error, reset_error) or failure in (500, 502, 503, 504, 408, 409)
    assert (_MAYBE in str(caught.value)) == uncertain
    assert not uncertain or caught.value.retryable is False  # type: ignore[attr-defined]  # it is an APIError


def test_a_batch_without_an_id_raises_and_is_not_sent_again(mocked: Any) -> None:
    sent: list[bytes] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json={"object": "something else"})

    with pytest.raises(Exception, match="expected a batch"):
        mocked(handle).submit("Hello")
    assert len(sent) == 1


def test_a_used_up_budget_stops_the_submission(run: Run, gateway: Emulator) -> None:
    with track_costs(max_cost_usd=0), pytest.raises(BudgetExceededError):
        run.submit("Hello")
    assert gateway.requests == []


# --- follow ---------------------------------------------------------------------------------------------------------


def test_status_is_followed_to_the_end(run: Run) -> None:
    batch = run.submit("one", fault="batch-lines;polls=2")
    assert run("get", batch.id).status == "in_progress"
    assert run("get", batch.id).status == "in_progress"
    ended = run("get", batch.id)
    assert (ended.status, ended.ended, ended.counts["succeeded"]) == ("ended", True, 1)
    assert run("wait", batch.id, timeout=0).status == "ended"


@pytest.mark.parametrize("fault", ["", "batch-lines", "batch-lines;polls=3"])
def test_results_come_as_json_or_json_lines(run: Run, fault: str) -> None:
    batch = run.submit("one", "two", fault=fault)
    assert texts(run("results", batch.id, interval=0)) == ["[emulated] You said: one", "[emulated] You said: two"]


@pytest.mark.parametrize("method", ["results", "wait"])
def test_a_batch_that_does_not_end_raises_with_its_id(run: Run, method: str) -> None:
    batch = run.submit("one", fault="batch-stuck")
    with pytest.raises(BatchTimeoutError, match="It continues") as caught:
        run(method, batch.id, timeout=0.01, interval=0.004)
    assert (caught.value.batch_id, caught.value.seconds, caught.value.retryable) == (batch.id, 0.01, True)


@pytest.mark.parametrize(
    ("fault", "errors"),
    [
        ("batch-errored", [InternalServerError, None, None]),
        ("batch-expired;rows=2", [BatchExpiredError, BatchExpiredError, None]),
        ("batch-canceled;rows=3", [BatchCanceledError] * 3),
    ],
)
def test_partial_failures_are_errors_of_their_rows(run: Run, fault: str, errors: list[Any]) -> None:
    batch = run.submit("one", "two", "three", fault=fault)
    results = run("results", batch.id, interval=0)
    assert [type(result.error) if result.error else None for result in results] == errors
    assert [bool(result.reply) for result in results] == [error is None for error in errors]
    for result in results:
        assert not isinstance(result.error, BatchError) or result.error.custom_id == result.custom_id


def test_a_request_that_the_provider_rejects_fails_alone(run: Run) -> None:
    items = ["one", {"messages": "two", "extra_body": {"temperature": 7}}]
    one, two = run("results", run("submit", items, model=CLAUDE, max_tokens=9), interval=0)
    assert one.reply
    assert isinstance(two.error, BadRequestError)
    assert "temperature" in str(two.error)


def test_a_canceled_batch_has_an_error_for_each_request(run: Run) -> None:
    batch = run.submit("one", "two")
    assert run("cancel", batch.id).status == "canceling"
    results = run("results", batch, interval=0)
    assert [type(result.error) for result in results] == [BatchCanceledError] * 2
    with pytest.raises(BatchCanceledError):
        run("results", batch.id, interval=0)


def test_a_batch_that_has_ended_cannot_be_canceled(run: Run) -> None:
    batch = run.submit("one")
    run("wait", batch, interval=0)
    with pytest.raises(BadRequestError, match="has already finished processing"):
        run("cancel", batch)


@pytest.mark.parametrize("method", ["get", "wait", "cancel", "results"])
def test_an_unknown_or_invalid_id_raises(run: Run, method: str) -> None:
    with pytest.raises(NotFoundError):
        run(method, "msgbatch_none")
    for invalid in ("", " ", None, 5):
        with pytest.raises(ValueError, match="not the id of a batch"):
            run(method, invalid)


def test_asking_for_results_is_retried(mocked: Any) -> None:
    answers: Iterator[httpx.Response] = iter(
        [
            httpx.Response(503, headers={"retry-after": "0"}),
            httpx.Response(200, json=[{"id": "b", "status": "generating"}]),
            httpx.Response(200, json={"id": "b", "processing_status": "ended"}),
            httpx.Response(200, content=b'{"custom_id":"a","result":{"type":"expired"}}\n\n'),
        ]
    )
    [result] = mocked(lambda _: next(answers))("results", "b", interval=0)
    assert isinstance(result.error, BatchExpiredError)
    assert next(answers, None) is None


def test_lines_may_hold_line_separators_of_unicode(mocked: Any) -> None:
    message = {"role": "assistant", "model": CLAUDE, "content": [{"type": "text", "text": "a\u2028b\x85c"}]}
    message |= {"stop_reason": "end_turn", "meta": {"usage": {"usd_spent": 0}}}
    rows = [{"custom_id": f"row-{n}-of-2", "result": {"type": "succeeded", "message": message}} for n in (1, 0)]
    body = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    results = mocked(lambda _: httpx.Response(200, text=body))("results", "b")
    assert texts(results) == ["a\u2028b\x85c"] * 2


# --- costs ----------------------------------------------------------------------------------------------------------

PRICES = {"input": 2e-06, "output": 4e-06}


def test_a_reply_without_a_cost_gets_half_the_price(run: Run) -> None:
    batch = run.submit("one")
    [result] = run("results", batch, interval=0, prices=PRICES)
    reply = result.unwrap()
    assert reply.usage
    assert reply.cost
    assert Decimal(reply.cost.usd) == (reply.usage.input * Decimal("1e-6") + reply.usage.output * Decimal("2e-6"))


def test_prices_are_looked_up_once_per_model(run: Run, gateway: Emulator) -> None:
    results = run("results", run.submit("one", "two"), interval=0)
    assert all(result.unwrap().cost for result in results)
    assert [request.path for request in gateway.requests if "model" in request.path] == [f"/model/{CLAUDE}"]


@pytest.mark.parametrize("failure", [404, 500, 200])
def test_results_do_not_fail_if_there_are_no_prices(mocked: Any, failure: int) -> None:
    message = {"role": "assistant", "model": CLAUDE, "content": [{"type": "text", "text": "Hi"}], "stop_reason": "x"}
    row = {"custom_id": "a", "result": {"type": "succeeded", "message": message}}

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/model"):
            return httpx.Response(failure, json={})
        return httpx.Response(200, json=[row])

    [result] = mocked(handle, max_retries=0)("results", "b")
    assert (result.unwrap().text, result.unwrap().cost) == ("Hi", None)


def test_costs_are_counted_once_per_batch_and_ledger(run: Run) -> None:
    with track_costs() as outer:
        batch = run.submit("one", "two")
        with track_costs() as inner:
            run("results", batch, interval=0)
            run("results", batch.id, interval=0)
        other = run.submit("three", fault="batch-errored")
        run("results", other, interval=0)
    assert (inner.total.calls, outer.total.calls) == (2, 2)
    assert inner.total.usd == outer.total.usd > 0
    with track_costs() as later:
        run("results", batch.id, interval=0)
    assert later.total.usd == outer.total.usd
