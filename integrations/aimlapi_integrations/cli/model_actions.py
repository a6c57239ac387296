"""`aimlapi models refresh` reads the gateway's models; `aimlapi models check` checks those that a project names."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..client.client import AsyncClient
from ..client.live_models import LiveCatalog, can_read_schemas, empty_table, read_live_catalog, write_live_models
from ..client.options import resolve_api_key
from ..errors import AIMLAPIError, MissingAPIKeyError
from ..models import Model, known_models, loader, lookup
from ..models.loader import ENVIRONMENT_VARIABLE, SHIPPED, cache_path, read_rows, write_rows
from ..models.lookup import describe_status
from ..models.refresh import write_table
from . import Command

UNDO_EMULATED = "To have the gateway's, unset AIMLAPI_BASE_URL and AIMLAPI_API_BASE, and run: aimlapi models refresh"

_REFRESH_DESCRIPTION = (
    "Read the catalog, the request schemas and the deprecations of the gateway, and use them from now on instead of "
    "the table that ships with the package. No key is needed. "
    f"{ENVIRONMENT_VARIABLE}={SHIPPED} in the environment ignores what was read."
)

_CHECK_DESCRIPTION = (
    "Check models by their ids, and the models that files name: in Python, notebooks, JSON, YAML, TOML and .env files. "
    "Exits with 1 if there is something to change. Run `aimlapi models refresh` first to know what holds today."
)

_SUFFIXES = {".py", ".ipynb", ".json", ".yaml", ".yml", ".toml", ".env", ".cfg", ".ini"}
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv"}
_MAX_BYTES = 2_000_000
_STRING = re.compile(r"""\\?["']([\w.:@/-]{3,100})\\?["']""")
# `model="…"`, `"model": "…"`, `model_name: …`, `MODEL=…`
_ASSIGNED = re.compile(
    r"""\b(?:[a-z]+_)?model(?:_name|_id)?\\?["']?\s*[:=]\s*\\?["']?([\w.:@-]+/[\w.:@/-]+|[\w.:@-]*\d[\w.:@-]*)""",
    re.IGNORECASE,
)


# --- refresh ------------------------------------------------------------------------------------------------------


def any_key() -> str:
    """Return the user's key, or a placeholder: the catalog is public."""
    try:
        return resolve_api_key().get_secret_value()
    except MissingAPIKeyError:
        return "none"


def _add_refresh_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help="only these models (default: all; takes some minutes)")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="for maintainers: write the whole table, as models.json, to a file"
    )


def _refresh(options: argparse.Namespace) -> int:
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


REFRESH = Command(
    "refresh", "read the gateway's models as they are now", _REFRESH_DESCRIPTION, _add_refresh_arguments, _refresh
)


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


# --- check --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Mention:
    """A model that is named in a file, or as an argument (without a file)."""

    path: str
    line: int
    model: str


def _add_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="+", metavar="ID|FILE|FOLDER", help="ids of models, and files or folders to scan"
    )


def _check(options: argparse.Namespace) -> int:
    """Run the command. Return its exit status: 1 if a model is unknown, deprecated or withdrawn; 2 without a file."""
    if missing := [name for name in options.names if _is_missing_path(name)]:
        sys.stderr.write(f"There is no file or folder {missing[0]}\n")
        return 2
    mentions = sorted(set(find_mentions(options.names)))
    reports = [f"{_place(mention)}{report}" for mention in mentions if (report := describe(mention))]
    for report in reports:
        sys.stdout.write(f"{report}\n")
    models = {mention.model for mention in mentions}
    sys.stdout.write(f"{len(models)} {'model' if len(models) == 1 else 'models'} checked, {len(reports)} to change.\n")
    return 1 if reports else 0


CHECK = Command(
    "check", "find models that are unknown, deprecated or withdrawn", _CHECK_DESCRIPTION, _add_check_arguments, _check
)


def find_mentions(names: Iterable[str]) -> Iterator[Mention]:
    """Yield the models that arguments name: a path that exists is scanned, and anything else is an id."""
    for name in names:
        if os.path.exists(name):
            for path in _files(Path(name)):
                yield from scan(path)
        else:
            yield Mention("", 0, name)


def _is_missing_path(name: str) -> bool:
    """Return whether an argument looks like a path, and not like an id, and doesn't exist."""
    is_path = name.startswith((os.sep, ".", "~")) or name.endswith(os.sep) or Path(name).suffix in _SUFFIXES
    return is_path and not os.path.exists(name)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        yield from (Path(folder, name) for name in files if Path(name).suffix in _SUFFIXES or name.startswith(".env"))


def scan(path: Path) -> Iterator[Mention]:
    """Yield the models of a text file: strings that are known ids, and values of names such as `model`."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for number, line in enumerate(text.splitlines(), start=1):
        known = {name for name in _STRING.findall(line) if _is_listed(name)}
        for name in known | {name for name in _ASSIGNED.findall(line) if _looks_like_model(name)}:
            yield Mention(str(path), number, name)


def _is_listed(name: str) -> bool:
    """Return whether a string is an id of the table. A plain word, such as an alias, could be anything."""
    return any(character in name for character in "/-.") and lookup(name).known


def _looks_like_model(name: str) -> bool:
    """Return whether a value could be a model of the gateway: known, or of a known family."""
    model = lookup(name)
    return model.known or model.developer is not None


def describe(mention: Mention) -> str | None:
    """Return what is wrong with a model, and what to do; None if it is known and active."""
    model = lookup(mention.model)
    if not model.known:
        return f"{mention.model} is unknown.{_suggestion(mention.model, model)}"
    return None if model.status == "active" else describe_status(mention.model, model)


def _suggestion(name: str, model: Model) -> str:
    ids = [each.id for each in known_models() if each.developer == model.developer or model.developer is None]
    close = get_close_matches(name, ids, n=2)
    return f" Similar: {', '.join(close)}." if close else " If it is new, run: aimlapi models refresh"


def _place(mention: Mention) -> str:
    return f"{mention.path}:{mention.line}: " if mention.path else ""
