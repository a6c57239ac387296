"""What is sent, what never is, and what is rejected before."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import httpx
import pytest

from aimlapi_integrations import errors
from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from aimlapi_integrations.transport.direct import build_request
from aimlapi_integrations.transport.retries import HTTPRequest, RetryPolicy
from tests.support.fault_server import EVENT, HEAD, OK, Hang, chunked, serving
from tests.transport.clients import KEY, POST, Sync, both_clients

NO_RETRIES = RetryPolicy(0)


def sent_headers(
    base_url: str = "https://api.aimlapi.com/v1", call: HTTPRequest = POST, **settings: Any
) -> httpx.Headers:
    seen: list[httpx.Headers] = []

    def record(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, json={})

    Sync(base_url, record, **settings).send(call)
    return seen[0]


def test_attribution_headers_go_to_the_gateway_only():
    sent = sent_headers()
    assert sent["authorization"] == f"Bearer {KEY}"
    assert sent["user-agent"].startswith("aimlapi-integrations/")
    assert sent["x-title"] == "aimlapi-integrations"
    assert "x-title" not in sent_headers("https://other.example/v1")


def test_headers_of_the_caller_override_the_defaults():
    call = HTTPRequest("POST", "/x", {}, headers={"x-call": "2", "x-title": "Call"})
    sent = sent_headers(call=call, default_headers={"X-Title": "Mine", "http-referer": "https://mine.example"})
    assert (sent["x-title"], sent["http-referer"], sent["x-call"]) == ("Call", "https://mine.example", "2")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("content", [None, b"", b'{"a": 1}'])
@pytest.mark.parametrize("params", [None, {"q": "ä b"}])
def test_own_request_equals_that_of_httpx(method: str, content: bytes | None, params: dict[str, str] | None):
    headers = httpx.Headers({"Host": "gateway.example", "X-Own": "1"})
    arguments: Any = {"params": params, "content": content, "extensions": {"timeout": {"read": 1.0}}}
    own = build_request(method, httpx.URL("https://gateway.example/v1"), headers=headers, **arguments)
    plain = httpx.Request(method, "https://gateway.example/v1", headers=headers, **arguments)
    assert (own.method, own.url, own.extensions) == (plain.method, plain.url, plain.extensions)
    assert own.content == b"".join(own.stream) == plain.content  # type: ignore[arg-type]
    assert own.headers == plain.headers
    assert "content-length" not in headers


@both_clients
@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\x01b", "a\x7fb", " a ", "a\n", "ключ"])
def test_invalid_header_value_is_rejected_and_not_shown(client_type: Any, value: str):
    with pytest.raises(ValueError, match="'X-Mine'"):
        client_type(default_headers={"X-Mine": value})
    with pytest.raises(ValueError, match="'X-Mine'") as caught:
        client_type(handler=lambda request: httpx.Response(200, json={})).send(
            HTTPRequest("POST", "/x", {}, headers={"X-Mine": value})
        )
    assert value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "X Mine", "X-Mine:", "X\nMine", "Ключ"])
def test_invalid_header_name_is_rejected(name: str):
    with pytest.raises(ValueError, match=r"^Header "):
        HTTPClient(KEY, "https://api.aimlapi.com/v1", default_headers={name: "1"})


@pytest.mark.parametrize("key", ["k\r\nX: 1", "sk-0123456789\x01", "sk-0123456789 ", "“quoted”"])
def test_key_that_no_header_can_carry_is_rejected_and_not_shown(key: str):
    with pytest.raises(ValueError, match="'Authorization'") as caught:
        HTTPClient(key, "https://api.aimlapi.com/v1")
    assert key not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("request_id", ["", "a b", "ü", "x" * 129])
def test_invalid_client_request_id_is_rejected(request_id: str):
    with pytest.raises(ValueError, match="Client-Request-Id"):
        sent_headers(call=HTTPRequest("POST", "/x", {}, headers={"X-Client-Request-Id": request_id}))


def test_plain_http_beyond_loopback_warns():
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
def test_unusable_base_url_is_rejected_at_construction(kind: Any, url: str):
    with pytest.raises(ValueError, match="base_url"):
        kind(KEY, url)


@pytest.mark.parametrize(
    "url", ["https://evil.example/v1/x", "https://api.aimlapi.com.evil.example/", "//evil.example"]
)
def test_url_on_another_server_is_rejected(url: str):
    if url.startswith("//"):
        seen: list[str] = []
        Sync("https://api.aimlapi.com/v1", lambda r: seen.append(r.url.host) or httpx.Response(200, json={})).send(
            HTTPRequest("GET", url)
        )
        assert seen == ["api.aimlapi.com"]
        return
    with pytest.raises(ValueError, match="not on the server"):
        sent_headers(call=HTTPRequest("GET", url))


@pytest.mark.parametrize(
    ("body", "path"),
    [({"a": [1, {"b": float("nan")}]}, "a.1.b"), ({"a": {"b": object()}}, "a.b"), ({"a": ["\ud800"]}, "a.0")],
)
def test_value_that_json_cannot_hold_is_named_by_its_path(body: Any, path: str):
    with pytest.raises(ValueError, match=rf"JSON: {path}: "):
        sent_headers(call=HTTPRequest("POST", "/x", body))


@both_clients
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("pieces", [[], [HEAD, chunked(EVENT)]], ids=["no response", "half a response"])
def test_cause_of_an_error_holds_no_key(client_type: Any, streamed: bool, pieces: list[bytes]):
    with serving([*pieces, Hang()]) as server:
        client = client_type(server.base_url, retry=NO_RETRIES, default_query={"secret": "s"})
        with pytest.raises(errors.APIError) as caught:
            client.events() if streamed else client.send()
    cause: Any = caught.value.__cause__
    assert isinstance(cause, httpx.RemoteProtocolError)
    assert str(cause.request.url) == f"{server.base_url}/chat/completions"
    assert "authorization" not in cause.request.headers
    assert (cause.__cause__, cause.__context__, cause.__traceback__) == (None, None, None)
    assert caught.value.__context__ in (None, cause)


ECHO = f'{{"message": "bad key {KEY}", "error": {{"message": "Authorization: Bearer {KEY}"}}}}'.encode()


@both_clients
@pytest.mark.parametrize("status", [307, 400, 401, 403, 500])
@pytest.mark.parametrize("body", [ECHO, KEY.encode(), b"<html><title>" + KEY.encode() + b"</title>"])
def test_error_that_repeats_the_key_is_redacted(
    client_type: Any, status: int, body: bytes, caplog: pytest.LogCaptureFixture
):
    client = client_type(handler=lambda request: httpx.Response(status, content=body))
    with pytest.raises(errors.APIStatusError) as caught:
        client.send()
    error, response = caught.value, caught.value.response
    assert response is not None
    texts = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error), caplog.text]
    assert KEY not in "".join([*texts, response.text, str(response.request.headers.raw), repr(client.http)])
    assert KEY.encode() not in pickle.dumps(error)


@both_clients
def test_log_of_an_id_that_repeats_the_key_is_redacted(client_type: Any, caplog: pytest.LogCaptureFixture):
    headers = {"x-request-id": KEY, "x-inference-id": f"i-{KEY}"}
    with caplog.at_level(logging.DEBUG, "aimlapi_integrations"):
        client_type(handler=lambda request: httpx.Response(200, json={}, headers=headers)).send()
    assert "request [redacted], inference i-[redacted]" in caplog.text
    assert KEY not in caplog.text


@both_clients
def test_infinite_timeout_is_no_limit(client_type: Any):
    client = client_type(handler=lambda request: httpx.Response(200, json=request.extensions["timeout"]))
    timeouts = client.send(HTTPRequest("POST", "/x", {}, timeout=float("inf"))).body
    assert timeouts == {"connect": 10.0, "read": None, "write": None, "pool": None}


@pytest.mark.parametrize("timeout", [-1, float("nan"), (5, -0.1), httpx.Timeout(5, read=-1)])
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_negative_timeout_is_rejected(kind: Any, timeout: Any):
    with pytest.raises(ValueError, match="timeout"):
        kind(KEY, "http://localhost/v1", timeout=timeout)


@pytest.mark.parametrize("max_retries", [None, -1, "2", float("nan")])
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_invalid_max_retries_is_rejected(kind: Any, max_retries: Any):
    with pytest.raises(ValueError, match="max_retries="):
        kind(KEY, "http://localhost/v1", max_retries=max_retries)


@both_clients
@pytest.mark.parametrize("timeout", [1e12, (float("inf"), 1e300), httpx.Timeout(float("inf"))])
def test_timeout_beyond_the_range_of_sockets_is_no_limit(client_type: Any, timeout: Any):
    with serving(OK) as server:
        assert client_type(server.base_url, timeout=timeout).send().body == {"ok": True}
