"""What the clients make of answers and of silence, and of what stands between: clients with hooks, proxies."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import httpx
import pytest

from aimlapi_integrations import errors
from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from aimlapi_integrations.transport.retries import HTTPRequest, RetryPolicy

from .colours import AT_ONCE, KEY, POST, Handler, both_colours
from .fault_server import DONE, EVENT, HEAD, PLAIN, Answer, answer, chunk, serving

NONE = RetryPolicy(0)
HANGING = Answer([HEAD, chunk(EVENT), chunk(EVENT)], "hang")


# --- answers ------------------------------------------------------------------------------------------------------


@both_colours
def test_any_2xx_is_an_answer_whatever_its_content_type(colour: Any):
    sent = colour(handler=lambda request: httpx.Response(201, content=b'{"a": 1}', headers={"X-Up": "1"})).send()
    assert (sent.status, sent.body, sent.headers["x-up"]) == (201, {"a": 1}, "1")


@both_colours
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<!doctype html><title>Log in</title>", "HTML page where JSON was due: 'Log in'"),
        (b"", "an empty body"),
        (b"[1]", "JSON that is no object"),
        (b'{"a": ', "not JSON"),
        (b'data: {"a": 1}\n\n', "stream of events where JSON was due"),
    ],
)
def test_a_2xx_that_is_no_answer(colour: Any, body: bytes, says: str):
    with pytest.raises(errors.APIResponseError) as caught:
        colour(handler=lambda request: httpx.Response(200, content=body, headers={"x-request-id": "r-1"})).send()
    assert says in str(caught.value)
    assert caught.value.request_id == "r-1"


@both_colours
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"choices": []}', errors.APIResponseError),
        (b"<html><h1>Sorry</h1></html>", errors.APIResponseError),
        (b'{"error": {"message": "slow down", "code": 429}}', errors.RateLimitError),
    ],
)
def test_a_plain_answer_where_a_stream_was_due(colour: Any, body: bytes, kind: type[Exception]):
    with pytest.raises(kind):
        colour(handler=lambda request: httpx.Response(200, content=body)).events()


@both_colours
def test_events_are_read_whatever_the_content_type(colour: Any):
    assert colour(handler=lambda request: httpx.Response(200, content=EVENT + DONE)).events() == [{"a": 1}]


@both_colours
def test_redirects_are_errors_and_nothing_is_sent_on(colour: Any):
    with serving(PLAIN) as elsewhere:
        moved = answer(307, b"", f"location: {elsewhere.base_url}")
        with serving(moved) as server, pytest.raises(errors.APIStatusError) as caught:
            colour(server.base_url).send()
        assert elsewhere.base_url in str(caught.value)
        assert elsewhere.requests == []


@both_colours
@pytest.mark.parametrize("end", ["close", "cut"])
def test_a_cut_stream_gives_its_events_then_an_error(colour: Any, end: str):
    pieces = [HEAD, chunk(EVENT), *([b"14\r\ndata: {"] if end == "cut" else [])]
    with serving(Answer(pieces, "close")) as server, pytest.raises(errors.StreamError, match="broke off"):
        colour(server.base_url).events()


# --- timeouts -----------------------------------------------------------------------------------------------------


@both_colours
@pytest.mark.parametrize("timeout", [0.1, (5, 0.1), httpx.Timeout(5, read=0.1)])
def test_the_read_timeout_says_so(colour: Any, timeout: Any):
    with (
        serving(Answer([], "hang")) as server,
        pytest.raises(errors.APITimeoutError, match=r"read timeout of 0\.1 s") as e,
    ):
        colour(server.base_url, retry=NONE).send(HTTPRequest("POST", "/x", {}, timeout=timeout))
    assert (e.value.timeout, e.value.seconds) == ("read", 0.1)


@both_colours
@pytest.mark.parametrize(
    ("kind", "error"), [("connect", httpx.ConnectTimeout), ("write", httpx.WriteTimeout), ("pool", httpx.PoolTimeout)]
)
def test_other_timeouts_say_which(colour: Any, kind: str, error: type[Exception]):
    def stuck(request: httpx.Request) -> httpx.Response:
        raise error("", request=request)

    with pytest.raises(errors.APITimeoutError) as caught:
        colour(handler=stuck, retry=NONE).send(HTTPRequest("POST", "/x", {}, timeout=httpx.Timeout(7)))
    assert (caught.value.timeout, caught.value.seconds) == (kind, 7)


def test_timeouts_are_finite_by_default():
    assert None not in HTTPClient(KEY, "https://api.aimlapi.com/v1").timeout.as_dict().values()


@both_colours
@pytest.mark.parametrize("pieces", [[HEAD], [HEAD, chunk(EVENT), chunk(EVENT)]])
@pytest.mark.parametrize("comments", [0, 0.02])
def test_a_silent_stream_runs_into_the_chunk_timeout_comments_or_not(colour: Any, pieces: list[bytes], comments: float):
    silent = Answer(pieces, "hang", comment_every=comments)
    with serving(silent) as server, pytest.raises(errors.APITimeoutError, match=r"chunk timeout of 0\.15 s") as caught:
        colour(server.base_url, chunk_timeout=0.15).events()
    assert caught.value.timeout == "chunk"
    assert len(server.requests) == 1


@both_colours
def test_without_a_chunk_timeout_the_read_timeout_holds(colour: Any):
    with serving(HANGING) as server, pytest.raises(errors.APITimeoutError) as caught:
        colour(server.base_url, chunk_timeout=None, timeout=0.1).events()
    assert caught.value.timeout == "read"


# --- clients that raise by themselves -------------------------------------------------------------------------------


def refuse(response: httpx.Response) -> None:
    response.raise_for_status()


async def arefuse(response: httpx.Response) -> None:
    response.raise_for_status()


def sent_by_the_strict(handler: Handler) -> None:
    """A call by a client of the caller's that raises for itself, and has a secret in its address."""
    given = httpx.Client(
        transport=httpx.MockTransport(handler), event_hooks={"response": [refuse]}, params={"token": KEY}
    )
    HTTPClient(KEY, "http://localhost/v1", retry=AT_ONCE, http_client=given).send(POST)


def sent_by_the_strict_in_a_loop(handler: Handler) -> None:
    given = httpx.AsyncClient(
        transport=httpx.MockTransport(handler), event_hooks={"response": [arefuse]}, params={"token": KEY}
    )
    asyncio.run(AsyncHTTPClient(KEY, "http://localhost/v1", retry=AT_ONCE, http_client=given).send(POST))


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [(401, errors.AuthenticationError, 1), (302, errors.APIStatusError, 1), (429, errors.RateLimitError, 3)],
)
@pytest.mark.parametrize("send", [sent_by_the_strict, sent_by_the_strict_in_a_loop])
def test_a_status_that_a_hook_raises_holds(send: Any, status: int, error: type[errors.APIError], requests: int):
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, json={"message": KEY})

    with pytest.raises(error) as caught:
        send(handler)
    assert (caught.value.status, len(seen)) == (status, requests)
    assert KEY not in "".join(traceback.format_exception(caught.value))


# --- proxies ------------------------------------------------------------------------------------------------------


@both_colours
def test_the_proxy_that_the_environment_names_is_used(colour: Any, monkeypatch: pytest.MonkeyPatch):
    with serving(PLAIN) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "")
        assert colour("http://gateway.localhost/v1").send().body == {"ok": True}
    assert proxy.requests[0].startswith(b"POST http://gateway.localhost/v1/chat/completions ")
