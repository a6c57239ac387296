"""Embeddings: of unit length, alike for texts that are alike, in the sizes and forms of each family."""

from __future__ import annotations

import base64
import math
import struct

import pytest

from .wires import Json, Wire, refusal


def embed(wire: Wire, *texts: str, model: str = "text-embedding-3-small") -> list[list[float]]:
    body = wire.post("embeddings", {"model": model, "input": list(texts)}).raise_for_status().json()
    return [item["embedding"] for item in body["data"]]


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_similar_texts_are_near(wire: Wire) -> None:
    query, near, far = embed(
        wire, "Who created Python?", "Python was created by Guido van Rossum.", "Honey keeps for years in a jar."
    )
    assert likeness(query, near) > 0.3 > likeness(query, far)
    assert math.isclose(likeness(query, query), 1)


def test_the_same_text_is_the_same_vector(wire: Wire) -> None:
    assert embed(wire, "a b", "c") == [*embed(wire, "a b"), *embed(wire, "c")]


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
def test_each_family_has_its_size(wire: Wire, model: str, size: int) -> None:
    assert [len(vector) for vector in embed(wire, "x", model=model)] == [size]


def test_dimensions_and_base64(wire: Wire) -> None:
    body = {"model": "text-embedding-3-small", "input": "Hello", "dimensions": 64}
    plain = wire.post("embeddings", body).json()["data"][0]["embedding"]
    packed = wire.post("embeddings", {**body, "encoding_format": "base64"}).json()["data"][0]["embedding"]
    assert struct.unpack("<64f", base64.b64decode(packed)) == pytest.approx(plain)


def test_usage(wire: Wire) -> None:
    reply = wire.post("embeddings", {"model": "text-embedding-3-small", "input": "Hello"}).json()
    assert reply["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    assert reply["meta"]["usage"]["credits_used"] >= 1
    voyage = wire.post("embeddings", {"model": "voyage-2", "input": "Hello"}).json()
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
def test_what_is_refused(wire: Wire, body: Json, path: str) -> None:
    found = refusal(wire.post("embeddings", {"model": "text-embedding-3-small", **body}))
    assert path in [where for where, _ in found]
