"""AI/ML API (https://aimlapi.com) without a framework. `.langchain` and `.llama_index` hold the models of these.

>>> from aimlapi_integrations import Client
>>> Client().chat("Name three rivers of Portugal.").text                                    # doctest: +SKIP
"""

from typing import TYPE_CHECKING

from ._utils.lazy_imports import lazy_getattr as _lazy_getattr
from .client.options import CallOptions
from .errors import (
    AIMLAPIError,
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    ConfigurationError,
    ConflictError,
    ContextOverflowError,
    IncompleteOutputError,
    InsufficientCreditsError,
    InternalServerError,
    InvalidToolCallError,
    MissingAPIKeyError,
    NotFoundError,
    OutputError,
    PermissionDeniedError,
    RateLimitError,
    RefusalError,
    RequestTimeoutError,
    ResponseFailedError,
    StreamError,
    UnsupportedContentError,
    UnsupportedParameterError,
)
from .transport.retries import RetryEvent, RetryPolicy
from .types import (
    Audio,
    Citation,
    Cost,
    Delta,
    Embeddings,
    File,
    HostedItem,
    HostedTool,
    Image,
    Message,
    Reasoning,
    Refusal,
    Reply,
    Request,
    ResponseFormat,
    SearchResult,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
    Video,
)
from .version import __version__

if TYPE_CHECKING:
    from .client.client import AsyncClient, Client
    from .costs import Ledger, track_costs
    from .endpoints.shared.adapt import ContentWarning, ParameterWarning
else:
    # A client imports all endpoints, most of the package: `ChatAIMLAPI` imports it with the first call.
    __getattr__ = _lazy_getattr(
        __name__,
        {
            "AsyncClient": "client",
            "Client": "client",
            "ContentWarning": "endpoints.shared.adapt",
            "Ledger": "costs",
            "ParameterWarning": "endpoints.shared.adapt",
            "track_costs": "costs",
        },
    )

__all__ = [
    "AIMLAPIError",
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncClient",
    "Audio",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "CallOptions",
    "Citation",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "ContentWarning",
    "ContextOverflowError",
    "Cost",
    "Delta",
    "Embeddings",
    "File",
    "HostedItem",
    "HostedTool",
    "Image",
    "IncompleteOutputError",
    "InsufficientCreditsError",
    "InternalServerError",
    "InvalidToolCallError",
    "Ledger",
    "Message",
    "MissingAPIKeyError",
    "NotFoundError",
    "OutputError",
    "ParameterWarning",
    "PermissionDeniedError",
    "RateLimitError",
    "Reasoning",
    "Refusal",
    "RefusalError",
    "Reply",
    "Request",
    "RequestTimeoutError",
    "ResponseFailedError",
    "ResponseFormat",
    "RetryEvent",
    "RetryPolicy",
    "SearchResult",
    "StreamError",
    "Text",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "UnsupportedContentError",
    "UnsupportedParameterError",
    "Usage",
    "Video",
    "__version__",
    "track_costs",
]
