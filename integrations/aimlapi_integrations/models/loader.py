"""Read `models.json` and the rows that `aimlapi models refresh` has read, and decode them on first use.

The file states each fact once. A row of `models` names its capabilities. A set of parameters is another set `with` some
fields and `without` others. A field that has variants is written `temperature/2`.

Refreshed rows are in the user's cache folder and are laid over the shipped table. That file is read at the first
lookup, never at import, and nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from .capabilities import (
    ChatCapabilities,
    EmbeddingsCapabilities,
    Parameter,
    ResponsesCapabilities,
    ToolCapabilities,
)

ENVIRONMENT_VARIABLE = "AIMLAPI_MODELS"
"""`shipped` ignores the file. A path names another file."""

SHIPPED = "shipped"
_FORMAT = 1

_Function = TypeVar("_Function", bound=Callable[..., Any])
_caches: list[Any] = []


class ModelDataWarning(UserWarning):
    """The refreshed rows of models can't be used, so the shipped table is used alone."""


def table_cache(function: _Function) -> _Function:
    """Cache the results of a function that depend on the table, until `add_live_table` changes it."""
    cached = lru_cache(maxsize=4096)(function)
    _caches.append(cached)
    return cached  # type: ignore[return-value]  # keeps the signature, which functools' type drops


def shipped_table() -> dict[str, Any]:
    """Return the table that ships with the package, as parsed JSON."""
    return dict(json.loads(files(__package__).joinpath("models.json").read_text(encoding="utf-8")))


_live_tables: dict[frozenset[str], Mapping[str, Any]] = {}


@table_cache
def load_table() -> dict[str, Any]:
    """Return the whole table as parsed JSON: the shipped one, under the refreshed rows and those of this process."""
    table = shipped_table()
    for newer in (read_rows(table["about"]["date"]), *_live_tables.values()):
        if newer:
            lay_over(table, newer)
    return table


def add_live_table(table: Mapping[str, Any]) -> None:
    """Lay rows that were read from the gateway over the table, for the rest of this process."""
    models = frozenset(table["models"])
    if _live_tables.get(models) != table:
        _live_tables[models] = table
        clear_caches()


def clear_caches() -> None:
    """Forget what was looked up, so that the file of refreshed rows is read again."""
    for cached in _caches:
        cached.cache_clear()


def lay_over(table: dict[str, Any], newer: Mapping[str, Any]) -> None:
    """Lay a newer table over `table`. A new model keeps the defaults of its family where nothing is stated."""
    table["about"] = {**table["about"], **newer["about"]}
    for section in ("capabilities", "parameters"):
        for name, rows in newer[section].items():
            table[section][name] = {**table[section][name], **rows}
    for model, row in newer["models"].items():
        base = table["models"].get(model) or family_defaults(table, model)
        merged = {**base, **row, "aliases": f"{base.get('aliases', '')} {row.get('aliases', '')}".strip()}
        table["models"][model] = {name: value for name, value in merged.items() if value is not None}
    table["models"] = dict(sorted(table["models"].items()))


def family_defaults(table: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return the row of the family with the longest prefix of this id."""
    rows, name = table["families"], model.casefold()
    prefixes = ((prefix, row) for words, row in rows.items() for prefix in words.split() or [""])
    return dict(max((each for each in prefixes if name.startswith(each[0])), key=lambda each: len(each[0]))[1])


def split_words(text: str) -> frozenset[str]:
    """Split `"a b"` into a set."""
    return frozenset(text.split())


@table_cache
def chat_capabilities(name: str, parameters: str) -> ChatCapabilities:
    """Return the chat capabilities called `name` with the set of parameters called `parameters`."""
    return ChatCapabilities(**_decode_row(_capabilities("chat", name)), parameters=parameter_set(parameters))


@table_cache
def responses_capabilities(name: str) -> ResponsesCapabilities:
    """Return the Responses capabilities called `name`."""
    return ResponsesCapabilities(**_decode_row(_capabilities("responses", name)))


@table_cache
def embeddings_capabilities(name: str) -> EmbeddingsCapabilities:
    """Return the embeddings capabilities called `name`."""
    return EmbeddingsCapabilities(**_decode_row(_capabilities("embeddings", name)))


def _capabilities(section: str, name: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] = load_table()["capabilities"][section][name]
    return row


def _decode_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _decode_fact(name, value) for name, value in row.items()}


def _decode_fact(name: str, value: Any) -> Any:
    match name, value:
        case (("dialect" | "form"), _):
            return value
        case "parameters", str():
            return parameter_set(value)
        case "tools", dict():
            return ToolCapabilities(**_decode_row(value))
        case "closed", dict():
            return {role: split_words(keys) for role, keys in value.items()}
        case _, str():
            return split_words(value)
    return value


@table_cache
def parameter_set(name: str) -> Mapping[str, Parameter]:
    """Return the set of parameters called `name`, by field."""
    row = load_table()["parameters"]["sets"][name]
    parameters = dict(parameter_set(row["like"])) if "like" in row else {}
    for removed in row.get("without", "").split():
        del parameters[removed]
    return parameters | {label.partition("/")[0]: _parameter(label) for label in row.get("with", "").split()}


@table_cache
def _parameter(label: str) -> Parameter:
    return _decode_parameter(load_table()["parameters"]["kinds"][label])


def _decode_parameter(row: Mapping[str, Any]) -> Parameter:
    return Parameter(
        types=tuple(row.get("type", "").split()),
        minimum=row.get("min"),
        maximum=row.get("max"),
        enum=tuple(row.get("enum", ())),
        pattern=row.get("pattern"),
        default=row.get("default"),
        items=_decode_parameter(row["items"]) if "items" in row else None,
        fields={name: _decode_parameter(item) for name, item in row.get("fields", {}).items()},
        values=_decode_parameter(row["values"]) if "values" in row else None,
        required=tuple(row.get("required", "").split()),
        any_of=tuple(map(_decode_parameter, row.get("any", ()))),
    )


# --- refreshed rows -----------------------------------------------------------------------------------------------


def cache_path() -> Path | None:
    """Return the file of refreshed rows; None if it is turned off, or if platformdirs is not installed."""
    setting = os.environ.get(ENVIRONMENT_VARIABLE)
    if setting == SHIPPED:
        return None
    if setting:
        return Path(setting).expanduser()
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return None
    return user_cache_path("aimlapi-integrations", appauthor=False) / "models.json"


def read_rows(shipped_date: str) -> Mapping[str, Any]:
    """Return the refreshed part of the table; nothing if there is none, or if the shipped table is newer.

    A file that can't be read is ignored with a `ModelDataWarning`.
    """
    path = cache_path()
    if path is None:
        return {}
    try:
        table = _parse(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warnings.warn(
            f"{path} can't be read ({error}), so the models are those of the shipped table. "
            "Run `aimlapi models refresh` to write it again, or delete it.",
            ModelDataWarning,
            stacklevel=2,
        )
        return {}
    return table if table["about"]["date"] >= shipped_date else {}


def _parse(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
        table: Mapping[str, Any] = document["table"]
        intact = document["format"] == _FORMAT and document["sha256"] == _digest(table)
    except (KeyError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise ValueError("it is damaged, or of another version")
    return table


def write_rows(path: Path, table: Mapping[str, Any]) -> None:
    """Write the refreshed part of the table. The file is replaced as a whole, so a failure leaves the old one."""
    document = {"format": _FORMAT, "sha256": _digest(table), "table": table}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _digest(table: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
