"""`AIMLAPIEmbeddings`: batches and their order, requests, caching, and errors."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import math
import pickle
import struct
from decimal import Decimal
from typing import Any

import httpx
import pytest
from langchain_core.vectorstores import InMemoryVectorStore

from aimlapi_integrations.costs import track_costs
from aimlapi_integrations.errors import (
    AIMLAPIError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    MissingAPIKeyError,
    UnsupportedContentError,
)
from aimlapi_integrations.langchain.embeddings import AIMLAPIEmbeddings

KEY = "sk-planted-secret"
TEXTS = [f"text number {place}" for place in range(23)]


@pytest.fixture
def make(gateway):
    """Embeddings on the emulator."""
    made = []

    def embeddings(**arguments: Any) -> AIMLAPIEmbeddings:
        made.append(AIMLAPIEmbeddings(**{"api_key": KEY, "base_url": gateway.base_url, **arguments}))
        return made[-1]

    yield embeddings
    for one in made:
        one.close()


@pytest.fixture(params=["sync", "async"])
def documents(request):
    """`embed_documents` or its async twin."""
    if request.param == "sync":
        return lambda embeddings, *args: embeddings.embed_documents(*args)
    return lambda embeddings, *args: asyncio.run(_closing(embeddings, embeddings.aembed_documents(*args)))


@pytest.fixture(params=["sync", "async"])
def query(request):
    if request.param == "sync":
        return lambda embeddings, text: embeddings.embed_query(text)
    return lambda embeddings, text: asyncio.run(_closing(embeddings, embeddings.aembed_query(text)))


async def _closing(embeddings, work):
    try:
        return await work
    finally:
        await embeddings.aclose()


def near(one, other) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


# --- batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_vectors_of_batches_keep_the_order(make, gateway, documents, concurrency):
    one_by_one = [make().embed_query(text) for text in TEXTS]
    gateway.requests.clear()
    actual = documents(make(chunk_size=5, max_concurrency=concurrency), TEXTS)
    assert actual == one_by_one
    assert sorted(len(request.json["input"]) for request in gateway.requests) == [3, 5, 5, 5, 5]


@pytest.mark.parametrize("arguments", [iter, tuple, lambda texts: (text for text in texts)])
def test_texts_of_any_iterable_are_embedded_in_order(make, documents, arguments):
    assert documents(make(chunk_size=5), arguments(TEXTS)) == documents(make(), TEXTS)


@pytest.mark.parametrize("texts", ["abc", b"abc", {"a": 1}, 5, None])
def test_input_without_texts_raises(make, gateway, documents, texts):
    with pytest.raises(TypeError, match="Embeddings take a list of texts"):
        documents(make(), texts)
    assert gateway.requests == []


def test_chunk_size_of_a_call_overrides_the_field(make, gateway, documents):
    documents(make(), TEXTS, 12)
    assert sorted(len(request.json["input"]) for request in gateway.requests) == [11, 12]


def test_batches_with_long_texts_are_limited_by_size(make, gateway, documents):
    long = ["word " * 20_000] * 12
    assert len(documents(make(), long)) == 12
    assert len(gateway.requests) > 1


def test_empty_list_sends_no_request(make, gateway, documents):
    assert documents(make(), []) == []
    assert gateway.requests == []


def test_vectors_in_any_order_are_sorted_by_index():
    def reversed_answer(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["input"]
        data = [{"object": "embedding", "index": i, "embedding": [len(text), 1]} for i, text in enumerate(texts)]
        return httpx.Response(
            200, json={"object": "list", "data": data[::-1], "model": "m", "usage": {"total_tokens": 3}}
        )

    with httpx.Client(transport=httpx.MockTransport(reversed_answer)) as client:
        actual = AIMLAPIEmbeddings(api_key=KEY, http_client=client).embed_documents(["a", "bb", "ccc"])
    assert actual == [[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]
    assert all(type(number) is float for vector in actual for number in vector)


def test_max_concurrency_limits_parallel_requests():
    under_way, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(10):
            await asyncio.sleep(0)
        under_way -= 1
        return httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0]}], "model": "m"})

    async def run():
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            embeddings = AIMLAPIEmbeddings(api_key=KEY, http_async_client=client, chunk_size=1, max_concurrency=3)
            await embeddings.aembed_documents(TEXTS)

    asyncio.run(run())
    assert most == 3


def test_failed_batch_is_retried_alone(make, gateway, documents):
    embeddings = make(chunk_size=10, max_concurrency=1, default_headers={"x-emulator-fault": "status-503; times=1"})
    assert len(documents(embeddings, TEXTS)) == 23
    assert len(gateway.requests) == 4


def test_error_of_a_batch_ends_the_call(make, gateway, documents):
    embeddings = make(chunk_size=1, max_concurrency=1, default_headers={"x-emulator-fault": "status-401"})
    with pytest.raises(AuthenticationError):
        documents(embeddings, TEXTS)
    assert len(gateway.requests) == 1


# --- requests ---------------------------------------------------------------------------------------------------------

MODELS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "openai/text-embedding-3-small": 1536,
    "alibaba/qwen-text-embedding-v3": 1024,
    "alibaba/qwen-text-embedding-v4": 1024,
    "text-multilingual-embedding-002": 768,
    "text-embedding-004": 768,
    "textembedding-gecko@001": 768,
    "textembedding-gecko@003": 768,
    "textembedding-gecko-multilingual@001": 768,
    "voyage-2": 1024,
    "voyage-code-2": 1536,
    "voyage-finance-2": 1024,
    "voyage-large-2": 1536,
    "voyage-large-2-instruct": 1024,
    "voyage-law-2": 1024,
    "voyage-multilingual-2": 1024,
    "BAAI/bge-base-en-v1.5": 768,
    "BAAI/bge-large-en-v1.5": 1024,
    "togethercomputer/m2-bert-80M-32k-retrieval": 768,
}


@pytest.mark.parametrize("model", MODELS)
def test_every_documented_model_embeds(make, model):
    embeddings = make(model=model)
    assert [len(vector) for vector in embeddings.embed_documents(["a b", "c"])] == [MODELS[model]] * 2
    assert len(embeddings.embed_query("a")) == MODELS[model]


@pytest.mark.parametrize("model", ["text-embedding-3-small", "alibaba/qwen-text-embedding-v3", "text-embedding-004"])
def test_dimensions_set_the_vector_length(make, gateway, query, model):
    assert len(query(make(model=model, dimensions=256), "a")) == 256
    assert gateway.requests[-1].json["dimensions"] == 256


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_encoding_format_of_any_kind_returns_floats(make, gateway, query, encoding):
    actual = query(make(encoding_format=encoding), "some text")
    assert gateway.requests[-1].json["encoding_format"] == encoding
    assert all(type(number) is float for number in actual)
    assert actual == pytest.approx(make().embed_query("some text"), abs=1e-6)


def test_base64_vectors_are_decoded_exactly():
    packed = base64.b64encode(struct.pack("<3f", 0.5, -1.25, 3.0)).decode()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": [{"index": 0, "embedding": packed}], "model": "m"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        embeddings = AIMLAPIEmbeddings(api_key=KEY, http_client=client, encoding_format="base64")
        assert embeddings.embed_query("a") == [0.5, -1.25, 3.0]


def test_request_contains_only_set_parameters(make, gateway, query):
    query(make(), "a")
    sent = gateway.requests[-1].json
    assert set(sent) <= {"model", "input", "encoding_format"}
    assert None not in sent.values()


def test_query_kwargs_apply_to_queries_only(make, gateway):
    google = {"model": "text-embedding-004", "model_kwargs": {"task_type": "RETRIEVAL_DOCUMENT", "title": "A"}}
    embeddings = make(**google, query_kwargs={"task_type": "RETRIEVAL_QUERY"})
    embeddings.embed_documents(["a"])
    embeddings.embed_query("a")
    assert [request.json["task_type"] for request in gateway.requests] == ["RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY"]
    assert embeddings.model_kwargs == {"task_type": "RETRIEVAL_DOCUMENT", "title": "A"}


def test_headers_and_query_are_sent(make, gateway):
    make(default_headers={"x-title": "mine"}, default_query={"a": "b"}).embed_query("a")
    assert gateway.requests[-1].headers["x-title"] == "mine"
    assert gateway.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("texts", [["a", "", "c"], ["", "b"]])
def test_empty_text_is_named_by_its_index(make, gateway, documents, texts):
    with pytest.raises(UnsupportedContentError, match=rf"\b{texts.index('')}\b"):
        documents(make(), texts)
    assert gateway.requests == []


def test_too_long_text_is_named_by_its_index(make, documents):
    with pytest.raises(AIMLAPIError, match=r"\b2\b"):
        documents(make(model="voyage-2"), ["a", "b", "c" * 8001])


def test_text_rejected_as_too_long_is_named_by_its_index(documents):
    def refuse(request: httpx.Request) -> httpx.Response:
        texts = json.loads(request.content)["input"]
        if len("".join(texts)) > 30_000:
            return httpx.Response(400, json={"message": "This model's maximum context length is 8192 tokens."})
        data = [{"index": place, "embedding": [1.0]} for place in range(1 if isinstance(texts, str) else len(texts))]
        return httpx.Response(200, json={"data": data, "model": "m"})

    transport = httpx.MockTransport(refuse)
    clients = {
        "http_client": httpx.Client(transport=transport),
        "http_async_client": httpx.AsyncClient(transport=transport),
    }
    embeddings = AIMLAPIEmbeddings(api_key=KEY, chunk_size=2, **clients)
    with pytest.raises(BadRequestError, match=r"texts\[3\] has about"):
        documents(embeddings, ["a", "b", "c", "word " * 20_000, "e"])


def test_text_that_cannot_be_batched_is_sent_alone(make, gateway, documents):
    assert len(documents(make(model="voyage-2"), ["a", "b" * 2000, "c"])) == 3
    assert "b" * 2000 in [request.json["input"] for request in gateway.requests]


def test_non_string_is_named_by_its_index(make, documents):
    with pytest.raises((UnsupportedContentError, TypeError), match=r"\b1\b"):
        documents(make(), ["a", 5])


# --- caching ----------------------------------------------------------------------------------------------------------


def test_usage_of_several_batches_is_summed(make):
    embeddings = make(chunk_size=5)
    single = embeddings.embed_with_usage(TEXTS)
    combined = asyncio.run(_closing(embeddings, embeddings.aembed_with_usage(TEXTS)))
    parts = [make().embed_with_usage([text]) for text in TEXTS]
    assert single.vectors == combined.vectors
    assert single.usage.total == combined.usage.total == sum(part.usage.total for part in parts)
    assert Decimal(single.cost.usd) > 0
    assert Decimal(single.cost.usd) == Decimal(combined.cost.usd)
    assert single.model == "text-embedding-3-small"


def test_usage_without_texts_is_empty(make):
    assert make().embed_with_usage([]).vectors == ()


def test_usage_of_voyage_has_only_a_total(make):
    assert make(model="voyage-2").embed_with_usage(["some text"]).usage.total > 0


def test_costs_in_threads_are_tracked(make):
    with track_costs() as costs:
        make(chunk_size=5).embed_documents(TEXTS)
    assert costs.total.calls == 5
    with track_costs(max_tokens_total=1):
        make().embed_query("some text")
        with pytest.raises(BudgetExceededError):
            make().embed_query("some text")


def test_retrieval_ranks_the_related_text_first(make):
    store = InMemoryVectorStore(make())
    store.add_texts(["Rhubarb pie needs sugar.", "The Louvre is in Paris.", "Submarines dive."])
    assert store.similarity_search("Where in Paris is the Louvre?", k=1)[0].page_content == "The Louvre is in Paris."


def test_progress_bar_on_request_is_shown(make, capsys, documents):
    documents(make(show_progress_bar=True, chunk_size=5), TEXTS)
    assert "Embedding" in capsys.readouterr().out


def test_progress_bar_by_default_is_not_shown(make, capsys, documents):
    documents(make(), TEXTS)
    assert capsys.readouterr() == ("", "")


# --- the instance -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "combined", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it)), lambda it: it.model_copy()]
)
def test_copies_have_their_own_connections(make, combined):
    embeddings = make(dimensions=64)
    first = embeddings.embed_query("a")
    twin = combined(embeddings)
    embeddings.close()
    assert twin.embed_query("a") == first
    twin.close()


def test_callers_client_is_used_and_left_open(gateway, make):
    with httpx.Client() as client:
        embeddings = make(http_client=client)
        copy.deepcopy(embeddings).embed_query("a")
        embeddings.embed_query("a")
        embeddings.close()
        assert not client.is_closed


def test_embeddings_in_two_event_loops_work(make):
    embeddings = make()

    async def use():
        return await embeddings.aembed_query("a")

    assert asyncio.run(use()) == asyncio.run(use())
    asyncio.run(embeddings.aclose())


def test_key_is_not_shown(make):
    embeddings = make(default_headers={"x-secret": KEY})
    assert KEY not in repr(embeddings) + str(embeddings)
    assert KEY not in embeddings.model_dump_json(exclude={"default_headers"})


def test_missing_key_raises(monkeypatch):
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError):
        AIMLAPIEmbeddings()


@pytest.mark.parametrize(
    "arguments",
    [
        {"openai_api_key": KEY, "openai_api_base": "https://example.com/v1"},
        {"aimlapi_api_key": KEY, "aimlapi_api_base": "https://example.com/v1", "request_timeout": 3},
        {"api_key": KEY, "base_url": "https://example.com/v1", "timeout": 3, "model_name": "voyage-2"},
    ],
)
def test_argument_names_of_other_integrations_are_accepted(arguments):
    embeddings = AIMLAPIEmbeddings(**arguments)
    assert embeddings.aimlapi_api_key.get_secret_value() == KEY
    assert embeddings.aimlapi_api_base == "https://example.com/v1"
    assert embeddings.model == arguments.get("model_name", "text-embedding-3-small")


def test_unknown_embedding_argument_moves_to_model_kwargs_with_a_warning():
    with pytest.warns(UserWarning, match="input_type"):
        assert AIMLAPIEmbeddings(api_key=KEY, input_type="document").model_kwargs == {"input_type": "document"}


@pytest.mark.parametrize("name", ["check_embedding_ctx_length", "organization", "openai_api_version"])
def test_argument_without_effect_is_ignored_with_a_warning(name):
    with pytest.warns(UserWarning, match=f"'{name}' has no effect") as caught:
        assert AIMLAPIEmbeddings(api_key=KEY, **{name: False}).model_kwargs == {}
    assert caught[0].filename == __file__


@pytest.mark.parametrize("wrong", [{"chunk_size": 0}, {"max_concurrency": 0}, {"dimensions": 0}])
def test_out_of_range_number_raises(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AIMLAPIEmbeddings(api_key=KEY, **wrong)
