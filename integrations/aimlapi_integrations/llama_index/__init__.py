"""AI/ML API in LlamaIndex: an LLM with function calling, and embeddings.

>>> from aimlapi_integrations.llama_index import AIMLAPI
>>> llm = AIMLAPI(model="openai/gpt-5-mini-2025-08-07")
>>> print(llm.complete("Name three rivers of Portugal."))                                   # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._utils.lazy_imports import lazy_getattr as _lazy_getattr

try:
    import llama_index.core  # noqa: F401  # the extra is installed
except ImportError as error:
    raise ImportError(
        'LlamaIndex is not installed: pip install "aimlapi-integrations[llama-index]"', name="llama_index.core"
    ) from error

if TYPE_CHECKING:
    from .batch_jobs import BatchAPI, BatchJob
    from .costs import AIMLAPICostHandler
    from .decisions import AIMLAPIRerank, AIMLAPISelector
    from .embedding import AIMLAPIEmbedding
    from .llm import AIMLAPI
    from .media import AIMLAPIMediaToolSpec, AIMLAPIOCRReader, AIMLAPISpeechReader
else:
    __getattr__ = _lazy_getattr(
        __name__,
        {
            "AIMLAPI": "llm",
            "AIMLAPICostHandler": "costs",
            "AIMLAPIEmbedding": "embedding",
            "AIMLAPIMediaToolSpec": "media",
            "AIMLAPIOCRReader": "media",
            "AIMLAPIRerank": "decisions",
            "AIMLAPISpeechReader": "media",
            "AIMLAPISelector": "decisions",
            "BatchAPI": "batch_jobs",
            "BatchJob": "batch_jobs",
        },
    )

__all__ = [
    "AIMLAPI",
    "AIMLAPICostHandler",
    "AIMLAPIEmbedding",
    "AIMLAPIMediaToolSpec",
    "AIMLAPIOCRReader",
    "AIMLAPIRerank",
    "AIMLAPISpeechReader",
    "AIMLAPISelector",
    "BatchAPI",
    "BatchJob",
]
