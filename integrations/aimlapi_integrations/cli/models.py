"""Models side by side: the rows of a listing, from the table of this package or from the live catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from ..costs import token_price
from ..endpoints.catalogue import CatalogueModel
from ..models import CHAT, EMBEDDINGS, MESSAGES, RESPONSES, Model, known_models, lookup

_PATHS = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES, "embeddings": EMBEDDINGS}

# What the catalogue calls the endpoints; it has models of pictures and films too, which are not listed here.
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
        marks: of `tools`, `vision`, `reasoning` and `structured`, what it has.
        endpoints: of `chat`, `responses`, `messages` and `embeddings`, what serves it.
        price_in, price_out: US dollars per million tokens; None where not known.
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
    """What a row must have: all of `marks`, the endpoint, prices that are known and no higher, the word in a name."""

    marks: frozenset[str] = frozenset()
    endpoint: str | None = None
    max_price: float | None = None
    word: str | None = None

    def matches(self, row: Row) -> bool:
        """Whether `row` is wanted."""
        return (
            self.marks <= row.marks
            and (self.endpoint is None or self.endpoint in row.endpoints)
            and (self.max_price is None or _cheap(row, self.max_price))
            and (self.word is None or self.word.casefold() in f"{row.id} {row.name} {row.developer}".casefold())
        )


def _cheap(row: Row, most: float) -> bool:
    known = [price for price in (row.price_in, row.price_out) if price is not None]
    return bool(known) and max(known) <= Decimal(str(most))


def shipped_rows() -> list[Row]:
    """Every model of the table."""
    return [_row(model) for model in known_models()]


def live_rows(entries: Iterable[CatalogueModel]) -> list[Row]:
    """The text and embedding models of the catalogue, by id. What it leaves unsaid, the table says."""
    rows: dict[str, Row] = {}
    for entry in entries:
        if entry.type in _TYPES:
            row = _live_row(entry)
            same = rows.get(entry.id)
            rows[entry.id] = replace(row, endpoints=row.endpoints | same.endpoints) if same else row
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
        inputs=_ordered(model.inputs),
        marks=frozenset(name for name, has in marks.items() if has),
        endpoints=frozenset(name for name, path in _PATHS.items() if path in model.endpoints),
        price_in=_per_million(model, "input"),
        price_out=_per_million(model, "output"),
    )


def _live_row(entry: CatalogueModel) -> Row:
    model = lookup(entry.id)
    known = _row(model)
    told = frozenset(mark for capability, mark in _CAPABILITIES.items() if capability in entry.capabilities)
    return Row(
        id=entry.id,
        name=entry.name,
        developer=entry.developer,
        context=entry.context_length or known.context,
        inputs=_ordered(entry.input_modalities) if entry.input_modalities else known.inputs,
        # Some models declare less than they do: https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list
        marks=told | (known.marks if model.known else frozenset()),
        endpoints=(known.endpoints if model.known else frozenset()) | {_TYPES[entry.type]},
        price_in=entry.prices.get("input"),
        price_out=entry.prices.get("output"),
    )


def _ordered(modalities: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(modalities), key=lambda name: (name != "text", name)))


def _per_million(model: Model, kind: Literal["input", "output"]) -> Decimal | None:
    price = token_price(model.prices, kind)
    return None if price is None else price * _MILLION
