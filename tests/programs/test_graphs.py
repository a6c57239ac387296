"""Graphs of knowledge that a model reads out of texts: LLMGraphTransformer and PropertyGraphIndex.

`make programs` runs this.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest

pytest.importorskip("langchain_experimental", reason="the extra `programs-test` is not installed")

from langchain_core.documents import Document
from langchain_experimental.graph_transformers import LLMGraphTransformer
from llama_index.core import Document as LlamaDocument
from llama_index.core import PropertyGraphIndex
from llama_index.core.indices.property_graph import (
    DynamicLLMPathExtractor,
    LLMSynonymRetriever,
    SchemaLLMPathExtractor,
    SimpleLLMPathExtractor,
)

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from tests.programs.scripted import Json, Structured

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

TEXT = "Ada works at Acme in Oslo since 2019."

# --- LLMGraphTransformer ----------------------------------------------------------------------------------------------

NODES = [{"id": "Ada", "type": "Person"}, {"id": "Acme", "type": "Company"}, {"id": "Oslo", "type": "City"}]


def relation(source: str, source_type: str, kind: str, target: str, target_type: str) -> Json:
    ends = {"source_node_id": source, "source_node_type": source_type}
    return {**ends, "target_node_id": target, "target_node_type": target_type, "type": kind}


RELATIONS = [
    relation("Ada", "Person", "WORKS_AT", "Acme", "Company"),
    relation("Acme", "Company", "LOCATED_IN", "Oslo", "City"),
]


def triplets(document: Any) -> set[tuple[str, str, str]]:
    return {(each.source.id, each.type, each.target.id) for each in document.relationships}


ALLOWED: Any = {
    "allowed_nodes": ["Person", "Company", "City"],
    "allowed_relationships": [("Person", "WORKS_AT", "Company"), ("Company", "LOCATED_IN", "City")],
}


@pytest.mark.parametrize("options", [{}, ALLOWED], ids=["free", "allowed"])
async def test_transformer_gives_nodes_and_relations(run: Any, endpoint: Json, scripted: Any, options: Any) -> None:
    gateway = scripted([Structured({"nodes": NODES, "relationships": RELATIONS})])
    transformer = LLMGraphTransformer(ChatAIMLAPI(base_url=gateway.base_url, **endpoint), **options)
    [graph] = await run(transformer, "convert_to_graph_documents", [Document(TEXT)])
    assert {(node.id, node.type) for node in graph.nodes} == {(node["id"], node["type"]) for node in NODES}
    assert triplets(graph) == {("Ada", "WORKS_AT", "Acme"), ("Acme", "LOCATED_IN", "Oslo")}
    assert TEXT in gateway.texts[0]


async def test_transformer_gives_properties_too(run: Any, endpoint: Json, scripted: Any) -> None:
    nodes = [{**NODES[0], "properties": [{"key": "role", "value": "engineer"}]}, NODES[1]]
    relations = [{**RELATIONS[0], "properties": [{"key": "since", "value": "2019"}]}]
    gateway = scripted([Structured({"nodes": nodes, "relationships": relations})])
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    transformer = LLMGraphTransformer(model, node_properties=["role"], relationship_properties=["since"])
    [graph] = await run(transformer, "convert_to_graph_documents", [Document(TEXT)])
    assert {node.id: node.properties for node in graph.nodes}["Ada"] == {"role": "engineer"}
    assert [each.properties for each in graph.relationships] == [{"since": "2019"}]


async def test_transformer_saves_what_is_right_in_an_invalid_graph(run: Any, endpoint: Json, scripted: Any) -> None:
    """It reads the raw message's calls if the schema is violated: here the last relation has no target."""
    broken = {"nodes": NODES, "relationships": [RELATIONS[0], {"source_node_id": "Acme", "type": "LOCATED_IN"}]}
    gateway = scripted([Structured(broken)])
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    transformer = LLMGraphTransformer(CallingFunctions(model))  # type: ignore[arg-type]
    [graph] = await run(transformer, "convert_to_graph_documents", [Document(TEXT)])
    assert {node.id for node in graph.nodes} == {"Ada", "Acme", "Oslo"}
    assert triplets(graph) == {("Ada", "WORKS_AT", "Acme")}


class CallingFunctions:
    """A model whose structured output is a function's arguments, whatever its default is."""

    def __init__(self, model: ChatAIMLAPI) -> None:
        self.model = model

    def with_structured_output(self, schema: Any, **options: Any) -> Any:
        return self.model.with_structured_output(schema, method="function_calling", **options)


async def test_transformer_reads_json_of_a_model_without_tools(run: Any, endpoint: Json, scripted: Any) -> None:
    ends = {"head": "Ada", "head_type": "Person", "tail": "Acme", "tail_type": "Company"}
    gateway = scripted([f"```json\n{json.dumps([{**ends, 'relation': 'WORKS_AT'}])}\n```"])
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    transformer = LLMGraphTransformer(model, ignore_tool_usage=True)
    [graph] = await run(transformer, "convert_to_graph_documents", [Document(TEXT)])
    assert triplets(graph) == {("Ada", "WORKS_AT", "Acme")}


# --- PropertyGraphIndex -----------------------------------------------------------------------------------------------


@pytest.fixture
def current_loop() -> Iterator[None]:
    """A current event loop, which core's sync helpers run coroutines in."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    asyncio.set_event_loop(None)


Entity = Literal["PERSON", "COMPANY", "CITY"]
Relation = Literal["WORKS_AT", "LOCATED_IN"]
VALIDATION = [("PERSON", "WORKS_AT", "COMPANY"), ("COMPANY", "LOCATED_IN", "CITY")]


def of_schema(llm: AIMLAPI) -> Any:
    return SchemaLLMPathExtractor(
        llm, possible_entities=Entity, possible_relations=Relation, kg_validation_schema=VALIDATION, strict=True
    )


def triplet(subject: str, subject_type: str, kind: str, object_: str, object_type: str) -> Json:
    ends = {"subject": {"name": subject, "type": subject_type}, "object": {"name": object_, "type": object_type}}
    return {**ends, "relation": {"type": kind}}


SCHEMA_ANSWER = Structured(
    {
        "triplets": [
            triplet("Ada", "PERSON", "WORKS_AT", "Acme", "COMPANY"),
            triplet("Acme", "COMPANY", "LOCATED_IN", "Oslo", "CITY"),
        ]
    }
)
HEADS = [
    {"head": "Ada", "head_type": "PERSON", "relation": "WORKS_AT", "tail": "Acme", "tail_type": "COMPANY"},
    {"head": "Acme", "head_type": "COMPANY", "relation": "LOCATED_IN", "tail": "Oslo", "tail_type": "CITY"},
]
EXTRACTORS: dict[str, tuple[Any, Any]] = {
    "simple": (lambda llm: SimpleLLMPathExtractor(llm), "(Ada, WORKS_AT, Acme)\n(Acme, LOCATED_IN, Oslo)"),
    "schema": (of_schema, SCHEMA_ANSWER),
    "dynamic": (lambda llm: DynamicLLMPathExtractor(llm), json.dumps(HEADS)),
}


@pytest.mark.usefixtures("current_loop")
@pytest.mark.parametrize("kind", EXTRACTORS)
def test_index_has_the_triplets_and_answers_out_of_them(
    endpoint: Json, scripted: Any, gateway: Emulator, kind: str
) -> None:
    make, answer = EXTRACTORS[kind]
    asked = scripted(answers(answer))
    llm = AIMLAPI(api_base=asked.base_url, **endpoint)
    embedding = AIMLAPIEmbedding(api_key="k", api_base=gateway.base_url)
    index = PropertyGraphIndex.from_documents(
        [LlamaDocument(text=TEXT)], llm=llm, embed_model=embedding, kg_extractors=[make(llm)]
    )
    found = {
        (subject.id, each.label.upper().replace(" ", "_"), target.id)
        for subject, each, target in index.property_graph_store.get_triplets(entity_names=["Ada", "Acme"])
    }
    assert {("Ada", "WORKS_AT", "Acme"), ("Acme", "LOCATED_IN", "Oslo")} <= found
    synonyms = LLMSynonymRetriever(index.property_graph_store, llm=llm, include_text=False)
    engine = index.as_query_engine(llm=llm, sub_retrievers=[synonyms])
    assert str(engine.query("Where does Ada work?")) == "At Acme."
    assert "Acme" in asked.texts[-1]


def answers(extracted: Any) -> Any:
    """What each of the index's prompts is answered with."""

    def script(body: Json) -> Any:
        text = str(body)
        if "synonyms" in text:
            return "Ada^Acme"
        return "At Acme." if "Where does Ada work?" in text else extracted

    return script
