"""The catalog, stored responses and embeddings, with the sync and the async client."""

from __future__ import annotations

import inspect
from itertools import islice
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AsyncClient, Client, NotFoundError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import APITimeoutError, ResponseFailedError, UnsupportedContentError
from aimlapi_integrations.transport.timeouts import poll_intervals

MINI = "openai/gpt-5-mini-2025-08-07"


@pytest.fixture(params=[Client, AsyncClient])
async def client(request: pytest.FixtureRequest, gateway: Emulator) -> Any:
    client = request.param("k", gateway.base_url, max_retries=0)
    yield client
    await resolve(client.aclose() if request.param is AsyncClient else client.close())


async def resolve(value: Any) -> Any:
    """Return the result of a sync or async call."""
    return await value if inspect.isawaitable(value) else value


# --- the catalog ------------------------------------------------------------------------------------------------------


async def test_list_models_applies_sections_and_filters(client: Any, gateway: Emulator) -> None:
    result = await resolve(client.models.list(include=["capabilities", "modalities"], capabilities="vision"))
    assert MINI in {model.id for model in result}
    assert all("vision" in model.capabilities and "image" in model.input_modalities for model in result)
    assert gateway.requests[-1].path == "/v1/models"
    assert len(result) < len(await resolve(client.models.list()))


async def test_list_models_unchanged_returns_the_cached_list(client: Any, gateway: Emulator) -> None:
    first = await resolve(client.models.list(type="openai/embeddings"))
    again = await resolve(client.models.list(type="openai/embeddings"))
    other = await resolve(client.models.list(type="openai/chat-completions"))
    assert again is first
    assert other != first
    etags = [request.headers.get("if-none-match") for request in gateway.requests]
    assert etags[0] is None
    assert etags[1]
    assert etags[2] is None


async def test_get_model_by_id_in_any_case_returns_it(client: Any) -> None:
    result = await resolve(client.models.get(MINI.upper()))
    assert (result.id, result.name) == (MINI, "GPT-5 Mini")


async def test_get_unknown_model_raises_not_result(client: Any) -> None:
    with pytest.raises(NotFoundError):
        await resolve(client.models.get("acme/none"))


async def test_list_models_with_unknown_filter_raises_type_error(client: Any) -> None:
    with pytest.raises(TypeError, match="colour"):
        await resolve(client.models.list(colour="red"))


async def test_get_model_unchanged_returns_the_cached_model(client: Any, gateway: Emulator) -> None:
    first = await resolve(client.models.get(MINI))
    again = await resolve(client.models.get(MINI))
    other = await resolve(client.models.get("gpt-4o"))
    assert again is first
    assert other.id == "gpt-4o"
    etags = [request.headers.get("if-none-match") for request in gateway.requests]
    assert etags[0] is None
    assert etags[1]
    assert etags[2] is None


@pytest.mark.parametrize("client_type", [Client, AsyncClient])
async def test_get_model_by_alias_uses_the_root_of_the_host(client_type: Any) -> None:
    paths: list[str] = []
    entry = {"object": "model", "data": {"id": MINI, "aliases": ["gpt-5-mini"]}}

    def handle(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        not_modified = request.headers.get("if-none-match") == 'W/"1"'
        return httpx.Response(304) if not_modified else httpx.Response(200, json=entry, headers={"etag": 'W/"1"'})

    transport = httpx.MockTransport(handle)
    http = httpx.Client(transport=transport) if client_type is Client else httpx.AsyncClient(transport=transport)
    client = client_type("k", "https://api.aimlapi.com/v1", http_client=http)
    for _ in range(2):
        result = await resolve(client.models.get("gpt-5-mini"))
        assert result.id == MINI
    assert paths == ["/model/gpt-5-mini"] * 2


@pytest.mark.parametrize("client_type", [Client, AsyncClient])
async def test_get_changed_model_returns_the_new_one(client_type: Any) -> None:
    tags = iter(("1", "2"))

    def handle(_: httpx.Request) -> httpx.Response:
        tag = next(tags)
        return httpx.Response(200, json={"data": {"id": MINI, "info": {"name": tag}}}, headers={"etag": f'W/"{tag}"'})

    transport = httpx.MockTransport(handle)
    http = httpx.Client(transport=transport) if client_type is Client else httpx.AsyncClient(transport=transport)
    client = client_type("k", "https://api.aimlapi.com/v1", http_client=http)
    assert [(await resolve(client.models.get(MINI))).name for _ in range(2)] == ["1", "2"]


# --- stored responses -------------------------------------------------------------------------------------------------


async def test_wait_for_background_response_returns_its_reply(client: Any) -> None:
    started = await resolve(client.chat("Hello", model=MINI, background=True, store=True))
    assert started.status in ("queued", "in_progress")
    assert started.finish_reason is None
    reply = await resolve(client.responses.wait(started.id, interval=0.0))
    assert (reply.status, reply.finish_reason) == ("completed", "stop")
    assert reply.text.startswith("[emulated]")
    assert (await resolve(client.responses.retrieve(started.id))).text == reply.text


async def test_cancel_background_response_fails_its_wait(client: Any) -> None:
    started = await resolve(client.chat("Hello", model=MINI, background=True, store=True))
    assert (await resolve(client.responses.cancel(started.id))).status == "cancelled"
    with pytest.raises(ResponseFailedError, match="cancelled"):
        await resolve(client.responses.wait(started.id, interval=0.0))


@pytest.mark.parametrize(
    ("first", "expected"), [(4.0, [4.0, 6.0, 9.0, 10.0, 10.0]), (10.0, [10.0] * 5), (60.0, [60.0] * 5)]
)
@pytest.mark.parametrize("timeout", [None, 1e6])
def test_intervals_between_requests_grow_to_the_longest_and_never_shrink(
    first: float, expected: list[float], timeout: float | None
) -> None:
    assert list(islice(poll_intervals(first, timeout), 5)) == expected


def test_interval_that_would_exceed_the_timeout_raises() -> None:
    with pytest.raises(APITimeoutError, match=r"total timeout of 0.5 s"):
        next(poll_intervals(1.0, 0.5))


async def test_embed_keeps_the_order_of_texts(client: Any) -> None:
    result = await resolve(client.embed(["apple", "pear"], dimensions=8))
    separate = await resolve(client.embed(["pear"], dimensions=8))
    assert [len(vector) for vector in result.vectors] == [8, 8]
    assert result.vectors[1] == pytest.approx(separate.vectors[0])
    assert result.usage
    assert result.cost


@pytest.mark.parametrize("make_iterable", [iter, tuple, lambda texts: (text for text in texts)])
async def test_embed_any_iterable_keeps_the_order_of_texts(client: Any, make_iterable: Any) -> None:
    listed = await resolve(client.embed(["apple", "pear"], dimensions=8))
    assert (await resolve(client.embed(make_iterable(["apple", "pear"]), dimensions=8))).vectors == listed.vectors
    with pytest.raises(UnsupportedContentError, match="No texts"):
        await resolve(client.embed(make_iterable([]), dimensions=8))
