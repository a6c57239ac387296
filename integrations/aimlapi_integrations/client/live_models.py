"""Models as the gateway states them now: read with a client, and written as rows of the table.

The gateway states the catalog, request schemas and deprecations. Reading schemas needs `jsonschema`, of the extra
`cli`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from importlib.util import find_spec
from typing import Any

from ..endpoints.catalogue import TEXT_TYPES, CatalogueModel, Deprecation
from ..errors import AIMLAPIError, APIResponseError, NotFoundError
from ..models import lookup
from ..models.loader import add_live_table
from ..models.refresh import LiveModel, Table, merge_models, prune, request_schema
from ..types import Json
from .resources import AsyncModels, Models

_CONCURRENCY = 8
_UNREADABLE: Json = {}
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
"""OpenAPI documents by id and type of endpoint; None where the gateway has none."""


# --- reading ------------------------------------------------------------------------------------------------------


def can_read_schemas() -> bool:
    """Return whether `jsonschema` is installed, which derives capabilities from schemas."""
    return find_spec("jsonschema") is not None


def apply_live_schema(models: Models, entry: CatalogueModel) -> None:
    """Adapt requests to the live schema of one model for the rest of this process. Without jsonschema, do nothing."""
    if can_read_schemas():
        documents = {
            (entry.id, type_): _document(models, entry.id, type_) for type_ in endpoint_types(entry.id, [entry])
        }
        _apply(entry, documents)


async def apply_live_schema_async(models: AsyncModels, entry: CatalogueModel) -> None:
    """`apply_live_schema` with an async client."""
    if can_read_schemas():
        types = endpoint_types(entry.id, [entry])
        documents = await asyncio.gather(*(_lenient_document(models, entry.id, type_) for type_ in types))
        _apply(entry, {(entry.id, type_): document for type_, document in zip(types, documents, strict=True)})


def _apply(entry: CatalogueModel, documents: Documents) -> None:
    table = empty_table()
    write_live_models(table, text_models([replace(entry, prices={})]), documents)  # prices are the instance's own
    add_live_table(table)


def _document(models: Models, model: str, endpoint_type: str) -> Json | None:
    try:
        return models.request_schema(model, endpoint_type)
    except AIMLAPIError:  # the model works without
        return None


async def _lenient_document(models: AsyncModels, model: str, endpoint_type: str) -> Json | None:
    try:
        return await models.request_schema(model, endpoint_type)
    except AIMLAPIError:  # the model works without
        return None


async def _strict_document(models: AsyncModels, model: str, endpoint_type: str) -> Json | None:
    try:
        return await models.request_schema(model, endpoint_type)
    except NotFoundError:  # the model is not served there
        return None
    except APIResponseError:  # not JSON, which is reported as any document of an unknown form
        return _UNREADABLE


@dataclass(frozen=True)
class LiveCatalog:
    """What the gateway states about its models.

    Attributes:
        models: entries of the catalog by id.
        documents: of `GET /docs-json`, by id and type of endpoint; None where there is none.
        deprecations: models that end.
        emulated: whether the emulator answered, which invents the prices.
    """

    models: Mapping[str, list[CatalogueModel]]
    documents: Documents
    deprecations: tuple[Deprecation, ...]
    emulated: bool = False


async def read_live_catalog(
    models: AsyncModels, ids: Iterable[str] = (), progress: Callable[[int, int], None] | None = None
) -> LiveCatalog:
    """Read what the gateway states about all its text and embedding models, or about those with these ids.

    Args:
        models: the resource of a client. The gateway asks for no key.
        ids: ids or aliases; none for all.
        progress: called with the number of schemas that were read, and of all.

    Raises:
        LookupError: the catalog does not list one of these ids.
        APIError: the gateway did not answer.
    """

    catalog = text_models(await models.list(include="all"))
    chosen = {model: catalog[model] for model in map(_resolver(catalog), ids)} or catalog
    requests = [(model, type_) for model, entries in chosen.items() for type_ in endpoint_types(model, entries)]
    documents = await _read_documents(models, requests, progress)
    return LiveCatalog(chosen, documents, await models.deprecations(), is_emulated(catalog))


def is_emulated(ids: Iterable[str]) -> bool:
    """Return whether a catalog is the emulator's: it lists a model of its own."""
    return any(model.startswith("emulator/") for model in ids)


async def _read_documents(
    models: AsyncModels, requests: list[tuple[str, str]], progress: Callable[[int, int], None] | None
) -> dict[tuple[str, str], Json | None]:
    semaphore, documents = asyncio.Semaphore(_CONCURRENCY), {}

    async def read(request: tuple[str, str]) -> None:
        async with semaphore:
            documents[request] = await _strict_document(models, *request)
            if progress:
                progress(len(documents), len(requests))

    tasks = [asyncio.ensure_future(read(request)) for request in requests]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return documents


def _resolver(catalog: Mapping[str, list[CatalogueModel]]) -> Callable[[str], str]:
    by_name = {
        name.casefold(): model
        for model, entries in catalog.items()
        for entry in entries
        for name in (model, *entry.aliases)
    }

    def resolve(name: str) -> str:
        for spelling in (name.casefold(), lookup(name).id.casefold()):
            if spelling in by_name:
                return by_name[spelling]
        raise LookupError(name)

    return resolve


# --- rows of the table --------------------------------------------------------------------------------------------


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
