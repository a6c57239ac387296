"""LlamaIndex's extractors and ingestion on `AIMLAPI` and `AIMLAPIEmbedding`, in this process and in others."""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.extractors import KeywordExtractor, QuestionsAnsweredExtractor, SummaryExtractor, TitleExtractor
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.llms import ChatMessage
from llama_index.core.node_parser import SemanticSplitterNodeParser, SentenceSplitter
from llama_index.core.schema import TextNode

from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

HELLO = [ChatMessage("Hello")]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (TitleExtractor, "document_title"),
        (KeywordExtractor, "excerpt_keywords"),
        (SummaryExtractor, "section_summary"),
        (QuestionsAnsweredExtractor, "questions_this_excerpt_can_answer"),
    ],
)
def test_extractor_with_llm_adds_metadata(kind: Any, key: str, documents: Any, llm: Any, run: Any) -> None:
    nodes = SentenceSplitter().get_nodes_from_documents(documents)
    result = run(kind(llm=llm, show_progress=False), "extract", nodes)
    assert [bool(each[key]) for each in result] == [True] * 3


def test_semantic_splitter_with_embedding_splits(documents: Any, embedding: Any) -> None:
    nodes = SemanticSplitterNodeParser(embed_model=embedding).get_nodes_from_documents(documents)
    assert "Douro" in nodes[0].text


def test_ingestion_pipeline_with_extractor_and_cache_embeds_nodes_once(
    documents: Any, llm: Any, embedding: Any, run: Any
) -> None:
    steps = [SentenceSplitter(), TitleExtractor(llm=llm, show_progress=False), embedding]
    pipeline = IngestionPipeline(transformations=steps)
    [first, *_] = run(pipeline, "run", documents=documents)
    assert "Douro" in first.metadata["document_title"]
    assert len(first.embedding) > 100


def test_cache_key_with_another_api_key_is_unchanged(documents: Any, embedding: Any, emulator: Any, run: Any) -> None:
    cache = IngestionCache()
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), embedding], cache=cache)
    first = run(pipeline, "run", documents=documents)
    request_count = len(emulator.requests)
    another_key = embedding.model_copy(update={"api_key": type(embedding.api_key)("another")})
    pipeline = IngestionPipeline(transformations=[SentenceSplitter(), another_key], cache=cache)
    again = run(pipeline, "run", documents=documents)
    assert [node.embedding for node in again] == [node.embedding for node in first]
    assert len(emulator.requests) == request_count


def test_vector_index_sync_and_async_retrieves(documents: Any, embedding: Any, run: Any) -> None:
    index = VectorStoreIndex.from_documents(documents, embed_model=embedding, use_async=run.name == "async")
    [best, *_] = run(index.as_retriever(), "retrieve", "Which river flows through Lisbon?")
    assert "Tagus" in best.node.text


# --- other processes --------------------------------------------------------------------------------------------------


def ask_and_embed(llm: AIMLAPI, embedding: AIMLAPIEmbedding) -> tuple[list[str | None], int]:
    """What a worker process does with the models it was sent."""
    answers = [llm.chat(HELLO), asyncio.run(llm.achat(HELLO)), copy.deepcopy(llm).chat(HELLO)]
    return [answer.message.content for answer in answers], len(embedding.get_text_embedding("Hello"))


def test_model_sent_to_a_worker_process_works(make: Any, embedding: Any, emulator: Any) -> None:
    """After use, so that connections are open: they stay here."""
    llm = make()
    expected = ask_and_embed(llm, embedding)
    request_count = len(emulator.requests)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(ask_and_embed, llm, embedding).result() == expected
    assert len(emulator.requests) == 2 * request_count
    assert {record.headers["authorization"] for record in emulator.requests} == {"Bearer k"}


# Of one core only: "Specified num_workers exceed …". A splitter's tokenizer would be downloaded anew in each process.
@pytest.mark.filterwarnings("ignore:Specified num_workers exceed")
def test_ingestion_pipeline_with_two_workers_embeds_every_node(documents: Any, make: Any, embedding: Any) -> None:
    llm = make()
    llm.chat(HELLO)
    embedding.get_text_embedding("Hello")
    steps = [KeywordExtractor(llm=llm, show_progress=False), embedding]
    nodes = [TextNode(text=document.text) for document in documents]
    done = IngestionPipeline(transformations=steps).run(nodes=nodes, num_workers=2)
    assert ["douro" in node.metadata["excerpt_keywords"] for node in done] == [True, False, False]
    assert all(len(node.embedding) > 100 for node in done)
