"""`aimlapi models`: a table of the models, with their inputs, features and prices."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from importlib.util import find_spec

from ..client.client import Client
from ..client.config import resolve_api_key
from ..errors import AIMLAPIError, MissingAPIKeyError
from ..models import table_date
from .models import ModelFilter, Row, live_rows, shipped_rows

_FEATURES = {
    "tools": "only models that call tools",
    "vision": "only models that take images",
    "reasoning": "only models that reason",
    "structured": "only models that follow a JSON schema",
}
_NO_PRICES = "The shipped table has no prices. Add --live to ask the gateway for them; that needs no key.\n"
_ENDPOINTS = ("chat", "responses", "messages", "embeddings")

_PIPE_WIDTH = 160
"""Columns of a table that goes to a file or to another program."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Return its exit status: 1 if no model matches, or if an error was printed."""
    options = _parser().parse_args(arguments)
    if find_spec("rich") is None:
        sys.stderr.write('The table needs rich: pip install "aimlapi-integrations[cli]"\n')
        return 1
    try:
        rows = _fetch_rows() if options.live else shipped_rows()
    except AIMLAPIError as error:
        sys.stderr.write(f"The catalogue can't be read: {error}\n")
        return 1
    if options.max_price is not None and not any(_has_price(row) for row in rows):
        sys.stderr.write(_NO_PRICES)
        return 1
    features = frozenset(feature for feature in _FEATURES if getattr(options, feature))
    model_filter = ModelFilter(features, options.endpoint, options.max_price, options.search)
    matching = [row for row in rows if model_filter.matches(row)]
    _print_table(matching, f"{len(matching)} of {len(rows)} models, {_source(options.live)}")
    return 0 if matching else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aimlapi", description="The text and embedding models of AI/ML API.")
    models = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "models", help="list and filter the models"
    )
    for feature, help_text in _FEATURES.items():
        models.add_argument(f"--{feature}", action="store_true", help=help_text)
    models.add_argument("--endpoint", choices=_ENDPOINTS, help="only models of this endpoint")
    models.add_argument("--max-price", type=float, metavar="USD", help="highest price of a million tokens, in and out")
    models.add_argument("--search", metavar="WORD", help="only models with this word in their id, name or developer")
    models.add_argument("--live", action="store_true", help="ask the gateway instead of the shipped table")
    return parser


def _fetch_rows() -> list[Row]:
    with Client(api_key=_any_key()) as client:
        return live_rows(client.models.list(include="all"))


def _any_key() -> str:
    """Return the key, or a placeholder: the catalog is public."""
    try:
        return resolve_api_key().get_secret_value()
    except MissingAPIKeyError:
        return "none"


# --- output -----------------------------------------------------------------------------------------------------------


def _print_table(rows: Sequence[Row], note: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left")
    for row in rows:
        table.add_row(*_cells(row))
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(table)
    console.print(note, style="dim", markup=False, highlight=False)


_NUMBERS = ("context", "USD in", "USD out")
_HEADINGS = ("context", "input", "tools", "schema", "reasoning", "USD in", "USD out")


def _cells(row: Row) -> list[str]:
    features = ["yes" if feature in row.marks else "" for feature in ("tools", "structured", "reasoning")]
    context = f"{row.context:,}" if row.context else ""
    return [row.id, context, " ".join(row.inputs), *features, _format_price(row.price_in), _format_price(row.price_out)]


def _format_price(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"


def _source(live: bool) -> str:
    if live:
        return "from the live catalogue; prices are per million tokens."
    updated = date.fromisoformat(table_date())
    days = (date.today() - updated).days
    return f"from the table of {updated} ({days} days old); --live asks the gateway."


def _has_price(row: Row) -> bool:
    return row.price_in is not None or row.price_out is not None
