"""Texts to embed, in batches that remember where they were, so that errors name a text by its place among all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from langchain_core.embeddings import Embeddings as LangChainEmbeddings
from pydantic import ConfigDict, Field, SecretStr, model_validator
from typing_extensions import Self

from .._utils.json import drop_none
from ..client.config import resolve_api_key, resolve_base_url
from ..endpoints.embeddings import merge_embeddings, split_batches, text_list
from ..errors import BadRequestError
from ..models import lookup
from ..tokens import estimate_tokens
from ..types import Embeddings
from .connections import Connections
from .errors import translate_errors
from .fields import EMBEDDING_NAMES, normalize_init_kwargs
from .parallel import arun_in_order, progress, run_in_order


class Batch(NamedTuple):
    """Texts of one request; the first of them is number `start` of all."""

    start: int
    texts: Sequence[str]


def numbered_batches(texts: Iterable[str], model: str, size: int) -> list[Batch]:
    """`texts` in batches of at most `size`.

    Raises:
        TypeError, UnsupportedContentError: a text that cannot be embedded, by its index.
    """
    found, start = [], 0
    for batch in split_batches(texts, model, size):
        found.append(Batch(start, batch))
        start += len(batch)
    return found


@contextmanager
def long_texts_named(batch: Batch, model: str) -> Iterator[None]:
    """Where the gateway refuses a batch, the error says which of its texts look too long for the model."""
    try:
        yield
    except BadRequestError as error:
        limit = lookup(model).context
        counts = {batch.start + place: estimate_tokens(text, model=model) for place, text in enumerate(batch.texts)}
        for index, count in counts.items():
            if limit is not None and count > limit:
                error.message += f"\ntexts[{index}] has about {count:,} tokens; {model} takes {limit:,}."
        raise


# No `from __future__ import annotations`: pydantic reads the types at run time.


class AIMLAPIEmbeddings(Connections, LangChainEmbeddings):
    """An embedding model of AI/ML API as LangChain's `Embeddings`.

    It takes the arguments of `OpenAIEmbeddings` by the same names. Texts go out in batches, several at once, and their
    vectors come back in order; each batch is retried by itself. Nothing of a call is kept on the instance: threads and
    event loops may share one, and copies and pickles open connections of their own.

    Raises:
        MissingAPIKeyError: no key was given and none is in the environment.

    Examples:
        >>> embeddings = AIMLAPIEmbeddings(model="text-embedding-3-small", dimensions=256)
        >>> vectors = embeddings.embed_documents(["Paris is a city.", "Rhubarb is a plant."])
        >>> len(vectors), len(vectors[0])
        (2, 256)
        >>> embeddings.embed_with_usage(["Paris is a city."]).cost                   # doctest: +SKIP
        Cost(usd='0.000001000', credits=2)
    """

    model_config = ConfigDict(
        populate_by_name=True, arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    model: str = "text-embedding-3-small"
    """The model, by the gateway's id or an alias of it."""
    aimlapi_api_key: SecretStr | None = Field(default=None, alias="api_key")
    """The key. Else `AIMLAPI_API_KEY`, `AIML_API_KEY`."""
    aimlapi_api_base: str | None = Field(default=None, alias="base_url")
    """Where the gateway is. Else `AIMLAPI_API_BASE`, `AIMLAPI_BASE_URL`, then the public one."""

    dimensions: int | None = Field(default=None, ge=1)
    """Length of the vectors, where the model can be asked for one."""
    encoding_format: Literal["float", "base64"] | None = None
    """How vectors travel; what arrives here are floats either way."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further parameters, by the endpoint's names: `task_type`, `input_type`, `title` …"""
    query_kwargs: dict[str, Any] = Field(default_factory=dict)
    """What `embed_query` sends beside or instead of those: `{"task_type": "RETRIEVAL_QUERY"}`."""

    chunk_size: int = Field(default=256, ge=1)
    """Texts per request at most."""
    max_concurrency: int = Field(default=4, ge=1)
    """Requests under way at once at most, for one call."""
    show_progress_bar: bool = False
    """Whether to show one while documents are embedded; needs `rich`."""

    request_timeout: Any = Field(default=None, alias="timeout")
    """Seconds to wait, a (connect, read) pair or an `httpx.Timeout`; None: 10 s to connect, 600 s to read."""
    max_retries: int | None = Field(default=None, ge=0)
    """Further tries of a batch after errors that may pass; None: 2, 0: none."""
    http_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.Client` or `httpx2.Client` of your own; it is used as it is and never closed."""
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    """An `httpx.AsyncClient` or `httpx2.AsyncClient` of your own, likewise."""

    @model_validator(mode="before")
    @classmethod
    def _gather_model_kwargs(cls, values: Any) -> Any:
        """Take other models' names; put what is no field into `model_kwargs`, with a warning."""
        return normalize_init_kwargs(cls, values, EMBEDDING_NAMES) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _resolve_connection(self) -> Self:
        self.aimlapi_api_key = resolve_api_key(self.aimlapi_api_key)
        self.aimlapi_api_base = resolve_base_url(self.aimlapi_api_base)
        return self

    # --- texts to vectors -------------------------------------------------------------------------------------------

    def embed_documents(self, texts: list[str], chunk_size: int | None = None) -> list[list[float]]:
        """The vectors of `texts`, in their order; `chunk_size` overrides the field. No text, no call.

        Raises:
            TypeError: what is no text, by its index.
            UnsupportedContentError: a text that the model cannot take, by its index.
        """
        return list(self._embed(texts, self.model_kwargs, chunk_size).vectors)

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text that is to be compared with those of documents."""
        return self._embed([text], {**self.model_kwargs, **self.query_kwargs}).vectors[0]

    async def aembed_documents(self, texts: list[str], chunk_size: int | None = None) -> list[list[float]]:
        """As `embed_documents`."""
        return list((await self._aembed(texts, self.model_kwargs, chunk_size)).vectors)

    async def aembed_query(self, text: str) -> list[float]:
        """As `embed_query`."""
        return (await self._aembed([text], {**self.model_kwargs, **self.query_kwargs})).vectors[0]

    def embed_with_usage(self, texts: list[str]) -> Embeddings:
        """As `embed_documents`, with the tokens and the price of all its calls."""
        return self._embed(texts, self.model_kwargs)

    async def aembed_with_usage(self, texts: list[str]) -> Embeddings:
        """As `embed_with_usage`."""
        return await self._aembed(texts, self.model_kwargs)

    def _embed(self, texts: Iterable[str], options: Mapping[str, Any], chunk_size: int | None = None) -> Embeddings:
        client, sent, texts = self._connection(), self._sent(options), text_list(texts)
        with translate_errors(), progress(self.show_progress_bar, len(texts)) as advance:

            def embed(batch: Batch) -> Embeddings:
                with long_texts_named(batch, self.model):
                    found = client.embed(batch.texts, model=self.model, **sent)
                advance(len(batch.texts))
                return found

            work = numbered_batches(texts, self.model, chunk_size or self.chunk_size)
            return self._joined(run_in_order(embed, work, self.max_concurrency))

    async def _aembed(
        self, texts: Iterable[str], options: Mapping[str, Any], chunk_size: int | None = None
    ) -> Embeddings:
        client, sent, texts = self._aconnection(), self._sent(options), text_list(texts)
        with translate_errors(), progress(self.show_progress_bar, len(texts)) as advance:

            async def embed(batch: Batch) -> Embeddings:
                with long_texts_named(batch, self.model):
                    found = await client.embed(batch.texts, model=self.model, **sent)
                advance(len(batch.texts))
                return found

            work = numbered_batches(texts, self.model, chunk_size or self.chunk_size)
            return self._joined(await arun_in_order(embed, work, self.max_concurrency))

    def _joined(self, answers: Sequence[Embeddings]) -> Embeddings:
        return merge_embeddings(answers) if answers else Embeddings((), self.model)

    def _sent(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a request, without those that say nothing."""
        sent = {"dimensions": self.dimensions, "encoding_format": self.encoding_format, **options}
        return drop_none(sent)

    # --- connections ------------------------------------------------------------------------------------------------

    def _own_settings(self) -> dict[str, Any]:
        return {
            "api_key": self.aimlapi_api_key.get_secret_value() if self.aimlapi_api_key else None,
            "base_url": self.aimlapi_api_base,
            "timeout": self.request_timeout,
            "max_retries": self.max_retries,
        }
