"""`decide` and `rerank` with the sync and the async client."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aimlapi_integrations import (
    AsyncClient,
    BudgetExceededError,
    CallOptions,
    ChoiceQuestion,
    Client,
    InternalServerError,
    NotFoundError,
    ScoreQuestion,
    UnsupportedContentError,
    YesNoQuestion,
    track_costs,
)
from aimlapi_integrations.client.decisions import RERANK_TOKENS, group_documents
from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.tokens import estimate_tokens

JEV = "typesafe/jev"
Handler = Callable[[httpx.Request], httpx.Response]


class Run:
    """A sync or an async client."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, method: str, *args: Any, **kwargs: Any) -> Any:
        result = getattr(self.client, method)(*args, **kwargs)
        return asyncio.run(result) if inspect.isawaitable(result) else result


@pytest.fixture(params=[Client, AsyncClient])
def run(request: pytest.FixtureRequest, gateway: Emulator) -> Run:
    return Run(request.param("k", gateway.base_url, max_retries=0))


@pytest.fixture(params=["sync", "async"])
def mocked(request: pytest.FixtureRequest) -> Callable[[Handler], Run]:
    def run(handler: Handler, **settings: Any) -> Run:
        transport, url = httpx.MockTransport(handler), "https://gateway.test/v1"
        if request.param == "sync":
            return Run(Client("k", url, http_client=httpx.Client(transport=transport), **settings))
        return Run(AsyncClient("k", url, http_client=httpx.AsyncClient(transport=transport), **settings))

    return run


def answers(request: httpx.Request) -> dict[str, Any]:
    """A reply to a rerank: a document is as relevant as the number in it says."""
    documents = json.loads(request.content)["state"]["documents"]
    scores = {f"d{place}": {"type": "noul", "noul": float(text.split()[0])} for place, text in enumerate(documents)}
    usage = {"input_tokens": 10, "output_tokens": 2}
    return {"model": JEV, "answers": scores, "usage": usage, "meta": {"usage": {"usd_spent": 0.001, "credits_used": 2}}}


# --- decide ---------------------------------------------------------------------------------------------------------


def test_decide_answers_each_kind_of_question(run: Run) -> None:
    decisions = run(
        "decide",
        {"ticket": {"text": "My payments have been failing for 3 days"}},
        {
            "payments": "Is it about payments?",
            "urgent": YesNoQuestion("Is it urgent?", yes="failing for days"),
            "team": ChoiceQuestion(
                "Which team handles `ticket.text`?", {"billing": "payments", "sales": "new accounts"}
            ),
            "anger": ScoreQuestion("How angry?", ["calm", "payments failing", "furious"]),
        },
    )
    assert decisions.yes_no("payments").yes
    assert decisions.yes_no("urgent").probability > 0.5
    assert decisions.choice("team").choice == "billing"
    assert sum(decisions.choice("team").probabilities.values()) == pytest.approx(1, abs=0.01)
    assert 0 < decisions.score("anger").score < 2
    assert decisions.cost
    assert decisions.usage
    assert decisions.call_metadata.inference_id


def test_decide_is_counted_and_stopped_by_a_budget(run: Run, gateway: Emulator) -> None:
    with track_costs(max_tokens_total=1) as costs:
        decisions = run("decide", "state", {"a": "?"})
        with pytest.raises(BudgetExceededError):
            run("decide", "state", {"a": "?"})
        with pytest.raises(BudgetExceededError):
            run("rerank", "query", ["document"])
    assert decisions.cost
    assert costs.total.usd == Decimal(decisions.cost.usd)
    assert len(gateway.requests) == 1


def test_decide_sends_the_options_of_the_call(run: Run, gateway: Emulator) -> None:
    call = CallOptions(headers={"x-team": "billing"}, client_request_id="id-1")
    run("decide", "state", {"a": "?"}, call=call)
    [request] = gateway.requests
    assert (request.headers["x-team"], request.headers["x-client-request-id"]) == ("billing", "id-1")


@pytest.mark.parametrize("method", [("decide", "state", {"a": "?"}), ("rerank", "query", ["document"])])
def test_an_unknown_model_raises(run: Run, method: Any) -> None:
    with pytest.raises(NotFoundError):
        run(*method, model="acme/none")


@pytest.mark.parametrize("method", [("decide", "state", {"a": "?"}), ("rerank", "query", ["0.5 a"])])
def test_transient_errors_are_retried(mocked: Any, method: Any) -> None:
    statuses = iter([503, 429])

    def handle(request: httpx.Request) -> httpx.Response:
        status = next(statuses, 200)
        if status != 200:
            return httpx.Response(status, headers={"retry-after": "0"})
        if method[0] == "rerank":
            return httpx.Response(200, json=answers(request))
        return httpx.Response(200, json={"answers": {"a": {"type": "noul", "noul": 0.5}}})

    mocked(handle)(*method)
    assert next(statuses, None) is None


# --- rerank ---------------------------------------------------------------------------------------------------------


def test_rerank_orders_by_relevance(run: Run, gateway: Emulator) -> None:
    documents = ["Bread is baked.", "The Douro flows through Porto.", "The Tagus is a river."]
    ranking = run("rerank", "Which river flows through Porto?", documents)
    assert [ranked.index for ranked in ranking.results] == [1, 2, 0]
    scores = [ranked.score for ranked in ranking.results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert len(gateway.requests) == 1  # all documents in one request


def test_ties_keep_their_order_and_top_n_is_kept(mocked: Any) -> None:
    documents = ["0.5 a", "0.9 b", "0.5 c", "0.5 d"]
    ranking = mocked(lambda request: httpx.Response(200, json=answers(request)))("rerank", "q", documents, top_n=3)
    assert [(ranked.index, ranked.score) for ranked in ranking.results] == [(1, 0.9), (0, 0.5), (2, 0.5)]


def test_many_documents_are_ranked_together(mocked: Any) -> None:
    sizes: list[int] = []

    def handle(request: httpx.Request) -> httpx.Response:
        sizes.append(len(json.loads(request.content)["state"]["documents"]))
        return httpx.Response(200, json=answers(request))

    documents = [f"{(place % 100) / 100} {'word ' * 300}" for place in range(200)]
    with track_costs() as costs:
        ranking = mocked(handle)("rerank", "q", documents, max_concurrency=3)
    assert sum(sizes) == 200
    assert len(sizes) > 1
    expected = sorted(range(200), key=lambda place: -((place % 100) / 100))
    assert [ranked.index for ranked in ranking.results] == expected
    assert ranking.cost
    assert ranking.usage
    assert Decimal(ranking.cost.usd) == costs.total.usd == len(sizes) * Decimal("0.001")
    assert (ranking.cost.credits, ranking.usage.input) == (2 * len(sizes), 10 * len(sizes))


def test_no_documents_send_no_request(run: Run, gateway: Emulator) -> None:
    ranking = run("rerank", "query", [])
    assert (ranking.results, ranking.cost, gateway.requests) == ((), None, [])


@pytest.mark.parametrize(
    ("query", "documents", "error", "problem"),
    [
        ("", ["a"], UnsupportedContentError, "query is empty"),
        (" ", ["a"], UnsupportedContentError, "query is empty"),
        ("word " * 20_000, ["a"], UnsupportedContentError, "query is too long"),
        ("q", "a", TypeError, "one string"),
        ("q", ["a", None], TypeError, r"documents\[1\] is NoneType"),
    ],
)
def test_what_cannot_be_ranked_raises(
    run: Run, gateway: Emulator, query: str, documents: Any, error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        run("rerank", query, documents)
    assert gateway.requests == []


@pytest.mark.parametrize("limit", [1, 4])
def test_an_error_of_one_request_is_raised_and_stops_the_rest(mocked: Any, limit: int) -> None:
    lock, sent = threading.Lock(), [0]

    def handle(request: httpx.Request) -> httpx.Response:
        with lock:
            sent[0] += 1
        return httpx.Response(500, json={"message": "down"})

    documents = ["word " * 5_000] * 40
    with pytest.raises(InternalServerError, match="down"):
        mocked(handle, max_retries=0)("rerank", "q", documents, max_concurrency=limit)
    assert sent[0] <= 2 * limit


# --- groups ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "documents",
    [
        ["a"] * 2_000,
        ["word " * 900] * 50,
        ["word " * 100_000, "short", "word " * 100_000],
        ['"\\\n' * 5_000, "short"],
        ["語" * 30_000, "рус " * 20_000, "😀" * 20_000],
        ["", "a", ""],
    ],
    ids=["many-short", "long", "too-long", "escapes", "other-scripts", "empty"],
)
def test_groups_keep_the_order_and_fit_the_context(documents: list[str]) -> None:
    groups = group_documents("query", documents, JEV)
    assert [group.start for group in groups] == [sum(len(g.texts) for g in groups[:n]) for n in range(len(groups))]
    texts = [text for group in groups for text in group.texts]
    assert len(texts) == len(documents)
    for text, document in zip(texts, documents, strict=True):
        assert document.startswith(text)
        assert text == document or len(text) > 1_000
    for group in groups:
        assert sum(estimate_tokens(text, model=JEV) + 40 for text in group.texts) <= RERANK_TOKENS * 1.05


def test_a_group_as_large_as_allowed_is_accepted_by_the_gateway(run: Run) -> None:
    documents = [f"Document {place} about rivers and bridges of Porto. " * 30 for place in range(120)]
    assert len(run("rerank", "Which bridges are in Porto?", documents).results) == 120
