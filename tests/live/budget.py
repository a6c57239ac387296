"""The spending limit of a run: what each request may cost at most, and what it did cost."""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from starlette.responses import JSONResponse

from aimlapi_integrations.costs import token_price
from aimlapi_integrations.endpoints.catalogue import CatalogueModel
from tests.cassettes.bodies import payloads, readable
from tests.support.proxy import Exchange

LIMIT_REACHED = "The spending limit of this run is reached"

# Dollars per token of a model without a price in the catalog: as much as the dearest models cost.
_UNKNOWN = (Decimal("0.000015"), Decimal("0.000075"))
_LONGEST_REPLY = 4096
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_WITHOUT_TEXT = ("/v1/embeddings", "/v1/decisions", "/v1/ocr")  # output that isn't priced by tokens
_CHARACTERS_PER_TOKEN = 3
_TOKENS_PER_MEDIUM = 3000
_MEDIUM = re.compile(r'"(?:data:[^"]{300,}|[A-Za-z0-9+/=_-]{300,})"')
_FREE = ("GET",)


class Prices:
    """Dollars per input and per output token of each model, from the catalog."""

    def __init__(self, entries: Iterable[CatalogueModel] = ()) -> None:
        self._prices: dict[str, tuple[Decimal, Decimal]] = {}
        for entry in entries:
            price = token_price(entry.token_prices, "input"), token_price(entry.token_prices, "output")
            if price[0] is not None:
                names = (entry.id, *entry.aliases)
                self._prices |= {name.casefold(): (price[0], price[1] or Decimal(0)) for name in names}

    def __getitem__(self, model: str) -> tuple[Decimal, Decimal]:
        return self._prices.get(model.casefold(), _UNKNOWN)

    def at_most(self, exchange: Exchange) -> Decimal:
        """Return the dollars that a request costs at most, with the longest reply that it allows."""
        request = exchange.request or {}
        if isinstance(rows := request.get("requests"), list):  # a batch
            bodies = [row.get("params") or {} for row in rows]
        else:
            bodies = [request]
        generates = exchange.path not in _WITHOUT_TEXT
        return sum((self._at_most(body, generates) for body in bodies), Decimal(0))

    def _at_most(self, request: Mapping[str, Any], generates: bool) -> Decimal:
        text, media = _MEDIUM.subn('""', json.dumps(request))
        tokens_in = len(text) // _CHARACTERS_PER_TOKEN + media * _TOKENS_PER_MEDIUM
        limits = [request[name] for name in _LIMITS if isinstance(request.get(name), int)]
        longest = (min(limits) if limits else _LONGEST_REPLY) if generates else 0
        tokens_out = longest * int(request.get("n") or 1)
        price_in, price_out = self[str(request.get("model", ""))]
        return tokens_in * price_in + tokens_out * price_out

    def of(self, exchange: Exchange) -> Decimal | None:
        """Return the price by the token counts of a response; None if it has none."""
        usage = next((body["usage"] for body in _bodies(exchange) if isinstance(body.get("usage"), dict)), None)
        if usage is None:
            return None
        tokens_in = usage.get("prompt_tokens") or usage.get("input_tokens") or usage.get("total_tokens") or 0
        tokens_out = usage.get("completion_tokens") or usage.get("output_tokens") or 0
        price_in, price_out = self[str((exchange.request or {}).get("model", ""))]
        return tokens_in * price_in + tokens_out * price_out


def stated_cost(exchange: Exchange) -> Decimal | None:
    """Return the dollars that a response reports; None if it reports none."""
    if header := exchange.headers.get("x-aimlapi-usd-spent"):
        return Decimal(header)
    for body in _bodies(exchange):
        usage = (body.get("meta") or {}).get("usage")
        if isinstance(usage, dict) and usage.get("usd_spent") is not None:
            return Decimal(str(usage["usd_spent"]))
    return None


def _bodies(exchange: Exchange) -> list[dict[str, Any]]:
    """Return the objects that may hold token counts and costs, the last event of a stream first."""
    if not exchange.streamed:
        return [exchange.json] if isinstance(exchange.json, dict) else []
    try:
        events = payloads(readable(exchange.body, "text/event-stream"))
    except ValueError:  # a stream that was cut
        return []
    return [body for event in reversed(events) for body in (event.get("response"), event) if isinstance(body, dict)]


@dataclass
class Budget:
    """Counts the cost of exchanges, and refuses every request once one could exceed the limit.

    Attributes:
        limit: dollars.
        prices: those of the catalog.
        calls: the number of requests that were answered.
        spent: dollars that responses report, or that their token counts cost, or else the most that they can cost.
        at_most: the sum of the most that each request could cost.
        unpriced: the number of successful calls without a price.
        by_model: dollars by the requested model.
        exhausted: whether a request was refused. From then on all are.
    """

    limit: Decimal
    prices: Prices
    spent: Decimal = Decimal(0)
    at_most: Decimal = Decimal(0)
    calls: int = 0
    unpriced: int = 0
    by_model: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    exhausted: bool = False
    _reserved: Decimal = Decimal(0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, exchange: Exchange) -> JSONResponse | None:
        """Reserve the most that a request can cost. Return a 402 instead of forwarding it if that is too much."""
        if exchange.method in _FREE:
            return None
        most = self.prices.at_most(exchange)
        with self._lock:
            if not self.exhausted and self.spent + self._reserved + most <= self.limit:
                self._reserved += most
                self.at_most += most
                return None
            self.exhausted = True
        facts = f"${self.spent:.4f} of ${self.limit} are spent, and this request may cost ${most:.4f}"
        return JSONResponse({"message": f"{LIMIT_REACHED}: {facts}."}, 402)

    def charge(self, exchange: Exchange) -> None:
        """Replace the reservation for a request by what it cost. Failed requests aren't charged."""
        if exchange.method in _FREE:
            return
        most = self.prices.at_most(exchange)
        cost, succeeded = stated_cost(exchange), exchange.status < 300
        with self._lock:
            self._reserved -= most
            self.calls += 1
            self.unpriced += succeeded and cost is None
            if cost is None:
                cost = (self.prices.of(exchange) or most) if succeeded else Decimal(0)
            self.spent += cost
            self.by_model[str((exchange.request or {}).get("model", "?"))] += cost
