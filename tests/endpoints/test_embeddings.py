"""Encoding and decoding embeddings requests."""

from __future__ import annotations

import base64
import struct
import warnings
from typing import Any

import pytest

from aimlapi_integrations.endpoints import embeddings
from aimlapi_integrations.endpoints.shared.adapt import ParameterWarning
from aimlapi_integrations.errors import APIResponseError, RateLimitError, UnsupportedParameterError
from aimlapi_integrations.types import CallMetadata, Cost, Embeddings, Json, Usage

SMALL = "text-embedding-3-small"
VOYAGE = "voyage-2"


def body(*vectors: Any, **fields: Any) -> Json:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": SMALL, "usage": {"prompt_tokens": 3, "total_tokens": 3}, **fields}


def test_one_text_is_a_string_and_several_are_a_list() -> None:
    assert embeddings.PATH == "/embeddings"
    assert embeddings.encode(["a"], SMALL) == {"model": SMALL, "input": "a"}
    assert embeddings.encode(("a", "b"), SMALL, dimensions=None) == {"model": SMALL, "input": ["a", "b"]}


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (SMALL, {"dimensions": 256, "encoding_format": "base64"}),
        ("alibaba/qwen-text-embedding-v4", {"dimensions": 64}),
        ("text-embedding-004", {"task_type": "CLUSTERING", "title": "t", "auto_truncate": False}),
        (VOYAGE, {"input_type": "document"}),
        ("someone/unknown-embedding", {"anything": 1}),
    ],
)
def test_listed_option_is_sent(model: str, options: Json) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert embeddings.encode(["a"], model, **options) == {"model": model, "input": "a", **options}


@pytest.mark.parametrize(
    ("model", "options", "error_text"),
    [
        (SMALL, {"input_type": "query"}, "does not take 'input_type'.*dimensions, encoding_format"),
        (SMALL, {"user": "me"}, "does not take 'user'"),
        (VOYAGE, {"input_type": "query"}, "input_type='query'.*'document'"),
        ("alibaba/qwen-text-embedding-v4", {"dimensions": 4000}, "dimensions=4000.*64 to 2048"),
        ("text-embedding-004", {"task_type": "POETRY"}, "RETRIEVAL_QUERY"),
    ],
)
def test_refused_option_raises(model: str, options: Json, error_text: str) -> None:
    with pytest.raises(UnsupportedParameterError, match=error_text):
        embeddings.encode(["a"], model, **options)


def test_unlisted_option_is_sent_with_a_warning() -> None:
    with pytest.warns(ParameterWarning, match="'dimensions' is not a parameter that voyage-2 lists"):
        assert embeddings.encode(["a"], VOYAGE, dimensions=2)["dimensions"] == 2
    with pytest.raises(UnsupportedParameterError, match="dimensions"):
        embeddings.encode(["a"], VOYAGE, strict=True, dimensions=2)


@pytest.mark.parametrize(
    ("texts", "error_text"),
    [
        ("a string", "put it into a list"),
        (["a", ""], r"texts\[1\] is empty"),
        (["a", [1, 2]], r"texts\[1\] is list"),
        (["a", None], r"texts\[1\] is NoneType"),
    ],
)
@pytest.mark.parametrize("take", [embeddings.encode, embeddings.split_batches])
def test_invalid_texts_raise(take: Any, texts: Any, error_text: str) -> None:
    with pytest.raises(ValueError if "empty" in error_text else TypeError, match=error_text):
        take(texts, SMALL)


def test_empty_list_raises() -> None:
    with pytest.raises(ValueError, match="No texts"):
        embeddings.encode([], SMALL)


def test_invalid_text_is_named_by_its_index_over_all_batches() -> None:
    with pytest.raises(ValueError, match=r"texts\[3\] is empty"):
        embeddings.split_batches(["a", "b", "c", ""], SMALL, size=2)
    with pytest.raises(ValueError, match=r"texts\[2\] has 8,001 characters; the model takes 8,000"):
        embeddings.split_batches(["a", "x" * 900, "x" * 8001], VOYAGE)


def test_too_long_text_raises_and_is_named() -> None:
    with pytest.raises(ValueError, match=r"texts\[1\] has 801 characters; the model takes 800"):
        embeddings.encode(["a", "x" * 801], VOYAGE)
    with pytest.raises(ValueError, match="8,001 characters"):
        embeddings.encode(["x" * 8001], VOYAGE)
    assert embeddings.encode(["x" * 8000], VOYAGE)["input"] == "x" * 8000


def test_batches_are_limited_by_count_and_size() -> None:
    texts = ["aa", "bb", "cc", "dddddd", "e"]
    assert embeddings.split_batches(texts, SMALL) == [texts]
    assert embeddings.split_batches(texts, SMALL, size=2) == [["aa", "bb"], ["cc", "dddddd"], ["e"]]
    assert embeddings.split_batches(texts, SMALL, characters=5) == [["aa", "bb"], ["cc"], ["dddddd"], ["e"]]
    assert embeddings.split_batches([], SMALL) == []


def test_text_too_long_for_a_list_is_sent_alone() -> None:
    long = "x" * 900
    assert embeddings.split_batches(["a", long, "b", "c", long], VOYAGE) == [["a"], [long], ["b", "c"], [long]]


def test_vectors_are_in_the_order_of_the_texts() -> None:
    answer = body([1, 2], [0.5, -1])
    answer["data"].reverse()
    embeddings_reply = embeddings.decode(answer, {"x-inference-id": "inf"}, 2)
    assert embeddings_reply.vectors == ([1.0, 2.0], [0.5, -1.0])
    assert {type(number) for vector in embeddings_reply.vectors for number in vector} == {float}
    assert (
        embeddings_reply.model,
        embeddings_reply.usage and embeddings_reply.usage.total,
        embeddings_reply.call_metadata,
    ) == (
        SMALL,
        3,
        CallMetadata(inference_id="inf"),
    )


def test_base64_vectors_are_decoded() -> None:
    packed = base64.b64encode(struct.pack("<3f", 0.5, -1.0, 2.0)).decode()
    assert embeddings.decode(body(packed), {}, 1).vectors == ([0.5, -1.0, 2.0],)


def test_usage_and_cost_are_parsed() -> None:
    meta = {"usage": {"credits_used": 20}}
    embeddings_reply = embeddings.decode(body([1.0], usage={"total_tokens": 6}, meta=meta), {}, 1)
    assert embeddings_reply.usage is not None
    assert (embeddings_reply.usage.input, embeddings_reply.usage.total) == (0, 6)
    assert embeddings_reply.cost == Cost("0.000010000", 20)
    assert embeddings.decode(body([1.0], usage=None), {}, 1).usage is None


@pytest.mark.parametrize(
    ("answer", "error_text"),
    [
        ([], "data: expected array"),
        ({}, "data: expected array, received null"),
        (body([1.0]), "expected 2 embeddings, received 1"),
        (body([1.0], []), r"data\[1\].embedding"),
        (body([1.0], None), r"data\[1\].embedding"),
        (body([1.0], ["x"]), r"data\[1\].embedding"),
        (body([1.0], "###"), r"data\[1\].embedding"),
        (body([1.0], {"1": 2}), r"data\[1\].embedding"),
        (body([1.0], ["1"]), r"data\[1\].embedding"),
        (body([1.0], [True]), r"data\[1\].embedding"),
        (body([1.0], [10**400]), r"data\[1\].embedding"),
        (body([1.0], [float("nan")]), r"data\[1\].embedding"),
        (body([1.0], [float("-inf")]), r"data\[1\].embedding"),
        (body([1.0], "AADAfw=="), r"data\[1\].embedding"),
        ({"data": [{"index": "1", "embedding": [1]}, {"index": "0", "embedding": [1]}]}, r"data\[0\].index"),
        ({"data": [{"index": True, "embedding": [1]}, {"index": 0, "embedding": [1]}]}, r"data\[0\].index"),
        (body([1.0], "QUI="), r"data\[1\].embedding"),
        ({"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}, "indexes 0 to 1"),
    ],
)
def test_reply_without_vectors_raises(answer: Any, error_text: str) -> None:
    with pytest.raises(APIResponseError, match=error_text):
        embeddings.decode(answer, {}, 2)


def test_error_inside_a_200_raises_that_error() -> None:
    with pytest.raises(RateLimitError, match="slow down"):
        embeddings.decode({"error": {"message": "slow down", "code": 429}}, {}, 2)


def test_reply_without_indexes_keeps_its_order() -> None:
    assert embeddings.decode({"data": [{"embedding": [1]}, {"embedding": [2]}]}, {}, 2).vectors == ([1.0], [2.0])


def test_several_replies_are_merged() -> None:
    first = Embeddings(([1.0],), SMALL, Usage(2, 0, 2), Cost("0.000001000", 2), CallMetadata(inference_id="a"))
    second = Embeddings(([2.0], [3.0]), SMALL, Usage(3, 0, 3), Cost("0.000002000", 4), CallMetadata(inference_id="b"))
    whole = embeddings.merge_embeddings([first, second])
    assert whole == Embeddings(
        ([1.0], [2.0], [3.0]), SMALL, Usage(5, 0, 5), Cost("0.000003000", 6), CallMetadata(inference_id="b")
    )
    assert embeddings.merge_embeddings([first, Embeddings((), SMALL)]).cost is None
