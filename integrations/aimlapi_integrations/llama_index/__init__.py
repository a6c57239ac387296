"""AI/ML API in LlamaIndex: an LLM with function calling, and embeddings.

>>> from aimlapi_integrations.llama_index import AIMLAPI
>>> llm = AIMLAPI(model="openai/gpt-5-mini-2025-08-07")
>>> print(llm.complete("Name three rivers of Portugal."))                                   # doctest: +SKIP
"""

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise ImportError(
        'LlamaIndex is not installed: pip install "aimlapi-integrations[llama-index]"', name="llama_index.core"
    ) from error

from .batch_jobs import BatchAPI, BatchJob
from .costs import AIMLAPICostHandler
from .decisions import AIMLAPIRerank, AIMLAPISelector
from .embedding import AIMLAPIEmbedding
from .llm import AIMLAPI

__all__ = [
    "AIMLAPI",
    "AIMLAPICostHandler",
    "AIMLAPIEmbedding",
    "AIMLAPIRerank",
    "AIMLAPISelector",
    "BatchAPI",
    "BatchJob",
]
