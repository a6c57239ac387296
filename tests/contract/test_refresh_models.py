"""The maintainer's script, run as a maintainer runs it, on a contract and a catalogue of a few lines."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jsonschema")

SCRIPT = Path(__file__).with_name("refresh_models.py")
STRING = {"type": "string"}
TEMPERATURE = {"type": "number", "minimum": 0, "maximum": 2}


def turn(role: str, content: dict[str, Any] = STRING) -> dict[str, Any]:
    properties = {"role": {"type": "string", "enum": [role]}, "content": content}
    return {"type": "object", "properties": properties, "required": ["role", "content"], "additionalProperties": False}


def chat_schema(*roles: str, **listed: Any) -> dict[str, Any]:
    messages = {"type": "array", "items": {"anyOf": [turn(role) for role in roles]}}
    return {"type": "object", "properties": {"model": STRING, "messages": messages, **listed}}


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    shapes = {
        "plain": chat_schema("user", "assistant", temperature=TEMPERATURE),
        "system": chat_schema("system", "user", "assistant", temperature={**TEMPERATURE, "maximum": 1}, seed={}),
    }
    chat = {"a/one": {"request": "plain"}, "a/two": {"request": "plain"}, "b/three": {"request": "system"}}
    endpoints = {"/v1/chat/completions": chat, "/v1/responses": {}, "/v1/embeddings": {}, "/v1/messages": {}}
    with gzip.open(tmp_path / "contract.json.gz", "wt") as file:
        json.dump({"source": "here", "endpoints": endpoints, "shapes": shapes}, file)
    rows = ({"id": key, "developer": "Open AI", "name": None, "context": 8, "listed": True} for key in chat)
    (tmp_path / "models.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    table = {
        "about": {"text": "About.", "date": ""},
        "quirks": {"reasons": "It reasons."},
        "parameters": {"kinds": {}, "sets": {}},
        "capabilities": {"chat": {"*": {"user_parts": "text"}}, "responses": {}, "embeddings": {}},
        "families": {"": {"chat": ["*", "*"]}, "b/": {"by": "Bee", "quirks": "reasons"}},
        "models": {"a/two": {"max_output": 7}},
    }
    (tmp_path / "models.json").write_text(json.dumps(table))
    return tmp_path / "models.json"


def refresh(out: Path, *args: str | Path) -> dict[str, Any]:
    command = [sys.executable, SCRIPT, "--out", out, "--date", "2030-01-02", *args]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return dict(json.loads(out.read_text()))


def test_models_with_equal_schemas_share_capabilities(contract: Path, out: Path) -> None:
    table = refresh(out, "--contract", contract)
    models = table["models"]
    assert models["a/one"]["chat"] == models["a/two"]["chat"] == ["a/one", "a/one"]
    assert table["capabilities"]["chat"]["a/one"]["roles"] == "assistant user"
    assert table["capabilities"]["chat"]["b/three"]["roles"] == "assistant system user"
    assert table["parameters"]["kinds"]["temperature/2"] == {"type": "number", "min": 0, "max": 1}
    assert table["parameters"]["sets"]["b/three"]["with"] == "seed temperature/2"
    assert table["about"] == {"text": "About.", "date": "2030-01-02", "source": "here"}


def test_refresh_keeps_manual_facts_and_new_rows_inherit_from_families(contract: Path, out: Path) -> None:
    table = refresh(out, "--contract", contract)
    assert table["models"]["a/two"]["max_output"] == 7
    assert table["models"]["b/three"]["quirks"] == "reasons"
    assert table["models"]["b/three"]["by"] == "OpenAI"
    assert table["capabilities"]["chat"]["*"] == {"user_parts": "text"}


def test_second_refresh_changes_nothing(contract: Path, out: Path) -> None:
    refresh(out, "--contract", contract)
    before = out.read_bytes()
    refresh(out, "--contract", contract)
    assert out.read_bytes() == before


def test_catalogue_is_merged_into_the_table(contract: Path, out: Path, tmp_path: Path) -> None:
    units = [
        {"name": "input", "price": 2, "per": 1000},
        {"name": "input", "origin": "cached", "price": 1, "per": 1000},
    ]
    info = {"name": "Two", "developer": "X AI", "contextLength": 16, "outputMax": 4}
    known = {"id": "a/two", "type": "openai/chat-completions", "aliases": ["zwei"], "info": info}
    known |= {"pricing": {"kind": "fixed", "units": units}}
    new = {
        "id": "b/four",
        "type": "openai/chat-completions",
        "aliases": [],
        "info": {"name": "Four", "developer": "Bee"},
    }
    image = {"id": "c/image", "type": "openai/image-generations", "aliases": [], "info": {"name": "", "developer": ""}}
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps({"object": "list", "data": [known, new, image]}))
    models = refresh(out, "--contract", contract, "--catalogue", catalogue)["models"]
    assert models["a/two"] == {
        "by": "xAI",
        "name": "Two",
        "context": 16,
        "max_output": 4,
        "chat": ["a/one", "a/one"],
        "prices": {"input": 0.002, "input.cached": 0.001},
        "aliases": "zwei",
    }
    assert models["b/four"] == {"by": "Bee", "name": "Four", "chat": ["*", "*"], "quirks": "reasons"}
    assert "c/image" not in models
