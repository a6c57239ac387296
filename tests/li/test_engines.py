"""LlamaIndex's query engines on `AIMLAPI`, end to end over loopback: real indexes, real retrieval, sync and async."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import (
    DocumentSummaryIndex,
    KeywordTableIndex,
    PromptTemplate,
    SummaryIndex,
    TreeIndex,
    VectorStoreIndex,
)
from llama_index.core.evaluation import GuidelineEvaluator, RelevancyEvaluator
from llama_index.core.indices.query.query_transform import HyDEQueryTransform
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RetryGuidelineQueryEngine,
    RetryQueryEngine,
    RetrySourceQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.selectors import (
    EmbeddingSingleSelector,
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")

QUESTION = "Which river flows through Porto?"
SAID = "[emulated] According to the context: The Douro flows through Porto and ends in the Atlantic."
LISTED = "[emulated] According to the context: ['The Douro flows through Porto and ends in the Atlantic.']"

# What each mode answers; all others answer from what was retrieved.
OTHERWISE = {
    ResponseMode.SIMPLE_SUMMARIZE: LISTED,
    ResponseMode.GENERATION: f"[emulated] You said: {QUESTION}",
    ResponseMode.NO_TEXT: "",
    ResponseMode.CONTEXT_ONLY: "The Douro flows through Porto and ends in the Atlantic.",
}
NOT_STREAMED = (
    ResponseMode.ACCUMULATE,
    ResponseMode.COMPACT_ACCUMULATE,
    ResponseMode.NO_TEXT,
    ResponseMode.CONTEXT_ONLY,
)


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("mode", ResponseMode)
def test_response_mode_answers(index: VectorStoreIndex, run: Any, mode: ResponseMode) -> None:
    answer = run(index.as_query_engine(response_mode=mode, similarity_top_k=1), "query", QUESTION)
    assert "Douro" in answer.source_nodes[0].text
    assert OTHERWISE.get(mode, SAID) in str(answer)


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("mode", [mode for mode in ResponseMode if mode not in NOT_STREAMED])
def test_response_mode_streamed_answers(index: VectorStoreIndex, run: Any, mode: ResponseMode) -> None:
    engine = index.as_query_engine(response_mode=mode, similarity_top_k=1, streaming=True)
    assert run.text(run(engine, "query", QUESTION)) == OTHERWISE.get(mode, SAID)


class River(BaseModel):
    """A river."""

    name: str


@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize"])
def test_query_engine_with_output_class_returns_it(index: VectorStoreIndex, llm: Any, run: Any, mode: str) -> None:
    engine = index.as_query_engine(llm=llm, output_cls=River, response_mode=mode, similarity_top_k=1)
    answer = run(engine, "query", "The river is called 'Douro'.")
    assert answer.response.name == "Douro"
    structured = index.as_query_engine(llm=llm.as_structured_llm(River), similarity_top_k=1)
    assert run(structured, "query", "The river is called 'Douro'.").response.name == "Douro"


@pytest.fixture
def tools(index: VectorStoreIndex, documents: Any, llm: Any) -> list[QueryEngineTool]:
    bread = SummaryIndex.from_documents(documents[1:2]).as_query_engine(llm=llm)
    return [
        QueryEngineTool.from_defaults(bread, name="bread", description="Baking"),
        QueryEngineTool.from_defaults(index.as_query_engine(llm=llm), name="rivers", description="Rivers of Portugal"),
    ]


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    "selector", [PydanticSingleSelector, LLMSingleSelector, PydanticMultiSelector, LLMMultiSelector]
)
def test_router_with_choices_selects_one(tools: Any, llm: Any, run: Any, selector: Any) -> None:
    router = RouterQueryEngine(selector=selector.from_defaults(llm=llm), query_engine_tools=tools, llm=llm)
    answer = run(router, "query", "Which of the rivers of Portugal flows through Porto?")
    assert "[emulated]" in str(answer)
    assert answer.metadata["selector_result"].selections


def test_embedding_selector_with_choices_selects_the_nearest(tools: Any, llm: Any, embedding: Any, run: Any) -> None:
    selector = EmbeddingSingleSelector.from_defaults(embed_model=embedding)
    router = RouterQueryEngine(selector=selector, query_engine_tools=tools, llm=llm)
    answer = run(router, "query", "Which of the rivers of Portugal flows through Porto?")
    assert answer.metadata["selector_result"].ind == 1


@pytest.mark.usefixtures("settings")
def test_sub_question_engine_with_tools_answers(tools: Any, llm: Any, run: Any) -> None:
    generator = LLMQuestionGenerator.from_defaults(llm=llm)
    engine = SubQuestionQueryEngine.from_defaults(tools, llm=llm, question_gen=generator, verbose=False)
    answer = run(engine, "query", QUESTION)
    assert "Douro" in str(answer)
    assert len(answer.source_nodes) > 2


@pytest.mark.usefixtures("settings")
def test_query_engine_that_retries_responds(index: VectorStoreIndex, llm: Any, current_loop: Any) -> None:
    engine, relevancy = index.as_query_engine(llm=llm), RelevancyEvaluator(llm=llm)
    assert "Douro" in str(RetryQueryEngine(engine, relevancy, max_retries=1).query(QUESTION))
    assert "Douro" in str(RetrySourceQueryEngine(engine, relevancy, llm=llm, max_retries=1).query(QUESTION))
    guided = RetryGuidelineQueryEngine(engine, GuidelineEvaluator(llm=llm), max_retries=1, resynthesize_query=True)
    assert "[emulated]" in str(guided.query(QUESTION))


def test_rerank_and_fusion_return_the_best_node(index: VectorStoreIndex, llm: Any, run: Any) -> None:
    result = run(index.as_retriever(similarity_top_k=3), "retrieve", QUESTION)
    [best] = run(LLMRerank(llm=llm, top_n=1), "postprocess_nodes", result, query_str=QUESTION)
    assert "Douro" in best.node.text
    fusion = QueryFusionRetriever([index.as_retriever()], llm=llm, num_queries=2, use_async=run.name == "async")
    assert "Douro" in run(fusion, "retrieve", QUESTION)[0].node.text


@pytest.mark.usefixtures("settings")
def test_query_engine_that_transforms_queries_responds(index: VectorStoreIndex, llm: Any, run: Any) -> None:
    hyde = TransformQueryEngine(index.as_query_engine(llm=llm), HyDEQueryTransform(llm=llm))
    assert "Douro" in str(run(hyde, "query", QUESTION))
    cited = CitationQueryEngine.from_args(index, llm=llm, similarity_top_k=1)
    assert "Source 1" in run(cited, "query", QUESTION).source_nodes[0].node.text


@pytest.mark.parametrize("kind", [SummaryIndex, TreeIndex, KeywordTableIndex, DocumentSummaryIndex])
def test_index_of_any_kind_answers(kind: Any, documents: Any, settings: Any, current_loop: Any) -> None:
    assert "Douro" in str(kind.from_documents(documents).as_query_engine().query(QUESTION))


def test_predict_with_system_prompt_sends_it(emulated: Any, emulator: Any, run: Any) -> None:
    llm = emulated(system_prompt="Be brief.")
    prompt = PromptTemplate("Hello {who}")
    assert run(llm, "predict", prompt, who="reader").startswith("[emulated]")
    assert "".join(run.listed(run(llm, "stream", prompt, who="reader"))).startswith("[emulated]")
    assert all("Be brief." in str(record.json) for record in emulator.requests)
    assert len(emulator.requests) == 2
