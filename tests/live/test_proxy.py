"""The proxy of a live run: it passes streams on as they come, records without keys, and refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.responses import JSONResponse

from aimlapi_integrations import Client, InternalServerError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import APITimeoutError, InsufficientCreditsError
from tests.support.proxy import Exchange, Proxy

KEY = "sk-proxy-0123456789"


def client(proxy: Proxy) -> Client:
    return Client(KEY, proxy.base_url, max_retries=0, chunk_timeout=0.5)


def test_plain_and_streamed_replies_pass_unchanged_and_are_recorded_without_the_key(gateway: Emulator) -> None:
    with Proxy(gateway.base_url) as proxy, client(proxy) as through, Client(KEY, gateway.base_url) as direct:
        assert through.chat("Hello").text == direct.chat("Hello").text
        with through.chat_stream("Hello") as deltas:
            *_, last = deltas
    assert last.reply is not None
    plain, streamed = proxy.exchanges
    assert (plain.streamed, streamed.streamed) == (False, True)
    assert plain.json["choices"][0]["message"]["content"] == last.reply.text
    assert streamed.body.endswith(b"data: [DONE]\n\n")
    assert plain.headers["x-aimlapi-usd-spent"]
    assert KEY not in repr(proxy.exchanges)
    assert [request.headers["authorization"] for request in gateway.requests] == [f"Bearer {KEY}"] * 3


def test_stream_is_passed_on_before_it_ends(gateway: Emulator) -> None:
    with (
        Proxy(gateway.base_url) as proxy,
        client(proxy) as through,
        pytest.raises(APITimeoutError) as stalled,
        through.chat_stream("Hello", model="emulator/stall") as deltas,
    ):
        list(deltas)
    assert stalled.value.partial


def test_refused_request_is_not_forwarded(gateway: Emulator) -> None:
    refusal = JSONResponse({"message": "No more."}, 402)
    with (
        Proxy(gateway.base_url, refuse=lambda _: refusal) as proxy,
        client(proxy) as through,
        pytest.raises(InsufficientCreditsError, match="No more"),
    ):
        through.chat("Hello")
    assert (gateway.requests, proxy.exchanges[0].refused) == ([], True)


def test_edit_changes_what_is_sent_and_recorded(gateway: Emulator) -> None:
    def edit(exchange: Exchange) -> Exchange:
        return replace(exchange, body=exchange.body.replace(b"aimlapi-emulator", b"edited"))

    with Proxy(gateway.base_url, edit=edit) as proxy, client(proxy) as through:
        with through.chat_stream("Hello") as deltas:
            *_, last = deltas
        assert last.reply is not None
        assert (last.reply.system_fingerprint, through.chat("Hello").system_fingerprint) == ("edited", "edited")
    assert all(b'"edited"' in exchange.body for exchange in proxy.exchanges)


def test_server_that_does_not_answer_is_a_502() -> None:
    with (
        Proxy("http://127.0.0.1:9/v1") as proxy,
        client(proxy) as through,
        pytest.raises(InternalServerError, match="No response from the gateway"),
    ):
        through.chat("Hello")
    assert [exchange.status for exchange in proxy.exchanges] == [502]
