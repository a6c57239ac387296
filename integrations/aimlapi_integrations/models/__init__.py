"""What each model of the gateway accepts, costs and can do: the shipped table and its lookup."""

from __future__ import annotations

from .lookup import (
    CHAT,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    ChatCapabilities,
    EmbeddingsCapabilities,
    Model,
    Parameter,
    ResponsesCapabilities,
    ToolCapabilities,
    explain,
    known_models,
    lookup,
    table_date,
    vendor,
)

__all__ = [
    "CHAT",
    "ChatCapabilities",
    "EMBEDDINGS",
    "EmbeddingsCapabilities",
    "MESSAGES",
    "Model",
    "Parameter",
    "RESPONSES",
    "ResponsesCapabilities",
    "ToolCapabilities",
    "explain",
    "known_models",
    "lookup",
    "table_date",
    "vendor",
]
