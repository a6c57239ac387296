"""The model catalogue: queries and entries."""

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
    price_unit = {"name": "token", "type": "charge", "content": "text", "phase": "inference", "origin": origin}
    return {**price_unit, "price": price, "per": per, **fields}


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


def test_entry_is_parsed() -> None:
    (entry,) = catalogue.decode_list({"object": "list", "data": [ENTRY]}, {})
    assert (entry.id, entry.aliases, entry.type) == ("openai/gpt-5-mini", ("gpt-5-mini",), "openai/chat-completions")
    assert (entry.name, entry.developer, entry.description) == ("GPT-5 mini", "OpenAI", "Small.")
    assert (entry.context_length, entry.max_output) == (400000, 128000)
    assert (entry.capabilities, entry.tags) == (("streaming", "tools"), ("playground:chat",))
    assert (entry.input_modalities, entry.output_modalities) == (("text", "image"), ("text",))
    assert entry.raw is ENTRY


def test_prices_are_per_million_tokens() -> None:
    entry = catalogue.decode_model({"object": "model", "data": ENTRY}, {})
    assert entry.price_kind == "fixed"
    assert entry.prices == {
        "input": Decimal("0.25"),
        "output": Decimal(2),
        "cache_read": Decimal("0.025"),
        "cache_creation": Decimal("0.3"),
    }


def test_prices_are_used_for_estimates() -> None:
    entry = catalogue.decode_model({"data": ENTRY}, {})
    price_unit = estimate(1000, 500, entry.token_prices)
    assert (price_unit.usd, price_unit.max_usd, price_unit.approximate) == (
        Decimal("0.00025"),
        Decimal("0.00125"),
        True,
    )


@pytest.mark.parametrize("kind", ["variants", "variable"])
def test_request_dependent_prices_are_shown_but_not_used_for_estimates(kind: str) -> None:
    entry = catalogue.decode_model({"data": {**ENTRY, "pricing": {**ENTRY["pricing"], "kind": kind}}}, {})
    assert entry.prices["input"] == Decimal("0.25")
    assert entry.token_prices == {}


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
def test_units_are_recognized_by_name(name: str, kind: str) -> None:
    priced = {"id": "m", "pricing": {"units": [{"name": name, "price": 3, "per": 1_000_000}]}}
    assert catalogue.decode_model({"data": priced}, {}).prices == {kind: Decimal(3)}


def test_minimal_entry_is_parsed() -> None:
    nothing = {"id": "m", "aliases": None, "info": None, "pricing": {"kind": "variable"}, "modalities": []}
    (entry,) = catalogue.decode_list({"data": [{}, "x", nothing]}, {})
    assert (entry.name, entry.aliases, entry.context_length, entry.prices) == ("m", (), None, {})
    assert entry.price_kind == "variable"


def test_query_is_encoded() -> None:
    assert catalogue.PATH == "/models"
    assert catalogue.query() == {}
    query_parameters = catalogue.query(
        include=("pricing", "modalities"), id="gpt-4o", capabilities=["tools"], tags=None
    )
    assert query_parameters == {"include": "pricing,modalities", "id": "gpt-4o", "capabilities": "tools"}
    with pytest.raises(TypeError, match="no filter colour"):
        catalogue.query(colour="red")


@pytest.mark.parametrize(
    "base_url", ["https://api.aimlapi.com/v1", "https://api.aimlapi.com/v1/", "https://api.aimlapi.com"]
)
def test_path_of_one_model_is_at_the_root_of_the_host(base_url: str) -> None:
    assert catalogue.model_url(base_url, "openai/gpt 4o") == "https://api.aimlapi.com/model/openai/gpt%204o"


@pytest.mark.parametrize("decode", [catalogue.decode_list, catalogue.decode_model])
def test_error_inside_a_200_raises_that_error(decode: Callable[[Any, dict[str, str]], Any]) -> None:
    with pytest.raises(RateLimitError, match="slow down"):
        decode({"message": "slow down", "statusCode": 429}, {})


@pytest.mark.parametrize("answer", [{}, {"data": {}}, "x", {"data": None}])
def test_invalid_catalogue_raises(answer: Any) -> None:
    with pytest.raises(APIResponseError):
        catalogue.decode_list(answer, {})
    with pytest.raises(APIResponseError):
        catalogue.decode_model(answer, {})
