"""`AIMLAPIRerank` as a document compressor and `AIMLAPIDecisions` as a runnable, sync and async."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError

from aimlapi_integrations import ChoiceQuestion, MissingAPIKeyError, track_costs
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIDecisions, AIMLAPIEmbeddings, AIMLAPIRerank
from aimlapi_integrations.langchain.errors import (
    ModelInvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    UnsupportedContentError,
)
from tests.support.sync_and_async import Run

QUERY = "Which river flows through Porto?"
DOCUMENTS = [
    Document("Bread is baked.", id="bread", metadata={"page": 1}),
    Document("The Douro flows through Porto.", id="douro", metadata={"page": 2}),
    Document("The Tagus is a river.", metadata={"page": 3}),
    Document("Stone soup.", metadata={"page": 4}),
]


@pytest.fixture
def settings(gateway: Emulator) -> dict[str, Any]:
    return {"api_key": "k", "base_url": gateway.base_url, "max_retries": 0}


# --- rerank ---------------------------------------------------------------------------------------------------------


def test_documents_are_ranked_with_scores_and_unchanged_otherwise(run: Run, settings: Any) -> None:
    before = copy.deepcopy(DOCUMENTS)
    ranked = run(AIMLAPIRerank(top_n=2, **settings), "compress_documents", DOCUMENTS, QUERY)
    assert [document.metadata["page"] for document in ranked] == [2, 3]
    assert [document.id for document in ranked] == ["douro", None]
    scores = [document.metadata["relevance_score"] for document in ranked]
    assert scores == sorted(scores, reverse=True)
    assert before == DOCUMENTS


@pytest.mark.parametrize(
    ("arguments", "pages"),
    [({}, [2, 3, 1]), ({"top_n": None}, [2, 3, 1, 4]), ({"top_n": 9}, [2, 3, 1, 4]), ({"min_score": 0.2}, [2, 3])],
)
def test_how_many_documents_are_kept(run: Run, settings: Any, arguments: Any, pages: list[int]) -> None:
    ranked = run(AIMLAPIRerank(**arguments, **settings), "compress_documents", DOCUMENTS, QUERY)
    assert [document.metadata["page"] for document in ranked] == pages


def test_no_documents_send_no_request(run: Run, settings: Any, gateway: Emulator) -> None:
    assert run(AIMLAPIRerank(**settings), "compress_documents", [], QUERY) == []
    assert gateway.requests == []


def test_it_compresses_in_the_contextual_retriever(run: Run, settings: Any) -> None:
    retrievers = pytest.importorskip("langchain_classic.retrievers")
    store = InMemoryVectorStore(AIMLAPIEmbeddings(**settings))
    store.add_documents(DOCUMENTS)
    rerank = AIMLAPIRerank(top_n=1, **settings)
    assert isinstance(rerank, BaseDocumentCompressor)
    retriever = retrievers.ContextualCompressionRetriever(
        base_compressor=rerank, base_retriever=store.as_retriever(search_kwargs={"k": 4})
    )
    with track_costs() as costs:
        [document] = run(retriever, "invoke", QUERY)
    assert document.metadata["page"] == 2
    assert set(costs.by_model) == {"text-embedding-3-small", "typesafe/jev"}


@pytest.mark.parametrize(
    ("arguments", "query", "error", "core"),
    [
        ({"model": "acme/none"}, QUERY, NotFoundError, ModelNotFoundError),
        ({}, " ", UnsupportedContentError, ModelInvalidRequestError),
    ],
)
def test_errors_are_langchains_too(
    run: Run, settings: Any, arguments: Any, query: str, error: type[Exception], core: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        run(AIMLAPIRerank(**{**settings, **arguments}), "compress_documents", DOCUMENTS, query)
    assert isinstance(caught.value, core)


@pytest.mark.parametrize("arguments", [{"top_n": 0}, {"min_score": 2}, {"max_concurrency": 0}, {"topn": 3}])
def test_invalid_arguments_raise(settings: Any, arguments: Any) -> None:
    with pytest.raises(ValidationError):
        AIMLAPIRerank(**settings, **arguments)


@pytest.mark.parametrize("kind", [AIMLAPIRerank, lambda **kwargs: AIMLAPIDecisions(questions={"a": "?"}, **kwargs)])
def test_the_key_is_needed_and_stays_secret(monkeypatch: pytest.MonkeyPatch, settings: Any, kind: Any) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingAPIKeyError):
        kind(base_url=settings["base_url"])
    assert "sk-secret" not in repr(kind(**{**settings, "api_key": "sk-secret"}))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_rank_too(run: Run, settings: Any, copied: Any) -> None:
    rerank = AIMLAPIRerank(top_n=1, **settings)
    rerank.compress_documents(DOCUMENTS, QUERY)
    [document] = run(copied(rerank), "compress_documents", DOCUMENTS, QUERY)
    assert document.id == "douro"


# --- decisions ------------------------------------------------------------------------------------------------------


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.events: list[str] = []

    def on_chain_start(self, *_: Any, **kwargs: Any) -> None:
        self.events.append(f"start {kwargs.get('name')}")

    def on_chain_end(self, *_: Any, **__: Any) -> None:
        self.events.append("end")


@pytest.mark.parametrize(
    ("value", "state"),
    [
        ("payments fail", "payments fail"),
        ({"text": "payments fail"}, {"text": "payments fail"}),
        (HumanMessage("payments fail"), {"role": "human", "content": "payments fail"}),
        (
            [AIMessage("Hi"), HumanMessage("fail")],
            [{"role": "ai", "content": "Hi"}, {"role": "human", "content": "fail"}],
        ),
        (Document("payments fail"), "payments fail"),
        ({"documents": (Document("a"),)}, {"documents": ["a"]}),
        (ChatPromptTemplate.from_template("{a}").invoke({"a": "fail"}), [{"role": "human", "content": "fail"}]),
    ],
    ids=["text", "json", "message", "messages", "document", "documents", "prompt"],
)
def test_inputs_become_the_state(run: Run, settings: Any, gateway: Emulator, value: Any, state: Any) -> None:
    decide = AIMLAPIDecisions(questions={"payments": "Is it about payments?"}, **settings)
    run(decide, "invoke", value)
    assert gateway.requests[-1].json["state"] == state  # type: ignore[index]  # a POST has a body


def test_it_routes_in_a_chain_and_is_traced(run: Run, settings: Any) -> None:
    teams = {"billing": "payments, refunds", "sales": "new accounts"}
    decide = AIMLAPIDecisions(questions={"team": ChoiceQuestion("Who handles it?", teams)}, **settings)
    chain = decide | RunnableLambda(lambda decisions: decisions.choice("team").choice)
    recorder = Recorder()
    assert run(chain, "invoke", "My payments fail", {"callbacks": [recorder]}) == "billing"
    assert "start AIMLAPIDecisions" in recorder.events
    assert run(chain, "batch", ["My payments fail", "new accounts please"]) == ["billing", "sales"]


def test_errors_of_decisions_are_langchains_too(run: Run, settings: Any) -> None:
    with pytest.raises(UnsupportedContentError) as caught:
        run(AIMLAPIDecisions(questions={"a": "?"}, **settings), "invoke", "")
    assert isinstance(caught.value, ModelInvalidRequestError)
