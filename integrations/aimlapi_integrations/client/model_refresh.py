"""Read the gateway's statements about models, with a client or an async client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec

from ..endpoints.catalogue import CatalogueModel, Deprecation
from ..errors import AIMLAPIError, APIResponseError, NotFoundError
from ..models import lookup
from ..models.loader import add_live_table
from ..types import Json
from .resources import AsyncModels, Models

_CONCURRENCY = 8


def can_read_schemas() -> bool:
    """Return whether `jsonschema` is installed, which derives capabilities from schemas."""
    return find_spec("jsonschema") is not None


def apply_live_schema(models: Models, entry: CatalogueModel) -> None:
    """Adapt requests to the live schema of one model for the rest of this process. Without jsonschema, do nothing."""
    if can_read_schemas():
        from .live_models import endpoint_types

        documents = {
            (entry.id, type_): _document(models, entry.id, type_) for type_ in endpoint_types(entry.id, [entry])
        }
        _apply(entry, documents)


async def apply_live_schema_async(models: AsyncModels, entry: CatalogueModel) -> None:
    """`apply_live_schema` with an async client."""
    if can_read_schemas():
        from .live_models import endpoint_types

        types = endpoint_types(entry.id, [entry])
        documents = await asyncio.gather(*(_lenient_document(models, entry.id, type_) for type_ in types))
        _apply(entry, {(entry.id, type_): document for type_, document in zip(types, documents, strict=True)})


def _apply(entry: CatalogueModel, documents: Mapping[tuple[str, str], Json | None]) -> None:
    from .live_models import empty_table, text_models, write_live_models

    table = empty_table()
    write_live_models(table, text_models([replace(entry, prices={})]), documents)  # prices are the instance's own
    add_live_table(table)


_UNREADABLE: Json = {}


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
    documents: Mapping[tuple[str, str], Json | None]
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
    from .live_models import endpoint_types, text_models

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
