"""The spending limit: what a request can cost, what it did cost, and when requests are refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from aimlapi_integrations.endpoints.catalogue import CatalogueModel
from tests.live.budget import LIMIT_REACHED, Budget, Prices, stated_cost
from tests.support.proxy import Exchange

PRICES = Prices([CatalogueModel("acme/one", aliases=("one",), prices={"input": Decimal(1), "output": Decimal(10)})])
CHAT = "/v1/chat/completions"
STREAM = {"content-type": "text/event-stream"}


def exchange(reply: Any = None, *, model: str = "acme/one", headers: dict[str, str] | None = None, **kwargs: Any):
    request = {"model": model, "max_tokens": 100, "messages": []}
    body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    return Exchange("POST", CHAT, request, kwargs.pop("status", 200), headers or {}, body, **kwargs)


@pytest.mark.parametrize(
    ("path", "request_body", "dollars"),
    [
        (CHAT, {"model": "acme/one", "max_tokens": 100}, "0.001012"),
        (CHAT, {"model": "ONE", "max_output_tokens": 100}, "0.001013"),
        (CHAT, {"model": "acme/one", "max_tokens": 100, "n": 3}, "0.003014"),
        (CHAT, {"model": "acme/one"}, "0.040966"),
        (CHAT, {"model": "unknown", "max_tokens": 100}, "0.007695"),
        (CHAT, {"model": "acme/one", "max_tokens": 0, "image": "data:image/png;base64," + "A" * 90_000}, "0.003016"),
        ("/v1/embeddings", {"model": "acme/one", "input": ["Lisbon"]}, "0.000014"),
        ("/v1/batches", {"requests": [{"params": {"model": "one", "max_tokens": 100}}] * 2}, "0.002024"),
    ],
)
def test_request_costs_at_most_its_input_and_its_longest_reply(
    path: str, request_body: dict[str, Any], dollars: str
) -> None:
    assert abs(PRICES.at_most(Exchange("POST", path, request_body)) - Decimal(dollars)) < Decimal("0.00001")


EVENT = b'data: {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}, "meta": {"usage": %s}}\n\n'


@pytest.mark.parametrize(
    ("reply", "headers", "dollars"),
    [
        ({}, {"x-aimlapi-usd-spent": "0.002000000"}, "0.002000000"),
        ({"meta": {"usage": {"usd_spent": 0.003}}}, {}, "0.003"),
        (EVENT % b'{"usd_spent": 0.004}' + b"data: [DONE]\n\n", STREAM, "0.004"),
        ({"usage": {"prompt_tokens": 10, "completion_tokens": 5}}, {}, None),
        (b"data: cut", STREAM, None),
        (b"<html>", {}, None),
    ],
)
def test_stated_cost_is_that_of_the_headers_or_the_body(reply: Any, headers: Any, dollars: str | None) -> None:
    assert stated_cost(exchange(reply, headers=headers)) == (None if dollars is None else Decimal(dollars))


@pytest.mark.parametrize(
    ("reply", "kwargs", "dollars", "unpriced"),
    [
        ({"meta": {"usage": {"usd_spent": 0.003}}}, {}, "0.003", 0),
        ({"usage": {"prompt_tokens": 10, "completion_tokens": 5}}, {}, "0.00006", 1),
        ({"response": 1, "usage": {"input_tokens": 10, "output_tokens": 5}}, {}, "0.00006", 1),
        (EVENT % b"null", {"headers": STREAM}, "0.00006", 1),
        ({}, {}, "at most", 1),
        ({"message": "refused"}, {"status": 400}, "0", 0),
    ],
)
def test_charge_is_the_stated_cost_or_that_of_the_tokens_or_the_most(
    reply: Any, kwargs: Any, dollars: str, unpriced: int
) -> None:
    budget, ended = Budget(Decimal(1), PRICES), exchange(reply, **kwargs)
    assert budget.refuse(ended) is None
    budget.charge(ended)
    expected = PRICES.at_most(ended) if dollars == "at most" else Decimal(dollars)
    assert (budget.spent, budget.unpriced, budget.calls) == (expected, unpriced, 1)
    assert budget.by_model == {"acme/one": expected}


def test_request_that_could_exceed_the_limit_and_all_later_ones_are_refused() -> None:
    budget = Budget(Decimal("0.0025"), PRICES)
    first, second = exchange({"meta": {"usage": {"usd_spent": 0.001}}}), exchange()
    assert budget.refuse(first) is None
    assert budget.refuse(second) is None  # 0.002 is reserved
    refusal = budget.refuse(exchange())
    assert refusal is not None
    assert refusal.status_code == 402
    assert LIMIT_REACHED in json.loads(bytes(refusal.body))["message"]
    budget.charge(first)
    budget.charge(exchange({}, status=500))
    assert budget.refuse(exchange(model="one")) is not None
    assert budget.exhausted


def test_reading_is_never_refused() -> None:
    budget = Budget(Decimal(0), PRICES)
    assert budget.refuse(Exchange("GET", "/v1/models")) is None
    budget.charge(Exchange("GET", "/v1/models", status=200))
    assert budget.calls == 0
