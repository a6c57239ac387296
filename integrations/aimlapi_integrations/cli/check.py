"""`aimlapi models check`: which models a project names that are unknown, deprecated or withdrawn."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..models import Model, known_models, lookup
from ..models.lookup import describe_status

HELP = "find models that are unknown, deprecated or withdrawn"
DESCRIPTION = (
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


@dataclass(frozen=True, order=True)
class Mention:
    """A model that is named in a file, or as an argument (without a file)."""

    path: str
    line: int
    model: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "names", nargs="+", metavar="ID|FILE|FOLDER", help="ids of models, and files or folders to scan"
    )


def run(options: argparse.Namespace) -> int:
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
