"""The live catalogue: what is asked, and what its entries say."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from aimlapi_integrations.costs import estimate
from aimlapi_integrations.endpoints import catalogue
from aimlapi_integrations.errors import APIResponseError, RateLimitError
from aimlapi_integrations.types import Json


def unit(origin: str, price: float, per: int = 1_000_000, **fields: Any) -> Json:
    told = {"name": "token", "type": "charge", "content": "text", "phase": "inference", "origin": origin}
    return {**told, "price": price, "per": per, **fields}


ENTRY: Json = {
    "id": "openai/gpt-5-mini",
    "aliases": ["gpt-5-mini"],
    "type": "openai/chat-completions",
    "info": {
        "name": "GPT-5 mini",
        "developer": "OpenAI",
        "description": "Small.",
        "contextLength": 400000,
        "outputMax": 128000,
    },
    "tags": ["playground:chat"],
    "capabilities": ["streaming", "tools"],
    "modalities": {"input": ["text", "image"], "output": ["text"]},
    "pricing": {
        "kind": "fixed",
        "units": [
            unit("provided", 0.25),
            unit("provided", 9, content="audio"),
            unit("provided", 8, phase="training"),
            unit("generated", 0.002, per=1000),
            unit("cached", 0.025),
            unit("cache_write", 0.3),
            {"name": "second", "price": 1, "per": 1},
            {"name": "token", "origin": "provided", "price": "dear"},
        ],
    },
}


def test_an_entry_is_read() -> None:
    (found,) = catalogue.decode_list({"object": "list", "data": [ENTRY]}, {})
    assert (found.id, found.aliases, found.type) == ("openai/gpt-5-mini", ("gpt-5-mini",), "openai/chat-completions")
    assert (found.name, found.developer, found.description) == ("GPT-5 mini", "OpenAI", "Small.")
    assert (found.context_length, found.max_output) == (400000, 128000)
    assert (found.capabilities, found.tags) == (("streaming", "tools"), ("playground:chat",))
    assert (found.input_modalities, found.output_modalities) == (("text", "image"), ("text",))
    assert found.raw is ENTRY


def test_prices_are_for_a_million_tokens() -> None:
    found = catalogue.decode_model({"object": "model", "data": ENTRY}, {})
    assert found.price_kind == "fixed"
    assert found.prices == {
        "input": Decimal("0.25"),
        "output": Decimal(2),
        "cache_read": Decimal("0.025"),
        "cache_creation": Decimal("0.3"),
    }


def test_prices_serve_for_an_estimate() -> None:
    found = catalogue.decode_model({"data": ENTRY}, {})
    told = estimate(1000, 500, found.token_prices)
    assert (told.usd, told.max_usd, told.approximate) == (Decimal("0.00025"), Decimal("0.00125"), True)


@pytest.mark.parametrize("kind", ["variants", "variable"])
def test_prices_that_depend_on_the_request_are_shown_and_serve_for_no_estimate(kind: str) -> None:
    found = catalogue.decode_model({"data": {**ENTRY, "pricing": {**ENTRY["pricing"], "kind": kind}}}, {})
    assert found.prices["input"] == Decimal("0.25")
    assert found.token_prices == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("input_tokens", "input"),
        ("prompt_tokens", "input"),
        ("output_tokens", "output"),
        ("completion_tokens", "output"),
        ("cached_tokens", "cache_read"),
        ("input_cached_tokens", "cache_read"),
        ("cache_write_tokens", "cache_creation"),
    ],
)
def test_units_that_only_their_names_tell_apart(name: str, kind: str) -> None:
    priced = {"id": "m", "pricing": {"units": [{"name": name, "price": 3, "per": 1_000_000}]}}
    assert catalogue.decode_model({"data": priced}, {}).prices == {kind: Decimal(3)}


def test_an_entry_may_say_next_to_nothing() -> None:
    nothing = {"id": "m", "aliases": None, "info": None, "pricing": {"kind": "variable"}, "modalities": []}
    (found,) = catalogue.decode_list({"data": [{}, "x", nothing]}, {})
    assert (found.name, found.aliases, found.context_length, found.prices) == ("m", (), None, {})
    assert found.price_kind == "variable"


def test_queries() -> None:
    assert catalogue.PATH == "/models"
    assert catalogue.query() == {}
    asked = catalogue.query(include=("pricing", "modalities"), id="gpt-4o", capabilities=["tools"], tags=None)
    assert asked == {"include": "pricing,modalities", "id": "gpt-4o", "capabilities": "tools"}
    with pytest.raises(TypeError, match="no filter colour"):
        catalogue.query(colour="red")


@pytest.mark.parametrize(
    "base_url", ["https://api.aimlapi.com/v1", "https://api.aimlapi.com/v1/", "https://api.aimlapi.com"]
)
def test_one_model_is_at_the_root_of_the_host(base_url: str) -> None:
    assert catalogue.model_url(base_url, "openai/gpt 4o") == "https://api.aimlapi.com/model/openai/gpt%204o"


@pytest.mark.parametrize("decode", [catalogue.decode_list, catalogue.decode_model])
def test_an_error_inside_a_200_is_the_one_that_it_reports(decode: Callable[[Any, dict[str, str]], Any]) -> None:
    with pytest.raises(RateLimitError, match="slow down"):
        decode({"message": "slow down", "statusCode": 429}, {})


@pytest.mark.parametrize("answer", [{}, {"data": {}}, "x", {"data": None}])
def test_what_is_no_catalogue(answer: Any) -> None:
    with pytest.raises(APIResponseError):
        catalogue.decode_list(answer, {})
    with pytest.raises(APIResponseError):
        catalogue.decode_model(answer, {})
