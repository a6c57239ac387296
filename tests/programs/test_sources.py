"""Stores and databases that a model queries: SelfQueryRetriever and a SQL agent. `make programs` runs this."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("langchain_classic", reason="the extra `programs-test` is not installed")
pytest.importorskip("langchain_community", reason="the extra `programs-test` is not installed")
pytest.importorskip("lark", reason="the extra `programs-test` is not installed")

from langchain.agents import create_agent
from langchain_classic.chains.query_constructor.schema import AttributeInfo
from langchain_classic.retrievers.self_query.base import SelfQueryRetriever
from langchain_community.agent_toolkits import SQLDatabaseToolkit, create_sql_agent
from langchain_community.utilities import SQLDatabase
from langchain_core.documents import Document
from langchain_core.structured_query import Comparison, Operation, StructuredQuery, Visitor
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import Document as LlamaDocument
from llama_index.core import VectorStoreIndex
from llama_index.core.retrievers import VectorIndexAutoRetriever
from llama_index.core.vector_stores.types import MetadataInfo, VectorStoreInfo
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding
from tests.programs.scripted import Call, Json, tool_results

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainPendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*'stop'"),  # the agent that works in text asks for it, on responses too
]

FILMS = [("A dog comes home.", 1994, "drama"), ("A dog in space.", 2020, "science fiction"), ("Cats.", 2019, "musical")]
COMPARATORS = {"eq": "__eq__", "gt": "__gt__", "lt": "__lt__"}

# --- SelfQueryRetriever -----------------------------------------------------------------------------------------------


class Filter(Visitor):
    """A structured query as a function of a document, which the store in memory filters by."""

    allowed_operators = None
    allowed_comparators = None

    def visit_operation(self, operation: Operation) -> Any:
        parts = [part.accept(self) for part in operation.arguments]
        test = all if operation.operator.value == "and" else any
        return lambda document: test(part(document) for part in parts)

    def visit_comparison(self, comparison: Comparison) -> Any:
        method = COMPARATORS[comparison.comparator.value]
        return lambda document: getattr(document.metadata[comparison.attribute], method)(comparison.value)

    def visit_structured_query(self, structured_query: StructuredQuery) -> tuple[str, dict[str, Any]]:
        query_filter = structured_query.filter
        return structured_query.query, {"filter": query_filter.accept(self)} if query_filter else {}


ATTRIBUTES = [
    AttributeInfo(name="year", description="The year that the film came out in", type="integer"),
    AttributeInfo(name="genre", description="The film's genre", type="string"),
]
QUERIES = [
    ('gt("year", 2000)', None, {"A dog in space.", "Cats."}),
    ('and(gt("year", 2000), eq("genre", "science fiction"))', None, {"A dog in space."}),
    ("NO_FILTER", 1, {"A dog comes home.", "A dog in space.", "Cats."}),
]


@pytest.mark.parametrize(("condition", "limit", "allowed"), QUERIES)
async def test_self_query_filters_the_store(
    run: Any, endpoint: Json, scripted: Any, gateway: Emulator, condition: str, limit: int | None, allowed: set[str]
) -> None:
    answer: Json = {"query": "dog", "filter": condition} | ({"limit": limit} if limit else {})
    asked = scripted([f"```json\n{json.dumps(answer, indent=4)}\n```"])
    store = InMemoryVectorStore(AIMLAPIEmbeddings(api_key="k", base_url=gateway.base_url))
    store.add_documents([Document(text, metadata={"year": year, "genre": genre}) for text, year, genre in FILMS])
    retriever = SelfQueryRetriever.from_llm(
        ChatAIMLAPI(base_url=asked.base_url, **endpoint),
        store,
        "Films",
        ATTRIBUTES,
        structured_query_translator=Filter(),
        enable_limit=True,
    )
    documents = await run(retriever, "invoke", "Films about a dog")
    texts = [document.page_content for document in documents]
    assert len(texts) == (limit or len(allowed))
    assert set(texts) <= allowed
    assert "dog" in texts[0]
    assert "The year that the film came out in" in asked.texts[0]


def test_auto_retriever_filters_the_index(endpoint: Json, scripted: Any, gateway: Emulator) -> None:
    conditions = [{"key": "genre", "value": "science fiction", "operator": "=="}]
    asked = scripted([json.dumps({"query": "dog", "filters": conditions, "top_k": 2})] * 2)
    documents = [LlamaDocument(text=text, metadata={"year": year, "genre": genre}) for text, year, genre in FILMS]
    embedding = AIMLAPIEmbedding(api_key="k", api_base=gateway.base_url)
    retriever = VectorIndexAutoRetriever(
        VectorStoreIndex.from_documents(documents, embed_model=embedding),
        VectorStoreInfo(
            content_info="Films",
            metadata_info=[MetadataInfo(name="genre", type="string", description="The film's genre")],
        ),
        llm=AIMLAPI(api_base=asked.base_url, **endpoint),
    )
    assert [node.text for node in retriever.retrieve("Films about a dog")] == ["A dog in space."]
    assert "The film's genre" in asked.texts[0]


# --- SQL --------------------------------------------------------------------------------------------------------------

QUERY = "SELECT name FROM rivers WHERE length > 1000"


@pytest.fixture
def database() -> Any:
    engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE rivers (name TEXT, length INTEGER)")
        connection.exec_driver_sql("INSERT INTO rivers VALUES ('Douro', 897), ('Tagus', 1007)")
    yield SQLDatabase(engine)
    engine.dispose()


def answered(body: Json) -> Any:
    """Call the tools in the order of the agent's instructions; then answer with the last result."""
    results = tool_results(body)
    turns: list[Any] = [
        Call("sql_db_list_tables", {"tool_input": ""}),
        Call("sql_db_schema", {"table_names": "rivers"}),
        Call("sql_db_query", {"query": QUERY}),
    ]
    return turns[len(results)] if len(results) < len(turns) else f"These: {results[-1]}"


async def test_sql_agent_calls_its_tools_and_answers_with_the_rows(
    run: Any, endpoint: Json, scripted: Any, database: Any
) -> None:
    gateway = scripted(answered)
    model = ChatAIMLAPI(base_url=gateway.base_url, **endpoint)
    agent = create_sql_agent(
        model, db=database, agent_type="tool-calling", agent_executor_kwargs={"return_intermediate_steps": True}
    )
    state = await run(agent, "invoke", {"input": "Which rivers are longer than 1000 km?"})
    assert state["output"] == "These: [('Tagus',)]"
    assert [action.tool for action, _ in state["intermediate_steps"]][-1] == "sql_db_query"
    tables, schema, rows = tool_results(gateway.bodies[-1])
    assert (tables, rows) == ("rivers", "[('Tagus',)]")
    assert "CREATE TABLE rivers" in schema


async def test_sql_agent_that_works_in_text_reads_the_rows(
    run: Any, endpoint: Json, scripted: Any, database: Any
) -> None:
    gateway = scripted(
        [f"Action: sql_db_query\nAction Input: {QUERY}", "I now know the final answer.\nFinal Answer: the Tagus"]
    )
    agent = create_sql_agent(
        ChatAIMLAPI(base_url=gateway.base_url, **endpoint), db=database, agent_type="zero-shot-react-description"
    )
    state = await run(agent, "invoke", {"input": "Which rivers are longer than 1000 km?"})
    assert state["output"] == "the Tagus"
    assert "[('Tagus',)]" in gateway.texts[-1]


async def test_agent_with_the_sql_toolkit_at_the_emulator(run: Any, model: ChatAIMLAPI, database: Any) -> None:
    agent = create_agent(model, SQLDatabaseToolkit(db=database, llm=model).get_tools())
    state = await run(agent, "invoke", {"messages": [("user", f"sql_db_query: query is '{QUERY}'")]})
    assert "sql_db_query: [('Tagus',)]" in state["messages"][-1].text
