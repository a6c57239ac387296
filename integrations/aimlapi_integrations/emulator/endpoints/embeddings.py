"""`/v1/embeddings`: embed texts by feature hashing, so that texts with words in common are close to each other."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request

from ..model.catalogue import TokenUsage, cost_meta, count_tokens
from ..model.text_values import STOP_WORDS
from ..store import GatewayState
from ..wire import JSON, Closed, Open, check_model_served, invalid_request, parse_request, problem

# --- what each family of embedding models accepts -----------------------------------------------------------------

MAX_EMBEDDING_TOKENS = 300_000  # of all texts of a request, as at OpenAI

Text = Annotated[str, Field(min_length=1)]
Texts = Text | Annotated[list[str], Field(min_length=1)]


class OpenAIEmbedding(Closed):
    model: str
    input: Texts
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Annotated[float, Field(ge=1)] | None = None


class QwenEmbedding(Open):
    model: str
    input: Texts
    dimensions: Annotated[int, Field(ge=64, le=2048)] = 1024


class GoogleEmbedding(Open):
    model: str
    input: Texts
    dimensions: Annotated[float, Field(ge=1)] | None = None
    auto_truncate: bool = True
    title: str = ""
    task_type: Literal[
        "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
        "QUESTION_ANSWERING", "FACT_VERIFICATION",
    ] = "RETRIEVAL_DOCUMENT"  # fmt: skip


class VoyageEmbedding(Open):
    model: str
    input: Annotated[str, Field(min_length=1, max_length=8000)] | list[Annotated[str, Field(max_length=800)]]
    input_type: Literal["document"] = "document"


class PlainEmbedding(Open):
    model: str
    input: Texts


EmbeddingRequest = OpenAIEmbedding | QwenEmbedding | GoogleEmbedding | VoyageEmbedding | PlainEmbedding

# Pattern of model ids -> request model, default dimensions, maximum dimensions (0: not selectable).
EMBEDDING_FAMILIES: tuple[tuple[str, type[EmbeddingRequest], int, int], ...] = (
    (r"text-embedding-3-large", OpenAIEmbedding, 3072, 3072),
    (r"text-embedding-(3-small|ada-002)", OpenAIEmbedding, 1536, 1536),
    (r"qwen-text-embedding", QwenEmbedding, 1024, 2048),
    (r"text-(multilingual-)?embedding-00\d|gecko", GoogleEmbedding, 768, 768),
    (r"voyage-(code-2|large-2$)", VoyageEmbedding, 1536, 0),
    (r"voyage", VoyageEmbedding, 1024, 0),
    (r"bge-large", PlainEmbedding, 1024, 0),
    (r"", PlainEmbedding, 768, 0),
)


def embedding_family(model: str) -> tuple[type[EmbeddingRequest], int, int]:
    """The request model of an embedding model, its default dimensions and its maximum dimensions."""
    return next(row[1:] for row in EMBEDDING_FAMILIES if re.search(row[0], model))


# --- reply --------------------------------------------------------------------------------------------------------


def create_embeddings(state: GatewayState, _http_request: Request, body: JSON) -> JSON:
    model = str(body.get("model"))
    check_model_served(model, "embeddings", any_model=state.options.any_model)
    request_model, default_dimensions, max_dimensions = embedding_family(model)
    request = parse_request(request_model, body)
    dimensions = _dimensions(request, default_dimensions, max_dimensions)
    texts = [request.input] if isinstance(request.input, str) else request.input
    tokens = sum(map(count_tokens, texts))
    if tokens > MAX_EMBEDDING_TOKENS:
        reason = f"Requested {tokens} tokens, max {MAX_EMBEDDING_TOKENS} tokens per request"
        raise invalid_request([problem("input", reason, "too_big")])
    use_base64 = getattr(request, "encoding_format", "float") == "base64"
    vectors = (embed_text(text, dimensions) for text in texts)
    usage = {"total_tokens": tokens} if "voyage" in model else {"prompt_tokens": tokens, "total_tokens": tokens}
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _encode_base64(vector) if use_base64 else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
        "usage": usage,
        "meta": cost_meta(model, TokenUsage(tokens, 0)),
    }


def _dimensions(request: EmbeddingRequest, default: int, maximum: int) -> int:
    if "dimensions" not in request.model_fields_set:
        return default
    dimensions = int(getattr(request, "dimensions", None) or default)
    if dimensions > (maximum or dimensions):
        reason = f"Number must be less than or equal to {maximum}"
        raise invalid_request([problem("dimensions", reason, "too_big")])
    return dimensions


def _encode_base64(vector: list[float]) -> str:
    """Encode as little-endian 32-bit floats in base64, as OpenAI does."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def embed_text(text: str, dimensions: int) -> list[float]:
    """Embed a text as a unit vector. The hash of a feature decides where its weight is added, and with which sign."""
    vector = [0.0] * dimensions
    for feature, weight in _features(text):
        digest = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
        vector[digest % dimensions] += weight if digest >> 63 else -weight
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Words, pairs of words, and trigrams of longer words, which relate inflected forms. Each with its weight."""
    words = [re.sub(r"(?<=\w{3})s$", "", word) for word in re.findall(r"\w+", text.lower())]
    for word in words:
        yield word, 0.2 if word in STOP_WORDS else 1.0
        if len(word) > 3 and word not in STOP_WORDS:
            yield from ((f"#{word[at : at + 3]}", 0.15) for at in range(len(word) - 2))
    yield from ((f"{first} {second}", 0.3) for first, second in pairwise(words))
    if not words:
        yield text, 1.0
