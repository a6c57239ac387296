"""The catalogue: every documented model, its filters, its entity tag."""

from __future__ import annotations

from typing import Any

import pytest

from .wires import MODEL, Wire


def listed(wire: Wire, **params: Any) -> dict[str, dict[str, Any]]:
    return {model["id"]: model for model in wire.http.get("models", params=params).json()["data"]}


def test_every_model_has_the_gateways_shape(wire: Wire) -> None:
    del wire.http.headers["authorization"]
    every = listed(wire)
    assert len(every) > 400
    assert set(every[MODEL]) == {"id", "aliases", "type", "info", "tags"}
    assert every[MODEL]["type"] == "openai/chat-completions"
    assert every[MODEL]["info"]["contextLength"] == 400_000


def test_filters(wire: Wire) -> None:
    assert set(listed(wire, id="GPT-4o,voyage-2")) == {"gpt-4o", "voyage-2"}
    assert set(listed(wire, id=["gpt-4o", "voyage-2"], type="openai/embeddings")) == {"voyage-2"}
    assert listed(wire, tags="nothing") == {}
    assert MODEL in listed(wire, capabilities="vision")
    assert "alibaba/qwen-max" not in listed(wire, capabilities="vision")


def test_include(wire: Wire) -> None:
    assert "tools" in listed(wire, id=MODEL, include="capabilities")[MODEL]["capabilities"]
    assert {"pricing", "modalities"} <= set(listed(wire, id=MODEL, include="all")[MODEL])


def test_an_unchanged_list_is_not_sent_again(wire: Wire) -> None:
    first = wire.http.get("models")
    assert first.headers["etag"].startswith('W/"')
    again = wire.http.get("models", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", [f"model/{MODEL}", f"model/{MODEL.upper()}"])
def test_one_model(wire: Wire, path: str) -> None:
    assert wire.http.get(path).json()["data"]["id"] == MODEL
    assert wire.http.get(wire.gateway.base_url.removesuffix("/v1") + "/" + path).status_code == 200


def test_a_model_that_is_not_there(wire: Wire) -> None:
    assert wire.http.get("model/none").status_code == 404
