"""Embeddings: similarity, dimensions and encodings of each family."""

from __future__ import annotations

import base64
import math
import struct

import pytest

from tests.emulator.gateway_client import JSON, GatewayClient, refused_fields


def embed(client: GatewayClient, *texts: str, model: str = "text-embedding-3-small") -> list[list[float]]:
    body = client.post("embeddings", {"model": model, "input": list(texts)}).raise_for_status().json()
    return [item["embedding"] for item in body["data"]]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_embeddings_of_similar_texts_are_close(client: GatewayClient) -> None:
    query, near, far = embed(
        client, "Who created Python?", "Python was created by Guido van Rossum.", "Honey keeps for years in a jar."
    )
    assert cosine(query, near) > 0.3 > cosine(query, far)
    assert math.isclose(cosine(query, query), 1)


def test_embedding_of_a_text_is_independent_of_the_batch(client: GatewayClient) -> None:
    assert embed(client, "a b", "c") == [*embed(client, "a b"), *embed(client, "c")]


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("text-embedding-3-small", 1536),
        ("text-embedding-3-large", 3072),
        ("text-embedding-ada-002", 1536),
        ("alibaba/qwen-text-embedding-v3", 1024),
        ("text-multilingual-embedding-002", 768),
        ("voyage-2", 1024),
        ("voyage-large-2", 1536),
        ("voyage-large-2-instruct", 1024),
        ("BAAI/bge-large-en-v1.5", 1024),
    ],
)
def test_embedding_has_the_dimensions_of_its_family(client: GatewayClient, model: str, size: int) -> None:
    assert [len(vector) for vector in embed(client, "x", model=model)] == [size]


def test_embedding_in_base64_equals_the_floats(client: GatewayClient) -> None:
    body = {"model": "text-embedding-3-small", "input": "Hello", "dimensions": 64}
    plain = client.post("embeddings", body).json()["data"][0]["embedding"]
    packed = client.post("embeddings", {**body, "encoding_format": "base64"}).json()["data"][0]["embedding"]
    assert struct.unpack("<64f", base64.b64decode(packed)) == pytest.approx(plain)


def test_embedding_usage_has_the_fields_of_its_family(client: GatewayClient) -> None:
    reply = client.post("embeddings", {"model": "text-embedding-3-small", "input": "Hello"}).json()
    assert reply["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    assert reply["meta"]["usage"]["credits_used"] >= 1
    voyage = client.post("embeddings", {"model": "voyage-2", "input": "Hello"}).json()
    assert voyage["usage"] == {"total_tokens": 2}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": [1, 2, 3]}, "input.0"),
        ({"input": [[1, 2]]}, "input.0"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": "x", "user": "me"}, "user"),
        ({"input": "x", "dimensions": 4096}, "dimensions"),
        ({"model": "voyage-2", "input": "x", "input_type": "query"}, "input_type"),
        ({"model": "voyage-2", "input": ["x" * 801]}, "input.0"),
    ],
)
def test_invalid_request_is_refused_at_the_field(client: GatewayClient, body: JSON, path: str) -> None:
    details = refused_fields(client.post("embeddings", {"model": "text-embedding-3-small", **body}))
    assert path in [refused_path for refused_path, _ in details]
