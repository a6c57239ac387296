"""`AIMLAPIEmbeddings`: an embedding model of AI/ML API as LangChain's `Embeddings`."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from langchain_core.embeddings import Embeddings as LangChainEmbeddings
from pydantic import ConfigDict, Field, SecretStr, model_validator
from typing_extensions import Self, Unpack

from .._utils.concurrency import arun_in_order, run_in_order
from ..client.options import DEFAULT_EMBEDDING_MODEL
from ..endpoints.embeddings import merge_embeddings, split_batches, text_list
from ..errors import BadRequestError
from ..models import lookup
from ..models.lookup import check_model, warn_if_deprecated
from ..tokens import estimate_tokens
from ..transport.validation import as_secret, check_settings
from ..types import Embeddings
from .connection import ConnectionFields
from .errors import translate_errors
from .init_kwargs import EMBEDDING_NAMES, normalize_init_kwargs

if TYPE_CHECKING:
    from .arguments import EmbeddingsArguments


class AIMLAPIEmbeddings(ConnectionFields, LangChainEmbeddings, defer_build=False):
    """An embedding model of AI/ML API as LangChain's `Embeddings`.

    It takes the arguments of `OpenAIEmbeddings` by the same names. Texts are sent in concurrent batches, and their
    vectors are returned in order; each batch is retried separately. Calls store nothing on the instance: threads and
    event loops can share one, and copies and pickles open connections of their own.

    Args:
        model: the model's id. Default: `text-embedding-3-small`.
        api_key: the key. Default: the environment variable `AIMLAPI_API_KEY`, then `AIML_API_KEY`.
        dimensions, chunk_size, max_concurrency, …: see `model_fields`.

    Raises:
        MissingAPIKeyError: no key was passed and none is in the environment.

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

    if TYPE_CHECKING:  # at run time pydantic's, which takes the same names

        def __init__(
            self, *, model: str = DEFAULT_EMBEDDING_MODEL, **fields: Unpack["EmbeddingsArguments"]
        ) -> None: ...

    model: str = Field(default=DEFAULT_EMBEDDING_MODEL, description="The gateway's id of the model, or an alias of it.")
    aimlapi_api_key: SecretStr | None = Field(
        default=None,
        alias="api_key",
        description="The key. Default: the environment variable `AIMLAPI_API_KEY`, then `AIML_API_KEY`.",
    )
    aimlapi_api_base: str | None = Field(
        default=None,
        alias="base_url",
        description="The gateway's URL. Default: `AIMLAPI_API_BASE`, then `AIMLAPI_BASE_URL`, then the public gateway.",
    )

    dimensions: int | None = Field(default=None, ge=1, description="Length of the vectors, for models that support it.")
    encoding_format: Literal["float", "base64"] | None = Field(
        default=None, description="How vectors are transferred; the results are floats in either case."
    )
    model_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="Additional parameters, by the endpoint's names: `task_type`, `input_type`, `title` …",
    )
    query_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description='Parameters that `embed_query` adds to those, or replaces: `{"task_type": "RETRIEVAL_QUERY"}`.',
    )

    chunk_size: int = Field(default=256, ge=1, description="Maximum number of texts per request.")
    max_concurrency: int = Field(default=4, ge=1, description="Maximum number of concurrent requests of one call.")
    show_progress_bar: bool = Field(
        default=False, description="Whether to show a progress bar while documents are embedded; needs `rich`."
    )

    request_timeout: Any = Field(
        default=None,
        alias="timeout",
        description=(
            "Timeout in seconds, a (connect, read) pair or an `httpx.Timeout`; None: 10 s to connect, 600 s to read."
        ),
    )
    max_retries: int | None = Field(
        default=None, ge=0, description="Number of retries of a batch after transient errors; None: 2, 0: none."
    )
    http_client: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="An `httpx.Client` or `httpx2.Client` to use as is. It is never closed here.",
    )
    http_async_client: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="An `httpx.AsyncClient` or `httpx2.AsyncClient` to use as is. It is never closed here.",
    )

    @model_validator(mode="before")
    @classmethod
    def _normalize_kwargs(cls, values: Any) -> Any:
        """Accept the argument names of other integrations; move unknown arguments to `model_kwargs` with a warning."""
        return normalize_init_kwargs(cls, values, EMBEDDING_NAMES) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _resolve_connection(self) -> Self:
        self._resolve_key_and_url()
        check_model(self.model)
        check_settings(default_headers=self.default_headers, timeout=self.request_timeout, limits=self.limits)
        return self

    @model_validator(mode="after")
    def _warn_if_deprecated(self) -> Self:
        warn_if_deprecated(self.model)
        return self

    def embed_documents(self, texts: list[str], chunk_size: int | None = None) -> list[list[float]]:
        """Return the vectors of `texts`, in order. `chunk_size` overrides the field. Without texts, sends no request.

        Raises:
            TypeError: a text is not a string; names its index.
            UnsupportedContentError: the model can't embed a text; names its index.
        """
        return list(self._embed(texts, self.model_kwargs, chunk_size).vectors)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one text, to compare with those of documents."""
        return self._embed([text], {**self.model_kwargs, **self.query_kwargs}).vectors[0]

    async def aembed_documents(self, texts: list[str], chunk_size: int | None = None) -> list[list[float]]:
        """`embed_documents`, async."""
        return list((await self._aembed(texts, self.model_kwargs, chunk_size)).vectors)

    async def aembed_query(self, text: str) -> list[float]:
        """`embed_query`, async."""
        return (await self._aembed([text], {**self.model_kwargs, **self.query_kwargs})).vectors[0]

    def embed_with_usage(self, texts: list[str]) -> Embeddings:
        """Embed `texts` as `embed_documents` does, and return the vectors with the token counts and the cost."""
        return self._embed(texts, self.model_kwargs)

    async def aembed_with_usage(self, texts: list[str]) -> Embeddings:
        """`embed_with_usage`, async."""
        return await self._aembed(texts, self.model_kwargs)

    def _embed(self, texts: Iterable[str], options: Mapping[str, Any], chunk_size: int | None = None) -> Embeddings:
        client, parameters, texts = self._get_client(), self._request_parameters(options), text_list(texts)
        with translate_errors(), _progress(self.show_progress_bar, len(texts)) as advance:

            def embed(batch: _Batch) -> Embeddings:
                with _name_long_texts(batch, self.model):
                    embeddings = client.embed(batch.texts, model=self.model, **parameters)
                advance(len(batch.texts))
                return embeddings

            batches = _number_batches(texts, self.model, chunk_size or self.chunk_size)
            return self._merge(run_in_order(embed, batches, self.max_concurrency))

    async def _aembed(
        self, texts: Iterable[str], options: Mapping[str, Any], chunk_size: int | None = None
    ) -> Embeddings:
        client, parameters, texts = self._get_async_client(), self._request_parameters(options), text_list(texts)
        with translate_errors(), _progress(self.show_progress_bar, len(texts)) as advance:

            async def embed(batch: _Batch) -> Embeddings:
                with _name_long_texts(batch, self.model):
                    embeddings = await client.embed(batch.texts, model=self.model, **parameters)
                advance(len(batch.texts))
                return embeddings

            batches = _number_batches(texts, self.model, chunk_size or self.chunk_size)
            return self._merge(await arun_in_order(embed, batches, self.max_concurrency))

    def _merge(self, results: Sequence[Embeddings]) -> Embeddings:
        return merge_embeddings(results) if results else Embeddings((), self.model)

    def _request_parameters(self, options: Mapping[str, Any]) -> dict[str, Any]:
        parameters = {"dimensions": self.dimensions, "encoding_format": self.encoding_format, **options}
        return {name: value for name, value in parameters.items() if value is not None}

    def _own_client_kwargs(self) -> dict[str, Any]:
        return {
            "api_key": self.aimlapi_api_key,
            "base_url": as_secret(self.aimlapi_api_base),
            "timeout": self.request_timeout,
            "max_retries": self.max_retries,
        }


# --- batches ----------------------------------------------------------------------------------------------------------


class _Batch(NamedTuple):
    """The texts of one request; `start` is the index of the first one among all texts."""

    start: int
    texts: Sequence[str]


def _number_batches(texts: Iterable[str], model: str, size: int) -> list[_Batch]:
    """Split `texts` into batches of at most `size`.

    Raises:
        TypeError, UnsupportedContentError: a text can't be embedded; names its index.
    """
    batches, start = [], 0
    for texts_of_batch in split_batches(texts, model, size):
        batches.append(_Batch(start, texts_of_batch))
        start += len(texts_of_batch)
    return batches


@contextmanager
def _name_long_texts(batch: _Batch, model: str) -> Iterator[None]:
    """Add to an error which texts of a rejected batch look too long for the model, by their index among all texts."""
    try:
        yield
    except BadRequestError as error:
        limit = lookup(model).context
        counts = {batch.start + index: estimate_tokens(text, model=model) for index, text in enumerate(batch.texts)}
        for index, count in counts.items():
            if limit is not None and count > limit:
                error.message += f"\ntexts[{index}] has about {count:,} tokens; {model} takes {limit:,}."
        raise


# --- progress ---------------------------------------------------------------------------------------------------------


@contextmanager
def _progress(shown: bool, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar where `shown`, and return a function that advances it by a number of texts.

    Raises:
        ImportError: `rich`, which draws it, is not installed.
    """
    if not shown:
        yield lambda _: None
        return
    try:
        from rich.progress import Progress
    except ImportError as error:
        raise ImportError('show_progress_bar needs rich: pip install "aimlapi-integrations[cli]"') from error
    with Progress() as bar:
        yield partial(bar.advance, bar.add_task("Embedding", total=total))
