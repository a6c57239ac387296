"""How to ask, beside what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .transport.exchange import Timeout


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How to ask, beside what. None leaves it to the client.

    Attributes:
        endpoint: `chat_completions`, `responses` or `messages`, whatever the model and the request.
        use_responses_api: whether to use the Responses endpoint; None: the model and the request decide.
        timeout: seconds, a (connect, read) pair or an `httpx.Timeout`.
        chunk_timeout: seconds from one event of a stream to the next.
        headers, query: added to the client's.
        client_request_id: your own id of the call, 1 to 128 of `A-Z a-z 0-9 . _ : -`.
        stream_usage: whether a stream tells its token counts.
        strict_parameters: whether a parameter that the model does not list is an error instead of a warning.
    """

    endpoint: str | None = None
    use_responses_api: bool | None = None
    timeout: Timeout = None
    chunk_timeout: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_request_id: str | None = None
    stream_usage: bool = True
    strict_parameters: bool = False


DEFAULT = CallOptions()
