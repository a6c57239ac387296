"""Rows of the table from what the gateway publishes: request schemas, the catalog and deprecations."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema")

from aimlapi_integrations import AsyncClient, Client
from aimlapi_integrations.client.live_models import (
    empty_table,
    endpoint_types,
    read_live_catalog,
    text_models,
    write_live_models,
)
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.endpoints.catalogue import CatalogueModel, Deprecation, decode_deprecations
from aimlapi_integrations.errors import APIResponseError
from aimlapi_integrations.models import CHAT, RESPONSES, ModelDataWarning, known_models, loader, lookup, vendor
from aimlapi_integrations.models.loader import read_rows, write_rows
from aimlapi_integrations.models.refresh import request_schema, write_table

NEWCOMER = "emulator/newcomer"
CHAT_TYPE = "openai/chat-completions"
TEXT = {"type": "string"}
USER = {"type": "object", "properties": {"role": {"enum": ["user"]}, "content": TEXT}, "required": ["role", "content"]}
SYSTEM = {
    "type": "object",
    "properties": {"role": {"enum": ["system"]}, "content": TEXT},
    "required": ["role", "content"],
}
TEMPERATURE = {"type": "number", "minimum": 0, "maximum": 2}


@pytest.fixture(autouse=True)
def cache_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep refreshed rows in a file of this test's, and forget all rows afterwards."""
    path = tmp_path / "cache" / "models.json"
    monkeypatch.setenv("AIMLAPI_MODELS", str(path))
    loader.clear_caches()
    yield path
    monkeypatch.setenv("AIMLAPI_MODELS", "shipped")
    loader.clear_caches()


def chat_schema(*messages: Any, **fields: Any) -> dict[str, Any]:
    properties = {"model": TEXT, "messages": {"type": "array", "items": {"anyOf": list(messages or (USER,))}}, **fields}
    return {"type": "object", "properties": properties, "required": ["model", "messages"]}


def document(schema: Any, **parts: Any) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": schema}}}
    return {"openapi": "3.0.0", "paths": {"/v1/chat/completions": {"post": {"requestBody": body}}}, **parts}


def entry(model: str = "acme/one", endpoint_type: str = CHAT_TYPE, **fields: Any) -> CatalogueModel:
    return CatalogueModel(id=model, type=endpoint_type, name="One", developer="Acme", **fields)


def refresh(openapi: Any, model: str = "acme/one", **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Lay what the gateway states about a model over the table."""
    table = empty_table()
    problems = write_live_models(table, text_models([entry(model, **fields)]), {(model, CHAT_TYPE): openapi})
    loader.add_live_table(table)
    return table, problems


# --- request schemas -------------------------------------------------------------------------------------------------


def test_request_schema_of_one_variant_is_that_variant() -> None:
    schema = request_schema(document(chat_schema(temperature=TEMPERATURE)))
    assert schema["properties"]["temperature"] == TEMPERATURE
    assert schema["required"] == ["model", "messages"]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_request_schema_of_several_variants_is_their_union(keyword: str) -> None:
    cold = chat_schema(temperature={**TEMPERATURE, "maximum": 1}, seed={"type": "integer"})
    schema = request_schema(document({keyword: [chat_schema(temperature=TEMPERATURE), {keyword: [cold]}]}))
    assert schema["properties"]["temperature"]["anyOf"] == [TEMPERATURE, {**TEMPERATURE, "maximum": 1}]
    assert schema["properties"]["seed"] == {"type": "integer"}


def test_request_schema_resolves_references_nullable_and_all_of() -> None:
    schema = {
        "allOf": [
            {"$ref": "#/components/schemas/Base"},
            {"properties": {"top_p": {"type": "number", "nullable": True}}},
        ]
    }
    components = {
        "schemas": {"Base": chat_schema(seed={"$ref": "#/components/schemas/Seed"}), "Seed": {"type": "integer"}}
    }
    properties = request_schema(document(schema, components=components))["properties"]
    assert properties["seed"] == {"type": "integer"}
    assert properties["top_p"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}


def test_request_schema_with_circular_references_ends() -> None:
    components = {
        "schemas": {"Tree": {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Tree"}}}}
    }
    schema = request_schema(document(chat_schema(tree={"$ref": "#/components/schemas/Tree"}), components=components))
    assert schema["properties"]["tree"]["properties"]["child"]["type"] == "object"


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {"paths": {}},
        document({"type": "string"}),
        document({"$ref": "#/nowhere"}),
        document(None),
        {"paths": {"/a": []}},
    ],
    ids=["empty", "no path", "no object", "dangling reference", "no schema", "no methods"],
)
def test_request_schema_of_another_form_raises_value_error(damaged: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        request_schema(damaged)


# --- rows ------------------------------------------------------------------------------------------------------------


def test_unknown_model_gets_capabilities_of_its_live_schema() -> None:
    assert not lookup("acme/one").known
    refresh(
        document(chat_schema(temperature=TEMPERATURE)), context_length=8192, max_output=512, aliases=("one-latest",)
    )
    model = lookup("one-latest")
    assert (model.id, model.known, model.developer, model.context, model.max_output) == (
        "acme/one",
        True,
        "Acme",
        8192,
        512,
    )
    assert model.chat is not None
    assert model.chat.roles == {"user"}
    assert not model.tools
    assert set(model.parameters(CHAT)) == {"temperature"}
    assert model.parameter("temperature").accepts(2)  # type: ignore[union-attr]
    assert not model.parameter("temperature").accepts(3)  # type: ignore[union-attr]
    assert vendor("acme/one") == "Acme"


def test_known_model_keeps_what_the_gateway_does_not_state() -> None:
    before = lookup("openai/gpt-5-mini-2025-08-07")
    refresh(document(chat_schema(USER, SYSTEM)), model=before.id)
    after = lookup(before.id)
    assert after.chat != before.chat
    assert (after.responses, after.quirks & {"reasons"}, after.aliases) == (
        before.responses,
        {"reasons"},
        before.aliases,
    )


def test_rows_with_equal_schemas_share_capabilities() -> None:
    table = empty_table()
    models = {f"acme/{number}": [entry(f"acme/{number}")] for number in range(3)}
    documents = {(model, CHAT_TYPE): document(chat_schema(seed={"type": "integer"})) for model in models}
    assert write_live_models(table, models, documents) == {}
    assert len(table["capabilities"]["chat"]) == len(table["parameters"]["sets"]) == 1


def test_refreshing_again_changes_only_the_models_that_are_named() -> None:
    table = empty_table()
    for maximum, models in ((1, ("acme/a", "acme/b")), (2, ("acme/b",))):
        schema = chat_schema(temperature={**TEMPERATURE, "maximum": maximum})
        documents = {(model, CHAT_TYPE): document(schema) for model in models}
        write_live_models(table, {model: [entry(model)] for model in models}, documents)
    loader.add_live_table(table)
    assert [lookup(name).parameter("temperature").maximum for name in ("acme/a", "acme/b")] == [1, 2]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"model": TEXT}},
        chat_schema(tools={"type": "array", "items": {"type": "number"}}),
        {"type": "object", "properties": {"model": TEXT, "messages": {"type": "no such type"}}},
    ],
    ids=["no messages", "tools of an unknown form", "no JSON schema"],
)
def test_schema_that_is_not_understood_leaves_what_was_known(schema: Any) -> None:
    before = lookup("gpt-4o")
    _, problems = refresh(document(schema), model=before.id)
    assert list(problems) == [f"{before.id} chat"]
    assert lookup("gpt-4o").chat == before.chat


def test_embedding_model_does_not_chat() -> None:
    one = {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}
    schema = {"type": "object", "properties": {"model": TEXT, "input": one, "dimensions": {"type": "integer"}}}
    table = empty_table()
    models = text_models([entry(endpoint_type="openai/embeddings")])
    assert write_live_models(table, models, {("acme/one", "openai/embeddings"): document(schema)}) == {}
    loader.add_live_table(table)
    assert lookup("acme/one").endpoints == {"embeddings"}


def test_model_for_images_is_left_out_though_it_has_a_chat_entry() -> None:
    assert text_models([entry(), entry(endpoint_type="openai/images-generations")]) == {}


def test_endpoints_to_ask_are_those_of_the_catalog_and_the_known_ones() -> None:
    assert endpoint_types("claude-opus-9", [entry("claude-opus-9")]) == ["anthropic/messages", CHAT_TYPE]


def test_deprecations_set_status_successor_and_date() -> None:
    body = {
        "data": [
            {
                "model": "gpt-4o",
                "status": "deprecated",
                "replaced_by": "openai/gpt-5-4",
                "shutdown_at": "2027-01-15T00:00:00Z",
            },
            {"id": "claude-opus-3", "status": "withdrawn", "replaced_by": None, "shutdown_at": None},
            {"model": "flux-pro", "status": "withdrawn"},
            {"model": "gpt-4", "status": "fine"},
            {"status": "withdrawn"},
        ]
    }
    table = empty_table()
    write_live_models(table, {}, {}, decode_deprecations(body, {}))
    loader.add_live_table(table)
    gpt, claude = lookup("gpt-4o"), lookup("claude-opus-3")
    assert (gpt.status, gpt.successor, gpt.retires) == ("deprecated", "openai/gpt-5-4", "2027-01-15")
    assert (claude.status, claude.successor, claude.retires, claude.developer) == ("withdrawn", None, None, "Anthropic")
    assert lookup("gpt-4").status == "active"
    assert not lookup("flux-pro").known


def test_deprecations_of_another_form_raise() -> None:
    with pytest.raises(APIResponseError):
        decode_deprecations({"data": "none"}, {})


def test_whole_table_written_again_is_the_same_table(tmp_path: Path) -> None:
    table = loader.shipped_table()
    models = {model.id: model for model in known_models()}
    path = tmp_path / "models.json"
    path.write_text(write_table(copy.deepcopy(table)), encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == table
    assert all(line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    assert len(models) == len(table["models"])


# --- the user's file -------------------------------------------------------------------------------------------------


def save(cache_file: Path, **row: Any) -> None:
    table = empty_table()
    write_live_models(table, {}, {}, [Deprecation("gpt-4o", "withdrawn", **row)])
    write_rows(cache_file, table)
    loader.clear_caches()


def test_refreshed_rows_are_used_in_the_next_process(cache_file: Path) -> None:
    save(cache_file)
    assert lookup("gpt-4o").status == "withdrawn"


def test_setting_shipped_ignores_refreshed_rows(cache_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(cache_file)
    monkeypatch.setenv("AIMLAPI_MODELS", "shipped")
    loader.clear_caches()
    assert lookup("gpt-4o").status == "active"


@pytest.mark.parametrize("damage", ["truncated", "edited", "other version", "no JSON", "empty", "folder"])
def test_damaged_file_is_ignored_with_one_warning(cache_file: Path, damage: str) -> None:
    save(cache_file)
    content = cache_file.read_text(encoding="utf-8")
    damaged = {
        "truncated": content[: len(content) // 2],
        "edited": content.replace("withdrawn", "deprecated"),
        "other version": content.replace('"format": 1', '"format": 99'),
        "no JSON": "models",
        "empty": "",
    }
    if damage == "folder":
        cache_file.unlink()
        cache_file.mkdir()
    else:
        cache_file.write_text(damaged[damage], encoding="utf-8")
    loader.clear_caches()
    with pytest.warns(ModelDataWarning, match="aimlapi models refresh") as warnings:
        assert [lookup(name).status for name in ("gpt-4o", "gpt-4", "claude-opus-9")] == ["active"] * 3
    assert len(warnings) == 1


def test_rows_older_than_the_shipped_table_are_ignored(cache_file: Path) -> None:
    save(cache_file)
    assert read_rows("2999-01-01") == {}


def test_failed_write_leaves_the_file_as_it_was(cache_file: Path) -> None:
    save(cache_file)
    before = cache_file.read_bytes()
    with pytest.raises(TypeError):
        write_rows(cache_file, {"models": {"a": object()}})
    assert cache_file.read_bytes() == before
    assert [path.name for path in cache_file.parent.iterdir()] == [cache_file.name]


# --- from the gateway ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gateway() -> Iterator[Emulator]:
    with Emulator() as gateway:
        yield gateway


async def test_catalog_of_some_models_has_their_schemas_and_all_deprecations(gateway: Emulator) -> None:
    async with AsyncClient("key", gateway.base_url) as client:
        catalog = await read_live_catalog(client.models, [NEWCOMER, "gpt-5-mini"])
    assert set(catalog.models) == {NEWCOMER, "openai/gpt-5-mini-2025-08-07"}
    assert {model for model, _ in catalog.documents} == set(catalog.models)
    assert {each.status for each in catalog.deprecations} == {"deprecated", "superseded", "withdrawn"}


async def test_catalog_without_the_model_raises_lookup_error(gateway: Emulator) -> None:
    async with AsyncClient("key", gateway.base_url) as client:
        with pytest.raises(LookupError, match="acme/none"):
            await read_live_catalog(client.models, ["acme/none"])


def test_schemas_of_every_endpoint_of_the_emulator_are_understood(gateway: Emulator) -> None:
    names = [
        "openai/gpt-5-mini-2025-08-07",
        "anthropic/claude-opus-4-8",
        "google/gemini-2.5-flash",
        "text-embedding-3-small",
    ]
    table, documents, models = empty_table(), {}, {}
    with Client("key", gateway.base_url) as client:
        for model in names:
            models[model] = [client.models.get(model)]
            for endpoint_type in endpoint_types(model, models[model]):
                documents[model, endpoint_type] = client.models.request_schema(model, endpoint_type)
    assert write_live_models(table, models, documents) == {}
    loader.add_live_table(table)
    assert lookup(names[0]).parameter("temperature", RESPONSES) is not None
    assert lookup(names[1]).messages_parameters
    assert lookup(names[3]).endpoints == {"embeddings"}


def test_live_schema_that_is_read_again_replaces_the_first_and_keeps_what_was_looked_up() -> None:
    refresh(document(chat_schema(temperature=TEMPERATURE)))
    model = lookup("acme/one")
    refresh(document(chat_schema(temperature=TEMPERATURE)))
    assert lookup("acme/one") is model
    refresh(document(chat_schema(seed={"type": "integer"})))
    assert set(lookup("acme/one").parameters(CHAT)) == {"seed"}
    assert len(loader._live_tables) == 1
