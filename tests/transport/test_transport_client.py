"""What the clients do with connections, timeouts, headers and answers."""

from __future__ import annotations

import asyncio
import copy
import gc
import logging
import os
import pickle
import threading
import traceback
import warnings
from typing import Any

import httpx
import pytest

from aimlapi_integrations import errors
from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from aimlapi_integrations.transport.exchange import Call, RetryPolicy
from aimlapi_integrations.transport.pool import ShardedTransport

from .colours import AT_ONCE, KEY, POST, Handler, Sync, both_colours
from .fault_server import DONE, END, EVENT, HEAD, PLAIN, Answer, answer, chunk, serving

NONE = RetryPolicy(0)
WHOLE = HEAD + chunk(EVENT) + chunk(EVENT) + chunk(DONE) + END
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
        colour(server.base_url, retry=NONE).send(Call("POST", "/x", {}, timeout=timeout))
    assert (e.value.timeout, e.value.seconds) == ("read", 0.1)


@both_colours
@pytest.mark.parametrize(
    ("kind", "error"), [("connect", httpx.ConnectTimeout), ("write", httpx.WriteTimeout), ("pool", httpx.PoolTimeout)]
)
def test_other_timeouts_say_which(colour: Any, kind: str, error: type[Exception]):
    def stuck(request: httpx.Request) -> httpx.Response:
        raise error("", request=request)

    with pytest.raises(errors.APITimeoutError) as caught:
        colour(handler=stuck, retry=NONE).send(Call("POST", "/x", {}, timeout=httpx.Timeout(7)))
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


# --- connections --------------------------------------------------------------------------------------------------


@both_colours
@pytest.mark.parametrize("most", [1, 2])
def test_leaving_early_frees_the_connection(colour: Any, most: int):
    with serving(HANGING) as server:
        client = colour(server.base_url)
        assert len(client.events(most=most)) == most
        assert server.wait_until_closed()


def test_one_connection_serves_calls_and_finished_streams():
    with serving(WHOLE, PLAIN, WHOLE, PLAIN) as server, HTTPClient(KEY, server.base_url) as http:
        for _ in range(2):
            with http.stream(POST) as events:
                assert len(list(events)) == 2
                assert events.finished
            http.send(POST)
    assert server.connections == 1


async def test_one_connection_serves_calls_and_finished_streams_in_a_loop():
    with serving(WHOLE, PLAIN, WHOLE, PLAIN) as server:
        async with AsyncHTTPClient(KEY, server.base_url) as http:
            for _ in range(2):
                async with http.stream(POST) as events:
                    assert len([event async for event in events]) == 2
                await http.send(POST)
    assert server.connections == 1


async def test_cancelling_frees_the_connection_and_is_not_swallowed():
    with serving(HANGING) as server:
        begun = asyncio.Event()
        async with AsyncHTTPClient(KEY, server.base_url) as http:

            async def read() -> None:
                async with http.stream(POST) as events:
                    async for _ in events:
                        begun.set()

            task = asyncio.create_task(read())
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.wait_until_closed)


def test_an_error_in_the_callers_block_frees_the_connection():
    with serving(HANGING) as server, HTTPClient(KEY, server.base_url) as http:
        with pytest.raises(KeyError), http.stream(POST):
            raise KeyError
        assert server.wait_until_closed()


async def test_an_error_in_the_callers_async_block_frees_the_connection():
    with serving(HANGING) as server:
        async with AsyncHTTPClient(KEY, server.base_url) as http:
            with pytest.raises(KeyError):
                async with http.stream(POST):
                    raise KeyError
            assert await asyncio.to_thread(server.wait_until_closed)


def test_streams_abandoned_in_cycles_lock_nothing_up():
    """The collector may close them while this thread is just inside the pool, whose lock is no RLock."""

    class Cycle:
        pass

    with serving(HANGING) as server, HTTPClient(KEY, server.base_url) as http:

        def events() -> Any:
            with http.stream(POST) as found:
                yield from found

        threshold = gc.get_threshold()
        gc.set_threshold(5)
        try:
            for _ in range(30):
                cycle = Cycle()
                cycle.events, cycle.itself = events(), cycle  # type: ignore[attr-defined]
                next(cycle.events)  # type: ignore[attr-defined]
        finally:
            gc.set_threshold(*threshold)
        del cycle
        gc.collect()
        assert server.wait_until_closed()


@pytest.mark.parametrize("shared", [True, False], ids=["one client", "a client each, dropped"])
def test_twenty_event_loops_leave_no_socket(shared: bool):
    with serving(PLAIN) as server:
        kept = AsyncHTTPClient(KEY, server.base_url)

        async def main() -> None:
            http = kept if shared else AsyncHTTPClient(KEY, server.base_url)
            await asyncio.gather(http.send(POST), http.send(POST))

        for _ in range(20):
            asyncio.run(main())
        assert server.wait_until_closed()
    assert len(server.requests) == 40


def test_a_dropped_client_closes_while_its_loop_goes_on():
    with serving(PLAIN) as server:

        async def main() -> None:
            await AsyncHTTPClient(KEY, server.base_url).send(POST)
            gc.collect()
            assert await asyncio.to_thread(server.wait_until_closed)

        asyncio.run(main())


def test_threads_with_and_without_loops_share_clients():
    with serving(PLAIN) as server, HTTPClient(KEY, server.base_url) as http:
        loops = AsyncHTTPClient(KEY, server.base_url)
        calls = [lambda: http.send(POST), lambda: asyncio.run(loops.send(POST))] * 5
        threads = [threading.Thread(target=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        http.close()
        assert len(server.requests) == 10
        assert server.wait_until_closed()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_makes_a_connection_of_its_own():
    with serving(PLAIN) as server, HTTPClient(KEY, server.base_url) as http:
        http.send(POST)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: the server is one
            child = os.fork()
        if child == 0:
            try:
                http.send(POST)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        http.send(POST)
    assert (server.connections, len(server.requests)) == (2, 3)


def test_the_callers_client_is_used_as_it_is_and_stays_open():
    with serving(PLAIN) as server, httpx.Client(headers={"X-Mine": "1"}) as mine:
        with HTTPClient(KEY, server.base_url, http_client=mine) as http:
            http.send(POST)
        assert not mine.is_closed
    assert b"x-mine: 1" in server.requests[0].lower()


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda http: pickle.loads(pickle.dumps(http))])
@pytest.mark.parametrize("kind", [HTTPClient, AsyncHTTPClient])
def test_copies_keep_the_configuration_and_connect_themselves(kind: Any, copied: Any):
    with serving(PLAIN) as server:
        http = kind(KEY, server.base_url, default_headers={"X-A": "1"}, max_retries=7)
        twin = copied(http)
        assert (twin.base_url, twin.retry.max_retries) == (http.base_url, 7)
        if kind is HTTPClient:
            with http, twin:
                http.send(POST)
                twin.send(POST)
        else:
            asyncio.run(twin.send(POST))
        assert b"x-a: 1" in server.requests[-1].lower()
        assert server.connections == len(server.requests)


async def test_calls_are_spread_over_small_pools_within_the_limit():
    with serving(PLAIN) as server:
        transport = ShardedTransport(httpx.Limits(max_connections=4, max_keepalive_connections=4))
        async with httpx.AsyncClient(transport=transport) as mine:
            http = AsyncHTTPClient(KEY, server.base_url, http_client=mine)
            await asyncio.gather(*(http.send(POST) for _ in range(40)))
    assert len(server.requests) == 40
    assert server.connections <= 4


# --- what goes out, and what never does -----------------------------------------------------------------------------


def headers_sent(base_url: str = "https://api.aimlapi.com/v1", call: Call = POST, **settings: Any) -> httpx.Headers:
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
    call = Call("POST", "/x", {}, headers={"x-call": "2", "x-title": "Call"})
    sent = headers_sent(call=call, default_headers={"X-Title": "Mine", "http-referer": "https://mine.example"})
    assert (sent["x-title"], sent["http-referer"], sent["x-call"]) == ("Call", "https://mine.example", "2")


@both_colours
@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\x01b", "a\x7fb", " a ", "a\n", "ключ"])
def test_headers_inject_nothing(colour: Any, value: str):
    with pytest.raises(ValueError, match="'X-Mine'"):
        colour(default_headers={"X-Mine": value})
    with pytest.raises(ValueError, match="'X-Mine'") as caught:
        colour(handler=lambda request: httpx.Response(200, json={})).send(
            Call("POST", "/x", {}, headers={"X-Mine": value})
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
        headers_sent(call=Call("POST", "/x", {}, headers={"X-Client-Request-Id": traced}))


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
            Call("GET", url)
        )
        assert seen == ["api.aimlapi.com"]
        return
    with pytest.raises(ValueError, match="not on the server"):
        headers_sent(call=Call("GET", url))


@pytest.mark.parametrize(
    ("body", "place"),
    [({"a": [1, {"b": float("nan")}]}, "a.1.b"), ({"a": {"b": object()}}, "a.b"), ({"a": ["\ud800"]}, "a.0")],
)
def test_what_json_cannot_hold_is_named_by_its_place(body: Any, place: str):
    with pytest.raises(ValueError, match=rf"JSON: {place}: "):
        headers_sent(call=Call("POST", "/x", body))


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
    asked = client.send(Call("POST", "/x", {}, timeout=float("inf"))).body
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
