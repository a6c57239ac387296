"""Arguments that tell another vendor's client something: they have no use here, and never go out in a request."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

# Of `ChatOpenAI` and `OpenAIEmbeddings`. Texts are not cut into token ids here: this gateway does not take those.
_MEANINGLESS = frozenset(
    {
        "allowed_special",
        "api_version",
        "check_embedding_ctx_length",
        "deployment",
        "disallowed_special",
        "embedding_ctx_length",
        "http_socket_options",
        "openai_api_type",
        "openai_api_version",
        "openai_organization",
        "openai_proxy",
        "organization",
        "retry_max_seconds",
        "retry_min_seconds",
        "skip_empty",
        "tiktoken_enabled",
        "tiktoken_model_name",
    }
)


def without_meaningless(values: Mapping[str, Any], kind: str, stacklevel: int) -> dict[str, Any]:
    """`values` without the arguments that mean nothing to a `kind`, each of them told in a warning.

    Raises:
        ValueError: a proxy, which no call may quietly go around.
    """
    if values.get("openai_proxy"):
        raise ValueError(
            "openai_proxy is not for this class: pass http_client=httpx.Client(proxy=…), for async calls "
            "http_async_client=httpx.AsyncClient(proxy=…), or set HTTPS_PROXY in the environment."
        )
    for name in sorted(_MEANINGLESS & values.keys()):
        if values[name] is not None:
            warnings.warn(f"{name!r} means nothing to {kind} and is left out.", stacklevel=stacklevel)
    return {name: value for name, value in values.items() if name not in _MEANINGLESS}
