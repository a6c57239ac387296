"""`AIMLAPIEmbedding`: every hook, sync and async."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from llama_index.core.schema import TextNode

from aimlapi_integrations.errors import APIError, APIResponseError, UnsupportedContentError
from aimlapi_integrations.llama_index import AIMLAPIEmbedding


class Vectors:
    """Respond with vectors that contain the index of their text, in reverse order."""

    def __init__(self, *statuses: int) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.statuses = list(statuses)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        if self.statuses:
            return httpx.Response(self.statuses.pop(), json={"message": "busy"}, headers={"retry-after": "0"})
        query = self.bodies[-1]["input"]
        texts = [query] if isinstance(query, str) else query
        data = [
            {"object": "embedding", "index": i, "embedding": [float(len(text)), 1.0]} for i, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return httpx.Response(200, json={"object": "list", "model": "m", "data": data[::-1], "usage": usage})

    def embedding(self, **argument: Any) -> AIMLAPIEmbedding:
        transport = httpx.MockTransport(self)
        clients = {
            "http_client": httpx.Client(transport=transport),
            "async_http_client": httpx.AsyncClient(transport=transport),
        }
        return AIMLAPIEmbedding(**{"api_key": "k", **clients, **argument})


async def test_embedding_hooks_for_one_text_return_the_same_vector() -> None:
    embedding = Vectors().embedding()
    assert embedding.get_text_embedding("abc") == await embedding.aget_text_embedding("abc") == [3.0, 1.0]
    assert embedding.get_query_embedding("abc") == await embedding.aget_query_embedding("abc") == [3.0, 1.0]


@pytest.mark.parametrize("argument", [{}, {"num_workers": 2}])
@pytest.mark.parametrize("show_progress", [False, True])
async def test_embedding_batches_return_vectors_in_order(argument: dict[str, Any], show_progress: bool) -> None:
    vectors = Vectors()
    embedding = vectors.embedding(embed_batch_size=2, **argument)
    texts = ["a", "bb", "ccc", "dddd", "eeeee"]
    expected = [[float(len(text)), 1.0] for text in texts]
    assert embedding.get_text_embedding_batch(texts, show_progress=show_progress) == expected
    assert len(vectors.bodies) == 3
    assert await embedding.aget_text_embedding_batch(texts, show_progress=show_progress) == expected
    assert len(vectors.bodies) == 6


async def test_embedding_of_no_texts_sends_no_request() -> None:
    vectors = Vectors()
    embedding = vectors.embedding()
    assert embedding.get_text_embedding_batch([]) == await embedding.aget_text_embedding_batch([]) == []
    assert embedding._get_text_embeddings([]) == await embedding._aget_text_embeddings([]) == []
    assert vectors.bodies == []


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (["a", "b", "c", ""], UnsupportedContentError, r"texts\[3\] is empty"),
        (["a", "b", 5], TypeError, r"texts\[2\] is int"),
    ],
)
async def test_embedding_of_an_invalid_text_raises_with_its_index(texts: Any, error: Any, message: str) -> None:
    vectors = Vectors()
    embedding = vectors.embedding(embed_batch_size=2)
    with pytest.raises(error, match=message):
        embedding.get_text_embedding_batch(texts)
    with pytest.raises(error, match=message):
        await embedding.aget_text_embedding_batch(texts)
    assert vectors.bodies == []


TEXTS = ["a", "bb", "ccc"]


@pytest.mark.parametrize(
    "argument", [iter, tuple, lambda texts: (text for text in texts), lambda texts: dict.fromkeys(texts).keys()]
)
async def test_texts_of_any_iterable_are_embedded_in_their_order(argument: Any) -> None:
    embedding = Vectors().embedding(embed_batch_size=2)
    expected = [[float(len(text)), 1.0] for text in TEXTS]
    assert embedding.get_text_embedding_batch(argument(TEXTS)) == expected
    assert await embedding.aget_text_embedding_batch(argument(TEXTS)) == expected


@pytest.mark.parametrize("texts", ["abc", b"abc", {"a": 1}, 5, None])
async def test_embedding_of_a_string_raises(texts: Any) -> None:
    vectors = Vectors()
    with pytest.raises(TypeError, match="Embeddings take a list of texts"):
        vectors.embedding().get_text_embedding_batch(texts)
    with pytest.raises(TypeError, match="Embeddings take a list of texts"):
        await vectors.embedding().aget_text_embedding_batch(texts)
    assert vectors.bodies == []


@pytest.mark.parametrize("vector", [[[1.0, 1.0]], [[1.0], [1.0], [1.0]]], ids=["too few", "too many"])
def test_embedding_response_with_wrong_count_raises(vector: list[list[float]]) -> None:
    data = [{"index": index, "embedding": each} for index, each in enumerate(vector)]
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": data, "model": "m"}))
    embedding = AIMLAPIEmbedding(api_key="k", http_client=httpx.Client(transport=transport))
    with pytest.raises(APIResponseError, match="expected 2 embeddings"):
        embedding.get_text_embedding_batch(["a", "b"])


def test_embedding_by_default_sends_100_texts_per_request() -> None:
    vectors = Vectors()
    vectors.embedding().get_text_embedding_batch(["text"] * 150)
    assert [len(body["input"]) for body in vectors.bodies] == [100, 50]


def test_embedding_with_any_model_sends_parameters_and_text_unchanged() -> None:
    vectors = Vectors()
    vectors.embedding(model="nobody/new", dimensions=2, additional_kwargs={"user": "me"}).get_text_embedding(
        "two\nlines"
    )
    [body] = vectors.bodies
    assert (body["model"], body["dimensions"], body["user"]) == ("nobody/new", 2, "me")
    assert body["input"] in ("two\nlines", ["two\nlines"])


def test_retries_happen_in_one_layer() -> None:
    vectors = Vectors(500, 429)
    assert vectors.embedding(max_retries=2).get_text_embedding("abc") == [3.0, 1.0]
    assert len(vectors.bodies) == 3
    failing = Vectors(500, 500, 500)
    with pytest.raises(APIError):
        failing.embedding(max_retries=1).get_text_embedding("abc")
    assert len(failing.bodies) == 2
    none = Vectors(500, 500)
    with pytest.raises(APIError):
        none.embedding(max_retries=0).get_text_embedding("abc")
    assert len(none.bodies) == 1


async def test_messages_endpoint_in_every_mode_answers(embedding: AIMLAPIEmbedding) -> None:
    nodes = embedding([TextNode(text="The Douro flows through Porto."), TextNode(text="Bread is baked in ovens.")])
    query = await embedding.aget_query_embedding("Which river flows through Porto?")
    assert embedding.similarity(query, nodes[0].embedding) > embedding.similarity(query, nodes[1].embedding)
    small = embedding.model_copy(update={"dimensions": 64})
    assert len(small.get_text_embedding("Porto")) == 64
