"""`AIMLAPIRerank` as a node postprocessor and `AIMLAPISelector` in router query engines, sync and async."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import CustomQueryEngine, RouterQueryEngine
from llama_index.core.response_synthesizers import TreeSummarize
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool, ToolMetadata
from llama_index_instrumentation import get_dispatcher
from pydantic import ValidationError

from aimlapi_integrations import AsyncClient, Client, MissingAPIKeyError, NotFoundError, UnsupportedContentError
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.llama_index import AIMLAPI, AIMLAPIEmbedding, AIMLAPIRerank, AIMLAPISelector
from tests.support.sync_and_async import Run

QUERY = "Which river flows through Porto?"
TEXTS = ["Bread is baked.", "The Douro flows through Porto.", "The Tagus is a river.", "Stone soup."]


def nodes(score: float | None = 0.5) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=str(place)), score=score) for place, text in enumerate(TEXTS)]


@pytest.fixture
def settings(gateway: Emulator) -> dict[str, Any]:
    return {"api_key": "k", "api_base": gateway.base_url, "max_retries": 0}


@pytest.fixture
def client_settings(gateway: Emulator) -> dict[str, Any]:
    return {"api_key": "k", "base_url": gateway.base_url, "max_retries": 0}


# --- rerank ---------------------------------------------------------------------------------------------------------


def rank(run: Run, rerank: Any, ranked: list[NodeWithScore], query: str = QUERY) -> list[NodeWithScore]:
    results: list[NodeWithScore] = run(rerank, "postprocess_nodes", ranked, query_str=query)
    return results


@pytest.mark.parametrize("score", [0.5, None])
def test_nodes_are_ranked_with_scores_and_unchanged_otherwise(run: Run, settings: Any, score: Any) -> None:
    given = nodes(score)
    before = copy.deepcopy(given)
    ranked = rank(run, AIMLAPIRerank(top_n=2, **settings), given)
    assert [result.node.node_id for result in ranked] == ["1", "2"]
    scores = [result.score for result in ranked]
    assert scores == sorted(scores, reverse=True)
    assert [result.node.metadata.get("retrieval_score") for result in ranked] == [score, score]
    assert ranked[0].node.get_content(metadata_mode=MetadataMode.LLM) == TEXTS[1]
    assert given == before


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [({}, "120"), ({"top_n": None}, "1203"), ({"top_n": 9}, "1203"), ({"min_score": 0.2}, "12")],
)
def test_how_many_nodes_are_kept(run: Run, settings: Any, arguments: Any, ids: str) -> None:
    ranked = rank(run, AIMLAPIRerank(**arguments, **settings), nodes())
    assert [result.node.node_id for result in ranked] == list(ids)


def test_no_nodes_send_no_request(run: Run, settings: Any, gateway: Emulator) -> None:
    assert rank(run, AIMLAPIRerank(**settings), []) == []
    assert gateway.requests == []


@pytest.mark.parametrize(("query", "error"), [(None, ValueError), (" ", UnsupportedContentError)])
def test_a_query_is_needed(run: Run, settings: Any, query: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="query"):
        rank(run, AIMLAPIRerank(**settings), nodes(), query)


def test_metadata_is_ranked_if_embeddings_see_it(run: Run, settings: Any, gateway: Emulator) -> None:
    node = TextNode(text="It flows.", metadata={"river": "Douro"}, excluded_embed_metadata_keys=["river"])
    for mode, sent in ((MetadataMode.EMBED, "It flows."), (MetadataMode.ALL, "river: Douro\n\nIt flows.")):
        rank(run, AIMLAPIRerank(metadata_mode=mode, **settings), [NodeWithScore(node=node)])
        assert gateway.requests[-1].json["state"]["documents"] == [sent]  # type: ignore[index]  # a POST has a body


def test_it_works_in_a_query_engine(run: Run, settings: Any) -> None:
    embedding = AIMLAPIEmbedding(**settings)
    index = VectorStoreIndex.from_documents([Document(text=text) for text in TEXTS], embed_model=embedding)
    rerank = AIMLAPIRerank(top_n=1, **settings)
    assert isinstance(rerank, BaseNodePostprocessor)
    engine = index.as_query_engine(AIMLAPI(**settings), similarity_top_k=4, node_postprocessors=[rerank])
    response = run(engine, "query", QUERY)
    assert [source.node.get_content() for source in response.source_nodes] == [TEXTS[1]]


class Recorder(BaseEventHandler):
    names: list[str]

    def handle(self, event: Any, **_: Any) -> None:
        self.names.append(type(event).__name__)


def test_reranking_is_reported_to_instrumentation(run: Run, settings: Any) -> None:
    root, recorder = get_dispatcher(), Recorder(names=[])
    root.add_event_handler(recorder)
    try:
        rank(run, AIMLAPIRerank(**settings), nodes())
    finally:
        root.event_handlers.remove(recorder)
    assert [name for name in recorder.names if name.startswith("ReRank")] == ["ReRankStartEvent", "ReRankEndEvent"]


def test_an_unknown_model_raises(run: Run, settings: Any, client_settings: Any) -> None:
    with pytest.raises(NotFoundError):
        rank(run, AIMLAPIRerank(model="acme/none", **settings), nodes())
    with pytest.raises(NotFoundError):
        run(AIMLAPISelector(model="acme/none", **client_settings), "select", ["rivers", "bread"], QUERY)


@pytest.mark.parametrize("arguments", [{"top_n": 0}, {"min_score": 2}, {"max_concurrency": 0}, {"topn": 3}])
def test_invalid_arguments_raise(settings: Any, arguments: Any) -> None:
    with pytest.raises((ValidationError, ValueError)):
        AIMLAPIRerank(**settings, **arguments)


def test_the_key_is_needed_and_stays_secret(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError):
        AIMLAPIRerank()
    with pytest.raises(MissingAPIKeyError):
        AIMLAPISelector().select(["a", "b"], QUERY)  # type: ignore[list-item]  # core takes texts too
    rerank = AIMLAPIRerank(**{**settings, "api_key": "sk-secret"})
    assert "sk-secret" not in repr(rerank) + rerank.to_json()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_rank_too(run: Run, settings: Any, copied: Any) -> None:
    rerank = AIMLAPIRerank(top_n=1, **settings)
    rank(Run(asynchronous=False), rerank, nodes())
    assert rank(run, copied(rerank), nodes())[0].node.node_id == "1"


# --- the selector ---------------------------------------------------------------------------------------------------

CHOICES = [
    ToolMetadata("bread and baking", name="recipes"),
    ToolMetadata("rivers of Portugal", name="rivers"),
    ToolMetadata("bridges over rivers", name="bridges"),
]


@pytest.mark.parametrize(
    ("query", "arguments", "selected"),
    [
        ("How long are the rivers of Portugal?", {}, [1]),
        ("baking bread", {}, [0]),
        ("rivers of Portugal and bridges over rivers", {"multi": True, "threshold": 0.25}, [1, 2]),
        ("something else", {"multi": True, "threshold": 1.0}, None),
    ],
)
def test_engines_are_selected_by_description(
    run: Run, client_settings: Any, query: str, arguments: Any, selected: Any
) -> None:
    result = run(AIMLAPISelector(**arguments, **client_settings), "select", CHOICES, query)
    assert selected is None or result.inds == selected
    assert result.selections
    assert all(selection.reason.startswith("Probability ") for selection in result.selections)


def test_choices_may_be_texts(run: Run, client_settings: Any) -> None:
    selector = AIMLAPISelector(**client_settings)
    assert run(selector, "select", ["bread", "rivers"], QueryBundle("rivers of Portugal")).ind == 1
    assert selector.get_prompts() == {}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_own_clients_are_used(client_settings: Any, kind: str) -> None:
    if kind == "sync":
        selector = AIMLAPISelector(client=Client(**client_settings))
        assert selector.select(["bread", "rivers"], "rivers").ind == 1  # type: ignore[list-item]  # core takes texts too
    else:
        selector = AIMLAPISelector(async_client=AsyncClient(**client_settings))
        result = asyncio.run(selector.aselect(["bread", "rivers"], "rivers"))  # type: ignore[list-item]  # likewise
        assert result.ind == 1


class Engine(CustomQueryEngine):
    name: str

    def custom_query(self, query_str: str) -> str:
        return f"{self.name}: {query_str}"


@pytest.mark.parametrize(("multi", "expected"), [(False, "rivers"), (True, "rivers")])
def test_it_routes_queries(run: Run, settings: Any, client_settings: Any, multi: bool, expected: str) -> None:
    tools = [QueryEngineTool(Engine(name=str(choice.name)), choice) for choice in CHOICES]
    engine = RouterQueryEngine(
        AIMLAPISelector(multi=multi, **client_settings),
        tools,
        llm=AIMLAPI(**settings),
        summarizer=TreeSummarize(llm=AIMLAPI(**settings)),
    )
    response = run(engine, "query", "rivers of Portugal")
    assert expected in str(response)
    assert response.metadata["selector_result"].inds[0] == 1
