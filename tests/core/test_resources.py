"""The catalogue and stored responses, through both colours of client."""

from __future__ import annotations

import inspect
from typing import Any

import httpx
import pytest

from aimlapi_integrations import AsyncClient, Client, NotFoundError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.errors import ResponseFailedError, UnsupportedContentError

MINI = "openai/gpt-5-mini-2025-08-07"


@pytest.fixture(params=[Client, AsyncClient])
async def client(request: pytest.FixtureRequest, gateway: Emulator) -> Any:
    client = request.param("k", gateway.base_url, max_retries=0)
    yield client
    await done(client.aclose() if request.param is AsyncClient else client.close())


async def done(answer: Any) -> Any:
    """What a call of either colour gives."""
    return await answer if inspect.isawaitable(answer) else answer


# --- the catalogue ----------------------------------------------------------------------------------------------------


async def test_models_are_listed_with_the_sections_and_filters_that_are_asked_for(
    client: Any, gateway: Emulator
) -> None:
    found = await done(client.models.list(include=["capabilities", "modalities"], capabilities="vision"))
    assert MINI in {model.id for model in found}
    assert all("vision" in model.capabilities and "image" in model.input_modalities for model in found)
    assert gateway.requests[-1].path == "/v1/models"
    assert len(found) < len(await done(client.models.list()))


async def test_a_listing_that_still_holds_is_not_sent_again(client: Any, gateway: Emulator) -> None:
    first = await done(client.models.list(type="openai/embeddings"))
    again = await done(client.models.list(type="openai/embeddings"))
    other = await done(client.models.list(type="openai/chat-completions"))
    assert again is first
    assert other != first
    asked = [request.headers.get("if-none-match") for request in gateway.requests]
    assert asked[0] is None
    assert asked[1]
    assert asked[2] is None


async def test_one_model_by_its_id_in_any_case(client: Any) -> None:
    found = await done(client.models.get(MINI.upper()))
    assert (found.id, found.name) == (MINI, "GPT-5 Mini")


async def test_a_model_that_is_not_there(client: Any) -> None:
    with pytest.raises(NotFoundError):
        await done(client.models.get("acme/none"))


async def test_a_filter_that_the_catalogue_has_not(client: Any) -> None:
    with pytest.raises(TypeError, match="colour"):
        await done(client.models.list(colour="red"))


async def test_a_model_that_still_holds_is_not_sent_again(client: Any, gateway: Emulator) -> None:
    first = await done(client.models.get(MINI))
    again = await done(client.models.get(MINI))
    other = await done(client.models.get("gpt-4o"))
    assert again is first
    assert other.id == "gpt-4o"
    asked = [request.headers.get("if-none-match") for request in gateway.requests]
    assert asked[0] is None
    assert asked[1]
    assert asked[2] is None


@pytest.mark.parametrize("colour", [Client, AsyncClient])
async def test_a_model_is_asked_for_by_an_alias_at_the_root_of_the_host(colour: Any) -> None:
    paths: list[str] = []
    entry = {"object": "model", "data": {"id": MINI, "aliases": ["gpt-5-mini"]}}

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        held = request.headers.get("if-none-match") == 'W/"1"'
        return httpx.Response(304) if held else httpx.Response(200, json=entry, headers={"etag": 'W/"1"'})

    transport = httpx.MockTransport(answer)
    http = httpx.Client(transport=transport) if colour is Client else httpx.AsyncClient(transport=transport)
    client = colour("k", "https://api.aimlapi.com/v1", http_client=http)
    for _ in range(2):
        found = await done(client.models.get("gpt-5-mini"))
        assert found.id == MINI
    assert paths == ["/model/gpt-5-mini"] * 2


@pytest.mark.parametrize("colour", [Client, AsyncClient])
async def test_a_model_that_has_changed_is_read_anew(colour: Any) -> None:
    tags = iter(("1", "2"))

    def answer(_: httpx.Request) -> httpx.Response:
        tag = next(tags)
        return httpx.Response(200, json={"data": {"id": MINI, "info": {"name": tag}}}, headers={"etag": f'W/"{tag}"'})

    transport = httpx.MockTransport(answer)
    http = httpx.Client(transport=transport) if colour is Client else httpx.AsyncClient(transport=transport)
    client = colour("k", "https://api.aimlapi.com/v1", http_client=http)
    assert [(await done(client.models.get(MINI))).name for _ in range(2)] == ["1", "2"]


# --- stored responses -------------------------------------------------------------------------------------------------


async def test_a_response_in_the_background_is_waited_for(client: Any) -> None:
    begun = await done(client.chat("Hello", model=MINI, background=True, store=True))
    assert begun.status in ("queued", "in_progress")
    assert begun.finish_reason is None
    whole = await done(client.responses.wait(begun.id, interval=0.0))
    assert (whole.status, whole.finish_reason) == ("completed", "stop")
    assert whole.text.startswith("[emulated]")
    assert (await done(client.responses.retrieve(begun.id))).text == whole.text


async def test_a_response_in_the_background_is_cancelled(client: Any) -> None:
    begun = await done(client.chat("Hello", model=MINI, background=True, store=True))
    assert (await done(client.responses.cancel(begun.id))).status == "cancelled"
    with pytest.raises(ResponseFailedError, match="cancelled"):
        await done(client.responses.wait(begun.id, interval=0.0))


async def test_texts_are_embedded_in_their_order(client: Any) -> None:
    found = await done(client.embed(["apple", "pear"], dimensions=8))
    alone = await done(client.embed(["pear"], dimensions=8))
    assert [len(vector) for vector in found.vectors] == [8, 8]
    assert found.vectors[1] == pytest.approx(alone.vectors[0])
    assert found.usage
    assert found.cost


@pytest.mark.parametrize("given", [iter, tuple, lambda texts: (text for text in texts)])
async def test_texts_of_any_iterable_are_embedded_in_their_order(client: Any, given: Any) -> None:
    listed = await done(client.embed(["apple", "pear"], dimensions=8))
    assert (await done(client.embed(given(["apple", "pear"]), dimensions=8))).vectors == listed.vectors
    with pytest.raises(UnsupportedContentError, match="No texts"):
        await done(client.embed(given([]), dimensions=8))
