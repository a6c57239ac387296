"""A caller's HTTP client may be one of httpx or of httpx2, and nothing else."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AsyncClient, Client
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    RateLimitError,
    StreamError,
)
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from aimlapi_integrations.transport.client import AsyncHTTPClient, HTTPClient
from aimlapi_integrations.transport.retries import HTTPRequest
from tests.support.fault_server import COMMENT, DONE, END, EVENT, HEAD, OK, Act, Hang, Stall, chunked, response, serving
from tests.transport.clients import AT_ONCE, KEY, POST

httpx2 = pytest.importorskip("httpx2")

both_libraries = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
WHOLE = HEAD + chunked(EVENT) + chunked(EVENT) + chunked(DONE) + END
HANGING = [HEAD, chunked(EVENT), Stall()]
RATE_LIMIT = response(429, b'{"message": "Slow down"}', "x-request-id: r-1", "retry-after: 0")


def _sync(own: Any, base_url: str, way: str, call: HTTPRequest, most: int | None, **settings: Any) -> Any:
    http = HTTPClient(KEY, base_url, http_client=own, **settings)
    if way == "send":
        return http.send(call)
    received: list[Any] = []
    with http.stream(call) as events:
        for event in events:
            received.append(event)
            if len(received) == most:
                break
    return received


async def _async(own: Any, base_url: str, way: str, call: HTTPRequest, most: int | None, **settings: Any) -> Any:
    http = AsyncHTTPClient(KEY, base_url, http_client=own, **settings)
    if way == "send":
        return await http.send(call)
    received: list[Any] = []
    async with http.stream(call) as events:
        async for event in events:
            received.append(event)
            if len(received) == most:
                break
    return received


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, library: Any) -> Callable[..., Any]:
    """Makes one call on the caller's own client of `library`, and sees that it is left open."""

    def make_sync(base_url: str, way: str = "send", call: HTTPRequest = POST, most: Any = None, **settings: Any) -> Any:
        limits = settings.pop("own_limits", library.Limits())
        with library.Client(limits=limits) as own:
            try:
                return _sync(own, base_url, way, call, most, **{"retry": AT_ONCE, **settings})
            finally:
                assert not own.is_closed

    async def amake(
        base_url: str, way: str = "send", call: HTTPRequest = POST, most: Any = None, **settings: Any
    ) -> Any:
        limits = settings.pop("own_limits", library.Limits())
        async with library.AsyncClient(limits=limits) as own:
            try:
                return await _async(own, base_url, way, call, most, **{"retry": AT_ONCE, **settings})
            finally:
                assert not own.is_closed

    return make_sync if request.param == "sync" else lambda *args, **kwargs: asyncio.run(amake(*args, **kwargs))


@both_libraries
def test_call_returns_the_body_and_sends_the_configuration(call: Any):
    with serving(OK) as server:
        request = HTTPRequest("POST", "/x", {"a": 1}, headers={"X-Own": "one"}, query={"q": "2"})
        reply = call(server.base_url, call=request, default_headers={"X-Default": "two"})
    assert reply.body == {"ok": True}
    [sent] = server.requests
    assert (sent.method, sent.path, sent.body) == ("POST", "/v1/x?q=2", b'{"a":1}')
    expected = {"x-own": "one", "x-default": "two", "authorization": f"Bearer {KEY}"}
    assert sent.headers.items() >= expected.items()


@both_libraries
@pytest.mark.parametrize("most", [None, 1])
def test_stream_returns_its_events(call: Any, most: int | None):
    with serving(WHOLE) as server:
        assert len(call(server.base_url, "events", most=most)) == (most or 2)


@both_libraries
def test_stream_left_early_closes_its_connection(call: Any):
    with serving(HANGING) as server:
        assert len(call(server.base_url, "events", most=1)) == 1
        assert server.wait_until_closed()


@both_libraries
@pytest.mark.parametrize("way", ["send", "events"])
def test_status_is_retried_and_becomes_a_typed_error_without_the_key(call: Any, way: str, library: Any):
    with serving(RATE_LIMIT) as server, pytest.raises(RateLimitError) as caught:
        call(server.base_url, way)
    assert len(server.requests) == 3
    assert caught.value.request_id == "r-1"
    assert isinstance(caught.value.response, library.Response)
    assert isinstance(caught.value.response.request, library.Request)
    assert caught.value.response.json() == {"message": "Slow down"}
    assert KEY not in repr(vars(caught.value)) + str(caught.value.response.request.headers)


FAILURES: list[tuple[Act, dict[str, Any], type[APIError], str | None, str]] = [
    ([Stall()], {"timeout": (5, 0.1)}, APITimeoutError, "read", "send"),
    ([Stall()], {"timeout": (5, 0.1)}, APITimeoutError, "read", "events"),
    (HANGING, {"timeout": (5, 0.1)}, APITimeoutError, "read", "events"),
    (HANGING, {"chunk_timeout": 0.1}, APITimeoutError, "chunk", "events"),
    ([HEAD, chunked(EVENT), Stall(COMMENT)], {"chunk_timeout": 0.1}, APITimeoutError, "chunk", "events"),
    ([HEAD, chunked(EVENT), Hang()], {}, StreamError, None, "events"),
    ([b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", Hang()], {}, APIConnectionError, None, "send"),
    ([response(200, gzip.compress(b"{}")[:-9], "content-encoding: br-none")], {}, APIResponseError, None, "send"),
    ([response(200, b"no gzip", "content-encoding: gzip")], {}, APIResponseError, None, "send"),
    ([response(200, b"<html>")], {}, APIResponseError, None, "send"),
]


@both_libraries
@pytest.mark.parametrize("case", FAILURES, ids=lambda case: f"{case[2].__name__}-{case[3]}-{case[4]}")
def test_failure_is_the_same_error_as_with_httpx(call: Any, case: Any):
    reply, settings, kind, timeout, way = case
    with serving(reply) as server, pytest.raises(kind) as caught:
        call(server.base_url, way, retry=None, max_retries=0, **settings)
    assert type(caught.value) is kind
    assert getattr(caught.value, "timeout", None) == timeout
    cause = caught.value.__cause__
    assert cause is None or KEY not in repr(getattr(cause, "request", None) and cause.request.headers)


@both_libraries
def test_unreachable_server_is_a_connection_error(call: Any):
    with serving(OK) as server:
        pass
    with pytest.raises(APIConnectionError, match=r"No response from 127\.0\.0\.1"):
        call(server.base_url)


@both_libraries
def test_full_pool_of_the_caller_is_a_pool_timeout(library: Any, call: Any):
    full, timeout = library.Limits(max_connections=0), library.Timeout(5, pool=0.05)
    with pytest.raises(APITimeoutError) as caught:
        call("http://127.0.0.1:9/v1", retry=None, max_retries=0, timeout=timeout, own_limits=full)
    assert (caught.value.timeout, caught.value.seconds) == ("pool", 0.05)


@both_libraries
def test_hook_that_raises_for_status_becomes_the_typed_error(library: Any):
    hooks = {"response": [lambda response: response.raise_for_status()]}
    with serving(RATE_LIMIT) as server, library.Client(event_hooks=hooks) as own, pytest.raises(RateLimitError):
        HTTPClient(KEY, server.base_url, http_client=own, max_retries=0).send(POST)


@both_libraries
def test_timeouts_and_limits_of_either_library_are_taken(library: Any):
    timeout, limits = library.Timeout(7, connect=3), library.Limits(max_connections=9)
    with AIMLAPI(api_key=KEY, timeout=timeout, limits=limits) as llm:
        assert isinstance(llm.timeout, httpx.Timeout)
        assert llm.timeout.as_dict() == timeout.as_dict()
        assert llm.limits is not None
        assert llm.limits.max_connections == 9
    assert HTTPClient(KEY, "http://127.0.0.1/v1", timeout=timeout).timeout.as_dict() == timeout.as_dict()


# --- in the frameworks -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gateway() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def _sync_answers(own: Any, base_url: str) -> list[str]:
    chat = ChatAIMLAPI(api_key=KEY, base_url=base_url, http_client=own)
    llm = AIMLAPI(api_key=KEY, api_base=base_url, http_client=own)
    client = Client(KEY, base_url, http_client=own)
    with client.chat_stream("Hello") as deltas:
        streamed = "".join(delta.text for delta in deltas)
    return [
        chat.invoke("Hello").text,
        "".join(each.text for each in chat.stream("Hello")),
        llm.complete("Hello").text,
        list(llm.stream_complete("Hello"))[-1].text,
        client.chat("Hello").text,
        streamed,
    ]


async def _async_answers(own: Any, base_url: str) -> list[str]:
    chat = ChatAIMLAPI(api_key=KEY, base_url=base_url, http_async_client=own)
    llm = AIMLAPI(api_key=KEY, api_base=base_url, async_http_client=own)
    client = AsyncClient(KEY, base_url, http_client=own)
    async with client.chat_stream("Hello") as deltas:
        streamed = "".join([delta.text async for delta in deltas])
    return [
        (await chat.ainvoke("Hello")).text,
        "".join([each.text async for each in chat.astream("Hello")]),
        (await llm.acomplete("Hello")).text,
        [each async for each in await llm.astream_complete("Hello")][-1].text,
        (await client.chat("Hello")).text,
        streamed,
    ]


@both_libraries
def test_sync_calls_of_every_model_go_through_it(library: Any, gateway: Emulator):
    seen: list[Any] = []
    with library.Client(event_hooks={"request": [seen.append]}) as own:
        answers = _sync_answers(own, gateway.base_url)
        AIMLAPIEmbeddings(api_key=KEY, base_url=gateway.base_url, http_client=own).embed_query("x")
        AIMLAPIEmbedding(api_key=KEY, api_base=gateway.base_url, http_client=own).get_query_embedding("x")
    assert len(set(answers)) == 1
    assert len(seen) == len(answers) + 2
    assert all(isinstance(request, library.Request) for request in seen)


@both_libraries
async def test_async_calls_of_every_model_go_through_it(library: Any, gateway: Emulator):
    seen: list[Any] = []

    async def see(request: Any) -> None:
        seen.append(request)

    async with library.AsyncClient(event_hooks={"request": [see]}) as own:
        answers = await _async_answers(own, gateway.base_url)
        await AIMLAPIEmbeddings(api_key=KEY, base_url=gateway.base_url, http_async_client=own).aembed_query("x")
        llama_index = AIMLAPIEmbedding(api_key=KEY, api_base=gateway.base_url, async_http_client=own)
        await llama_index.aget_query_embedding("x")
    assert len(set(answers)) == 1
    assert len(seen) == len(answers) + 2
    assert all(isinstance(request, library.Request) for request in seen)


# --- what is refused -------------------------------------------------------------------------------------------------

MAKERS: list[tuple[Callable[..., Any], str, bool]] = [
    (lambda **client: Client(KEY, **client), "http_client", False),
    (lambda **client: AsyncClient(KEY, **client), "http_client", True),
    (lambda **client: ChatAIMLAPI(api_key=KEY, **client), "http_client", False),
    (lambda **client: ChatAIMLAPI(api_key=KEY, **client), "http_async_client", True),
    (lambda **client: AIMLAPIEmbeddings(api_key=KEY, **client), "http_client", False),
    (lambda **client: AIMLAPIEmbeddings(api_key=KEY, **client), "http_async_client", True),
    (lambda **client: AIMLAPI(api_key=KEY, **client), "http_client", False),
    (lambda **client: AIMLAPI(api_key=KEY, **client), "async_http_client", True),
    (lambda **client: AIMLAPIEmbedding(api_key=KEY, **client), "http_client", False),
    (lambda **client: AIMLAPIEmbedding(api_key=KEY, **client), "async_http_client", True),
]


@both_libraries
@pytest.mark.parametrize(("make", "argument", "asynchronous"), MAKERS)
def test_other_objects_are_refused_at_construction(
    make: Callable[..., Any], argument: str, asynchronous: bool, library: Any
):
    expected, other = ("AsyncClient", "Client") if asynchronous else ("Client", "AsyncClient")
    wrong = [
        (object(), "an instance of builtins.object"),
        ("https://proxy", "an instance of builtins.str"),
        (library.HTTPTransport(), "HTTPTransport"),
        (getattr(library, expected), "Pass an instance of the class."),
        (getattr(library, other)(), f"as the argument for {'sync' if asynchronous else 'async'} calls"),
    ]
    for client, words in wrong:
        with pytest.raises(TypeError, match=rf"{argument}: expected an instance of httpx\.{expected}") as caught:
            make(**{argument: client})
        assert words in str(caught.value)
    make(**{argument: getattr(library, expected)()})
    make(**{argument: None})


def test_other_object_is_refused_where_it_is_assigned_or_copied_in():
    chat = ChatAIMLAPI(api_key=KEY)
    with pytest.raises(TypeError, match="http_client"):
        chat.http_client = object()
    with pytest.raises(TypeError, match="http_async_client"):
        chat.model_copy(update={"http_async_client": httpx2.Client()})


# --- imports ---------------------------------------------------------------------------------------------------------


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


def test_httpx2_is_not_imported_without_a_client_of_it():
    with serving(OK) as server:
        ran = _run(
            "import sys\n"
            "from aimlapi_integrations import AIMLAPIError, Client\n"
            f"client = Client('key', {server.base_url!r}, max_retries=0)\n"
            "try: client.chat('Hello')\n"
            "except AIMLAPIError: pass\n"
            "else: raise SystemExit('no error')\n"
            "assert 'httpx2' not in sys.modules\n"
        )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_process_that_aliases_httpx_to_httpx2_works(gateway: Emulator):
    ran = _run(
        "import httpx2; httpx2.alias_httpx()\n"
        "import asyncio\n"
        "from aimlapi_integrations import AsyncClient, Client, NotFoundError\n"
        f"url = {gateway.base_url!r}\n"
        "assert Client('key', url).chat('Hello').text == asyncio.run(AsyncClient('key', url).chat('Hello')).text\n"
        "with httpx2.Client() as own:\n"
        "    try: Client('key', url, http_client=own).chat('Hello', model='no/such-model')\n"
        "    except NotFoundError as error: assert isinstance(error.response, httpx2.Response)\n"
        "    else: raise SystemExit('no error')\n"
    )
    assert (ran.returncode, ran.stderr) == (0, "")
