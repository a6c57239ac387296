"""Rows of the table from what the gateway states about its models: the catalog, request schemas and deprecations.

Needs `jsonschema`, of the extra `cli`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from ..endpoints.catalogue import TEXT_TYPES, CatalogueModel, Deprecation
from ..models import lookup
from ..models.refresh import LiveModel, Table, merge_models, prune, request_schema
from ..types import Json

_DEVELOPERS = {
    "Open AI": "OpenAI",
    "X AI": "xAI",
    "Zhipu": "Zhipu AI",
    "Nvidia": "NVIDIA",
    "ByteDance Seed": "ByteDance",
    "DeepSeek AI": "DeepSeek",
    "Moonshot": "Moonshot AI",
    "switchpoint": "Switchpoint",
    "undi95": "Undi95",
}
Documents = Mapping[tuple[str, str], Json | None]


def text_models(entries: Iterable[CatalogueModel]) -> dict[str, list[CatalogueModel]]:
    """Return the text and embedding models of the catalog, by id. An entry stands for one endpoint of a model.

    A chat entry of a model for images states text as its output too, so all entries of an id are considered.
    """
    by_id: dict[str, list[CatalogueModel]] = defaultdict(list)
    for entry in entries:
        by_id[entry.id].append(entry)
    return {model: rows for model, rows in by_id.items() if all(row.type in TEXT_TYPES for row in rows)}


def endpoint_types(model: str, entries: Iterable[CatalogueModel]) -> list[str]:
    """Return the types of endpoint to ask for a schema: those in the catalog, which is incomplete, and known ones."""
    types = {entry.type for entry in entries}
    if "openai/embeddings" not in types:
        known = lookup(model)
        sections = {"chat": known.chat, "responses": known.responses, "messages": known.messages}
        types |= {type_ for type_, section in TEXT_TYPES.items() if sections.get(section)}
    return sorted(types)


def empty_table() -> Table:
    """Return a table without rows, to be laid over the shipped one."""
    capabilities: Table = {"chat": {}, "responses": {}, "embeddings": {}}
    return {"about": {}, "parameters": {"kinds": {}, "sets": {}}, "capabilities": capabilities, "models": {}}


def write_live_models(
    table: Table,
    models: Mapping[str, list[CatalogueModel]],
    documents: Documents,
    deprecations: Iterable[Deprecation] = (),
    namespace: str = "live:",
) -> dict[str, str]:
    """Write what the gateway states about models into a table.

    Args:
        table: changed in place.
        models: entries of the catalog by id, as from `text_models`.
        documents: of `GET /docs-json`, by id and type of endpoint; None where the gateway has none.
        deprecations: models that end.
        namespace: put before new names, if the table is to be laid over another.

    Returns:
        Why a schema could not be used, by `id section`. What was known of it stays.
    """
    live: list[LiveModel] = []
    problems: dict[str, str] = {}
    for model, entries in models.items():
        schemas, unreadable = _schemas(model, documents)
        live.append(LiveModel(model, _row(entries), schemas))
        problems |= unreadable
    problems |= merge_models(table, live, namespace)
    for each in deprecations:
        if each.id in table["models"] or _is_text_model(each.id):
            row = {"status": each.status, "successor": each.successor, "retires": each.retires}
            table["models"].setdefault(each.id, {}).update({key: value for key, value in row.items() if value})
    table["about"]["date"] = date.today().isoformat()
    prune(table)
    return problems


def _is_text_model(model: str) -> bool:
    """Return whether an id is known, or belongs to a known family. Models for images and video are withdrawn too."""
    known = lookup(model)
    return known.known or known.developer is not None


def _schemas(model: str, documents: Documents) -> tuple[dict[str, Any], dict[str, str]]:
    schemas: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for endpoint_type, section in TEXT_TYPES.items():
        document = documents.get((model, endpoint_type))
        if document is not None:
            try:
                schemas[section] = request_schema(document)
            except ValueError as error:
                problems[f"{model} {section}"] = str(error)
    return schemas, problems


def _row(entries: list[CatalogueModel]) -> dict[str, Any]:
    """Return what the catalog states about a model, as a row of the table."""
    first = entries[0]
    aliases = {alias for entry in entries for alias in entry.aliases} - {first.id}
    prices = next((entry.token_prices for entry in entries if entry.token_prices), {})
    facts = {
        "by": _DEVELOPERS.get(first.developer, first.developer),
        "name": first.name,
        "context": max((entry.context_length or 0 for entry in entries), default=0),
        "max_output": max((entry.max_output or 0 for entry in entries), default=0),
        "aliases": " ".join(sorted(aliases)),
        "prices": prices,
    }
    row: dict[str, Any] = {name: value for name, value in facts.items() if value}
    if any(entry.type == "openai/embeddings" for entry in entries):
        row |= dict.fromkeys(("chat", "responses", "messages"))  # which the defaults of most families have
    return row
