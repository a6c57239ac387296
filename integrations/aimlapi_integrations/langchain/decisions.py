"""Decisions and reranking in LangChain: `AIMLAPIDecisions`, a runnable, and `AIMLAPIRerank`, a document compressor."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from langchain_core.runnables.config import ensure_config
from pydantic import Field

from ..endpoints.decisions import DEFAULT_DECISION_MODEL, Decisions, Reranking
from .connection import ComponentFields
from .errors import translate_errors


class DecisionFields(ComponentFields):
    """What the components for decisions have in common: the model, and how to reach it."""

    model: str = DEFAULT_DECISION_MODEL
    """The model, by the gateway's id or an alias of it."""


class AIMLAPIDecisions(DecisionFields, RunnableSerializable[Any, Decisions], defer_build=False):
    """A runnable that answers typed questions about its input, to route, grade and guard inside chains.

    The input is a text, a message, a document, or JSON (dicts and lists of these). The output is a `Decisions`.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.

    Examples:
        >>> decide = AIMLAPIDecisions(questions={"urgent": "Does it convey urgency?"})
        >>> decide.invoke("My card was charged twice!").yes_no("urgent").probability        # doctest: +SKIP
        0.93
    """

    questions: Mapping[str, Any]
    """`YesNoQuestion`, `ChoiceQuestion`, `ScoreQuestion` or a text, a yes/no question, by keys of your own."""

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Decisions:  # noqa: A002  # core calls it so
        """Answer the questions about the input."""
        return self._call_with_config(self._decide, input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Decisions:  # noqa: A002
        """`invoke`, async."""
        return await self._acall_with_config(self._adecide, input, ensure_config(config), **kwargs)

    def _decide(self, value: Any) -> Decisions:
        with translate_errors():
            return self._get_client().decide(as_state(value), self.questions, model=self.model)

    async def _adecide(self, value: Any) -> Decisions:
        with translate_errors():
            return await self._get_async_client().decide(as_state(value), self.questions, model=self.model)


def as_state(value: Any) -> Any:
    """Convert messages and documents, alone or inside JSON, to JSON."""
    match value:
        case BaseMessage():
            return {"role": value.type, "content": value.text}
        case PromptValue():
            return as_state(value.to_messages())
        case Document():
            return value.page_content
        case Mapping():
            return {key: as_state(item) for key, item in value.items()}
        case list() | tuple():
            return [as_state(item) for item in value]
    return value


class AIMLAPIRerank(DecisionFields, BaseDocumentCompressor, defer_build=False):
    """A document compressor that keeps the documents most relevant to a query, the best first; ties keep their order.

    It returns copies with the relevance, from 0 to 1, in `metadata["relevance_score"]`. A request has as many documents
    as fit the context of the model.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.

    Examples:
        >>> rerank = AIMLAPIRerank(top_n=1)
        >>> documents = [Document("Bread is baked."), Document("The Douro flows through Porto.")]
        >>> rerank.compress_documents(documents, "Which river flows through Porto?")[0].page_content
        'The Douro flows through Porto.'
    """

    top_n: int | None = Field(default=3, ge=1)
    """How many documents to keep; None keeps all."""
    min_score: float = Field(default=0.0, ge=0, le=1)
    """The lowest relevance of the documents to keep, from 0 to 1."""
    max_concurrency: int = Field(default=4, ge=1)
    """Maximum number of concurrent requests of one call."""

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002  # core passes them
    ) -> Sequence[Document]:
        """Return the most relevant documents, the best first. Without documents, sends no request."""
        with translate_errors():
            return self._ranked(documents, self._get_client().rerank(query, _texts(documents), **self._arguments()))

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002  # core passes them
    ) -> Sequence[Document]:
        """`compress_documents`, async."""
        with translate_errors():
            ranking = await self._get_async_client().rerank(query, _texts(documents), **self._arguments())
        return self._ranked(documents, ranking)

    def _arguments(self) -> dict[str, Any]:
        return {"top_n": self.top_n, "model": self.model, "max_concurrency": self.max_concurrency}

    def _ranked(self, documents: Sequence[Document], ranking: Reranking) -> list[Document]:
        kept = [ranked for ranked in ranking.results if ranked.score >= self.min_score]
        return [_with_score(documents[ranked.index], ranked.score) for ranked in kept]


def _texts(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


def _with_score(document: Document, score: float) -> Document:
    return document.model_copy(update={"metadata": {**document.metadata, "relevance_score": score}})
