"""Options: unknown models, the request log, hidden keys. And which models exist."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from aimlapi_integrations.emulator import Emulator, create_app
from tests.emulator.gateway_client import JSON, MODEL, GatewayClient

SECRET = "sk-very-secret-0123456789"
USER = {"role": "user", "content": "Hi"}


def request_body(path: str, model: str) -> JSON:
    return (
        {"model": model, "input": "Hi"} if path in ("responses", "embeddings") else {"model": model, "messages": [USER]}
    )


NOT_FOUND, NOT_HERE, OK = 404, 400, 200


@pytest.mark.parametrize(
    ("path", "model", "status"),
    [
        *((path, "made-up/model", NOT_FOUND) for path in ("chat/completions", "responses", "embeddings")),
        ("messages", "anthropic/claude-made-up", NOT_FOUND),
        ("chat/completions", "", NOT_FOUND),
        *((path, "emulator/anything", OK) for path in ("chat/completions", "responses", "embeddings")),
        *((path, "dall-e-3", NOT_HERE) for path in ("chat/completions", "responses", "embeddings", "messages")),
        ("chat/completions", "text-embedding-3-small", NOT_HERE),
        ("responses", "text-embedding-3-small", NOT_HERE),
        ("embeddings", MODEL, NOT_HERE),
        ("messages", MODEL, NOT_HERE),
        ("chat/completions", "openai/gpt-5-mini", OK),
        ("messages", "anthropic/claude-opus-4.8", OK),
        ("messages", "anthropic/claude-opus-4-8", OK),
        ("chat/completions", "anthropic/claude-opus-4.8-fast", NOT_FOUND),
        ("responses", "openai/gpt-6-luna", OK),
    ],
)
def test_model_on_an_endpoint_answers_as_the_gateway_does(
    client: GatewayClient, path: str, model: str, status: int
) -> None:
    response = client.post(path, request_body(path, model))
    assert response.status_code == status
    expected = {404: f"Model {model} not found", 400: f"Model {model} is not available on /v1/{path}"}
    assert status == OK or response.json()["message"] == expected[status]


@pytest.mark.parametrize("path", ["chat/completions", "responses", "embeddings"])
def test_unknown_model_with_any_model_is_served(path: str) -> None:
    with Emulator(any_model=True) as gateway, httpx.Client(headers={"authorization": "Bearer k"}) as http:
        url = f"{gateway.base_url}/{path}"
        assert http.post(url, json=request_body(path, "made-up/model")).status_code == OK
        assert http.post(url, json=request_body(path, "this-does-not-exist")).status_code == NOT_FOUND
        assert http.post(url, json=request_body(path, "dall-e-3")).status_code == NOT_HERE


def test_every_listed_model_is_served_where_its_type_says(client: GatewayClient) -> None:
    paths = {
        "openai/chat-completions": "chat/completions",
        "openai/responses": "responses",
        "openai/embeddings": "embeddings",
    }
    models = client.http.get("models").json()["data"]
    bodies = [(paths[model["type"]], request_body(paths[model["type"]], model["id"])) for model in models]
    responses = [(body["model"], client.post(path, body)) for path, body in bodies]
    assert [(model, response.text) for model, response in responses if response.status_code in (400, 404)] == []


async def request_with_log(app_options: dict[str, Any], *requests: tuple[str, str, JSON | None]) -> None:
    transport = httpx.ASGITransport(app=create_app(**app_options))
    headers = {"authorization": f"Bearer {SECRET}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/v1/", headers=headers) as http:
        for method, path, body in requests:
            await http.request(method, path, json=body)


async def test_log_has_one_line_per_request_without_keys() -> None:
    lines: list[str] = []
    await request_with_log(
        {"log": lines.append},
        ("POST", "chat/completions", {"model": MODEL, "messages": [USER]}),
        ("POST", "chat/completions", {"model": MODEL, "messages": [USER], "stream": True}),
        ("GET", f"models?key={SECRET}", None),
        ("POST", "embeddings", {"model": SECRET, "input": "x"}),
        ("POST", "embeddings", {"model": "two\nlines and spaces", "input": "x"}),
        ("POST", "nowhere", None),
    )
    assert [re.sub(r"\d+ ms$", "N ms", line) for line in lines] == [
        f"POST /v1/chat/completions {MODEL} 200 N ms",
        f"POST /v1/chat/completions {MODEL} 200 N ms",
        "GET /v1/models - 200 N ms",
        "POST /v1/embeddings [hidden] 404 N ms",
        "POST /v1/embeddings two?lines?and?spaces 404 N ms",
        "POST /v1/nowhere - 404 N ms",
    ]


async def test_log_true_writes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    await request_with_log({"log": True}, ("GET", "models", None))
    assert capsys.readouterr().err.startswith("GET /v1/models - 200 ")


def test_log_of_a_dropped_connection_has_no_status() -> None:
    lines: list[str] = []
    with Emulator(log=lines.append) as gateway, pytest.raises(httpx.TransportError):
        httpx.post(f"{gateway.base_url}/chat/completions", json={"model": "emulator/drop", "messages": [USER]})
    assert lines[0].startswith("POST /v1/chat/completions emulator/drop - ")


def test_recorded_request_with_hide_keys_has_no_key() -> None:
    tool = {"type": "mcp", "server_label": "a", "server_url": "b", "headers": {"Authorization": f"Bearer {SECRET}"}}
    body = {"model": MODEL, "input": "Hi", "tools": [tool]}
    headers = {"authorization": f"Bearer {SECRET}", "x-api-key": SECRET, "x-title": "App"}
    for hide_keys in (True, False):
        with Emulator(hide_keys=hide_keys) as gateway:
            assert httpx.post(f"{gateway.base_url}/responses", json=body, headers=headers).status_code == OK
            [record] = gateway.requests
        assert (SECRET in repr(record)) is not hide_keys
        assert record.headers["x-title"] == "App"
        assert record.json is not None
        assert record.json["tools"][0]["server_url"] == "b"


def test_deprecations_list_replacements_and_dates(client: GatewayClient) -> None:
    del client.http.headers["authorization"]
    rows = {row["model"]: row for row in client.http.get("models/deprecations").json()["data"]}
    assert {row["status"] for row in rows.values()} == {"deprecated", "superseded", "withdrawn"}
    assert all({"replaced_by", "shutdown_at"} <= set(row) for row in rows.values())
    listed = {model["id"] for model in client.http.get("models").json()["data"]}
    for model, row in rows.items():
        assert (model in listed) is (row["status"] != "withdrawn")
        assert row["replaced_by"] is None or row["replaced_by"] in listed
