"""`AIMLAPIEmbedding`: the embedding models of AI/ML API in LlamaIndex."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from functools import wraps
from typing import TYPE_CHECKING, Any

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from pydantic import Field, model_validator
from typing_extensions import Self, Unpack

from .._utils.pydantic_models import describe_inherited
from ..client.options import DEFAULT_EMBEDDING_MODEL
from ..endpoints.embeddings import check_texts
from ..models.lookup import check_model, warn_if_deprecated
from .connection import ConnectionFields
from .fields import CALLBACK_MANAGER, validate_kwargs

if TYPE_CHECKING:
    from .arguments import EmbeddingArguments

_ALIASES = {"model": "model_name", "batch_size": "embed_batch_size"}


class AIMLAPIEmbedding(ConnectionFields, BaseEmbedding, defer_build=False):
    """Embeddings by any model of the gateway, sync and natively async, one request per batch.

    Takes the arguments of LlamaIndex's `OpenAIEmbedding` by their names. An unknown one raises.

    Args:
        model: The model's ID. Defaults to `text-embedding-3-small`.
        api_key: The API key. Defaults to `AIMLAPI_API_KEY` or `AIML_API_KEY` in the environment.
        dimensions, embed_batch_size, …: See `model_fields`.

    Raises:
        MissingAPIKeyError: No API key is set.
        TypeError, UnsupportedContentError: From calls, for a text that is not a string, is empty or too long. The error
            names its index among all texts.
        APIError: From calls. See `aimlapi_integrations.errors` for the error classes.

    Examples:
        >>> embedding = AIMLAPIEmbedding(model="text-embedding-3-small", dimensions=256)
        >>> len(embedding.get_text_embedding("The Douro flows through Porto."))
        256
    """

    if TYPE_CHECKING:  # at run time pydantic's, which takes the same names

        def __init__(self, *, model: str = DEFAULT_EMBEDDING_MODEL, **fields: Unpack["EmbeddingArguments"]) -> None: ...

    model_name: str = Field(default=DEFAULT_EMBEDDING_MODEL, description="The model, by any ID; also `model`.")
    dimensions: int | None = Field(default=None, gt=0, description="Vector length, where the model supports a choice.")
    embed_batch_size: int = Field(default=100, gt=0, le=2048, description="Maximum texts per request.")
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further parameters of every call.")

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serializes the class by."""
        return "AIMLAPIEmbedding"

    @model_validator(mode="before")
    @classmethod
    def _validate_kwargs(cls, values: Any) -> Any:
        return validate_kwargs(cls, values, _ALIASES) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_model(self) -> Self:
        check_model(self.model_name)
        warn_if_deprecated(self.model_name)
        return self

    # --- batches: a text that cannot be embedded is named by its index among all, before anything is sent ------------

    # `wraps` marks these as traced for core, which would otherwise give each call a second span.

    @wraps(BaseEmbedding.get_text_embedding_batch)
    def get_text_embedding_batch(self, texts: list[str], *args: Any, **kwargs: Any) -> list[Embedding]:
        return super().get_text_embedding_batch(check_texts(texts, self.model_name), *args, **kwargs)

    @wraps(BaseEmbedding.aget_text_embedding_batch)
    async def aget_text_embedding_batch(self, texts: list[str], *args: Any, **kwargs: Any) -> list[Embedding]:
        return await super().aget_text_embedding_batch(check_texts(texts, self.model_name), *args, **kwargs)

    # --- the hooks of the base class, which batches, caches, limits and traces ---------------------------------------

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._get_text_embeddings([query])[0]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        if not texts:
            return []
        return list(self._client().embed(texts, model=self.model_name, **self._parameters()).vectors)

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return (await self._aget_text_embeddings([query]))[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._aget_text_embeddings([text]))[0]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        if not texts:
            return []
        embeddings = await self._async_client().embed(texts, model=self.model_name, **self._parameters())
        return list(embeddings.vectors)

    def _parameters(self) -> dict[str, Any]:
        parameters = {"dimensions": self.dimensions, **self.additional_kwargs}
        return {name: value for name, value in parameters.items() if value is not None}


describe_inherited(AIMLAPIEmbedding, {"callback_manager": CALLBACK_MANAGER})
