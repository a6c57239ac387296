"""Hostile requests: they answer 400 or a normal reply, soon."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.emulator.gateway_client import JSON, MODEL, GatewayClient

CHAT, RESPONSES, MESSAGES, EMBEDDINGS = "chat/completions", "responses", "messages", "embeddings"
CLAUDE = "anthropic/claude-sonnet-4.6"


def chat_request(text: Any, **fields: Any) -> JSON:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}


def raw_bodies(path: str, value: str) -> bytes:
    """A body with raw JSON text as the user's text."""
    if path in (RESPONSES, EMBEDDINGS):
        model = "text-embedding-3-small" if path == EMBEDDINGS else MODEL
        return f'{{"model": "{model}", "input": {value}}}'.encode()
    model = CLAUDE if path == MESSAGES else MODEL
    return f'{{"model": "{model}", "messages": [{{"role": "user", "content": {value}}}]}}'.encode()


DEEP = "[" * 50_000 + "]" * 50_000
HOSTILE = {
    "lone surrogate": '"\\ud800"',
    "lone surrogate in upper case": '"\\uDC00 x"',
    "deep list": DEEP,
    "deep object": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "huge integer": "9" * 10_000,
    "huge float": "1e999",
    "NaN": "NaN",
    "Infinity": "-Infinity",
}


@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES, EMBEDDINGS])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_json_answers_400(client: GatewayClient, path: str, name: str) -> None:
    response = client.http.post(path, content=raw_bodies(path, HOSTILE[name]))
    assert response.status_code == 400, response.text
    assert response.json()["message"].startswith("Bad Request")


def test_invalid_utf_8_answers_400(client: GatewayClient) -> None:
    assert client.http.post(CHAT, content=b'{"model": "\xed\xa0\x80"}').status_code == 400


def test_surrogate_pair_is_accepted(client: GatewayClient) -> None:
    response = client.http.post(CHAT, content=raw_bodies(CHAT, '"\\ud83d\\ude00"'))
    assert response.json()["choices"][0]["message"]["content"].endswith("😀")


def nested(depth: int) -> JSON:
    schema: JSON = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


def array(items: JSON, length: int) -> JSON:
    return {"type": "array", "items": items, "minItems": length}


SCHEMAS: dict[str, JSON] = {
    "recursive reference": {"$ref": "#"},
    "deep": nested(300),
    "empty enum": {"enum": []},
    "properties that are a list": {"type": "object", "properties": ["a"]},
    "reference that is a number": {"$ref": 5},
    "exponential": array(array(array(array({"type": "integer"}, 99), 99), 99), 99),
    "endless array": array({"type": "string"}, 10**12),
    "endless text": {"type": "string", "minLength": 10**12},
    "endless pattern": {"type": "string", "pattern": "a{999999999}"},
    "backtracking pattern": {"type": "string", "pattern": "^(a+)+$", "default": "a" * 40 + "b"},
    "invalid pattern": {"type": "string", "pattern": "(["},
    "huge bounds": {"type": "integer", "minimum": 10**400},
    "many properties": {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(5_000)}},
    "many options": {"enum": [f"option {i}" for i in range(20_000)]},
}


TEXTS = {"short": "aaaa " * 10, "long": "name: '" + "x" * 50_000, "numbers": "1 " * 50_000}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("text", TEXTS)
def test_hostile_schema_is_answered_soon(client: GatewayClient, name: str, text: str) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "S", "schema": SCHEMAS[name]}}
    tool = {"type": "function", "function": {"name": "f", "parameters": SCHEMAS[name]}}
    for fields in ({"response_format": schema}, {"tools": [tool], "tool_choice": "required"}):
        start = time.perf_counter()
        response = client.post(CHAT, chat_request(TEXTS[text], **fields))
        assert response.status_code in (200, 400), response.text
        assert time.perf_counter() - start < 3


LENGTH = 200_000
PROMPTS: dict[str, str] = {
    "letters": "a" * LENGTH,
    "spaces": "age" + " " * LENGTH,
    "newlines": "Follow Up Message: standalone question" + "\n" * LENGTH,
    "digits": "1 " * (LENGTH // 2),
    "operators": "1 + - " * (LENGTH // 6),
    "quotes": '"' * LENGTH,
    "opening quotes": "“‘「" * (LENGTH // 3),
    "capitals": "In A " * (LENGTH // 5),
    "dashes": "Context information" + "-" * LENGTH,
    "braces": 'JSON schema {"a": [' * (LENGTH // 20),
    "observations": "Thought: Action: Action Input: \nObservation: " * (LENGTH // 45),
    "tools": "Thought: Action: Action Input: > Tool Name: a\nTool Description: b\nTool Args: {\n" * (LENGTH // 80),
    "documents": "list of documents is shown below Doc: 1, Relevance: 1\nDocument 1:\n" * (LENGTH // 65),
    "choices": "Some choices are given below numbered list\n-----\n(1) a\n" * (LENGTH // 60),
    "contexts": "Context information Context: Query: Question: " * (LENGTH // 45),
    "sentences": "Context: The end of it. " * (LENGTH // 24),
    "addresses": "a@b.c to " * (LENGTH // 9),
}
PROPERTIES = ["name", "city", "email", "url", "date", "expression", "query", "target", "origin", "age", "count"]
FORM = {
    "type": "object",
    "properties": {name: {"type": "integer" if name in ("age", "count") else "string"} for name in PROPERTIES},
    "required": PROPERTIES,
}


@pytest.mark.parametrize("name", PROMPTS)
def test_hostile_prompt_is_answered_soon(client: GatewayClient, name: str) -> None:
    response_format = {"type": "json_schema", "json_schema": {"name": "S", "schema": FORM}}
    tool = {"type": "function", "function": {"name": "form", "parameters": FORM}}
    for fields in ({}, {"response_format": response_format}, {"tools": [tool], "tool_choice": "required"}):
        start = time.perf_counter()
        assert client.post(CHAT, chat_request(PROMPTS[name], **fields)).status_code == 200
        assert time.perf_counter() - start < 3


def test_prompt_beyond_the_limit_answers_400(client: GatewayClient) -> None:
    assert client.post(CHAT, chat_request("word " * 1_000_000)).status_code == 400
    body = {"model": "text-embedding-3-small", "input": ["word " * 300_000]}
    assert client.post(EMBEDDINGS, body).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 10**9},
        {"max_tokens": 10**300},
        {"top_logprobs": 10**9},
        {"messages": [{"role": "bot"}] * 20_000},
        {"tools": [{"type": "function", "function": {"name": f"f{i}", "parameters": {}}} for i in range(5_000)]},
    ],
    ids=["n", "max_tokens", "top_logprobs", "messages", "tools"],
)
def test_huge_values_of_a_request_are_answered_soon(client: GatewayClient, fields: JSON) -> None:
    start = time.perf_counter()
    assert client.post(CHAT, chat_request("What is this about, please?", **fields)).status_code in (200, 400)
    assert time.perf_counter() - start < 3


def test_large_request_of_one_client_leaves_others_served(client: GatewayClient) -> None:
    large = {"model": "text-embedding-3-small", "input": ["word " * 1000] * 100}
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=client.gateway.base_url, timeout=10) as other:
        future = pool.submit(client.post, EMBEDDINGS, large)
        served = 0
        while not future.done():
            assert other.get("model/gpt-4o").status_code == 200
            served += 1
        assert future.result().status_code == 200
    assert served > 1
