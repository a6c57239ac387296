"""Decisions in LlamaIndex: `AIMLAPIRerank`, a node postprocessor, and `AIMLAPISelector` for router query engines."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle
from llama_index.core.tools.types import ToolMetadata
from llama_index_instrumentation import get_dispatcher
from pydantic import Field
from typing_extensions import override

from ..client.client import AsyncClient, Client
from ..endpoints.decisions import (
    DEFAULT_DECISION_MODEL,
    ChoiceQuestion,
    Decisions,
    Questions,
    Reranking,
    YesNoQuestion,
)
from .connection import ClientCache, ConnectionFields

dispatcher = get_dispatcher(__name__)


class AIMLAPIRerank(ConnectionFields, BaseNodePostprocessor, defer_build=False):
    """A node postprocessor that keeps the nodes most relevant to a query, the best first; ties keep their order.

    The score of a node becomes its relevance, from 0 to 1; its previous score, from retrieval, goes to
    `metadata["retrieval_score"]`. A request has as many nodes as fit the context of the model.

    Raises:
        MissingAPIKeyError: No API key is set.
        APIError: From calls. See `aimlapi_integrations.errors` for the error classes.

    Examples:
        >>> rerank = AIMLAPIRerank(top_n=3)
        >>> engine = index.as_query_engine(similarity_top_k=20, node_postprocessors=[rerank])       # doctest: +SKIP
    """

    model: str = Field(default=DEFAULT_DECISION_MODEL, description="The model, by any id.")
    top_n: int | None = Field(default=3, ge=1, description="How many nodes to keep; None for all.")
    min_score: float = Field(default=0.0, ge=0, le=1, description="The lowest relevance of nodes to keep.")
    max_concurrency: int = Field(default=4, ge=1, description="Maximum number of concurrent requests.")
    metadata_mode: MetadataMode = Field(
        default=MetadataMode.EMBED, description="Which metadata of a node is ranked with its text."
    )

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serializes the class by."""
        return "AIMLAPIRerank"

    @override
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = self._begin(nodes, query_bundle)
        ranking = self._client().rerank(query, self._texts(nodes), **self._arguments())
        return self._ranked(nodes, ranking)

    @override
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query = self._begin(nodes, query_bundle)
        ranking = await self._async_client().rerank(query, self._texts(nodes), **self._arguments())
        return self._ranked(nodes, ranking)

    def _begin(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None) -> str:
        if query_bundle is None:
            raise ValueError("Reranking needs a query: pass query_str or query_bundle.")
        top_n = len(nodes) if self.top_n is None else self.top_n
        dispatcher.event(ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=top_n, model_name=self.model))
        return query_bundle.query_str

    def _texts(self, nodes: list[NodeWithScore]) -> list[str]:
        return [node.node.get_content(metadata_mode=self.metadata_mode) for node in nodes]

    def _arguments(self) -> dict[str, Any]:
        return {"top_n": self.top_n, "model": self.model, "max_concurrency": self.max_concurrency}

    def _ranked(self, nodes: list[NodeWithScore], ranking: Reranking) -> list[NodeWithScore]:
        kept = [ranked for ranked in ranking.results if ranked.score >= self.min_score]
        ranked_nodes = [_with_score(nodes[ranked.index], ranked.score) for ranked in kept]
        dispatcher.event(ReRankEndEvent(nodes=ranked_nodes))
        return ranked_nodes


def _with_score(scored: NodeWithScore, score: float) -> NodeWithScore:
    """Return the node with a new score. Its previous score is metadata that models don't see."""
    if scored.score is None:
        return NodeWithScore(node=scored.node, score=score)
    hidden = {name: [*getattr(scored.node, name), "retrieval_score"] for name in _HIDDEN}
    metadata = {**scored.node.metadata, "retrieval_score": scored.score}
    return NodeWithScore(node=scored.node.model_copy(update={"metadata": metadata, **hidden}), score=score)


_HIDDEN = ("excluded_embed_metadata_keys", "excluded_llm_metadata_keys")

_CHOICE, _QUESTION = "choice", "Which source can answer the query?"


class AIMLAPISelector(BaseSelector):
    """A selector of the query engines that can answer a query, by their descriptions, for `RouterQueryEngine`.

    Args:
        multi: Select all engines with a probability of at least `threshold`, and always the most probable; otherwise
            only the most probable.
        threshold: A probability from 0 to 1.
        model: The ID of a decision model.
        client, async_client: Clients of your own. By default they are created on the first call.
        kwargs: Arguments of these clients, such as `api_key` and `base_url`.

    Raises:
        MissingAPIKeyError: From calls: No API key is set.
        UnsupportedParameterError: From calls: There are more than 255 engines.

    Examples:
        >>> engine = RouterQueryEngine(AIMLAPISelector(), query_engine_tools=tools)                 # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        multi: bool = False,
        threshold: float = 0.5,
        model: str = DEFAULT_DECISION_MODEL,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        **kwargs: Any,
    ) -> None:
        self.multi = multi
        self.threshold = threshold
        self.model = model
        self._client = client
        self._async_client = async_client
        self._clients = ClientCache()
        self._kwargs = kwargs

    @override
    def _select(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        client = self._client or self._clients.get_sync(self._kwargs)
        return self._selection(client.decide(query.query_str, self._questions(choices), model=self.model), len(choices))

    @override
    async def _aselect(self, choices: Sequence[ToolMetadata], query: QueryBundle) -> SelectorResult:
        client = self._async_client or self._clients.get_async(self._kwargs)
        decisions = await client.decide(query.query_str, self._questions(choices), model=self.model)
        return self._selection(decisions, len(choices))

    @override
    def _get_prompts(self) -> PromptDictType:
        return {}

    @override
    def _update_prompts(self, prompts_dict: PromptDictType) -> None:
        """Do nothing: there are no prompts."""

    def _questions(self, choices: Sequence[ToolMetadata]) -> Questions:
        described = {str(place): _describe(choice) for place, choice in enumerate(choices)}
        if not self.multi:
            return {_CHOICE: ChoiceQuestion(_QUESTION, described)}
        question = "Can this source answer the query?"
        return {place: YesNoQuestion({"question": question, "source": text}) for place, text in described.items()}

    def _selection(self, decisions: Decisions, count: int) -> SelectorResult:
        if not self.multi:
            answer = decisions.choice(_CHOICE)
            probability = answer.probabilities.get(answer.choice, answer.confidence or 0.0)
            return SelectorResult(selections=[_selected(int(answer.choice), probability)])
        probabilities = [decisions.yes_no(str(place)).probability for place in range(count)]
        least = min(self.threshold, max(probabilities))
        selected = [(place, each) for place, each in enumerate(probabilities) if each >= least]
        return SelectorResult(selections=[_selected(place, each) for place, each in selected])


def _describe(choice: ToolMetadata) -> str:
    return f"{choice.name}: {choice.description}" if choice.name else choice.description


def _selected(index: int, probability: float) -> SingleSelection:
    return SingleSelection(index=index, reason=f"Probability {probability:.2f}")
