"""`aimlapi models refresh`: read the gateway's models, and use them instead of the shipped ones."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from ..client.client import AsyncClient
from ..client.live_models import LiveCatalog, can_read_schemas, empty_table, read_live_catalog, write_live_models
from ..errors import AIMLAPIError
from ..models import loader
from ..models.loader import ENVIRONMENT_VARIABLE, SHIPPED, cache_path, read_rows, write_rows
from ..models.refresh import write_table
from .keys import any_key

HELP = "read the gateway's models as they are now"
DESCRIPTION = (
    "Read the catalog, the request schemas and the deprecations of the gateway, and use them from now on instead of "
    "the table that ships with the package. No key is needed. "
    f"{ENVIRONMENT_VARIABLE}={SHIPPED} in the environment ignores what was read."
)

UNDO_EMULATED = "To have the gateway's, unset AIMLAPI_BASE_URL and AIMLAPI_API_BASE, and run: aimlapi models refresh"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these models (default: all; takes some minutes)")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="for maintainers: write the whole table, as models.json, to a file"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command. Return its exit status: 1 if the gateway could not be read, when nothing is changed."""
    if not can_read_schemas():
        return _fail('Reading schemas needs jsonschema: pip install "aimlapi-integrations[cli]"')
    path = options.table or cache_path()
    if path is None:
        return _fail(f"There is nowhere to write: unset {ENVIRONMENT_VARIABLE}, or install aimlapi-integrations[cli].")
    try:
        catalog = asyncio.run(_read(options.ids))
    except LookupError as error:
        return _fail(f"The gateway has no text or embedding model {error}. List them with: aimlapi models --live")
    except AIMLAPIError as error:
        return _fail(f"The gateway can't be read, so nothing was changed: {error}")
    problems = _write_whole_table(path, catalog) if options.table else _write_rows(path, catalog)
    loader.clear_caches()
    for name, reason in sorted(problems.items()):
        sys.stderr.write(f"{name}: its schema was not understood, so what was known stays. {reason}\n")
    count = len(catalog.models)
    sys.stdout.write(f"{count} {'model' if count == 1 else 'models'} written to {path}\n")
    if catalog.emulated:
        sys.stderr.write(f"They are the emulator's, and the prices are invented. {UNDO_EMULATED}\n")
    return 0


async def _read(ids: list[str]) -> LiveCatalog:
    async with AsyncClient(api_key=any_key()) as client:
        return await read_live_catalog(client.models, ids, _show_progress if sys.stderr.isatty() else None)


def _show_progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total} schemas" + ("\n" if done == total else ""))


def _write_rows(path: Path, catalog: LiveCatalog) -> dict[str, str]:
    """Write the user's file: the rows of an earlier refresh, under these. The gateway's and the emulator's don't mix.

    Return what was not understood, by model and endpoint.
    """
    table = dict(read_rows(loader.shipped_table()["about"]["date"])) or empty_table()
    if table["about"].get("emulated", False) != catalog.emulated:
        table = empty_table()
    table["about"]["emulated"] = catalog.emulated
    problems = write_live_models(table, catalog.models, catalog.documents, catalog.deprecations)
    write_rows(path, table)
    return problems


def _write_whole_table(path: Path, catalog: LiveCatalog) -> dict[str, str]:
    """Write the shipped table: rows that exist keep what only people know; new ones have their family's."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else loader.shipped_table()
    for model in catalog.models.keys() - table["models"].keys():
        family = loader.family_defaults(table, model)
        table["models"][model] = {name: family[name] for name in ("by", "efforts", "quirks") if name in family}
    before = set(table["models"])
    problems = write_live_models(table, catalog.models, catalog.documents, catalog.deprecations, namespace="")
    for model in table["models"].keys() - before:  # withdrawn before this table knew it
        table["models"][model] = {**loader.family_defaults(table, model), **table["models"][model]}
    for model, row in table["models"].items():
        table["models"][model] = {name: value for name, value in row.items() if value}
    path.write_text(write_table(table), encoding="utf-8")
    return problems


def _fail(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1
