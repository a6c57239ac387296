"""`aimlapi models`: the models with their inputs, features and prices, from the package or the live catalog."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from typing import Any, Literal

from ..client.client import Client
from ..client.live_models import is_emulated
from ..costs import token_price
from ..endpoints.catalogue import TEXT_TYPES, CatalogueModel
from ..errors import AIMLAPIError
from ..models import Model, known_models, loader, lookup, table_date
from ..models.lookup import ENDPOINTS_BY_SECTION
from . import Command
from .model_actions import CHECK, REFRESH, UNDO_EMULATED, any_key

_DESCRIPTION = (
    "List the text and embedding models, from the table that ships with the package or from the live catalog."
)

_FEATURES = {
    "tools": "only models that call tools",
    "vision": "only models that take images",
    "reasoning": "only models that reason",
    "structured": "only models that follow a JSON schema",
}
_NO_PRICES = "The shipped table has no prices. Add --live to ask the gateway for them; that needs no key.\n"
_NO_RICH = 'The table needs rich: pip install "aimlapi-integrations[cli]". --json and --ids do not.\n'

_CAPABILITIES = {"tools": "tools", "structured_output": "structured", "vision": "vision"}
_MILLION = 1_000_000

_PIPE_WIDTH = 160
"""Columns of a table that goes to a file or to another program."""


# --- the command --------------------------------------------------------------------------------------------------


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    for feature, help_text in _FEATURES.items():
        parser.add_argument(f"--{feature}", action="store_true", help=help_text)
    parser.add_argument("--endpoint", choices=list(ENDPOINTS_BY_SECTION), help="only models of this endpoint")
    parser.add_argument("--max-price", type=float, metavar="USD", help="highest price of a million tokens, in and out")
    parser.add_argument("--search", metavar="WORD", help="only models with this word in their id, name or developer")
    parser.add_argument("--live", action="store_true", help="ask the gateway instead of the shipped table")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print a JSON array of objects")
    output.add_argument("--ids", action="store_true", help="print the ids only, one a line")
    actions = parser.add_subparsers(metavar="ACTION", title="actions")
    for action in (REFRESH, CHECK):
        action.add_to(actions)


def _run(options: argparse.Namespace) -> int:
    """Print the matching models. Return the exit status: 1 if there are none."""
    if not (options.json or options.ids) and find_spec("rich") is None:
        sys.stderr.write(_NO_RICH)
        return 1
    try:
        rows = _fetch_rows() if options.live else shipped_rows()
    except AIMLAPIError as error:
        sys.stderr.write(f"The catalog can't be read: {error}\n")
        return 1
    if options.max_price is not None and not any(_has_price(row) for row in rows):
        sys.stderr.write(_NO_PRICES)
        return 1
    features = frozenset(feature for feature in _FEATURES if getattr(options, feature))
    model_filter = ModelFilter(features, options.endpoint, options.max_price, options.search)
    matching = [row for row in rows if model_filter.matches(row)]
    if options.json:
        sys.stdout.write(json.dumps(list(map(_json_row, matching)), indent=2) + "\n")
    elif options.ids:
        sys.stdout.write("".join(f"{row.id}\n" for row in matching))
    else:
        _print_table(matching, f"{len(matching)} of {len(rows)} models, {_source(options.live, rows)}")
    return 0 if matching else 1


COMMAND = Command("models", "list and filter the models", _DESCRIPTION, _add_arguments, _run)


def _fetch_rows() -> list[Row]:
    with Client(api_key=any_key()) as client:
        return live_rows(client.models.list(include="all"))


def _source(live: bool, rows: Iterable[Row]) -> str:
    if live:
        emulated = " The emulator answered: its prices are invented." if is_emulated(row.id for row in rows) else ""
        return f"from the live catalog; prices are per million tokens.{emulated}"
    if loader.load_table()["about"].get("emulated"):
        return f"refreshed from the emulator: the prices are invented. {UNDO_EMULATED}"
    updated = date.fromisoformat(table_date())
    days = (date.today() - updated).days
    return f"from the table of {updated} ({days} days old); --live asks the gateway."


def _has_price(row: Row) -> bool:
    return row.price_in is not None or row.price_out is not None


# --- rows ---------------------------------------------------------------------------------------------------------


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
        if entry.type in TEXT_TYPES:
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
        endpoints=frozenset(name for name, endpoint in ENDPOINTS_BY_SECTION.items() if endpoint in model.endpoints),
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
        endpoints=(known.endpoints if model.known else frozenset()) | {TEXT_TYPES[entry.type]},
        price_in=entry.prices.get("input"),
        price_out=entry.prices.get("output"),
    )


def _sort_modalities(modalities: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(modalities), key=lambda name: (name != "text", name)))


def _price_per_million(model: Model, kind: Literal["input", "output"]) -> Decimal | None:
    price = token_price(model.prices, kind)
    return None if price is None else price * _MILLION


# --- output -------------------------------------------------------------------------------------------------------


def _print_table(rows: Sequence[Row], note: str) -> None:
    """Print the columns that have something to show, in the width of the terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    columns = {heading: [cell(row) for row in rows] for heading, cell in _COLUMNS.items()}
    columns = {heading: cells for heading, cells in columns.items() if any(cells)}
    table = Table(box=None, pad_edge=False, header_style="bold")
    room = max(30, console.width - (60 if "$ in" in columns else 44))  # without the other columns
    longest = max(map(len, columns.get("model", [""])))
    for heading, cells in columns.items():
        numbers = heading in _NUMBERS
        width = min(longest, room) if heading == "model" else max(map(len, [heading, *cells])) if numbers else None
        table.add_column(heading, justify="right" if numbers else "left", no_wrap=numbers, overflow="fold", width=width)
    for line in zip(*columns.values(), strict=True):
        table.add_row(*line)
    if rows:
        console.print(table)
    console.print(note, style="dim", markup=False, highlight=False)


def _features(row: Row) -> str:
    inputs = [name for name in row.inputs if name != "text"]
    return " ".join([*inputs, *(word for mark, word in _FEATURE_WORDS.items() if mark in row.marks)])


def _format_tokens(count: int | None) -> str:
    """Return a count in three digits.

    >>> [_format_tokens(count) for count in (512, 8192, 400_000, 1_047_576, None)]
    ['512', '8k', '400k', '1.05M', '']
    """
    if count is None:
        return ""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 999_500 else f"{count / _MILLION:.3g}M"


def _format_price(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"


_FEATURE_WORDS = {"tools": "tools", "structured": "schema", "reasoning": "reasoning"}
_NUMBERS = ("context", "$ in", "$ out")
_COLUMNS: dict[str, Callable[[Row], str]] = {
    "model": lambda row: row.id,
    "context": lambda row: _format_tokens(row.context),
    "features": _features,
    "$ in": lambda row: _format_price(row.price_in),
    "$ out": lambda row: _format_price(row.price_out),
}


def _json_row(row: Row) -> dict[str, Any]:
    prices = {"input": row.price_in, "output": row.price_out}
    return {
        "id": row.id,
        "name": row.name,
        "developer": row.developer,
        "context": row.context,
        "inputs": list(row.inputs),
        "features": sorted(row.marks),
        "endpoints": sorted(row.endpoints),
        "usd_per_million_tokens": {kind: _format_price(price) or None for kind, price in prices.items()},
    }
