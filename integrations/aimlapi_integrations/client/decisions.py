"""Decisions and reranking: the methods of both clients, and what they share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from .. import costs
from .._utils.concurrency import arun_in_order, run_in_order
from ..endpoints import decisions
from ..endpoints.decisions import CONTEXT_TOKENS, DEFAULT_DECISION_MODEL, Decisions, Questions, Ranked, Reranking, State
from ..endpoints.shared.parsing import sum_costs, sum_usages
from ..errors import UnsupportedContentError
from ..tokens import estimate_tokens
from ..transport.client import AsyncHTTPClient, HTTPClient
from ..transport.retries import HTTPRequest, JSONResponse
from .call import build_http_request, model_errors, redact_errors
from .options import DEFAULT_OPTIONS, CallOptions, split_options

# Tokens of one request, with a margin: the estimate may be a quarter too low.
RERANK_TOKENS = CONTEXT_TOKENS * 2 // 3

# Tokens that each document adds to its own: its question, quotes and commas.
_PER_DOCUMENT = 40


class DecisionMethods:
    """The methods of `Client` for decisions and reranking."""

    _http: HTTPClient

    def decide(
        self,
        state: State,
        questions: Questions,
        *,
        model: str = DEFAULT_DECISION_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Decisions:
        """Answer typed questions about a state, with probabilities.

        Args:
            state: a text, or any JSON. Questions can refer to parts of it by path, such as `order.items[0]`.
            questions: `YesNoQuestion`, `ChoiceQuestion`, `ScoreQuestion` or a text, which is a yes/no question, by keys
                of your own. Each is answered independently.
            model: the id of a decision model.
            call: how to send it.
            options: further fields of the request.

        Raises:
            UnsupportedContentError: the state is empty, or there are no questions.
            UnsupportedParameterError: a question has too few or too many options or levels.

        Examples:
            >>> decisions = client.decide("My card was charged twice!", {"urgent": "Is it urgent?"})  # doctest: +SKIP
            >>> decisions.yes_no("urgent").probability                                              # doctest: +SKIP
            0.93
        """
        request = prepare_decision(state, questions, model, call, options)
        with model_errors(model):
            return parse_decision(self._http.send(request), list(questions))

    def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        top_n: int | None = None,
        model: str = DEFAULT_DECISION_MODEL,
        max_concurrency: int = 4,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Reranking:
        """Rank documents by their relevance to a query: the probability that each helps to answer it.

        Args:
            query: the question or search text.
            documents: any number of texts. One request has as many as fit the model's context, by an estimate of
                their tokens; a document that is too long for a request is cut, and ranked by its beginning.
            top_n: how many to return; None for all.
            model: the id of a decision model.
            max_concurrency: the maximum number of concurrent requests.
            call: how to send them.

        Raises:
            TypeError: a document is not a text; the error has its index.
            ValueError: `top_n` or `max_concurrency` is not a number from 1 up.
            UnsupportedContentError: the query is empty or too long.
        """
        check_counts(top_n=top_n, max_concurrency=max_concurrency)
        groups = group_documents(query, documents, model)
        with model_errors(model):
            answers = RerankCalls(query, model, call).run(self._http, groups, max_concurrency)
        return merge_rankings(groups, answers, top_n, model)


class AsyncDecisionMethods:
    """The methods of `AsyncClient` for decisions and reranking."""

    _http: AsyncHTTPClient

    async def decide(
        self,
        state: State,
        questions: Questions,
        *,
        model: str = DEFAULT_DECISION_MODEL,
        call: CallOptions = DEFAULT_OPTIONS,
        **options: Any,
    ) -> Decisions:
        """See `Client.decide`."""
        request = prepare_decision(state, questions, model, call, options)
        with model_errors(model):
            return parse_decision(await self._http.send(request), list(questions))

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        top_n: int | None = None,
        model: str = DEFAULT_DECISION_MODEL,
        max_concurrency: int = 4,
        call: CallOptions = DEFAULT_OPTIONS,
    ) -> Reranking:
        """See `Client.rerank`."""
        check_counts(top_n=top_n, max_concurrency=max_concurrency)
        groups = group_documents(query, documents, model)
        with model_errors(model):
            answers = await RerankCalls(query, model, call).arun(self._http, groups, max_concurrency)
        return merge_rankings(groups, answers, top_n, model)


# --- decisions ----------------------------------------------------------------------------------------------------


def prepare_decision(
    state: State, questions: Questions, model: str, call: CallOptions, options: Mapping[str, Any]
) -> HTTPRequest:
    """Prepare the request that asks the questions. BudgetExceededError if a limit of `track_costs` is reached."""
    costs.check_budgets()
    options, call = split_options(options, call)
    return build_http_request(decisions.PATH, call, decisions.encode(state, questions, model, **options))


def parse_decision(response: JSONResponse, keys: Sequence[str]) -> Decisions:
    """Parse the answers, and record their cost in the active ledgers."""
    with redact_errors(response):
        answers = decisions.decode(response.body, response.headers, keys)
    costs.record(answers)
    return answers


# --- rerank -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """The documents of one request; `start` is the index of the first among all."""

    start: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RerankCalls:
    """Requests that rank documents by their relevance to a query."""

    query: str
    model: str
    options: CallOptions

    def prepare(self, group: DocumentGroup) -> HTTPRequest:
        """Prepare the request for a group. BudgetExceededError if a limit of `track_costs` is reached."""
        costs.check_budgets()
        body = decisions.encode_rerank(self.query, group.texts, self.model)
        return build_http_request(decisions.PATH, self.options, body)

    def parse(self, group: DocumentGroup, response: JSONResponse) -> Decisions:
        """Parse the answers about a group."""
        return parse_decision(response, decisions.rerank_keys(len(group.texts)))

    def run(self, http: HTTPClient, groups: Sequence[DocumentGroup], limit: int) -> list[Decisions]:
        """Send the requests, at most `limit` at once. An error starts no further request."""

        def rank(group: DocumentGroup) -> Decisions:
            return self.parse(group, http.send(self.prepare(group)))

        return run_in_order(rank, groups, limit)

    async def arun(self, http: AsyncHTTPClient, groups: Sequence[DocumentGroup], limit: int) -> list[Decisions]:
        """`run`, async. An error or a cancellation also cancels the running requests."""

        async def rank(group: DocumentGroup) -> Decisions:
            return self.parse(group, await http.send(self.prepare(group)))

        return await arun_in_order(rank, groups, limit)


def check_counts(**counts: int | None) -> None:
    """Raise a ValueError for a number that is not an integer from 1 up; None is not set."""
    for name, count in counts.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, Integral) or count < 1):
            raise ValueError(f"{name}={count!r}: expected a number from 1 up.")


def group_documents(
    query: str, documents: Sequence[str], model: str, tokens: int = RERANK_TOKENS
) -> list[DocumentGroup]:
    """Split documents, in order, into groups that fit the context of the model, by an estimate of their tokens.

    A document that is too long for a request of its own is cut.

    Raises:
        TypeError: the query is not a text, or a document is not; the error has its index.
        UnsupportedContentError: the query is empty or too long.
    """
    if not isinstance(query, str):
        raise TypeError(f"query: expected a text, received {type(query).__name__}.")
    if not query.strip():
        raise UnsupportedContentError("The query is empty: there is nothing to rank by.")
    room = tokens - _tokens(query, model) - _PER_DOCUMENT
    if room < tokens // 4:
        raise UnsupportedContentError(f"The query is too long: it leaves no room for documents in {tokens:,} tokens.")
    return list(_groups(_texts(documents), room, model))


def _groups(texts: Iterator[str], room: int, model: str) -> Iterator[DocumentGroup]:
    group: list[str] = []
    start = used = 0
    for text in texts:
        size = _tokens(text, model) + _PER_DOCUMENT
        if size > room:
            text, size = _cut(text, room, size), room
        if group and used + size > room:
            yield DocumentGroup(start, tuple(group))
            start, group, used = start + len(group), [], 0
        group.append(text)
        used += size
    if group:
        yield DocumentGroup(start, tuple(group))


def _texts(documents: Sequence[str]) -> Iterator[str]:
    if isinstance(documents, str):
        raise TypeError("documents is one string: put it into a list.")
    if not isinstance(documents, Iterable):
        raise TypeError(f"documents: expected a list of texts, received {type(documents).__name__}.")
    for index, document in enumerate(documents):
        if not isinstance(document, str):
            raise TypeError(f"documents[{index}] is {type(document).__name__}: only texts can be ranked.")
        yield document


def _tokens(text: str, model: str) -> int:
    """Estimate the tokens of a text as a JSON string."""
    return estimate_tokens(json.dumps(text, ensure_ascii=False), model=model)


def _cut(text: str, room: int, size: int) -> str:
    """Cut a text of `size` tokens so that it has at most `room`."""
    while size > room:
        text = text[: min(len(text) * room // size, len(text) - 1)]
        size = estimate_tokens(text) + _PER_DOCUMENT
    return text


def merge_rankings(
    groups: Sequence[DocumentGroup], answers: Sequence[Decisions], top_n: int | None, model: str
) -> Reranking:
    """Merge the answers about groups of documents into one ranking of `top_n` documents; None for all."""
    ranked = [
        Ranked(group.start + place, each.yes_no(key).probability)
        for group, each in zip(groups, answers, strict=True)
        for place, key in enumerate(decisions.rerank_keys(len(group.texts)))
    ]
    best = sorted(ranked, key=lambda document: -document.score)  # stable
    return Reranking(
        results=tuple(best if top_n is None else best[:top_n]),
        model=answers[-1].model if answers else model,
        usage=sum_usages([each.usage for each in answers]),
        cost=sum_costs([each.cost for each in answers]),
    )
