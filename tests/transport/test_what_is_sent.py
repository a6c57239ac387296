"""What goes out, what never does, and what is refused before it could."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import httpx
import pytest

from aimlapi_integrations import errors
from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from aimlapi_integrations.transport.retries import HTTPRequest, RetryPolicy

from .colours import KEY, POST, Sync, both_colours
from .fault_server import EVENT, HEAD, PLAIN, Answer, chunk, serving

NONE = RetryPolicy(0)


def headers_sent(
    base_url: str = "https://api.aimlapi.com/v1", call: HTTPRequest = POST, **settings: Any
) -> httpx.Headers:
    seen: list[httpx.Headers] = []

    def see(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, json={})

    Sync(base_url, see, **settings).send(call)
    return seen[0]


def test_the_gateway_learns_who_calls_and_nobody_else_does():
    sent = headers_sent()
    assert sent["authorization"] == f"Bearer {KEY}"
    assert sent["user-agent"].startswith("aimlapi-integrations/")
    assert sent["x-title"] == "aimlapi-integrations"
    assert "x-title" not in headers_sent("https://other.example/v1")


def test_the_callers_headers_win():
    call = HTTPRequest("POST", "/x", {}, headers={"x-call": "2", "x-title": "Call"})
    sent = headers_sent(call=call, default_headers={"X-Title": "Mine", "http-referer": "https://mine.example"})
    assert (sent["x-title"], sent["http-referer"], sent["x-call"]) == ("Call", "https://mine.example", "2")


@both_colours
@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\x01b", "a\x7fb", " a ", "a\n", "ключ"])
def test_headers_inject_nothing(colour: Any, value: str):
    with pytest.raises(ValueError, match="'X-Mine'"):
        colour(default_headers={"X-Mine": value})
    with pytest.raises(ValueError, match="'X-Mine'") as caught:
        colour(handler=lambda request: httpx.Response(200, json={})).send(
            HTTPRequest("POST", "/x", {}, headers={"X-Mine": value})
        )
    assert value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "X Mine", "X-Mine:", "X\nMine", "Ключ"])
def test_names_of_headers_inject_nothing(name: str):
    with pytest.raises(ValueError, match=r"^Header "):
        HTTPClient(KEY, "https://api.aimlapi.com/v1", default_headers={name: "1"})


@pytest.mark.parametrize("key", ["k\r\nX: 1", "sk-0123456789\x01", "sk-0123456789 ", "“quoted”"])
def test_a_key_that_is_no_header_is_not_repeated(key: str):
    with pytest.raises(ValueError, match="'Authorization'") as caught:
        HTTPClient(key, "https://api.aimlapi.com/v1")
    assert key not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("traced", ["", "a b", "ü", "x" * 129])
def test_client_request_ids_that_the_gateway_would_drop(traced: str):
    with pytest.raises(ValueError, match="Client-Request-Id"):
        headers_sent(call=HTTPRequest("POST", "/x", {}, headers={"X-Client-Request-Id": traced}))


def test_plain_http_warns_except_on_loopback():
    for host in ("gateway.example", "127.0.0.1.example", "127.example", "localhost.example", "0.0.0.0", "10.0.0.1"):
        with pytest.warns(UserWarning, match="plain http"):
            HTTPClient(KEY, f"http://{host}/v1")
    for host in ("127.0.0.1:8080", "127.8.8.8", "localhost", "here.localhost", "[::1]:8080"):
        HTTPClient(KEY, f"http://{host}/v1")


@pytest.mark.parametrize(
    "url",
    [
        "http://a..localhost/v1",
        f"http://{'a' * 64}.localhost/v1",
        "http://localhost:99999/v1",
        "http://localhost/v1?key=1",
        "http://localhost/v1#here",
    ],
)
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_an_address_that_leads_nowhere_is_told_of_at_once(kind: Any, url: str):
    with pytest.raises(ValueError, match="base_url"):
        kind(KEY, url)


@pytest.mark.parametrize(
    "url", ["https://evil.example/v1/x", "https://api.aimlapi.com.evil.example/", "//evil.example"]
)
def test_the_key_goes_to_no_other_server(url: str):
    if url.startswith("//"):
        seen: list[str] = []
        Sync("https://api.aimlapi.com/v1", lambda r: seen.append(r.url.host) or httpx.Response(200, json={})).send(
            HTTPRequest("GET", url)
        )
        assert seen == ["api.aimlapi.com"]
        return
    with pytest.raises(ValueError, match="not on the server"):
        headers_sent(call=HTTPRequest("GET", url))


@pytest.mark.parametrize(
    ("body", "place"),
    [({"a": [1, {"b": float("nan")}]}, "a.1.b"), ({"a": {"b": object()}}, "a.b"), ({"a": ["\ud800"]}, "a.0")],
)
def test_what_json_cannot_hold_is_named_by_its_place(body: Any, place: str):
    with pytest.raises(ValueError, match=rf"JSON: {place}: "):
        headers_sent(call=HTTPRequest("POST", "/x", body))


@both_colours
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("pieces", [[], [HEAD, chunk(EVENT)]], ids=["no answer", "half an answer"])
def test_what_stands_behind_an_error_has_no_key(colour: Any, streamed: bool, pieces: list[bytes]):
    with serving(Answer(pieces, "close")) as server:
        client = colour(server.base_url, retry=NONE, default_query={"secret": "s"})
        with pytest.raises(errors.APIError) as caught:
            client.events() if streamed else client.send()
    cause: Any = caught.value.__cause__
    assert isinstance(cause, httpx.RemoteProtocolError)
    assert str(cause.request.url) == f"{server.base_url}/chat/completions"
    assert "authorization" not in cause.request.headers
    assert (cause.__cause__, cause.__context__, cause.__traceback__) == (None, None, None)
    assert caught.value.__context__ in (None, cause)


ECHO = f'{{"message": "bad key {KEY}", "error": {{"message": "Authorization: Bearer {KEY}"}}}}'.encode()


@both_colours
@pytest.mark.parametrize("status", [307, 400, 401, 403, 500])
@pytest.mark.parametrize("body", [ECHO, KEY.encode(), b"<html><title>" + KEY.encode() + b"</title>"])
def test_the_key_is_in_no_error(colour: Any, status: int, body: bytes, caplog: pytest.LogCaptureFixture):
    client = colour(handler=lambda request: httpx.Response(status, content=body))
    with pytest.raises(errors.APIStatusError) as caught:
        client.send()
    error, response = caught.value, caught.value.response
    assert response is not None
    told = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error), caplog.text]
    assert KEY not in "".join([*told, response.text, str(response.request.headers.raw), repr(client.http)])
    assert KEY.encode() not in pickle.dumps(error)


@both_colours
def test_the_key_is_in_no_log_though_the_answer_has_it_for_an_id(colour: Any, caplog: pytest.LogCaptureFixture):
    headers = {"x-request-id": KEY, "x-inference-id": f"i-{KEY}"}
    with caplog.at_level(logging.DEBUG, "aimlapi_integrations"):
        colour(handler=lambda request: httpx.Response(200, json={}, headers=headers)).send()
    assert "request [redacted], inference i-[redacted]" in caplog.text
    assert KEY not in caplog.text


@both_colours
def test_seconds_without_end_are_no_limit(colour: Any):
    client = colour(handler=lambda request: httpx.Response(200, json=request.extensions["timeout"]))
    asked = client.send(HTTPRequest("POST", "/x", {}, timeout=float("inf"))).body
    assert asked == {"connect": 10.0, "read": None, "write": None, "pool": None}


@pytest.mark.parametrize("timeout", [-1, float("nan"), (5, -0.1), httpx.Timeout(5, read=-1)])
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_less_than_no_time_is_no_timeout(kind: Any, timeout: Any):
    with pytest.raises(ValueError, match="timeout"):
        kind(KEY, "http://localhost/v1", timeout=timeout)


@pytest.mark.parametrize("tries", [None, -1, "2", float("nan")])
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_less_than_no_tries_is_no_number_of_them(kind: Any, tries: Any):
    with pytest.raises(ValueError, match="max_retries="):
        kind(KEY, "http://localhost/v1", max_retries=tries)


@both_colours
@pytest.mark.parametrize("timeout", [1e12, (float("inf"), 1e300), httpx.Timeout(float("inf"))])
def test_more_time_than_a_socket_can_count_is_no_limit(colour: Any, timeout: Any):
    with serving(PLAIN) as server:
        assert colour(server.base_url, timeout=timeout).send().body == {"ok": True}
