"""LangChain integration of AI/ML API: the chat model `ChatAIMLAPI`, embeddings, cost tracking and registration.

>>> from aimlapi_integrations.langchain import ChatAIMLAPI
>>> ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07").invoke("Hello").text                # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._utils.lazy_imports import lazy_getattr as _lazy_getattr

try:
    import langchain_core  # noqa: F401  # the extra is installed
except ImportError as error:
    raise ImportError('LangChain is missing: pip install "aimlapi-integrations[langchain]"') from error

if TYPE_CHECKING:
    from .batch_jobs import BatchAPI, BatchJob
    from .chat_model import ChatAIMLAPI
    from .costs import AIMLAPICallbackHandler, get_aimlapi_callback
    from .decisions import AIMLAPIDecisions, AIMLAPIRerank
    from .embeddings import AIMLAPIEmbeddings
    from .media import AIMLAPIImageTool, AIMLAPIOCRParser, AIMLAPISpeechParser, AIMLAPISpeechTool
    from .registration import register, unregister
else:
    __getattr__ = _lazy_getattr(
        __name__,
        {
            "AIMLAPICallbackHandler": "costs",
            "AIMLAPIDecisions": "decisions",
            "AIMLAPIEmbeddings": "embeddings",
            "AIMLAPIImageTool": "media",
            "AIMLAPIOCRParser": "media",
            "AIMLAPIRerank": "decisions",
            "AIMLAPISpeechParser": "media",
            "AIMLAPISpeechTool": "media",
            "BatchAPI": "batch_jobs",
            "BatchJob": "batch_jobs",
            "ChatAIMLAPI": "chat_model",
            "get_aimlapi_callback": "costs",
            "register": "registration",
            "unregister": "registration",
        },
    )

__all__ = [
    "AIMLAPICallbackHandler",
    "AIMLAPIDecisions",
    "AIMLAPIEmbeddings",
    "AIMLAPIImageTool",
    "AIMLAPIOCRParser",
    "AIMLAPIRerank",
    "AIMLAPISpeechParser",
    "AIMLAPISpeechTool",
    "BatchAPI",
    "BatchJob",
    "ChatAIMLAPI",
    "get_aimlapi_callback",
    "register",
    "unregister",
]
