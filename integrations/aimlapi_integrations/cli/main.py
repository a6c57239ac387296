"""`aimlapi models`: which models there are, what they take and what they cost, as a table in the terminal."""

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

_MARKS = {
    "tools": "only models that call functions",
    "vision": "only models that read images",
    "reasoning": "only models that reason before they answer",
    "structured": "only models that keep to a JSON schema",
}
_NO_PRICES = (
    "No prices are known: the table that comes along has none, --live asks the gateway for them, without a key.\n"
)
_ENDPOINTS = ("chat", "responses", "messages", "embeddings")

_PIPE = 160
"""Columns of a table that goes to a file or to another program."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status: 1 where nothing is found, or something is missing, which it says."""
    asked = _parser().parse_args(arguments)
    if find_spec("rich") is None:
        sys.stderr.write('The table needs rich: pip install "aimlapi-integrations[cli]"\n')
        return 1
    try:
        rows = _live() if asked.live else shipped_rows()
    except AIMLAPIError as error:
        sys.stderr.write(f"The catalogue cannot be read: {error}\n")
        return 1
    if asked.max_price is not None and not any(_priced(row) for row in rows):
        sys.stderr.write(_NO_PRICES)
        return 1
    marks = frozenset(mark for mark in _MARKS if getattr(asked, mark))
    wanted = ModelFilter(marks, asked.endpoint, asked.max_price, asked.search)
    found = [row for row in rows if wanted.matches(row)]
    _show(found, f"{len(found)} of {len(rows)} models, {_source(asked.live)}")
    return 0 if found else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aimlapi", description="The text and embedding models of AI/ML API.")
    models = parser.add_subparsers(required=True, metavar="COMMAND").add_parser("models", help="list and filter them")
    for mark, meaning in _MARKS.items():
        models.add_argument(f"--{mark}", action="store_true", help=meaning)
    models.add_argument("--endpoint", choices=_ENDPOINTS, help="only models that it serves")
    models.add_argument("--max-price", type=float, metavar="USD", help="of a million tokens, in and out alike")
    models.add_argument("--search", metavar="WORD", help="only ids, names and developers that have it")
    models.add_argument("--live", action="store_true", help="ask the gateway, not the table that comes along")
    return parser


def _live() -> list[Row]:
    with Client(api_key=_any_key()) as client:
        return live_rows(client.models.list(include="all"))


def _any_key() -> str:
    """The catalogue is public, so that a key need not be there."""
    try:
        return resolve_api_key().get_secret_value()
    except MissingAPIKeyError:
        return "none"


# --- what is shown ------------------------------------------------------------------------------------------------


def _show(rows: Sequence[Row], note: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left")
    for row in rows:
        table.add_row(*_cells(row))
    console = Console(width=None if sys.stdout.isatty() else _PIPE)
    console.print(table)
    console.print(note, style="dim", markup=False, highlight=False)


_NUMBERS = ("context", "USD in", "USD out")
_HEADINGS = ("context", "input", "tools", "schema", "thinks", "USD in", "USD out")


def _cells(row: Row) -> list[str]:
    marks = ["yes" if mark in row.marks else "" for mark in ("tools", "structured", "reasoning")]
    context = f"{row.context:,}" if row.context else ""
    return [row.id, context, " ".join(row.inputs), *marks, _price(row.price_in), _price(row.price_out)]


def _price(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"


def _source(live_rows: bool) -> str:
    if live_rows:
        return "from the live catalogue; prices are for a million tokens."
    written = date.fromisoformat(table_date())
    days = (date.today() - written).days
    return f"from the table of {written} ({days} days old); --live asks the gateway."


def _priced(row: Row) -> bool:
    return row.price_in is not None or row.price_out is not None
