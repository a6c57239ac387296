"""The rows of a listing of models, from the shipped table or from the live catalog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from ..costs import token_price
from ..endpoints.catalogue import CatalogueModel
from ..models import CHAT, EMBEDDINGS, MESSAGES, RESPONSES, Model, known_models, lookup

# Endpoints by their names on the command line.
_ENDPOINTS = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES, "embeddings": EMBEDDINGS}

# Endpoints by their types in the catalog. It also has image and video models, which are not listed here.
_TYPES = {
    "openai/chat-completions": "chat",
    "openai/responses": "responses",
    "anthropic/messages": "messages",
    "openai/embeddings": "embeddings",
}

_CAPABILITIES = {"tools": "tools", "structured_output": "structured", "vision": "vision"}
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One model.

    Attributes:
        context: tokens; None where not documented.
        inputs: modalities, `text` first.
        marks: those of `tools`, `vision`, `reasoning` and `structured` that it has.
        endpoints: those of `chat`, `responses`, `messages` and `embeddings` that serve it.
        price_in, price_out: US dollars per million tokens; None if unknown.
    """

    id: str
    name: str
    developer: str
    context: int | None
    inputs: tuple[str, ...]
    marks: frozenset[str]
    endpoints: frozenset[str]
    price_in: Decimal | None = None
    price_out: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ModelFilter:
    """What a row must have: all of `marks`, the endpoint, known prices up to `max_price`, and `word` in a name."""

    marks: frozenset[str] = frozenset()
    endpoint: str | None = None
    max_price: float | None = None
    word: str | None = None

    def matches(self, row: Row) -> bool:
        """Return whether `row` passes the filter."""
        return (
            self.marks <= row.marks
            and (self.endpoint is None or self.endpoint in row.endpoints)
            and (self.max_price is None or _is_within_price(row, self.max_price))
            and (self.word is None or self.word.casefold() in f"{row.id} {row.name} {row.developer}".casefold())
        )


def _is_within_price(row: Row, max_price: float) -> bool:
    prices = [price for price in (row.price_in, row.price_out) if price is not None]
    return bool(prices) and max(prices) <= Decimal(str(max_price))


def shipped_rows() -> list[Row]:
    """Return every model of the shipped table."""
    return [_row(model) for model in known_models()]


def live_rows(entries: Iterable[CatalogueModel]) -> list[Row]:
    """Return the text and embedding models of the catalog by id, completed from the shipped table."""
    rows: dict[str, Row] = {}
    for entry in entries:
        if entry.type in _TYPES:
            row = _live_row(entry)
            previous = rows.get(entry.id)
            rows[entry.id] = replace(row, endpoints=row.endpoints | previous.endpoints) if previous else row
    return [rows[name] for name in sorted(rows)]


def _row(model: Model) -> Row:
    marks = {
        "tools": model.tools,
        "vision": model.vision,
        "reasoning": model.reasoning,
        "structured": model.structured_output,
    }
    return Row(
        id=model.id,
        name=model.name,
        developer=model.developer or "",
        context=model.context,
        inputs=_sort_modalities(model.inputs),
        marks=frozenset(name for name, has in marks.items() if has),
        endpoints=frozenset(name for name, endpoint in _ENDPOINTS.items() if endpoint in model.endpoints),
        price_in=_price_per_million(model, "input"),
        price_out=_price_per_million(model, "output"),
    )


def _live_row(entry: CatalogueModel) -> Row:
    model = lookup(entry.id)
    known = _row(model)
    declared = frozenset(mark for capability, mark in _CAPABILITIES.items() if capability in entry.capabilities)
    return Row(
        id=entry.id,
        name=entry.name,
        developer=entry.developer,
        context=entry.context_length or known.context,
        inputs=_sort_modalities(entry.input_modalities) if entry.input_modalities else known.inputs,
        # Some models declare less than they do: https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list
        marks=declared | (known.marks if model.known else frozenset()),
        endpoints=(known.endpoints if model.known else frozenset()) | {_TYPES[entry.type]},
        price_in=entry.prices.get("input"),
        price_out=entry.prices.get("output"),
    )


def _sort_modalities(modalities: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(modalities), key=lambda name: (name != "text", name)))


def _price_per_million(model: Model, kind: Literal["input", "output"]) -> Decimal | None:
    price = token_price(model.prices, kind)
    return None if price is None else price * _MILLION
