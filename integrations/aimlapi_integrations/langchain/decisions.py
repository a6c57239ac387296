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
from pydantic import ConfigDict, Field, SecretStr, model_validator
from typing_extensions import Self

from ..client.config import resolve_api_key, resolve_base_url
from ..endpoints.decisions import DEFAULT_DECISION_MODEL, Decisions, Reranking
from .errors import translate_errors
from .fields import ConnectionFields


class DecisionFields(ConnectionFields):
    """The model and the connection, which the components for decisions share."""

    model_config = ConfigDict(
        populate_by_name=True, arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    model: str = DEFAULT_DECISION_MODEL
    """The gateway's id of the model, or an alias of it."""
    aimlapi_api_key: SecretStr | None = Field(default=None, alias="api_key")
    """The key. Default: the environment variable `AIMLAPI_API_KEY`, then `AIML_API_KEY`."""
    aimlapi_api_base: str | None = Field(default=None, alias="base_url")
    """The gateway's URL. Default: `AIMLAPI_API_BASE`, then `AIMLAPI_BASE_URL`, then the public gateway."""
    request_timeout: Any = Field(default=None, alias="timeout")
    """Timeout in seconds, a (connect, read) pair or an `httpx.Timeout`; None: 10 s to connect, 600 s to read."""
    max_retries: int | None = Field(default=None, ge=0)
    """Number of retries after transient errors; None: 2, 0: none."""
    http_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.Client` to use as is. It is never closed here."""
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.AsyncClient` to use as is. It is never closed here."""

    @model_validator(mode="after")
    def _resolve_connection(self) -> Self:
        self.aimlapi_api_key = resolve_api_key(self.aimlapi_api_key)
        self.aimlapi_api_base = resolve_base_url(self.aimlapi_api_base)
        return self

    def _own_client_kwargs(self) -> dict[str, Any]:
        return {
            "api_key": self.aimlapi_api_key.get_secret_value() if self.aimlapi_api_key else None,
            "base_url": self.aimlapi_api_base,
            "timeout": self.request_timeout,
            "max_retries": self.max_retries,
        }


class AIMLAPIDecisions(DecisionFields, RunnableSerializable[Any, Decisions]):
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


class AIMLAPIRerank(DecisionFields, BaseDocumentCompressor):
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
