"""What each model of the gateway accepts, costs and can do: the shipped table, refreshed rows, and the lookup."""

from __future__ import annotations

from .loader import ModelDataWarning
from .lookup import (
    CHAT,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    ChatCapabilities,
    EmbeddingsCapabilities,
    Model,
    ModelDeprecationWarning,
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
    "ModelDataWarning",
    "ModelDeprecationWarning",
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
