"""`AIMLAPIEmbedding`: the embedding models of AI/ML API in LlamaIndex."""

# No `from __future__ import annotations`: pydantic reads the types at run time.

from functools import wraps
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from pydantic import Field, model_validator

from .._utils.json import drop_none
from ..client.config import DEFAULT_EMBEDDING_MODEL
from ..endpoints.embeddings import check_texts
from .connections import ConnectionFields
from .fields import validate_kwargs

_NAMES = {"model": "model_name", "batch_size": "embed_batch_size"}


class AIMLAPIEmbedding(ConnectionFields, BaseEmbedding):
    """Embeddings of any model of the gateway, sync and truly async, a batch per request.

    Takes the arguments of LlamaIndex's `OpenAIEmbedding` by their names; an unknown one is an error.

    Raises:
        MissingAPIKeyError: there is no key.
        TypeError, UnsupportedContentError: from calls: what is no text, is empty or too long, by its index among all.
        APIError: from calls; the tree is drawn in `aimlapi_integrations.errors`.

    Examples:
        >>> embedding = AIMLAPIEmbedding(model="text-embedding-3-small", dimensions=256)
        >>> len(embedding.get_text_embedding("The Douro flows through Porto."))
        256
    """

    model_name: str = Field(default=DEFAULT_EMBEDDING_MODEL, description="The model, by any id; also `model`.")
    dimensions: int | None = Field(default=None, gt=0, description="Length of the vectors, where the model can choose.")
    embed_batch_size: int = Field(default=100, gt=0, le=2048, description="Texts per request at most.")
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further parameters of every call.")

    @classmethod
    def class_name(cls) -> str:
        """The name it is serialised by."""
        return "AIMLAPIEmbedding"

    @model_validator(mode="before")
    @classmethod
    def _take_other_names(cls, values: Any) -> Any:
        return validate_kwargs(cls, values, _NAMES) if isinstance(values, dict) else values

    # --- many texts: one that cannot be embedded is named by its place among all, before anything is sent -----------

    # `wraps` tells core that these are traced already: it would give each call a second span.

    @wraps(BaseEmbedding.get_text_embedding_batch)
    def get_text_embedding_batch(self, texts: list[str], *args: Any, **kwargs: Any) -> list[Embedding]:
        return super().get_text_embedding_batch(check_texts(texts, self.model_name), *args, **kwargs)

    @wraps(BaseEmbedding.aget_text_embedding_batch)
    async def aget_text_embedding_batch(self, texts: list[str], *args: Any, **kwargs: Any) -> list[Embedding]:
        return await super().aget_text_embedding_batch(check_texts(texts, self.model_name), *args, **kwargs)

    # --- the hooks of the base class, which batches, caches, limits and reports -----------------------------------

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
        given = {"dimensions": self.dimensions, **self.additional_kwargs}
        return drop_none(given)
