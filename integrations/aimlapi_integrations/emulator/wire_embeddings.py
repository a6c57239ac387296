"""What `/v1/embeddings` takes: one request model for each family of embedding models."""

import re
from typing import Annotated, Literal

from pydantic import Field

from .wire import Closed, Open

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

# Model name pattern -> request model, dimensions unless asked otherwise, the most that may be asked for (0: none).
FAMILIES: tuple[tuple[str, type[EmbeddingRequest], int, int], ...] = (
    (r"text-embedding-3-large", OpenAIEmbedding, 3072, 3072),
    (r"text-embedding-(3-small|ada-002)", OpenAIEmbedding, 1536, 1536),
    (r"qwen-text-embedding", QwenEmbedding, 1024, 2048),
    (r"text-(multilingual-)?embedding-00\d|gecko", GoogleEmbedding, 768, 768),
    (r"voyage-(code-2|large-2$)", VoyageEmbedding, 1536, 0),
    (r"voyage", VoyageEmbedding, 1024, 0),
    (r"bge-large", PlainEmbedding, 1024, 0),
    (r"", PlainEmbedding, 768, 0),
)


def family_of(model: str) -> tuple[type[EmbeddingRequest], int, int]:
    return next(row[1:] for row in FAMILIES if re.search(row[0], model))
