"""The catalogue: every documented model, filters, entity tags."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.gateway_client import MODEL, GatewayClient


def listed(client: GatewayClient, **params: Any) -> dict[str, dict[str, Any]]:
    return {model["id"]: model for model in client.http.get("models", params=params).json()["data"]}


def test_model_list_without_filters_has_every_model_in_the_gateways_form(client: GatewayClient) -> None:
    del client.http.headers["authorization"]
    every = listed(client)
    assert len(every) > 400
    assert set(every[MODEL]) == {"id", "aliases", "type", "info", "tags"}
    assert every[MODEL]["type"] == "openai/chat-completions"
    assert every[MODEL]["info"]["contextLength"] == 400_000


def test_model_list_with_filters_has_only_matching_models(client: GatewayClient) -> None:
    assert set(listed(client, id="GPT-4o,voyage-2")) == {"gpt-4o", "voyage-2"}
    assert set(listed(client, id=["gpt-4o", "voyage-2"], type="openai/embeddings")) == {"voyage-2"}
    assert listed(client, tags="nothing") == {}
    assert MODEL in listed(client, capabilities="vision")
    assert "alibaba/qwen-max" not in listed(client, capabilities="vision")


def test_model_list_with_include_has_the_requested_fields(client: GatewayClient) -> None:
    assert "tools" in listed(client, id=MODEL, include="capabilities")[MODEL]["capabilities"]
    assert {"pricing", "modalities"} <= set(listed(client, id=MODEL, include="all")[MODEL])


def test_model_list_with_known_etag_answers_304(client: GatewayClient) -> None:
    first = client.http.get("models")
    assert first.headers["etag"].startswith('W/"')
    again = client.http.get("models", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", [f"model/{MODEL}", f"model/{MODEL.upper()}"])
def test_model_by_id_in_any_case_and_path_is_returned(client: GatewayClient, path: str) -> None:
    assert client.http.get(path).json()["data"]["id"] == MODEL
    assert client.http.get(client.gateway.base_url.removesuffix("/v1") + "/" + path).status_code == 200


def test_model_with_unknown_id_answers_404(client: GatewayClient) -> None:
    assert client.http.get("model/none").status_code == 404
