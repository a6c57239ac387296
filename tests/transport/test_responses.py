"""Responses, timeouts, and what is in between: event hooks and proxies."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import httpx
import pytest

from aimlapi_integrations import errors
from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from aimlapi_integrations.transport.retries import HTTPRequest, RetryPolicy
from tests.support.fault_server import COMMENT, DONE, EVENT, HEAD, OK, Hang, Stall, chunked, response, serving
from tests.transport.clients import AT_ONCE, KEY, POST, Handler, both_clients

NO_RETRIES = RetryPolicy(0)
HANGING = [HEAD, chunked(EVENT), chunked(EVENT), Stall()]


# --- responses --------------------------------------------------------------------------------------------------------


@both_clients
def test_any_2xx_is_parsed_whatever_its_content_type(client_type: Any):
    response = client_type(
        handler=lambda request: httpx.Response(201, content=b'{"a": 1}', headers={"X-Up": "1"})
    ).send()
    assert (response.status, response.body, response.headers["x-up"]) == (201, {"a": 1}, "1")


@both_clients
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<!doctype html><title>Log in</title>", "HTML page instead of JSON: 'Log in'"),
        (b"", "an empty body"),
        (b"[1]", "JSON that is not an object"),
        (b'{"a": ', "not JSON"),
        (b'data: {"a": 1}\n\n', "stream of events instead of JSON"),
    ],
)
def test_2xx_without_a_json_object_raises_api_response_error(client_type: Any, body: bytes, message: str):
    with pytest.raises(errors.APIResponseError) as caught:
        client_type(handler=lambda request: httpx.Response(200, content=body, headers={"x-request-id": "r-1"})).send()
    assert message in str(caught.value)
    assert caught.value.request_id == "r-1"


@both_clients
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"choices": []}', errors.APIResponseError),
        (b"<html><h1>Sorry</h1></html>", errors.APIResponseError),
        (b'{"error": {"message": "slow down", "code": 429}}', errors.RateLimitError),
    ],
)
def test_response_that_is_not_a_stream_raises(client_type: Any, body: bytes, kind: type[Exception]):
    with pytest.raises(kind):
        client_type(handler=lambda request: httpx.Response(200, content=body)).events()


@both_clients
def test_events_are_parsed_whatever_the_content_type(client_type: Any):
    assert client_type(handler=lambda request: httpx.Response(200, content=EVENT + DONE)).events() == [{"a": 1}]


@both_clients
def test_redirect_is_an_error_and_is_not_followed(client_type: Any):
    with serving(OK) as other_server:
        moved = response(307, b"", f"location: {other_server.base_url}")
        with serving(moved) as server, pytest.raises(errors.APIStatusError) as caught:
            client_type(server.base_url).send()
        assert other_server.base_url in str(caught.value)
        assert other_server.requests == []


@both_clients
def test_client_of_the_caller_follows_no_redirect(client_type: Any):
    requests: list[httpx.Request] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(307, headers={"location": "https://elsewhere.example/v1"})

    with pytest.raises(errors.APIStatusError):
        client_type(handler=redirect).send()
    assert len(requests) == 1


@both_clients
@pytest.mark.parametrize("end", ["close", "cut"])
def test_truncated_stream_raises_stream_error(client_type: Any, end: str):
    pieces = [HEAD, chunked(EVENT), *([b"14\r\ndata: {"] if end == "cut" else [])]
    with serving([*pieces, Hang()]) as server, pytest.raises(errors.StreamError, match="broke off"):
        client_type(server.base_url).events()


# --- timeouts ---------------------------------------------------------------------------------------------------------


@both_clients
@pytest.mark.parametrize("timeout", [0.1, (5, 0.1), httpx.Timeout(5, read=0.1)])
def test_read_timeout_names_itself(client_type: Any, timeout: Any):
    with (
        serving([Stall()]) as server,
        pytest.raises(errors.APITimeoutError, match=r"read timeout of 0\.1 s") as e,
    ):
        client_type(server.base_url, retry=NO_RETRIES).send(HTTPRequest("POST", "/x", {}, timeout=timeout))
    assert (e.value.timeout, e.value.seconds) == ("read", 0.1)


@both_clients
@pytest.mark.parametrize(
    ("kind", "error"), [("connect", httpx.ConnectTimeout), ("write", httpx.WriteTimeout), ("pool", httpx.PoolTimeout)]
)
def test_other_timeouts_name_themselves(client_type: Any, kind: str, error: type[Exception]):
    def time_out(request: httpx.Request) -> httpx.Response:
        raise error("", request=request)

    with pytest.raises(errors.APITimeoutError) as caught:
        client_type(handler=time_out, retry=NO_RETRIES).send(HTTPRequest("POST", "/x", {}, timeout=httpx.Timeout(7)))
    assert (caught.value.timeout, caught.value.seconds) == (kind, 7)


def test_default_timeouts_are_finite():
    assert None not in HTTPClient(KEY, "https://api.aimlapi.com/v1").timeout.as_dict().values()


@both_clients
@pytest.mark.parametrize("pieces", [[HEAD], [HEAD, chunked(EVENT), chunked(EVENT)]])
@pytest.mark.parametrize("comments", [b"", COMMENT])
def test_stream_without_events_raises_at_the_chunk_timeout(client_type: Any, pieces: list[bytes], comments: bytes):
    silent = [*pieces, Stall(comments)]
    with serving(silent) as server, pytest.raises(errors.APITimeoutError, match=r"chunk timeout of 0\.15 s") as caught:
        client_type(server.base_url, chunk_timeout=0.15).events()
    assert caught.value.timeout == "chunk"
    assert len(server.requests) == 1


@both_clients
def test_stream_without_chunk_timeout_raises_at_the_read_timeout(client_type: Any):
    with serving(HANGING) as server, pytest.raises(errors.APITimeoutError) as caught:
        client_type(server.base_url, chunk_timeout=None, timeout=0.1).events()
    assert caught.value.timeout == "read"


# --- clients whose hooks raise ----------------------------------------------------------------------------------------


def raise_for_status(response: httpx.Response) -> None:
    response.raise_for_status()


async def araise_for_status(response: httpx.Response) -> None:
    response.raise_for_status()


def send_with_raising_hook(handler: Handler) -> None:
    """Send with a client of the caller's whose hook raises, and whose URL holds a secret."""
    http_client = httpx.Client(
        transport=httpx.MockTransport(handler), event_hooks={"response": [raise_for_status]}, params={"token": KEY}
    )
    HTTPClient(KEY, "http://localhost/v1", retry=AT_ONCE, http_client=http_client).send(POST)


def send_with_async_raising_hook(handler: Handler) -> None:
    http_client = httpx.AsyncClient(
        transport=httpx.MockTransport(handler), event_hooks={"response": [araise_for_status]}, params={"token": KEY}
    )
    asyncio.run(AsyncHTTPClient(KEY, "http://localhost/v1", retry=AT_ONCE, http_client=http_client).send(POST))


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [(401, errors.AuthenticationError, 1), (302, errors.APIStatusError, 1), (429, errors.RateLimitError, 3)],
)
@pytest.mark.parametrize("send", [send_with_raising_hook, send_with_async_raising_hook])
def test_status_raised_by_an_event_hook_decides(send: Any, status: int, error: type[errors.APIError], requests: int):
    received: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(status, json={"message": KEY})

    with pytest.raises(error) as caught:
        send(handler)
    assert (caught.value.status, len(received)) == (status, requests)
    assert KEY not in "".join(traceback.format_exception(caught.value))


# --- proxies ----------------------------------------------------------------------------------------------------------


@both_clients
def test_proxy_of_the_environment_is_used(client_type: Any, monkeypatch: pytest.MonkeyPatch):
    with serving(OK) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "")
        assert client_type("http://gateway.localhost/v1").send().body == {"ok": True}
    assert proxy.requests[0].path == "http://gateway.localhost/v1/chat/completions"
