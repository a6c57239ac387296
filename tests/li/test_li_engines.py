"""LlamaIndex's own engines on `AIMLAPI`, end to end over loopback: real indexes, real retrieval."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core import Document, PromptTemplate, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.evaluation import CorrectnessEvaluator, FaithfulnessEvaluator
from llama_index.core.extractors import KeywordExtractor, TitleExtractor
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.llms import ChatMessage
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.query_engine import RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # core leaves event loops and its memory's database open
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

DOCUMENTS = [
    Document(text="The Douro flows through Porto and ends in the Atlantic."),
    Document(text="Bread is baked from flour, water and salt."),
    Document(text="The Tagus flows through Lisbon."),
]
QUESTION = "Which river flows through Porto?"


@pytest.fixture
def index(embedding: Any) -> VectorStoreIndex:
    return VectorStoreIndex.from_documents(DOCUMENTS, embed_model=embedding)


def test_a_query_over_an_index(index: VectorStoreIndex, llm: Any) -> None:
    engine = index.as_query_engine(llm=llm, similarity_top_k=1)
    answer = engine.query(QUESTION)
    assert "Douro" in answer.source_nodes[0].text
    assert str(answer).startswith("[emulated]")
    assert str(asyncio.run(engine.aquery(QUESTION))) == str(answer)
    streamed = index.as_query_engine(llm=llm, similarity_top_k=1, streaming=True).query(QUESTION)
    assert "".join(streamed.response_gen) == str(answer)


MODES = ["refine", "compact", "tree_summarize", "simple_summarize", "accumulate", "compact_accumulate"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("current_loop")
def test_response_modes(index: VectorStoreIndex, llm: Any, mode: str) -> None:
    assert "[emulated]" in str(index.as_query_engine(llm=llm, response_mode=mode).query(QUESTION))


@pytest.mark.parametrize("mode", ["simple", "context", "condense_question", "condense_plus_context", "best"])
@pytest.mark.usefixtures("current_loop")
def test_chat_engines(index: VectorStoreIndex, llm: Any, mode: str) -> None:
    engine = index.as_chat_engine(llm=llm, chat_mode=mode)
    assert str(engine.chat(QUESTION))
    assert "".join(engine.stream_chat("And through Lisbon?").response_gen)


class River(BaseModel):
    """A river."""

    name: str


def test_an_engine_with_a_structured_answer(index: VectorStoreIndex, llm: Any) -> None:
    answer = index.as_query_engine(llm=llm, output_cls=River).query("The river is called 'Douro'.")
    assert isinstance(answer.response, River)


@pytest.mark.parametrize("selector", [PydanticSingleSelector, LLMSingleSelector])
def test_routers(index: VectorStoreIndex, llm: Any, selector: Any) -> None:
    tools = [
        QueryEngineTool.from_defaults(index.as_query_engine(llm=llm), name="rivers", description="Rivers of Portugal"),
        QueryEngineTool.from_defaults(
            SummaryIndex.from_documents(DOCUMENTS).as_query_engine(llm=llm), name="bread", description="Baking"
        ),
    ]
    router = RouterQueryEngine(selector=selector.from_defaults(llm=llm), query_engine_tools=tools, llm=llm)
    assert "[emulated]" in str(router.query(QUESTION))


@pytest.mark.usefixtures("current_loop")
def test_sub_questions(index: VectorStoreIndex, llm: Any) -> None:
    tool = QueryEngineTool.from_defaults(index.as_query_engine(llm=llm), name="rivers", description="Rivers")
    engine = SubQuestionQueryEngine.from_defaults(
        [tool], llm=llm, question_gen=LLMQuestionGenerator.from_defaults(llm=llm), use_async=False, verbose=False
    )
    assert str(engine.query(QUESTION))


@pytest.mark.usefixtures("current_loop")
def test_extractors_evaluators_and_rerank(index: VectorStoreIndex, llm: Any) -> None:
    nodes = SentenceSplitter().get_nodes_from_documents(DOCUMENTS)
    assert KeywordExtractor(llm=llm, num_workers=1, show_progress=False).extract(nodes)[0]["excerpt_keywords"]
    assert TitleExtractor(llm=llm, num_workers=1, show_progress=False).extract(nodes)[0]["document_title"]
    answer = index.as_query_engine(llm=llm).query(QUESTION)
    assert FaithfulnessEvaluator(llm=llm).evaluate_response(QUESTION, answer).feedback is not None
    parser = lambda text: (5.0, text)  # noqa: E731
    assert (
        CorrectnessEvaluator(llm=llm, parser_function=parser).evaluate(QUESTION, str(answer), reference="x").score
        == 5.0
    )
    fusion = QueryFusionRetriever([index.as_retriever()], llm=llm, num_queries=2, use_async=False)
    assert "Douro" in str(fusion.retrieve(QUESTION)[0].text)
    rerank = LLMRerank(llm=llm, parse_choice_select_answer_fn=lambda *_: ([1], [1.0]))
    assert len(rerank.postprocess_nodes(index.as_retriever().retrieve(QUESTION), query_str=QUESTION)) == 1


def test_an_ingestion_pipeline_with_a_cache(embedding: Any, emulator: Any) -> None:
    cache = IngestionCache()
    first = IngestionPipeline(transformations=[SentenceSplitter(), embedding], cache=cache).run(documents=DOCUMENTS)
    asked = len(emulator.requests)
    another_key = embedding.model_copy(update={"api_key": type(embedding.api_key)("another")})
    again = IngestionPipeline(transformations=[SentenceSplitter(), another_key], cache=cache).run(documents=DOCUMENTS)
    assert [node.embedding for node in again] == [node.embedding for node in first]
    assert len(emulator.requests) == asked


def test_as_the_settings_of_all(llm: Any, embedding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr(Settings, "_embed_model", None)
    Settings.llm, Settings.embed_model = llm, embedding
    assert "[emulated]" in str(VectorStoreIndex.from_documents(DOCUMENTS).as_query_engine().query(QUESTION))


@pytest.mark.parametrize("streaming", [False, True])
async def test_tokens_are_counted_exactly(emulated: Any, streaming: bool) -> None:
    counter = TokenCountingHandler()
    llm = emulated(callback_manager=CallbackManager([counter]))
    ask = [ChatMessage("Hello")]
    sync = list(llm.stream_chat(ask))[-1] if streaming else llm.chat(ask)
    other = [each async for each in await llm.astream_chat(ask)][-1] if streaming else await llm.achat(ask)
    told = [response.additional_kwargs for response in (sync, other)]
    assert counter.prompt_llm_token_count == sum(each["prompt_tokens"] for each in told)
    assert counter.completion_llm_token_count == sum(each["completion_tokens"] for each in told)
    assert len(counter.llm_token_counts) == 2


def test_prompts_with_a_system_prompt(emulated: Any, emulator: Any) -> None:
    llm = emulated(system_prompt="Be brief.")
    assert llm.predict(PromptTemplate("Hello {who}"), who="reader").startswith("[emulated]")
    assert "".join(llm.stream(PromptTemplate("Hello {who}"), who="reader")).startswith("[emulated]")
    assert all("Be brief." in str(record.json) for record in emulator.requests)
