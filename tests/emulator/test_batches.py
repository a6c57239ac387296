"""`/v1/batches` and `/v1/decisions` of the emulator, over raw HTTP: what they accept, refuse and reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.gateway_client import JSON, GatewayClient

CLAUDE = "anthropic/claude-sonnet-4.5"
JEV = "typesafe/jev"


def request(custom_id: str = "a", text: Any = "Hello", **params: Any) -> JSON:
    body = {"model": CLAUDE, "max_tokens": 50, "messages": [{"role": "user", "content": text}], **params}
    return {"custom_id": custom_id, "params": body}


def submit(client: GatewayClient, *requests: JSON, **headers: str) -> JSON:
    batch: JSON = client.post("batches", {"requests": list(requests)}, **headers).raise_for_status().json()
    return batch


def retrieve(client: GatewayClient, batch_id: str) -> Any:
    return client.http.get("batches", params={"batch_id": batch_id}).raise_for_status().json()


def results(client: GatewayClient, batch_id: str) -> dict[str, JSON]:
    assert retrieve(client, batch_id) == [{"id": batch_id, "status": "generating"}]
    return {row["custom_id"]: row["result"] for row in retrieve(client, batch_id)}


# --- batches --------------------------------------------------------------------------------------------------------


def test_a_batch_is_pending_once_and_then_has_results_without_prices(client: GatewayClient) -> None:
    batch = submit(client, request("a", "one"), request("b", "two"))
    assert (batch["type"], batch["processing_status"], batch["request_counts"]["processing"]) == (
        "message_batch",
        "in_progress",
        2,
    )
    rows = results(client, batch["id"])
    assert list(rows) == ["a", "b"]
    message = rows["a"]["message"]
    assert (rows["a"]["type"], message["usage"]["service_tier"], "meta" in message) == ("succeeded", "batch", False)
    assert message["content"] == [{"type": "text", "text": "[emulated] You said: one"}]


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_the_paths_are_served_with_and_without_a_version(client: GatewayClient, prefix: str) -> None:
    root = client.gateway.base_url.removesuffix("/v1") + prefix
    batch = client.http.post(f"{root}/batches", json={"requests": [request()]}).raise_for_status().json()
    assert client.http.post(f"{root}/batches/cancel/{batch['id']}").json()["processing_status"] == "canceling"
    assert client.http.get(f"{root}/batches?batch_id={batch['id']}").status_code == 200


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "requests"),
        ({"requests": None}, "requests"),
        ({"requests": []}, "requests"),
        ({"requests": [{"custom_id": "a"}]}, "requests.0.params"),
        ({"requests": [{"params": request()["params"]}]}, "requests.0.custom_id"),
        ({"requests": [request("")]}, "requests.0.custom_id"),
        ({"requests": [request("a b")]}, "requests.0.custom_id"),
        ({"requests": [request("x" * 65)]}, "requests.0.custom_id"),
        ({"requests": [request(), request()]}, "requests"),
        ({"requests": [request(messages=[])]}, "requests.0.params.messages"),
        ({"requests": [request(model="")]}, "requests.0.params.model"),
        ({"requests": [request(max_tokens=0)]}, "requests.0.params.max_tokens"),
    ],
)
def test_an_invalid_batch_is_refused(client: GatewayClient, body: JSON, path: str) -> None:
    response = client.post("batches", body)
    assert response.status_code == 400
    assert path in json.dumps(response.json()["error"]["details"])


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"model": "openai/gpt-5-mini-2025-08-07"}, "not available"),
        ({"model": "anthropic/claude-none"}, "claude-none"),
        ({"temperature": 7}, "temperature"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role"),
        ({"tools": [{"name": ""}]}, "tools"),
    ],
)
def test_an_invalid_request_fails_alone(client: GatewayClient, params: JSON, problem: str) -> None:
    rows = results(client, submit(client, request("bad", **params), request("good"))["id"])
    assert rows["good"]["type"] == "succeeded"
    assert rows["bad"]["type"] == "errored"
    assert rows["bad"]["error"]["error"]["type"] == "invalid_request_error"
    assert problem in rows["bad"]["error"]["error"]["message"]


@pytest.mark.parametrize(
    ("fault", "types"),
    [
        ("batch-errored", ["errored", "succeeded", "succeeded"]),
        ("batch-expired;rows=2", ["expired", "expired", "succeeded"]),
        ("batch-canceled;rows=3", ["canceled"] * 3),
    ],
)
def test_requests_fail_if_a_fault_says_so(client: GatewayClient, fault: str, types: list[str]) -> None:
    batch = submit(client, *map(request, "abc"), x_emulator_fault=fault)
    assert [row["type"] for row in results(client, batch["id"]).values()] == types


def test_the_model_of_a_request_can_name_a_fault(client: GatewayClient) -> None:
    batch = submit(client, request("a", model=f"{CLAUDE}#fault=batch-expired"), request("b"))
    assert [row["type"] for row in results(client, batch["id"]).values()] == ["expired", "succeeded"]


def test_results_can_be_json_lines(client: GatewayClient) -> None:
    batch = submit(client, request("a"), request("b"), x_emulator_fault="batch-lines;polls=0")
    text = client.http.get("batches", params={"batch_id": batch["id"]}).text
    assert [json.loads(line)["custom_id"] for line in text.split("\n")] == ["a", "b"]


def test_a_stuck_batch_stays_pending_until_it_is_canceled(client: GatewayClient) -> None:
    batch_id = submit(client, request(), x_emulator_fault="batch-stuck")["id"]
    for _ in range(3):
        assert retrieve(client, batch_id)[0]["status"] == "generating"
    client.http.post(f"batches/cancel/{batch_id}").raise_for_status()
    assert retrieve(client, batch_id)[0]["status"] == "cancelled"


def test_a_batch_that_has_ended_is_not_canceled(client: GatewayClient) -> None:
    batch_id = submit(client, request())["id"]
    results(client, batch_id)
    response = client.http.post(f"batches/cancel/{batch_id}")
    assert response.status_code == 400
    assert "has already finished processing" in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "batches", 400),
        ("GET", "batches?batch_id=none", 404),
        ("POST", "batches/cancel/none", 404),
    ],
)
def test_what_does_not_exist(client: GatewayClient, method: str, path: str, status: int) -> None:
    assert client.http.request(method, path).status_code == status


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "batches"), ("GET", "batches?batch_id=x"), ("POST", "decisions")]
)
def test_a_key_is_needed(client: GatewayClient, method: str, path: str) -> None:
    assert client.http.request(method, path, headers={"authorization": ""}).status_code == 401


# --- decisions ------------------------------------------------------------------------------------------------------


def question(kind: str = "noul", **fields: Any) -> JSON:
    return {"type": kind, "instructions": "Is it about rivers?", **fields}


def decide(client: GatewayClient, state: Any = "Rivers of Portugal", **questions: Any) -> Any:
    return client.post("decisions", {"model": JEV, "state": state, "questions": questions})


def test_each_kind_of_question_is_answered(client: GatewayClient) -> None:
    body = decide(
        client,
        yes=question(),
        choice=question("choice", criteria={"water": "rivers, lakes", "food": "bread"}),
        score=question("score", criteria=["bread", "rivers"]),
    ).json()
    assert body["answers"]["yes"]["noul"] > 0.9
    assert body["answers"]["choice"]["choice"] == "water"
    assert body["answers"]["score"]["score"] > 0.5
    assert body["answers"]["score"]["legend"] == {"0": "bread", "1": "rivers"}
    assert body["usage"]["total_tokens"] == body["usage"]["input_tokens"] + body["usage"]["output_tokens"]
    assert body["meta"]["usage"]["credits_used"] > 0


def test_texts_with_more_words_of_the_query_are_more_relevant(client: GatewayClient) -> None:
    state = {
        "query": "Which river flows through Porto?",
        "documents": ["Bread.", "The river Douro flows through Porto."],
    }
    questions = {f"d{n}": question(instructions=f"Does `documents[{n}]` help to answer `query`?") for n in range(2)}
    answers = decide(client, state, **questions).json()["answers"]
    assert answers["d1"]["noul"] > answers["d0"]["noul"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"state": ""}, "state"),
        ({"state": None}, "state"),
        ({"questions": {}}, "questions"),
        ({"questions": []}, "questions"),
        ({"questions": {"a": {"instructions": "?"}}}, "questions.a"),
        ({"questions": {"a": question("essay")}}, "questions.a"),
        ({"questions": {"a": {"type": "noul"}}}, "questions.a"),
        ({"questions": {"a": question("noul", criteria={"maybe": "x"})}}, "questions.a"),
        ({"questions": {"a": question("choice")}}, "questions.a"),
        ({"questions": {"a": question("choice", criteria={})}}, "questions.a"),
        ({"questions": {"a": question("choice", criteria={str(n): "x" for n in range(256)})}}, "questions.a"),
        ({"questions": {"a": question("score", criteria=["one"])}}, "questions.a"),
        ({"questions": {"a": question("score", criteria=list("abcdefghijk"))}}, "questions.a"),
        ({"questions": {"a": question(extra=1)}}, "questions.a"),
        ({"state": "word " * 60_000}, "state"),
    ],
)
def test_an_invalid_decision_is_refused(client: GatewayClient, body: JSON, path: str) -> None:
    response = client.post("decisions", {"model": JEV, "state": "s", "questions": {"a": question()}, **body})
    assert response.status_code == 400
    assert path in json.dumps(response.json()["error"]["details"]).replace('", "', ".")


@pytest.mark.parametrize(("model", "status"), [("acme/none", 404), ("gpt-4o", 400), (None, 400)])
def test_a_model_that_does_not_decide_is_refused(client: GatewayClient, model: Any, status: int) -> None:
    body = {"model": model, "state": "s", "questions": {"a": question()}}
    assert client.post("decisions", body).status_code in {status, 404}


def test_a_decision_model_does_not_chat(client: GatewayClient) -> None:
    assert client.chat("Hello", model=JEV).status_code in {400, 404}
